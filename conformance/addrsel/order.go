package addrsel

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Destinations: RFC 6724, 6, and the policy table, 2.1.

// A list is of destinations, in an order that no rule would give, what a host has, and how it tries them.
type list struct {
	name    string
	sources []string // "-" in front of all: no other address of IPv6
	table   []agent.Policy
	dsts    []string
	want    []string // nil: dsts turned round
	reqs    []string
}

func (l list) String() string   { return l.name }
func (l list) Proves() []string { return l.reqs }

// row is one of a policy table.
func row(p string, precedence, label int) agent.Policy {
	return agent.Policy{Prefix: netip.MustParsePrefix(p), Precedence: precedence, Label: label}
}

// with is the default table with other rows, which stand for those of the same prefix.
func with(rows ...agent.Policy) (all []agent.Policy) {
	for _, r := range []agent.Policy{
		row("::1/128", 50, 0), row("::/0", 40, 1), row("::ffff:0:0/96", 35, 4), row("2002::/16", 30, 2), row("2001::/32", 5, 5),
		row("fc00::/7", 3, 13), row("::/96", 1, 3), row("fec0::/10", 1, 11), row("3ffe::/16", 1, 12),
	} {
		if !slices.ContainsFunc(rows, func(x agent.Policy) bool { return x.Prefix == r.Prefix }) {
			all = append(all, r)
		}
	}
	return append(all, rows...)
}

var (
	general = []string{"RFC6724:2-1", "RFC6724:6-3", "RFC6724:6-4"}
	multi   = with(row("fd11:1111:1111::/48", 45, 14))
)

