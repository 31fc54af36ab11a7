package reference

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/lowpan"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	link802154 "github.com/conform-stack/conform/stack/wire/link"
)

const (
	pan        = 0xabcd
	turnaround = 192 * time.Microsecond // aTurnaroundTime at 2450 MHz
)

// air is a medium without collisions and loss between the node and the testers: a wire that is a radio. What two stations
// do to each other is a matter of package radio.
type air struct {
	*wire.End
	bitRate int64 // 0 is infinite
}

func (a air) Airtime(octets int) time.Duration {
	if a.bitRate == 0 {
		return 0
	}
	return time.Duration(int64(octets) * 8 * int64(time.Second) / a.bitRate)
}

func (air) Busy(time.Duration) bool { return false }
func (air) Tune(int) error          { return nil }
func (air) SetPower(int) error      { return nil }
func (air) LQI() uint8              { return 255 }

// tester is the testers' radio: it acknowledges at its time what asks for it, and is for one of them.
type tester struct {
	loop *clock.Loop
	far  *wire.End
	mine map[string]bool // addresses as they stand in a frame
	on   bool
	due  []ack
	when clock.Timer
}

type ack struct {
	at    time.Duration
	frame []byte
}

func newTester(l *clock.Loop, far *wire.End, hosts []target.Host) *tester {
	t := &tester{loop: l, far: far, on: true, mine: map[string]bool{}}
	for _, h := range hosts {
		for _, a := range []net.HardwareAddr{h.MAC, h.ShortAddr} {
			a = slices.Clone(a)
			slices.Reverse(a)
			t.mine[string(a)] = true
		}
	}
	t.when.Init(l, t.send)
	return t
}

// took looks at a frame of the target (IEEE 802.15.4-2020, 6.7.4.2): one that asks for an acknowledgement, of a version that
// has immediate ones, and is for a tester.
func (t *tester) took(f []byte) {
	if !t.on || len(f) < 7 || f[0]&0x20 == 0 || f[1]>>4&3 > 1 {
		return
	}
	n := map[byte]int{2: 2, 3: 8}[f[1]>>2&3]
	if n == 0 || len(f) < 5+n || !t.mine[string(f[5:5+n])] {
		return
	}
	b := []byte{2, 0, f[2]}
	crc := sum(b)
	t.due = append(t.due, ack{t.loop.Now() + turnaround, append(b, byte(crc), byte(crc>>8))})
	if len(t.due) == 1 {
		t.when.Set(t.due[0].at)
	}
}

func (t *tester) send() {
	t.far.Send(t.due[0].frame)
	if t.due = t.due[1:]; len(t.due) > 0 {
		t.when.Set(t.due[0].at)
	}
}

// sum is the FCS, in words of the harness's own.
func sum(b []byte) (crc uint16) {
	for _, c := range b {
		crc ^= uint16(c)
		for range 8 {
			low := crc & 1
			crc >>= 1
			if low == 1 {
				crc ^= 0x8408
			}
		}
	}
	return crc
}

// contexts are those of a world that has some, beside 0, which is the prefix of the link: others of every kind of length.
func contexts(subnet netip.Prefix) (c target.Contexts) {
	c[0] = subnet
	c[1] = netip.MustParsePrefix("2001:db8:aaaa::/48")
	c[3] = netip.MustParsePrefix("2001:db8:bbbb:cc00::/56")
	c[5] = netip.MustParsePrefix("2001:db8:5:5:aa00::/72") // covers a part of the identifier
	c[15] = netip.MustParsePrefix("2001:db8:f:f::2/128")   // a whole address
	return c
}

