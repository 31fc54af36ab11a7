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
	if !i.up {
		i.Stats.Drop(stats.IfaceDown)
		return
	}
	p := i.RxPool.Copy(Headroom, frame)
	if p == nil {
		i.Stats.Drop(stats.NoBuffer)
		return
	}
	p.Arrived = i.Loop.Now()
	p.Priority = i.l2.Priority(frame)
	if !i.rx.push(p) {
		i.Drop(p, stats.RxQueueFull)
		return
	}
	if _, set := i.rxOn.When(); !set {
		i.rxOn.Set(i.busy)
	}
}

// drainRx processes one packet. With a cost per packet the next one waits until it is paid.
func (i *Iface) drainRx() {
	p := i.rx.pop()
	if p == nil {
		return
	}
	i.busy = i.Loop.Now() + i.config.PacketCost
	i.l2.Input(p)
	if i.rx.waiting != 0 && i.up {
		i.rxOn.Set(i.busy)
	}
}

// Transmit owns a frame of the link layer and queues it for the device. Without classes the device takes it at once or
// it is dropped.
func (i *Iface) Transmit(p *packet.Packet) {
	switch {
	case !i.up:
		i.Drop(p, stats.IfaceDown)
	case i.config.TxClasses == 0:
		if i.send(p) {
			p.Free()
		} else {
			i.Drop(p, stats.DeviceFull)
		}
	case !i.tx.push(p):
		i.Drop(p, stats.TxQueueFull)
	case !i.full:
		i.txOn.Post()
	}
}

// drainTx gives one frame to the device.
func (i *Iface) drainTx() {
	p := i.tx.first()
	if p == nil {
		return
	}
	if !i.send(p) {
		i.full = true
		return
	}
	i.tx.pop().Free()
	if i.tx.waiting != 0 {
		i.txOn.Post()
	}
}

// send tells whether the device took the frame.
func (i *Iface) send(p *packet.Packet) bool {
	if !i.device.Send(p.Bytes()) {
		return false
	}
	i.Stats.Link.Sent++
	i.Stats.Link.SentBytes += uint64(p.Len())
	return true
}

// Ready implements driver.Handler.
func (i *Iface) Ready() {
	i.full = false
	if i.tx.waiting != 0 && i.up {
		i.txOn.Post()
	}
}
