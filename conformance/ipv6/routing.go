package ipv6

import (
	"fmt"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/probe"
)

// Routing headers: RFC 8200, sections 4.4 and 8.4. Type 0 is unknown to a conforming node (RFC 5095).

type route struct{ kind, left, length uint }

func (r route) String() string {
	return fmt.Sprintf("type %d,left %d,length %d", r.kind, r.left, r.length)
}

func routes(lefts ...uint) (all []route) {
	for _, kind := range []uint{0, 1, 100, 253, 254} {
		for _, left := range lefts {
			for _, length := range []uint{0, 2, 4} {
				all = append(all, route{kind, left, length})
			}
		}
	}
	return all
}

// header is the Routing header; its addresses are those of nobody.
func (r route) header(p *probe.P) packet.Template {
	var data []byte
	if r.length > 0 {
		data = make([]byte, 4, 4+8*r.length)
		for range r.length / 2 {
			data = append(data, p.Net().Unused6.AsSlice()...)
		}
	}
	return ipv6.Routing(ipv6.RouteType.Is(r.kind), ipv6.SegmentsLeft.Is(r.left), ipv6.RouteData.Is(data))
}

func init() {
	check.Grid(suite, "ipv6.routing.left", "a Routing header of unknown type that is not used up draws Parameter Problem",
		check.Proves("RFC8200:4.4-5", mutate.Gullible()).
			And("RFC8200:4.4-6", mutate.Field(anyProblem, icmpv6.Pointer.Is(43))).
			And("RFC8200:4.4-3", mutate.Missing(anyProblem)),
		routes(1, 2, 255),
		func(p *probe.P, r route) {
			lan := p.IPv6()
			used := r
			used.left = 0
			lan.Silent(echo(p, r.header(p)), echo(p, used.header(p)), anyReply, probe.For("RFC8200:4.4-5"))
			e := lan.Expect(anyError, probe.For("RFC8200:4.4-6", "RFC8200:4.4-3"))
			p.Must("RFC8200:4.4-6", e, icmpv6.Type.Is(icmpv6.TypeParameterProblem), icmpv6.Code.Is(icmpv6.CodeErroneousField), icmpv6.Pointer.Is(42), ipv6.Dst.Is(lan.IP()))
		})

	check.Grid(suite, "ipv6.routing.used", "a Routing header of unknown type that is used up is ignored, and the reply has none",
		check.Proves("RFC8200:4.4-4", mutate.Missing(anyReply)).
			And("RFC8200:8.1-3", mutate.Missing(anyReply)).
			And("RFC8200:8.4-1", mutate.Octets(anyReply, "with a Routing header", insertRouting)),
		routes(0),
		func(p *probe.P, r route) {
			lan := p.IPv6()
			reply := lan.Ask(echo(p, r.header(p)), anyReply, probe.For("RFC8200:4.4-4", "RFC8200:8.1-3"))
			p.Must("RFC8200:8.4-1", reply, ipv6.NextHeader.Is(ipv6.NextICMPv6))
		})

	check.Grid(suite, "ipv6.routing.offset", "the pointer at a Routing Type counts the headers before it",
		check.Proves("RFC8200:4.4-6", mutate.Field(anyProblem, icmpv6.Pointer.Is(42))),
		[]chain{"h", "d", "hd", "dd"},
		func(p *probe.P, c chain) {
			lan := p.IPv6()
			e := lan.Ask(echo(p, append(c.headers(), route{253, 1, 2}.header(p))...), anyProblem)
			p.Must("RFC8200:4.4-6", e, icmpv6.Code.Is(icmpv6.CodeErroneousField), icmpv6.Pointer.Is(42+8*uint(len(c))))
		})
}

// insertRouting puts a Routing header that is used up between the IPv6 header and the rest.
func insertRouting(b []byte) []byte {
	b = append(b[:54:54], append([]byte{b[20], 0, 253, 0, 0, 0, 0, 0}, b[54:]...)...)
	b[20] = ipv6.NextRouting
	b[19] += 8
	return b
}
