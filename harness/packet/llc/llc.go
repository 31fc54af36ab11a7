// Package llc is the tables of the IEEE 802.2 header and of the SNAP header that follows it in RFC 1042. Over them,
// Ethernet has a length where it has the type otherwise.
package llc

import (
	"fmt"

	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
)

// Values that RFC 1042 names.
const (
	SAPSNAP = 170 // of both service access points
	SAPIP   = 6   // what RFC 1122, 2.3.3 calls K1=6
	UI      = 3   // unnumbered information
)

// Proto is 802.2 with a control field of one octet, as all of type 1 has.
var Proto = packet.Define("LLC", layers.LayerTypeLLC, 3)

// SNAP is the Sub-Network Access Protocol.
var SNAP = packet.Define("SNAP", layers.LayerTypeSNAP, 5)

// The fields of 802.2.
var (
	DSAP    = packet.Uint(Proto, "DSAP", 0, 8)
	SSAP    = packet.Uint(Proto, "SSAP", 8, 8)
	Control = packet.Uint(Proto, "control", 16, 8)
)

// The fields of SNAP.
var (
	Organization = packet.Uint(SNAP, "organization code", 0, 24)
	Type         = packet.Uint(SNAP, "EtherType", 24, 16, packet.Hex())
)

// Header is an 802.2 header. Without conditions it announces a SNAP header.
func Header(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

// Over puts t, which begins with its network layer, into 802.2 and SNAP. A frame that is not for the peer has to say so: Over(t).With(ethernet.Dst.Is(mac)).
func Over(t packet.Template) packet.Template { return Header().Then(SNAP.Layer(), t) }

func init() {
	Proto.Rules = packet.Rules{
		Below: func(packet.Env) *packet.Proto { return ethernet.Proto },
		Defaults: func(packet.Env, *packet.Layer) []packet.Cond {
			return []packet.Cond{DSAP.Is(SAPSNAP), SSAP.Is(SAPSNAP), Control.Is(UI)}
		},
		Fix: func(s *packet.Sealing) {
			if s.Outer == nil || s.Outer.Proto != ethernet.Proto {
				return
			}
			packet.Put(s.Outer, ethernet.Type, uint(len(s.Header)+len(s.Payload)))
		},
		Summary: func(h, _ []byte) string {
			if len(h) < 3 {
				return "LLC"
			}
			return fmt.Sprintf("LLC %d > %d control %d", h[1], h[0], h[2])
		},
	}
	SNAP.Rules = packet.Rules{
		Below: func(packet.Env) *packet.Proto { return Proto },
		Defaults: func(_ packet.Env, inner *packet.Layer) []packet.Cond {
			if inner == nil {
				return nil
			}
			t, ok := inner.EtherType()
			if !ok {
				return nil
			}
			return []packet.Cond{Type.Is(t)}
		},
		Summary: func(h, _ []byte) string {
			if len(h) < 5 {
				return "SNAP"
			}
			return fmt.Sprintf("SNAP %02x%02x%02x type 0x%02x%02x", h[0], h[1], h[2], h[3], h[4])
		},
	}
}
