package ipv4ll

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/probe"
)

// A reaction is what the target did about a conflict over the address that it uses.
type reaction struct {
	defences []*packet.Frame // announcements of the address
	kept     bool            // it still answers echoes to the address
	moved    bool            // it probes for another address
}

// conflict has somebody claim the target's address.
func (h *host) conflict(claim packet.Template) (r reaction) {
	defences, probes := len(h.Seen(arp.Announcement(h.addr))), len(h.Seen(anyProbe))
	h.Send(claim)
	h.Wait(probeWait + travel)
	r.defences = h.Seen(arp.Announcement(h.addr))[defences:]
	r.kept = h.used()
	r.moved = len(h.Seen(anyProbe)) > probes
	return r
}

// request is a claim of the address by a request, reply one by a reply.
func (h *host) request() packet.Template { return arp.Request(elsewhere, arp.SenderIP.Is(h.addr)) }
func (h *host) reply() packet.Template {
	return arp.Reply(arp.SenderIP.Is(h.addr), arp.TargetIP.Is(elsewhere), arp.TargetMAC.Is(h.TargetMAC()))
}

// reacted asserts that a conflict was not ignored.
func reacted(p *probe.P, r reaction, requirements ...string) {
	for _, req := range requirements {
		p.That(req, "the address is defended, or another one is chosen", len(r.defences) > 0 || !r.kept && r.moved, gomega.BeTrue())
	}
}

func init() {
	unheard := func(op uint) mutate.Mutation { return mutate.Ignores(arp.Packet(arp.Op.Is(op), fromLL)) }

	suite.It("ll.defend.request", "somebody's request from the target's address is not ignored",
		needs(check.Proves("RFC3927:2.5-1", unheard(arp.OpRequest)).
			And("RFC3927:2.5-3", unheard(arp.OpRequest)).
			And("RFC3927:2.5-4", unheard(arp.OpRequest)).
			And("RFC3927:2.5-7", unheard(arp.OpRequest))).Slow(),
		func(p *probe.P) {
			h := won(p)
			r := h.conflict(h.request())
			reacted(p, r, "RFC3927:2.5-1", "RFC3927:2.5-3", "RFC3927:2.5-4", "RFC3927:2.5-7")
			p.Observed("RFC3927:2.5-3", "another address at once: %t", !r.kept)
			p.Observed("RFC3927:2.5-4", "defended: %t", len(r.defences) > 0)
			p.That("RFC3927:2.5-4", "one announcement at most", len(r.defences), gomega.BeNumerically("<=", 1))
		})

	suite.It("ll.defend.reply", "somebody's reply from the target's address is not ignored",
		needs(check.Proves("RFC3927:2.5-2", unheard(arp.OpReply))).Slow(),
		func(p *probe.P) {
			h := won(p)
			reacted(p, h.conflict(h.reply()), "RFC3927:2.5-2")
		})

	suite.It("ll.defend.ever", "conflicts are noticed as long as the address is in use",
		needs(check.Proves("RFC3927:1.5-2", unheard(arp.OpRequest))).Slow(),
		func(p *probe.P) {
			h := won(p)
			p.Wait(long(p, 24*time.Hour, 10*time.Second))
			reacted(p, h.conflict(h.request()), "RFC3927:1.5-2")
		})

	// There is no (c) here: after two conflicts within DEFEND_INTERVAL the address is another one.
	suite.It("ll.defend.twice", "a second conflict within DEFEND_INTERVAL makes the target choose another address",
		needs(check.Proves("RFC3927:2.5-5", mutate.DeafAfter(1, arp.Packet(fromLL, arp.TargetIP.Is(elsewhere)), arp.Packet(fromLL, arp.TargetIP.Is(elsewhere)))).
			And("RFC3927:2.5-6", mutate.Drops(anyProbe, probeNum))).Slow(),
		func(p *probe.P) {
			h := won(p)
			first := h.conflict(h.request())
			if !first.kept {
				p.Step("the target has moved at the first conflict")
				p.Meets("RFC3927:2.5-5")
			} else {
				p.Wait(defendInterval/2 - 2*reacts)
				second := h.conflict(h.request())
				p.That("RFC3927:2.5-5", "the address is in use no longer", second.kept, gomega.BeFalse())
			}
			h.choose(probe.For("RFC3927:2.5-6"), probe.Within(2*rateLimitInterval))
			h.announced(probe.For("RFC3927:2.5-6"))
		})
}
