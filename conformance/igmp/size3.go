package igmp

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// source is the n-th of many sources.
func source(n int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, byte(n)}) }

// manySources are as many as a source list must be able to hold (RFC 3376, section 2).
func manySources(n int) (as []netip.Addr) {
	for i := range n {
		as = append(as, source(i+10))
	}
	return as
}

// fits asserts that the reports of an answer are no longer than the link takes, and gives their records.
func fits(lan *probe.Tester, requirement string) (rs []igmp.Record, reports int) {
	t := lan.Now()
	lan.Send(igmp.GeneralQuery3(1))
	lan.Wait(tenth + 10*wire)
	for _, f := range since(lan, t, anyReport3) {
		rs = append(rs, igmp.RecordsOf(f)...)
		reports++
		lan.Must(requirement, f, ipv4.TotalLength.Where("what the link takes", func(n uint) bool { return n <= uint(lan.Net().MTU) }),
			ipv4.MF.Is(0), ipv4.Offset.Is(0))
	}
	return rs, reports
}

func init() {
	const many = 240 // records of 8 octets: more than an Ethernet frame holds
	suite.It("igmp.v3-size.records", "records that do not fit into one report are spread over several",
		check.Proves("RFC3376:4.2.16-1", mutate.Field(igmp.Report3(igmp.Tells(igmp.IsEx(group(77)))), igmp.Records.Is(igmp.Encode(igmp.IsEx(group(76)))))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			for n := 0; n < many; n += 20 {
				s := p.Open("inet", "dgram", 0)
				for i := range 20 {
					ready(s.Join(group(n+i)), "joining %s", group(n+i))
				}
			}
			quiet(lan)
			rs, reports := fits(lan, "RFC3376:4.2.16-1")
			told := map[netip.Addr]bool{}
			for _, r := range rs {
				told[r.Group] = true
			}
			p.That("RFC3376:4.2.16-1", "groups that are told of", len(told), gomega.Equal(many))
			p.That("RFC3376:4.2.16-1", "reports", reports, gomega.BeNumerically(">", 1))
		})

	// Forty sockets, as the list of a single one may be limited.
	suite.It("igmp.v3-size.sources", "an INCLUDE record that does not fit into one report is split over several",
		check.Proves("RFC3376:4.2.16-2", mutate.Drops(igmp.Report3(igmp.About(g), igmp.Records.Where("of a state", func(b []byte) bool { return len(b) > 0 && b[0] == igmp.ModeIsInclude })), 1)).
			Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			want := map[netip.Addr]bool{}
			for n := range 40 {
				s := p.Open("inet", "dgram", 0)
				for i := range 10 {
					src := netip.AddrFrom4([4]byte{198, 18, byte(n), byte(i + 1)})
					want[src] = true
					ready(s.SetSource("IP_ADD_SOURCE_MEMBERSHIP", g, src), "joining %s for %s", g, src)
				}
			}
			quiet(lan)
			rs, reports := fits(lan, "RFC3376:4.2.16-2")
			told := map[netip.Addr]bool{}
			for _, r := range rs {
				p.That("RFC3376:4.2.16-2", "the type of the records", r.Type, gomega.BeEquivalentTo(igmp.ModeIsInclude))
				for _, src := range r.Sources {
					told[src] = true
				}
			}
			p.That("RFC3376:4.2.16-2", "sources that are told of", told, gomega.Equal(want))
			p.That("RFC3376:4.2.16-2", "reports", reports, gomega.BeNumerically(">", 1))
		})

	sixtyFour := manySources(64)
	suite.It("igmp.v3-size.list", "a source list of a socket may have 64 addresses at least",
		check.Proves("RFC3376:2-3", instead(one(igmp.IsEx(g, sixtyFour...)), one(igmp.IsEx(g, sixtyFour[:63]...)))).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := member(p, g)
			p.That("RFC3376:2-3", "blocking 64 sources", s.SetFilter(g, true, sixtyFour...), gomega.Succeed())
			quiet(lan)
			p.That("RFC3376:2-3", "the state of the group", igmp.SameRecords(stateOf(lan, g), one(igmp.IsEx(g, sixtyFour...))), gomega.BeTrue())
		})
}
