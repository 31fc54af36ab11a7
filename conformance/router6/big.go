package router6

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// sized is a datagram from a link to the next that makes a packet of n octets.
func sized(far *probe.Tester, n int) packet.Template {
	return ipv6.Header(ipv6.Dst.Is(far.IP())).Then(udp.Datagram(udp.SrcPort.Is(4001), udp.DstPort.Is(4002)), packet.Payload(kit.Pattern(n-48)))
}

// The second link of a router carries less than the first.
func init() {
	big := icmpv6.Message(icmpv6.Type.Is(icmpv6.TypePacketTooBig))
	check.Grid(suite, "router6.big", "a packet that the next link does not carry is not sent on, and its source is told how much that carries",
		proves(
			by(mutate.Missing(big), "RFC4443:3.2-5"),
			by(mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(big, ipv6.Dst.Is(n.Testers[1].IP6)) }), "RFC4443:3.2-1"),
			by(mutate.Field(big, icmpv6.Code.Is(1)), "RFC4443:3.2-2"),
			by(mutate.Field(big, icmpv6.MTU.Is(1500)), "RFC4443:3.2-4"),
		),
		[]string{"one octet too many", "what the first link carries"},
		func(p *probe.P, which string) {
			near := p.IPv6()
			far := near.Link(1)
			most := far.Net().MTU
			n := most + 1
			if which != "one octet too many" {
				n = near.Net().MTU
			}
			if n <= most || n > near.Net().MTU {
				p.Inconclusive("the links carry %d and %d octets, so that nothing is too big for the second alone", near.Net().MTU, most)
			}
			near.Send(sized(far, most))
			far.Expect(crossed, probe.For(), probe.Because("the link carries it"))
			p.Forget()
			sent := sized(far, n)
			e := near.Ask(sent, icmpv6.Error(), probe.For("RFC4443:3.2-5"))
			p.Must("RFC4443:3.2-1", e, ipv6.Dst.Is(near.IP()))
			p.Must("RFC4443:3.2-2", e, icmpv6.Type.Is(icmpv6.TypePacketTooBig), icmpv6.Code.Is(0))
			p.Must("RFC4443:3.2-4", e, icmpv6.MTU.Is(uint(most)))
			kit.Alive(near)
			on := 0
			for _, f := range far.Seen(ipv6.Header(ipv6.Src.Is(near.IP()), ipv6.Dst.Is(far.IP()))) {
				if f.At > e.At {
					on++
				}
			}
			p.That("RFC4443:3.2-5", "packets or fragments of them on the next link", on, gomega.BeZero())
		})
}
