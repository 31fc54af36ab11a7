package rfc6775

import (
	"net"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Times of RFC 6775, section 9.
const (
	solicitInterval    = 10 * time.Second
	maxSolicitInterval = time.Minute
	retrans            = time.Second
	tentative          = 20 * time.Second
	access             = 50 * time.Millisecond // that a MAC may wait for the channel, once more and once less
	slack              = 3 * time.Second       // for a host to do what it has to do at once
)

var (
	hostNeeds     = []target.Feature{target.SLAAC, target.Registers}
	extendedNeeds = append([]target.Feature{target.Registers2}, hostNeeds...)
	routerNeeds   = []target.Feature{target.SLAAC, target.Registrar}

	remote    = ipv6.MustAddr("2001:db8:ffff::1") // beyond the network
	multicast = ipv6.Dst.Where("multicast", netip.Addr.IsMulticast)
	unicast   = ipv6.Dst.Where("unicast", func(a netip.Addr) bool { return !a.IsMulticast() })
	anyRS     = ndp.RouterSolicit()
	withARO   = ndp.NSARO.Where("there", func([]byte) bool { return true })
	anyARO    = ndp.Solicitation(withARO)
)

// euiOf is the interface identifier of an EUI-64, in an address of a prefix.
func euiOf(p netip.Prefix, mac net.HardwareAddr) netip.Addr {
	if !p.IsValid() || len(mac) < 2 { // a mutation is named before there is a network
		return netip.IPv6Unspecified()
	}
	a := p.Masked().Addr().As16()
	if len(mac) == 8 {
		copy(a[8:], mac)
		a[8] ^= 2
	} else {
		copy(a[8:], []byte{0, 0, 0, 0xff, 0xfe, 0, mac[0], mac[1]})
	}
	return netip.AddrFrom16(a)
}

// A world is one in which the testers are routers and the target is a host, or a router that begins as one.
type world struct {
	*probe.P
	lan *probe.Tester // the first router, with its link-local address
}

func start(p *probe.P) world { return world{p, p.Bare(probe.IPv6).LinkLocal()} }

// solicited waits until the target asks for routers.
func (w world) solicited() *packet.Frame {
	return w.lan.Expect(anyRS, probe.For(), probe.Within(slack), probe.Because("it begins by asking for routers"))
}

// address is that of the target's EUI-64 in the network.
func (w world) address() netip.Addr { return euiOf(w.lan.Net().Prefix6, w.lan.Net().Target.MAC) }

// border is the address of a border router somewhere.
func (w world) border() netip.Addr {
	return euiOf(w.lan.Net().Prefix6, net.HardwareAddr{2, 9, 9, 9, 9, 9, 9, 9})
}

// prefix is the option of the network's prefix.
func (w world) prefix() []byte {
	x := ndp.Advertised(w.lan.Net().Prefix6)
	x.OnLink = false
	return x.Option()
}

// advertisement is one of a tester for the target, with the prefix, the border router, and more options.
func (w world) advertisement(r *probe.Tester, lifetime uint, more ...[]byte) packet.Template {
	all := append([][]byte{ndp.SourceLink(r.MAC()), w.prefix(), ndp.ABRO(1, 0, w.border())}, more...)
	return ndp.RouterAdvert(ndp.Lifetime.Is(lifetime), ndp.RAOptions.Is(ndp.Options(all...))).
		With(ipv6.Src.Is(r.Host().LinkLocal), ipv6.Dst.Is(w.lan.Net().Target.LinkLocal))
}

func (w world) advertise(more ...[]byte) {
	w.solicited()
	w.lan.Send(w.advertisement(w.lan, 1800, more...))
}

// registers is a solicitation that registers an address as RFC 6775 has it.
func registers(a netip.Addr, conds ...packet.Cond) packet.Template {
	return ndp.Solicitation(append([]packet.Cond{withARO}, conds...)...).With(ipv6.Src.Is(a))
}

// accept answers one: with a status, for so many minutes.
func (w world) accept(r *probe.Tester, ns *packet.Frame, status byte, minutes uint16) {
	w.answer(r, ns, ndp.ARO(status, minutes, euiIn(ns)))
}

func euiIn(ns *packet.Frame) net.HardwareAddr {
	eui, _ := ndp.NSEUI64.Of(ns)
	return eui
}

// answer sends an advertisement with an option in answer to a solicitation; one that tells of an error goes to the EUI-64.
func (w world) answer(r *probe.Tester, ns *packet.Frame, option []byte) {
	dst, _ := ipv6.Src.Of(ns)
	to, _ := ndp.NSTarget.Of(ns)
	if len(option) > 2 && option[2] != 0 {
		dst = w.lan.Net().Target.LinkLocal
	}
	r.Send(ndp.Advert(ndp.NATarget.Is(to), ndp.Router.Is(1), ndp.NALink.None(), ndp.NAOptions.Is(option)).
		With(ipv6.Src.Is(r.Host().LinkLocal), ipv6.Dst.Is(dst)))
}

// registered lets the target register with the first router whatever it wants, for so many minutes. It gives the
// registration of its own address.
func (w world) registered(minutes uint16, more ...[]byte) *packet.Frame {
	w.letRegister(minutes, more...)
	var own *packet.Frame
	for _, ns := range w.lan.Seen(anyARO) {
		if src, _ := ipv6.Src.Of(ns); src == w.address() {
			own = ns
		}
	}
	if own == nil {
		w.Inconclusive("the target did not register %v", w.address())
	}
	return own
}

// letRegister is registered, whatever it registers.
func (w world) letRegister(minutes uint16, more ...[]byte) {
	w.advertise(more...)
	for until := w.Now() + slack; w.Now() < until; {
		w.Wait(100 * time.Millisecond)
		w.acceptAll(minutes)
	}
}

// acceptAll answers what has come and is not answered yet.
func (w world) acceptAll(minutes uint16) {
	for _, ns := range w.lan.Seen(anyARO) {
		if ns.At > w.Now()-100*time.Millisecond-time.Microsecond {
			w.accept(w.lan, ns, 0, minutes)
		}
	}
}

// aros are the solicitations from an address that register something, since an instant.
func (w world) aros(from netip.Addr, since time.Duration) (fs []*packet.Frame) {
	for _, f := range w.lan.Seen(registers(from)) {
		if f.At >= since {
			fs = append(fs, f)
		}
	}
	return fs
}

// gaps are the times between frames.
func gaps(fs []*packet.Frame) (all []time.Duration) {
	for i := 1; i < len(fs); i++ {
		all = append(all, fs[i].At-fs[i-1].At)
	}
	return all
}

// answers tells whether the target answers an echo to an address of its own, from a host beyond the router.
func (w world) answers(a netip.Addr) *packet.Frame {
	id := w.lan.Serial()
	w.lan.Send(icmpv6.Echo(id, 1, nil).With(ipv6.Src.Is(remote), ipv6.Dst.Is(a)))
	w.Wait(time.Second)
	if fs := w.lan.Seen(icmpv6.EchoReply(icmpv6.ID.Is(id))); len(fs) > 0 {
		return fs[0]
	}
	return nil
}

func has(f *packet.Frame, kind byte) bool { return len(ndp.Find(f, kind)) > 0 }

// shortLocal is the link-local address of the target's short address.
func shortLocal(n target.Net) netip.Addr {
	if len(n.Target.ShortAddr) != 2 { // a mutation is named before there is a network
		return netip.IPv6Unspecified()
	}
	return target.LinkLocalOf(n.Target.ShortAddr)
}
