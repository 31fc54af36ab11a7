package live

import (
	"net"
	"net/netip"
	"slices"
	"sync"

	"github.com/conform-stack/conform/harness/target"
)

// A pool lends testers to worlds, a group at a time. The group that has rested longest comes first, so that the target
// has had the most time to forget it.
type pool struct {
	testers  []target.Host
	perGroup int
	asker    target.Host // is never lent
	ofMAC    map[[6]byte]int
	ofIP     map[netip.Addr]int

	mu      sync.Mutex
	resting []int // groups, the longest rested first
}

// newPool makes the groups. The last address becomes the asker's; what does not fill a group stays out.
func newPool(addresses []netip.Addr, perGroup int) *pool {
	last := len(addresses) - 1
	p := &pool{perGroup: perGroup, ofMAC: map[[6]byte]int{}, ofIP: map[netip.Addr]int{}}
	p.asker = target.Host{MAC: testerMAC(last), IP4: addresses[last]}
	for group := range last / perGroup {
		p.resting = append(p.resting, group)
		for range perGroup {
			n := len(p.testers)
			h := target.Host{MAC: testerMAC(n), IP4: addresses[n]}
			p.testers = append(p.testers, h)
			p.ofMAC[[6]byte(h.MAC)], p.ofIP[h.IP4] = group, group
		}
	}
	p.ofMAC[[6]byte(p.asker.MAC)] = -1 // nobody's: what the target sends to the asker disturbs no world
	return p
}

// testerMAC is a locally administered address for the n-th tester of a pool.
func testerMAC(n int) net.HardwareAddr {
	n++
	return net.HardwareAddr{0x02, 0, 0, 0x01, byte(n >> 8), byte(n)}
}

func (p *pool) groups() int { return len(p.testers) / p.perGroup }

func (p *pool) group(n int) []target.Host {
	return slices.Clone(p.testers[n*p.perGroup : (n+1)*p.perGroup])
}

func (p *pool) byMAC(mac [6]byte) (group int, ok bool) { group, ok = p.ofMAC[mac]; return group, ok }

func (p *pool) byIP(ip netip.Addr) (group int, ok bool) { group, ok = p.ofIP[ip]; return group, ok }

func (p *pool) lend() (group int, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.resting) == 0 {
		return 0, false
	}
	group, p.resting = p.resting[0], p.resting[1:]
	return group, true
}

func (p *pool) giveBack(group int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resting = append(p.resting, group)
}
