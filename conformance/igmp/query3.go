package igmp

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// is is a version 3 query with other fields than the ones that the suite's queries have.
func is(conds ...packet.Cond) packet.Template { return igmp.Query3.Layer(conds...) }

// current is the answer to a query by the only member of g.
var current = igmp.Report3(igmp.Tells(igmp.IsEx(g)))

// twenty are groups that one socket joins, for random delays of their own.
func twenty(p *probe.P) *probe.Socket {
	s := p.Open("inet", "dgram", 0)
	for n := range 20 {
		ready(s.Join(group(n)), "joining %s", group(n))
	}
	return s
}

// delays sends a query for each of the twenty groups and gives how long each answer took; within is how long they are
// waited for.
func delays(lan *probe.Tester, within time.Duration, query, answer func(n int) packet.Template) (ds []time.Duration) {
	t := lan.Now()
	for n := range 20 {
		lan.Send(query(n))
	}
	lan.Wait(within)
	for n := range 20 {
		if answers := since(lan, t, answer(n)); len(answers) > 0 {
			ds = append(ds, answers[0].At-t)
		}
	}
	return ds
}

// longest is the longest of some delays.
func longest(ds []time.Duration) (most time.Duration) {
	for _, d := range ds {
		most = max(most, d)
	}
	return most
}

func specific3(code uint) func(int) packet.Template {
	return func(n int) packet.Template { return igmp.SpecificQuery3(group(n), code) }
}

func current3(n int) packet.Template { return igmp.Report3(igmp.Tells(igmp.IsEx(group(n)))) }

