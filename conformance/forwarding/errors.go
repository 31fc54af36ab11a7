package forwarding

import (
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	suite.It("forward.error.form", "an error has a TTL of its own, comes from the interface it is sent over, and quotes the datagram",
		proves("RFC1812:4.3.2.2-1", mutate.Field(icmpv4.Error(), ipv4.TTL.Is(1))).
			And("RFC1812:4.3.2.4-1", mutate.Field(icmpv4.Error(), ipv4.Src.Is(farTarget))).
			And("RFC1812:4.2.2.11-2", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(icmpv4.Error(), ipv4.Src.Is(n.Unused4))
			})).
			And("RFC1812:4.3.2.3-1", mutate.Field(icmpv4.Error(), packet.Data.Is(make([]byte, 28)))).
			And("RFC1812:4.3.2.3-2", mutate.Field(icmpv4.Error(), packet.Data.Is(make([]byte, 548)))),
		func(p *probe.P) {
			near, far := hosts(p)
			datagram := crossing(near, far, 1000, ipv4.TTL.Is(1))
			sent := packet.Dissect(p.Net().Link, near.Build(datagram))
			near.Send(datagram)
			e := near.Expect(icmpv4.Error(), probe.For())
			p.Must("RFC1812:4.3.2.2-1", e, ipv4.TTL.Where("more than the datagram's", func(ttl uint) bool { return ttl > 1 }))
			p.Must("RFC1812:4.3.2.4-1", e, ipv4.Src.Is(near.TargetIP()))
			p.Must("RFC1812:4.2.2.11-2", e, ipv4.Src.In(near.TargetIP(), far.TargetIP()))
			// As much as fits: another four octets of quotation would have fitted into anything below 572.
			p.Must("RFC1812:4.3.2.3-1", e, ipv4.TotalLength.Where("at most 576 octets, and nearly so many", func(n uint) bool { return n > 572 && n <= 576 }))
			p.Must("RFC1812:4.3.2.3-2", e, quotesForwarded(sent))
		})

	check.Grid(suite, "forward.error.never", "no error is sent about what must not draw one",
		proves("RFC1812:4.3.2.7-1", mutate.Gullible()).
			And("RFC1812:4.3.2.7-3", mutate.Gullible()).And("RFC1812:4.3.2.7-4", mutate.Gullible()).
			And("RFC1812:4.3.2.7-5", mutate.Gullible()).And("RFC1812:4.3.2.7-6", mutate.Gullible()),
		never(),
		func(p *probe.P, n unanswered) {
			near, far := hosts(p)
			good := crossing(near, far, 64, ipv4.TTL.Is(1))
			near.Silent(n.bad(p, near, far, good), good, icmpv4.Error(), probe.For(n.requirement))
			for _, other := range never() { // each case proves one requirement, the check all of them
				if other.requirement != n.requirement {
					p.Meets(other.requirement)
				}
			}
		})

	check.Grid(suite, "forward.error.header", "no error is sent about a datagram that fails header validation",
		proves("RFC1812:4.3.2.7-2", mutate.Gullible()),
		[]string{"checksum", "version"},
		func(p *probe.P, fault string) {
			near, far := hosts(p)
			good := crossing(near, far, 64, ipv4.TTL.Is(1))
			bad := map[string]packet.Template{
				"checksum": good.With(ipv4.Checksum.Is(0x0bad)),
				"version":  good.With(ipv4.Version.Is(5)),
			}[fault]
			near.Silent(bad, good, icmpv4.Error())
		})

	suite.It("forward.error.host", "a host of a connected net that does not answer draws Host Unreachable",
		proves("RFC1812:4.3.3.1-2", mutate.Field(icmpv4.Error(), icmpv4.Code.Is(icmpv4.CodeNet))),
		func(p *probe.P) {
			near, far := hosts(p)
			wait := time.Duration(p.Params().ARPRequests+2) * max(p.Params().ARPRetry, time.Second)
			near.Send(crossing(near, far, 32, ipv4.Dst.Is(far.UnusedIP())))
			e := near.Expect(icmpv4.Error(), probe.For(), probe.Within(wait+time.Second))
			p.Must("RFC1812:4.3.3.1-2", e, icmpv4.Type.Is(icmpv4.TypeUnreachable), icmpv4.Code.Is(icmpv4.CodeHost))
		})

	suite.It("forward.error.parameter", "an option that cannot be processed draws Parameter Problem, with the field quoted unchanged",
		proves("RFC1812:4.3.3.5-1", mutate.Missing(icmpv4.Error())),
		func(p *probe.P) {
			near, far := hosts(p)
			// A record route whose pointer stands before its first slot.
			datagram := crossing(near, far, 32, ipv4.Options.Is([]byte{7, 7, 3, 0, 0, 0, 0}))
			sent := packet.Dissect(p.Net().Link, near.Build(datagram))
			e := near.Ask(datagram, icmpv4.Error())
			p.Must("RFC1812:4.3.3.5-1", e, icmpv4.Type.Is(icmpv4.TypeParameterProblem), icmpv4.Quotes(sent))
		})
}

