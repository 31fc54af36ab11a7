package iface

import (
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
)

// Receive implements driver.Handler: it copies, classifies and queues. The headroom lets a router send the packet on by
// another link. It also puts the network header, behind 14 octets of Ethernet, at a multiple of 4.
func (i *Iface) Receive(frame []byte) {
	i.Stats.Link.Received++
	i.Stats.Link.ReceivedBytes += uint64(len(frame))
	if !i.running {
		i.Stats.Drop(stats.IfaceDown)
		return
	}
	p := i.RxPool.Copy(Headroom, frame)
	if p == nil {
		i.Stats.Drop(stats.RxNoBuffer)
		return
	}
	p.Arrived = i.Loop.Now()
	p.Priority = i.l2.Priority(frame)
	if i.hooked != 0 && !i.Passes(OnReceive, p) {
		return
	}
	class := i.rx.classOf(p)
	i.rxPriority[class] = p.Priority
	if i.config.RxTimes.On {
		p.Times[packet.Queued] = i.Loop.Instant()
	}
	if class == i.rx.direct {
		i.process(p, class)
		if i.rx.waiting != 0 && i.running { // the others wait until this one is paid, too
			i.rxOn.Set(i.busy)
		}
		return
	}
	if !i.rx.push(class, p) {
		i.Stats.TC.Received[class].Dropped++
		i.Drop(p, stats.RxQueueFull)
		return
	}
	if _, set := i.rxOn.When(); !set {
		i.rxOn.Set(i.busy)
	}
}

// drainRx processes one packet. With a cost per packet the next one waits until it is paid.
func (i *Iface) drainRx() {
	class := i.rx.highest()
	if class < 0 {
		return
	}
	i.process(i.rx.pop(class), class)
	if i.rx.waiting != 0 && i.running {
		i.rxOn.Set(i.busy)
	}
}

// process gives a packet to the link layer, after all who want to see it.
func (i *Iface) process(p *packet.Packet, class int) {
	i.busy = max(i.busy, i.Loop.Now()) + i.config.PacketCost
	c := &i.Stats.TC.Received[class]
	c.Packets++
	c.Bytes += uint64(p.Len())
	if i.config.RxTimes.On {
		p.Times[packet.Taken] = i.Loop.Instant()
	}
	if i.tapped() {
		i.show(p, false)
	}
	i.l2.Input(p)
}

// Enter owns a frame of the link layer that the interface below has received for this one, a virtual one. It is processed
// at once: it has been in a queue.
func (i *Iface) Enter(p *packet.Packet) {
	i.Stats.Link.Received++
	i.Stats.Link.ReceivedBytes += uint64(p.Len())
	if !i.running {
		i.Drop(p, stats.IfaceDown)
		return
	}
	if i.hooked != 0 && !i.Passes(OnReceive, p) {
		return
	}
	if i.tapped() {
		i.show(p, false)
	}
	i.l2.Input(p)
}

// Transmit owns a frame of the link layer and queues it for the device. Without classes the device takes it at once or
// it is dropped. Below a virtual interface, there must be room for a header in front of it.
func (i *Iface) Transmit(p *packet.Packet) {
	if !i.running {
		i.Drop(p, stats.IfaceDown)
		return
	}
	if i.hooked != 0 && !i.Passes(OnSend, p) {
		return
	}
	if i.lower != nil {
		i.descend(p)
		return
	}
	class := i.tx.classOf(p)
	i.txPriority[class] = p.Priority
	if i.config.TxTimes.On {
		p.Times[packet.Queued] = i.Loop.Instant()
	}
	if class == i.tx.direct && !i.full || i.config.TxClasses == 0 {
		if i.send(p, class) {
			p.Free()
			return
		}
		if i.config.TxClasses == 0 {
			i.Stats.TC.Sent[class].Dropped++
			i.Drop(p, stats.DeviceFull)
			return
		}
		i.full = true
	}
	switch {
	case !i.tx.push(class, p):
		i.Stats.TC.Sent[class].Dropped++
		i.Drop(p, stats.TxQueueFull)
	case !i.full:
		i.txOn.Post()
	}
}

// descend has the interface below send a frame of this one.
func (i *Iface) descend(p *packet.Packet) {
	n := p.Len()
	if i.tapped() {
		i.show(p, true)
	}
	if i.wrap(p) {
		i.Stats.Link.Sent++
		i.Stats.Link.SentBytes += uint64(n)
		i.lower.Transmit(p)
	}
}

// drainTx gives one frame to the device. One that it refuses stays, and another may be sent before it once there is room.
func (i *Iface) drainTx() {
	class := i.tx.highest()
	if class < 0 {
		return
	}
	if !i.send(i.tx.class[class].First(), class) {
		i.full = true
		return
	}
	i.tx.pop(class).Free()
	if i.tx.waiting != 0 {
		i.txOn.Post()
	}
}

// send tells whether the device took the frame.
func (i *Iface) send(p *packet.Packet, class int) bool {
	if i.config.TxTimes.On {
		p.Times[packet.Taken] = i.Loop.Instant()
	}
	if !i.device.Send(p.Bytes()) {
		return false
	}
	n := uint64(p.Len())
	i.Stats.Link.Sent++
	i.Stats.Link.SentBytes += n
	c := &i.Stats.TC.Sent[class]
	c.Packets++
	c.Bytes += n
	if i.config.TxTimes.On {
		i.sentAt(p, c)
	}
	if i.tapped() {
		i.show(p, true)
	}
	return true
}

// Ready implements driver.Handler.
func (i *Iface) Ready() {
	if i.full {
		i.full = false
		i.Stats.Link.Restarts++
	}
	if i.tx.waiting != 0 && i.running {
		i.txOn.Post()
	}
}
