package replay

import (
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
)

// tcpAligner is TCP (RFC 9293). A stack is free to cut its stream into other segments, to acknowledge several at once, and
// to send again, so segments are not compared one with one: those of the capture say what has to be said by their time,
// which is octets of the stream, SYN, FIN, RST, and how much is acknowledged; any live segments may say it (see stream).
var tcpAligner = &aligner{
	kind: "TCP",
	event: func(f *packet.Frame) (string, bool) {
		if !f.Has(tcp.Proto) {
			return "", false
		}
		flags, _ := tcp.Flags.Of(f)
		from, to := ends(f)
		src, _ := tcp.SrcPort.Of(f)
		dst, _ := tcp.DstPort.Of(f)
		return fmt.Sprintf("TCP %s:%d > %s:%d %s", from, src, to, dst, tcp.FlagNames(flags)), true
	},
	begins: func(f *packet.Frame) bool { // all but what draws nothing but a reset takes a socket
		flags, _ := tcp.Flags.Of(f)
		return flags&tcp.RST == 0
	},
	comes:   func(f *packet.Frame) []string { return []string{saidBy(f)} },
	fields:  func(*packet.Frame) []field { return tcpFields },
	unasked: noRule,
	refills: true,
	ranges:  true,
}

// Requirements that streams show.
const (
	tcpSum   = "RFC9293:MUST-2"
	tcpData  = "RFC9293:3.4-1"
	tcpAck   = "RFC9293:3.4-2"
	tcpFlags = "RFC9293:3.1-3"
)

// saidBy is the requirement by which a segment comes.
func saidBy(f *packet.Frame) string {
	flags, _ := tcp.Flags.Of(f)
	switch {
	case flags&tcp.RST != 0 && isZero(f):
		return "RFC9293:3.10.7.1-2"
	case flags&tcp.RST != 0:
		return "RFC9293:3.5.2-2"
	case flags&(tcp.SYN|tcp.ACK) == tcp.SYN|tcp.ACK:
		return "RFC9293:3.10.7.2-3"
	case flags&tcp.FIN != 0:
		return "RFC9293:3.6-1"
	case len(f.Body(tcp.Proto)) > 0:
		return tcpData
	}
	return tcpAck
}

// isZero tells whether a segment has the sequence number of a reset from nowhere.
func isZero(f *packet.Frame) bool { seq, _ := tcp.Seq.Of(f); return seq == 0 }

// tcpFields are compared in each live segment, or over all of them. Sequence numbers begin where each side likes;
// windows, timestamps and which segments there are is the stack's to choose.
var tcpFields = []field{
	fits(tcp.Proto, tcp.Checksum, tcpSum),
	{"TCP data", []string{tcpData}, nil, agreed},
	{"TCP acknowledgment number", []string{tcpAck}, nil, agreed},
	{"TCP flags", []string{tcpFlags}, nil, agreed},
}

// agreed is of fields that stream compares.
func agreed(_, _ *packet.Frame) *packet.Diff { return nil }

// translateTCP gives the segments of the peer the numbers of the live connection: what they acknowledge, the timestamp
// that they echo. Those of the target begin where it began.
func translateTCP(t *translation, f *packet.Frame) []packet.Cond {
	src, dst := ends(f)
	sum, _ := tcp.Checksum.Of(f)
	offset, _ := tcp.DataOffset.Of(f)
	options, _ := tcp.Options.Of(f)
	conds := []packet.Cond{tcp.DataOffset.Is(offset), tcp.Options.Is(options)}
	s := t.streamOf(f)
	if s != nil && s.live.known && s.captured.known {
		moved := s.live.isn - s.captured.isn
		flags, _ := tcp.Flags.Of(f)
		if s.fromTarget(f) {
			seq, _ := tcp.Seq.Of(f)
			conds = append(conds, tcp.Seq.Is(uint(uint32(seq)+moved)))
		} else if flags&tcp.ACK != 0 {
			ack, _ := tcp.Ack.Of(f)
			ack -= uint(max(0, s.captured.at(ack)-s.arrived()))
			conds = append(conds, tcp.Ack.Is(uint(uint32(ack)+moved)))
			if blocks := tcp.Blocks(f); len(blocks) > 0 {
				for i := range blocks {
					blocks[i].Left += moved
					blocks[i].Right += moved
				}
				conds = append(conds, tcp.SACKBlocks(blocks...))
			}
			if echo, ok := tcp.TSecr.Of(f); ok && echo != 0 && s.stamped {
				conds = append(conds, tcp.TSecr.Is(uint(s.stamp)))
			}
		}
	}
	before := append(addresses(src, dst), blanked(f)...)
	other := packet.Dissect(f.Link, f.Rewrite(conds...))
	after := append(addresses(t.ip(src), t.ip(dst)), blanked(other)...)
	return append(conds, tcp.Checksum.Is(adjust(sum, before, after)))
}

// blanked is the header of a segment without its checksum.
func blanked(f *packet.Frame) []byte {
	h := append([]byte(nil), f.Header(tcp.Proto)...)
	if len(h) >= 20 {
		h[16], h[17] = 0, 0
	}
	return h
}
