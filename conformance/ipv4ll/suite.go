// Package ipv4ll checks IPv4 link-local addresses: RFC 3927.
//
// The target is left without a routable address and told to configure a link-local one. The testers have addresses of
// 169.254/16 that are never chosen, or of whatever subnet the world has; who contests the target's choice claims it. The
// rules of sections 2.6 and 2.7 about destinations in 169.254/16 hold for every host.
package ipv4ll

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("ipv4ll", "RFC 3927: IPv4 Link-Local Addresses").On(target.Ethernet)

// The constants of section 9. They are fixed.
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

const (
	// settled is how long it takes at most from the choice of an address to its last announcement.
	settled = probeWait + (probeNum-1)*probeMax + announceWait + (announceNum-1)*announceInterval
	// reacts is how long the target may take for what it does at once.
	reacts = time.Second
	// travel is what a frame may take on the way. The target's call and the frame are not timed at one place.
	travel = 20 * time.Millisecond
)

// Addresses that no host of a world has.
var (
	prefix    = netip.MustParsePrefix("169.254.0.0/16")
	broadcast = netip.MustParseAddr("169.254.255.255")
	elsewhere = netip.MustParseAddr("169.254.200.9") // a link-local address of a tester's
	routable  = netip.MustParsePrefix("192.0.2.77/24")
	neighbour = netip.MustParseAddr("192.0.2.78") // a tester's, in that subnet
)

// Fields that hold a link-local address, whatever it is.
var (
	isLinkLocal = func(a netip.Addr) bool { return prefix.Contains(a) }
	fromLL      = arp.SenderIP.Where("link-local", isLinkLocal)
	forLL       = arp.TargetIP.Where("link-local", isLinkLocal)
)

// What the target says of ARP.
var (
	anyProbe        = arp.Packet(arp.SenderIP.Is(netip.IPv4Unspecified()))
	anyAnnouncement = arp.Packet(arp.Op.Is(arp.OpRequest), fromLL, forLL)
)

// A host is the target while it configures itself, as one tester sees it.
type host struct {
	*probe.Tester
	began time.Duration
	addr  netip.Addr // that it has chosen
}

// needs has a target that gives itself a link-local address when it is told to.
func needs(c check.Claims, more ...target.Feature) check.Claims {
	return c.Needs(append([]target.Feature{target.LinkLocal4, target.Management}, more...)...)
}

// begin leaves the target without a routable address and has it configure a link-local one.
func begin(p *probe.P) *host {
	lan := p.Ethernet()
	for _, a := range p.Addresses() {
		if !isLinkLocal(a.Addr) {
			p.RemoveAddress(a.Addr)
		}
	}
	h := &host{Tester: lan, began: p.Now()}
	p.StartLinkLocal()
	return h
}

// choose expects the first probe for a new choice and takes it for the target's.
func (h *host) choose(opts ...probe.Option) *packet.Frame {
	opts = append([]probe.Option{probe.For(), probe.Within(settled)}, opts...)
	f := h.Expect(anyProbe.With(arp.TargetIP.Where("another link-local address", func(a netip.Addr) bool {
		return isLinkLocal(a) && a != h.addr
	})), opts...)
	h.addr, _ = arp.TargetIP.Of(f)
	h.Tester = h.Facing(h.addr)
	return f
}

// probed expects the next probe for the choice.
func (h *host) probed(opts ...probe.Option) *packet.Frame {
	return h.Expect(arp.Probe(h.addr), append([]probe.Option{probe.For(), probe.Within(settled)}, opts...)...)
}

// announced expects the next announcement of the choice.
func (h *host) announced(opts ...probe.Option) *packet.Frame {
	return h.Expect(arp.Announcement(h.addr), append([]probe.Option{probe.For(), probe.Within(settled)}, opts...)...)
}

// won is the target when it has an address and has said so.
func won(p *probe.P) *host {
	h := begin(p)
	h.choose()
	for range announceNum {
		h.announced()
	}
	h.Forget()
	return h
}

// contest has somebody claim the choice by a request for somebody else.
func (h *host) contest() { h.Send(arp.Request(elsewhere, arp.SenderIP.Is(h.addr))) }

// used tells whether echoes to the choice are answered.
func (h *host) used() bool {
	id := h.Serial()
	t := h.Claiming(elsewhere)
	t.AnswerARP()
	t.Send(arp.Request(h.addr)) // so that the target knows the tester
	t.Send(icmpv4.Echo(id, 1, nil))
	h.Wait(reacts)
	return len(h.Seen(icmpv4.EchoReply(icmpv4.ID.Is(id)))) > 0
}

// answerAs answers a request of the target for an address as if the tester had it.
func (h *host) answerAs(ip netip.Addr, request *packet.Frame) {
	spa, _ := arp.SenderIP.Of(request)
	h.Claiming(ip).Send(arp.Reply(arp.TargetIP.Is(spa), arp.TargetMAC.Is(h.TargetMAC())))
}

// fromTarget is every frame of the target.
func fromTarget(t *probe.Tester) packet.Template {
	return ethernet.Frame(ethernet.Src.Is(t.TargetMAC()))
}

// datagramsFrom are datagrams with a link-local source.
var datagramsFrom = ipv4.Header(ipv4.Src.Where("link-local", isLinkLocal))

// long is virtual time where waiting costs nothing, live time elsewhere.
func long(p *probe.P, virtual, live time.Duration) time.Duration {
	if p.Virtual() {
		return virtual
	}
	return live
}
