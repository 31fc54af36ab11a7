package mld

import (
	"fmt"
	"strconv"
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/probe"

	"github.com/onsi/gomega"
)

// octetsOf is a query of n octets: those of a general query as far as they go. Its checksum is right.
func octetsOf(n int) packet.Template {
	body := make([]byte, n-4)
	copy(body, []byte{0, haste})
	if n > 24 {
		copy(body[20:], []byte{2, 125, 0, 0})
	}
	return mld.To(ipv6.AllNodes, icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeMLDQuery))).Then(packet.Payload(body)).With(ipv6.HopLimit.Is(1))
}

// fromHost is a template that the tester sends from its link-local address.
func fromHost(lan *probe.Tester, t packet.Template) packet.Template {
	return t.With(ipv6.Src.Is(lan.Host().LinkLocal))
}

// withAux is a record with auxiliary data, of which RFC 3810 defines none.
var withAux = mld.Record{Type: mld.ModeIsExclude, Group: g, Aux: []byte{1, 2, 3, 4}}

// queryOf is a general query of a version that asks for haste.
func queryOf(version int) packet.Template {
	if version == 1 {
		return mld.GeneralQuery(haste)
	}
	return mld.GeneralQuery2(haste)
}

// answerOf is its answer about g. In version 1 each group has one of its own.
func answerOf(version int) packet.Template {
	if version == 1 {
		return report1
	}
	return current
}

// An origin is what makes a query one from elsewhere.
type origin struct {
	kit.Aspect
	version int
	bad     func(*probe.Tester) packet.Cond
}

func origins() (all []origin) {
	always := func(c packet.Cond) func(*probe.Tester) packet.Cond {
		return func(*probe.Tester) packet.Cond { return c }
	}
	for version := 1; version <= 2; version++ {
		add := func(name string, bad func(*probe.Tester) packet.Cond, two, one []string) {
			reqs := two
			if version == 1 {
				reqs = one
			}
			all = append(all, origin{kit.About(fmt.Sprintf("version %d %s", version, name), append(reqs, "RFC3810:10-1")...), version, bad})
		}
		add("from nobody", always(ipv6.Src.Is(ipv6.Unspecified)), []string{"RFC3810:5.1.14-2", "RFC3810:6.2-1"}, []string{"RFC2710:5-2", "RFC2710:5-10"})
		add("from a global address", func(t *probe.Tester) packet.Cond { return ipv6.Src.Is(t.IP()) }, []string{"RFC3810:5.1.14-3", "RFC3810:6.2-1"}, []string{"RFC2710:5-2", "RFC2710:5-10"})
		for _, hops := range []uint{0, 2, 64, 255} {
			add("with hop limit "+strconv.Itoa(int(hops)), always(ipv6.HopLimit.Is(hops)), []string{"RFC3810:6.2-2"}, nil)
		}
		add("without Router Alert", always(ipv6.HopOptions.Is(ipv6.Pad(6))), []string{"RFC3810:6.2-3"}, nil)
	}
	return all
}

