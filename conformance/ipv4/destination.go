package ipv4

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// broadcasts are the forms of RFC 1122, section 3.2.1.3, for one link, by name. On a link whose prefix is that of its class
// the subnet-directed form is the net-directed one, too.
func broadcasts(n target.Net) map[string]netip.Addr {
	return map[string]netip.Addr{
		"limited":       ipv4.Broadcast,
		"directed":      directed(n, 0xff),
		"limited-zero":  netip.IPv4Unspecified(),
		"directed-zero": directed(n, 0),
	}
}

// directed is the address of the subnet whose host part has fill in all octets.
func directed(n target.Net, fill byte) netip.Addr {
	a := n.Prefix4.Masked().Addr().As4()
	for bit := n.Prefix4.Bits(); bit < 32; bit++ {
		a[bit/8] |= fill & (0x80 >> (bit % 8))
	}
	return netip.AddrFrom4(a)
}

// toPort is a datagram from a port of its own.
func toPort(p *probe.P, port uint16, data string) packet.Template {
	return udp.Datagram(udp.SrcPort.Is(30000+p.Serial()), udp.DstPort.Is(uint(port))).Then(packet.Payload([]byte(data)))
}

// delivered asserts for a requirement that the next datagram that a socket gets holds the given data.
func delivered(p *probe.P, requirement string, r *probe.Receiving, want string) {
	reply, ok := r.Delivered()
	if !ok {
		p.Fail(requirement, probe.Missing, "the socket gets %q; nothing came", want)
		return
	}
	p.That(requirement, "what the socket got", string(reply.Data), gomega.Equal(want))
}

func init() {
	check.Grid(suite, "ipv4.dst.others", "a datagram that is not for the target is dropped silently",
		check.Proves("RFC1122:3.2.1.3-3", mutate.Gullible()),
		[]string{"neighbour", "off-link", "loopback", "group"},
		func(p *probe.P, whose string) {
			host := p.IPv4()
			dst := map[string]netip.Addr{
				"neighbour": host.UnusedIP(), "off-link": offLink,
				"loopback": netip.MustParseAddr("127.0.0.1"), "group": netip.MustParseAddr("224.7.7.7"),
			}[whose]
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32))
			host.Silent(good.With(ipv4.Dst.Is(dst)), good, anyReply)
		})

	forwarded := mutate.Here(func(n target.Net) mutate.Mutation {
		to := anyEcho.With(ipv4.Dst.Is(n.Unused4))
		return mutate.Forge(to, icmpv4.Echo(1, 1, nil).With(ipv4.Dst.Is(n.Unused4)))
	})
	suite.It("ipv4.dst.forwarding", "a host does not forward unless it is told to",
		check.Proves("RFC1122:3.1-6", forwarded),
		func(p *probe.P) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32))
			lost := good.With(ipv4.Dst.Is(host.UnusedIP()))
			host.Silent(lost, good, anyEcho, probe.Fence(anyReply))
		})

	suite.It("ipv4.dst.forwarding.interfaces", "two interfaces do not make a host forward",
		check.Proves("RFC1122:3.1-7", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Forge(anyEcho, icmpv4.Echo(1, 1, nil).With(ipv4.Dst.Is(offLink)))
		})).Needs(target.SecondLink),
		func(p *probe.P) {
			host := p.IPv4()
			other := host.Link(1)
			host.Send(icmpv4.Echo(p.Serial(), 1, nil).With(ipv4.Dst.Is(other.IP())))
			alive(host)
			alive(other)
			p.That("RFC1122:3.1-7", "no echo comes out of the target",
				append(host.Seen(anyEcho), other.Seen(anyEcho)...), gomega.BeEmpty())
		})

	suite.It("ipv4.dst.interfaces", "a host has several interfaces and answers on each",
		check.Proves("RFC791:2.3-2", mutate.Ignores(icmpv4.Message(icmpv4.Seq.Is(22)))).Needs(target.SecondLink),
		func(p *probe.P) {
			host := p.IPv4()
			other := host.Link(1)
			host.Ask(icmpv4.Echo(p.Serial(), 11, nil), anyReply.With(icmpv4.Seq.Is(11), ipv4.Src.Is(host.TargetIP())))
			other.Ask(icmpv4.Echo(p.Serial(), 22, nil), anyReply.With(icmpv4.Seq.Is(22), ipv4.Src.Is(other.TargetIP())))
		})

	suite.It("ipv4.dst.any-interface", "what comes in by several interfaces reaches one socket",
		check.Proves("RFC791:3.2-AD-6", mutate.Ignores(udp.Datagram().Then(packet.Payload([]byte("by the second link"))))).
			Needs(target.Agent, target.SecondLink),
		func(p *probe.P) {
			host := p.IPv4()
			s := p.UDP(0)
			for _, data := range []string{"by the first link", "by the second link"} {
				r := s.Recv()
				host.Send(toPort(p, s.Local.Port(), data))
				delivered(p, "RFC791:3.2-AD-6", r, data)
				host = host.Link(1)
			}
		})

	check.Grid(suite, "ipv4.dst.broadcast", "the forms of broadcast are recognised",
		check.Proves("RFC1122:3.3.6-4", mutate.Ignores(ethernet.Frame(ethernet.Dst.Is(ethernet.Broadcast)).Then(udp.Datagram()))).
			Needs(target.Agent),
		[]string{"limited", "directed"},
		func(p *probe.P, form string) { reachesSocket(p, "RFC1122:3.3.6-4", broadcasts(p.Net())[form]) })

	check.Grid(suite, "ipv4.dst.broadcast.zeros", "the all-zeros forms of broadcast are accepted like the all-ones forms",
		check.Proves("RFC1122:3.3.6-1", mutate.Ignores(ethernet.Frame(ethernet.Dst.Is(ethernet.Broadcast)).Then(udp.Datagram()))).
			Needs(target.Agent),
		[]string{"limited", "limited-zero", "directed", "directed-zero"},
		func(p *probe.P, form string) { reachesSocket(p, "RFC1122:3.3.6-1", broadcasts(p.Net())[form]) })

	suite.It("ipv4.dst.link-broadcast", "a datagram for the target's own address in a broadcast frame is dropped silently",
		check.Proves("RFC1122:3.3.6-6", mutate.Gullible()),
		func(p *probe.P) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32))
			host.Silent(ethernet.Frame(ethernet.Dst.Is(ethernet.Broadcast)).Then(good), good, anyReply)
		})
}

var allHosts = netip.AddrFrom4([4]byte{224, 0, 0, 1})

// reachesSocket asserts for a requirement that a broadcast to dst is delivered.
// Another one to the target's own address, sent behind, shows that the socket works.
func reachesSocket(p *probe.P, requirement string, dst netip.Addr) {
	host := p.IPv4()
	s := p.UDP(0)
	r := s.Recv()
	datagram := toPort(p, s.Local.Port(), "for many").With(ipv4.Dst.Is(dst))
	host.Send(ethernet.Frame(ethernet.Dst.Is(ethernet.Broadcast)).Then(datagram))
	host.Send(toPort(p, s.Local.Port(), "for one"))
	delivered(p, requirement, r, "for many")
}
