package ipv4

import (
	"bytes"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// across is an echo from the tester of the first link to that of the second, by way of the target.
func across(far *probe.Tester, conds ...packet.Cond) packet.Template {
	return icmpv4.Echo(far.Serial(), 1, kit.Pattern(32)).With(ipv4.Dst.Is(far.IP())).With(conds...)
}

func init() {
	unlowered := mutate.Field(anyEcho, ipv4.TTL.Is(9))
	suite.It("ipv4.forward", "a target told to forward does so, with a lower TTL and DF as it was",
		check.Proves("RFC1122:3.1-5", mutate.Missing(anyEcho)).
			And("RFC791:3.1-HF-20", unlowered).
			And("RFC791:3.2-TL-1", unlowered).
			And("RFC6864:4.3-3", mutate.Field(anyEcho, ipv4.DF.Is(0))).Needs(target.Forwarding),
		func(p *probe.P) {
			near := p.IPv4()
			far := near.Link(1)
			near.Send(across(far, ipv4.TTL.Is(9), ipv4.DF.Is(1)))
			f := far.Expect(anyEcho, probe.For("RFC1122:3.1-5"))
			p.Must("RFC791:3.1-HF-20", f, ipv4.TTL.Where("below 9", func(ttl uint) bool { return ttl < 9 }))
			p.Must("RFC791:3.2-TL-1", f, ipv4.TTL.Is(8))
			p.Must("RFC6864:4.3-3", f, ipv4.DF.Is(1))
		})

	longLife := mutate.Misreads(anyEcho.With(ipv4.TTL.In(0, 1)), ipv4.TTL.Is(64))
	check.Grid(suite, "ipv4.forward.ttl", "a datagram whose TTL is or becomes zero on the way is destroyed",
		check.Proves("RFC791:3.1-HF-19", longLife).Needs(target.Forwarding),
		[]uint{0, 1},
		func(p *probe.P, ttl uint) {
			near := p.IPv4()
			far := near.Link(1)
			dying := across(far, ipv4.TTL.Is(ttl))
			near.Send(dying)
			near.Send(across(far, ipv4.TTL.Is(64)))
			far.Expect(anyEcho.With(icmpv4.ID.Is(2)), probe.For())
			p.That("RFC791:3.1-HF-19", "what came of it on the other link", far.Seen(anyEcho.With(icmpv4.ID.Is(1))), gomega.BeEmpty())
		})

	suite.It("ipv4.forward.68", "a datagram of 68 octets, 60 of them header, is forwarded whole",
		check.Proves("RFC791:3.2-FR-4", mutate.Field(ipv4.Header(ipv4.TotalLength.Is(68)), ipv4.MF.Is(1))).Needs(target.Forwarding),
		func(p *probe.P) {
			near := p.IPv4()
			far := near.Link(1)
			options := bytes.Repeat([]byte{ipv4.NoOperation}, 40)
			near.Send(icmpv4.Echo(p.Serial(), 1, nil).With(ipv4.Dst.Is(far.IP()), ipv4.Options.Is(options)))
			f := far.Expect(ipv4.Header(ipv4.Protocol.Is(1), ipv4.Dst.Is(far.IP())))
			p.Must("RFC791:3.2-FR-4", f, ipv4.MF.Is(0), ipv4.Offset.Is(0), ipv4.TotalLength.Is(68))
		})
}
