package ipv4

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// sentOnce opens a socket of the target, has it send to a and gives the datagram.
func sentOnce(host *probe.Tester, s *probe.Socket, data string, to *probe.Tester) *packet.Frame {
	sendTo(host.P, s, to.IP(), data)
	return host.Expect(toDiscard.With(ipv4.Dst.Is(to.IP())), probe.For())
}

// by is a target that sends the datagrams to the i-th tester's link address, whatever their destination.
func by(i int) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Field(udp.Datagram(), ethernet.Dst.Is(n.Testers[i].MAC))
	})
}

func init() {
	suite.It("ipv4.route.local", "the address mask tells what is on the link: neighbours are sent to directly",
		check.Proves("RFC1122:3.3.1.1-1", by(0)).And("RFC1122:3.2.1.3-1", by(0)).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			s := p.UDP(0)
			for i := 1; i <= 2; i++ {
				neighbour := host.As(i)
				f := sentOnce(host, s, "to a neighbour", neighbour)
				p.Must("RFC1122:3.3.1.1-1", f, ethernet.Dst.Is(neighbour.MAC()))
				p.Must("RFC1122:3.2.1.3-1", f, ethernet.Dst.Is(neighbour.MAC()))
			}
		})

	suite.It("ipv4.route.no-gateway", "a host works on a link where no gateway answers",
		check.Proves("RFC1122:3.3.1.1-2", mutate.Missing(udp.Datagram())).Needs(target.Agent),
		func(p *probe.P) {
			neighbour := p.Ethernet().As(1)
			sendTo(p, p.UDP(0), neighbour.IP(), "without a gateway")
			neighbour.Ask(arp.Reply(arp.TargetMAC.Is(neighbour.TargetMAC())), toDiscard)
		})

	suite.It("ipv4.route.default", "a destination off the link is sent to by the default gateway",
		check.Proves("RFC1122:3.3.1.2-3", by(1)).Needs(target.Agent).Needs(target.Gateway),
		func(p *probe.P) {
			host := p.IPv4()
			sendTo(p, p.UDP(0), offLink, "far away")
			f := host.Expect(toDiscard.With(ipv4.Dst.Is(offLink)))
			p.Must("RFC1122:3.3.1.2-3", f, ethernet.Dst.Is(host.MAC()))
		})

	check.Grid(suite, "ipv4.route.redirect", "Redirects for a host and for a network are both taken for that host",
		check.Proves("RFC1122:3.3.1.2-1", by(0)).And("RFC1122:3.3.1.2-2", by(0)).Needs(target.Agent).Needs(target.Gateway),
		[]uint{0, 1},
		func(p *probe.P, code uint) {
			host := p.IPv4()
			other := host.As(1)
			alive(other) // some targets take no gateway that they do not know yet
			s := p.UDP(0)
			sendTo(p, s, offLink, "before")
			f := host.Expect(toDiscard.With(ipv4.Dst.Is(offLink)), probe.For())
			quote := append(f.Header(ipv4.Proto)[:20:20], f.Body(ipv4.Proto)[:8]...)
			host.Send(icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeRedirect), icmpv4.Code.Is(code), icmpv4.Gateway.Is(other.IP())).
				Then(packet.Payload(quote)))
			alive(host)
			sendTo(p, s, offLink, "after")
			f = host.Expect(toDiscard.With(ipv4.Dst.Is(offLink)), probe.For())
			p.Must("RFC1122:3.3.1.2-1", f, ethernet.Dst.Is(other.MAC()))
			p.Must("RFC1122:3.3.1.2-2", f, ethernet.Dst.Is(other.MAC()))
		})

	pings := mutate.Forge(anyEcho, icmpv4.Echo(1, 1, nil))
	suite.It("ipv4.route.no-pings", "a gateway is not pinged by a host that sends nothing",
		check.Proves("RFC1122:3.3.1.4-3", pings).And("RFC1122:3.3.1.4-4", pings).And("RFC1122:3.3.1.4-5", pings).Slow(),
		func(p *probe.P) {
			host := p.IPv4()
			alive(host)
			host.Never(anyEcho, 10*time.Second, probe.For("RFC1122:3.3.1.4-3", "RFC1122:3.3.1.4-4", "RFC1122:3.3.1.4-5"))
		})

	// Where the path MTU is discovered the first hop's is right for the beginning (RFC 1191, section 3); the DF flag says that
	// it is discovered.
	unknown := mutate.Field(ipv4.Header(ipv4.Protocol.Is(17)), ipv4.DF.Is(0))
	suite.It("ipv4.route.emtu", "datagrams beyond 576 octets leave the link only with path MTU discovery",
		check.Proves("RFC1122:3.3.3-4", unknown).And("RFC791:3.1-HF-13", unknown).Needs(target.Agent).Needs(target.Gateway),
		func(p *probe.P) {
			host := p.IPv4()
			s := p.UDP(0)
			if err := s.SendTo(kit.Pattern(1000), addrPort(offLink, discard)); err != nil {
				p.Inconclusive("the target refused to send 1000 octets: %v", err)
			}
			sendTo(p, s, offLink, "fence")
			host.Expect(toDiscard.Then(packet.Payload([]byte("fence"))), probe.For())
			long := host.Seen(ipv4.Header(ipv4.Protocol.Is(17), ipv4.TotalLength.Where("above 576", func(n uint) bool { return n > 576 })))
			for _, req := range []string{"RFC1122:3.3.3-4", "RFC791:3.1-HF-13"} {
				for _, f := range long {
					p.Must(req, f, ipv4.DF.Is(1))
				}
				p.That(req, "datagrams beyond 576 octets", len(long), gomega.BeNumerically("<=", 1))
			}
		})
}
