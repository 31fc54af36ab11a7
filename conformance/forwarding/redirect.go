package forwarding

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// beyond is an address behind the default gateway, which is the first tester of the near link.
var beyond = ipv4.MustAddr("203.0.113.9")

var redirect = icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeRedirect))

func init() {
	suite.It("forward.redirect.host", "a host that should have asked another router is redirected, for this destination only",
		proves("RFC1812:5.2.7.2-2", mutate.Missing(redirect)).
			And("RFC1812:5.2.7.2-1", mutate.Field(redirect, icmpv4.Code.Is(0))).Needs(target.Gateway),
		func(p *probe.P) {
			gateway, _ := hosts(p)
			host := gateway.As(1)
			r := host.Ask(crossing(host, gateway, 32, ipv4.Dst.Is(beyond)), redirect, probe.For("RFC1812:5.2.7.2-2"))
			p.Must("RFC1812:5.2.7.2-2", r, icmpv4.Code.In(1, 3), icmpv4.Gateway.Is(gateway.IP()))
			p.Must("RFC1812:5.2.7.2-1", r, icmpv4.Code.Not(0), icmpv4.Code.Not(2))
		})

	check.Grid(suite, "forward.redirect.never", "nobody is redirected who could not use it",
		proves("RFC1812:5.2.7.2-3", mutate.Gullible()).Needs(target.Gateway),
		[]string{"source-off-link", "other-link"},
		func(p *probe.P, why string) {
			gateway, far := hosts(p)
			host := gateway.As(1)
			good := crossing(host, gateway, 32, ipv4.Dst.Is(beyond))
			bad := map[string]packet.Template{
				"source-off-link": good.With(ipv4.Src.Is(ipv4.MustAddr("203.0.113.50"))),
				"other-link":      good.With(ipv4.Dst.Is(far.IP())),
			}[why]
			host.Silent(bad, good, redirect)
		})
}
