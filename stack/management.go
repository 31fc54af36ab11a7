package stack

import (
	"errors"
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/l2/ethernet"
	"github.com/conform-stack/conform/stack/mgmt"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/stats/netstats"
)

// setUpManagement says who answers the requests of package mgmt.
func (n *Node) setUpManagement() {
	n.Mgmt = mgmt.New(n.Loop, mgmt.Config{Queue: n.Config.EventQueue, Direct: n.Config.EventsDirect.On()}, &n.counters.Events)
	n.handleStats()
	n.handleInterfaces()
	n.handleAddresses()
	n.handleIEEE802154()
}

func (n *Node) handleStats() {
	h := n.Mgmt.Handle
	h(mgmt.GetAll, get(n, func(c *netstats.Counters) netstats.Counters { return *c }))
	h(mgmt.GetProcessingError, get(n, func(c *netstats.Counters) uint64 { return c.ProcessingError }))
	h(mgmt.GetBytes, get(n, func(c *netstats.Counters) netstats.Bytes { return c.Bytes }))
	h(mgmt.GetIPErrors, get(n, func(c *netstats.Counters) netstats.IPErrors { return c.IPErrors }))
	h(mgmt.GetIPv4, get(n, func(c *netstats.Counters) netstats.IP { return c.IPv4 }))
	h(mgmt.GetIPv6, get(n, func(c *netstats.Counters) netstats.IP { return c.IPv6 }))
	h(mgmt.GetIPv6ND, get(n, func(c *netstats.Counters) netstats.Messages { return c.IPv6ND }))
	h(mgmt.GetIPv6PMTU, get(n, func(c *netstats.Counters) netstats.Messages { return c.IPv6PMTU }))
	h(mgmt.GetIPv4PMTU, get(n, func(c *netstats.Counters) netstats.Messages { return c.IPv4PMTU }))
	h(mgmt.GetICMP, get(n, func(c *netstats.Counters) netstats.ICMP { return c.ICMP }))
	h(mgmt.GetUDP, get(n, func(c *netstats.Counters) netstats.UDP { return c.UDP }))
	h(mgmt.GetTCP, get(n, func(c *netstats.Counters) netstats.TCP { return c.TCP }))
	ethernet := get(n, func(c *netstats.Counters) netstats.Eth { return c.Eth })
	h(mgmt.GetEthernet, func(about *iface.Iface, data any) error {
		if _, err := n.ethernet(about); err != nil {
			return err
		}
		return ethernet(about, data)
	})
	h(mgmt.Reset, func(about *iface.Iface, data any) error {
		if about == nil {
			n.ResetStats()
			return nil
		}
		i, err := n.one(about)
		if err == nil {
			i.Stats.Reset()
		}
		return err
	})
}

// get answers a request for a part of the counters.
func get[T any](n *Node, part func(*netstats.Counters) T) mgmt.Handler {
	return func(about *iface.Iface, data any) error {
		to, ok := data.(*T)
		if !ok || to == nil {
			return errno.EINVAL
		}
		var all stats.Node
		if about == nil {
			all = n.Stats()
		} else if i, err := n.one(about); err != nil {
			return err
		} else {
			all = *i.Stats
		}
		c := netstats.Of(&all)
		*to = part(&c)
		return nil
	}
}

