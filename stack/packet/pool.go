package packet

import (
	"cmp"
	"time"
)

// The sizes of storage. The largest holds the largest datagram with the headroom for it.
var classSize = [...]int{256, 640, 2304, 9472, 65536 + 256} // never written

// MaxLen is how many octets a packet can hold, headroom included.
const MaxLen = 65536 + 256

// Limits bound a pool.
type Limits struct {
	Packets    int // in use at a time; 0 means 1024
	Buffers    int // charged at a time; 0 means 16384
	BufferSize int // octets a buffer; 0 means 128
}

func (l Limits) packets() int    { return cmp.Or(l.Packets, 1024) }
func (l Limits) buffers() int    { return cmp.Or(l.Buffers, 16384) }
func (l Limits) bufferSize() int { return cmp.Or(l.BufferSize, 128) }

// A Pool belongs to one loop.
type Pool struct {
	Priority uint8                // of packets when they are made
	Now      func() time.Duration // the clock for Packet.Times; nil when they are not kept
	Hide     bool                 // packets that are made now are hidden

	packets, buffers int // left
	size             int
	limits           Limits
	failures         uint64
	idle             [len(classSize)]*Packet // free packets of each class
}

// NewPool makes a pool. It takes memory as packets are used, and keeps it.
func NewPool(l Limits) *Pool {
	return &Pool{packets: l.packets(), buffers: l.buffers(), size: l.bufferSize(), limits: l}
}

// Get makes a packet whose content is n octets that hold anything, behind some headroom. It is nil when the pool is
// exhausted or the packet would be longer than MaxLen.
func (o *Pool) Get(headroom, n int) *Packet {
	charge := o.Charge(n)
	if o.packets == 0 || charge > o.buffers || headroom+n > MaxLen {
		o.failures++
		return nil
	}
	o.packets--
	o.buffers -= charge
	class := 0
	for classSize[class] < headroom+n {
		class++
	}
	p := o.idle[class]
	if p != nil {
		o.idle[class] = p.next
	} else {
		p = &Packet{buf: make([]byte, classSize[class]), pool: o, class: int8(class)}
	}
	p.off, p.end, p.next, p.charge, p.free = headroom, headroom+n, nil, int32(charge), false
	p.Priority, p.Cast, p.LinkSrc, p.Arrived, p.Hidden, p.Origin = o.Priority, Unicast, noAddr, 0, o.Hide, 0
	p.Verified = false
	if o.Now != nil {
		at := o.Now()
		p.Times = [NumPoints]time.Duration{at, at, at, at}
	}
	return p
}

// Copy makes a packet with content b.
func (o *Pool) Copy(headroom int, b []byte) *Packet {
	p := o.Get(headroom, len(b))
	if p != nil {
		copy(p.buf[headroom:], b)
	}
	return p
}

// Charge is the number of buffers that a packet of n octets costs; one without content costs one.
func (o *Pool) Charge(n int) int { return max(1, (n+o.size-1)/o.size) }

// InUse is how many packets have not been freed. Every test ends with none.
func (o *Pool) InUse() int { return o.limits.packets() - o.packets }

// BuffersInUse is what those packets are charged.
func (o *Pool) BuffersInUse() int { return o.limits.buffers() - o.buffers }

// Failures is how often the pool was exhausted.
func (o *Pool) Failures() uint64 { return o.failures }

func (o *Pool) put(p *Packet) {
	if p.free {
		panic("packet: freed twice")
	}
	p.free = true
	o.packets++
	o.buffers += int(p.charge)
	p.next, o.idle[p.class] = o.idle[p.class], p
}
