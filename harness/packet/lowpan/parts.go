package lowpan

import "slices"

// Where the parts of the headers stand that have parts of variable length. A part that a header has not gives from > to.

func absent() (int, int) { return 1, 0 }

// meshSpans are the ends of the parts of a mesh header: dispatch, deep hops, originator, final.
func meshSpans(h []byte) (s [4]int) {
	if len(h) == 0 {
		return s
	}
	n := func(short byte) int {
		if h[0]&short != 0 {
			return 2
		}
		return 8
	}
	s[0], s[1] = 1, 1
	if h[0]&15 == 15 {
		s[1] = 2
	}
	s[2] = s[1] + n(0x20)
	s[3] = s[2] + n(0x10)
	return s
}

func meshAt(i int) func([]byte) (int, int) {
	return func(h []byte) (int, int) {
		s := meshSpans(h)
		if s[i+1] == s[i] {
			return absent()
		}
		return s[i], s[i+1]
	}
}

func meshPut(i int) func(h, v []byte) []byte {
	return func(h, v []byte) []byte {
		s := meshSpans(h)
		if s[3] > len(h) { // only a dispatch yet
			h = append(slices.Clone(h), make([]byte, s[3]-len(h))...)
		}
		out := slices.Concat(h[:s[i]], v, h[s[i+1]:])
		bit := map[int]byte{1: 0x20, 2: 0x10}[i]
		switch {
		case i == 0 && v != nil:
			out[0] |= 15
		case i == 0 && out[0]&15 == 15:
			out[0]--
		case len(v) == 2:
			out[0] |= bit
		default:
			out[0] &^= bit
		}
		return out
	}
}

// The parts of an IPHC header behind its two octets, in order.
const (
	cidPart = iota
	tfPart
	nextPart
	hopsPart
	srcPart
	dstPart
	iphcParts
)

// sizes is how long each part of an IPHC header is, by its two octets (RFC 6282, section 3.1.1). Reserved modes have
// nothing in line.
func sizes(b0, b1 byte) (n [iphcParts]int) {
	n[cidPart] = int(b1 >> 7)
	n[tfPart] = [4]int{4, 3, 1, 0}[b0>>3&3]
	n[nextPart] = 1 - int(b0>>2&1)
	if b0&3 == 0 {
		n[hopsPart] = 1
	}
	n[srcPart] = [2][4]int{{16, 8, 2, 0}, {0, 8, 2, 0}}[b1>>6&1][b1>>4&3]
	if m := b1 & 8; m != 0 {
		n[dstPart] = [2][4]int{{16, 6, 4, 1}, {6, 0, 0, 0}}[b1>>2&1][b1&3]
	} else {
		n[dstPart] = [2][4]int{{16, 8, 2, 0}, {0, 8, 2, 0}}[b1>>2&1][b1&3]
	}
	return n
}

func iphcSpan(h []byte, i int) (from, to int) {
	if len(h) < 2 {
		return 2, 2
	}
	n := sizes(h[0], h[1])
	from = 2
	for k := range i {
		from += n[k]
	}
	return from, from + n[i]
}

func iphcLen(b []byte) int {
	_, end := iphcSpan(b, dstPart)
	return end
}

func iphcAt(i int) func([]byte) (int, int) {
	return func(h []byte) (int, int) {
		from, to := iphcSpan(h, i)
		if from == to {
			return absent()
		}
		return from, to
	}
}

func iphcPut(i int) func(h, v []byte) []byte {
	return func(h, v []byte) []byte {
		from, to := iphcSpan(h, i)
		from, to = min(from, len(h)), min(to, len(h))
		out := slices.Concat(h[:from], v, h[to:])
		if i == cidPart {
			out[1] &^= 0x80
			if v != nil {
				out[1] |= 0x80
			}
		}
		return out
	}
}

const eidFragment, eidIPv6 = 2, 7

// extSpans are the ends of the parts of an extension header in NHC form: octet, next header, length, data. A Fragment
// header has no length: its second octet is reserved and stands with the data (as tshark reads it, too).
func extSpans(h []byte) (s [4]int) {
	if len(h) == 0 {
		return s
	}
	s = [4]int{1, 1, 1, 1}
	eid := h[0] >> 1 & 7
	if h[0]>>4 == 0xe && eid == eidIPv6 {
		return s
	}
	if h[0]&1 == 0 {
		s[1] = 2
	}
	s[2], s[3] = s[1], s[1]
	switch {
	case h[0]>>4 == 0xb: // GHC: no length, its end is a stop code
		s[3] = s[1] + ghcLen(h[min(s[1], len(h)):])
	case eid == eidFragment:
		s[3] = s[1] + 7
	default:
		s[2] = s[1] + 1
		s[3] = s[2]
		if len(h) > s[1] {
			s[3] += int(h[s[1]])
		}
	}
	return s
}

func extAt(i int) func([]byte) (int, int) {
	return func(h []byte) (int, int) {
		s := extSpans(h)
		if s[i+1] == s[i] && i < 2 {
			return absent()
		}
		return s[i], s[i+1]
	}
}

func extPut(i int) func(h, v []byte) []byte {
	return func(h, v []byte) []byte {
		s := extSpans(h)
		from, to := min(s[i], len(h)), min(s[i+1], len(h))
		out := slices.Concat(h[:from], v, h[to:])
		if i == 0 {
			out[0] |= 1
			if v != nil {
				out[0] &^= 1
			}
		}
		return out
	}
}

// udpSpans are the ends of the parts of a UDP header in NHC form: octet, ports, checksum.
func udpSpans(h []byte) (s [3]int) {
	if len(h) == 0 {
		return s
	}
	s[0] = 1
	s[1] = 1 + [4]int{4, 3, 3, 1}[h[0]&3]
	s[2] = s[1] + 2*(1-int(h[0]>>2&1))
	return s
}

func udpAt(i int) func([]byte) (int, int) {
	return func(h []byte) (int, int) {
		s := udpSpans(h)
		if s[i+1] == s[i] {
			return absent()
		}
		return s[i], s[i+1]
	}
}

func udpPut(i int) func(h, v []byte) []byte {
	return func(h, v []byte) []byte {
		s := udpSpans(h)
		from, to := min(s[i], len(h)), min(s[i+1], len(h))
		out := slices.Concat(h[:from], v, h[to:])
		if i == 1 {
			out[0] |= 4
			if v != nil {
				out[0] &^= 4
			}
		}
		return out
	}
}
