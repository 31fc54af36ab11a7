package udp

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// sent lets a socket send to the tester and gives the datagram.
func sent(host *probe.Tester, s *probe.Socket, data []byte, opts ...probe.Option) *packet.Frame {
	if err := s.SendTo(data, tester(host)); err != nil {
		host.Inconclusive("the target refused to send to %s: %v", tester(host), err)
	}
	return host.Expect(answer, opts...)
}

func init() {
	toBound := udp.Datagram(udp.DstPort.Is(boundPort))
	toBroadcast := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Misreads(toBound, ipv4.Dst.Is(kit.LastOf(n.Prefix4)))
	})
	suite.Families("udp.application.receive", "a receive gives the data, where it came from, and where it was sent to",
		func(f probe.Family) check.Claims {
			another := mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Misreads(toBound, f.Src().Is(f.Of(n.Testers[1]))) })
			claims := check.Proves("RFC768:UI-1", mutate.Ignores(toBound)).
				And("RFC768:UI-2", mutate.Misreads(toBound, udp.SrcPort.Is(5001))).
				And("RFC768:II-1", another).Needs(target.Agent)
			if f == probe.IPv4 {
				claims = claims.And("RFC1122:4.1.3.5-1", toBroadcast)
			}
			return claims
		},
		func(p *probe.P, host *probe.Tester) {
			receiving := host.UDP(boundPort).Recv()
			host.Send(to(boundPort, []byte("hello")))
			got, ok := receiving.Delivered()
			p.That("RFC768:UI-1", "a datagram to a port that was opened is delivered", ok, gomega.BeTrue())
			p.That("RFC768:UI-2", "the data and the source", []any{string(got.Data), got.Remote}, gomega.Equal([]any{"hello", tester(host)}))
			p.That("RFC768:II-1", "the source address of the IP header", got.Remote.Addr(), gomega.Equal(host.IP()))
			if host.Family() == probe.IPv4 {
				p.That("RFC1122:4.1.3.5-1", "the specific-destination address", got.Local.Addr(), gomega.Equal(host.TargetIP()))
			}
		})

	// The specific destination of a broadcast is an address of the interface that it came in by (RFC 1122, 3.2.1.3); an
	// application that is given the broadcast address itself can tell more, not less.
	check.Grid(suite, "udp.application.broadcast", "with a broadcast, too, an application gets the address that it was sent to",
		check.Proves("RFC1122:4.1.3.5-1", mutate.Ignores(toBound)).Needs(target.Agent),
		[]string{"limited", "subnet"},
		func(p *probe.P, kind string) {
			host := p.IPv4()
			dst := map[string]netip.Addr{"limited": ipv4.Broadcast, "subnet": kit.LastOf(p.Net().Prefix4)}[kind]
			receiving := p.UDP(boundPort).Recv()
			host.Send(toAll(to(boundPort, []byte("everybody")), dst))
			got, _ := receiving.Delivered()
			p.That("RFC1122:4.1.3.5-1", "the address delivered", got.Local.Addr(), gomega.BeElementOf(dst, host.TargetIP()))
		})

	// None of these sources is a single host. Zero is left out: it is that of a host without an address yet.
	check.Grid(suite, "udp.application.bad-source", "a datagram with an invalid source address is not delivered",
		check.Proves("RFC1122:4.1.3.6-1", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(toBound, ipv4.Src.Is(n.Testers[0].IP4))
		})).Needs(target.Agent),
		[]string{"127.0.0.1", "255.255.255.255", "subnet-broadcast", "224.0.0.1", "240.0.0.1"},
		func(p *probe.P, src string) {
			host := p.IPv4()
			receiving := p.UDP(boundPort).Recv()
			from := kit.LastOf(p.Net().Prefix4)
			if src != "subnet-broadcast" {
				from = netip.MustParseAddr(src)
			}
			host.Send(to(boundPort, []byte("from nobody")).With(ipv4.Src.Is(from)))
			host.Send(to(boundPort, []byte("from the tester")))
			got, _ := receiving.Delivered()
			p.That("RFC1122:4.1.3.6-1", "the data delivered first", string(got.Data), gomega.Equal("from the tester"))
		})

	suite.Families("udp.application.local-address", "an application chooses its local address, or leaves it open and can learn it",
		func(f probe.Family) check.Claims {
			otherSource := mutate.Here(func(n target.Net) mutate.Mutation {
				unused := n.Unused4
				if f == probe.IPv6 {
					unused = n.Unused6
				}
				return mutate.Field(answer, f.Src().Is(unused))
			})
			return check.Proves("RFC1122:4.1.3.5-2", otherSource).
				And("RFC1122:4.1.3.5-3", otherSource).
				And("RFC1122:4.1.3.5-4", otherSource).
				Needs(target.Agent)
		},
		func(p *probe.P, host *probe.Tester) {
			src := host.Family().Src()
			chosen := p.UDPAt(netip.AddrPortFrom(host.TargetIP(), boundPort))
			p.Must("RFC1122:4.1.3.5-2", sent(host, chosen, kit.Pattern(16), probe.For()), src.Is(host.TargetIP()))
			open := host.UDP(0)
			p.Must("RFC1122:4.1.3.5-3", sent(host, open, kit.Pattern(16), probe.For()), src.Is(host.TargetIP()))
			if err := open.Connect(tester(host)); err != nil {
				p.Inconclusive("the target cannot connect a UDP socket to the tester: %v", err)
			}
			p.Must("RFC1122:4.1.3.5-4", sent(host, open, kit.Pattern(16), probe.For()), src.Is(open.Local.Addr()))
		})

	suite.Families("udp.application.send", "a send takes data, ports and addresses",
		check.Both(check.Proves("RFC768:UI-3", mutate.Field(answer, packet.Data.Is(kit.Pattern(5)))).Needs(target.Agent)),
		func(p *probe.P, host *probe.Tester) {
			of := host.Family()
			f := sent(host, p.UDPAt(netip.AddrPortFrom(host.TargetIP(), boundPort)), kit.Pattern(32), probe.For())
			p.Must("RFC768:UI-3", f, udp.SrcPort.Is(boundPort), of.Src().Is(host.TargetIP()), of.Dst().Is(host.IP()), packet.Data.Is(kit.Pattern(32)))
		})
}

// toAll is a datagram to a broadcast address, with the link address that belongs to it.
func toAll(datagram packet.Template, dst netip.Addr) packet.Template {
	return datagram.With(ipv4.Dst.Is(dst), ethernet.Dst.Is(ethernet.Broadcast))
}
