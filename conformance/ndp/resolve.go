package ndp

import (
	"net"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// on6 is a mutation of frames of the target that concern the unused address: solicitations for it.
func onNS(f func(on packet.Template) mutate.Mutation, conds ...packet.Cond) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation { return f(ndp.Solicit(n.Unused6).With(conds...)) })
}

// onReply is the same of the replies to its echoes.
func onReply(f func(on packet.Template) mutate.Mutation) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation {
		return f(ipv6.Header(ipv6.Dst.Is(n.Unused6)).Then(icmpv6.EchoReply()))
	})
}

func late(d time.Duration) func(packet.Template) mutate.Mutation {
	return func(on packet.Template) mutate.Mutation { return mutate.Late(on, d) }
}

func lags(n int, d time.Duration) func(packet.Template) mutate.Mutation {
	return func(on packet.Template) mutate.Mutation { return mutate.Lags(on, n, d) }
}

func repeat(d time.Duration) func(packet.Template) mutate.Mutation {
	return func(on packet.Template) mutate.Mutation { return mutate.Repeat(on, d) }
}

func drops(n int) func(packet.Template) mutate.Mutation {
	return func(on packet.Template) mutate.Mutation { return mutate.Drops(on, n) }
}

// asksForIt is a target that asks for the unused address whenever it has an echo from there.
var asksForIt = mutate.Here(func(n target.Net) mutate.Mutation {
	return mutate.Forge(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(icmpv6.EchoRequest()), ndp.Solicit(n.Unused6))
})

// series are the instants of frames, as times since the first.
func series(fs []*packet.Frame) (ds []time.Duration) {
	for _, f := range fs {
		ds = append(ds, f.At-fs[0].At)
	}
	return ds
}

