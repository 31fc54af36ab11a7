// Package event says what can happen in a node that somebody who manages it wants to know, and how a layer says so.
//
// A layer raises an Event at a Sink that it was given; who listens it does not know. That is package mgmt, above all
// layers, which cannot be asked from here.
//
//	event.Raise(y.Events, event.Event{Code: event.IPv4AddrAdd, Iface: i.Index, Prefix: p})
//
// Raising copies a small value and allocates nothing, so that a layer need not ask first whether anybody listens.
package event

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/wire/link"
)

// An Event is something that happened. Which of the fields after Iface are set, the Code says.
type Event struct {
	Code  Code
	Iface int // the index of the interface that it happened on, from 1; 0 for none

	Prefix   netip.Prefix  // an address of this host with the length of its subnet, a prefix, or where a route leads
	Addr     netip.Addr    // a group, a router, a neighbour, or the destination of a path
	Link     link.Addr     // of a neighbour, or of the station that has an address of ours
	Lifetime time.Duration // of a prefix or a router; negative: it does not end
	MTU      int           // of a path, in octets
	Tag      uint16        // of a VLAN
	PAN      *PAN          // a network of IEEE 802.15.4, for whoever is told to keep
}

// A PAN is what an event tells of a network of IEEE 802.15.4.
type PAN struct {
	ID      uint16
	Channel int
	LQI     uint8  // of the beacon, 0 to 255
	Permit  bool   // stations may associate
	Payload []byte // of the beacon
	Short   uint16 // address that this station was given
	Status  uint8  // why it was not: the coordinator's (1 at capacity, 2 denied), or that of the MAC (0xe9, 0xeb: no answer)
}

// A Sink takes events.
type Sink interface {
	// Raise takes in an event. Whoever wants to know of it may be told within the call, or later on the loop.
	Raise(e Event)
}

// Raise raises an event at a sink that may be nil: then nobody wants to know.
func Raise(s Sink, e Event) {
	if s != nil {
		s.Raise(e)
	}
}
