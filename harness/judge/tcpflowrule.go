package judge

import (
	"bytes"
	"fmt"
)

var tcpFlowRules = []rule[tcp]{
	{Rule{"tcp.seq.gap", "RFC9293:3.4-1", "sequence number", "a segment begins no later than where the stream has got to"},
		func(t *tcp) *fault {
			bad := t.exact() && t.me.syn && t.flags&(tcpRST|tcpSYN) == 0 && before(t.me.next, t.seq)
			return when(bad, t.base+4, fmt.Sprintf("%d, which is %d beyond", t.seq, t.seq-t.me.next), fmt.Sprintf("%d or less", t.me.next))
		}},
	{Rule{"tcp.seq.changed", "RFC9293:3.4-3", "data", "what is sent again has the octets of the first time"}, (*tcp).changed},
	{Rule{"tcp.seq.fin", "RFC9293:3.6-1", "sequence number", "FIN keeps its number, and no data follows it"},
		func(t *tcp) *fault {
			if !t.me.fin || t.flags&(tcpRST|tcpSYN) != 0 {
				return nil
			}
			data := t.dataStart() + uint32(t.dataLen)
			switch {
			case t.has(tcpFIN) && t.end != t.me.finEnd:
				return &fault{t.base + 4, fmt.Sprintf("FIN at %d", t.end-1), fmt.Sprintf("FIN at %d, as before", t.me.finEnd-1)}
			case t.dataLen > 0 && before(t.me.finEnd-1, data):
				return &fault{t.base + 4, fmt.Sprintf("data up to %d", data), fmt.Sprintf("none beyond %d, where FIN stands", t.me.finEnd-1)}
			}
			return nil
		}},
	{Rule{"tcp.ack.beyond", "RFC9293:3.4-2", "acknowledgment number", "nothing is acknowledged that was not sent"},
		func(t *tcp) *fault {
			bad := t.exact() && t.has(tcpACK) && !t.has(tcpRST) && t.peer.syn && !t.peer.doubt && before(t.peer.next, t.ack)
			return when(bad, t.base+8, t.ack, fmt.Sprintf("%d or less", t.peer.next))
		}},
	{Rule{"tcp.synack.ack", "RFC9293:3.10.7.2-3", "acknowledgment number", "SYN,ACK acknowledges the SYN"},
		func(t *tcp) *fault {
			bad := t.has(tcpSYN|tcpACK) && t.peer.syn && !t.peer.doubt && !before(t.peer.isn, t.ack)
			return when(bad, t.base+8, t.ack, fmt.Sprintf("%d or more", t.peer.isn+1))
		}},
	{Rule{"tcp.window.shrink", "RFC9293:SHLD-14", "window", "the right edge of the window does not move to the left"},
		func(t *tcp) *fault {
			edge, ok := t.edge()
			if !ok || !t.exact() || !t.me.windowed || t.has(tcpRST) || !t.has(tcpACK) {
				return nil
			}
			slack := uint32(0)
			if t.me.scale > 0 {
				slack = 1<<t.me.scale - 1 // what rounding costs (RFC 7323, 2.4)
			}
			back := t.me.edge - edge
			return when(before(edge, t.me.edge) && back > slack, t.base+14, fmt.Sprintf("an edge %d octets further left", back), "no further left than before")
		}},
	{Rule{"tcp.window.beyond", "RFC9293:3.8.6-1", "sequence number", "no data goes beyond the peer's window, probes aside"},
		func(t *tcp) *fault {
			last := t.dataStart() + uint32(t.dataLen)
			bad := t.exact() && t.both() && t.peer.windowed && t.dataLen > 0 && before(t.peer.edge, last) && t.dataStart() != t.peer.edge &&
				before(t.me.next, last) // what is sent again was in a window once
			return when(bad, t.base+4, fmt.Sprintf("data up to %d", last), fmt.Sprintf("%d or less", t.peer.edge))
		}},
	{Rule{"tcp.mss", "RFC9293:MUST-16", "segment size", "data and options together are no longer than the peer's MSS"},
		func(t *tcp) *fault {
			if !t.exact() || !t.both() || t.peer.mss == 0 {
				return nil
			}
			n := t.dataLen + len(t.opts) + t.options
			return when(t.dataLen > 0 && n > t.peer.mss, t.base+20, fmt.Sprintf("%d octets of data and options", n), fmt.Sprintf("%d or less", t.peer.mss))
		}},
	{Rule{"tcp.mss.default", "RFC9293:MUST-15", "segment size", "a peer that says no MSS gets segments of the default size"},
		func(t *tcp) *fault {
			if !t.exact() || !t.both() || t.peer.mss != 0 {
				return nil
			}
			n := t.dataLen + len(t.opts) + t.options
			return when(t.dataLen > 0 && n > t.noMSS, t.base+20, fmt.Sprintf("%d octets of data and options", n), fmt.Sprintf("%d or less", t.noMSS))
		}},
	{Rule{"tcp.scale.unasked", "RFC7323:1.3-2", "window scale", "SYN,ACK has Window Scale only if the SYN had it"},
		func(t *tcp) *fault {
			bad := t.has(tcpSYN|tcpACK) && t.peer.syn && !t.me.active && t.peer.scale < 0 && t.option(tcpScale, 1) != nil
			return when(bad, t.base+20, "Window Scale", "none: the SYN had none")
		}},
	{Rule{"tcp.timestamps.unasked", "RFC7323:3.2-9", "Timestamps", "SYN,ACK has Timestamps only if the SYN had them"},
		func(t *tcp) *fault {
			_, _, ok := t.stamp()
			return when(ok && t.has(tcpSYN|tcpACK) && t.peer.syn && !t.me.active && !t.peer.stamps, t.base+20, "Timestamps", "none: the SYN had none")
		}},
	{Rule{"tcp.timestamps.missing", "RFC7323:3.2-10", "Timestamps", "every segment has Timestamps once both SYNs had them, RST aside"},
		func(t *tcp) *fault {
			_, _, ok := t.stamp()
			return when(!ok && t.both() && t.me.stamps && t.peer.stamps && !t.has(tcpRST) && !t.malformed, t.base+20, "none", "Timestamps")
		}},
	{Rule{"tcp.timestamps.echo", "RFC7323:3.2-5", "TSecr", "TSecr is a TSval that the peer sent"},
		func(t *tcp) *fault {
			_, ecr, ok := t.stamp()
			bad := ok && t.exact() && t.has(tcpACK) && !t.has(tcpRST) && t.peer.stamps && !t.peer.doubt && (before(ecr, t.peer.tsFirst) || before(t.peer.tsLast, ecr))
			return when(bad, t.base+20, ecr, fmt.Sprintf("%d to %d", t.peer.tsFirst, t.peer.tsLast))
		}},
	{Rule{"tcp.timestamps.back", "RFC7323:5.4-5", "TSval", "TSval does not decrease"},
		func(t *tcp) *fault {
			val, _, ok := t.stamp()
			return when(ok && t.exact() && !t.has(tcpRST) && t.me.stamps && before(val, t.me.tsLast), t.base+20, val, fmt.Sprintf("%d or more", t.me.tsLast))
		}},
	{Rule{"tcp.sack.unasked", "RFC2018:4-3", "SACK", "SACK is sent only to a peer that permitted it"},
		func(t *tcp) *fault {
			return t.each(tcpSACK, func(*tcpOption) (string, string) {
				if t.both() && !t.peer.sack {
					return "SACK", "none: the peer's SYN does not permit it"
				}
				return "", ""
			})
		}},
	{Rule{"tcp.sack.block", "RFC2018:3-4", "SACK", "a block ends behind its beginning, and not beyond what was sent"}, (*tcp).badBlock},
	{Rule{"tcp.sack.above", "RFC2018:3-9", "SACK", "blocks are above the acknowledgment number, a first one that reports a duplicate aside"},
		func(t *tcp) *fault {
			return t.each(tcpSACK, func(o *tcpOption) (string, string) {
				for i := 8; i+8 <= len(o.value); i += 8 {
					if left := number32(o.value[i:]); before(left, t.ack+1) {
						return fmt.Sprintf("a block from %d", left), fmt.Sprintf("beyond %d", t.ack)
					}
				}
				return "", ""
			})
		}},
	{Rule{"tcp.ecn.unasked", "RFC3168:6.1.1-5", "flags", "an ECN-setup SYN,ACK answers only an ECN-setup SYN"},
		func(t *tcp) *fault {
			bad := t.flags&(tcpSYN|tcpACK|tcpECE|tcpCWR) == tcpSYN|tcpACK|tcpECE && t.peer.syn && !t.me.active && !t.peer.ecnSetup && t.reserved == 0
			return when(bad, t.base+13, "ECE without CWR", "neither: the SYN was no ECN-setup SYN")
		}},
	{Rule{"tcp.ecn.ect", "RFC3168:6.1.1-6", "ECN field", "ECT is set only once both sides have set ECN up"},
		func(t *tcp) *fault {
			return when(t.both() && t.ecn != 0 && !(t.me.ecnSetup && t.peer.ecnSetup), t.header, t.ecn, "0")
		}},
	{Rule{"tcp.ecn.again", "RFC3168:6.1.5-1", "ECN field", "data that is sent again has no ECT"},
		func(t *tcp) *fault {
			last := t.dataStart() + uint32(t.dataLen)
			return when(t.exact() && t.both() && t.dataLen > 0 && t.ecn != 0 && !before(t.me.next, last), t.header, t.ecn, "0")
		}},
	{Rule{"tcp.rst.form", "RFC9293:3.5.2-2", "sequence number", "a reset of no connection takes SEQ from the ACK of what it answers; without one it has SEQ 0, and acknowledges it"}, (*tcp).resetForm},
}

