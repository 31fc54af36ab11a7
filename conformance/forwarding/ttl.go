package forwarding

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

func init() {
	suite.It("forward.ttl.lowered", "the TTL of a forwarded datagram is lowered",
		proves("RFC1812:5.3.1-1", mutate.Field(forwarded, ipv4.TTL.Is(64))).
			And("RFC1812:4.2.2.9-2", mutate.Field(forwarded, ipv4.TTL.Is(0))),
		func(p *probe.P) {
			near, far := hosts(p)
			near.Send(crossing(near, far, 32, ipv4.TTL.Is(64)))
			f := far.Expect(forwarded, probe.For())
			p.Must("RFC1812:5.3.1-1", f, ipv4.TTL.Where("below 64", func(ttl uint) bool { return ttl < 64 }))
			p.Must("RFC1812:4.2.2.9-2", f, ipv4.TTL.Not(0))
		})

	suite.It("forward.ttl.last", "a datagram is not discarded because the next router will drop it",
		proves("RFC1812:5.3.1-4", mutate.Missing(forwarded)),
		func(p *probe.P) {
			near, far := hosts(p)
			near.Send(crossing(near, far, 32, ipv4.TTL.Is(2)))
			far.Expect(forwarded.With(ipv4.TTL.Is(1)))
		})

	check.Grid(suite, "forward.ttl.expired", "a datagram whose TTL becomes 0 is discarded",
		proves("RFC1812:5.3.1-2", mutate.Gullible()),
		[]uint{0, 1},
		func(p *probe.P, ttl uint) {
			near, far := hosts(p)
			good := crossing(near, far, 32)
			near.Silent(good.With(ipv4.TTL.Is(ttl)), good, forwarded, probe.On(far))
		})

	suite.It("forward.ttl.exceeded", "a datagram discarded for its TTL draws Time Exceeded, code 0",
		proves("RFC1812:5.3.1-3", mutate.Missing(icmpv4.Error())).
			And("RFC1812:5.2.7.3-1", mutate.Field(icmpv4.Error(), icmpv4.Code.Is(1))),
		func(p *probe.P) {
			near, far := hosts(p)
			e := near.Ask(crossing(near, far, 32, ipv4.TTL.Is(1)), icmpv4.Error(), probe.For("RFC1812:5.3.1-3"))
			p.Must("RFC1812:5.2.7.3-1", e, icmpv4.Type.Is(icmpv4.TypeTimeExceeded), icmpv4.Code.Is(0))
		})

	check.Grid(suite, "forward.ttl.own", "a datagram for the router itself is taken whatever its TTL",
		proves("RFC1812:4.2.2.9-1", mutate.Missing(icmpv4.EchoReply())).
			And("RFC1812:4.2.2.9-3", mutate.Missing(icmpv4.EchoReply())),
		[]uint{0, 1},
		func(p *probe.P, ttl uint) {
			near, _ := hosts(p)
			echo := icmpv4.Echo(p.Serial(), 1, nil)
			near.Ask(ipv4.Header(ipv4.TTL.Is(ttl)).Then(echo), icmpv4.EchoReply(), probe.For("RFC1812:4.2.2.9-1", "RFC1812:4.2.2.9-3"))
		})
}
