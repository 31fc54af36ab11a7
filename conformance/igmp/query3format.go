package igmp

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// asked is a member of g that has told of it, as it was when its join has been reported for the last time.
func asked(p *probe.P) *probe.Tester {
	lan := p.IPv4()
	member(p, g)
	quiet(lan)
	return lan
}

// octetsOf is an IGMP message of n octets: those of a general query as far as they go, then zeros. The checksum is right.
func octetsOf(n int) packet.Template {
	b := make([]byte, n)
	copy(b, []byte{igmp.TypeQuery, 1, 0, 0})
	if n >= 4 {
		sum := packet.Checksum(b)
		b[2], b[3] = byte(sum>>8), byte(sum)
	}
	return igmp.To(igmp.AllSystems, packet.Payload(b)).With(ipv4.Protocol.Is(2))
}

// withAux is a record with auxiliary data, of which RFC 3376 defines none.
var withAux = igmp.Record{Type: igmp.ModeIsExclude, Group: g, Aux: []byte{1, 2, 3, 4}}

func init() {
	for _, x := range []struct {
		id, title, requirement string
		values                 []uint
		query                  func(uint) packet.Template
		is                     packet.Template
	}{
		{"igmp.v3-format.reserved", "the reserved bits of a query are ignored", "RFC3376:4.1.4-1", []uint{1, 8, 15},
			func(v uint) packet.Template { return igmp.GeneralQuery3(1).With(igmp.Resv.Is(v)) }, is(igmp.Resv.Not(0))},
		{"igmp.v3-format.s-flag", "the S flag does not hold back an answer", "RFC3376:4.1.5-1", []uint{0, 1},
			func(v uint) packet.Template { return igmp.SpecificQuery3(g, 1).With(igmp.S.Is(v)) }, is(igmp.S.Is(1))},
		{"igmp.v3-format.extra", "octets behind the fields of a query are ignored", "RFC3376:4.1.10-2", []uint{1, 4, 9, 100},
			func(v uint) packet.Template { return igmp.GeneralQuery3(1).Then(packet.Payload(make([]byte, v))) },
			is().Then(packet.Payload(make([]byte, 4)))},
	} {
		check.Grid(suite, x.id, x.title, check.Proves(x.requirement, mutate.Ignores(x.is)).Needs(needs...), x.values,
			func(p *probe.P, v uint) { asked(p).Ask(x.query(v), current) })
	}

	check.Grid(suite, "igmp.v3-format.checksum", "a query with a wrong checksum is ignored",
		check.Proves("RFC3376:4.1.2-2", mutate.Gullible()).And("RFC3376:4.2.2-2", mutate.Gullible()).Needs(needs...),
		[]uint{0x0001, 0x8000, 0xffff},
		func(p *probe.P, flip uint) {
			lan := asked(p)
			good := igmp.GeneralQuery3(1)
			right, _ := igmp.Query3Checksum.Of(kit.Framed(lan, good))
			lan.Silent(good.With(igmp.Query3Checksum.Is(right^flip)), good, anyReport3, probe.Delayed(tenth), probe.For("RFC3376:4.1.2-2", "RFC3376:4.2.2-2"))
		})

	suite.It("igmp.v3-format.extra-checksum", "octets behind the fields of a query count for its checksum",
		check.Proves("RFC3376:4.1.10-1", mutate.Gullible()).And("RFC3376:4.1.2-1", mutate.Gullible()).Needs(needs...),
		func(p *probe.P) {
			lan := asked(p)
			without, _ := igmp.Query3Checksum.Of(kit.Framed(lan, igmp.GeneralQuery3(1)))
			good := igmp.GeneralQuery3(1).Then(packet.Payload([]byte{1, 2, 3, 4}))
			lan.Silent(good.With(igmp.Query3Checksum.Is(without)), good, anyReport3, probe.Delayed(tenth), probe.For("RFC3376:4.1.10-1", "RFC3376:4.1.2-1"))
		})

	// A message of 8 octets is a query of version 1 or 2; the octets of 9, 10 and 11 are of none.
	check.Grid(suite, "igmp.v3-format.length", "a query of another length than those of the versions is ignored",
		check.Proves("RFC3376:7.1-4", mutate.Gullible()).Needs(needs...),
		[]int{1, 4, 7, 9, 10, 11},
		func(p *probe.P, n int) {
			asked(p).Silent(octetsOf(n), igmp.GeneralQuery3(1), message, probe.Delayed(tenth))
		})

	check.Grid(suite, "igmp.v3-format.type", "a message of an unknown type is ignored",
		check.Proves("RFC3376:4-9", mutate.Gullible()).
			And("RFC3376:5-4", mutate.Gullible()).
			Needs(needs...),
		[]uint{0x00, 0x10, 0x13, 0x18, 0x23, 0x42, 0xff},
		func(p *probe.P, v uint) {
			good := igmp.GeneralQuery3(1)
			asked(p).Silent(good.With(igmp.Query3Type.Is(v)), good, message, probe.Delayed(tenth), probe.For("RFC3376:4-9", "RFC3376:5-4"))
		})

	check.Grid(suite, "igmp.query.router-alert", "a query of version 2 or 3 without Router Alert is ignored",
		check.Proves("RFC3376:9.1-2", mutate.Gullible()).And("RFC3376:5.2-2", mutate.Gullible()).Needs(needs...),
		[]int{2, 3},
		func(p *probe.P, version int) {
			lan := asked(p)
			good := igmp.GeneralQuery3(1)
			if version == 2 {
				good = igmp.GeneralQuery(1)
			}
			lan.Silent(good.With(ipv4.Options.Is(nil)), good, message, probe.Delayed(tenth), probe.For("RFC3376:9.1-2", "RFC3376:5.2-2"))
		})

	check.Grid(suite, "igmp.query.destination", "a general query to another group than 224.0.0.1 is ignored",
		check.Proves("RFC3376:9.1-3", mutate.Gullible()).Needs(needs...),
		[]int{2, 3},
		func(p *probe.P, version int) {
			lan := asked(p)
			good := igmp.GeneralQuery3(1)
			if version == 2 {
				good = igmp.GeneralQuery(1)
			}
			lan.Silent(good.With(ipv4.Dst.Is(g)), good, message, probe.Delayed(tenth))
		})

	toHost := is().With(ipv4.Dst.Where("no group", func(a netip.Addr) bool { return !a.IsMulticast() }))
	check.Grid(suite, "igmp.v3-query.any-address", "a query for a group is answered whichever address of the interface it was sent to",
		check.Proves("RFC3376:4.1.12-2", mutate.Ignores(toHost)).Needs(needs...),
		[]string{"host", "all-systems", "group"},
		func(p *probe.P, whose string) {
			lan := asked(p)
			query := igmp.SpecificQuery3(g, 1)
			switch whose {
			case "host":
				query = ethernet.Frame().Then(query.With(ipv4.Dst.Is(lan.TargetIP())))
			case "all-systems":
				query = query.With(ipv4.Dst.Is(igmp.AllSystems))
			}
			lan.Ask(query, current, probe.Because(fmt.Sprintf("the query went to %s", whose)))
		})

	// Nothing a version 3 host hears from others keeps it from answering, but reports of the older versions may.
	suite.It("igmp.v3-heard.report", "the report of another host does not take the place of the own one",
		check.Proves("RFC3376:5-4", mutate.Hushed(anyReport3, current)).Needs(needs...),
		func(p *probe.P) {
			lan := asked(p)
			lan.Send(igmp.GeneralQuery3(5))
			lan.As(1).Send(igmp.To(igmp.AllV3Routers, igmp.Report3(igmp.Records.Is(igmp.Encode(igmp.IsEx(g))))))
			lan.Expect(current)
		})

	check.Grid(suite, "igmp.v3-heard.unknown-record", "reports of others with auxiliary data, more octets or unknown records are ignored",
		check.Proves("RFC3376:4.2.12-7", mutate.Hushed(igmp.Report3(igmp.Tells(igmp.Record{Type: 7, Group: g})), current)).
			And("RFC3376:4.2.10-2", mutate.Hushed(igmp.Report3(igmp.Tells(withAux)), current)).
			And("RFC3376:4.2.11-2", mutate.Hushed(anyReport3.Then(packet.Payload([]byte{1, 2, 3, 4})), current)).
			Needs(needs...),
		[]string{"type", "aux", "extra"},
		func(p *probe.P, what string) {
			lan := asked(p)
			rs := map[string]igmp.Record{
				"type": {Type: 7, Group: g}, "aux": withAux, "extra": igmp.IsEx(g),
			}
			report := igmp.Report3(igmp.Records.Is(igmp.Encode(rs[what])))
			if what == "extra" {
				report = report.Then(packet.Payload([]byte{1, 2, 3, 4}))
			}
			lan.Send(igmp.GeneralQuery3(3))
			lan.As(1).Send(igmp.To(igmp.AllV3Routers, report))
			lan.Expect(current, probe.For("RFC3376:4.2.12-7", "RFC3376:4.2.10-2", "RFC3376:4.2.11-2"))
		})

	check.Grid(suite, "igmp.v3-heard.older", "a report of an older version may take the place of the own one",
		check.Proves("RFC3376:7.2.2-1", mutate.Repeat(current, 10*time.Millisecond)).Needs(needs...),
		[]int{1, 2},
		func(p *probe.P, version int) {
			lan := asked(p)
			t := p.Now()
			lan.Send(igmp.GeneralQuery3(3))
			lan.As(1).Send(igmp.Heard(version, g))
			p.Wait(3*tenth + 5*wire)
			n := len(since(lan, t, current))
			p.That("RFC3376:7.2.2-1", "answers", n, gomega.BeNumerically("<=", 1))
			p.Observed("RFC3376:7.2.2-1", "%d answers beside the report of another host", n)
		})
}
