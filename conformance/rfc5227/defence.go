package rfc5227

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var isFalse = gomega.BeFalse()

// reacts is how long the target may take to react to a packet at once.
const reacts = time.Second

// A reaction is what the target did about a conflict over the address that it has from the start.
type reaction struct {
	defences []*packet.Frame // announcements of the address
	kept     bool            // it still answers echoes to the address
}

// defender is a tester on the link of a target that has its address and answers echoes to it.
func defender(p *probe.P) *probe.Tester {
	host := p.IPv4()
	settle(host)
	host.Ask(icmpv4.Echo(p.Serial(), 1, nil), icmpv4.EchoReply(), probe.For(), probe.Because("the target has its address"))
	return host
}

// conflict has somebody claim the target's address.
func conflict(t *probe.Tester, k claim) (r reaction) {
	defence := arp.Announcement(t.TargetIP())
	before := len(t.Seen(defence))
	t.Send(k.tmpl(t.TargetIP(), t))
	t.Wait(reacts)
	r.defences = t.Seen(defence)[before:]
	r.kept = used(t)
	return r
}

// used tells whether echoes to the target's address are answered.
func used(t *probe.Tester) bool {
	id := t.Serial()
	t.Send(icmpv4.Echo(id, 1, nil))
	t.Wait(reacts)
	return len(t.Seen(icmpv4.EchoReply(icmpv4.ID.Is(id)))) > 0
}

// The claims of the tester and the target's defences, on the address that it has from the start.
var (
	unheard = func(op uint) mutate.Mutation {
		return mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Ignores(arp.Packet(arp.Op.Is(op), arp.SenderIP.Is(n.Target.IP4)))
		})
	}
	defences = func(m func(packet.Template) mutate.Mutation) mutate.Mutation {
		return mutate.Here(func(n target.Net) mutate.Mutation { return m(arp.Announcement(n.Target.IP4)) })
	}
	obstinate = mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Forge(claims(n.Target.IP4), arp.Announcement(n.Target.IP4))
	})
)

// reacted asserts that a conflict was not ignored.
func reacted(p *probe.P, r reaction, requirements ...string) {
	for _, req := range requirements {
		p.That(req, "the address is given up or defended", !r.kept || len(r.defences) > 0, isTrue)
	}
}