// changed compares data with that of the first time.
func (t *tcp) changed() *fault {
	at := t.dataStart()
	if t.has(tcpRST) || !t.me.syn || len(t.data) == 0 || before(at, t.me.dataAt) {
		return nil
	}
	from := int(at - t.me.dataAt)
	if from >= len(t.me.data) {
		return nil
	}
	old := t.me.data[from:]
	n := min(len(old), len(t.data))
	if bytes.Equal(old[:n], t.data[:n]) {
		return nil
	}
	i := 0
	for old[i] == t.data[i] {
		i++
	}
	return &fault{t.base + t.offset + i, fmt.Sprintf("%#02x at %d", t.data[i], at+uint32(i)), fmt.Sprintf("%#02x", old[i])}
}

func (t *tcp) badBlock() *fault {
	return t.each(tcpSACK, func(o *tcpOption) (string, string) {
		for i := 0; i+8 <= len(o.value); i += 8 {
			left, right := number32(o.value[i:]), number32(o.value[i+4:])
			switch {
			case !before(left, right):
				return fmt.Sprintf("a block from %d to %d", left, right), "an end behind its beginning"
			case t.exact() && t.peer.syn && !t.peer.doubt && before(t.peer.next, right):
				return fmt.Sprintf("a block up to %d", right), fmt.Sprintf("%d or less", t.peer.next)
			}
		}
		return "", ""
	})
}

// resetForm judges resets of a side that has never said anything else: they answer one of the peer's segments.
func (t *tcp) resetForm() *fault {
	if !t.exact() || !t.has(tcpRST) || t.me.spoke || t.peer.forgotten || len(t.peer.prompts) == 0 {
		return nil
	}
	for _, p := range t.peer.prompts {
		if p.hasACK && t.seq == p.ack || !p.hasACK && t.seq == 0 && t.has(tcpACK) && t.ack == p.end {
			return nil
		}
	}
	return &fault{t.base + 4, fmt.Sprintf("SEQ %d, ACK %d", t.seq, t.ack), "the numbers of a segment that came"}
}
