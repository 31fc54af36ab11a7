package stack

import (
	"slices"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/stats"
)

// setUpPools has the pools make packets as the configuration says. They have a clock if times are kept.
func (n *Node) setUpPools() {
	d := &n.Config.Data
	n.tx.Priority = uint8(max(0, d.TxPriority))
	if d.RxTime.On() {
		n.rx.Now = n.Loop.Instant
	}
	if d.TxTime.On() { // what is forwarded comes from the other pool
		n.rx.Now, n.tx.Now = n.Loop.Instant, n.Loop.Instant
	}
}

func classMap(m config.ClassMap) iface.ClassMap {
	switch m {
	case config.SRAB:
		return iface.SRAB
	case config.SRB:
		return iface.SRB
	}
	return iface.Strict
}

func (n *Node) newInterface(name string, d driver.Device) *Interface {
	c := &n.Config
	n.lastIndex++
	i := &Interface{node: n, Iface: iface.New(n.lastIndex, name, n.Loop, d, n.rx, n.tx, new(stats.Node), iface.Config{
		Map:        classMap(c.Data.ClassMap),
		RxClasses:  max(0, c.RxClasses),
		TxClasses:  max(0, c.TxClasses),
		SkipHighRx: c.Data.SkipHighRx.On(),
		SkipHighTx: c.Data.SkipHighTx.On(),
		Slots:      c.RxSlots(),
		TxSlots:    c.TxSlots(),
		RxPriority: uint8(max(0, c.Data.RxPriority)),
		PacketCost: max(0, c.PacketCost),
		RxTimes:    iface.Times{On: c.Data.RxTime.On(), Detail: c.Data.RxTimeDetail.On()},
		TxTimes:    iface.Times{On: c.Data.TxTime.On(), Detail: c.Data.TxTimeDetail.On()},
	})}
	n.add(i)
	return i
}

// add makes an interface one of the node's.
func (n *Node) add(i *Interface) {
	n.interfaces = append(n.interfaces, i)
	n.observe(i)
	n.Sockets.Attach(i.Iface)
}

// neighbours configures the neighbours of an Ethernet interface.
func (n *Node) neighbours() neigh.Config {
	c := &n.Config
	return neigh.Config{
		Entries: c.NeighEntries, Pending: c.NeighPending,
		ReachableTime: c.NeighReachable, DelayFirstProbe: c.NeighDelay, RetransTimer: c.NeighRetry,
		MulticastSolicit: c.NeighRequests, UnicastSolicit: c.NeighRequests,
	}
}

// Interface is the one of an index; nil when there is none.
func (n *Node) Interface(index int) *Interface {
	k := slices.IndexFunc(n.interfaces, func(i *Interface) bool { return i.Index == index })
	if k < 0 {
		return nil
	}
	return n.interfaces[k]
}

// InterfaceByName is the one of a name; nil when there is none.
func (n *Node) InterfaceByName(name string) *Interface {
	k := slices.IndexFunc(n.interfaces, func(i *Interface) bool { return i.Name == name })
	if k < 0 {
		return nil
	}
	return n.interfaces[k]
}

// Default is the node's default interface, as the configuration chooses it; the loopback interface only when nothing else
// is there. When none is as the configuration wants it, the choice is that of config.FirstIface.
func (n *Node) Default() *Interface {
	var first *Interface
	for _, i := range n.interfaces {
		if i.Loopback {
			continue
		}
		if first == nil {
			first = i
		}
		if n.prefers(i) {
			return i
		}
	}
	if first == nil && len(n.interfaces) > 0 {
		return n.interfaces[0]
	}
	return first
}

// prefers tells whether an interface is such as the configuration wants for a default.
func (n *Node) prefers(i *Interface) bool {
	switch n.Config.Data.DefaultIface {
	case config.FirstUp:
		return i.Up()
	case config.FirstEthernet:
		return i.Kind == iface.KindEthernet
	case config.FirstIEEE802154:
		return i.Kind == iface.KindIEEE802154
	case config.FirstBluetooth:
		return i.Kind == iface.KindBluetooth
	case config.FirstCAN:
		return i.Kind == iface.KindCAN
	}
	return true
}

// SetPromiscuous has an interface accept all frames, or only its own. The ones of others are seen by taps alone.
func (n *Node) SetPromiscuous(i *Interface, on bool) error {
	if !n.Config.Data.Promiscuous.On() {
		return errno.EOPNOTSUPP
	}
	changed, err := i.Iface.SetPromiscuous(on)
	if err == nil && !changed {
		return errno.EALREADY
	}
	return err
}

// SetFilters says which filters look at the packets of an interface at a hook.
func (n *Node) SetFilters(i *Interface, at iface.Hook, filters ...iface.Filter) error {
	if !n.Config.Data.PacketFilter.On() {
		return errno.EOPNOTSUPP
	}
	i.Iface.SetFilters(at, filters...)
	return nil
}