var lists = []list{
	{"1: one without a source", []string{"-", "198.51.100.117"}, nil, []string{"2001:db8:1::1", "198.51.100.121"}, nil,
		append([]string{"RFC6724:6-5", "RFC6724:6-2"}, general...)},
	{"2: scope of IPv4", []string{"2001:db8:1::2", "169.254.13.78/16"}, nil, []string{"198.51.100.121", "2001:db8:1::1"}, nil,
		[]string{"RFC6724:10.2-1", "RFC6724:6-6", "RFC6724:3.2-2"}},
	{"2: scope of IPv6", []string{"198.51.100.117"}, nil, []string{"2001:db8:1::1", "198.51.100.121"}, nil, []string{"RFC6724:10.2-2", "RFC6724:6-6"}},
	{"3", []string{"-", "!fe80::2", "2001:db8:1::2"}, nil, []string{"fe80::1", "2001:db8:1::1"}, nil, []string{"RFC6724:10.2-6", "RFC6724:6-7", "RFC6724:6-4"}},
	{"3: IPv4 is preferred", []string{"-", "!2001:db8:1::2", "10.1.2.4"}, nil, []string{"2001:db8:1::1", "10.1.2.3"}, nil, []string{"RFC6724:3.2-5"}},
	{"4", []string{"2001:db8:1::2", "^2001:db8:3::1"}, nil, []string{"fe80::1", "2001:db8:1::1"}, nil, []string{"RFC6724:10.2-5", "RFC6724:6-8"}},
	{"5: 6to4", []string{"2002:c633:6401::2"}, nil, []string{"2001:db8:1::1", "2002:c633:6401::1"}, nil, []string{"RFC6724:10.2-8", "RFC6724:6-9"}},
	{"5: IPv4", []string{"2002:c633:6401::2", "10.1.2.3"}, nil, []string{"2001:db8:1::1", "203.0.113.1"}, nil, []string{"RFC6724:10.7-1", "RFC6724:6-9", "RFC6724:6-1", "RFC6724:3.2-1"}},
	{"6: IPv6 before IPv4", []string{"2001:db8:1::2", "10.1.2.4"}, nil, []string{"10.1.2.3", "2001:db8:1::1"}, nil,
		append([]string{"RFC6724:10.2-3", "RFC6724:6-10", "RFC6724:2.1-6", "RFC6724:3.2-4"}, general...)},
	{"6: 6to4 last", []string{"2002:c633:6401::2", "2001:db8:1::2"}, nil, []string{"2002:c633:6401::1", "2001:db8:1::1"}, nil, []string{"RFC6724:10.2-9", "RFC6724:6-10"}},
	{"6: loopback first", []string{"2001:db8:1::2"}, nil, []string{"fe80::1", "::1"}, nil, []string{"RFC6724:2.1-4", "RFC6724:3.4-1"}},
	{"6: all rows", []string{"2001:db8:1::2", "2002:1::2", "2001:0:1::2", "fd00:1::2", "3ffe:1::2", "10.1.2.4"}, nil,
		[]string{"3ffe:1::1", "fd00:1::1", "2001:0:1::1", "2002:1::1", "10.1.2.3", "2001:db8:1::1"}, nil,
		[]string{"RFC6724:2.1-3", "RFC6724:2.1-5", "RFC6724:2.1-6", "RFC6724:2.1-7", "RFC6724:2.1-8", "RFC6724:2.1-9", "RFC6724:2.1-12"}},
	{"6: site-local last", []string{"2001:db8:1::2", "fec0::1:0:0:0:2"}, nil, []string{"fec0::1:0:0:0:1", "2001:db8:1::1"}, nil, []string{"RFC6724:2.1-11"}},
	{"6: IPv4-compatible last", []string{"fd00:1::2", "::198.51.100.2/96"}, nil, []string{"::198.51.100.1", "fd00:1::1"}, nil, []string{"RFC6724:2.1-10"}},
	{"6: unique local", []string{"2001:db8:1::1", "fd11:1111:1111:1::1"}, nil, []string{"fd22:2222:2222:2::2", "2001:db8:2::2"}, nil, []string{"RFC6724:10.6-2"}},
	{"8", []string{"2001:db8:1::2"}, nil, []string{"2001:db8:1::1", "fe80::1"}, nil, []string{"RFC6724:10.2-4", "RFC6724:6-13"}},
	{"8: 127/8 is of the link", []string{"10.1.2.4"}, nil, []string{"10.1.2.3", "127.0.0.1"}, nil, []string{"RFC6724:3.2-3", "RFC6724:6-13"}},
	{"9", []string{"2001:db8:1::2", "2001:db8:3f44::2"}, nil, []string{"2001:db8:3ffe::1", "2001:db8:1::1"}, nil, []string{"RFC6724:10.2-7", "RFC6724:6-14"}},
	{"9: default table", []string{"2001:db8:1aaa::a", "2001:db8:70aa::a"}, nil, []string{"2001:db8:1bbb::b", "2001:db8:70bb::b"}, nil, []string{"RFC6724:10.5-1"}},
	{"9: IPv4", []string{"10.1.2.4"}, nil, []string{"198.51.100.1", "10.1.2.3"}, nil, []string{"RFC6724:6-14"}},
	{"10", []string{"2001:db8:1::2"}, nil, []string{"2001:db8:1::9", "2001:db8:1::8", "2001:db8:1::7"}, []string{"2001:db8:1::9", "2001:db8:1::8", "2001:db8:1::7"}, []string{"RFC6724:6-15"}},
	{"table: IPv4 first", []string{"2001:db8::2", "10.1.2.4"}, with(row("::ffff:0:0/96", 100, 4)), []string{"2001:db8::1", "10.1.2.3"}, nil,
		[]string{"RFC6724:10.3-1", "RFC6724:2-5", "RFC6724:2.1-2"}},
	{"table: link-local last", []string{"2001:db8::2"}, with(row("fe80::/10", 33, 1)), []string{"fe80::1", "2001:db8::1"}, nil, []string{"RFC6724:10.4-1"}},
	{"table: link-local last, and a deprecated source", []string{"!2001:db8::2"}, with(row("fe80::/10", 33, 1)), []string{"2001:db8::1", "fe80::1"}, nil, []string{"RFC6724:10.4-2"}},
	{"table: a provider", []string{"2001:db8:1aaa::a", "2001:db8:70aa::a"}, with(row("2001:db8:1aaa::/48", 43, 6), row("2001:db8:1bbb::/48", 43, 6)),
		[]string{"2001:db8:70bb::b", "2001:db8:1bbb::b"}, nil, []string{"RFC6724:10.5-2", "RFC6724:2-5"}},
	{"table: a site", []string{"2001:db8:1::1", "fd11:1111:1111:1::1"}, multi, []string{"2001:db8:2::2", "fd11:1111:1111:2::2"}, nil, []string{"RFC6724:10.6-1"}},
	{"table: the longest prefix counts", []string{"2001:db8:1::2"}, with(row("2001:db8:1::/48", 10, 1), row("2001:db8:1:5::/64", 90, 1), row("2001:db8::/32", 50, 1)),
		[]string{"2001:db8:1:4::1", "2001:db8:2::1", "2001:db8:1:5::1"}, nil, []string{"RFC6724:2.1-1", "RFC6724:2.1-2"}},
}

