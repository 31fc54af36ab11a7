// Package ethernet is the table of Ethernet II frames (RFC 894) and of the 802.1Q tag.
package ethernet

import (
	"fmt"
	"net"

	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet"
)

// Proto is Ethernet. A template that does not name it gets one, to the peer or to where the inner layer says.
var Proto = packet.Define("Ethernet", layers.LayerTypeEthernet, 14)

// minFrame is the smallest frame without its check sequence, in octets (IEEE 802.3; RFC 894 has data padded to 46).
const minFrame = 60

// Broadcast is the address of everybody.
var Broadcast = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

var (
	Dst  = packet.LinkAddr(Proto, "destination", 0, 48)
	Src  = packet.LinkAddr(Proto, "source", 48, 48)
	Type = packet.Uint(Proto, "type", 96, 16, packet.Hex())
)

// Frame is an Ethernet II frame.
func Frame(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

func init() {
	Proto.Rules = packet.Rules{
		Defaults: func(env packet.Env, inner *packet.Layer) []packet.Cond {
			dst := env.Peer.MAC
			conds := []packet.Cond{Src.Is(env.Local.MAC)}
			if inner != nil {
				if to := inner.LinkDst(env); to != nil {
					dst = to
				}
				if t, ok := inner.EtherType(); ok {
					conds = append(conds, Type.Is(t))
				}
			}
			return append(conds, Dst.Is(dst))
		},
		Fix: func(s *packet.Sealing) {
			if short := minFrame - len(s.Header) - len(s.Payload); short > 0 {
				s.Pad = short
			}
		},
		Summary: func(hdr, _ []byte) string {
			return fmt.Sprintf("%s > %s", net.HardwareAddr(hdr[6:12]), net.HardwareAddr(hdr[:6]))
		},
	}
}