func (n *Node) handleInterfaces() {
	h := n.Mgmt.Handle
	h(mgmt.SetUp, with(n.one, func(i *Interface, up bool) error {
		if i.State().Admin == up {
			return errno.EALREADY
		}
		i.SetUp(up)
		return nil
	}))
	h(mgmt.GetState, with(n.one, func(i *Interface, to *iface.State) error {
		*to = i.State()
		return nil
	}))
	h(mgmt.SetDormant, with(n.one, func(i *Interface, on bool) error {
		i.SetDormant(on)
		return nil
	}))
	h(mgmt.SetMAC, with(n.ethernet, func(i *Interface, mac mgmt.MAC) error {
		switch {
		case i.VLAN != nil: // it has the address of the station below
			return errno.EOPNOTSUPP
		case mac.IsGroup() || mac.IsZero():
			return errno.EINVAL
		case i.State().Admin:
			return errno.EACCES
		}
		i.Ethernet.SetMAC(mac)
		return nil
	}))
	h(mgmt.GetMAC, with(n.ethernet, func(i *Interface, to *mgmt.MAC) error {
		*to = i.Ethernet.MAC()
		return nil
	}))
	h(mgmt.SetPromiscuous, with(n.ethernet, n.SetPromiscuous))
	h(mgmt.GetPromiscuous, with(n.ethernet, func(i *Interface, to *bool) error {
		*to = i.State().Promiscuous
		return nil
	}))
	h(mgmt.SetCarrier, with(n.ethernet, func(i *Interface, on bool) error {
		i.Carrier(on)
		return nil
	}))
	h(mgmt.GetCarrier, with(n.ethernet, func(i *Interface, to *bool) error {
		*to = i.State().Carrier
		return nil
	}))
	h(mgmt.EnableVLAN, with(n.ethernet, func(i *Interface, v *mgmt.VLAN) error {
		vlan, err := n.AddVLAN(i, v.Tag)
		switch {
		case errors.Is(err, ethernet.ErrVLANTaken):
			return errno.EALREADY
		case err != nil:
			return errno.Of(err)
		}
		v.Index = vlan.Index
		return nil
	}))
	h(mgmt.DisableVLAN, with(n.ethernet, func(i *Interface, v *mgmt.VLAN) error { return n.RemoveVLAN(i, v.Tag) }))
}

func (n *Node) handleAddresses() {
	h := n.Mgmt.Handle
	h(mgmt.AddAddress, with(n.one, func(i *Interface, p netip.Prefix) error {
		if n.AddAddress(i, p) != nil {
			return errno.EINVAL
		}
		return nil
	}))
	h(mgmt.RemoveAddress, with(n.one, func(i *Interface, a netip.Addr) error {
		if !n.RemoveAddress(i, a) {
			return errno.EADDRNOTAVAIL
		}
		return nil
	}))
	h(mgmt.AddRoute, with(n.one, func(i *Interface, r mgmt.Route) error {
		if !r.Prefix.IsValid() || r.Gateway.IsValid() && r.Gateway.Is4() != r.Prefix.Addr().Is4() {
			return errno.EINVAL
		}
		n.AddRoute(r.Prefix, r.Gateway, i)
		return nil
	}))
	h(mgmt.RemoveRoute, with(n.one, func(i *Interface, r mgmt.Route) error {
		if !n.RemoveRoute(r.Prefix, r.Gateway, i) {
			return errno.ENXIO
		}
		return nil
	}))
}

// with makes a handler of a function that takes an interface of the node and data of one type.
func with[T any](find func(*iface.Iface) (*Interface, error), f func(*Interface, T) error) mgmt.Handler {
	return func(about *iface.Iface, data any) error {
		d, ok := data.(T)
		if !ok {
			return errno.EINVAL
		}
		i, err := find(about)
		if err != nil {
			return err
		}
		return f(i, d)
	}
}

// one finds an interface of the node: EINVAL when none is asked about, ENODEV when it is of another.
func (n *Node) one(about *iface.Iface) (*Interface, error) {
	if about == nil {
		return nil, errno.EINVAL
	}
	if i := n.Interface(about.Index); i != nil && i.Iface == about {
		return i, nil
	}
	return nil, errno.ENODEV
}

// ethernet finds one that is an Ethernet.
func (n *Node) ethernet(about *iface.Iface) (*Interface, error) {
	i, err := n.one(about)
	if err == nil && i.Ethernet == nil {
		err = errno.EOPNOTSUPP
	}
	return i, err
}

// raiseVLAN tells that a tag has an interface now, or none any more.
func (n *Node) raiseVLAN(c event.Code, on *Interface, tag uint16) {
	n.Mgmt.Raise(event.Event{Code: c, Iface: on.Index, Tag: tag})
}
