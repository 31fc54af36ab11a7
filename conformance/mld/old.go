package mld

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// idle makes the target listen to groups with a querier of version 1. The report of joining is suppressed by another host's,
// so that nothing is due: the timer would run for 10 s.
func idle(p *probe.P, groups ...netip.Addr) *probe.Tester {
	lan := heardBefore(p)
	for gs := groups; len(gs) > 0; gs = gs[min(20, len(gs)):] {
		member(p, gs[:min(20, len(gs))]...)
	}
	p.Wait(prompt)
	for _, g := range groups {
		lan.As(1).Send(mld.Heard(g))
	}
	p.Wait(prompt) // a target may queue them
	lan.Forget()
	return lan
}

// old is the report of version 1 about the n-th group.
func old(n int) packet.Template { return aboutGroup(1, group(n)) }

func init() {
	general := mld.Message(icmpv6.TypeMLDQuery, mld.Group.Is(ipv6.Unspecified))
	ofGroup := mld.Message(icmpv6.TypeMLDQuery, mld.Group.Is(g))
	scopes := ipv6.MustAddr("ff11::1:2")
	suite.It("mld.v1-query.general", "a general query is answered with a report of each group",
		proves(
			by(mutate.Missing(old(2)), "RFC2710:4-9", "RFC2710:5-19"),
			by(mutate.Drops(old(1), 0), "RFC2710:4-18"),
			by(mutate.Misreads(general, mld.Group.Is(group(0))), "RFC2710:3.1-2"),
			by(mutate.Misreads(general, icmpv6.Type.Is(icmpv6.TypeMLDDone)), "RFC2710:3.1-1"),
			by(mutate.Field(old(2), mld.Group.Is(ipv6.AllNodes)), "RFC2710:4-10", "RFC2710:5-24"),
			by(mutate.Field(old(2), mld.Group.Is(scopes)), "RFC2710:4-11", "RFC2710:5-25"),
		),
		func(p *probe.P) {
			lan := idle(p, groups(3)...)
			s := p.Open("inet6", "dgram", 0)
			for _, silent := range []netip.Addr{ipv6.AllNodes, scopes} {
				if err := s.Join(silent); err != nil {
					p.Step("joining %s is refused: %v", silent, err)
				}
			}
			t := p.Now()
			lan.Send(mld.GeneralQuery(haste))
			p.Wait(hasty + 5*wire)
			for n := range 3 {
				for _, req := range []string{"4-9", "5-19", "4-18", "3.1-2", "3.1-1"} {
					p.That("RFC2710:"+req, "reports of "+group(n).String(), len(since(lan, t, old(n))), gomega.Equal(1))
				}
			}
			for _, req := range []string{"4-10", "5-24"} {
				p.That("RFC2710:"+req, "reports of ff02::1", lan.Seen(aboutGroup(1, ipv6.AllNodes)), gomega.BeEmpty())
			}
			for _, req := range []string{"4-11", "5-25"} {
				p.That("RFC2710:"+req, "reports of a group of scope 1", lan.Seen(aboutGroup(1, scopes)), gomega.BeEmpty())
			}
		})

	suite.It("mld.v1-query.solicited-node", "the solicited-node groups of the host's addresses are reported, too",
		proves(by(mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Missing(aboutGroup(1, ipv6.SolicitedNode(n.Target.LinkLocal)))
		}), "RFC2710:5-26")),
		func(p *probe.P) {
			lan := heardBefore(p)
			lan.Forget()
			lan.Send(mld.GeneralQuery(haste))
			lan.Expect(aboutGroup(1, ipv6.SolicitedNode(p.Net().Target.LinkLocal)))
		})

	suite.It("mld.v1-query.group", "a query for a group is answered with a report of that group only, if it is listened to",
		proves(
			by(mutate.Misreads(ofGroup, mld.Group.Is(ipv6.Unspecified)), "RFC2710:3.1-2"),
			by(mutate.Ignores(ofGroup), "RFC2710:4-15"),
			by(mutate.Gullible(), "RFC2710:4-16", "RFC2710:5-12"),
		),
		func(p *probe.P) {
			lan := idle(p, g, group(2))
			t := p.Now()
			lan.Send(mld.GroupQuery(g, haste))
			p.Wait(hasty + 5*wire)
			for _, req := range []string{"4-15", "3.1-2"} {
				p.That("RFC2710:"+req, "reports of the group", len(since(lan, t, report1)), gomega.Equal(1))
				p.That("RFC2710:"+req, "reports of another group", since(lan, t, old(2)), gomega.BeEmpty())
			}
			toAll := mld.GroupQuery(group(3), haste).With(ipv6.Dst.Is(ipv6.AllNodes))
			lan.Silent(toAll, mld.GroupQuery(g, haste), message, probe.Delayed(hasty), probe.For("RFC2710:4-16", "RFC2710:5-12"))
		})

	suite.It("mld.v1-query.delay", "a report is put off by a random part of the Maximum Response Delay, for each group another",
		proves(
			by(mutate.Punctual(mld.Report(), query1, time.Second), "RFC2710:4-12"),
			by(mutate.Misreads(query1, mld.MaxDelay.Is(5*second)), "RFC2710:3.4-1"),
		),
		func(p *probe.P) {
			lan := idle(p, groups(forty)...)
			t := p.Now()
			lan.Send(mld.GeneralQuery(second))
			ds := delays(lan, t, 3*time.Second, forty, old)
			p.That("RFC2710:3.4-1", "reports of forty groups", len(ds), gomega.Equal(forty))
			p.Between("RFC2710:3.4-1", "the longest delay of forty", longest(ds), 0, time.Second)
			p.Uniform("RFC2710:4-12", "the delays", ds, 0, time.Second)
		})

	suite.It("mld.v1-query.zero", "a Maximum Response Delay of 0 has the reports sent at once",
		proves(by(mutate.Late(report1, 500*time.Millisecond), "RFC2710:4-14")),
		func(p *probe.P) {
			lan := idle(p, g)
			t := p.Now()
			f := lan.Ask(mld.GeneralQuery(0), report1, probe.For())
			p.Between("RFC2710:4-14", "from the query to the report", f.At-t, 0, prompt)
		})

	late := mutate.Lags(report1, 0, 2*time.Second)
	check.Grid(suite, "mld.v1-query.sooner", "a query with a shorter time than is left sets the timer anew",
		proves(by(late, "RFC2710:4-13", "RFC2710:4-17", "RFC2710:5-15")),
		[]string{"general", "of the group"},
		func(p *probe.P, which string) {
			lan := idle(p, g)
			first, next := mld.GeneralQuery(60*second), mld.GeneralQuery(haste)
			if which != "general" {
				first, next = mld.GroupQuery(g, 60*second), mld.GroupQuery(g, haste)
			}
			t := p.Now()
			lan.Send(first)
			lan.Send(next)
			f := lan.Expect(report1, probe.For())
			for _, req := range []string{"4-13", "4-17", "5-15"} {
				p.Between("RFC2710:"+req, "from the queries to the report", f.At-t, 0, hasty)
			}
		})

	// A target that always took the later time would be within 0.2 s once in three hundred times.
	check.Grid(suite, "mld.v1-query.later", "a query with a longer time than is left leaves the timer as it is",
		proves(by(late, "RFC2710:4-13", "RFC2710:4-17", "RFC2710:5-15")),
		[]string{"general", "of the group"},
		func(p *probe.P, which string) {
			lan := idle(p, g)
			first, next := mld.GeneralQuery(200), mld.GeneralQuery(60*second)
			if which != "general" {
				first, next = mld.GroupQuery(g, 200), mld.GroupQuery(g, 60*second)
			}
			t := p.Now()
			lan.Send(first)
			lan.Send(next)
			f := lan.Expect(report1, probe.For())
			for _, req := range []string{"4-13", "4-17", "5-15"} {
				p.Between("RFC2710:"+req, "from the queries to the report", f.At-t, 0, 200*time.Millisecond)
			}
		})

	for _, x := range []struct {
		id, title, requirement string
		values                 []uint
		cond                   func(uint) packet.Cond
		is                     packet.Template
	}{
		{"mld.v1-format.code", "the code of a query is ignored", "RFC2710:3.2-2", []uint{1, 255},
			func(v uint) packet.Cond { return icmpv6.Code.Is(v) }, icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeMLDQuery), icmpv6.Code.Not(0))},
		{"mld.v1-format.reserved", "the reserved field of a query is ignored", "RFC2710:3.5-2", []uint{1, 0xffff},
			func(v uint) packet.Cond { return mld.Reserved.Is(v) }, mld.Message(icmpv6.TypeMLDQuery, mld.Reserved.Not(0))},
	} {
		check.Grid(suite, x.id, x.title, proves(by(mutate.Ignores(x.is), x.requirement)), x.values,
			func(p *probe.P, v uint) { idle(p, g).Ask(mld.GeneralQuery(haste).With(x.cond(v)), report1) })
	}

	check.Grid(suite, "mld.v1-format.checksum", "a query with a wrong checksum is ignored",
		proves(by(mutate.Gullible(), "RFC2710:5-4", "RFC2710:5-10")), []uint{0x0001, 0x8000, 0xffff},
		func(p *probe.P, flip uint) {
			lan := idle(p, g)
			good := mld.GroupQuery(g, haste)
			right, _ := icmpv6.Checksum.Of(kit.Framed(lan, good))
			lan.Silent(good.With(icmpv6.Checksum.Is(right^flip)), good, message, probe.Delayed(hasty), probe.For("RFC2710:5-4", "RFC2710:5-10"))
		})
}
