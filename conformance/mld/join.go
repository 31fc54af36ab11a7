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

// says is a target that reports other records of g.
func says(rs ...mld.Record) mutate.Mutation {
	return mutate.Field(aboutG, mld.Records.Is(mld.Encode(rs...)))
}

// hasAlert asks for the Router Alert option (RFC 2711), for MLD.
var hasAlert = ipv6.HopOptions.Where("with Router Alert 0", func(o []byte) bool {
	alerts := ipv6.FindOptions(o, ipv6.RouterAlertType)
	return len(alerts) == 1 && string(alerts[0]) == string(ipv6.RouterAlert(0))
})

// linkLocalSrc asks for the target's link-local address.
func linkLocalSrc(p *probe.P) packet.Cond { return ipv6.Src.Is(p.Net().Target.LinkLocal) }

// globalSource is a target that sends messages like on from its global address.
func globalSource(on packet.Template) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(on, ipv6.Src.Is(n.Target.IP6)) })
}

// sound asks for a message whose checksum is right: it covers all of the message and the pseudo-header.
func sound(f *packet.Frame) bool {
	whole := f.Body(ipv6.Proto)
	src, _ := ipv6.Src.Of(f)
	dst, _ := ipv6.Dst.Of(f)
	if next, _ := ipv6.NextHeader.Of(f); next == ipv6.NextHopByHop && len(whole) >= 8 {
		whole = whole[min(len(whole), 8+8*int(whole[1])):]
	}
	pseudo := append(append(src.AsSlice(), dst.AsSlice()...), 0, 0, byte(len(whole)>>8), byte(len(whole)), 0, 0, 0, 58)
	return packet.Sum(append(pseudo, whole...)) == 0xffff
}

