package igmp

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A sum is what the filters of several sockets make of an interface (RFC 3376, section 3.2).
type sum struct {
	name    string
	sockets []filter
	want    igmp.Record
}

func (s sum) String() string { return s.name }

// The first two with several members are the RFC's own examples.
var sums = []sum{
	{"exclude-and-include", []filter{exclude(a, b, c, d), exclude(b, c, d, e), include(d, e, f)}, igmp.IsEx(g, b, c)},
	{"include-only", []filter{include(a, b, c), include(b, c, d), include(e, f)}, igmp.IsIn(g, a, b, c, d, e, f)},
	{"exclude-disjoint", []filter{exclude(a), exclude(b)}, igmp.IsEx(g)},
	{"exclude-included", []filter{exclude(a), include(a)}, igmp.IsEx(g)},
	{"include-one", []filter{include(a)}, igmp.IsIn(g, a)},
	{"exclude-one", []filter{exclude(a)}, igmp.IsEx(g, a)},
}

// to is a datagram to a port of the target by way of a group.
func to(group netip.Addr, port uint16, data string) packet.Template {
	return ipv4.Header(ipv4.Dst.Is(group), ipv4.TTL.Is(1)).
		Then(udp.Datagram(udp.SrcPort.Is(40000), udp.DstPort.Is(uint(port))), packet.Payload([]byte(data)))
}

// hears asserts for requirements that the next datagram of a socket is the good one, which follows any other.
func hears(p *probe.P, r *probe.Receiving, good string, requirements ...string) {
	reply, ok := r.Delivered()
	for _, req := range requirements {
		if !ok {
			p.Fail(req, probe.Missing, "delivery of %q", good)
			continue
		}
		p.That(req, "what is delivered", string(reply.Data), gomega.Equal(good))
	}
}

func init() {
	all := []igmp.Record{igmp.IsIn(g, a, b, c, d, e, f)}
	exclusive := []igmp.Record{igmp.IsEx(g, b, c)}
	check.Grid(suite, "igmp.v3-filter.interface", "the state of the interface follows from the filters of all sockets",
		check.Proves("RFC3376:3.2-1", instead(all, one(igmp.IsIn(g, a, b, c)))).
			And("RFC3376:3.2-2", instead(exclusive, one(igmp.IsEx(g, b, c, d)))).
			And("RFC3376:3.2-3", instead(all, one(igmp.IsIn(g, a, b, c, d, e)))).
			And("RFC3376:3.2-4", instead(all, one(igmp.IsEx(g)))).
			And("RFC3376:4.2.12-1", instead(all, one(igmp.Allow(g, a, b, c, d, e, f)))).
			Needs(needs...).Slow(),
		sums,
		func(p *probe.P, s sum) {
			lan := p.IPv4()
			for _, f := range s.sockets {
				wants(p, g, f)
			}
			quiet(lan)
			told := stateOf(lan, g)
			for _, req := range []string{"3.2-1", "3.2-2", "3.2-3", "3.2-4", "4.2.12-1"} {
				p.That("RFC3376:"+req, "the state of the interface is reported as "+s.want.String(), told, gomega.HaveExactElements(gomega.Satisfy(s.want.Equal)))
			}
		})

	suite.It("igmp.v3-filter.no-change", "a change of a socket's filter that leaves the interface as it was is not reported",
		check.Proves("RFC3376:3.2-8", mutate.Repeat(igmp.Report3(igmp.About(g)), unsolicited2+time.Second)).
			And("RFC1112:7.1-6", mutate.Repeat(igmp.Report3(igmp.About(g)), unsolicited2+time.Second)).
			And("RFC1112:7.2-8", mutate.Repeat(igmp.Report3(igmp.About(g)), unsolicited2+time.Second)).
			Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			member(p, g)
			p.Wait(repeating(p))
			lan.Forget()
			p.Step("a second socket joins the group and leaves it")
			s := member(p, g)
			ready(s.Leave(g), "leaving %s", g)
			lan.Never(igmp.Report3(igmp.About(g)), 2*unsolicited3, probe.For("RFC3376:3.2-8", "RFC1112:7.1-6", "RFC1112:7.2-8"))
			p.Observed("RFC1112:7.1-6", "two sockets were members at the same time")
		})

	// The other socket of each case has the interface take the datagram.
	unwanted := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Misreads(udp.Datagram(udp.SrcPort.Is(40000)).With(ipv4.Src.Is(n.Testers[1].IP4)), ipv4.Src.Is(n.Testers[0].IP4))
	})
	check.Grid(suite, "igmp.v3-filter.delivery", "a socket gets what its own filter lets through",
		check.Proves("RFC3376:2-6", unwanted).And("RFC3376:2-7", unwanted).And("RFC3376:3.2-6", unwanted).Needs(needs...),
		[]string{"include", "exclude"},
		func(p *probe.P, mode string) {
			lan := p.IPv4()
			other := lan.As(1)
			member(p, g)
			s := p.UDP(0)
			if mode == "include" {
				ready(s.SetSource("IP_ADD_SOURCE_MEMBERSHIP", g, lan.IP()), "joining %s for one source", g)
			} else {
				ready(s.Join(g), "joining %s", g)
				ready(s.SetSource("IP_BLOCK_SOURCE", g, other.IP()), "blocking a source")
			}
			r := s.Recv()
			other.Send(to(g, s.Local.Port(), "unwanted"))
			lan.Send(to(g, s.Local.Port(), "wanted"))
			hears(p, r, "wanted", "RFC3376:2-6", "RFC3376:2-7", "RFC3376:3.2-6")
		})

	suite.It("igmp.v3-filter.query", "a query is answered whatever the filter says of the querier's address",
		check.Proves("RFC3376:3.2-7", mutate.Ignores(igmp.Query3.Layer())).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			want := igmp.IsEx(g, lan.IP())
			wants(p, g, exclude(lan.IP()))
			quiet(lan)
			lan.Ask(igmp.SpecificQuery3(g, 1), igmp.Report3(igmp.Tells(want)))
		})
}
