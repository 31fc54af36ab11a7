package stack

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/ip/ipv6/mld"
	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	"github.com/conform-stack/conform/stack/ip/ipv6/register"
	"github.com/conform-stack/conform/stack/ip/ipv6/slaac"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
)

// setUpIPv6 makes IPv6 and what belongs to it, if the configuration wants it.
func (n *Node) setUpIPv6() {
	c := n.Config
	if !c.IPv6.Enabled.On() {
		return
	}
	n.IPv6 = ipv6.New(n.Loop, c, &n.demux, n.tx, &n.counters)
	n.IPv6.Events = n.Mgmt
	n.ND = nd.New(n.Loop, c, n.IPv6)
	n.ND.Events = n.Mgmt
	n.slaac = slaac.New(n.Loop, c, n.IPv6, n.ND)
	n.slaac.OnEvent = n.addressEvent6
	if c.Registration.Enabled.On() {
		n.register = register.New(n.Loop, c, n.IPv6, n.ND)
		n.register.Addresses = n.slaac
		n.register.OnEvent = func(e register.Event) {
			if f := n.OnRegistration; f != nil {
				f(n.Interface(e.Iface.Index), e)
			}
		}
	}
	if c.IPv6.MLD.On() {
		n.mld = mld.New(n.Loop, c, n.IPv6)
	}
	n.demux.SetNetwork(ip.V6, n.IPv6)
}

// EnableIPv6 brings IPv6 up on an interface: it gives itself a link-local address and asks for routers. Until then, and
// until it is given an address of IPv6, an interface has none.
func (n *Node) EnableIPv6(i *Interface) error {
	if n.IPv6 == nil {
		return fmt.Errorf("stack: the configuration leaves IPv6 out: %w", errno.EAFNOSUPPORT)
	}
	if i.Loopback || n.IPv6.Attached(i.Iface) {
		return nil
	}
	if i.MTU() < wire6.MinMTU { // RFC 8200, 5
		return fmt.Errorf("stack: %s takes packets of %d octets; IPv6 wants %d: %w", i.Name, i.MTU(), wire6.MinMTU, errno.EINVAL)
	}
	n.IPv6.Attach(i.Iface)
	n.slaac.Start(i.Iface)
	if l := n.Registry(i); n.advertises() && l == nil || l != nil && n.Config.Registration.BorderRouter.On() && n.Config.IPv6.Forwarding.On() {
		return n.Advertise(i, nd.Advertisement{})
	}
	return nil
}

// Addresses6 lists the addresses of IPv6 of an interface, with their lifetimes.
func (n *Node) Addresses6(i *Interface) []slaac.Info {
	if n.IPv6 == nil {
		return nil
	}
	return n.slaac.Addresses(i.Iface)
}

// SetLifetimes sets how long an address of IPv6 is preferred and valid from now on; for ever for a negative time. It is false
// when the interface has it not.
func (n *Node) SetLifetimes(i *Interface, a netip.Addr, preferred, valid time.Duration) bool {
	return n.IPv6 != nil && a.Is6() && n.slaac.SetLifetimes(i.Iface, a.WithZone("").As16(), preferred, valid)
}

// SetHome says that an address of IPv6 is the home address of a mobile node (RFC 6275), or no more. It is false when the
// interface has it not.
func (n *Node) SetHome(i *Interface, a netip.Addr, on bool) bool {
	return n.IPv6 != nil && a.Is6() && n.slaac.SetHome(i.Iface, a.WithZone("").As16(), on)
}

// Advertise says what the node advertises on an interface (RFC 4861, 6.2), if the configuration wants a router that does.
// Without a word it advertises the prefixes of its addresses there and its own hop limit, and so it does when what has none.
func (n *Node) Advertise(i *Interface, what nd.Advertisement) error {
	l := n.Registry(i)
	if l == nil && !n.advertises() || l != nil && !(n.Config.Registration.BorderRouter.On() && n.Config.IPv6.Forwarding.On()) {
		return fmt.Errorf("stack: the configuration wants no router that advertises itself: %w", errno.EOPNOTSUPP)
	}
	if err := n.EnableIPv6(i); err != nil {
		return err
	}
	if what.HopLimit == 0 {
		what.HopLimit = uint8(n.Config.IPv6.HopLimit)
	}
	if what.Prefixes == nil && what.More == nil {
		what.More = func() []icmpv6.Prefix { return n.prefixes6(i) }
	}
	if l != nil {
		l.Advertise(what)
	} else {
		n.ND.Link(i.Iface).Advertise(what)
	}
	return nil
}

// RegisterAddresses has the addresses of an interface be registered with routers from now on (RFC 6775), if the configuration
// wants that at all. It comes before the interface has IPv6. Interfaces of IEEE 802.15.4 do so without being told.
func (n *Node) RegisterAddresses(i *Interface) error {
	switch {
	case n.register == nil:
		return fmt.Errorf("stack: the configuration wants no registration of addresses: %w", errno.EOPNOTSUPP)
	case n.IPv6.Attached(i.Iface):
		return fmt.Errorf("stack: %s has IPv6 already: %w", i.Name, errno.EALREADY)
	}
	n.slaac.SetRegistrar(i.Iface, n.register.Attach(i.Iface, i.contexts()))
	return nil
}

