package icmpv4

import (
	"cmp"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

func init() {
	exceeded := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeTimeExceeded))
	code := func(c uint) mutate.Mutation { return mutate.Field(exceeded, icmpv4.Code.Is(c)) }
	later := ipv4.Header(ipv4.Offset.Where("beyond the first fragment", func(v uint) bool { return v > 0 }))
	forged := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeTimeExceeded), icmpv4.Code.Is(1)).Then(packet.Payload(kit.Pattern(28)))

	// When a reassembly ends, and that Time Exceeded is due, are rules of RFC 1122, 3.3.2; here it is what is said.
	suite.It("icmp.time-exceeded.reassembly", "Time Exceeded tells the source that its datagram could not be reassembled",
		check.Proves("RFC792:TE-1", mutate.Field(exceeded, packet.Data.Is(kit.Pattern(28)))).
			And("RFC792:TE-2", code(0)).
			And("RFC792:TE-5", mutate.Gullible()).
			And("RFC792:TE-6", mutate.Field(exceeded, icmpv4.Type.Is(icmpv4.TypeParameterProblem))).
			And("RFC792:TE-7", mutate.Forge(later, forged)).
			And("RFC792:TE-8", code(0)).
			Slow(),
		func(p *probe.P) {
			host := p.IPv4()
			whole := func(id uint) *packet.Frame {
				return kit.Framed(host, icmpv4.Echo(id, 1, kit.Pattern(56)).With(ipv4.ID.Is(id)))
			}
			headed, headless := whole(0x7001), whole(0x7002)
			first, second := ipv4.Split(headed, 32)[0], ipv4.Split(headed, 32)[1]
			host.Send(ipv4.Split(headless, 32)[1])
			host.Send(first)
			p.Wait(cmp.Or(p.Params().ReassemblyFor, 120*time.Second) + 5*time.Second)

			errors := host.Seen(anyError)
			p.Observed("RFC792:TE-6", "%d errors about a datagram that was not completed", len(errors))
			p.That("RFC792:TE-7", "one error at most, though two reassemblies failed: one without a first fragment", len(errors), gomega.BeNumerically("<=", 1))
			for _, req := range []string{"RFC792:TE-1", "RFC792:TE-2", "RFC792:TE-8"} {
				p.Meets(req)
			}
			if len(errors) > 0 {
				e := errors[0]
				p.Must("RFC792:TE-6", e, icmpv4.Type.Is(icmpv4.TypeTimeExceeded))
				p.Must("RFC792:TE-1", e, icmpv4.Unused.Is(0), icmpv4.Quotes(kit.Framed(host, first)))
				p.Must("RFC792:TE-2", e, icmpv4.Code.Is(1))
				p.Must("RFC792:TE-8", e, icmpv4.Code.Is(1))
			}
			p.Step("the first fragment is gone: the second completes nothing")
			host.Silent(second, icmpv4.Echo(0x7001, 1, kit.Pattern(56)), icmpv4.EchoReply(icmpv4.ID.Is(0x7001)), probe.For("RFC792:TE-5"))
		})
}
