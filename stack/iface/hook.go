package iface

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
)

// A Hook is a place where filters look at packets.
type Hook uint8

const (
	OnReceive Hook = iota // frames as they come from the device, before they are queued
	OnIPv4                // datagrams, before their protocol
	OnIPv6
	OnLocal // datagrams for this host, headers and all, before their transport
	OnSend  // frames, before they are queued
	numHooks
	onTap // not a place: taps are there
)

// A Filter tells whether a packet may go on. It only looks at it.
type Filter func(i *Iface, p *packet.Packet) bool

// SetFilters says which filters look at packets at a hook; all must agree. Without any it costs nothing.
func (i *Iface) SetFilters(at Hook, filters ...Filter) {
	i.filters[at] = slices.Clone(filters)
	i.mark(at, len(filters) > 0)
}

// Filtered tells whether there are filters at a hook.
func (i *Iface) Filtered(at Hook) bool { return i.hooked&(1<<at) != 0 }

// Passes tells whether the filters at a hook let a packet go on. If not, it has been freed and counted.
func (i *Iface) Passes(at Hook, p *packet.Packet) bool {
	if i.hooked&(1<<at) == 0 {
		return true
	}
	for _, f := range i.filters[at] {
		if !f(i, p) {
			i.Drop(p, stats.FilterReceive+stats.Drop(at))
			return false
		}
	}
	return true
}

func (i *Iface) mark(at Hook, on bool) {
	i.hooked &^= 1 << at
	if on {
		i.hooked |= 1 << at
	}
}

// A Look is what a link layer tells of a frame for those who only look at it.
type Look struct {
	Header   int // octets in front of what Protocol names
	Protocol Protocol
	Cast     packet.Cast
	Src, Dst link.Addr
}

// A Seen is a frame as a tap sees it. It is good during the call; Frame is not the tap's to write.
type Seen struct {
	Iface *Iface
	Frame []byte        // with its link header
	At    time.Duration // it arrived, or was sent
	// Priority is that of the packet, 0 to 7.
	Priority uint8
	// Packet is the frame as a packet, for what came with it. It is only to be looked at.
	Packet *packet.Packet
	// Look tells what is in the frame. Its Cast is Outgoing for a frame that is sent.
	Look
}

// A Tap sees all frames that an interface receives, before its link layer gets them, and all that its device took. It
// may send, and what it sends while it is called is not shown to any tap: a capture never captures itself.
type Tap interface {
	Tap(*Seen)
}

// AddTap adds a tap, a value that can be compared. It does not see frames for other stations unless the interface is promiscuous.
func (i *Iface) AddTap(t Tap) {
	i.taps = append(slices.Clone(i.taps), t)
	i.mark(onTap, true)
}

// RemoveTap removes a tap and tells whether it was there.
func (i *Iface) RemoveTap(t Tap) bool {
	n := len(i.taps)
	i.taps = slices.DeleteFunc(slices.Clone(i.taps), func(x Tap) bool { return x == t })
	i.mark(onTap, len(i.taps) > 0)
	return len(i.taps) < n
}

// tapped tells whether taps see packets.
func (i *Iface) tapped() bool { return i.hooked&(1<<onTap) != 0 }

// show has taps see a frame. A frame that is no frame of the link is not shown.
func (i *Iface) show(p *packet.Packet, outgoing bool) {
	if p.Hidden {
		return
	}
	look, ok := i.l2.Look(p.Bytes())
	if !ok || look.Cast == packet.Other && !outgoing && !i.state.Promiscuous {
		return
	}
	s := &i.seen
	*s = Seen{Iface: i, Frame: p.Bytes(), At: i.Loop.Now(), Priority: p.Priority, Packet: p, Look: look}
	if outgoing {
		s.Cast = packet.Outgoing
	}
	tx := i.TxPool
	hid := tx.Hide
	tx.Hide = true
	for _, t := range i.taps {
		t.Tap(s)
	}
	tx.Hide = hid
	*s = Seen{}
}
