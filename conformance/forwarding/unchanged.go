package forwarding

import (
	"bytes"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// piece is any fragment.
var piece = ipv4.Header(ipv4.Protocol.Is(17), ipv4.Offset.Where("any", func(uint) bool { return true }))

func init() {
	suite.It("forward.fragment.made", "a datagram larger than the next hop's MTU is fragmented, unless it says not to",
		proves("RFC1812:4.2.2.7-1", mutate.Missing(ipv4.Header(ipv4.Offset.Where("not the first", func(o uint) bool { return o > 0 })))).
			And("RFC1812:5.2.5-1", mutate.Field(piece, ipv4.Reserved.Is(0))),
		func(p *probe.P) {
			near, far := hosts(p)
			datagram := crossing(near, far, 1400, ipv4.Reserved.Is(1))
			sent := packet.Dissect(p.Net().Link, near.Build(datagram))
			near.Send(datagram)
			var pieces []*packet.Frame
			for more := true; more; {
				f := far.Expect(piece, probe.For("RFC1812:4.2.2.7-1"), probe.Because("a fragment is missing"))
				p.Must("RFC1812:5.2.5-1", f, ipv4.Reserved.Is(1))
				p.Must("RFC1812:4.2.2.7-1", f, ipv4.TotalLength.Where("at most the MTU of the link", func(n uint) bool { return n <= uint(far.Net().MTU) }))
				pieces = append(pieces, f)
				mf, _ := ipv4.MF.Of(f)
				more = mf == 1
			}
			whole, err := ipv4.Join(pieces)
			if err != nil {
				p.Fail("RFC1812:4.2.2.7-1", probe.Value, "fragments that fit together: %v", err)
				return
			}
			p.That("RFC1812:4.2.2.7-1", "the fragments make the datagram", bytes.Equal(whole, sent.Body(ipv4.Proto)), gomega.BeTrue())
		})

	suite.It("forward.fragment.needed", "a datagram too large that says not to fragment draws Fragmentation Needed with the next hop's MTU",
		proves("RFC1812:5.2.7.1-1", mutate.Field(icmpv4.Error(), icmpv4.MTU.Is(0))),
		func(p *probe.P) {
			near, far := hosts(p)
			e := near.Ask(crossing(near, far, 1400, ipv4.DF.Is(1)), icmpv4.Error(), probe.For())
			p.Must("RFC1812:5.2.7.1-1", e, icmpv4.Type.Is(icmpv4.TypeUnreachable), icmpv4.Code.Is(icmpv4.CodeFragNeeded),
				icmpv4.MTU.Is(uint(far.Net().MTU)))
		})

	suite.It("forward.fragment.passed", "fragments are forwarded as they come, not reassembled",
		proves("RFC1812:5.2.6-1", mutate.Missing(piece)),
		func(p *probe.P) {
			near, far := hosts(p)
			sent := packet.Dissect(p.Net().Link, near.Build(crossing(near, far, 800)))
			first := ipv4.Part(sent, 0, 400)
			p.Step("only the first fragment: a router that waits for the rest sends nothing")
			near.Send(first)
			far.Expect(piece.With(ipv4.MF.Is(1), ipv4.Offset.Is(0)))
		})

	suite.It("forward.option.unknown", "an option that the router does not know is passed on unchanged",
		proves("RFC1812:5.3.13.1-1", mutate.Field(forwarded, ipv4.Options.Is(nil))),
		func(p *probe.P) {
			near, far := hosts(p)
			option := []byte{0x5e, 8, 1, 2, 3, 4, 5, 6} // RFC 4727, section 3.2: an experiment's
			near.Send(crossing(near, far, 32, ipv4.Options.Is(option)))
			p.Must("RFC1812:5.3.13.1-1", far.Expect(forwarded, probe.For()), ipv4.Options.Is(option))
		})
}