func init() {
	toRouters := ipv6.Header(ipv6.Dst.Is(ipv6.AllMLDRouters)).Then(mld.Report2(mld.About(g)))
	suite.It("mld.v2-join.header", "a report is a packet of the link for the routers on it",
		proves(
			by(globalSource(toRouters), "RFC3810:5-1", "RFC3810:5.2.13-1"),
			by(mutate.Field(toRouters, ipv6.HopLimit.Is(64)), "RFC3810:5-2"),
			by(mutate.Field(toRouters, ipv6.HopOptions.Is(ipv6.Pad(6))), "RFC3810:5-3"),
			by(mutate.Field(toRouters, icmpv6.Code.Is(1)), "RFC3810:5.2-1"),
		),
		func(p *probe.P) {
			lan := p.IPv6()
			member(p, g)
			f := lan.Expect(toRouters, probe.For())
			p.Must("RFC3810:5-1", f, linkLocalSrc(p))
			p.Must("RFC3810:5.2.13-1", f, linkLocalSrc(p))
			p.Must("RFC3810:5-2", f, ipv6.HopLimit.Is(1))
			p.Must("RFC3810:5-3", f, hasAlert)
			p.Must("RFC3810:5.2-1", f, icmpv6.Code.Is(0))
		})

	suite.It("mld.v2-join.report", "start of listening is reported as a change to EXCLUDE mode",
		proves(
			by(mutate.Field(aboutG, icmpv6.Type.Is(icmpv6.TypeMLDReport)), "RFC3810:5-4"),
			by(mutate.Field(aboutG, ipv6.Dst.Is(ipv6.AllRouters)), "RFC3810:5.2.14-1"),
			by(mutate.Field(aboutG, icmpv6.Checksum.Is(0xbad)), "RFC3810:5.2.2-1", "RFC3810:5.1.2-1"),
			by(mutate.Field(aboutG, mld.ReportReserved.Is(1)), "RFC3810:5.2.1-1"),
			by(mutate.Field(aboutG, mld.NumRecords.Is(2)), "RFC3810:5.2.3-1"),
			by(mutate.Field(aboutG, mld.Records.Is(append(g.AsSlice(), mld.ChangeToExcludeMode, 0, 0, 0))), "RFC3810:5.2-2"),
			by(mutate.Field(aboutG, mld.Records.Is(append([]byte{mld.ChangeToExcludeMode, 0, 0, 1}, g.AsSlice()...))), "RFC3810:5.2.7-1"),
			by(mutate.Field(aboutG, mld.Records.Is(append([]byte{mld.ChangeToExcludeMode, 1, 0, 0}, g.AsSlice()...))), "RFC3810:5.2.6-1"),
			by(mutate.Field(aboutG, mld.Records.Is(mld.Encode(mld.ToEx(group(2))))), "RFC3810:5.2.8-1"),
			by(says(mld.Record{Type: mld.ChangeToExcludeMode, Group: g, Aux: make([]byte, 4)}), "RFC3810:5.2.10-1"),
			by(mutate.Field(aboutG, mld.Records.Is(append(mld.Encode(mld.ToEx(g)), 0, 0, 0, 0))), "RFC3810:5.2.11-3"),
			by(says(mld.IsEx(g)), "RFC3810:6.1-7"),
			by(says(mld.ToEx(g, a)), "RFC3810:3-7"),
			by(mutate.Missing(aboutG), "RFC3810:6-1"),
		),
		func(p *probe.P) {
			lan := p.IPv6()
			quiet(lan)
			member(p, g)
			f := lan.Expect(message, probe.For("RFC3810:6-1"))
			p.Must("RFC3810:5-4", f, icmpv6.Type.Is(icmpv6.TypeMLD2Report))
			p.Must("RFC3810:5.2.14-1", f, ipv6.Dst.Is(ipv6.AllMLDRouters))
			for _, req := range []string{"5.2.2-1", "5.1.2-1"} {
				p.That("RFC3810:"+req, "the checksum covers the message and the pseudo-header", sound(f), gomega.BeTrue())
			}
			p.Must("RFC3810:5.2.1-1", f, mld.ReportReserved.Is(0))
			p.Must("RFC3810:5.2.3-1", f, mld.NumRecords.Is(1))
			p.Must("RFC3810:5.2.11-3", f, packet.Data.Is(nil))
			whole := mld.Records.Is(mld.Encode(mld.ToEx(g)))
			for _, req := range []string{"5.2-2", "5.2.6-1", "5.2.7-1", "5.2.8-1", "5.2.10-1", "6.1-7", "3-7"} {
				p.Must("RFC3810:"+req, f, whole)
			}
		})

	suite.It("mld.v2-join.at-once", "a change of state is reported immediately",
		proves(by(mutate.Late(aboutG, time.Second), "RFC3810:2.2-1", "RFC3810:6.1-1")),
		func(p *probe.P) {
			lan := p.IPv6()
			s := p.Open("inet6", "dgram", 0)
			before := p.Now()
			ready(s.Join(g), "joining %s", g)
			f := lan.Expect(aboutG, probe.For())
			for _, req := range []string{"RFC3810:2.2-1", "RFC3810:6.1-1"} {
				p.Between(req, "from the join to its report", f.At-before, 0, prompt)
			}
		})

	// The Robustness Variable is 2 by default, and no query has told the host another one.
	suite.It("mld.v2-join.repeat", "a change is reported twice, the second time within a second",
		proves(
			by(mutate.Drops(aboutG, 1), "RFC3810:2.2-2", "RFC3810:6.1-10", "RFC3810:9.1-2"),
			by(mutate.Drops(aboutG, 0), "RFC3810:9.1-1"),
			by(mutate.Repeat(aboutG, unsolicited2/2), "RFC3810:9.1-3"),
			by(mutate.Lags(aboutG, 1, 2*unsolicited2), "RFC3810:9.11-1"),
		),
		func(p *probe.P) {
			lan := p.IPv6()
			quiet(lan)
			s := member(p)
			for n := range kit.Rounds(p) {
				g := group(n + 1)
				room(p, s.Join(g), "joining %s", g)
				p.Wait(3 * unsolicited2)
				told := lan.Seen(mld.Report2(mld.Tells(mld.ToEx(g))))
				p.That("RFC3810:9.1-1", "the change is reported", len(told), gomega.BeNumerically(">", 0))
				p.That("RFC3810:9.1-2", "it is reported more than once", len(told), gomega.BeNumerically(">", 1))
				for _, req := range []string{"RFC3810:2.2-2", "RFC3810:6.1-10", "RFC3810:9.1-3"} {
					p.That(req, "reports of the change", len(told), gomega.Equal(2))
				}
				gap := time.Hour // there is none
				if len(told) > 1 {
					gap = told[1].At - told[0].At
				}
				p.Between("RFC3810:6.1-10", "from the report to its repetition", gap, 0, unsolicited2)
				p.Between("RFC3810:9.11-1", "from the report to its repetition", gap, 0, unsolicited2)
				ready(s.Leave(g), "leaving %s", g)
			}
		})

	// Twelve intervals: a target that draws them at random from 0 to 1 s keeps to one half with a probability of 2^-11.
	suite.It("mld.v2-join.repeat-at-random", "the interval before a repetition is chosen at random",
		proves(by(mutate.Punctual(anyReport, anyReport, unsolicited2), "RFC3810:6.1-10")).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			var gaps []time.Duration
			for n := range 12 {
				member(p, group(n))
				quiet(lan)
				told := lan.Seen(mld.Report2(mld.Tells(mld.ToEx(group(n)))))
				if len(told) < 2 {
					p.Inconclusive("the join of %s was reported %d times, so that there is no interval", group(n), len(told))
				}
				gaps = append(gaps, told[1].At-told[0].At)
				p.Between("RFC3810:6.1-10", "from the report to its repetition", told[1].At-told[0].At, 0, unsolicited2)
			}
			p.That("RFC3810:6.1-10", "of twelve intervals some are shorter and some longer than half a second",
				kit.Spread(gaps, unsolicited2), gomega.BeTrue())
		})

	leaving := mld.Report2(mld.Tells(mld.ToIn(g)))
	suite.It("mld.v2-leave.report", "end of listening is reported as a change to INCLUDE mode without sources, twice",
		proves(
			by(mutate.Field(leaving, mld.Records.Is(mld.Encode(mld.Block(g, a)))), "RFC3810:6.1-8"),
			by(mutate.Field(leaving, mld.Records.Is(mld.Encode(mld.ToIn(g, a)))), "RFC3810:3-8"),
			by(mutate.Missing(leaving), "RFC3810:4.1-1"),
			by(mutate.Drops(leaving, 1), "RFC3810:6.1-10"),
			by(mutate.Instead(mld.Report2(mld.TellsOnly(mld.ToIn(g))), "an empty IS_IN", func(*packet.Frame) []packet.Cond {
				return []packet.Cond{mld.Records.Is(mld.Encode(mld.IsIn(g)))}
			}), "RFC3810:5.2.12-2"),
		),
		func(p *probe.P) {
			lan := p.IPv6()
			s := member(p)
			for n := range kit.Rounds(p) {
				g := group(n + 1)
				room(p, s.Join(g), "joining %s", g)
				quiet(lan)
				t := p.Now()
				ready(s.Leave(g), "leaving %s", g)
				f := lan.Expect(anyReport, probe.For("RFC3810:6.1-8", "RFC3810:4.1-1"))
				p.Must("RFC3810:6.1-8", f, mld.TellsOnly(mld.ToIn(g)))
				p.Must("RFC3810:3-8", f, mld.TellsOnly(mld.ToIn(g)))
				p.Wait(2 * unsolicited2)
				p.That("RFC3810:6.1-10", "reports of leaving", len(since(lan, t, mld.Report2(mld.Tells(mld.ToIn(g))))), gomega.Equal(2))
				told := append(about(state(lan), g), recordsSince(lan, t, g)...)
				empty := func(r mld.Record) bool { return r.Type == mld.ModeIsInclude && len(r.Sources) == 0 }
				p.That("RFC3810:5.2.12-2", "records about the group since it was left", told, gomega.Not(gomega.ContainElement(gomega.Satisfy(empty))))
			}
		})

	// Groups that nothing is said about. A target may refuse to join one.
	check.Grid(suite, "mld.silent-groups", "nothing is ever said about ff02::1 and about groups of scope 0 and 1",
		proves(
			by(mutate.Field(aboutG, mld.Records.Is(mld.Encode(mld.ToEx(g), mld.ToEx(ipv6.AllNodes)))), "RFC3810:6-3"),
			by(mutate.Field(aboutG, mld.Records.Is(mld.Encode(mld.ToEx(g), mld.ToEx(ipv6.MustAddr("ff11::1:2"))))), "RFC3810:6-4"),
		),
		[]string{"ff02::1", "ff01::1:2", "ff11::1:2", "ff10::1:2"},
		func(p *probe.P, which string) {
			lan := p.IPv6()
			quiet(lan)
			s := p.Open("inet6", "dgram", 0)
			if err := s.Join(ipv6.MustAddr(which)); err != nil {
				p.Step("joining %s is refused: %v", which, err)
			}
			member(p, g)
			lan.Expect(aboutG, probe.For())
			p.Wait(unsolicited2 + 5*wire)
			state(lan)
			if err := s.Close(); err != nil {
				p.Step("closing the socket: %v", err)
			}
			p.Wait(unsolicited2 + 5*wire)
			told := recordsSince(lan, 0, ipv6.MustAddr(which))
			for _, req := range []string{"RFC3810:6-3", "RFC3810:6-4"} {
				p.That(req, "records about "+which, told, gomega.BeEmpty())
			}
		})

	suite.It("mld.v2-join.interfaces", "each interface listens by itself",
		proves(
			by(mutate.Elsewhere(aboutG), "RFC3810:6-1"),
		).Needs(target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv6()
			for i, link := range []*probe.Tester{lan, lan.Link(1)} {
				s := p.Open("inet6", "dgram", 0)
				ready(s.JoinOn(link.TargetIP(), g), "joining %s on link %d", g, i)
				link.Expect(aboutG, probe.For("RFC3810:6-1"))
			}
		})
}

// recordsSince are the records about a group that the target has sent since an instant.
func recordsSince(lan *probe.Tester, t time.Duration, group netip.Addr) (rs []mld.Record) {
	for _, f := range since(lan, t, anyReport) {
		rs = append(rs, about(mld.RecordsOf(f), group)...)
	}
	return rs
}
