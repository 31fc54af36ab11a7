package stack

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/acd"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ipv4ll"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/link"
)

// linkLocalBits is the prefix length of 169.254/16 (RFC 3927, 2.1).
const linkLocalBits = 16

// An AddressEvent is what became of an address.
type AddressEvent uint8

const (
	AddressReady    AddressEvent = iota // it may be used
	AddressConflict                     // somebody else has it: it has been removed
)

func (e AddressEvent) String() string {
	if e == AddressReady {
		return "ready"
	}
	return "conflict"
}

// AddAddress gives an interface an address; the prefix length is that of its subnet. With conflict detection it is not
// in use before OnAddress says so.
func (n *Node) AddAddress(i *Interface, p netip.Prefix) error {
	if p.Addr().Is6() {
		return n.addAddress6(i, p, true)
	}
	if err := n.ofHost(p); err != nil {
		return err
	}
	a := p.Addr()
	i.stopLinkLocal() // RFC 3927, 1.9: not beside a routable address
	if i.detector != nil && n.Config.ConflictDetect.On() {
		i.claim(p)
		return nil
	}
	i.Iface.AddAddress(p, false)
	if i.Ethernet != nil && n.Config.GratuitousARP.On() {
		i.Ethernet.Announce(a.As4())
	}
	i.tell(p, AddressReady)
	return nil
}

// KeepAddress gives an interface an address that is known to be free. It is in use at once, without a word on the link;
// with conflict detection it is defended.
func (n *Node) KeepAddress(i *Interface, p netip.Prefix) error {
	if p.Addr().Is6() {
		return n.addAddress6(i, p, false)
	}
	if err := n.ofHost(p); err != nil {
		return err
	}
	i.stopLinkLocal()
	if i.detector != nil && n.Config.ConflictDetect.On() {
		if c := i.claims[p.Addr()]; c != nil {
			c.Stop()
		}
		i.claims[p.Addr()] = i.detector.Hold(p.Addr().As4(), claimUser{i, p}, acd.DefendOnce)
	}
	i.Iface.AddAddress(p, false)
	return nil
}

// ofHost tells what is wrong with an address of a host.
func (n *Node) ofHost(p netip.Prefix) error {
	a := p.Addr()
	if a.Is4() && n.IPv4 == nil {
		return fmt.Errorf("stack: the configuration leaves IPv4 out, and %v with it: %w", p, errno.EAFNOSUPPORT)
	}
	if !p.IsValid() || !a.Is4() || a.IsUnspecified() || a.IsMulticast() || a == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return fmt.Errorf("stack: %v is no address of a host", p)
	}
	return nil
}

// RemoveAddress takes an address from an interface and tells whether it was there.
func (n *Node) RemoveAddress(i *Interface, a netip.Addr) bool {
	if a.Is6() {
		return n.removeAddress6(i, a)
	}
	if c := i.claims[a]; c != nil {
		c.Stop()
		delete(i.claims, a)
	}
	removed := i.Iface.RemoveAddress(a)
	v4 := func(a iface.Address) bool { return a.Addr().Is4() }
	if i.linkLocal != nil && !slices.ContainsFunc(i.Addresses(), v4) {
		i.linkLocal.Start()
	}
	return removed
}

// setUpAddresses prepares an Ethernet interface for conflict detection and for link-local addresses.
func (i *Interface) setUpAddresses() {
	n := i.node
	purpose := "acd." + i.Name
	i.detector = acd.New(n.Loop, i.Ethernet, n.ownLink, random.New(n.Config.Seed, purpose))
	i.claims = map[netip.Addr]*acd.Claim{}
	i.Ethernet.WatchARP(i.detector.ARP)
	up := i.Up()
	i.Watch(func() {
		if back := i.Up() && !up; back { // RFC 5227, 2.1: a link that comes back may be another one
			up = true
			i.claimAgain()
		}
		up = i.Up()
	})
	if n.Config.LinkLocal4.On() {
		mac := i.Ethernet.MAC()
		i.linkLocal = ipv4ll.New(i.detector, linkLocalUser{i}, random.New(n.Config.Seed, "ipv4ll."+mac.String()))
		i.linkLocal.Start()
	}
}

