package live

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/conform-stack/conform/harness/target"
)

// A pool lends testers to worlds, a few at a time: first those of which the target has never heard, then the one that has
// rested longest. What the target remembers of a tester (its link address, fragments, identifiers, connections) is then of
// no check but the one that it was lent to, as long as the pool lasts; and a check that was lent four and spoke as one
// leaves the other three for the next.
//
// Half of the strangers are kept for the worlds that want nothing else.
type pool struct {
	testers []target.Host
	asker   target.Host // is never lent
	ofMAC   map[string]int
	ofIP    map[netip.Addr]int
	octets  func(net.HardwareAddr) []byte // of a link address in a frame

	unused6 netip.Addr // that the next world's nobody has

	mu      sync.Mutex
	met     []bool // the target has heard of it
	fresh   []int  // testers that it has not, and that are not lent, in order
	resting []int  // those that it has, the longest rested first
}

// newPool makes the testers. The last one becomes the asker.
func newPool(c Config) *pool {
	m := c.medium()
	last := c.number() - 1
	p := &pool{unused6: c.Unused6, met: make([]bool, last), ofMAC: map[string]int{}, ofIP: map[netip.Addr]int{}, octets: m.octets}
	for n := range last + 1 {
		h := target.Host{MAC: m.testerMAC(n)}
		if len(c.Testers) > 0 {
			h.IP4 = c.Testers[n]
		}
		if c.Link == target.IEEE802154 {
			h.ShortAddr = h.MAC[6:]
		}
		if c.has6() {
			h.LinkLocal = target.LinkLocalOf(h.MAC)
		}
		if c.Prefix6.IsValid() {
			h.IP6 = inPrefix(c.Prefix6, h.LinkLocal)
		}
		if n == last {
			p.asker = h
			break
		}
		p.testers = append(p.testers, h)
		p.ofMAC[string(h.MAC)] = n
		for _, a := range []netip.Addr{h.IP4, h.IP6, h.LinkLocal} {
			if a.IsValid() {
				p.ofIP[a] = n
			}
		}
		p.fresh = append(p.fresh, n)
	}
	p.ofMAC[string(p.asker.MAC)] = -1 // nobody's: what the target sends to the asker disturbs no world
	for _, a := range []netip.Addr{p.asker.IP6, p.asker.LinkLocal} {
		if a.IsValid() {
			p.ofIP[a] = -1
		}
	}
	return p
}

// inPrefix is the address in a prefix of 64 bits that has the interface identifier of another.
func inPrefix(p netip.Prefix, of netip.Addr) netip.Addr {
	a, id := p.Masked().Addr().As16(), of.As16()
	copy(a[8:], id[8:])
	return netip.AddrFrom16(a)
}

// nobody6 is an address of IPv6 that nobody has, and that the target has not asked for: there are enough of them.
func (p *pool) nobody6() netip.Addr {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.unused6
	if a.IsValid() {
		p.unused6 = a.Prev()
	}
	return a
}

// hosts are the testers that were lent.
func (p *pool) hosts(lent []int) []target.Host {
	hosts := make([]target.Host, len(lent))
	for i, n := range lent {
		hosts[i] = p.testers[n]
	}
	return hosts
}

func (p *pool) byMAC(mac net.HardwareAddr) (n int, ok bool) {
	n, ok = p.ofMAC[string(mac)]
	return n, ok
}

func (p *pool) byIP(ip netip.Addr) (n int, ok bool) { n, ok = p.ofIP[ip]; return n, ok }

// lend takes so many testers out of the pool, strangers only or whoever there is.
func (p *pool) lend(wanted int, strangers bool) (lent []int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(wanted, len(p.fresh))
	switch {
	case strangers && n < wanted, n+len(p.resting) < wanted:
		return nil, false
	case !strangers: // of those that are kept, only as many as are wanting
		n = max(min(n, len(p.fresh)-len(p.testers)/2), wanted-len(p.resting), 0)
	}
	lent, p.fresh = slices.Clone(p.fresh[:n]), p.fresh[n:]
	lent, p.resting = append(lent, p.resting[:wanted-n]...), p.resting[wanted-n:]
	return lent, true
}

// mentions notes which of the testers a frame to the target tells it of, wherever in the frame.
func (p *pool) mentions(lent []int, frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range lent {
		if h := p.testers[n]; !p.met[n] {
			p.met[n] = bytes.Contains(frame, p.octets(h.MAC)) || h.IP4.IsValid() && bytes.Contains(frame, h.IP4.AsSlice()) ||
				h.IP6.IsValid() && bytes.Contains(frame, h.IP6.AsSlice())
		}
	}
}

// meets notes that the target itself speaks of a tester: its agent may have been told of it.
func (p *pool) meets(n int) {
	if n >= 0 {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.met[n] = true
	}
}

func (p *pool) giveBack(lent []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, n := range lent {
		if p.met[n] {
			p.resting = append(p.resting, n)
		} else {
			p.fresh = append(p.fresh, n)
		}
	}
	slices.Sort(p.fresh)
}
