package igmp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// toV3Routers is whatever goes to the routers of version 3.
var toV3Routers = ipv4.Header(ipv4.Dst.Is(igmp.AllV3Routers))

// says is a target that reports other records.
func says(rs ...igmp.Record) mutate.Mutation {
	return mutate.Field(anyReport3, igmp.Records.Is(igmp.Encode(rs...)))
}

// foreignSource is a target that sends its messages from an address that it does not have.
var foreignSource = mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(message, ipv4.Src.Is(n.Unused4)) })

// hasAlert asks for the Router Alert option (RFC 2113).
var hasAlert = ipv4.Options.Where("with Router Alert", func(o []byte) bool {
	return len(ipv4.FindOptions(o, ipv4.RouterAlertType)) == 1
})

// sound tells whether the checksum over the whole payload of a message is right.
func sound(f *packet.Frame) bool { return packet.Sum(f.Body(ipv4.Proto)) == 0xffff }

func init() {
	suite.It("igmp.v3-join.header", "a report is a datagram of the host's own for the routers of the link",
		check.Proves("RFC3376:4-1", mutate.Field(toV3Routers, ipv4.Protocol.Is(103))).
			And("RFC3376:4-2", mutate.Field(toV3Routers, ipv4.TTL.Is(64))).
			And("RFC3376:4-3", mutate.Field(toV3Routers, ipv4.TOS.Is(0))).
			And("RFC3376:4-4", mutate.Field(toV3Routers, ipv4.Options.Is(nil))).
			And("RFC3376:4.2.13-1", foreignSource).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			member(p, g)
			f := lan.Expect(toV3Routers, probe.For())
			p.Must("RFC3376:4-1", f, ipv4.Protocol.Is(2))
			p.Must("RFC3376:4-2", f, ipv4.TTL.Is(1))
			p.Must("RFC3376:4-3", f, ipv4.TOS.Is(0xc0))
			p.Must("RFC3376:4-4", f, hasAlert)
			p.Must("RFC3376:4.2.13-1", f, ipv4.Src.Is(lan.TargetIP()))
		})

	suite.It("igmp.v3-join.report", "joining a group is reported as a change to EXCLUDE mode",
		check.Proves("RFC3376:4-5", mutate.Field(anyReport3, igmp.Report3Type.Is(igmp.TypeV2Report))).
			And("RFC3376:4.2.14-1", mutate.Field(anyReport3, ipv4.Dst.Is(g))).
			And("RFC3376:4.2.2-1", mutate.Field(anyReport3, igmp.Report3Checksum.Is(0xbad))).
			And("RFC3376:4.2.1-1", mutate.Field(anyReport3, igmp.Reserved2.Is(1))).
			And("RFC3376:4.2.3-1", mutate.Field(anyReport3, igmp.NumRecords.Is(2))).
			And("RFC3376:4.2.4-1", mutate.Field(anyReport3, igmp.Records.Is(append(g.AsSlice(), igmp.ChangeToExcludeMode, 0, 0, 0)))).
			And("RFC3376:4.2.7-1", mutate.Field(anyReport3, igmp.Records.Is(append([]byte{igmp.ChangeToExcludeMode, 0, 0, 1}, g.AsSlice()...)))).
			And("RFC3376:4.2.10-1", says(igmp.Record{Type: igmp.ChangeToExcludeMode, Group: g, Aux: make([]byte, 4)})).
			And("RFC3376:4.2.11-1", mutate.Field(anyReport3, igmp.Records.Is(append(igmp.Encode(igmp.ToEx(g)), 0, 0, 0, 0)))).
			And("RFC3376:4.2.12-2", says(igmp.IsEx(g))).
			And("RFC3376:5.1-5", says(igmp.Allow(g, a))).
			And("RFC3376:2-8", says(igmp.ToEx(g, a))).
			And("RFC1122:3.3.7-2", mutate.Field(anyReport3, igmp.Report3Checksum.Is(0xbad))).
			And("RFC1112:7.2-10", mutate.Missing(anyReport3)).
			And("RFC1112:7.1-4", mutate.Missing(anyReport3)).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			member(p, g)
			f := lan.Expect(message, probe.For("RFC1112:7.2-10", "RFC1112:7.1-4"))
			p.Observed("RFC1112:7.1-4", "the interface may be left out")
			p.Must("RFC3376:4-5", f, igmp.Report3Type.Is(igmp.TypeV3Report))
			p.Must("RFC3376:4.2.14-1", f, ipv4.Dst.Is(igmp.AllV3Routers))
			p.That("RFC3376:4.2.2-1", "the checksum covers the message", sound(f), gomega.BeTrue())
			p.That("RFC1122:3.3.7-2", "a host that speaks IGMP speaks it correctly", sound(f), gomega.BeTrue())
			p.Observed("RFC1122:3.3.7-2", "IGMP is supported")
			p.Must("RFC3376:4.2.1-1", f, igmp.Reserved1.Is(0), igmp.Reserved2.Is(0))
			p.Must("RFC3376:4.2.3-1", f, igmp.NumRecords.Is(1))
			p.Must("RFC3376:4.2.11-1", f, packet.Data.Is(nil))
			whole := igmp.Records.Is(igmp.Encode(igmp.ToEx(g)))
			for _, req := range []string{"4.2.4-1", "4.2.7-1", "4.2.10-1", "4.2.12-2", "5.1-5", "2-8"} {
				p.Must("RFC3376:"+req, f, whole)
			}
		})

	suite.It("igmp.v3-join.at-once", "a change of state is reported at once",
		check.Proves("RFC3376:5.1-1", mutate.Late(anyReport3, time.Second)).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := p.Open("inet", "dgram", 0)
			before := p.Now()
			ready(s.Join(g), "joining %s", g)
			f := lan.Expect(igmp.Report3(igmp.About(g)))
			p.Between("RFC3376:5.1-1", "from the join to its report", f.At-before, 0, prompt+wire)
		})

	// The Robustness Variable is 2 by default, and no query has told the host another one.
	suite.It("igmp.v3-join.repeat", "a change is reported twice, the second time within a second",
		check.Proves("RFC3376:5.1-8", mutate.Drops(anyReport3, 1)).
			And("RFC3376:5.1-9", mutate.Lags(anyReport3, 1, 2*unsolicited3)).
			And("RFC3376:8.1-1", mutate.Drops(anyReport3, 0)).
			And("RFC3376:8.1-2", mutate.Drops(anyReport3, 1)).
			And("RFC3376:8.1-3", mutate.Repeat(anyReport3, unsolicited3/2)).
			And("RFC3376:8.11-1", mutate.Lags(anyReport3, 1, 2*unsolicited3)).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := member(p)
			for n := range kit.Rounds(p) {
				g := group(n + 1)
				ready(s.Join(g), "joining %s", g)
				p.Wait(3 * unsolicited3)
				told := lan.Seen(igmp.Report3(igmp.Tells(igmp.ToEx(g))))
				p.That("RFC3376:8.1-1", "the change is reported", len(told), gomega.BeNumerically(">", 0))
				p.That("RFC3376:8.1-2", "it is reported more than once", len(told), gomega.BeNumerically(">", 1))
				p.That("RFC3376:8.1-3", "it is reported twice", len(told), gomega.Equal(2))
				p.That("RFC3376:5.1-8", "it is reported again", len(told), gomega.Equal(2))
				gap := time.Hour // there is none
				if len(told) > 1 {
					gap = told[1].At - told[0].At
				}
				p.Between("RFC3376:5.1-9", "from the report to its repetition", gap, 0, unsolicited3+wire)
				p.Between("RFC3376:8.11-1", "from the report to its repetition", gap, 0, unsolicited3+wire)
				ready(s.Leave(g), "leaving %s", g)
			}
		})

	// Twelve intervals: a target that draws them at random from 0 to 1 s keeps to one half with a probability of 2^-11.
	suite.It("igmp.v3-join.repeat-at-random", "the interval before a repetition is chosen at random",
		check.Proves("RFC3376:5.1-9", mutate.Punctual(anyReport3, anyReport3, unsolicited3)).Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			var gaps []time.Duration
			for n := range 12 {
				member(p, group(n))
				quiet(lan)
				told := lan.Seen(igmp.Report3(igmp.Tells(igmp.ToEx(group(n)))))
				if len(told) < 2 {
					p.Inconclusive("the join of %s was reported %d times, so that there is no interval", group(n), len(told))
				}
				gaps = append(gaps, told[1].At-told[0].At)
				p.Between("RFC3376:5.1-9", "from the report to its repetition", told[1].At-told[0].At, 0, unsolicited3+wire)
			}
			p.That("RFC3376:5.1-9", "of twelve intervals some are shorter and some longer than half a second",
				kit.Spread(gaps, unsolicited3), gomega.BeTrue())
		})

	suite.It("igmp.v3-leave.report", "leaving a group is reported as a change to INCLUDE mode without sources, twice",
		check.Proves("RFC3376:5.1-6", mutate.Field(igmp.Report3(igmp.Tells(igmp.ToIn(g))), igmp.Records.Is(igmp.Encode(igmp.Block(g, a))))).
			And("RFC3376:2-9", mutate.Field(igmp.Report3(igmp.Tells(igmp.ToIn(g))), igmp.Records.Is(igmp.Encode(igmp.ToIn(g, a))))).
			And("RFC3376:5.1-8", mutate.Drops(igmp.Report3(igmp.Tells(igmp.ToIn(g))), 1)).
			And("RFC1112:7.1-3", mutate.Missing(igmp.Report3(igmp.Tells(igmp.ToIn(g))))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := member(p)
			for n := range kit.Rounds(p) {
				g := group(n + 1)
				ready(s.Join(g), "joining %s", g)
				quiet(lan)
				t := p.Now()
				ready(s.Leave(g), "leaving %s", g)
				f := lan.Expect(anyReport3, probe.For("RFC3376:5.1-6", "RFC1112:7.1-3"))
				p.Must("RFC3376:5.1-6", f, igmp.TellsOnly(igmp.ToIn(g)))
				p.Must("RFC3376:2-9", f, igmp.TellsOnly(igmp.ToIn(g)))
				p.Wait(2 * unsolicited3)
				p.That("RFC3376:5.1-8", "reports of leaving", len(since(lan, t, igmp.Report3(igmp.Tells(igmp.ToIn(g))))), gomega.Equal(2))
			}
		})
}
