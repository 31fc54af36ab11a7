// Package lowpan reads and writes what 6LoWPAN puts in front of IPv6 in a frame of IEEE 802.15.4, and turns headers of IPv6
// into their compressed form and back.
//
// A payload is a stack of headers. What each one is its first octet says, the dispatch (KindOf), and they come in one
// order (RFC 4944, 5):
//
//	mesh addressing   ParseMesh       who sent it first, to whom in the end
//	broadcast         ParseBroadcast  BC0
//	fragmentation     ParseFragment   FRAG1 and FRAGN; ParseRecoverable and ParseAcknowledgment, RFRAG and RFRAG-ACK
//	a datagram        Decompress      IPv6 as it is, HC1, or IPHC with its NHC; pages (RFC 8025) and ESC (RFC 8066) in front
//
// An IPHC says what of an IPv6 header follows it in line and what the receiver knows already (RFC 6282, 3): from the
// addresses of the header around it, which are the link's, the mesh header's or those of an IPv6 header, and from
// contexts. Surroundings hold both. Compress and Decompress are pure: the same octets in the same Surroundings give the
// same result.
//
// Lengths are never sent. They follow from where the datagram ends, which in a first fragment is not where the frame
// ends: so Decompress is told, and so a UDP checksum that was left out cannot be computed before all is there (Result).
package lowpan

import (
	"github.com/conform-stack/conform/stack/wire"
)

// MaxSize is the largest size of a datagram that a fragment can say, in octets.
const MaxSize = 2047

// A Kind is what a dispatch octet begins.
type Kind uint8

const (
	Reserved  Kind = iota // unassigned
	NotLowpan             // NALP: the frame is of another protocol
	Escape                // ESC (RFC 8066): an extension type follows
	IPv6                  // an IPv6 header as it is
	HC1                   // RFC 4944, 10
	BC0                   // RFC 4944, 11.1
	IPHC                  // RFC 6282
	MeshType              // RFC 4944, 5.2
	Frag1                 // RFC 4944, 5.3
	FragN
	PageSwitch // RFC 8025
	RFrag      // RFC 8931, 5.1
	RFragAck   // RFC 8931, 5.2
)

var kindNames = [...]string{"reserved", "not 6LoWPAN", "ESC", "IPv6", "HC1", "BC0", "IPHC", "mesh", "FRAG1", "FRAGN", "page", "RFRAG", "RFRAG-ACK"} // never written

func (k Kind) String() string { return kindNames[k] }

// Dispatch octets that are one kind each (RFC 4944, 5.1; RFC 8066, 3).
const (
	dispatchESC  = 0x40
	dispatchIPv6 = 0x41
	dispatchHC1  = 0x42
	dispatchBC0  = 0x50
	dispatchIPHC = 0x60 // and 31 more
	dispatchMesh = 0x80
	dispatchF1   = 0xc0
	dispatchFN   = 0xe0
	dispatchPage = 0xf0

	dispatchRFrag    = 0xe8 // and one more, of which the last bit is E
	dispatchRFragAck = 0xea // likewise
)

// KindOf classifies a dispatch octet in a page (RFC 8025, 4 and 6.2). In page 1 there are IPHC and the page switch, in
// pages above that only the switch.
func KindOf(b, page uint8) Kind {
	switch {
	case b&0xf0 == dispatchPage:
		return PageSwitch
	case page > 1:
		return Reserved
	case b&0xe0 == dispatchIPHC:
		return IPHC
	case page == 1:
		return Reserved
	case b < dispatchESC:
		return NotLowpan
	case b == dispatchESC:
		return Escape
	case b == dispatchIPv6:
		return IPv6
	case b == dispatchHC1:
		return HC1
	case b == dispatchBC0:
		return BC0
	case b&0xc0 == dispatchMesh:
		return MeshType
	case b&0xf8 == dispatchF1:
		return Frag1
	case b&0xf8 == dispatchFN:
		return FragN
	case b&^1 == dispatchRFrag:
		return RFrag
	case b&^1 == dispatchRFragAck:
		return RFragAck
	}
	return Reserved
}

// Errors of this package beside wire.ErrShort; all wrap wire.ErrInvalid.
var (
	// ErrUnknown: a dispatch or an encoding that is reserved or that nobody here understands.
	ErrUnknown = wire.Invalid("lowpan: a reserved or unknown encoding")
	// ErrContext: a context is named that is not known.
	ErrContext = wire.Invalid("lowpan: unknown context")
	// ErrAddress: an address was left out that the header around it does not tell.
	ErrAddress = wire.Invalid("lowpan: no address to derive one from")
	// ErrHeader: a compressed header contradicts itself.
	ErrHeader = wire.Invalid("lowpan: malformed header")
	// ErrRoom: expanded, the datagram is longer than it may be.
	ErrRoom = wire.Invalid("lowpan: longer than it may be")
)