// unordered is a target that leaves a list of so many as it is.
func unordered(n int, first string) mutate.Mutation {
	return mutate.Tells(fmt.Sprintf("does not put %s in its place", first), func(r agent.Request, reply *agent.Reply) {
		if r.Do == agent.Order && len(r.Sources) == n && r.Sources[0].WithZone("").String() == first {
			reply.Ordered = slices.Clone(r.Sources)
		}
	})
}

// turned is a target that turns lists of n round.
func turned(n int) mutate.Mutation {
	return mutate.Tells("changes an order that no rule changes", func(r agent.Request, reply *agent.Reply) {
		if r.Do == agent.Order && len(r.Sources) == n {
			slices.Reverse(reply.Ordered)
		}
	})
}

func init() {
	needs := []target.Feature{target.Management6, target.Management, target.Agent, target.Ordering, target.Gateway, target.Mobile}
	claims := check.Claims{}
	done := map[string]bool{}
	for _, l := range lists {
		for _, req := range l.reqs {
			if done[req] {
				continue
			}
			done[req] = true
			m := unordered(len(l.dsts), addr(l.dsts[0]).String())
			if l.want != nil {
				m = turned(len(l.dsts))
			}
			claims = claims.And(req, m)
		}
	}
	check.Grid(suite, "addrsel.order", "the addresses of a peer are tried in the order of the rules", claims.Needs(needs...), lists,
		func(p *probe.P, l list) {
			bare, sources := l.sources[0] == "-", l.sources
			if bare {
				sources = sources[1:]
			}
			lan := host(p, bare, sources...)
			if l.table != nil {
				p.SetPolicies(l.table...)
			}
			var dsts, want []netip.Addr
			for _, d := range l.dsts {
				dsts = append(dsts, lan.Zoned(addr(d)))
			}
			if want = slices.Clone(dsts); l.want == nil {
				slices.Reverse(want)
			}
			got := p.Order(dsts...)
			for _, req := range l.reqs {
				p.That(req, "the order", fmt.Sprint(got), gomega.Equal(fmt.Sprint(want)))
			}
		})

	suite.It("addrsel.order.now", "the order is that of the addresses that the host has now",
		check.Proves("RFC6724:8-2", mutate.Unheeded("goes by what it had", mutate.Verb(agent.DelAddr))).Needs(needs...),
		func(p *probe.P) {
			lan := host(p, false, "2001:db8:1::2", "10.1.2.4")
			dsts := []netip.Addr{addr("10.1.2.3"), addr("2001:db8:1::1")}
			if got := p.Order(dsts...); got[0] != dsts[1] {
				p.Inconclusive("the order is %v", got)
			}
			p.RemoveAddress(addr("2001:db8:1::2"))
			p.Wait(settled(lan.P))
			p.That("RFC6724:8-2", "the order without a source of global scope", p.Order(dsts...), gomega.Equal(dsts))
		})

	suite.It("addrsel.order.default", "without rows the policy table is the default one again",
		check.Proves("RFC6724:2.1-3", mutate.Tells("keeps the other table", func(r agent.Request, reply *agent.Reply) {
			if r.Do == agent.Order {
				slices.Reverse(reply.Ordered)
			}
		})).Needs(needs...),
		func(p *probe.P) {
			host(p, false, "2001:db8:1::2", "10.1.2.4")
			dsts := []netip.Addr{addr("10.1.2.3"), addr("2001:db8:1::1")}
			p.SetPolicies(with(row("::ffff:0:0/96", 100, 4))...)
			p.SetPolicies()
			p.That("RFC6724:2.1-3", "the order", p.Order(dsts...), gomega.Equal([]netip.Addr{dsts[1], dsts[0]}))
		})
}
