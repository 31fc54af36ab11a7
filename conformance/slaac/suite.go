// Package slaac checks how a host gives itself addresses: RFC 4862, duplicate address detection with the nonce of RFC 7527,
// the opaque identifiers of RFC 7217, the temporary addresses of RFC 8981, and what RFC 8106 has routers tell of DNS.
//
// A world of SLAAC begins without a global address; the tester is the router that advertises prefixes. Which identifier a
// target appends is its own affair: an address is found by its prefix, in the solicitation that probes for it, in the list
// of the target's management, or as the source of a reply.
package slaac

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("slaac", "RFC 4862, 7527, 7217, 8981, 8106: addresses that hosts give themselves").On(target.Ethernet).Needing(target.IPv6)

// ipv6Events selects the events of IPv6, as Zephyr's network management has them in 32 bits.
const ipv6Events = 1<<31 | 1<<30 | 2<<28 | 0x060<<16 | 0xffff

const (
	retrans  = time.Second // RetransTimer, unless a router says otherwise
	delay    = time.Second // MAX_RTR_SOLICITATION_DELAY
	twoHours = 2 * time.Hour
	soon     = 4 * time.Second       // in which a host probes for an address that it is given
	wire     = 10 * time.Millisecond // what a frame may take on its way, and a poll of the agent
)

var (
	anyReply = icmpv6.EchoReply()
	anyNS    = ndp.Solicitation()
	anyProbe = ndp.Solicitation().With(ipv6.Src.Is(ipv6.Unspecified))
	more     = netip.MustParsePrefix("2001:db8:1::77/64") // an address set by hand
	moreNS   = ndp.Solicit(more.Addr())
	prefix   = netip.MustParsePrefix("2001:db8:1::/64") // of the first link
	prefix2  = netip.MustParsePrefix("2001:db8:a5::/64")
	ula      = netip.MustParsePrefix("fd12:3456:789a:1::/64")
	linkHere = netip.MustParsePrefix("fe80::/64")
)

// in is a condition on a field that holds an address.
func in(f packet.Field[netip.Addr], p netip.Prefix) packet.Cond {
	return f.Where("in "+p.String(), p.Contains)
}

// probesIn are the target's probes for addresses in a prefix.
func probesIn(p netip.Prefix) packet.Template {
	return ndp.Solicitation(in(ndp.NSTarget, p)).With(ipv6.Src.Is(ipv6.Unspecified))
}

// each does something for several requirements.
func each(reqs []string, do func(req string)) {
	for _, r := range reqs {
		do(r)
	}
}

// that asserts one thing for several requirements.
func that(p *probe.P, what string, ok bool, reqs ...string) {
	each(reqs, func(r string) { p.That(r, what, ok, gomega.BeTrue()) })
}

// state is that of one of the target's addresses; none when it has it not.
func state(p *probe.P, a netip.Addr) string {
	if x, ok := p.Address(a); ok {
		return x.State
	}
	return "none"
}

// usable tells whether an address is in use.
func usable(p *probe.P, a netip.Addr) bool {
	s := state(p, a)
	return s == "preferred" || s == "deprecated"
}

// step is how often the agent is asked while something is waited for.
func step(p *probe.P) time.Duration {
	if p.Virtual() {
		return time.Millisecond
	}
	return 20 * time.Millisecond
}

// until lets time pass until something holds, for d at most, and tells whether it does.
func until(p *probe.P, d time.Duration, holds func() bool) bool {
	for end := p.Now() + d; ; p.Wait(step(p)) {
		if holds() {
			return true
		}
		if p.Now() >= end {
			return false
		}
	}
}

// addressesIn are those of the target in a prefix.
func addressesIn(p *probe.P, net netip.Prefix) (all []agent.Address) {
	for _, a := range p.Addresses() {
		if net.Contains(a.Addr) {
			all = append(all, a)
		}
	}
	return all
}

// formed is the one address that the target has in a prefix, in use; without it the check is inconclusive.
func formed(p *probe.P, net netip.Prefix) agent.Address {
	var all []agent.Address
	until(p, 4*time.Second, func() bool { all = addressesIn(p, net); return len(all) > 0 && usable(p, all[0].Addr) })
	if len(all) != 1 {
		p.Inconclusive("the target has the addresses %v in %s", all, net)
	}
	return all[0]
}

// late is by how much a target may be late: a live one may be busy.
func late(p *probe.P) time.Duration { return long(p, wire, time.Second) }

// answers tells whether an address of the target answers to an echo.
func answers(lan *probe.Tester, a netip.Addr) bool {
	to := lan.Facing(a)
	if a.IsLinkLocalUnicast() {
		to = lan.LinkLocal().Facing(a)
	}
	id := lan.Serial()
	to.Send(icmpv6.Echo(id, 1, nil))
	return until(lan.P, fence(lan.P), func() bool {
		return len(lan.Seen(icmpv6.EchoReply(icmpv6.ID.Is(id)).With(ipv6.Src.Is(a)))) > 0
	})
}

// deprecates waits until an address is deprecated: a live target may take a moment to see that its time is over.
func deprecates(p *probe.P, a netip.Addr) bool {
	return until(p, long(p, 0, 4*time.Second), func() bool { return state(p, a) == "deprecated" })
}

// fence is a time in which what is answered at all is answered.
func fence(p *probe.P) time.Duration { return long(p, 50*time.Millisecond, time.Second) }

// long is virtual time where waiting costs nothing, live time elsewhere.
func long(p *probe.P, virtual, live time.Duration) time.Duration {
	if p.Virtual() {
		return virtual
	}
	return live
}

// router is the tester as a router without a lifetime: it is about prefixes.
func router(p *probe.P) *probe.Router { return p.IPv6().Router(ndp.Lifetime.Is(1800)) }

// offered is a prefix for addresses, with lifetimes in seconds.
func offered(net netip.Prefix, valid, preferred uint32) ndp.Prefix {
	return ndp.Advertised(net).Lasting(valid, preferred)
}

// offers advertises prefixes.
func offers(r *probe.Router, ps ...ndp.Prefix) { r.Advertise(r.Prefixes(ps...)) }

// alive asserts nothing: the target has seen what was sent before.
func alive(lan *probe.Tester) { kit.Alive(lan) }
