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
	ofMAC   map[[6]byte]int
	ofIP    map[netip.Addr]int

	mu      sync.Mutex
	met     []bool // the target has heard of it
	fresh   []int  // testers that it has not, and that are not lent, in order
	resting []int  // those that it has, the longest rested first
}

// newPool makes the testers. The last address becomes the asker's.
func newPool(addresses []netip.Addr) *pool {
	last := len(addresses) - 1
	p := &pool{met: make([]bool, last), ofMAC: map[[6]byte]int{}, ofIP: map[netip.Addr]int{}}
	p.asker = target.Host{MAC: testerMAC(last), IP4: addresses[last]}
	for n, a := range addresses[:last] {
		h := target.Host{MAC: testerMAC(n), IP4: a}
		p.testers = append(p.testers, h)
		p.ofMAC[[6]byte(h.MAC)], p.ofIP[h.IP4] = n, n
		p.fresh = append(p.fresh, n)
	}
	p.ofMAC[[6]byte(p.asker.MAC)] = -1 // nobody's: what the target sends to the asker disturbs no world
	return p
}

// testerMAC is a locally administered address for the n-th tester of a pool.
func testerMAC(n int) net.HardwareAddr {
	n++
	return net.HardwareAddr{0x02, 0, 0, 0x01, byte(n >> 8), byte(n)}
}

// hosts are the testers that were lent.
func (p *pool) hosts(lent []int) []target.Host {
	hosts := make([]target.Host, len(lent))
	for i, n := range lent {
		hosts[i] = p.testers[n]
	}
	return hosts
}

func (p *pool) byMAC(mac [6]byte) (n int, ok bool) { n, ok = p.ofMAC[mac]; return n, ok }

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
		if !p.met[n] {
			ip := p.testers[n].IP4.As4()
			p.met[n] = bytes.Contains(frame, ip[:]) || bytes.Contains(frame, p.testers[n].MAC)
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
