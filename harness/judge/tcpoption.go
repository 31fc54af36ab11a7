package judge

import (
	"bytes"
	"fmt"
)

// A tcpOption is one of a segment; at is its offset among the options.
type tcpOption struct {
	at    int
	kind  byte
	value []byte
}

const (
	tcpEnd       = 0
	tcpNOP       = 1
	tcpMSS       = 2
	tcpScale     = 3
	tcpSACKOK    = 4
	tcpSACK      = 5
	tcpTimestamp = 8
)

// splitTCPOptions reads options up to End of Option List, No-Operation left out.
func splitTCPOptions(b []byte) (all []tcpOption, malformed bool) {
	for at := 0; at < len(b) && b[at] != tcpEnd; {
		if b[at] == tcpNOP {
			at++
			continue
		}
		if at+1 >= len(b) || b[at+1] < 2 || at+int(b[at+1]) > len(b) {
			return all, true
		}
		n := int(b[at+1])
		all = append(all, tcpOption{at, b[at], b[at+2 : at+n]})
		at += n
	}
	return all, false
}

// option finds the first option of a kind with a value of n octets; nil without one.
func (t *tcp) option(kind byte, n int) *tcpOption {
	for i := range t.kinds {
		if o := &t.kinds[i]; o.kind == kind && len(o.value) == n {
			return o
		}
	}
	return nil
}

// stamp is the Timestamps option.
func (t *tcp) stamp() (val, ecr uint32, ok bool) {
	if o := t.option(tcpTimestamp, 8); o != nil {
		return number32(o.value), number32(o.value[4:]), true
	}
	return 0, 0, false
}

// each gives the fault of the first option of a kind that bad says something about.
func (t *tcp) each(kind byte, bad func(o *tcpOption) (got, want string)) *fault {
	for i := range t.kinds {
		if o := &t.kinds[i]; o.kind == kind {
			if got, want := bad(o); got != "" {
				return &fault{t.base + 20 + o.at, got, want}
			}
		}
	}
	return nil
}

// sized is the rule that an option has one length.
func sized(kind byte, length int) func(*tcp) *fault {
	return func(t *tcp) *fault {
		return t.each(kind, func(o *tcpOption) (string, string) {
			if len(o.value)+2 != length {
				return fmt.Sprintf("length %d", len(o.value)+2), fmt.Sprintf("length %d", length)
			}
			return "", ""
		})
	}
}

// inSYN is the rule that an option is sent with SYN only.
func inSYN(kind byte) func(*tcp) *fault {
	return func(t *tcp) *fault {
		return t.each(kind, func(*tcpOption) (string, string) {
			if !t.has(tcpSYN) {
				return "in a segment without SYN", "only with SYN"
			}
			return "", ""
		})
	}
}

var tcpOptionRules = []rule[tcp]{
	{Rule{"tcp.option.length", "RFC9293:MUST-68", "options", "each option but End of Option List and No-Operation has a length, 2 or more, within the header"},
		func(t *tcp) *fault {
			return when(t.malformed, t.base+20, fmt.Sprintf("% x", t.opts), "options that can be told apart")
		}},
	{Rule{"tcp.option.padding", "RFC9293:MUST-69", "options", "what follows End of Option List is zero"},
		func(t *tcp) *fault {
			if t.malformed {
				return nil
			}
			at := 0
			for at < len(t.opts) && t.opts[at] != tcpEnd {
				if t.opts[at] == tcpNOP {
					at++
				} else {
					at += int(t.opts[at+1])
				}
			}
			rest := t.opts[min(at, len(t.opts)):]
			return when(len(bytes.Trim(rest, "\x00")) > 0, t.base+20+at, fmt.Sprintf("% x", rest), "zeros")
		}},
	{Rule{"tcp.option.mss.length", "RFC9293:3.2-1", "MSS", "Maximum Segment Size has length 4"}, sized(tcpMSS, 4)},
	{Rule{"tcp.option.mss.syn", "RFC9293:MUST-65", "MSS", "Maximum Segment Size is sent only with SYN"}, inSYN(tcpMSS)},
	{Rule{"tcp.option.scale.length", "RFC7323:2.2-3", "window scale", "Window Scale has length 3"}, sized(tcpScale, 3)},
	{Rule{"tcp.option.scale.syn", "RFC7323:1.3-1", "window scale", "Window Scale is sent only with SYN"}, inSYN(tcpScale)},
	{Rule{"tcp.option.scale.shift", "RFC7323:2.3-8", "shift count", "the shift count is 14 or less"},
		func(t *tcp) *fault {
			o := t.option(tcpScale, 1)
			if o == nil {
				return nil
			}
			return when(o.value[0] > 14, t.base+20+o.at+2, o.value[0], "14 or less")
		}},
	{Rule{"tcp.option.sack-permitted.length", "RFC2018:2-1", "SACK-permitted", "SACK-permitted has length 2"}, sized(tcpSACKOK, 2)},
	{Rule{"tcp.option.sack-permitted.syn", "RFC2018:2-3", "SACK-permitted", "SACK-permitted is sent only with SYN"}, inSYN(tcpSACKOK)},
	{Rule{"tcp.option.sack.length", "RFC2018:3-1", "SACK", "SACK has length 8*n + 2"},
		func(t *tcp) *fault {
			return t.each(tcpSACK, func(o *tcpOption) (string, string) {
				if len(o.value) == 0 || len(o.value)%8 != 0 {
					return fmt.Sprintf("length %d", len(o.value)+2), "10, 18, 26 or 34"
				}
				return "", ""
			})
		}},
	{Rule{"tcp.option.timestamps.length", "RFC7323:3.2-1", "Timestamps", "Timestamps has length 10"}, sized(tcpTimestamp, 10)},
	{Rule{"tcp.option.timestamps.syn-echo", "RFC7323:3.2-4", "TSecr", "TSecr is 0 in a segment without ACK"},
		func(t *tcp) *fault {
			_, ecr, ok := t.stamp()
			return when(ok && t.flags&(tcpACK|tcpRST) == 0 && ecr != 0, t.base+20, ecr, "0")
		}},
}
