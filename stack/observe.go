package stack

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
)

// observe raises events of an interface: of its state, of its addresses, of both families, and of what these make of the
// node as a whole.
func (n *Node) observe(i *Interface) {
	i.WatchState(func(was, is iface.State) {
		if was.Admin != is.Admin {
			n.raise(i, pick(is.Admin, event.IfaceAdminUp, event.IfaceAdminDown))
		}
		if was.Carrier != is.Carrier && i.Kind == iface.KindEthernet {
			n.raise(i, pick(is.Carrier, event.CarrierOn, event.CarrierOff))
		}
		if up := is.Oper == iface.OperUp; up != (was.Oper == iface.OperUp) {
			n.raise(i, pick(up, event.IfaceUp, event.IfaceDown))
		}
		n.checkConnected(i)
	})
	var deprecated []netip.Addr // known to be
	i.WatchAddresses(func(change iface.AddressChange, a iface.Address) {
		v4 := a.Addr().Is4()
		switch change {
		case iface.AddressAdded:
			n.raisePrefix(i, pick(v4, event.IPv4AddrAdd, event.IPv6AddrAdd), a.Prefix)
		case iface.AddressRemoved:
			n.raisePrefix(i, pick(v4, event.IPv4AddrDel, event.IPv6AddrDel), a.Prefix)
		}
		known := -1
		for k, d := range deprecated {
			if d == a.Addr() {
				known = k
			}
		}
		switch now := a.Deprecated && change != iface.AddressRemoved; {
		case now && known < 0:
			deprecated = append(deprecated, a.Addr())
			if !v4 {
				n.raisePrefix(i, event.IPv6AddrDeprecated, a.Prefix)
			}
		case !now && known >= 0:
			deprecated = append(deprecated[:known], deprecated[known+1:]...)
		}
		n.checkConnected(i)
	})
}

// checkConnected raises an event when the first interface is connected, or the last one no longer is. i is the one that
// changed.
func (n *Node) checkConnected(i *Interface) {
	now := false
	for _, o := range n.interfaces {
		now = now || o.connected()
	}
	if now != n.connected {
		n.connected = now
		n.raise(i, pick(now, event.Connected, event.Disconnected))
	}
}

// connected tells whether an interface is up and has an address in use that reaches beyond its link.
func (i *Interface) connected() bool {
	if i.Loopback || !i.Up() {
		return false
	}
	for _, a := range i.Addresses() {
		if !a.Tentative && (a.Addr().Is4() || !a.Addr().IsLinkLocalUnicast()) {
			return true
		}
	}
	return false
}

// tellRoute raises the events of a route: in IPv4 of one to everywhere, which makes its gateway a default router.
func (n *Node) tellRoute(added bool, to netip.Prefix, gateway netip.Addr, i *Interface) {
	e := event.Event{Iface: i.Index, Prefix: to, Addr: gateway}
	switch {
	case to.Addr().Is6():
		e.Code = pick(added, event.IPv6RouteAdd, event.IPv6RouteDel)
	case to.Bits() == 0 && gateway.IsValid():
		e.Code, e.Prefix = pick(added, event.IPv4RouterAdd, event.IPv4RouterDel), netip.Prefix{}
	default:
		return
	}
	n.Mgmt.Raise(e)
}

func (n *Node) raise(i *Interface, c event.Code) { n.Mgmt.Raise(event.Event{Code: c, Iface: i.Index}) }

func (n *Node) raisePrefix(i *Interface, c event.Code, p netip.Prefix) {
	n.Mgmt.Raise(event.Event{Code: c, Iface: i.Index, Prefix: p})
}

func pick(yes bool, then, otherwise event.Code) event.Code {
	if yes {
		return then
	}
	return otherwise
}