// farTarget is the address that the router has on the far link on every target with a world of its own; on another one
// the mutant is only wrong in another way.
var farTarget = ipv4.MustAddr("198.51.100.2")

// unanswered is a datagram that would draw Time Exceeded if it were not for one thing.
type unanswered struct {
	name, requirement string
	bad               func(p *probe.P, near, far *probe.Tester, good packet.Template) packet.Template
}

func (u unanswered) String() string { return u.name }

func never() []unanswered {
	with := func(conds ...packet.Cond) func(*probe.P, *probe.Tester, *probe.Tester, packet.Template) packet.Template {
		return func(_ *probe.P, _, _ *probe.Tester, good packet.Template) packet.Template { return good.With(conds...) }
	}
	return []unanswered{
		{"icmp-error", "RFC1812:4.3.2.7-1", func(p *probe.P, near, far *probe.Tester, good packet.Template) packet.Template {
			about := packet.Dissect(p.Net().Link, near.Build(good))
			quote := append(append([]byte(nil), about.Header(ipv4.Proto)...), about.Body(ipv4.Proto)[:8]...)
			return ipv4.Header(ipv4.Dst.Is(far.IP()), ipv4.TTL.Is(1)).Then(icmpv4.Unreachable(icmpv4.CodePort), packet.Payload(quote))
		}},
		{"multicast", "RFC1812:4.3.2.7-3", with(ipv4.Dst.Is(ipv4.MustAddr("239.1.2.3")))},
		{"link-broadcast", "RFC1812:4.3.2.7-4", with(ethernet.Dst.Is(ethernet.Broadcast))},
		{"source-zero", "RFC1812:4.3.2.7-5", with(ipv4.Src.Is(ipv4.MustAddr("0.0.0.0")))},
		{"source-net-zero", "RFC1812:4.3.2.7-5", with(ipv4.Src.Is(ipv4.MustAddr("0.1.2.3")))},
		{"source-loopback", "RFC1812:4.3.2.7-5", with(ipv4.Src.Is(ipv4.MustAddr("127.0.0.1")))},
		{"source-multicast", "RFC1812:4.3.2.7-5", with(ipv4.Src.Is(ipv4.MustAddr("239.1.2.3")))},
		{"source-broadcast", "RFC1812:4.3.2.7-5", with(ipv4.Src.Is(ipv4.Broadcast))},
		{"fragment", "RFC1812:4.3.2.7-6", with(ipv4.Offset.Is(8))},
	}
}

// quotesForwarded is icmpv4.Quotes for a router, which may have changed TTL and header checksum before it found the fault.
func quotesForwarded(sent *packet.Frame) packet.Cond {
	header := sent.Header(ipv4.Proto)
	whole := append(append([]byte(nil), header...), sent.Body(ipv4.Proto)...)
	return packet.Data.Where("the datagram as it was received, but for TTL and header checksum", func(q []byte) bool {
		if len(q) < len(header)+8 || len(q) > len(whole) {
			return false
		}
		for i := range q {
			if q[i] != whole[i] && i != 8 && i != 10 && i != 11 {
				return false
			}
		}
		return true
	})
}
