package tcp

import "github.com/conform-stack/conform/stack/clock"

// A hunger is connections whose users wait for memory while nothing of their own is on its way, so that no acknowledgement
// will tell them that there is some.
type hunger struct {
	conns []*conn // in the order in which they came
	timer clock.Timer
}

// starve has a connection told when there is memory.
func (t *TCP) starve(c *conn) {
	if !c.starves {
		c.starves = true
		t.hunger.conns = append(t.hunger.conns, c)
	}
}

// freed is called when a chunk came back.
func (t *TCP) freed() {
	if len(t.hunger.conns) > 0 {
		t.hunger.timer.Post()
	}
}

// feed tells those who wait, the longest first, as far as there is memory. Who finds none after all waits again.
func (t *TCP) feed() {
	h, fed := &t.hunger, 0
	for n := len(h.conns); fed < n && t.mem.has(0, false); fed++ {
		c := h.conns[fed]
		if c.starves = false; c.state != Closed {
			c.notifyWritable()
		}
	}
	left := copy(h.conns, h.conns[fed:])
	clear(h.conns[left:])
	h.conns = h.conns[:left]
}