func init() {
	suite.It("ndp.resolve.series", "an address that nobody answers for is asked for three times, a RetransTimer apart",
		check.Proves("RFC4861:7.2.2-1", onNS(mutate.Missing)).
			And("RFC4861:5.2-5", onNS(mutate.Missing)).
			And("RFC4861:7.3.2-1", onNS(mutate.Missing, multicastDst)).
			And("RFC4861:C-1", onNS(mutate.Missing, multicastDst)).
			And("RFC4861:7.2.2-14", onNS(lags(1, 700*time.Millisecond))).
			And("RFC4861:7.2.2-15", onNS(repeat(500*time.Millisecond))).
			And("RFC4861:7.3.3-15", onNS(repeat(300*time.Millisecond))).
			And("RFC4861:7.2.2-16", onNS(drops(2))).
			And("RFC4861:10-9", onNS(repeat(0))).
			And("RFC4861:10-14", onNS(lags(2, 700*time.Millisecond))).
			And("RFC4861:6.3.2-6", onNS(lags(1, 2*time.Second))).
			And("RFC4861:6.3.2-7", onNS(lags(1, 2*time.Second))).
			And("RFC4861:C-2", onNS(drops(1))).
			And("RFC4861:C-3", onNS(late(4*time.Second), multicastDst)).
			And("RFC4861:2.1-3", asksForIt),
		func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			began := p.Now()
			x.echo()
			first := x.Expect(x.solicits(), probe.For("RFC4861:7.2.2-1", "RFC4861:5.2-5", "RFC4861:7.3.2-1", "RFC4861:C-1"))
			p.Between("RFC4861:C-3", "the first solicitation", first.At-began, 0, 100*time.Millisecond)
			p.Wait(4500 * time.Millisecond)
			fs := x.asked(0)
			gaps := series(fs)
			for _, req := range []string{"RFC4861:7.2.2-16", "RFC4861:10-9", "RFC4861:C-2", "RFC4861:2.1-3"} {
				p.That(req, "three solicitations, and no more", len(fs), gomega.Equal(3))
			}
			for i := 1; i < len(gaps); i++ {
				gap := gaps[i] - gaps[i-1]
				for _, req := range []string{"RFC4861:7.2.2-14", "RFC4861:10-14", "RFC4861:6.3.2-6", "RFC4861:6.3.2-7"} {
					p.Between(req, "from one solicitation to the next", gap, 0, retrans+200*time.Millisecond)
				}
				for _, req := range []string{"RFC4861:7.2.2-15", "RFC4861:7.3.3-15"} {
					p.Between(req, "from one solicitation to the next", gap, retrans, time.Hour)
				}
			}
			if len(gaps) < 2 {
				for _, req := range []string{"RFC4861:7.2.2-14", "RFC4861:7.2.2-15", "RFC4861:7.3.3-15", "RFC4861:10-14", "RFC4861:6.3.2-6", "RFC4861:6.3.2-7"} {
					p.Meets(req)
				}
			}
		})

	suite.It("ndp.resolve.again", "once resolution has failed nothing is known, and it begins anew",
		check.Proves("RFC4861:7.3.3-3", onNS(drops(3))).
			And("RFC4861:7.3.3-4", onNS(drops(3))).
			And("RFC4861:7.3.3-14", onNS(drops(3), multicastDst)),
		func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			x.echo()
			x.Expect(x.solicits(), probe.For())
			p.Wait(4200 * time.Millisecond)
			p.Forget()
			x.echo()
			x.Expect(x.solicits(multicastDst), probe.For("RFC4861:7.3.3-3", "RFC4861:7.3.3-4", "RFC4861:7.3.3-14"), probe.Because("there is traffic again"))
		})

	check.Grid(suite, "ndp.resolve.queue", "of the packets that wait for an address, at least the latest is sent when it is known",
		check.Proves("RFC4861:7.2.2-8", onReply(mutate.Missing)).Crowds().
			And("RFC4861:7.2.2-9", onReply(mutate.Missing)).
			And("RFC4861:7.2.2-10", onReply(mutate.Missing)).
			And("RFC4861:7.2.2-12", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Ignores(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(icmpv6.EchoRequest(icmpv6.Seq.Where("the last", func(v uint) bool { return v >= 1000 }))))
			})).
			And("RFC4861:7.2.2-13", onReply(mutate.Missing)).
			And("RFC4861:5.2-6", onReply(mutate.Missing)).
			And("RFC4861:7.2.5-7", onReply(mutate.Missing)).
			And("RFC4861:7.2.2-11", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Forge(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(icmpv6.EchoRequest(icmpv6.Seq.Where("of many", func(v uint) bool { return v > 2 && v < 1000 }))),
					ipv6.Header(ipv6.Dst.Is(n.Unused6)).Then(icmpv6.EchoReply(icmpv6.ID.Is(queued))))
			})),
		[]int{1, 2, 4, 64, 600}, func(p *probe.P, n int) {
			x := nobodyOn(p.IPv6())
			for i := range n {
				seq := uint(i)
				if i == n-1 {
					seq = 1000
				}
				x.Send(icmpv6.Echo(queued, seq, nil))
			}
			x.Expect(x.solicits(), probe.For())
			x.Send(ndp.Advert())
			all := []string{"RFC4861:7.2.2-8", "RFC4861:7.2.2-9", "RFC4861:7.2.2-10", "RFC4861:7.2.2-13", "RFC4861:5.2-6", "RFC4861:7.2.5-7"}
			x.Expect(icmpv6.EchoReply(icmpv6.ID.Is(queued)), probe.For(all...), probe.Because("the address is known now"))
			kit.Alive(x.lan)
			sent := x.Seen(icmpv6.EchoReply(icmpv6.ID.Is(queued)))
			p.Observed("RFC4861:7.2.2-10", "%d of %d packets were kept", len(sent), n)
			last := x.Seen(icmpv6.EchoReply(icmpv6.ID.Is(queued), icmpv6.Seq.Is(1000)))
			p.That("RFC4861:7.2.2-11", "packets that were kept, of many", len(sent), gomega.BeNumerically("<", 500))
			if n > 64 { // a stack may run out of memory for replies before
				p.Meets("RFC4861:7.2.2-12")
				return
			}
			p.That("RFC4861:7.2.2-12", "the latest of the packets is among those sent", len(last) > 0, gomega.BeTrue())
		})

	suite.It("ndp.resolve.answer", "an answer to a host that the target knows no link address of waits until that is resolved",
		check.Proves("RFC4861:7.2.4-13", onNS(mutate.Missing)).
			And("RFC4861:7.2-4", onNS(mutate.Missing)).
			And("RFC4861:7.2-3", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Misreads(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(ndp.Solicitation()), ndp.NSLink.Is(n.Testers[0].MAC))
			})).
			And("RFC4861:C-7", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Misreads(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(ndp.Solicitation()), ndp.NSLink.Is(n.Testers[1].MAC))
			})).
			And("RFC4861:C-25", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Misreads(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(ndp.Solicitation()), ndp.NSLink.Is(n.Testers[1].MAC))
			})),
		func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			x.Send(ndp.Solicitation(ndp.NSLink.None()).With(ipv6.Dst.Is(x.TargetIP())))
			kit.Alive(x.lan)
			for _, req := range []string{"RFC4861:7.2-3", "RFC4861:C-7", "RFC4861:C-25"} {
				p.That(req, "answers to an unknown link address", len(x.Seen(ndp.Advert())), gomega.BeZero())
			}
			x.Expect(x.solicits(multicastDst), probe.For("RFC4861:7.2.4-13", "RFC4861:7.2-4"))
			x.Ask(ndp.Advert(), ndp.Advert(), probe.For(), probe.Because("the address is known now"))
		})

	suite.It("ndp.resolve.known", "a neighbour that was confirmed a moment ago is not asked for",
		check.Proves("RFC4861:7.2-1", asksForIt).
			And("RFC4861:7.3.2-2", asksForIt).
			And("RFC4861:5.2-2", onReply(func(on packet.Template) mutate.Mutation {
				return mutate.Field(on, linkTo(ipv6.GroupMAC(ipv6.AllNodes)))
			})).
			And("RFC4861:5.2-4", asksForIt),
		func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			x.resolved(x.MAC())
			p.Wait(10 * time.Millisecond)
			since := p.Now()
			f := x.ask()
			p.Wait(2 * retrans)
			for _, req := range []string{"RFC4861:7.2-1", "RFC4861:7.3.2-2", "RFC4861:5.2-4"} {
				p.That(req, "solicitations for a neighbour that is reachable", len(x.asked(since)), gomega.BeZero())
			}
			if f == nil {
				p.Fail("RFC4861:5.2-2", probe.Missing, "a reply to the neighbour")
				return
			}
			p.Must("RFC4861:5.2-2", f, linkTo(x.MAC()))
		})

	suite.It("ndp.resolve.group", "a packet for a group is sent without asking for it, by itself",
		check.Proves("RFC4861:7.2-2", asGroup).
			And("RFC4861:5.2-7", mutate.Missing(udp.Datagram(udp.DstPort.Is(9)))).
			And("RFC4861:7.3-3", asGroup).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			if err := lan.UDP(0).SendTo([]byte("all"), netip.AddrPortFrom(lan.Zoned(group6), 9)); err != nil {
				p.Inconclusive("the target refuses to send to a group: %v", err)
			}
			p.Wait(100 * time.Millisecond)
			for _, req := range []string{"RFC4861:7.2-2", "RFC4861:7.3-3"} {
				p.That(req, "solicitations for a group", len(lan.Seen(ndp.Solicit(group6))), gomega.BeZero())
			}
			p.That("RFC4861:5.2-7", "packets to the group on the link", len(lan.Seen(ipv6.Header(ipv6.Dst.Is(group6)))), gomega.Equal(1))
		})

	suite.It("ndp.resolve.sender", "the sender of a packet whose neighbour does not answer is told that it is not reached",
		check.Proves("RFC4861:7.2.2-17", mutate.Errno(agent.Recv, "ECONNREFUSED", "EHOSTUNREACH")).Needs(target.Agent),
		func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			s := x.UDP(0)
			if err := s.Connect(netip.AddrPortFrom(x.IP(), 9)); err != nil {
				p.Inconclusive("the target refuses to connect: %v", err)
			}
			_ = s.SetOption("IPV6_RECVERR", 1) // some stacks tell errors that may pass only who asks for them
			if err := s.SendTo([]byte("who"), netip.AddrPort{}); err != nil {
				p.Inconclusive("the target refuses to send: %v", err)
			}
			x.Expect(x.solicits(), probe.For())
			reply, ok := s.Recv().Await(4 * retrans)
			if !ok {
				p.Fail("RFC4861:7.2.2-17", probe.Missing, "an error of the socket after the third solicitation")
				return
			}
			p.That("RFC4861:7.2.2-17", "what the socket says", reply.Errno, gomega.Equal("EHOSTUNREACH"))
		})
}

const queued = 0x7a01 // identifier of the echoes that wait

var group6 = ipv6.MustAddr("ff02::4242")

// asGroup is a target that asks for a group where it should send to it.
var asGroup = mutate.Octets(udp.Datagram(udp.DstPort.Is(9)), "as a solicitation", func([]byte) []byte {
	me := target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP6: ipv6.MustAddr("2001:db8:1::2")}
	return ndp.Solicit(group6).With(ipv6.Dst.Is(ipv6.SolicitedNode(group6))).Build(packet.Env{Local: me, Network: ipv6.Proto})
})
