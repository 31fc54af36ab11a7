// Package rfc5227 checks IPv4 address conflict detection: RFC 5227.
//
// A target that detects conflicts probes for every address that it is given, and defends those that it has. Management
// gives it addresses; the address that it has from the start needs none. A few rules hold for every host on the link.
//
// What a target does about a conflict is its own choice (section 2.4): it gives up, defends once, or defends for ever. The
// checks accept all three, and hold each to its rules.
package rfc5227

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("rfc5227", "RFC 5227: IPv4 Address Conflict Detection").On(target.Ethernet)

// The constants of section 1.1. They are fixed.
const (
	probeWait         = 1 * time.Second
	probeNum          = 3
	probeMin          = 1 * time.Second
	probeMax          = 2 * time.Second
	announceWait      = 2 * time.Second
	announceNum       = 2
	announceInterval  = 2 * time.Second
	maxConflicts      = 10
	rateLimitInterval = 60 * time.Second
	defendInterval    = 10 * time.Second
)

// settled is how long it takes at most from a new address to its last announcement.
const settled = probeWait + (probeNum-1)*probeMax + announceWait + (announceNum-1)*announceInterval

var (
	anyARP   = arp.Packet()
	anyProbe = arp.Packet(arp.SenderIP.Is(netip.IPv4Unspecified()))
)

// settle waits until the target has the address that it is to have from the start: it may begin to probe for it when the
// world is made.
func settle(t *probe.Tester) {
	t.Wait(max(0, settled+reacts-t.Now()))
	t.Forget()
}

// free is the i-th address of the subnet that nobody has, from 0; the zero Addr when there are no more.
func free(n target.Net, i int) netip.Addr {
	taken := []netip.Addr{n.Target.IP4}
	for _, t := range n.Testers {
		taken = append(taken, t.IP4)
	}
	a := n.Unused4
	for ; i > 0; i-- {
		for a = a.Next(); slices.Contains(taken, a); a = a.Next() {
		}
	}
	if !n.Prefix4.Contains(a.Next()) { // the last one is for broadcasts
		return netip.Addr{}
	}
	return a
}

// A candidate is an address that the target has just been given.
type candidate struct {
	*probe.Tester
	addr  netip.Addr
	given time.Duration
}

// give lets the target have the i-th free address.
func give(p *probe.P, i int) candidate {
	lan := p.Ethernet()
	c := candidate{Tester: lan, addr: free(lan.Net(), i)}
	if !c.addr.IsValid() {
		p.Inconclusive("the subnet %v has no %d free addresses from %v on", lan.Net().Prefix4, i+1, lan.Net().Unused4)
	}
	settle(lan)
	c.given = p.Now()
	p.AddAddress(netip.PrefixFrom(c.addr, lan.Net().Prefix4.Bits()))
	return c
}

// probes expects the given number of probes.
func (c candidate) probes(n int, opts ...probe.Option) (fs []*packet.Frame) {
	for range n {
		fs = append(fs, c.Expect(arp.Probe(c.addr), append([]probe.Option{probe.Within(settled)}, opts...)...))
	}
	return fs
}

// announced expects the next announcement.
func (c candidate) announced(opts ...probe.Option) *packet.Frame {
	return c.Expect(arp.Announcement(c.addr), append([]probe.Option{probe.Within(settled)}, opts...)...)
}

// won waits until the target has the address and has said so.
func (c candidate) won() {
	for range announceNum {
		c.announced(probe.For())
	}
}

// withdraw takes the address away if the target still has it.
func (c candidate) withdraw() {
	for _, a := range c.Addresses() {
		if a.Addr == c.addr {
			c.RemoveAddress(c.addr)
		}
	}
}

// gaveUp asserts that the target does not come to use the address, though it lives.
func (c candidate) gaveUp(opts ...probe.Option) {
	c.Never(arp.Announcement(c.addr), settled, opts...)
	c.alive()
}

// alive shows that the target answers for the address that it has from the start.
func (c candidate) alive() {
	c.Ask(arp.Request(c.TargetIP()), arp.Reply(arp.SenderIP.Is(c.TargetIP())), probe.For(), probe.Because("the target is alive"))
}

// A claim is an ARP packet of somebody else who uses an address.
type claim struct {
	name string
	tmpl func(addr netip.Addr, lan *probe.Tester) packet.Template
}

func (k claim) String() string { return k.name }

// The packets that claim an address. A reply may be broadcast (section 1.2.1, 2.6).
var (
	claimingRequests = []claim{
		{"announcement", func(a netip.Addr, _ *probe.Tester) packet.Template { return arp.Announcement(a) }},
		{"bystander", func(a netip.Addr, t *probe.Tester) packet.Template { return arp.Request(t.IP(), arp.SenderIP.Is(a)) }},
	}
	claimingReplies = []claim{
		{"unicast", func(a netip.Addr, t *probe.Tester) packet.Template {
			return arp.Reply(arp.SenderIP.Is(a), arp.TargetIP.Is(netip.IPv4Unspecified()), arp.TargetMAC.Is(t.TargetMAC()))
		}},
		{"broadcast", func(a netip.Addr, t *probe.Tester) packet.Template {
			return arp.Reply(arp.SenderIP.Is(a), arp.TargetIP.Is(a)).With(ethernet.Dst.Is(ethernet.Broadcast))
		}},
	}
)

// claims are all ARP packets of the tester that say they come from an address.
func claims(a netip.Addr) packet.Template { return arp.Packet(arp.SenderIP.Is(a)) }

// long is virtual time where waiting costs nothing, live time elsewhere.
func long(p *probe.P, virtual, live time.Duration) time.Duration {
	if p.Virtual() {
		return virtual
	}
	return live
}
