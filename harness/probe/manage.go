package probe

import (
	"fmt"
	"net/netip"

	"github.com/conform-stack/conform/harness/agent"
)

// manage makes a management call that must succeed.
func (p *P) manage(r agent.Request) agent.Reply {
	reply, err := p.call(r)
	if reply.Errno == "ENOBUFS" { // a bound of the target, and no fault of anybody
		p.Inconclusive("the target has no room for %s", r.Do)
	}
	if err != nil {
		panic(fmt.Errorf("management of the target, %s: %w", r.Do, err))
	}
	return reply
}

// AddAddress gives the target's interface an address, which it may first probe for.
func (p *P) AddAddress(a netip.Prefix) {
	p.manage(agent.Request{Do: agent.AddAddr, Local: netip.AddrPortFrom(a.Addr(), 0), Value: a.Bits()})
}

// RemoveAddress takes an address from the target's interface.
func (p *P) RemoveAddress(a netip.Addr) {
	p.manage(agent.Request{Do: agent.DelAddr, Local: netip.AddrPortFrom(a, 0)})
}

// Addresses are those of the target's interface, with their states.
func (p *P) Addresses() []agent.Address { return p.manage(agent.Request{Do: agent.Addrs}).Addrs }

// LinkUp and LinkDown switch the target's interface on and off.
func (p *P) LinkUp() { p.manage(agent.Request{Do: agent.LinkUp}) }

// LinkDown switches the target's interface off.
func (p *P) LinkDown() { p.manage(agent.Request{Do: agent.LinkDown}) }

// StartLinkLocal lets the target configure an IPv4 link-local address.
func (p *P) StartLinkLocal() { p.manage(agent.Request{Do: agent.LinkLocal}) }
