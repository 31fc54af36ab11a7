package mld

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/probe"
)

// forty are as many groups, for delays of their own.
const forty = 40

func groups(n int) (gs []netip.Addr) {
	for i := range n {
		gs = append(gs, group(i))
	}
	return gs
}

// many joins n groups, by sockets with twenty each.
func many(p *probe.P, n int) {
	for gs := groups(n); len(gs) > 0; gs = gs[min(20, len(gs)):] {
		member(p, gs[:min(20, len(gs))]...)
	}
}

// delays gives how long the answer of each of n groups took since t. They are waited for.
func delays(lan *probe.Tester, t, within time.Duration, n int, answer func(n int) packet.Template) (ds []time.Duration) {
	lan.Wait(within - (lan.Now() - t))
	for i := range n {
		if answers := since(lan, t, answer(i)); len(answers) > 0 {
			ds = append(ds, answers[0].At-t)
		}
	}
	return ds
}

// specific asks about each of forty groups, twenty at a time, as a target may queue no more, and gives how long each answer
// took. The answers to some are waited for within a time.
func specific(lan *probe.Tester, code uint, within time.Duration) (ds []time.Duration) {
	for first := 0; first < forty; first += 20 {
		t := lan.Now()
		for n := first; n < first+20; n++ {
			lan.Send(mld.SpecificQuery2(group(n), code))
		}
		lan.Wait(within)
		for n := first; n < first+20; n++ {
			if answers := since(lan, t, current2(n)); len(answers) > 0 {
				ds = append(ds, answers[0].At-t)
			}
		}
	}
	return ds
}

func current2(n int) packet.Template { return mld.Report2(mld.Tells(mld.IsEx(group(n)))) }

// within0 is how many delays are no longer than a limit.
func within0(ds []time.Duration, limit time.Duration) (n int) {
	for _, d := range ds {
		if d <= limit {
			n++
		}
	}
	return n
}

