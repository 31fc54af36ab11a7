package reference

import (
	"errors"
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
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

const (
	echoPort   = 7       // RFC 862
	eventBound = 1 << 18 // events at one instant
	inFlight   = 4096    // frames on a link, in each direction
)

// subnets are those of the links, of documentation addresses (RFC 5737).
var subnets = []netip.Prefix{ // never written
	netip.MustParsePrefix("192.0.2.0/24"),
	netip.MustParsePrefix("198.51.100.0/24"),
}

var linkLocalSubnet = netip.MustParsePrefix("169.254.0.0/16") // never written

// A world is a node on a loop of its own, and the testers' ends of its links.
type world struct {
	loop       *clock.Loop
	node       *stack.Node
	agent      *sockets
	management *management
	links      []*link
	events     []target.Event
}

type link struct {
	net    target.Net
	far    *wire.End
	iface  *stack.Interface
	tester *tester      // of a link of IEEE 802.15.4
	more   []netip.Addr // further addresses of the node
}

func newWorld(c config.Config, spec target.Spec) (*world, error) {
	w := &world{loop: clock.New()}
	w.loop.SetBound(eventBound)
	needs := func(f target.Feature) bool { return slices.Contains(spec.Needs, f) }
	c.Seed = spec.Seed
	if needs(target.Forwarding) {
		c.Forwarding = config.On
	}
	settle6(&c, needs)
	settleTCP(&c, needs)
	radio := spec.Link == target.IEEE802154
	if radio {
		settleRadio(&c, needs)
	}
	if c.Multicast4 == config.Default {
		c.Multicast4 = config.Off
	}
	if needs(target.Multicast4) {
		c.Multicast4 = config.On
	}
	if needs(target.Conflict) {
		c.ConflictDetect = config.On
	}
	linkLocal := needs(target.LinkLocal4)
	if linkLocal {
		c.LinkLocal4 = config.On
	}
	c, err := config.Load(c, config.Lines(spec.Check, spec.Config...)) // what the check asks for stands above all
	if err != nil {
		return nil, err
	}
	if w.node, err = stack.New(w.loop, c); err != nil {
		return nil, err
	}
	w.agent, w.management = newSockets(w), newManagement(w)
	links := 1
	if needs(target.SecondLink) || needs(target.Forwarding) || needs(target.Forwarding6) {
		links = 2
	}
	for n := range links {
		subnet := subnets[n]
		if linkLocal {
			subnet = linkLocalSubnet
		}
		var err error
		if radio {
			err = w.addRadio(n, spec, needs)
		} else {
			err = w.addLink(n, subnet, spec)
		}
		if err == nil && needs(target.IPv6) && w.node.IPv6 != nil {
			err = w.addIPv6(n, spec.Place, needs)
		}
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	if needs(target.Gateway) {
		w.node.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), w.links[0].net.Testers[0].IP4, w.links[0].iface)
	}
	if needs(target.UDPEcho) {
		if err := w.addEcho(); err != nil {
			return nil, errors.Join(err, w.Close())
		}
	}
	return w, nil
}

// bitRate is that of a link; 0 is infinite.
func bitRate(spec target.Spec, n int) int64 {
	if n > 0 {
		return 0
	}
	return spec.BitRate
}

// farMTU is that of the second link: a router has to make fragments for it.
const farMTU = 1280

func (w *world) addLink(n int, subnet netip.Prefix, spec target.Spec) error {
	host := func(i byte) target.Host {
		ip := subnet.Addr().As4()
		ip[3] = i
		return target.Host{MAC: net.HardwareAddr{0x02, 0, 0, 0, byte(n), i}, IP4: netip.AddrFrom4(ip)}
	}
	l := &link{net: target.Net{
		Link:    target.Ethernet,
		Target:  host(2),
		Testers: []target.Host{host(1), host(3), host(4), host(5)},
		Prefix4: subnet, Unused4: host(99).IP4,
	}}
	if spec.Place != nil && n == 0 {
		l.net = *spec.Place
	}
	near, far := wire.New(w.loop, wire.Config{Flying: inFlight, BitRate: bitRate(spec, n)})
	far.Start(driver.Frames(func(frame []byte) {
		w.events = append(w.events, target.Event{At: w.loop.Now(), Link: n, Frame: slices.Clone(frame)})
	}))
	l.far = far
	var err error
	if l.iface, err = w.node.AddEthernet(near, ethernet.MAC(l.net.Target.MAC)); err != nil {
		return err
	}
	if n > 0 {
		l.iface.SetMTU(farMTU)
	}
	l.net.MTU, l.net.Ifindex = l.iface.MTU(), l.iface.Index
	w.links = append(w.links, l)
	if subnet == linkLocalSubnet { // the target gives itself an address
		l.net.Target.IP4 = netip.Addr{}
		return nil
	}
	if !w.node.Config.Have.IPv4.On() {
		return nil
	}
	return w.node.KeepAddress(l.iface, netip.PrefixFrom(l.net.Target.IP4, l.net.Prefix4.Bits()))
}

func (w *world) Nets() []target.Net {
	var nets []target.Net
	for _, l := range w.links {
		nets = append(nets, l.net)
	}
	return nets
}

func (w *world) Now() time.Duration { return w.loop.Now() }

func (w *world) Send(link int, frame []byte) error {
	if link < 0 || link >= len(w.links) {
		return fmt.Errorf("there is no link %d: the world has %d", link, len(w.links))
	}
	if !w.links[link].far.Send(frame) {
		return fmt.Errorf("link %d is full: %d frames were sent without time passing", link, inFlight)
	}
	return nil
}

func (w *world) Next(until time.Duration) (target.Event, error) {
	for len(w.events) == 0 {
		ran, err := w.loop.Step(until)
		if err != nil {
			return target.Event{}, fmt.Errorf("%w: %d events at %v", target.ErrRunaway, eventBound, w.loop.Now())
		}
		if !ran {
			w.loop.MoveTo(until)
			return target.Event{}, nil
		}
	}
	e := w.events[0]
	w.events = slices.Delete(w.events, 0, 1)
	return e, nil
}

// settle lets happen what is due at this instant: frames that were sent before a call come before it.
func (w *world) settle() {
	for {
		if ran, err := w.loop.Step(w.loop.Now()); !ran || err != nil { // Next meets the error again
			return
		}
	}
}

func (w *world) Agent() agent.Agent { return w.agent }

// Close ends the node. The error tells of packets that it never freed.
func (w *world) Close() error {
	w.agent.closeAll()
	return w.node.Close()
}
