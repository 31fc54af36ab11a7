// Package iface is a network interface: the queues between a device and the protocols, and the addresses.
//
// A frame that arrives is classified and queued, no more. A drain event takes one packet of the highest class that has
// any, processes it to its end, and posts itself behind whatever came up at the same instant. In the other direction the
// same stands between the link layer and the device, which says when it is full and when it is ready. Queues are
// bounded, and what does not fit is dropped and counted.
package iface

import (
	"fmt"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
)

// Config sizes the queues of an interface.
type Config struct {
	RxClasses, TxClasses int           // 1 to 8; 0: packets are not queued by class
	Slots                int           // packets that one class holds; 0 means that only the pool bounds it
	PacketCost           time.Duration // virtual time that processing one received packet takes
}

// An Iface is one interface of a node. It belongs to the node's loop.
type Iface struct {
	Index    int    // from 1
	Name     string // such as eth0
	Loopback bool   // what is sent comes back: nobody else is on the link
	Loop     *clock.Loop
	Stats    *stats.Node
	RxPool   *packet.Pool
	TxPool   *packet.Pool

	config Config
	device driver.Device
	l2     L2
	l3     map[Protocol]L3
	l3last struct { // the protocol of the last packet, nearly always that of the next
		proto Protocol
		l3    L3
	}
	up   bool
	mtu  int
	rx   queues
	tx   queues
	rxOn clock.Timer // drains rx
	txOn clock.Timer // drains tx
	busy time.Duration
	full bool // the device refused a frame and has not been ready since

	addresses []Address
	watchers  []func()
}

// New makes an interface that is down. SetLink and the protocols come next, then SetUp.
func New(index int, name string, l *clock.Loop, d driver.Device, rx, tx *packet.Pool, s *stats.Node, c Config) *Iface {
	i := &Iface{
		Index: index, Name: name, Loop: l, Stats: s, RxPool: rx, TxPool: tx,
		config: c, device: d, l3: map[Protocol]L3{},
		rx: newQueues(c.RxClasses, c.Slots), tx: newQueues(max(c.TxClasses, 1), c.Slots),
	}
	i.rxOn.Init(l, i.drainRx)
	i.txOn.Init(l, i.drainTx)
	return i
}

// SetLink gives the interface its link layer, once. It panics when packets have not the headroom that the link layer
// needs: that is a mistake in the program.
func (i *Iface) SetLink(l2 L2) {
	if n := l2.Headroom(); n > Headroom {
		panic(fmt.Sprintf("iface: the link layer of %s prepends up to %d octets; packets have room for %d", i.Name, n, Headroom))
	}
	i.l2, i.mtu = l2, l2.MTU()
}

// Link is the link layer.
func (i *Iface) Link() L2 { return i.l2 }

// Handle says who takes packets of a protocol.
func (i *Iface) Handle(proto Protocol, l3 L3) { i.l3[proto] = l3 }

// MTU is the largest packet of a network protocol, in octets: that of the link, or less when SetMTU said so.
func (i *Iface) MTU() int { return i.mtu }

// SetMTU lowers the MTU; 0 gives that of the link.
func (i *Iface) SetMTU(octets int) {
	i.mtu = i.l2.MTU()
	if octets > 0 {
		i.mtu = min(i.mtu, octets)
	}
}

// Up tells whether packets pass.
func (i *Iface) Up() bool { return i.up }

// SetUp lets packets pass, or no longer: then what is queued is dropped.
func (i *Iface) SetUp(up bool) {
	if up == i.up {
		return
	}
	i.up = up
	if up {
		i.device.Start(i)
	} else {
		i.rxOn.Stop()
		i.txOn.Stop()
		i.Stats.Drops[stats.IfaceDown] += uint64(i.rx.clear() + i.tx.clear())
	}
	i.changed()
}

// Close takes the interface down and closes its link and its device.
func (i *Iface) Close() error {
	i.SetUp(false)
	i.l2.Close()
	return i.device.Close()
}

// Drop frees a packet and counts why.
func (i *Iface) Drop(p *packet.Packet, why stats.Drop) {
	p.Free()
	i.Stats.Drop(why)
}

// Deliver gives a packet to its network protocol.
func (i *Iface) Deliver(proto Protocol, p *packet.Packet) {
	if proto != i.l3last.proto || i.l3last.l3 == nil {
		l3, ok := i.l3[proto]
		if !ok {
			i.Drop(p, stats.UnknownType)
			return
		}
		i.l3last.proto, i.l3last.l3 = proto, l3
	}
	i.l3last.l3.Input(i, p)
}

// Unreachable gives a packet back to its protocol, because its next hop did not answer.
func (i *Iface) Unreachable(proto Protocol, p *packet.Packet) {
	i.Stats.Drop(stats.NotResolved)
	if l3, ok := i.l3[proto]; ok {
		l3.Unreachable(i, p)
	} else {
		p.Free()
	}
}

// Output sends a packet of a network protocol to a hop.
func (i *Iface) Output(proto Protocol, p *packet.Packet, to Hop) {
	if !i.up {
		i.Drop(p, stats.IfaceDown)
		return
	}
	i.l2.Output(proto, p, to)
}
