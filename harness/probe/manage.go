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

// AddDeprecated gives the target's interface an address that is deprecated from the beginning.
func (p *P) AddDeprecated(a netip.Prefix) {
	p.manage(agent.Request{Do: agent.AddAddr, Local: netip.AddrPortFrom(a.Addr(), 0), Value: a.Bits(), Option: "deprecated"})
}

// AddHome gives the target's interface the home address of a mobile node.
func (p *P) AddHome(a netip.Prefix) {
	p.manage(agent.Request{Do: agent.AddAddr, Local: netip.AddrPortFrom(a.Addr(), 0), Value: a.Bits(), Option: "home"})
}

// Address is one of the target's; ok is false when it has none such.
func (p *P) Address(a netip.Addr) (x agent.Address, ok bool) {
	for _, x := range p.Addresses() {
		if x.Addr == a {
			return x, true
		}
	}
	return x, false
}

// NameServers are the servers of DNS that the target would ask, in order; SearchList the domains that it looks in.
func (p *P) NameServers() []netip.Addr { return p.manage(agent.Request{Do: agent.Resolver}).Servers }

// SearchList are the domains in which the target looks for names.
func (p *P) SearchList() []string { return p.manage(agent.Request{Do: agent.Resolver}).Domains }

// Order puts addresses of a peer into the order in which the target would try them.
func (p *P) Order(dsts ...netip.Addr) []netip.Addr {
	return p.manage(agent.Request{Do: agent.Order, Sources: dsts}).Ordered
}

// SetPolicies sets the target's policy table (RFC 6724, 2.1); no rows are the default one.
func (p *P) SetPolicies(rows ...agent.Policy) {
	p.manage(agent.Request{Do: agent.SetTable, Policies: rows})
}

// OfferContext has a border router of a 6LoWPAN tell of a context, for an hour or longer; WithdrawContext takes it back.
func (p *P) OfferContext(id int, prefix netip.Prefix) {
	p.manage(agent.Request{Do: agent.OfferContext, Max: id, Local: netip.AddrPortFrom(prefix.Addr(), 0), Value: prefix.Bits()})
}

// WithdrawContext takes a context back.
func (p *P) WithdrawContext(id int) { p.manage(agent.Request{Do: agent.WithdrawContext, Max: id}) }

// Registrations are the addresses that are registered with the target.
func (p *P) Registrations() (all []netip.Addr) {
	for _, a := range p.manage(agent.Request{Do: agent.Registrations}).Addrs {
		all = append(all, a.Addr)
	}
	return all
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
