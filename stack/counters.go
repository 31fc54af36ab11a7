package stack

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/stats/netstats"
)

// Stats is what the node has counted: the sum over its interfaces, whose own counters are in Iface.Stats, and what
// concerns none of them. Frames of a virtual interface are those of the one below, and not counted again. It is a copy.
func (n *Node) Stats() stats.Node {
	sum := n.counters
	for _, i := range n.interfaces {
		s := i.share()
		sum.Add(&s)
	}
	return sum
}

// keepStats adds what an interface that goes has counted to what is counted for none, so that the sum stays.
func (n *Node) keepStats(i *Interface) {
	s := i.share()
	n.counters.Add(&s)
}

// share is what an interface has counted of the sum.
func (i *Interface) share() stats.Node {
	s := *i.Stats
	if i.Lower() != nil {
		s.Link.Received, s.Link.Sent, s.Link.ReceivedBytes, s.Link.SentBytes = 0, 0, 0, 0
	}
	return s
}

// ResetStats sets the counters of the node and of all its interfaces to zero. Nothing else notices: packets under way are
// counted by where they have still to pass.
func (n *Node) ResetStats() {
	n.counters.Reset()
	for _, i := range n.interfaces {
		i.Stats.Reset()
	}
}

// StatsText is what "net stats" prints of an interface, or of the node when i is nil.
func (n *Node) StatsText(i *Interface) string {
	all, s := n.Stats(), netstats.Subject{
		IPv4: n.Config.Have.IPv4.On(), IPv6: n.Config.IPv6.Enabled.On(), TCP: n.Config.TCP.Enabled.On(),
		Multicast4: n.Config.Multicast4.On(), PathMTU4: n.Config.PathMTU.On(), PathMTU6: n.Config.IPv6.PathMTU.On(),
	}
	of := n.Default()
	if i != nil {
		all, of = *i.Stats, i
		s.Name, s.Kind, s.Index = i.Name, kindName(i.Kind), i.Index
	}
	rx, tx := of.Classes()
	for class := range rx {
		p, _ := of.ClassPriority(class)
		s.RxPriorities = append(s.RxPriorities, int(p))
	}
	for class := range tx {
		_, p := of.ClassPriority(class)
		s.TxPriorities = append(s.TxPriorities, int(p))
	}
	c := netstats.Of(&all)
	text := c.Text(s)
	if i != nil && i.Ethernet != nil {
		text += c.EthernetText(s)
	}
	return text
}

// Prometheus is what the node and its interfaces have counted, in the text format of Prometheus.
func (n *Node) Prometheus() string {
	nics := []netstats.Nic{{Counters: netstats.Of(&n.counters)}}
	for _, i := range n.interfaces {
		nics = append(nics, netstats.Nic{Name: i.Name, Ethernet: i.Ethernet != nil, Counters: netstats.Of(i.Stats)})
	}
	rx, tx := n.Default().Classes()
	return netstats.Prometheus(nics, tx, rx)
}

// kindName is Zephyr's name of a link layer; what has none of its own there is Dummy.
func kindName(k iface.Kind) string {
	switch k {
	case iface.KindEthernet:
		return "Ethernet"
	case iface.KindVLAN:
		return "Virtual"
	case iface.KindIEEE802154:
		return "IEEE 802.15.4"
	case iface.KindBluetooth:
		return "Bluetooth"
	case iface.KindCAN:
		return "CANBUS_RAW"
	}
	return "Dummy"
}
