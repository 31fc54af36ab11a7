// Package vlan is the table of the tag of IEEE 802.1Q.
//
// A tag stands between Ethernet's addresses and what the frame carries:
//
//	vlan.Tag(vlan.VID.Is(7)).Then(ipv4.Header(), icmpv4.Echo(1, 1, nil))
//
// A tester on a VLAN (probe.Tester.VLAN) puts its tag on whatever it sends.
package vlan

import (
	"fmt"

	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
)

// Proto is a tag: its control information, and the type of what follows.
var Proto = packet.Define("802.1Q", layers.LayerTypeDot1Q, 4)

// EtherType is the one that announces a tag of a customer; ServiceType that of a provider (IEEE 802.1ad).
const (
	EtherType   = 0x8100
	ServiceType = 0x88a8
)

var (
	PCP  = packet.Uint(Proto, "PCP", 0, 3)
	DEI  = packet.Uint(Proto, "DEI", 3, 1)
	VID  = packet.Uint(Proto, "VID", 4, 12)
	Type = packet.Uint(Proto, "type", 16, 16, packet.Hex())
)

// Tag is a tag.
func Tag(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

// Tagged asks for a tag of a VLAN.
func Tagged(vid uint) packet.Template { return Tag(VID.Is(vid)) }

func init() {
	Proto.Rules = packet.Rules{
		Below:     func(packet.Env) *packet.Proto { return ethernet.Proto },
		EtherType: EtherType,
		Defaults: func(_ packet.Env, inner *packet.Layer) []packet.Cond {
			if inner != nil {
				if t, ok := inner.EtherType(); ok {
					return []packet.Cond{Type.Is(t)}
				}
			}
			return nil
		},
		Summary: func(h, _ []byte) string {
			v := uint(h[0])<<8 | uint(h[1])
			return fmt.Sprintf("VLAN %d priority %d", v&0xfff, v>>13)
		},
	}
}
