// Package iface is a network interface: the queues between a device and the protocols, its state, and the addresses.
//
// A frame that arrives is classified and queued, no more. A drain event takes one packet of the highest class that has
// any, processes it to its end, and posts itself behind whatever came up at the same instant. In the other direction the
// same stands between the link layer and the device, which says when it is full and when it is ready. Queues are
// bounded, and what does not fit is dropped and counted. One class, the highest, may be kept out of the queues: its
// packets are processed, or given to the device, in the call that brings them.
//
// On its way in, a packet passes: filters (OnReceive), its queue, taps, the link layer, filters again, its protocol. On
// its way out: filters (OnSend), its queue, the device, taps.
//
// A virtual interface has no device but another interface below it, which sends its frames, wrapped, and brings those
// that it received for it. It has no queues: packets are in those of the other.
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
	Map                    ClassMap
	RxClasses, TxClasses   int           // that are queued, 1 to 8; 0: packets are not queued by class
	SkipHighRx, SkipHighTx bool          // there is one class more, the highest, which is not queued
	Slots                  int           // received packets that one class holds; 0 means that only the pool bounds it
	TxSlots                int           // likewise of packets to send; 0 means Slots
	RxPriority             uint8         // of frames that say nothing of it
	PacketCost             time.Duration // virtual time that processing one received packet takes
	RxTimes, TxTimes       Times
}

// A Kind is what an interface is on.
type Kind uint8

const (
	KindOther Kind = iota
	KindLoopback
	KindEthernet
	KindVLAN
	KindIEEE802154
	KindBluetooth
	KindCAN
)

// An Iface is one interface of a node. It belongs to the node's loop.
type Iface struct {
	Index        int    // from 1
	Name         string // such as eth0
	Kind         Kind
	Loopback     bool // what is sent comes back: nobody else is on the link
	PointToPoint bool // one other is on the link
	Loop         *clock.Loop
	Stats        *stats.Node
	RxPool       *packet.Pool
	TxPool       *packet.Pool

	config Config
	device driver.Device // nil for a virtual interface
	lower  *Iface        // below a virtual interface
	wrap   func(*packet.Packet) bool
	l2     L2
	l3     map[Protocol]L3
	l3last struct { // the protocol of the last packet, nearly always that of the next
		proto Protocol
		l3    L3
	}
	state   State
	running bool // State.Oper is OperUp
	mtu     int
	rx      queues
	tx      queues
	rxOn    clock.Timer // drains rx
	txOn    clock.Timer // drains tx
	busy    time.Duration
	full    bool // the device refused a frame and has not been ready since

	hooked  uint8 // a bit for each Hook that is in use, and one for taps
	filters [numHooks][]Filter
	taps    []Tap
	seen    Seen // given to taps; one frame is shown at a time

	rxPriority, txPriority [MaxClasses]uint8 // of the latest packet of each class

	addresses       []Address
	watchers        []func()
	stateWatchers   []func(was, is State)
	addressWatchers []func(AddressChange, Address)
}

// New makes an interface that is down. SetLink and the protocols come next, then SetUp.
func New(index int, name string, l *clock.Loop, d driver.Device, rx, tx *packet.Pool, s *stats.Node, c Config) *Iface {
	if c.TxSlots == 0 {
		c.TxSlots = c.Slots
	}
	i := &Iface{
		Index: index, Name: name, Loop: l, Stats: s, RxPool: rx, TxPool: tx,
		config: c, device: d, l3: map[Protocol]L3{},
		rx: newQueues(c.Map, c.RxClasses, c.Slots, c.SkipHighRx), tx: newQueues(c.Map, c.TxClasses, c.TxSlots, c.SkipHighTx),
	}
	i.rxOn.Init(l, i.drainRx)
	i.txOn.Init(l, i.drainTx)
	return i
}

// NewVirtual makes an interface above another one. wrap makes a frame of the other of one of this, or drops it and is
// false. Whoever knows the other keeps Carrier up to date: the medium is there while the other is up.
func NewVirtual(index int, name string, lower *Iface, s *stats.Node, wrap func(*packet.Packet) bool) *Iface {
	i := New(index, name, lower.Loop, nil, lower.RxPool, lower.TxPool, s, Config{
		RxTimes: lower.config.RxTimes, TxTimes: lower.config.TxTimes, RxPriority: lower.config.RxPriority,
	})
	i.lower, i.wrap = lower, wrap
	i.state.Carrier = lower.Up()
	return i
}

// Lower is the interface below a virtual one; nil for one that has a device.
func (i *Iface) Lower() *Iface { return i.lower }

// Device is the device; nil for a virtual interface.
func (i *Iface) Device() driver.Device { return i.device }

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

// MTU is the largest packet of a network protocol, in octets: that of the link, or less when SetMTU said so. A virtual
// interface takes no more than the one below.
func (i *Iface) MTU() int {
	if i.lower != nil {
		return min(i.mtu, i.lower.MTU())
	}
	return i.mtu
}

// SetMTU lowers the MTU; 0 gives that of the link.
func (i *Iface) SetMTU(octets int) {
	i.mtu = i.l2.MTU()
	if octets > 0 {
		i.mtu = min(i.mtu, octets)
	}
}

// RxPriority is the priority of frames that say nothing of it.
func (i *Iface) RxPriority() uint8 { return i.config.RxPriority }

// Classes are the numbers of traffic classes, of received packets and of those that are sent. The class that is not
// queued is among them. 0 means that there is no queue by class, and all are counted as class 0.
func (i *Iface) Classes() (rx, tx int) {
	for i.lower != nil {
		i = i.lower
	}
	count := func(n int, skip bool) int {
		if skip {
			n++
		}
		return n
	}
	return count(i.config.RxClasses, i.config.SkipHighRx), count(i.config.TxClasses, i.config.SkipHighTx)
}

// ClassPriority is the priority of the latest packet of a class, received and sent.
func (i *Iface) ClassPriority(class int) (rx, tx uint8) {
	return i.rxPriority[class], i.txPriority[class]
}

// Queued is the number of packets that wait, received ones and those to send.
func (i *Iface) Queued() (rx, tx int) { return i.rx.waiting, i.tx.waiting }

// Close takes the interface down and closes its link and its device.
func (i *Iface) Close() error {
	i.SetUp(false)
	i.l2.Close()
	if i.device == nil {
		return nil
	}
	return i.device.Close()
}

// Drop frees a packet and counts why.
func (i *Iface) Drop(p *packet.Packet, why stats.Drop) {
	p.Free()
	i.Stats.Drop(why)
}

// Deliver gives a packet to its network protocol.
func (i *Iface) Deliver(proto Protocol, p *packet.Packet) {
	if i.hooked != 0 {
		if proto == IPv4 && !i.Passes(OnIPv4, p) || proto == IPv6 && !i.Passes(OnIPv6, p) {
			return
		}
	}
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
	if !i.running {
		i.Drop(p, stats.IfaceDown)
		return
	}
	i.l2.Output(proto, p, to)
}