func init() {
	// The records may come in one report or be spread over several (RFC 3376, section 5.2).
	three := []igmp.Record{igmp.IsEx(group(1)), igmp.IsIn(group(2), a, b), igmp.IsEx(group(3), c)}
	suite.It("igmp.v3-query.general", "a general query is answered with the state of each group once, and of no other",
		check.Proves("RFC3376:5.2-8", instead(three, three[:2])).
			And("RFC3376:5.2-10", mutate.Repeat(igmp.Report3(igmp.About(group(2))), 5*time.Millisecond)).
			And("RFC3376:5-2", mutate.Field(igmp.Report3(igmp.About(group(2))), igmp.Records.Is(igmp.Encode(igmp.IsEx(igmp.AllSystems))))).
			And("RFC3376:4.1.3-1", mutate.Misreads(is(), igmp.Query3Group.Is(group(2)))).
			And("RFC3376:7.1-3", mutate.Misreads(is(), igmp.MaxRespCode.Is(255))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			wants(p, group(1), exclude())
			wants(p, group(2), include(a, b))
			wants(p, group(3), exclude(c))
			quiet(lan)
			t := p.Now()
			told := state(lan)
			p.That("RFC3376:7.1-3", "a query of 12 octets has an answer of version 3", len(told), gomega.BeNumerically(">", 0))
			for _, req := range []string{"RFC3376:5.2-8", "RFC3376:4.1.3-1"} {
				p.That(req, "the state of each group is told", igmp.SameRecords(told, three), gomega.BeTrue())
			}
			p.That("RFC3376:5.2-10", "records in all reports of the answer", len(told), gomega.Equal(3))
			p.Observed("RFC3376:5.2-10", "the records came in %d reports", len(since(lan, t, anyReport3)))
			about := since(lan, 0, igmp.Report3(igmp.About(igmp.AllSystems)))
			p.That("RFC3376:5-2", "reports about 224.0.0.1", about, gomega.BeEmpty())
		})

	suite.It("igmp.v3-query.no-state", "a query for which there is nothing to report is not answered",
		check.Proves("RFC3376:5.2-2", mutate.Forge(is(), igmp.To(igmp.AllV3Routers, igmp.Report3(igmp.Records.Is(igmp.Encode(igmp.IsEx(igmp.AllSystems))))))).
			And("RFC3376:5.2-12", mutate.Gullible()).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Send(igmp.GeneralQuery3(1))
			lan.Never(anyReport3, 2*tenth, probe.For("RFC3376:5.2-2"))
			member(p, g)
			quiet(lan)
			lan.Silent(igmp.SpecificQuery3(group(2), 1), igmp.SpecificQuery3(g, 1), anyReport3, probe.Delayed(tenth), probe.For("RFC3376:5.2-12"))
		})

	// Of twenty random delays all are in one half of the range with a probability of 2^-19.
	suite.It("igmp.v3-query.delay", "an answer is put off by a random part of the Max Resp Time",
		check.Proves("RFC3376:5.2-1", mutate.Punctual(anyReport3, is(), time.Second)).
			And("RFC3376:4.1.1-1", mutate.Misreads(is(), igmp.MaxRespCode.Is(100))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			twenty(p)
			quiet(lan)
			ds := delays(lan, 15*tenth, specific3(10), current3)
			p.That("RFC3376:4.1.1-1", "answers to twenty queries with a Max Resp Code of 10", len(ds), gomega.Equal(20))
			p.Between("RFC3376:4.1.1-1", "the longest delay of twenty", longest(ds), 0, time.Second+wire)
			p.That("RFC3376:5.2-1", "some of twenty delays are shorter and some longer than half of the Max Resp Time",
				kit.Spread(ds, time.Second), gomega.BeTrue())
		})

	// Code 0xa0 is 51.2 s; a target that takes it for 160 tenths answers within 16 s. One that reads it rightly does that
	// for all twenty groups with a probability of (16/51.2)^20, below 10^-10. How exactly the target keeps to the time is not
	// asked here: some clocks have coarser ticks the farther a timer is away.
	suite.It("igmp.v3-query.delay-exponent", "a Max Resp Code from 128 has an exponent and a mantissa",
		check.Proves("RFC3376:4.1.1-2", mutate.Misreads(is(), igmp.MaxRespCode.Is(127))).Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			twenty(p)
			quiet(lan)
			const linear, right = 16 * time.Second, 512 * tenth
			t := p.Now()
			ds := delays(lan, linear+time.Second, specific3(0xa0), current3)
			p.That("RFC3376:4.1.1-2", "groups of twenty that were reported later than 16 s, or not yet", 20-countBelow(ds, linear), gomega.BeNumerically(">", 0))
			p.Wait(right + right/8 - (p.Now() - t))
			for n := range 20 {
				p.That("RFC3376:4.1.1-2", "answers within 51.2 s, or an eighth more", len(since(lan, t, current3(n))), gomega.Equal(1))
			}
		})

	// Of eight random delays up to 0.3 s all are below 30 ms with a probability of 10^-8.
	at0 := mutate.Forge(is(), igmp.To(igmp.AllV3Routers, igmp.Report3(igmp.Records.Is(igmp.Encode(igmp.IsEx(g))))))
	suite.It("igmp.v3-query.not-at-once", "a general query is not answered at once",
		check.Proves("RFC3376:5.2-11", at0).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			member(p, g)
			quiet(lan)
			var ds []time.Duration
			for range 8 {
				t := p.Now()
				lan.Send(igmp.GeneralQuery3(3))
				ds = append(ds, lan.Expect(current, probe.For()).At-t)
				p.Wait(3*tenth + wire - (p.Now() - t))
				lan.Forget()
			}
			p.That("RFC3376:5.2-11", "the longest delay of eight", longest(ds), gomega.BeNumerically(">", 30*time.Millisecond))
		})

	suite.It("igmp.v3-query.again", "a general query replaces the one whose answer is pending",
		check.Proves("RFC3376:5.2-4", mutate.Repeat(current, time.Second)).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			member(p, g)
			quiet(lan)
			t := p.Now()
			lan.Send(igmp.GeneralQuery3(20))
			lan.Send(igmp.GeneralQuery3(1))
			p.Wait(2*time.Second + 5*wire)
			p.That("RFC3376:5.2-4", "answers to two queries, the second of which asks for haste", len(since(lan, t, current)), gomega.Equal(1))
		})

	// A querier that only snoops has no address and sends from 0.0.0.0 (RFC 4541, section 2.1.1).
	check.Grid(suite, "igmp.v3-query.source", "a query is answered whatever its source",
		check.Proves("RFC3376:5.2-8", mutate.Ignores(is().With(ipv4.Src.Is(netip.IPv4Unspecified())))).Needs(needs...),
		[]string{"on-link", "off-link", "none"},
		func(p *probe.P, source string) {
			lan := p.IPv4()
			member(p, g)
			quiet(lan)
			src := map[string]netip.Addr{"on-link": lan.UnusedIP(), "off-link": a, "none": netip.IPv4Unspecified()}[source]
			lan.Ask(igmp.GeneralQuery3(1).With(ipv4.Src.Is(src)), current)
		})
}

func countBelow(ds []time.Duration, limit time.Duration) (n int) {
	for _, d := range ds {
		if d <= limit {
			n++
		}
	}
	return n
}