// Registry is the registration of addresses on an interface; nil where there is none.
func (n *Node) Registry(i *Interface) *register.Link {
	if n.register == nil {
		return nil
	}
	return n.register.Link(i.Iface)
}

func (n *Node) advertises() bool {
	return n.IPv6 != nil && n.Config.IPv6.Forwarding.On() && n.Config.IPv6.RouterAdvertise.On()
}

// prefixes6 are those of an interface's addresses, with the lifetimes that a router tells by default. The list is good until
// the next one is asked for.
func (n *Node) prefixes6(i *Interface) []icmpv6.Prefix {
	all := n.prefixes[:0]
	for _, a := range i.Iface.Addresses() {
		p := a.Prefix.Masked()
		if !p.Addr().Is6() || p.Addr().IsLinkLocalUnicast() || p.Bits() == 128 {
			continue
		}
		x := icmpv6.Prefix{ // RFC 4861, 6.2.1: 30 days and 7
			Bits: uint8(p.Bits()), OnLink: true, Autonomous: true, Valid: 2592000, Preferred: 604800, Prefix: p.Addr().As16(),
		}
		if !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	n.prefixes = all
	return all
}

// addAddress6 gives an interface an address of IPv6; its prefix is on the link. With detect it is in use when nobody else
// turns out to have it.
func (n *Node) addAddress6(i *Interface, p netip.Prefix, detect bool) error {
	a := p.Addr()
	if !p.IsValid() || a.IsUnspecified() || a.IsMulticast() || a.IsLoopback() || a.Is4In6() || a.Zone() != "" {
		return fmt.Errorf("stack: %v is no address of a host: %w", p, errno.EINVAL)
	}
	if i.Loopback {
		i.Iface.AddAddress(p, false)
		return nil
	}
	if err := n.EnableIPv6(i); err != nil {
		return err
	}
	if r, ok := onLink6(i, p); ok && n.Registry(i) == nil { // RFC 6775, 5.6: nothing else is on the link
		n.IPv6.Routes.Add(r)
	}
	if !n.slaac.Add(i.Iface, p, detect) {
		return fmt.Errorf("stack: %s has no room for %v: %w", i.Name, p, errno.ENOBUFS)
	}
	return nil
}

// onLink6 is the route that an address given by hand makes; ok is false when it makes none.
func onLink6(i *Interface, p netip.Prefix) (r ip.Route, ok bool) {
	return ip.Route{Prefix: p.Masked(), Out: i.Iface}, p.Bits() < 128 && !p.Addr().IsLinkLocalUnicast()
}

// removeAddress6 takes an address of IPv6 away and tells whether it was there.
func (n *Node) removeAddress6(i *Interface, a netip.Addr) bool {
	if n.IPv6 == nil {
		return false
	}
	if i.Loopback {
		return i.Iface.RemoveAddress(a)
	}
	old, known := i.Address(a)
	if !n.slaac.Remove(i.Iface, a.WithZone("").As16()) {
		return false
	}
	if r, ok := onLink6(i, old.Prefix); known && ok {
		for _, other := range i.Addresses() {
			if other.Prefix.Masked() == r.Prefix {
				return true
			}
		}
		n.IPv6.Routes.Remove(r)
	}
	return true
}

// addressEvent6 tells what became of an address. That addresses come and go, package iface tells.
func (n *Node) addressEvent6(on *iface.Iface, p netip.Prefix, e slaac.Event) {
	i := n.Interface(on.Index)
	if i == nil {
		return
	}
	switch e {
	case slaac.Ready:
		n.raisePrefix(i, event.IPv6DADSucceed, p)
		i.tell(p, AddressReady)
	case slaac.Duplicate:
		n.raisePrefix(i, event.IPv6DADFailed, p)
		i.tell(p, AddressConflict)
	}
}

// detach6 takes IPv6 off an interface that goes.
func (n *Node) detach6(i *Interface) {
	if n.IPv6 == nil {
		return
	}
	for _, r := range n.IPv6.Routes.Routes() {
		if r.Out == i.Iface {
			n.IPv6.Routes.Remove(r)
		}
	}
	n.slaac.Detach(i.Iface)
	if n.register != nil {
		n.register.Detach(i.Iface)
	}
	n.ND.Detach(i.Iface)
	if n.mld != nil {
		n.mld.Detach(i.Iface)
	}
	n.IPv6.Detach(i.Iface)
}

// close6 stops timers and frees packets.
func (n *Node) close6() {
	if n.IPv6 == nil {
		return
	}
	n.slaac.Close()
	if n.register != nil {
		n.register.Close()
	}
	n.ND.Close()
	if n.mld != nil {
		n.mld.Close()
	}
	n.IPv6.Close()
}