// ownLink tells whether a link address is of an interface of the node.
func (n *Node) ownLink(a link.Addr) bool {
	for _, i := range n.interfaces {
		if slices.Contains(i.Link().Addrs(), a) {
			return true
		}
	}
	return false
}

// claim begins to find out whether an address is free. Until then it is tentative.
func (i *Interface) claim(p netip.Prefix) {
	if c := i.claims[p.Addr()]; c != nil {
		c.Stop()
	}
	i.Iface.AddAddress(p, true)
	i.claims[p.Addr()] = i.detector.Claim(p.Addr().As4(), claimUser{i, p}, acd.DefendOnce)
}

func (i *Interface) claimAgain() {
	for _, a := range append(i.Addresses()[:0:0], i.Addresses()...) {
		if i.claims[a.Addr()] != nil {
			i.claim(a.Prefix)
		}
	}
	if i.linkLocal != nil {
		i.dropLinkLocal()
		i.linkLocal.Again()
	}
}

func (i *Interface) stopLinkLocal() {
	if i.linkLocal == nil {
		return
	}
	i.linkLocal.Stop()
	i.dropLinkLocal()
}

// dropLinkLocal takes the link-local address away, if there is one.
func (i *Interface) dropLinkLocal() {
	for _, a := range append(i.Addresses()[:0:0], i.Addresses()...) {
		if a.Addr().Is4() && a.Addr().IsLinkLocalUnicast() {
			i.Iface.RemoveAddress(a.Addr())
			i.node.IPv4.Routes.Remove(i.everywhere())
		}
	}
}

// everywhere is the route of a host that has a link-local address only: it asks the link for every destination (RFC 3927,
// 2.6.2).
func (i *Interface) everywhere() ip.Route {
	return ip.Route{Prefix: netip.MustParsePrefix("0.0.0.0/0"), Out: i.Iface}
}

// raiseLost tells that another station has an address: before it was used here, or when it was.
func (i *Interface) raiseLost(p netip.Prefix, to link.Addr, used bool) {
	i.node.Mgmt.Raise(event.Event{
		Code: pick(used, event.IPv4ACDConflict, event.IPv4ACDFailed), Iface: i.Index, Prefix: p, Link: to,
	})
}

func (i *Interface) tell(p netip.Prefix, e AddressEvent) {
	if f := i.node.OnAddress; f != nil {
		f(i, p, e)
	}
}

// claimUser is told what becomes of an address that was added.
type claimUser struct {
	i *Interface
	p netip.Prefix
}

func (u claimUser) Won(ipv4.Addr) {
	u.i.Iface.AddAddress(u.p, false)
	u.i.node.raisePrefix(u.i, event.IPv4ACDSucceed, u.p)
	u.i.tell(u.p, AddressReady)
}

func (u claimUser) Lost(_ ipv4.Addr, to link.Addr, used bool) {
	delete(u.i.claims, u.p.Addr())
	u.i.raiseLost(u.p, to, used)
	u.i.Iface.RemoveAddress(u.p.Addr())
	u.i.tell(u.p, AddressConflict)
}

// linkLocalUser is told of the link-local address.
type linkLocalUser struct{ i *Interface }

func (u linkLocalUser) Gained(a ipv4.Addr) {
	p := netip.PrefixFrom(a.Netip(), linkLocalBits)
	u.i.Iface.SetAddress(iface.Address{Prefix: p, Type: iface.Autoconf})
	u.i.node.IPv4.Routes.Add(u.i.everywhere())
	u.i.node.raisePrefix(u.i, event.IPv4ACDSucceed, p)
	u.i.tell(p, AddressReady)
}

func (u linkLocalUser) Lost(a ipv4.Addr) {
	p := netip.PrefixFrom(a.Netip(), linkLocalBits)
	u.i.raiseLost(p, link.Addr{}, true)
	u.i.dropLinkLocal()
	u.i.tell(p, AddressConflict)
}
