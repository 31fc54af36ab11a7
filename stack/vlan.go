package stack

import (
	"fmt"
	"slices"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/stats"
)

// AddVLAN adds the interface of an IEEE 802.1Q tag, 1 to 4094, on an Ethernet interface. It is named after both, such as
// eth0.7, and wanted up; it is up while the other is. There are as many as the configuration allows, else the error is
// errno.ENOBUFS.
func (n *Node) AddVLAN(parent *Interface, tag uint16) (*Interface, error) {
	if parent.Ethernet == nil {
		return nil, fmt.Errorf("stack: %s is no Ethernet, so it has no VLANs: %w", parent.Name, errno.EOPNOTSUPP)
	}
	if !n.Config.Have.VLAN.On() {
		return nil, fmt.Errorf("stack: the configuration leaves VLANs out: %w", errno.EOPNOTSUPP)
	}
	vlans := 0
	for _, i := range n.interfaces {
		if i.Kind == iface.KindVLAN {
			vlans++
		}
	}
	if vlans >= n.Config.Data.VLANs {
		return nil, fmt.Errorf("stack: %d VLANs are there already: %w", vlans, errno.ENOBUFS)
	}
	v, err := parent.Ethernet.AddVLAN(tag, n.lastIndex+1, fmt.Sprintf("%s.%d", parent.Name, tag), new(stats.Node), n.neighbours())
	if err != nil {
		return nil, fmt.Errorf("stack: VLAN %d on %s: %w", tag, parent.Name, err)
	}
	n.lastIndex++
	i := &Interface{Iface: v.Iface, Ethernet: v.Link, VLAN: v, node: n}
	n.add(i)
	n.attach(i)
	n.raiseVLAN(event.VLANEnabled, parent, tag)
	return i, nil
}

// RemoveVLAN takes a VLAN away, with its addresses and the routes by it. What it counted is the node's. The error is
// errno.ENODEV when there is no such VLAN.
func (n *Node) RemoveVLAN(parent *Interface, tag uint16) error {
	k := slices.IndexFunc(n.interfaces, func(i *Interface) bool {
		return i.VLAN != nil && i.VLAN.ID == tag && i.Lower() == parent.Iface
	})
	if k < 0 {
		return errno.ENODEV
	}
	i := n.interfaces[k]
	i.VLAN.Remove()
	i.SetUp(false)
	n.detach(i)
	n.interfaces = slices.Delete(slices.Clone(n.interfaces), k, k+1) // others may be going through the old ones
	err := i.Close()
	n.keepStats(i)
	n.raiseVLAN(event.VLANDisabled, parent, tag)
	return err
}
