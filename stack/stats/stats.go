// Package stats counts what a node does: plain fields, written by whoever does it, on the loop. A snapshot is a copy;
// what happened in between is the difference of two.
//
// Each interface has a Node of its own, and the node one for what concerns no interface; what the node as a whole did is
// their sum. So counting costs one addition, and nothing is counted twice. A message is counted where it came in or goes
// out, as soon as that is known.
package stats

import (
	"fmt"
	"reflect"
)

// Node is what is counted at one interface, or by one node.
type Node struct {
	Link     Link
	MAC      MAC // of IEEE 802.15.4
	ARP      ARP
	IPv4     IP
	IPv6     IP
	Lowpan   Lowpan
	ICMP     ICMP
	ICMPv6   ICMP    // with Neighbor Discovery and MLD in it, which are messages of ICMPv6
	ND       Traffic // Neighbor Discovery (RFC 4861)
	PathMTU4 PathMTU // RFC 1191
	PathMTU6 PathMTU // RFC 8201
	IGMP     Traffic
	MLD      Traffic
	UDP      Traffic
	TCP      TCP
	Raw      Octets
	Events   Events
	TC       Classes
	Drops    [NumDrops]uint64
	// IPv4Drops is how many of Drops were IPv4's own, see DropIPv4.
	IPv4Drops uint64
}

// Traffic counts messages of one protocol.
type Traffic struct{ Received, Sent uint64 }

// Octets counts messages of one protocol, and what is in them.
type Octets struct{ Received, Sent, ReceivedBytes, SentBytes uint64 }

// Link counts frames.
type Link struct {
	Received, Sent               uint64 // frames
	ReceivedBytes, SentBytes     uint64
	Broadcast, Multicast         uint64 // frames received
	BroadcastSent, MulticastSent uint64
	Restarts                     uint64 // how often the device had room again after it had been full
}

// MAC counts what the MAC of a shared medium does beyond what it carries for the layers above.
type MAC struct {
	AcksReceived, AcksSent         uint64
	BeaconsReceived, BeaconsSent   uint64
	CommandsReceived, CommandsSent uint64
	Retries                        uint64 // frames sent once more, for want of an acknowledgement
	Busy                           uint64 // how often the channel was not clear
	Secured, Opened                uint64 // frames protected, and those whose protection was lifted
	Kept                           uint64 // frames kept for a station that polls
}

// PathMTU counts messages that tell of a path's MTU.
type PathMTU struct {
	Received, Sent uint64
	Believed       uint64 // of those received
}

// Events counts events of network management.
type Events struct {
	Raised uint64 // somebody listens to them
	Lost   uint64 // that gave way in the queue to newer ones
}

// ARP counts packets.
type ARP struct {
	RequestsReceived, RepliesReceived uint64
	RequestsSent, RepliesSent         uint64
	Conflicts                         uint64 // seen on an address of ours
	Failed                            uint64 // resolutions given up
}

// IP counts datagrams of one version.
type IP struct {
	Received, Delivered, Sent, Forwarded uint64
	FragmentsReceived, FragmentsSent     uint64
	Reassembled, Fragmented              uint64 // datagrams
}

// Lowpan counts datagrams of IPv6 below IPv6, and what they were cut into.
type Lowpan struct {
	Received, Sent                   uint64 // datagrams
	FragmentsReceived, FragmentsSent uint64
	Reassembled, Fragmented          uint64 // datagrams
	Forwarded                        uint64 // frames of a mesh
	Recovered                        uint64 // fragments that were sent once more (RFC 8931)
}

// ICMP counts messages.
type ICMP struct {
	Received, Sent             uint64
	ErrorsReceived, ErrorsSent uint64
	Echoes                     uint64 // answered
}

// TCP counts segments, octets and connections.
type TCP struct {
	Received, Sent           uint64 // segments
	ReceivedBytes, SentBytes uint64 // octets of data, those of retransmissions not counted again
	Retransmitted            uint64 // segments
	RetransmittedBytes       uint64
	ResetsReceived           uint64
	ResetsSent               uint64
	ResetErrors              uint64 // RST that were not acceptable (RFC 5961, 3)
	AckErrors                uint64 // acknowledgements of what was never sent
	ChallengesSent           uint64
	Opened, Accepted         uint64 // connections, active and passive
	ConnectionsDropped       uint64 // SYNs that the backlog or a bound turned away, and connections given up
	ConnectionsReset         uint64
	FastRetransmits          uint64
	Timeouts                 uint64 // of retransmission
	ProbesSent               uint64 // of zero windows
	KeepAlivesSent           uint64
}

// Drop counts one packet that goes no further.
func (n *Node) Drop(why Drop) { n.Drops[why]++ }

// DropIPv4 counts one datagram that IPv4 itself takes no further. The reasons are the same for both versions of IP; so
// they can be told apart.
func (n *Node) DropIPv4(why Drop) {
	n.Drops[why]++
	n.IPv4Drops++
}

// Dropped is the number of packets dropped, for all reasons.
func (n *Node) Dropped() (sum uint64) {
	for _, c := range n.Drops {
		sum += c
	}
	return sum
}

// Reset sets all counters to zero.
func (n *Node) Reset() { *n = Node{} }

// Add adds what another has counted.
func (n *Node) Add(o *Node) { add(reflect.ValueOf(n).Elem(), reflect.ValueOf(o).Elem(), +1) }

// Since is what was counted after an earlier snapshot.
func (n Node) Since(earlier Node) Node {
	add(reflect.ValueOf(&n).Elem(), reflect.ValueOf(earlier), ^uint64(0))
	return n
}

// Each calls f with the name and the value of each counter that is not zero, in a fixed order: "IPv4.Received", and for
// drops "drop.ip-checksum".
func (n Node) Each(f func(name string, value uint64)) {
	each("", reflect.ValueOf(n), f)
	for d, c := range n.Drops {
		if c != 0 {
			f("drop."+Drop(d).String(), c)
		}
	}
}

// add adds b, some times, modulo 2^64: -1 subtracts it.
func add(a, b reflect.Value, times uint64) {
	switch a.Kind() {
	case reflect.Uint64:
		a.SetUint(a.Uint() + times*b.Uint())
	case reflect.Struct:
		for i := range a.NumField() {
			add(a.Field(i), b.Field(i), times)
		}
	case reflect.Array:
		for i := range a.Len() {
			add(a.Index(i), b.Index(i), times)
		}
	}
}

func each(name string, v reflect.Value, f func(string, uint64)) {
	switch v.Kind() {
	case reflect.Uint64:
		if v.Uint() != 0 {
			f(name, v.Uint())
		}
	case reflect.Struct:
		if name != "" {
			name += "."
		}
		for i := range v.NumField() {
			each(name+v.Type().Field(i).Name, v.Field(i), f)
		}
	case reflect.Array:
		if v.Type().Elem().Kind() == reflect.Struct { // Drops have names of their own
			for i := range v.Len() {
				each(fmt.Sprintf("%s[%d]", name, i), v.Index(i), f)
			}
		}
	}
}
