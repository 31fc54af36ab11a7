package mld

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A sum is what the filters of several sockets make of an interface (RFC 3810, section 4.2).
type sum struct {
	name    string
	sockets []filter
	want    mld.Record
}

func (s sum) String() string { return s.name }

// The first two with several listeners are the RFC's own examples.
var sums = []sum{
	{"exclude-and-include", []filter{exclude(a, b, c, d), exclude(b, c, d, e), include(d, e, f)}, mld.IsEx(g, b, c)},
	{"include-only", []filter{include(a, b, c), include(b, c, d), include(e, f)}, mld.IsIn(g, a, b, c, d, e, f)},
	{"exclude-disjoint", []filter{exclude(a), exclude(b)}, mld.IsEx(g)},
	{"exclude-included", []filter{exclude(a), include(a)}, mld.IsEx(g)},
	{"include-one", []filter{include(a)}, mld.IsIn(g, a)},
	{"exclude-one", []filter{exclude(a)}, mld.IsEx(g, a)},
}

// to is a datagram to a port of the target by way of a group.
func to(group netip.Addr, port uint16, data string) packet.Template {
	return ipv6.Header(ipv6.Dst.Is(group), ipv6.HopLimit.Is(1)).
		Then(udp.Datagram(udp.SrcPort.Is(40000), udp.DstPort.Is(uint(port))), packet.Payload([]byte(data)))
}

// datagrams are those that a target gets by way of groups.
func datagrams(conds ...packet.Cond) packet.Template {
	return ipv6.Header(conds...).Then(udp.Datagram(udp.SrcPort.Is(40000)))
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
	whole, exclusive := mld.IsIn(g, a, b, c, d, e, f), mld.IsEx(g, b, c)
	check.Grid(suite, "mld.v2-filter.interface", "the state of the interface follows from the filters of all sockets",
		proves(
			by(amid(whole, mld.IsIn(g, a, b, c), mld.IsIn(g, d, e, f)), "RFC3810:4.2-1"),
			by(amid(exclusive, mld.IsEx(g, b, c, d)), "RFC3810:4.2-2"),
			by(amid(whole, mld.IsIn(g, a, b, c, d, e)), "RFC3810:4.2-3"),
			by(amid(whole, mld.IsEx(g)), "RFC3810:4.2-4"),
			by(amid(whole, mld.Allow(g, a, b, c, d, e, f)), "RFC3810:5.2.12-1"),
			by(amid(exclusive, mld.ToEx(g, b, c)), "RFC3810:5.2.12-3"),
		).Slow(),
		sums,
		func(p *probe.P, s sum) {
			lan := p.IPv6()
			for _, f := range s.sockets {
				wants(p, g, f)
			}
			quiet(lan)
			told := about(state(lan), g)
			for _, req := range []string{"4.2-1", "4.2-2", "4.2-3", "4.2-4", "5.2.12-1", "5.2.12-3"} {
				p.That("RFC3810:"+req, "the state of the interface is reported as "+s.want.String(), told, gomega.HaveExactElements(gomega.Satisfy(s.want.Equal)))
			}
		})

	suite.It("mld.v2-filter.no-change", "a change of a socket's filter that leaves the interface as it was is not reported",
		proves(by(mutate.Repeat(aboutG, unsolicited1+time.Second), "RFC3810:4.2-7")).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			member(p, g)
			p.Wait(repeating(p))
			lan.Forget()
			p.Step("a second socket joins the group and leaves it")
			s := member(p, g)
			ready(s.Leave(g), "leaving %s", g)
			lan.Never(aboutG, 2*unsolicited2)
		})

	// The other socket of each case has the interface take the datagram.
	unwanted := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Misreads(datagrams(ipv6.Src.Is(n.Testers[1].IP6)), ipv6.Src.Is(n.Testers[0].IP6))
	})
	check.Grid(suite, "mld.v2-filter.delivery", "a socket gets what its own filter lets through",
		proves(by(unwanted, "RFC3810:3-2", "RFC3810:3-3", "RFC3810:4.2-6")),
		[]string{"include", "exclude"},
		func(p *probe.P, mode string) {
			lan := p.IPv6()
			other := lan.As(1)
			member(p, g)
			s := lan.UDP(0)
			if mode == "include" {
				ready(s.SetSource("IP_ADD_SOURCE_MEMBERSHIP", g, lan.IP()), "joining %s for one source", g)
			} else {
				ready(s.Join(g), "joining %s", g)
				ready(s.SetSource("IP_BLOCK_SOURCE", g, other.IP()), "blocking a source")
			}
			r := s.Recv()
			other.Send(to(g, s.Local.Port(), "unwanted"))
			lan.Send(to(g, s.Local.Port(), "wanted"))
			hears(p, r, "wanted", "RFC3810:3-2", "RFC3810:3-3", "RFC3810:4.2-6")
		})

	suite.It("mld.v2-filter.query", "a query is answered whatever the filter says of the querier's address",
		proves(by(mutate.Ignores(query2()), "RFC3810:2.1-1")),
		func(p *probe.P) {
			lan := p.IPv6()
			querier := p.Net().Testers[0].LinkLocal
			wants(p, g, exclude(querier))
			quiet(lan)
			lan.Ask(mld.SpecificQuery2(g, haste), mld.Report2(mld.Tells(mld.IsEx(g, querier))))
		})

	suite.It("mld.v2-filter.all-nodes", "a datagram to ff02::1 is delivered from every source, without a join",
		proves(by(mutate.Ignores(datagrams(ipv6.Dst.Is(ipv6.AllNodes))), "RFC3810:6-2")),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			for _, from := range []*probe.Tester{lan, lan.As(1)} {
				r := s.Recv()
				from.Send(to(ipv6.AllNodes, s.Local.Port(), "for all"))
				hears(p, r, "for all", "RFC3810:6-2")
				p.Step("joining and leaving the group changes nothing")
				if s.Join(ipv6.AllNodes) == nil {
					ready(s.Leave(ipv6.AllNodes), "leaving ff02::1")
				}
			}
		})

	many := make([]netip.Addr, 4096)
	for i := range many {
		many[i] = source(i + 1)
	}
	// The limit is the target's own: below it a list of any length is taken, above it an error is due.
	suite.It("mld.v2-filter.too-many", "a source list above the target's limit is refused, and any other is taken whole",
		proves(
			by(mutate.Errno(agent.SetOpt, "", "ENOBUFS", "ENOMEM", "EINVAL", "ENOSPC", "E2BIG", "ENOPROTOOPT"), "RFC3810:3-5", "RFC3810:4.2-5"),
			by(mutate.Missing(mld.Report2(mld.About(g))), "RFC3810:3-4"),
		),
		func(p *probe.P) {
			lan := p.IPv6()
			s := member(p, g)
			n, err := len(many), error(nil)
			for ; n > 0; n /= 2 {
				if err = s.SetFilter(g, true, many[:n]...); err == nil {
					break
				}
				p.Observed("RFC3810:3-4", "a list of %d sources is refused: %v", n, err)
			}
			quiet(lan)
			told := 0
			for _, r := range about(state(lan), g) {
				told += len(r.Sources)
			}
			p.That("RFC3810:3-4", "there is a list that is taken", n, gomega.BeNumerically(">", 0))
			// What one report has no room for is not told of an exclude list (5.2.15).
			room := (p.Net().MTU - 40 - 8 - 8 - 20) / 16
			for _, req := range []string{"RFC3810:3-4", "RFC3810:3-5", "RFC3810:4.2-5"} {
				p.That(req, "sources that are reported of a list that was taken", told, gomega.Equal(min(n, room)))
			}
		})
}
