package iface

import (
	"time"

	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
)

// Times says which times are kept of packets on their way. The pools have a clock then.
type Times struct {
	On     bool
	Detail bool // from point to point as well
}

// sentAt counts the times of a packet that the device took.
func (i *Iface) sentAt(p *packet.Packet, c *stats.Class) {
	now := i.Loop.Instant()
	c.Time.Add(int64(now - p.Times[packet.Made]))
	if i.config.TxTimes.Detail {
		intervals(c, &p.Times, packet.Waiting, now)
	}
}

// Waits says that a received packet waits for its application, in a queue of a socket.
func (i *Iface) Waits(p *packet.Packet) {
	if i.config.RxTimes.On {
		p.Times[packet.Waiting] = i.Loop.Instant()
	}
}

// Given says that a received packet is given to its application: its times are counted.
func (i *Iface) Given(p *packet.Packet) {
	if !i.config.RxTimes.On {
		return
	}
	i.given(i.rxClassOf(p), &p.Times)
}

func (i *Iface) given(class int, times *[packet.NumPoints]time.Duration) {
	now := i.Loop.Instant()
	c := &i.Stats.TC.Received[class]
	c.Time.Add(int64(now - times[packet.Made]))
	if i.config.RxTimes.Detail {
		intervals(c, times, packet.NumPoints, now)
	}
}

// A Receipt is what is kept of a received packet that is gone while its content waits for the application.
type Receipt struct {
	in    *Iface
	class int
	times [packet.NumPoints]time.Duration
}

// Receipt is Waits for a packet that does not wait itself. It is false when times are not kept.
func (i *Iface) Receipt(p *packet.Packet) (Receipt, bool) {
	if !i.config.RxTimes.On {
		return Receipt{}, false
	}
	i.Waits(p)
	return Receipt{i, i.rxClassOf(p), p.Times}, true
}

// Given says that the content is given to the application.
func (r *Receipt) Given() { r.in.given(r.class, &r.times) }

// intervals counts the times between the first points of a packet's way, and from the last of them until now.
func intervals(c *stats.Class, times *[packet.NumPoints]time.Duration, points packet.Point, now time.Duration) {
	for k := packet.Point(1); k < points; k++ {
		c.Detail[k-1].Add(int64(times[k] - times[k-1]))
	}
	c.Detail[points-1].Add(int64(now - times[points-1]))
}

// rxClassOf is the class of a received packet; a virtual interface has those of the one below.
func (i *Iface) rxClassOf(p *packet.Packet) int {
	for i.lower != nil {
		i = i.lower
	}
	return i.rx.classOf(p)
}
