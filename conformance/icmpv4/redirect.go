package icmpv4

import (
	"net/netip"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Codes of Redirect.
const (
	redirectNet  = 0
	redirectHost = 1
)

// answered asks with an echo from a host beyond the gateway and gives the reply: its link destination is the gateway that
// the target has for that host.
func answered(gateway *probe.Tester, far netip.Addr) *packet.Frame {
	id := gateway.Serial()
	return gateway.Ask(icmpv4.Echo(id, 1, nil).With(ipv4.Src.Is(far)), icmpv4.EchoReply(icmpv4.ID.Is(id)), probe.For())
}

// throughGateway asks likewise and settles first that the target sends to the first tester, its default gateway. The
// second tester, another gateway, is made known to the target.
func throughGateway(gateway *probe.Tester, far netip.Addr) *packet.Frame {
	kit.Alive(gateway.As(1))
	reply := answered(gateway, far)
	if len(packet.Check(reply, ethernet.Dst.Is(gateway.MAC()))) > 0 {
		gateway.Inconclusive("the first tester is not the target's gateway to %s", far)
	}
	return reply
}

// redirect tells of a better gateway for the destination of a datagram of the target.
func redirect(code uint, to netip.Addr, about *packet.Frame) packet.Template {
	return icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeRedirect), icmpv4.Code.Is(code), icmpv4.Gateway.Is(to)).
		Then(packet.Payload(quoteFrame(about)))
}

func init() {
	anyRedirect := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeRedirect))
	toFarther := mutate.Here(func(n target.Net) mutate.Mutation {
		about := icmpv4.EchoReply().With(ipv4.Src.Is(n.Target.IP4), ipv4.Dst.Is(farther))
		return mutate.Misreads(anyRedirect, packet.Data.Is(quoteOf(n, about)))
	})
	toThird := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Misreads(anyRedirect, icmpv4.Gateway.Is(n.Testers[2].IP4))
	})
	check.Grid(suite, "icmp.redirect.obeyed", "after a Redirect, datagrams to its destination go to the gateway named",
		check.Proves("RFC1122:3.2.2.2-2", mutate.Ignores(anyRedirect)).
			And("RFC1122:3.2.2.2-3", mutate.Ignores(icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeRedirect), icmpv4.Code.Is(redirectNet)))).
			And("RFC792:RD-1", toThird).
			And("RFC792:RD-2", mutate.Ignores(icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeRedirect), icmpv4.Code.Is(redirectHost)))).
			And("RFC792:RD-3", toFarther).Needs(target.Gateway),
		[]uint{redirectNet, redirectHost},
		func(p *probe.P, code uint) {
			gateway := p.IPv4()
			better := gateway.As(1)
			gateway.Send(redirect(code, better.IP(), throughGateway(gateway, offLink)))
			reply := answered(gateway, offLink)
			for _, req := range []string{"RFC1122:3.2.2.2-2", "RFC1122:3.2.2.2-3", "RFC792:RD-1", "RFC792:RD-2", "RFC792:RD-3"} {
				p.Must(req, reply, ethernet.Dst.Is(better.MAC()))
			}
		})

	suite.It("icmp.redirect.unresolved", "a Redirect is obeyed though the link address of the gateway named is yet unknown",
		check.Proves("RFC1122:3.2.2.2-2", mutate.Ignores(anyRedirect)).Needs(target.Gateway),
		func(p *probe.P) {
			gateway := p.IPv4()
			unheard := gateway.As(2)
			gateway.Send(redirect(redirectHost, unheard.IP(), throughGateway(gateway, offLink)))
			p.Must("RFC1122:3.2.2.2-2", answered(gateway, offLink), ethernet.Dst.Is(unheard.MAC()))
		})

	suite.It("icmp.redirect.host-only", "a Redirect for a host leaves the way to other hosts as it was",
		check.Proves("RFC792:RD-3", toFarther).Needs(target.Gateway),
		func(p *probe.P) {
			gateway := p.IPv4()
			gateway.Send(redirect(redirectHost, gateway.As(1).IP(), throughGateway(gateway, offLink)))
			p.Must("RFC792:RD-3", answered(gateway, farther), ethernet.Dst.Is(gateway.MAC()))
		})

	suite.It("icmp.redirect.off-link", "a Redirect to a gateway off the link is discarded",
		check.Proves("RFC1122:3.2.2.2-4", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(anyRedirect, icmpv4.Gateway.Is(n.Testers[1].IP4))
		})).Needs(target.Gateway),
		func(p *probe.P) {
			gateway := p.IPv4()
			gateway.Send(redirect(redirectHost, farther, throughGateway(gateway, offLink)))
			p.Must("RFC1122:3.2.2.2-4", answered(gateway, offLink), ethernet.Dst.Is(gateway.MAC()))
		})

	suite.It("icmp.redirect.stranger", "a Redirect that does not come from the gateway in use is discarded",
		check.Proves("RFC1122:3.2.2.2-4", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(anyRedirect, ipv4.Src.Is(n.Testers[0].IP4))
		})).Needs(target.Gateway),
		func(p *probe.P) {
			gateway := p.IPv4()
			gateway.As(2).Send(redirect(redirectHost, gateway.As(1).IP(), throughGateway(gateway, offLink)))
			p.Must("RFC1122:3.2.2.2-4", answered(gateway, offLink), ethernet.Dst.Is(gateway.MAC()))
		})

	// A gateway would send this datagram on, out of the interface that it came in by, and redirect its source.
	detour := ipv4.Header(ipv4.Dst.Is(offLink))
	suite.It("icmp.redirect.sent", "a host that is given a datagram for somebody else sends no Redirect",
		check.Proves("RFC1122:3.2.2.2-1", mutate.Forge(detour, anyRedirect)).And("RFC792:RD-7", mutate.Forge(detour, anyRedirect)),
		func(p *probe.P) {
			host := p.IPv4()
			id := p.Serial()
			good := icmpv4.Echo(id, 1, nil)
			host.Silent(good.With(ipv4.Dst.Is(offLink)), good, anyRedirect, probe.Fence(icmpv4.EchoReply(icmpv4.ID.Is(id))),
				probe.For("RFC1122:3.2.2.2-1", "RFC792:RD-7"))
		})

	suite.It("icmp.redirect.router", "a router tells a host of the better gateway and forwards its datagram all the same",
		check.Proves("RFC792:RD-4", mutate.Missing(anyRedirect)).
			And("RFC792:RD-5", mutate.Missing(detour)).
			Needs(target.Forwarding).Needs(target.Gateway),
		func(p *probe.P) {
			gateway := p.IPv4()
			gateway.As(1).Send(icmpv4.Echo(p.Serial(), 1, nil).With(ipv4.Dst.Is(offLink)))
			gateway.Expect(anyRedirect.With(ipv4.Dst.Is(gateway.As(1).IP())), probe.For("RFC792:RD-4"))
			gateway.Expect(ethernet.Frame(ethernet.Dst.Is(gateway.MAC())).Then(detour), probe.For("RFC792:RD-5"))
		})
}
