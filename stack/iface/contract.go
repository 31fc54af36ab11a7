package iface

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire/link"
)

// A Protocol names what a frame carries, by EtherType, on every kind of link.
type Protocol uint16

const (
	IPv4 Protocol = 0x0800
	IPv6 Protocol = 0x86dd
)

// A Hop is where a packet goes next on the link.
type Hop struct {
	Addr netip.Addr  // a neighbour or a group; with Broadcast it is not looked at
	Link link.Addr   // where that is on the link, if the sender knows; the zero Addr: the L2 finds out, or derives it
	Cast packet.Cast // to one station, a group, or all
}

// Headroom is the octets, at least, that are free in front of a packet when an L2 is to put its header there: also of
// one that was received by an L2 without any header, and is forwarded.
const Headroom = 34

// An L2 is a link technology: it takes frames apart and puts them together, and finds link addresses for hops.
type L2 interface {
	// Input owns a received frame. What it carries goes to Iface.Deliver, without the link header.
	Input(p *packet.Packet)
	// Output owns a packet of a network protocol. It goes to Iface.Transmit as a frame, at once or when the link
	// address is known; headroom is there.
	Output(proto Protocol, p *packet.Packet, to Hop)
	// Priority classifies a received frame, 0 to 7, without judging it. For one that says nothing of it, it is the
	// interface's RxPriority.
	Priority(frame []byte) uint8
	// Look tells what is in a frame, received or sent, for those who only look at it; false when it is no frame. Cast is
	// packet.Other for one to a station or a group that is not here.
	Look(frame []byte) (Look, bool)
	// Headroom is the octets that Output prepends at most; not more than the constant.
	Headroom() int
	// MTU is the largest packet that Output takes, in octets.
	MTU() int
	// Addrs are the addresses that the interface answers to, the lasting one first; a short one that it was assigned
	// follows (IEEE 802.15.4). None on a link that has no addresses. The slice is not the caller's to write.
	Addrs() []link.Addr
	// Join and Leave say whether frames to a group are wanted. Each Join is undone by one Leave.
	Join(group netip.Addr)
	Leave(group netip.Addr)
	// Close stops timers and frees packets.
	Close()
}

// An L3 is a network protocol.
type L3 interface {
	// Input owns a packet that came in by an interface.
	Input(in *Iface, p *packet.Packet)
	// Unreachable owns a packet that the protocol sent by the interface, whose next hop did not answer.
	Unreachable(out *Iface, p *packet.Packet)
}