// addRadio adds a link of IEEE 802.15.4. The hosts' global addresses are of their extended addresses on the first link.
func (w *world) addRadio(n int, spec target.Spec, needs func(target.Feature) bool) error {
	rate := bitRate(spec, n)
	host := func(i byte) target.Host {
		return target.Host{MAC: net.HardwareAddr{0x02, 0, 0, 0, 0, 0, byte(n), i}, ShortAddr: net.HardwareAddr{byte(n), i}}
	}
	l := &link{net: target.Net{
		Link: target.IEEE802154, PAN: pan + uint16(n), Target: host(2), Testers: []target.Host{host(1), host(3), host(4), host(5)},
	}}
	l.net.Give6(n)
	near, far := wire.New(w.loop, wire.Config{Flying: inFlight, BitRate: rate})
	l.tester = newTester(w.loop, far, l.net.Testers)
	far.Start(driver.Frames(func(frame []byte) {
		w.events = append(w.events, target.Event{At: w.loop.Now(), Link: n, Frame: slices.Clone(frame)})
		l.tester.took(frame)
	}))
	l.far = far
	extended, _ := link802154.AddrFrom(l.net.Target.MAC)
	var err error
	l.iface, err = w.node.AddIEEE802154(air{near, rate}, ieee802154.Config{
		Extended: extended, PAN: l.net.PAN, Short: uint16(n)<<8 | 2, Security: l.security(spec, needs),
	})
	if err != nil {
		return err
	}
	l.net.MTU, l.net.Ifindex = l.iface.MTU(), l.iface.Index
	if l.net.Security.On() {
		l.knowAll(spec.Security)
	}
	w.links = append(w.links, l)
	if needs(target.MeshForwarder) {
		forwarder, _ := link802154.AddrFrom(l.net.Testers[1].MAC)
		l.iface.Lowpan.SetForwarder(forwarder)
	}
	if needs(target.Contexts6) {
		l.more = []netip.Addr{netip.MustParseAddr("2001:db8:f:f::2")}
		short := l.net.Prefix6.Addr().As16()
		short[11], short[12], short[14], short[15] = 0xff, 0xfe, byte(n), 2
		l.more = append(l.more, netip.AddrFrom16(short))
		l.net.Contexts = contexts(l.net.Prefix6)
		for id, p := range l.net.Contexts {
			if p.IsValid() && !l.iface.Lowpan.SetContext(lowpan.Context{ID: uint8(id), Prefix: p, Compress: true, Lifetime: -1}) {
				return fmt.Errorf("the node takes no context %d, %s", id, p)
			}
		}
	}
	return nil
}

// Acknowledge implements target.Radio.
func (w *world) Acknowledge(link int, on bool) bool {
	if t := w.links[link].tester; t != nil {
		t.on = on
		return true
	}
	return false
}

// settleRegistration has the node be what a world wants it to be of RFC 6775: a host, a router, the border router, or
// nothing of these.
func settleRegistration(c *config.Config, needs func(target.Feature) bool) {
	r := &c.Registration
	if r.Enabled == config.Off {
		return
	}
	r.Enabled = config.Off
	for _, f := range []target.Feature{target.Registers, target.Registrar, target.BorderRouter} {
		if needs(f) {
			r.Enabled = config.On
		}
	}
	if r.Enabled != config.On {
		return
	}
	if needs(target.Registrar) || needs(target.BorderRouter) {
		c.IPv6.Forwarding = config.On
	}
	if needs(target.BorderRouter) {
		r.BorderRouter = config.On
	}
	if r.Extended = config.Off; needs(target.Registers2) {
		r.Extended = config.On
	}
}

// settleRadio has the node as a world with links of IEEE 802.15.4 wants it.
func settleRadio(c *config.Config, needs func(target.Feature) bool) {
	settleRegistration(c, needs)
	if c.IPv6.Addresses == 0 && c.Profile == config.Zephyr { // its two are not enough for those of both link addresses
		c.IPv6.Addresses = 3
		if needs(target.Contexts6) {
			c.IPv6.Addresses = 5
		}
	}
	if needs(target.Contexts6) {
		c.Lowpan.Contexts, c.Lowpan.MaxContexts = config.On, 16
	}
	if needs(target.Secured) {
		c.IEEE802154.Security = config.On
	}
	for feature, to := range map[target.Feature]*config.Switch{
		target.HC1: &c.Lowpan.HC1, target.GHC: &c.Lowpan.GHC, target.MeshUnder: &c.Lowpan.MeshUnder, target.Recovers: &c.Lowpan.Recovery.Enabled, target.TrustElided: &c.Lowpan.TrustElided,
	} {
		if needs(feature) {
			*to = config.On
		}
	}
}

// registry serves the verbs of a router that addresses are registered with.
func (m *management) registry(r agent.Request, i *stack.Interface) (reply agent.Reply, ok bool, err error) {
	made, l := false, m.world.node.Registry(i)
	switch r.Do {
	case agent.OfferContext:
		p := netip.PrefixFrom(r.Local.Addr(), r.Value)
		made = l != nil && p.IsValid() && p.Addr().Is6() && r.Max >= 0 && l.OfferContext(icmpv6.Context{
			ID: uint8(r.Max), Bits: uint8(p.Bits()), Prefix: p.Masked().Addr().As16(), Lifetime: contextMinutes,
		})
	case agent.WithdrawContext:
		made = l != nil && l.WithdrawContext(uint8(r.Max))
	case agent.Registrations:
		if made = l != nil; made {
			for _, e := range l.Registrations() {
				reply.Addrs = append(reply.Addrs, agent.Address{Addr: e.Addr, State: "registered"})
			}
		}
	default:
		return reply, false, nil
	}
	if !made {
		err = errno.EINVAL
	}
	return reply, true, err
}

// contextMinutes is how long a context is offered for.
const contextMinutes = 24 * 60
