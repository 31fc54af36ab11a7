package replay

import (
	"bytes"
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/target"
)

// arpAligner is ARP (RFC 826): requests and replies by opcode and protocol addresses.
//
// A host asks when it does not know an address, which depends on more than the capture shows: requests serve others.
var arpAligner = &aligner{
	kind: "ARP",
	event: func(f *packet.Frame) (string, bool) {
		if !f.Has(arp.Proto) {
			return "", false
		}
		op, _ := arp.Op.Of(f)
		spa, tpa := ends(f)
		switch op {
		case arp.OpRequest:
			return fmt.Sprintf("ARP request of %s for %s", spa, tpa), true
		case arp.OpReply:
			return fmt.Sprintf("ARP reply of %s to %s", spa, tpa), true
		}
		return fmt.Sprintf("ARP op %d of %s for %s", op, spa, tpa), true
	},
	begins: isARPRequest,
	comes: func(f *packet.Frame) []string {
		if isARPRequest(f) {
			return []string{"RFC826:TX-2"}
		}
		return []string{"RFC826:RX-15"}
	},
	fields: func(f *packet.Frame) []field {
		if isARPRequest(f) {
			return arpRequestFields
		}
		return arpReplyFields
	},
	unasked: func(f *packet.Frame, speaker target.Host) string {
		if spa, _ := arp.SenderIP.Of(f); spa != speaker.IP4 {
			return "RFC826:RX-8" // an answer for somebody else
		}
		return ""
	},
	leaves: func(f *packet.Frame, h Host) []string {
		if _, tpa := ends(f); isARPRequest(f) && tpa != h.IP {
			return []string{"RFC826:RX-8"}
		}
		return nil
	},
	aside: func(f *packet.Frame, peers []target.Host, env packet.Env) ([]byte, bool) {
		if !isARPRequest(f) {
			return nil, false
		}
		spa, tpa := ends(f)
		sha, _ := arp.SenderMAC.Of(f)
		for _, h := range peers {
			if h.IP4 == tpa && bytes.Equal(sha, env.Peer.MAC) {
				env := packet.Env{Local: h, Peer: target.Host{MAC: sha, IP4: spa}}
				return arp.Reply(arp.TargetMAC.Is(sha)).Build(env), true
			}
		}
		return nil, true
	},
	serves: func(f, later *packet.Frame) bool {
		_, sought := ends(f)
		_, to := ends(later)
		return isARPRequest(f) && !later.Has(arp.Proto) && sought == to
	},
	answers: func(f, earlier *packet.Frame) bool {
		spa, tpa := ends(f)
		asker, sought := ends(earlier)
		return !isARPRequest(f) && isARPRequest(earlier) && spa == sought && tpa == asker
	},
}

func isARPRequest(f *packet.Frame) bool {
	op, ok := arp.Op.Of(f)
	return ok && op == arp.OpRequest
}

// In a request ar$tha means nothing (RFC 826, Packet Generation).
var arpRequestFields = []field{
	same(ethernet.Proto, ethernet.Dst, "RFC826:TX-12"),
	same(arp.Proto, arp.HType, "RFC826:TX-3"),
	same(arp.Proto, arp.PType, "RFC826:TX-4"),
	same(arp.Proto, arp.HLen, "RFC826:TX-5"),
	same(arp.Proto, arp.PLen, "RFC826:TX-6"),
	same(arp.Proto, arp.Op, "RFC826:TX-7"),
	same(arp.Proto, arp.SenderMAC, "RFC826:TX-8"),
	same(arp.Proto, arp.SenderIP, "RFC826:TX-9"),
	same(arp.Proto, arp.TargetIP, "RFC826:TX-10"),
}

var arpReplyFields = []field{
	same(ethernet.Proto, ethernet.Dst, "RFC826:RX-15"),
	same(arp.Proto, arp.HType, "RFC826:RX-18"),
	same(arp.Proto, arp.PType, "RFC826:RX-18"),
	same(arp.Proto, arp.HLen, "RFC826:RX-18"),
	same(arp.Proto, arp.PLen, "RFC826:RX-18"),
	same(arp.Proto, arp.Op, "RFC826:RX-14"),
	same(arp.Proto, arp.SenderMAC, "RFC826:RX-13"),
	same(arp.Proto, arp.SenderIP, "RFC826:RX-13"),
	same(arp.Proto, arp.TargetMAC, "RFC826:RX-12"),
	same(arp.Proto, arp.TargetIP, "RFC826:RX-12"),
}
