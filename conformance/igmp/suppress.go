package igmp

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// heard are reports of version 1 or 2 as a target gets them.
func heard(conds ...packet.Cond) packet.Template {
	return igmp.Message(append([]packet.Cond{igmp.Type.In(igmp.TypeV1Report, igmp.TypeV2Report)}, conds...)...)
}

func init() {
	secondTester := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Ignores(heard().With(ipv4.Src.Is(n.Testers[2].IP4)))
	})
	check.Grid(suite, "igmp.v2-heard.report", "a report of another host takes the place of the own one",
		check.Proves("RFC2236:3-7", secondTester).
			And("RFC2236:5-1", secondTester).
			And("RFC2236:5-2", secondTester).
			And("RFC2236:6-11", secondTester).
			And("RFC2236:2.2-3", secondTester).
			And("RFC2236:2.5-1", secondTester).
			Needs(needs...),
		[]string{"version-1", "version-2", "max-response-time", "extra"},
		func(p *probe.P, what string) {
			lan := idle2(p, g)
			other := igmp.Heard(2, g)
			switch what {
			case "version-1":
				other = igmp.Heard(1, g)
			case "max-response-time":
				other = other.With(igmp.MaxRespTime.Is(100))
			case "extra":
				other = other.Then(packet.Payload([]byte{1, 2, 3, 4}))
			}
			lan.Send(igmp.GroupQuery(g, 10))
			lan.As(2).Send(other)
			lan.Never(report2, time.Second+wire, probe.For("RFC2236:3-7", "RFC2236:5-1", "RFC2236:5-2", "RFC2236:6-11", "RFC2236:2.2-3", "RFC2236:2.5-1"))
			lan.Ask(igmp.GroupQuery(g, 1), report2, probe.For(), probe.Because("the target is still a member"))
		})

	toHost := mutate.Ignores(heard().With(ipv4.Dst.Where("no group", func(a netip.Addr) bool { return !a.IsMulticast() })))
	suite.It("igmp.v2-heard.to-host", "a report that was sent to the host itself counts, too",
		check.Proves("RFC3376:4.2.14-3", toHost).Needs(needs...),
		func(p *probe.P) {
			lan := idle2(p, g)
			lan.Send(igmp.GroupQuery(g, 10))
			lan.As(1).Send(ethernet.Frame().Then(igmp.Heard(2, g).With(ipv4.Dst.Is(lan.TargetIP()))))
			lan.Never(report2, time.Second+wire)
			lan.Ask(igmp.GroupQuery(g, 1), report2, probe.For(), probe.Because("the target is still a member"))
		})

	for _, x := range []struct {
		id, title string
		claims    check.Claims
		reqs      []string
		other     func(*probe.Tester) packet.Template
	}{
		{"igmp.v2-heard.checksum", "a report with a wrong checksum does not count",
			check.Proves("RFC2236:6-4", mutate.Misreads(heard(igmp.Checksum.Is(0xbad)), igmp.Type.Is(igmp.TypeV2Report))).
				And("RFC1112:I-21", mutate.Misreads(heard(igmp.Checksum.Is(0xbad)), igmp.Type.Is(igmp.TypeV2Report))),
			[]string{"RFC2236:6-4", "RFC1112:I-21"},
			func(*probe.Tester) packet.Template { return igmp.Heard(2, g).With(igmp.Checksum.Is(0xbad)) }},
		{"igmp.v2-heard.extra-checksum", "octets behind a report count for its checksum",
			check.Proves("RFC2236:2.5-2", mutate.Misreads(heard().Then(packet.Payload([]byte{1, 2, 3, 4})), igmp.Type.Is(igmp.TypeV2Report))),
			[]string{"RFC2236:2.5-2"},
			func(t *probe.Tester) packet.Template {
				without, _ := igmp.Checksum.Of(kit.Framed(t, igmp.Heard(2, g)))
				return igmp.Heard(2, g).Then(packet.Payload([]byte{1, 2, 3, 4})).With(igmp.Checksum.Is(without))
			}},
		{"igmp.v2-heard.other-group", "a report of another group does not count",
			check.Proves("RFC2236:6-5", mutate.Misreads(heard(igmp.Group.Is(group(2))), igmp.Group.Is(g))),
			[]string{"RFC2236:6-5"},
			func(*probe.Tester) packet.Template { return igmp.Heard(2, group(2)) }},
	} {
		suite.It(x.id, x.title, x.claims.Needs(needs...),
			func(p *probe.P) {
				lan := idle2(p, g, group(2))
				lan.Send(igmp.GroupQuery(g, 5))
				lan.As(1).Send(x.other(lan))
				lan.Expect(report2, probe.For(x.reqs...))
			})
	}

	// What another host reports while nothing is due is not remembered against the next query.
	suite.It("igmp.v2-heard.idle", "a report of another host while nothing is due does not keep the host from answering later",
		check.Proves("RFC2236:6-5", mutate.Hushed(heard(), report2)).
			And("RFC1112:I-23", mutate.Hushed(heard(), report2)).
			Needs(needs...),
		func(p *probe.P) {
			lan := idle2(p, g)
			lan.As(1).Send(igmp.Heard(2, g))
			p.Wait(wire)
			lan.Ask(igmp.GroupQuery(g, 1), report2, probe.For("RFC2236:6-5", "RFC1112:I-23"))
		})

	elsewhere := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Hushed(heard().With(ipv4.Src.Where("of another link", func(a netip.Addr) bool { return !n.Prefix4.Contains(a) })), report2)
	})
	suite.It("igmp.v2-heard.other-interface", "a report on another link does not count",
		check.Proves("RFC2236:6-7", elsewhere).Needs(needs...).Needs(target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv4()
			other := lan.Link(1)
			heardBefore(lan, 2)
			s := p.Open("inet", "dgram", 0)
			ready(s.JoinOn(lan.TargetIP(), g), "joining %s", g)
			ready(s.JoinOn(other.TargetIP(), g), "joining %s on the second link", g)
			p.Wait(prompt)
			lan.As(1).Send(igmp.Heard(2, g))
			p.Wait(wire)
			lan.Forget()
			lan.Send(igmp.GroupQuery(g, 5))
			other.As(1).Send(igmp.Heard(2, g))
			lan.Expect(report2)
		})
}
