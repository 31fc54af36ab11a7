// Package ip stands between the transports and the versions of IP: the contract of an upper layer with input and error,
// the contract of a network with its paths, the demultiplexer, and the table of routes.
//
// Addresses are of either family here; what is special to one is in package ipv4 or ipv6.
package ip

import (
	"errors"
	"net/netip"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire"
)

// Headroom is what a transport leaves free in front of its header, for the longest header of IP, 60 octets, and of a
// link; with 2 octets more it is a multiple of 4.
const Headroom = 62 + iface.Headroom

// Why a datagram is not sent.
var (
	ErrNoRoute    = errors.New("ip: no route to the destination")
	ErrBadSource  = errors.New("ip: the source is not an address of this host")
	ErrTooBig     = errors.New("ip: larger than can be sent")
	ErrNoBuffer   = errors.New("ip: no buffer")
	ErrBadOptions = errors.New("ip: malformed options")
	ErrDown       = errors.New("ip: the interface is down")
)

// A Datagram is what IP tells of one that came in. It is good during the call; slices alias the packet.
type Datagram struct {
	Src, Dst netip.Addr
	Protocol wire.Protocol
	TTL, TOS uint8
	In       *iface.Iface
	Cast     packet.Cast    // what Dst is: an address of this host, a group, a broadcast address
	Options  []byte         // of IPv4, with their padding
	Header   []byte         // of IPv4: all of it, in front of the content; nil of IPv6, whose users do not see it (RFC 3542, 3)
	Pseudo   wire.Sum       // the pseudo-header without the length
	Front    int            // octets of headers in front of the packet's content, if they are more than Header
	Packet   *packet.Packet // it, for a Tap that only looks at it
}

// A Verdict is what an upper layer did with a datagram.
type Verdict uint8

const (
	Accepted   Verdict = iota // it owns the packet now, or has freed it
	NoPort                    // nobody there wants it: the sender may be told; the packet is still IP's, unchanged
	NoProtocol                // nobody handles the protocol; an Upper does not say so
)

// An Upper is a protocol above IP.
type Upper interface {
	// Input takes the content of a datagram addressed to this host, whole.
	Input(p *packet.Packet, d *Datagram) Verdict
	// Error takes in that a datagram of this protocol, sent by this host, had a fate.
	Error(e *Error)
}

// A Recaller is an Upper that can tell whether a datagram that an error quotes may be one that it sent, so that errors
// that somebody made up are not believed (RFC 8201, 4).
type Recaller interface {
	Sent(e *Error) bool
}

// A Confirmer is a Network that can be told that the way to a destination works: its upper layer has heard that what it
// sent of late has arrived (RFC 4861, 7.3.1).
type Confirmer interface {
	Confirm(dst netip.Addr)
}

// A Doubter is a Network that can be told that what is sent to a destination may not arrive: negative advice of an upper
// layer (RFC 1122, 3.3.1.4; RFC 9293, 3.8.3, MUST-20). It looks whether the next hop is still there.
type Doubter interface {
	Doubt(dst netip.Addr)
}

// A Fate is what became of a datagram, of either family.
type Fate uint8

const (
	NetUnreachable Fate = iota
	HostUnreachable
	ProtocolUnreachable
	PortUnreachable
	TooBig            // MTU tells what passes
	SourceRouteFailed // it cannot go the way that it asks for
	Prohibited        // administratively
	TimeExceeded      // its time to live, or that of its reassembly
	ParameterProblem  // its header was not understood
	UnknownError      // something that nobody here knows: Type and Code tell (RFC 4443, 2.4 (a))
)

// An Error tells of a datagram's fate. It is good during the call; Quote aliases the packet.
type Error struct {
	Fate       Fate
	Type, Code uint8      // of the ICMP message; both 0 when this host found out by itself
	From       netip.Addr // who says so
	Src, Dst   netip.Addr // of the datagram; Src is an address of this host
	Protocol   wire.Protocol
	Quote      []byte // the first octets of its content, 8 of them or more if it had as many
	MTU        int    // with TooBig: what passes, header included
}

// A FragmentPolicy says what happens to a datagram that is too large for its path.
type FragmentPolicy uint8

const (
	FragmentWanted FragmentPolicy = iota // it is fragmented; what fits carries don't fragment, so that path MTU discovery works
	FragmentNever                        // it is refused; all datagrams carry don't fragment
	FragmentAlways                       // it is fragmented, here or on the way
	FragmentProbe                        // like FragmentNever, but the path MTU known so far is not looked at
)

// A Preference says which of several sources a user would rather have (RFC 5014, 5).
type Preference uint8

const (
	PreferTemporary Preference = 1 << iota // RFC 8981; with neither of both the node's own preference counts
	PreferPublic
	PreferCareOf // before a home address (RFC 6275)
)

// A Send is how a datagram is to be sent.
type Send struct {
	Src       netip.Addr // the zero Addr: chosen by the path
	Dst       netip.Addr
	Protocol  wire.Protocol
	TTL, TOS  uint8 // TTL 0 means the default
	Priority  uint8 // of the packet, 1 to 7; 0 leaves it as it is
	Options   []byte
	Fragment  FragmentPolicy
	Out       *iface.Iface // nil: chosen by the routes
	OnLink    bool         // to a neighbour only (SO_DONTROUTE)
	Loop      bool         // to a group: deliver to members here as well
	AnySource bool         // Src may be the unspecified address
	Prefer    Preference   // of sources, if Src is the zero Addr
}

// Mark gives a packet the priority that it is to be sent with. A Network does so in Output. There are none above 7: they
// mean best effort.
func (s *Send) Mark(p *packet.Packet) {
	switch {
	case s.Priority > 7:
		p.Priority = 0
	case s.Priority != 0:
		p.Priority = s.Priority
	}
}

// A Path is the way to a destination.
type Path struct {
	Src netip.Addr
	Out *iface.Iface
	Hop iface.Hop
	MTU int // of the path as far as known, header of IP included
}

// A Network is a version of IP.
type Network interface {
	// Path finds the way for s, which is only read.
	Path(s *Send) (Path, error)
	// Output owns p, the content of a datagram with Headroom in front of it, and sends it on a path found for s.
	Output(p *packet.Packet, s *Send, by Path) error
	// Pseudo sums the pseudo-header without the length.
	Pseudo(src, dst netip.Addr, proto wire.Protocol) wire.Sum
	// Holds tells whether an address is one of this host's, in use.
	Holds(addr netip.Addr) bool
	// IsBroadcast tells whether an address is a broadcast address on a link of this host. IPv6 has none.
	IsBroadcast(addr netip.Addr) bool
	// InterfaceOf is the interface that has an address; nil if none has.
	InterfaceOf(addr netip.Addr) *iface.Iface
	Groups
}
