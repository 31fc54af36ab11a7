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

// heard are reports of version 1 as a target gets them.
func heard(conds ...packet.Cond) packet.Template { return mld.Report(conds...) }

func init() {
	suite.It("mld.v1-join.report", "start of listening is reported to the group",
		proves(
			by(mutate.Field(report1, icmpv6.Type.Is(icmpv6.TypeMLDDone)), "RFC2710:3.1-1"),
			by(globalSource(report1), "RFC2710:3-2"),
			by(mutate.Field(report1, ipv6.HopLimit.Is(64)), "RFC2710:3-3"),
			by(mutate.Field(report1, ipv6.HopOptions.Is(ipv6.Pad(6))), "RFC2710:3-4"),
			by(mutate.Field(report1, icmpv6.Code.Is(1)), "RFC2710:3.2-1"),
			by(mutate.Field(report1, icmpv6.Checksum.Is(0xbad)), "RFC2710:3.3-1"),
			by(mutate.Field(report1, mld.MaxDelay.Is(100)), "RFC2710:3.4-2"),
			by(mutate.Field(report1, mld.Reserved.Is(1)), "RFC2710:3.5-1"),
			by(mutate.Field(report1, mld.Group.Is(group(2))), "RFC2710:3.6-1"),
			by(mutate.Field(report1, ipv6.Dst.Is(ipv6.AllMLDRouters)), "RFC3810:5.2.14-2", "RFC2710:4-19", "RFC2710:8-2"),
			by(mutate.Octets(report1, "with four octets more", longer), "RFC2710:3.7-1"),
			by(mutate.Missing(report1), "RFC2710:2-1", "RFC2710:3-1"),
		),
		func(p *probe.P) {
			lan := heardBefore(p)
			lan.Forget()
			p.Wait(time.Second) // what the change of mode left undone
			lan.Forget()
			member(p, g)
			f := lan.Expect(ipv6.Header().Then(icmpv6.Message(icmpv6.Type.In(icmpv6.TypeMLDReport, icmpv6.TypeMLDDone)), mld.V1.Layer(mld.Group.In(g, group(2)))),
				probe.For("RFC2710:2-1", "RFC2710:3-1"))
			p.Must("RFC2710:3.1-1", f, icmpv6.Type.Is(icmpv6.TypeMLDReport))
			p.Must("RFC2710:3-2", f, linkLocalSrc(p))
			p.Must("RFC2710:3-3", f, ipv6.HopLimit.Is(1))
			p.Must("RFC2710:3-4", f, hasAlert)
			p.Must("RFC2710:3.2-1", f, icmpv6.Code.Is(0))
			p.That("RFC2710:3.3-1", "the checksum covers the message and the pseudo-header", sound(f), gomega.BeTrue())
			p.Must("RFC2710:3.4-2", f, mld.MaxDelay.Is(0))
			p.Must("RFC2710:3.5-1", f, mld.Reserved.Is(0))
			p.Must("RFC2710:3.6-1", f, mld.Group.Is(g))
			for _, req := range []string{"RFC3810:5.2.14-2", "RFC2710:4-19", "RFC2710:8-2"} {
				p.Must(req, f, ipv6.Dst.Is(g))
			}
			p.Must("RFC2710:3.7-1", f, packet.Data.Is(nil))
		})

	suite.It("mld.v1-join.at-once", "start of listening is reported at once",
		proves(by(mutate.Late(report1, time.Second), "RFC2710:4-21", "RFC2710:5-14")),
		func(p *probe.P) {
			lan := heardBefore(p)
			before := p.Now()
			member(p, g)
			f := lan.Expect(report1, probe.For())
			for _, req := range []string{"4-21", "5-14"} {
				p.Between("RFC2710:"+req, "from the join to its report", f.At-before, 0, prompt)
			}
		})

	suite.It("mld.v1-join.repeat", "the report of joining is repeated once or twice, within 10 s each",
		proves(
			by(mutate.Drops(report1, 1), "RFC2710:4-22", "RFC2710:5-17"),
			by(mutate.Lags(report1, 1, unsolicited1), "RFC2710:5-22", "RFC2710:7.10-1"),
		).Slow(),
		func(p *probe.P) {
			lan := heardBefore(p)
			member(p, g)
			p.Wait(2*unsolicited1 + 5*wire)
			told := lan.Seen(report1)
			for _, req := range []string{"4-22", "5-17"} {
				p.That("RFC2710:"+req, "reports", len(told), gomega.And(gomega.BeNumerically(">=", 2), gomega.BeNumerically("<=", 3)))
			}
			for _, req := range []string{"5-22", "7.10-1"} {
				for i := range told[:max(0, len(told)-1)] {
					p.Between("RFC2710:"+req, "from a report to its repetition", told[i+1].At-told[i].At, 0, unsolicited1)
				}
				if len(told) < 2 {
					p.Fail("RFC2710:"+req, probe.Timing, "a repetition within %v", unsolicited1)
				}
			}
		})

	suite.It("mld.v1-join.repeat-at-random", "the time before the repetition is chosen evenly from 10 s for each group",
		proves(by(mutate.Punctual(mld.Report(), query1, 20*time.Second), "RFC2710:5-22")).Slow(),
		func(p *probe.P) {
			lan := heardBefore(p)
			many(p, forty)
			p.Wait(unsolicited1 + 5*wire)
			var gaps []time.Duration
			for n := range forty {
				if told := lan.Seen(old(n)); len(told) > 1 {
					gaps = append(gaps, told[1].At-told[0].At)
				}
			}
			p.Uniform("RFC2710:5-22", "the times", gaps, 0, unsolicited1)
		})

	toRouters := ipv6.Header(ipv6.Dst.Is(ipv6.AllRouters))
	suite.It("mld.v1-leave.last", "the host that was the last to report a group tells the routers of the end of listening",
		proves(
			by(mutate.Missing(done1), "RFC2710:4-23", "RFC2710:5-18"),
			by(mutate.Field(toRouters.Then(mld.Done()), icmpv6.Type.Is(icmpv6.TypeMLDReport)), "RFC2710:3.1-1"),
			by(mutate.Field(done1, mld.Group.Is(group(2))), "RFC2710:3.6-2"),
			by(mutate.Field(done1, mld.MaxDelay.Is(1)), "RFC2710:3.4-2"),
			by(mutate.Field(done1, ipv6.Dst.Is(g)), "RFC2710:8-2"),
		),
		func(p *probe.P) {
			lan := heardBefore(p)
			s := member(p, g)
			lan.Expect(report1, probe.For())
			p.Wait(wire)
			t := p.Now()
			ready(s.Leave(g), "leaving %s", g)
			p.Wait(prompt)
			left := since(lan, t, message)
			for _, req := range []string{"4-23", "5-18"} {
				p.That("RFC2710:"+req, "messages of the end of listening", len(left), gomega.Equal(1))
			}
			if len(left) == 0 {
				return
			}
			p.Must("RFC2710:3.1-1", left[0], icmpv6.Type.Is(icmpv6.TypeMLDDone))
			p.Must("RFC2710:3.6-2", left[0], mld.Group.Is(g))
			p.Must("RFC2710:3.4-2", left[0], mld.MaxDelay.Is(0))
			p.Must("RFC2710:8-2", left[0], ipv6.Dst.Is(ipv6.AllRouters))
		})

	suite.It("mld.v1-leave.idle", "the last host to answer a query tells the routers of the end of listening, with nothing pending",
		proves(by(mutate.Missing(done1), "RFC2710:5-21")).Slow(),
		func(p *probe.P) {
			lan := heardBefore(p)
			s := member(p, g)
			p.Wait(2*unsolicited1 + 5*wire)
			lan.Ask(mld.GroupQuery(g, haste), report1, probe.For())
			p.Wait(wire)
			ready(s.Leave(g), "leaving %s", g)
			lan.Expect(done1)
		})

	suite.It("mld.v1-leave.stops", "the end of listening stops the timer of a report",
		proves(by(mutate.Repeat(report1, 2*time.Second), "RFC2710:5-18")).Slow(),
		func(p *probe.P) {
			lan := heardBefore(p)
			s := member(p, g)
			lan.Expect(report1, probe.For())
			lan.Send(mld.GroupQuery(g, 5*second))
			ready(s.Leave(g), "leaving %s", g)
			p.Wait(prompt)
			lan.Forget()
			lan.Never(report1, unsolicited1)
		})

	// A Done for a group that is still listened to is wrong whoever reported last.
	early := mutate.Forge(heard(), mld.To(ipv6.AllRouters, done1))
	suite.It("mld.v1-leave.not-last", "a host that was not the last to report a group may leave it without a word",
		proves(by(early, "RFC2710:4-24", "RFC2710:5-23")),
		func(p *probe.P) {
			lan := heardBefore(p)
			s := member(p, g)
			lan.Expect(report1, probe.For())
			lan.Send(mld.GroupQuery(g, 10*second))
			lan.As(1).Send(mld.Heard(g))
			p.Wait(2 * wire)
			before := len(lan.Seen(done1))
			ready(s.Leave(g), "leaving %s", g)
			p.Wait(prompt)
			n := len(lan.Seen(done1)) - before
			for _, req := range []string{"4-24", "5-23"} {
				p.That("RFC2710:"+req, "Dones of a group that is listened to", before, gomega.Equal(0))
				p.That("RFC2710:"+req, "Dones", n, gomega.BeNumerically("<=", 1))
				p.Observed("RFC2710:"+req, "%d Dones after the report of another host", n)
			}
		})

	second := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Ignores(heard().With(ipv6.Src.Is(n.Testers[2].LinkLocal)))
	})
	check.Grid(suite, "mld.v1-heard.report", "a report of another host takes the place of the own one",
		proves(
			by(second, "RFC2710:4-20", "RFC2710:5-16"),
			by(mutate.Ignores(heard(mld.MaxDelay.Is(1000))), "RFC2710:3.4-3"),
			by(mutate.Ignores(heard().Then(packet.Payload([]byte{1, 2, 3, 4}))), "RFC2710:3.7-2"),
			by(mutate.Ignores(heard().With(ipv6.Dst.Where("no group", func(a netip.Addr) bool { return !a.IsMulticast() }))), "RFC3810:5.2.14-3"),
		),
		[]kit.Aspect{
			kit.About("plain", "RFC2710:4-20", "RFC2710:5-16"),
			kit.About("delay", "RFC2710:3.4-3"),
			kit.About("extra", "RFC2710:3.7-2"),
			kit.About("to-host", "RFC3810:5.2.14-3"),
		},
		func(p *probe.P, what kit.Aspect) {
			lan := idle(p, g)
			other := mld.Heard(g)
			switch what.Name {
			case "delay":
				other = other.With(mld.MaxDelay.Is(1000))
			case "extra":
				other = other.Then(packet.Payload([]byte{1, 2, 3, 4}))
			case "to-host":
				other = other.With(ipv6.Dst.Is(p.Net().Target.LinkLocal))
			}
			lan.Send(mld.GroupQuery(g, 1000))
			lan.As(2).Send(other)
			lan.Never(report1, time.Second+wire, probe.For(what.Requirements...))
			lan.Ask(mld.GroupQuery(g, haste), report1, probe.For(), probe.Because("the target still listens"))
		})

	checksum := func(t *probe.Tester, tmpl packet.Template) uint {
		v, _ := icmpv6.Checksum.Of(kit.Framed(t.As(1), tmpl))
		return v
	}
	for _, x := range []struct {
		id, title string
		claim     claim
		other     func(*probe.Tester) packet.Template
	}{
		{"mld.v1-heard.checksum", "a report with a wrong checksum does not count",
			by(mutate.Gullible(), "RFC2710:5-8"),
			func(t *probe.Tester) packet.Template {
				return mld.Heard(g).With(icmpv6.Checksum.Is(checksum(t, mld.Heard(g)) ^ 0x0101))
			}},
		{"mld.v1-heard.extra-checksum", "octets behind a report count for its checksum",
			by(mutate.Gullible(), "RFC2710:3.7-3"),
			func(t *probe.Tester) packet.Template {
				return mld.Heard(g).Then(packet.Payload([]byte{1, 2, 3, 4})).With(icmpv6.Checksum.Is(checksum(t, mld.Heard(g))))
			}},
		{"mld.v1-heard.source", "a report from a global address does not count",
			by(mutate.Gullible(), "RFC2710:5-6"),
			func(t *probe.Tester) packet.Template { return mld.Heard(g).With(ipv6.Src.Is(t.As(1).IP())) }},
		{"mld.v1-heard.short", "a report of less than 24 octets does not count",
			by(mutate.Gullible(), "RFC2710:5-7"),
			func(t *probe.Tester) packet.Template {
				body := append(make([]byte, 4), g.AsSlice()...)
				return fromHost(t.As(1), mld.To(g, icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeMLDReport))).
					Then(packet.Payload(body[:19])).With(ipv6.HopLimit.Is(1)))
			}},
		{"mld.v1-heard.other-group", "a report of another group does not count",
			by(mutate.Gullible(), "RFC2710:5-9", "RFC2710:5-13"),
			func(*probe.Tester) packet.Template { return mld.Heard(group(2)) }},
	} {
		suite.It(x.id, x.title, proves(x.claim),
			func(p *probe.P) {
				lan := idle(p, g, group(2))
				t := p.Now()
				lan.Send(mld.GroupQuery(g, 500))
				lan.As(1).SendBad(x.other(lan), mld.Heard(g))
				p.Wait(500*time.Millisecond + 5*wire)
				for _, req := range x.claim.reqs {
					p.That(req, "answers to the query", len(since(lan, t, report1)), gomega.Equal(1))
				}
			})
	}

	// What another host reports while nothing is due is not remembered against the next query.
	suite.It("mld.v1-heard.idle", "a report of another host while nothing is due does not keep the host from answering later",
		proves(by(mutate.Hushed(heard(), report1), "RFC2710:5-20")),
		func(p *probe.P) {
			lan := idle(p, g)
			lan.As(1).Send(mld.Heard(g))
			p.Wait(wire)
			lan.Ask(mld.GroupQuery(g, haste), report1)
		})

	elsewhere := mutate.Between(func(near, far target.Net) mutate.Mutation {
		return mutate.Hushed(heard().With(ipv6.Src.Is(far.Testers[1].LinkLocal)), report1)
	})
	suite.It("mld.v1-heard.other-interface", "a report on another link does not count",
		proves(by(elsewhere, "RFC2710:5-9", "RFC2710:5-1")).Needs(target.SecondLink),
		func(p *probe.P) {
			lan := heardBefore(p)
			other := lan.Link(1)
			s := p.Open("inet6", "dgram", 0)
			ready(s.JoinOn(lan.TargetIP(), g), "joining %s", g)
			ready(s.JoinOn(other.TargetIP(), g), "joining %s on the second link", g)
			p.Wait(prompt)
			lan.As(1).Send(mld.Heard(g))
			p.Wait(wire)
			lan.Forget()
			lan.Send(mld.GroupQuery(g, 500))
			other.As(1).Send(mld.Heard(g))
			lan.Expect(report1, probe.For("RFC2710:5-9", "RFC2710:5-1"))
		})
}

// longer is a frame with four octets behind its message, counted in the lengths and the checksum.
func longer(frame []byte) []byte {
	f := append(append([]byte(nil), frame...), 0, 0, 0, 0)
	const ip = 14 // behind the Ethernet header: IPv6, Hop-by-Hop Options of 8 octets, ICMPv6
	length := int(f[ip+4])<<8 | int(f[ip+5]) + 4
	f[ip+4], f[ip+5] = byte(length>>8), byte(length)
	message := f[ip+48 : ip+40+length]
	message[2], message[3] = 0, 0
	pseudo := append(append([]byte(nil), f[ip+8:ip+40]...), 0, 0, byte(len(message)>>8), byte(len(message)), 0, 0, 0, 58)
	sum := packet.Checksum(append(pseudo, message...))
	message[2], message[3] = byte(sum>>8), byte(sum)
	return f
}
