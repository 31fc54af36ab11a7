package ipv4ll

import (
	"encoding/binary"
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The addresses to choose from are 169.254.1.0 to 169.254.254.255.
var first, last = netip.MustParseAddr("169.254.1.0"), netip.MustParseAddr("169.254.254.255")

func number(a netip.Addr) float64 {
	b := a.As4()
	return float64(binary.BigEndian.Uint32(b[:]))
}

// share is where between the first address and the last one lies.
func share(a netip.Addr) float64 {
	return (number(a) - number(first)) / (number(last) + 1 - number(first))
}

// next contests the choice and gives the next one, which is the same again if the target sticks to it. After many
// conflicts the target takes its time. A choice that has just been made is still probed for, not defended.
func (h *host) next() netip.Addr {
	h.contest()
	for until := h.Now() + rateLimitInterval + probeWait + travel; h.newest() == h.addr && h.Now() < until; {
		h.Wait(probeMin / 4)
	}
	h.addr = h.newest()
	return h.addr
}

// newest is what the target has probed for last.
func (h *host) newest() netip.Addr {
	seen := h.Seen(anyProbe)
	a, _ := arp.TargetIP.Of(seen[len(seen)-1])
	return a
}

func init() {
	// 60 choices: see probe.Even for what chance allows. Live, 10 choices show the bounds.
	suite.It("ll.choice.range", "addresses are chosen evenly from 169.254.1.0 to 169.254.254.255",
		needs(check.Proves("RFC3927:2.1-1", mutate.Field(anyProbe, arp.TargetIP.Is(netip.MustParseAddr("169.254.200.1")))).
			And("RFC3927:2.1-2", mutate.Field(anyProbe, arp.TargetIP.Is(netip.MustParseAddr("169.254.0.200"))))).Slow(),
		func(p *probe.P) {
			h := begin(p)
			h.choose()
			choices := []netip.Addr{h.addr}
			for n := int(long(p, 60, maxConflicts)); len(choices) < n; {
				choices = append(choices, h.next())
			}
			var shares []float64
			for _, a := range choices {
				p.That("RFC3927:2.1-2", "the third octet of "+a.String()+" is neither 0 nor 255", a.As4()[2], gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", 255)))
				shares = append(shares, share(a))
			}
			p.Even("RFC3927:2.1-1", "addresses drawn evenly from 169.254.1.0 to 169.254.254.255", shares)
		})

	// Two interfaces of one target stand for two hosts: what the generator goes by is the link address. Three choices
	// are the same by chance in one of 10^14 cases.
	suite.It("ll.choice.different", "interfaces with different link addresses make different choices",
		needs(check.Proves("RFC3927:2.1-3", mutate.Field(anyProbe, arp.TargetIP.Is(netip.MustParseAddr("169.254.200.1")))), target.SecondLink).Slow(),
		func(p *probe.P) {
			h := begin(p)
			h.choose()
			other := &host{Tester: h.Link(1)}
			other.choose()
			var ours, theirs []netip.Addr
			for range 3 {
				ours, theirs = append(ours, h.addr), append(theirs, other.addr)
				h.next()
				other.next()
			}
			p.That("RFC3927:2.1-3", "the choices of one interface are not those of the other", ours, gomega.Not(gomega.Equal(theirs)))
		})
}