func init() {
	// The records may come in one report or be spread over several (RFC 3810, section 6.3).
	three := list(mld.IsEx(group(1)), mld.IsIn(group(2), a, b), mld.IsEx(group(3), c))
	without := mutate.Field(mld.Report2(mld.Tells(three[2])), mld.Records.Is(mld.Encode(three[:2]...)))
	suite.It("mld.v2-query.general", "a general query is answered with the state of each group once",
		proves(
			by(without, "RFC3810:6.3-1", "RFC3810:5.1.13-1"),
			by(mutate.Repeat(mld.Report2(mld.About(group(2))), 5*time.Millisecond), "RFC3810:2.2-2"),
			by(mutate.Misreads(query2(), mld.QueryGroup.Is(group(2))), "RFC3810:5.1.5-1"),
			by(mutate.Ignores(query2()), "RFC3810:8.1-2"),
		),
		func(p *probe.P) {
			lan := p.IPv6()
			wants(p, group(1), exclude())
			wants(p, group(2), include(a, b))
			wants(p, group(3), exclude(c))
			quiet(lan)
			t := p.Now()
			all := state(lan)
			var told []mld.Record
			for n := range 3 {
				told = append(told, about(all, group(n+1))...)
			}
			p.That("RFC3810:8.1-2", "a query of 28 octets has an answer of version 2", len(told), gomega.BeNumerically(">", 0))
			for _, req := range []string{"RFC3810:6.3-1", "RFC3810:5.1.13-1", "RFC3810:5.1.5-1"} {
				p.That(req, "the state of each group is told", mld.SameRecords(told, three), gomega.BeTrue())
			}
			p.That("RFC3810:2.2-2", "records about the groups", len(told), gomega.Equal(3))
			p.Step("the records came in %d reports", len(since(lan, t, anyReport)))
		})

	suite.It("mld.v2-query.no-state", "a query about a group that is not listened to is not answered",
		proves(by(mutate.Gullible(), "RFC3810:6.2-7")),
		func(p *probe.P) {
			lan := listening(p)
			lan.Silent(mld.SpecificQuery2(group(2), haste).With(ipv6.Dst.Is(ipv6.AllNodes)), mld.SpecificQuery2(g, haste), anyReport, probe.Delayed(hasty))
		})

	// The chance that a target that draws its delays evenly fails is one in a million.
	suite.It("mld.v2-query.delay", "an answer is put off by a random part of the Maximum Response Delay",
		proves(
			by(mutate.Punctual(anyReport, query2(), time.Second), "RFC3810:6.2-4"),
			by(mutate.Misreads(query2(), mld.MaxRespCode.Is(5*second)), "RFC3810:5.1.3-1"),
			by(mutate.Drops(anyReport, 20), "RFC3810:6.2-6", "RFC3810:6.2-10"),
		),
		func(p *probe.P) {
			lan := p.IPv6()
			many(p, forty)
			quiet(lan)
			ds := specific(lan, second, 3*time.Second)
			for _, req := range []string{"RFC3810:6.2-6", "RFC3810:6.2-10", "RFC3810:5.1.3-1"} {
				p.That(req, "answers to queries about forty groups", len(ds), gomega.Equal(forty))
			}
			p.Between("RFC3810:5.1.3-1", "the longest delay of forty", longest(ds), 0, time.Second)
			p.Uniform("RFC3810:6.2-4", "the delays", ds, 0, time.Second)
		})

	// Code 0x9000 is 65.536 s; a target that takes it for 36.864 s answers within that. One that reads it rightly does so for
	// all forty groups with a probability of 10^-10. How exactly the target keeps to the time is asked elsewhere: some clocks
	// have coarser ticks the farther a timer is away.
	suite.It("mld.v2-query.delay-exponent", "a Maximum Response Code from 32768 has an exponent and a mantissa",
		proves(by(mutate.Misreads(query2(), mld.MaxRespCode.Is(0x7fff)), "RFC3810:5.1.3-2")).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			many(p, forty)
			quiet(lan)
			const linear, right = 36864 * time.Millisecond, 65536 * time.Millisecond
			ds := specific(lan, 0x9000, right+right/8)
			p.That("RFC3810:5.1.3-2", "groups of forty that were reported within 65.536 s, or an eighth more", len(ds), gomega.Equal(forty))
			p.That("RFC3810:5.1.3-2", "those of them later than 36.864 s", len(ds)-within0(ds, linear), gomega.BeNumerically(">", 0))
		})

	// Of eight random delays up to 0.3 s all are below 30 ms with a probability of 10^-8.
	suite.It("mld.v2-query.not-at-once", "a general query is not answered immediately",
		proves(by(mutate.Forge(query2(), tells(mld.IsEx(g))), "RFC3810:6.3-4")),
		func(p *probe.P) {
			lan := listening(p)
			var ds []time.Duration
			for range 8 {
				t := p.Now()
				lan.Send(mld.GeneralQuery2(300))
				ds = append(ds, lan.Expect(current, probe.For()).At-t)
				p.Wait(300*time.Millisecond + wire - (p.Now() - t))
				lan.Forget()
			}
			p.That("RFC3810:6.3-4", "the longest delay of eight", longest(ds), gomega.BeNumerically(">", 30*time.Millisecond))
		})

	suite.It("mld.v2-query.again", "a general query replaces the one whose answer is pending",
		proves(
			by(mutate.Repeat(current, time.Second), "RFC3810:6.2-9"),
			by(mutate.Lags(current, 0, time.Second), "RFC3810:6.2-5"),
		),
		func(p *probe.P) {
			lan := listening(p)
			t := p.Now()
			lan.Send(mld.GeneralQuery2(2 * second))
			lan.Send(mld.GeneralQuery2(haste))
			p.Wait(2*time.Second + 5*wire)
			told := since(lan, t, current)
			p.That("RFC3810:6.2-9", "answers to two queries, the second of which asks for haste", len(told), gomega.Equal(1))
			took := time.Hour
			if len(told) > 0 {
				took = told[0].At - t
			}
			p.Between("RFC3810:6.2-5", "from the queries to the answer", took, 0, hasty)
		})

	// The general answer may come sooner than the other: that is rule 1, and the group is told of all the same.
	suite.It("mld.v2-query.both", "a query about a group is answered while the answer to a general one is pending, which comes as well",
		proves(
			by(mutate.Drops(mld.Report2(mld.About(group(2))), 0), "RFC3810:6.2-5"),
			by(mutate.Lags(current, 0, time.Second), "RFC3810:6.2-10"),
		),
		func(p *probe.P) {
			lan := p.IPv6()
			member(p, g, group(2))
			quiet(lan)
			t := p.Now()
			lan.Send(mld.GeneralQuery2(3 * second))
			lan.Send(mld.SpecificQuery2(g, haste))
			f := lan.Expect(current, probe.For())
			p.Between("RFC3810:6.2-10", "from the queries to the answer about the group", f.At-t, 0, hasty)
			p.Wait(3*time.Second + 5*wire)
			p.That("RFC3810:6.2-5", "reports of the other group", len(since(lan, t, current2(2))), gomega.Equal(1))
		})

	toHost := query2().With(ipv6.Dst.Where("no group", func(a netip.Addr) bool { return !a.IsMulticast() }))
	toGroup := query2(mld.QueryGroup.Is(ipv6.Unspecified)).With(ipv6.Dst.Is(g))
	check.Grid(suite, "mld.v2-query.any-address", "a query is answered whichever address of the interface it was sent to",
		proves(
			by(mutate.Ignores(toHost), "RFC3810:5.1.15-2"),
			by(mutate.Ignores(toGroup), "RFC3810:5.1.5-1"),
		),
		[]string{"specific to link-local", "specific to global", "specific to all-nodes", "specific to group",
			"general to link-local", "general to global", "general to group", "general to solicited-node"},
		func(p *probe.P, how string) {
			lan := listening(p)
			n := p.Net().Target
			query := mld.SpecificQuery2(g, haste)
			if how[:7] == "general" {
				query = mld.GeneralQuery2(haste)
			}
			dst := map[string]netip.Addr{"link-local": n.LinkLocal, "global": n.IP6, "all-nodes": ipv6.AllNodes, "group": g,
				"solicited-node": ipv6.SolicitedNode(n.LinkLocal)}
			for name, a := range dst {
				if how[len(how)-len(name):] == name {
					query = query.With(ipv6.Dst.Is(a))
				}
			}
			lan.Ask(query, current, probe.For("RFC3810:5.1.15-2", "RFC3810:5.1.5-1"), probe.Because("the query is "+how))
		})
}