func init() {
	for _, x := range []struct {
		id, title, requirement string
		values                 []uint
		query                  func(uint) packet.Template
		is                     packet.Template
	}{
		{"mld.v2-format.code", "the code of a query is ignored", "RFC3810:5.1.1-2", []uint{1, 128, 255},
			func(v uint) packet.Template { return mld.GeneralQuery2(haste).With(icmpv6.Code.Is(v)) },
			icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeMLDQuery), icmpv6.Code.Not(0))},
		{"mld.v2-format.reserved", "the reserved fields of a query are ignored", "RFC3810:5.1.4-2", []uint{1, 0x8000, 0xffff},
			func(v uint) packet.Template {
				return mld.GeneralQuery2(haste).With(mld.QueryReserved.Is(v), mld.Resv.Is(v&15))
			}, query2(mld.QueryReserved.Not(0))},
		{"mld.v2-format.s-flag", "the S flag does not hold back an answer", "RFC3810:5.1.7-1", []uint{0, 1},
			func(v uint) packet.Template { return mld.SpecificQuery2(g, haste).With(mld.S.Is(v)) }, query2(mld.S.Is(1))},
		{"mld.v2-format.extra", "octets behind the fields of a query are ignored", "RFC3810:5.1.12-2", []uint{1, 4, 16, 100},
			func(v uint) packet.Template {
				return mld.GeneralQuery2(haste).Then(packet.Payload(make([]byte, v)))
			},
			query2().Then(packet.Payload(make([]byte, 4)))},
	} {
		check.Grid(suite, x.id, x.title, proves(by(mutate.Ignores(x.is), x.requirement)), x.values,
			func(p *probe.P, v uint) { listening(p).Ask(x.query(v), current) })
	}

	check.Grid(suite, "mld.v2-format.checksum", "a query with a wrong checksum is ignored",
		proves(by(mutate.Gullible(), "RFC3810:5.1.2-2")), []uint{0x0001, 0x8000, 0xffff},
		func(p *probe.P, flip uint) {
			lan := listening(p)
			good := mld.GeneralQuery2(haste)
			right, _ := icmpv6.Checksum.Of(kit.Framed(lan, good))
			lan.Silent(good.With(icmpv6.Checksum.Is(right^flip)), good, current, probe.Delayed(hasty))
		})

	suite.It("mld.v2-format.extra-checksum", "octets behind the fields of a query count for its checksum",
		proves(by(mutate.Gullible(), "RFC3810:5.1.12-1")),
		func(p *probe.P) {
			lan := listening(p)
			without, _ := icmpv6.Checksum.Of(kit.Framed(lan, mld.GeneralQuery2(haste)))
			good := mld.GeneralQuery2(haste).Then(packet.Payload([]byte{1, 2, 3, 4}))
			lan.Silent(good.With(icmpv6.Checksum.Is(without)), good, current, probe.Delayed(hasty))
		})

	// A query of 24 octets is of version 1; those of 25 to 27 and of less than 24 are of none.
	check.Grid(suite, "mld.format.length", "a query of another length than those of the versions is ignored",
		proves(
			by(mutate.Gullible(), "RFC3810:8.1-3", "RFC2710:5-3"),
		),
		[]int{8, 20, 23, 25, 26, 27},
		func(p *probe.P, n int) {
			lan := listening(p)
			t := p.Now()
			lan.SendBad(fromHost(lan, octetsOf(n)), mld.GeneralQuery2(haste))
			p.Wait(hasty + 5*wire)
			answers := len(since(lan, t, report1)) + len(since(lan, t, current))
			for _, req := range []string{"RFC3810:8.1-3", "RFC2710:5-3"} {
				p.That(req, "answers, of either version", answers, gomega.BeZero())
			}
			if answers == 0 {
				lan.Ask(mld.GeneralQuery2(haste), current, probe.For(), probe.Because("a query of 28 octets is answered"))
			}
		})

	// Of the types that ICMPv6 leaves to experiments, and of no use yet: none is answered, whatever it looks like.
	check.Grid(suite, "mld.format.type", "a message of an unknown type is ignored",
		proves(by(mutate.Gullible(), "RFC3810:5-6")), []uint{162, 200, 201, 255},
		func(p *probe.P, v uint) {
			good := mld.GeneralQuery2(haste)
			lan := listening(p)
			any := icmpv6.Message().With(ethernet.Src.Is(lan.TargetMAC()))
			lan.Silent(good.With(icmpv6.Type.Is(v)), good, any, probe.Fence(current), probe.Delayed(hasty))
		})

	all := origins()
	claims := map[string]bool{}
	var cs []claim
	for _, o := range all {
		for _, req := range o.Requirements {
			if !claims[req] {
				claims[req] = true
				cs = append(cs, by(mutate.Gullible(), req))
			}
		}
	}
	check.Grid(suite, "mld.query.origin", "a query that is not from a host of the link is dropped", proves(cs...), all,
		func(p *probe.P, o origin) {
			lan := listening(p)
			good := queryOf(o.version)
			lan.Silent(good.With(o.bad(lan)), good, answerOf(o.version), probe.Delayed(hasty), probe.For(o.Requirements...))
		})

	check.Grid(suite, "mld.query.group", "a query about what is no group is ignored",
		proves(by(mutate.Gullible(), "RFC2710:5-5")), []int{1, 2},
		func(p *probe.P, version int) {
			lan := listening(p)
			good := queryOf(version)
			field := mld.Group
			if version == 2 {
				field = mld.QueryGroup
			}
			lan.Silent(good.With(field.Is(p.Net().Target.LinkLocal)), good, answerOf(version), probe.Delayed(hasty))
		})

	suite.It("mld.v2-heard.report", "the report of another host does not take the place of the own one",
		proves(by(mutate.Hushed(anyReport, current), "RFC3810:6-5")),
		func(p *probe.P) {
			lan := listening(p)
			lan.Send(mld.GeneralQuery2(500))
			lan.As(1).Send(tells(mld.IsEx(g)))
			lan.Expect(current)
		})

	// What is for routers: nothing of it makes a listener fall silent.
	check.Grid(suite, "mld.v2-heard.others", "reports and Dones of others, whatever they hold, keep no listener from answering",
		proves(
			by(mutate.Hushed(mld.Report2(mld.Tells(mld.Record{Type: 7, Group: g})), current), "RFC3810:5.2.12-10"),
			by(mutate.Hushed(mld.Report2(mld.Tells(withAux)), current), "RFC3810:5.2.10-2"),
			by(mutate.Hushed(anyReport.Then(packet.Payload([]byte{1, 2, 3, 4})), current), "RFC3810:5.2.11-2"),
			by(mutate.Hushed(mld.Done(), current), "RFC2710:5-11"),
		),
		[]string{"type", "aux", "extra", "done"},
		func(p *probe.P, what string) {
			lan := listening(p)
			rs := map[string]mld.Record{"type": {Type: 7, Group: g}, "aux": withAux, "extra": mld.IsEx(g)}
			report := mld.Report2(mld.Records.Is(mld.Encode(rs[what])))
			if what == "extra" {
				report = report.Then(packet.Payload([]byte{1, 2, 3, 4}))
			}
			if what == "done" {
				report = mld.Done(mld.Group.Is(g))
			}
			lan.Send(mld.GeneralQuery2(300))
			lan.As(1).Send(mld.To(ipv6.AllMLDRouters, report))
			lan.Expect(current, probe.For("RFC3810:5.2.12-10", "RFC3810:5.2.10-2", "RFC3810:5.2.11-2", "RFC2710:5-11"))
		})

	suite.It("mld.v2-heard.older", "a report of version 1 may take the place of the own one",
		proves(by(mutate.Repeat(current, 10*time.Millisecond), "RFC3810:8.2.2-1")),
		func(p *probe.P) {
			lan := listening(p)
			t := p.Now()
			lan.Send(mld.GeneralQuery2(300))
			lan.As(1).Send(mld.Heard(g))
			p.Wait(300*time.Millisecond + 5*wire)
			n := len(since(lan, t, current))
			p.That("RFC3810:8.2.2-1", "answers", n, gomega.BeNumerically("<=", 1))
			p.Observed("RFC3810:8.2.2-1", "%d answers beside the report of another host", n)
		})
}