func init() {
	check.Grid(suite, "acd.defend.request", "somebody's request from the target's address is not ignored",
		check.Proves("RFC5227:2.4-2", unheard(arp.OpRequest)).
			And("RFC5227:1.2-2", unheard(arp.OpRequest)).
			And("RFC5227:2.4-5", unheard(arp.OpRequest)).
			And("RFC5227:2.4-6", unheard(arp.OpRequest)).
			And("RFC5227:2.4-7", unheard(arp.OpRequest)).
			Needs(target.Conflict),
		claimingRequests, func(p *probe.P, k claim) {
			host := defender(p)
			r := conflict(host, k)
			reacted(p, r, "RFC5227:2.4-2", "RFC5227:1.2-2", "RFC5227:2.4-5", "RFC5227:2.4-6", "RFC5227:2.4-7")
			p.Observed("RFC5227:2.4-6", "given up at once: %t", !r.kept)
			p.Observed("RFC5227:2.4-7", "defended: %t", len(r.defences) > 0)
		})

	check.Grid(suite, "acd.defend.reply", "somebody's reply from the target's address is not ignored",
		check.Proves("RFC5227:2.4-3", unheard(arp.OpReply)).Needs(target.Conflict),
		claimingReplies, func(p *probe.P, k claim) { reacted(p, conflict(defender(p), k), "RFC5227:2.4-3") })

	suite.It("acd.defend.ever", "conflicts are noticed as long as the address is in use",
		check.Proves("RFC5227:2.4-1", unheard(arp.OpRequest)).Needs(target.Conflict).Slow(),
		func(p *probe.P) {
			host := defender(p)
			p.Wait(long(p, 24*time.Hour, 10*time.Second))
			reacted(p, conflict(host, claimingRequests[1]), "RFC5227:2.4-1")
		})

	suite.It("acd.defend.router", "a router defends the addresses of all its links",
		check.Proves("RFC5227:1.3-1", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Ignores(arp.Packet(arp.SenderIP.Where("a target's address", func(a netip.Addr) bool { return a.As4()[3] == n.Target.IP4.As4()[3] })))
		})).Needs(target.Conflict, target.Forwarding),
		func(p *probe.P) {
			host := defender(p)
			reacted(p, conflict(host, claimingRequests[1]), "RFC5227:1.3-1")
			reacted(p, conflict(host.Link(1), claimingRequests[1]), "RFC5227:1.3-1")
		})

	suite.It("acd.defend.fields", "a defence is one broadcast announcement, after which the address is used as before",
		check.Proves("RFC5227:2.4-8", defences(func(t packet.Template) mutate.Mutation {
			return mutate.Field(t, arp.TargetMAC.Is(ethernet.Broadcast))
		})).
			And("RFC5227:2.4-9", mutate.Here(deafAfterClaim)).
			And("RFC5227:2.4-17", mutate.Here(deafAfterClaim)).
			Needs(target.Conflict),
		func(p *probe.P) {
			host := defender(p)
			r := conflict(host, claimingRequests[1])
			if len(r.defences) == 0 {
				p.Step("the target does not defend its address")
				reacted(p, r, "RFC5227:2.4-8", "RFC5227:2.4-9", "RFC5227:2.4-17")
				return
			}
			p.That("RFC5227:2.4-8", "one announcement", r.defences, gomega.HaveLen(1))
			p.Must("RFC5227:2.4-8", r.defences[0], ethernet.Dst.Is(ethernet.Broadcast), arp.Op.Is(arp.OpRequest),
				arp.SenderMAC.Is(host.TargetMAC()), arp.TargetMAC.Is(make([]byte, 6)))
			for _, req := range []string{"RFC5227:2.4-9", "RFC5227:2.4-17"} {
				p.That(req, "the address is in use", r.kept, isTrue)
			}
		})

	// (b) asks for giving up, (c) for keeping the address in silence.
	suite.It("acd.defend.twice", "a second conflict within DEFEND_INTERVAL draws no second defence",
		check.Proves("RFC5227:2.4-10", obstinate).
			And("RFC5227:2.4-13", obstinate).
			And("RFC5227:2.4-16", obstinate).
			Needs(target.Conflict).Slow(),
		func(p *probe.P) {
			host := defender(p)
			first := conflict(host, claimingRequests[1])
			p.Wait(defendInterval/2 - 2*reacts)
			second := conflict(host, claimingRequests[1])
			p.Step("first: defended %t, kept %t; second: kept %t", len(first.defences) > 0, first.kept, second.kept)
			p.Observed("RFC5227:2.4-13", "the address is kept for ever: %t", second.kept)
			for _, req := range []string{"RFC5227:2.4-10", "RFC5227:2.4-13", "RFC5227:2.4-16"} {
				p.That(req, "no second announcement", second.defences, gomega.BeEmpty())
			}
		})

	suite.It("acd.defend.given-up", "an address that was given up is neither used nor answered for",
		check.Proves("RFC5227:2.4-19", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Forge(arp.Request(n.Target.IP4), arp.Reply(arp.SenderIP.Is(n.Target.IP4)))
		})).Needs(target.Conflict).Slow(),
		func(p *probe.P) {
			host := defender(p)
			conflict(host, claimingRequests[1])
			if conflict(host, claimingRequests[1]).kept {
				p.Step("the target never gives up its address")
				p.Meets("RFC5227:2.4-19")
				return
			}
			p.Forget()
			host.Send(arp.Request(host.TargetIP()))
			host.Never(claims(host.TargetIP()).With(ethernet.Src.Is(host.TargetMAC())), long(p, 10*time.Minute, 5*time.Second))
		})

	suite.It("acd.defend.later", "a conflict later than DEFEND_INTERVAL after the last one draws one defence again",
		check.Proves("RFC5227:2.4-12", defences(func(t packet.Template) mutate.Mutation { return mutate.Drops(t, 1) })).
			And("RFC5227:2.4-15", defences(mutate.Missing)).
			Needs(target.Conflict).Slow(),
		func(p *probe.P) {
			host := defender(p)
			first := conflict(host, claimingRequests[1])
			reacted(p, first, "RFC5227:2.4-15")
			if !first.kept {
				p.Step("the target gave up its address")
				p.Meets("RFC5227:2.4-12")
				return
			}
			p.Wait(defendInterval + time.Second)
			second := conflict(host, claimingRequests[1])
			p.That("RFC5227:2.4-12", "one announcement", second.defences, gomega.HaveLen(1))
		})

	suite.It("acd.defend.own-echo", "the target's own packets coming back are no conflict",
		check.Proves("RFC5227:2.4-4", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(claims(n.Target.IP4), arp.SenderMAC.Is(n.Testers[0].MAC), srcOf(n.Testers[0]))
		})).Needs(target.Conflict),
		func(p *probe.P) {
			host := defender(p)
			own := host.Build(arp.Announcement(host.TargetIP(), arp.SenderMAC.Is(host.TargetMAC())).With(ethernet.Src.Is(host.TargetMAC())))
			for range 2 {
				host.SendBytes(own)
			}
			host.Never(arp.Announcement(host.TargetIP()), reacts)
			p.That("RFC5227:2.4-4", "the address is in use", used(host), isTrue)
		})
}

// deafAfterClaim is a target that does not hear echoes after somebody has claimed its address.
func deafAfterClaim(n target.Net) mutate.Mutation {
	return mutate.DeafAfter(1, claims(n.Target.IP4), icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeEcho)))
}

// srcOf has a frame come from a host's link address.
func srcOf(h target.Host) packet.Cond { return ethernet.Src.Is(h.MAC) }
