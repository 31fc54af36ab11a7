package ipv4ll

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A moment is when, while the target probes, somebody speaks up.
type moment struct {
	name   string
	probes int           // that the target has sent
	after  time.Duration // since the last of them
}

func (m moment) String() string { return m.name }

// The period lasts until ANNOUNCE_WAIT after the last probe.
var moments = []moment{
	{"first-probe", 1, 0},
	{"second-probe", 2, probeMin / 2},
	{"last-moment", probeNum, announceWait - 100*time.Millisecond},
}

// arrive begins and waits for the moment.
func arrive(p *probe.P, m moment) *host {
	h := begin(p)
	h.choose()
	for range m.probes - 1 {
		h.probed()
	}
	p.Wait(m.after)
	return h
}

// gaveUp asserts that the target does not come to use its choice, and that it probes for another.
func (h *host) gaveUp(requirements ...string) {
	old := h.addr
	h.choose(probe.For(requirements...), probe.Because("another address is chosen and probed for"))
	h.Never(arp.Announcement(old), settled, probe.For(requirements...))
}

func init() {
	requests := arp.Packet(arp.Op.Is(arp.OpRequest), fromLL)
	replies := arp.Reply(fromLL)

	check.Grid(suite, "ll.contest.request", "a request from the address, while it is probed for, makes the target choose another",
		needs(check.Proves("RFC3927:2.2.1-8", mutate.Ignores(requests)).
			And("RFC3927:2.2.1-10", mutate.Ignores(requests)).
			And("RFC3927:1.5-1", mutate.Ignores(requests))).Slow(),
		moments, func(p *probe.P, m moment) {
			h := arrive(p, m)
			h.contest()
			h.gaveUp("RFC3927:2.2.1-8", "RFC3927:2.2.1-10", "RFC3927:1.5-1")
		})

	check.Grid(suite, "ll.contest.reply", "a reply from the address, while it is probed for, makes the target choose another",
		needs(check.Proves("RFC3927:2.2.1-9", mutate.Ignores(replies))).Slow(),
		moments, func(p *probe.P, m moment) {
			h := arrive(p, m)
			h.Claiming(h.addr).Send(arp.Reply(arp.TargetMAC.Is(h.TargetMAC())))
			h.gaveUp("RFC3927:2.2.1-9")
		})

	check.Grid(suite, "ll.contest.probe", "somebody else's probe for the address makes the target choose another",
		needs(check.Proves("RFC3927:2.2.1-11", mutate.Ignores(anyProbe))).Slow(),
		moments, func(p *probe.P, m moment) {
			h := arrive(p, m)
			h.Send(arp.Probe(h.addr))
			h.gaveUp("RFC3927:2.2.1-11")
		})

	suite.It("ll.contest.own-echo", "the target's own probe coming back is no conflict",
		needs(check.Proves("RFC3927:2.2.1-12", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(anyProbe, arp.SenderMAC.Is(n.Testers[0].MAC), ethernet.Src.Is(n.Testers[0].MAC))
		}))).Slow(),
		func(p *probe.P) {
			h := begin(p)
			f := h.choose()
			for range probeNum - 1 {
				h.SendBytes(f.Bytes) // as some repeaters and access points do
				f = h.probed(probe.For("RFC3927:2.2.1-12"))
			}
			h.SendBytes(f.Bytes)
			h.announced(probe.For("RFC3927:2.2.1-12"))
		})

	// RFC 3927 limits the rate when MAX_CONFLICTS are exceeded, RFC 5227 when they are reached: the check asks for it
	// after one more. The random delay of the first probe is part of what is seen.
	suite.It("ll.contest.rate", "after more than ten conflicts one new address is tried in a minute",
		needs(check.Proves("RFC3927:2.2.1-14", mutate.Forge(arp.Packet(fromLL), arp.Probe(elsewhere, arp.TargetMAC.Is(make([]byte, 6)))))).Slow(),
		func(p *probe.P) {
			h := begin(p)
			const conflicts, paced = maxConflicts + 1, 3
			var last time.Duration
			for i := range conflicts + paced {
				at := h.choose(probe.Within(3 * rateLimitInterval)).At
				if i > conflicts {
					p.Between("RFC3927:2.2.1-14", "from one choice to the next", at-last, rateLimitInterval-probeWait, 3*rateLimitInterval)
				}
				last = at
				h.contest()
			}
		})

	suite.It("ll.contest.other-link", "who has the address on another link is no conflict",
		needs(check.Proves("RFC3927:3.4-1", mutate.DeafAfter(1, arp.Packet(fromLL, forLL), icmpv4.Message())), target.SecondLink).Slow(),
		func(p *probe.P) {
			h := won(p)
			other := h.Link(1)
			for range 2 {
				other.Send(arp.Announcement(h.addr))
			}
			h.Never(arp.Announcement(h.addr), reacts)
			p.That("RFC3927:3.4-1", "the address is in use", h.used(), gomega.BeTrue())
		})
}
