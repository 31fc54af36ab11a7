package crosscheck

import "encoding/binary"

// sound6 tells whether all headers, options and records of a packet of IPv6 are whole and have lengths that can be. It
// looks at the octets by itself: whether readers may differ must not be said by one of them. Readers go on behind such a
// fault as far as each likes; up to it, they have to agree.
func sound6(b []byte, quoted bool) bool {
	if len(b) < 40 || b[0]>>4 != 6 {
		return false
	}
	rest := b[40:]
	switch n := int(binary.BigEndian.Uint16(b[4:])); {
	case n <= len(rest) && (n > 0 || b[6] != 0):
		rest = rest[:n]
	case !quoted: // cut, or a jumbogram
		return false
	}
	next := b[6]
	for {
		n := 0
		switch next {
		case 0, 43, 60:
			if len(rest) < 8 || len(rest) < 8+8*int(rest[1]) {
				return false
			}
			if n = 8 + 8*int(rest[1]); next != 43 && cutOption(rest[2:n]) || next == 43 && !soundRoute(rest[:n]) {
				return false
			}
		case 44:
			if len(rest) < 8 {
				return false
			}
			if n = 8; binary.BigEndian.Uint16(rest[2:])&^6 != 0 {
				return true
			}
		case 6:
			return len(rest) >= 20 && rest[12]>>4 >= 5 && len(rest) >= int(rest[12]>>4)*4 && soundTCP(rest[20:int(rest[12]>>4)*4])
		case 17:
			n := 0
			if len(rest) >= 8 {
				n = int(binary.BigEndian.Uint16(rest[4:]))
			}
			return n >= 8 && (n <= len(rest) || quoted)
		case 41:
			return sound6(rest, quoted)
		case 58:
			return soundICMPv6(rest)
		default:
			return true
		}
		next, rest = rest[0], rest[n:]
	}
}

// soundRoute tells whether the addresses of a routing header of type 0 or 2 are as many as its length says, and those left
// no more than there are. Other types have forms of their own, which are not looked into: tshark gives up on compact ones
// (types 5 and 6, RFC 9631) that are wrong.
func soundRoute(h []byte) bool {
	switch h[2] {
	case 0, 2:
		return h[1]%2 == 0 && h[3] <= h[1]/2
	case 5, 6:
		return false
	}
	return true
}

func soundTCP(options []byte) bool {
	for at := 0; at < len(options) && options[at] != 0; {
		switch {
		case options[at] == 1:
			at++
		case at+2 > len(options) || options[at+1] < 2 || at+int(options[at+1]) > len(options):
			return false
		case options[at] == 5 && (options[at+1] < 10 || options[at+1]%8 != 2): // tshark stops at such a SACK
			return false
		default:
			at += int(options[at+1])
		}
	}
	return true
}

func soundICMPv6(b []byte) bool {
	if len(b) < 8 {
		return false
	}
	fixed := map[byte]int{130: 24, 131: 24, 132: 24, 133: 8, 134: 16, 135: 24, 136: 24, 137: 40}[b[0]]
	switch {
	case len(b) < fixed:
		return false
	case b[0] >= 1 && b[0] <= 4:
		return sound6(b[8:], true)
	case b[0] == 130 && len(b) > 24:
		return len(b) >= 28 && len(b) >= 28+16*int(binary.BigEndian.Uint16(b[26:]))
	case b[0] == 143:
		records := b[8:]
		for range binary.BigEndian.Uint16(b[6:]) {
			if len(records) < 20 {
				return false
			}
			n := 20 + 16*int(binary.BigEndian.Uint16(records[2:])) + 4*int(records[1])
			if n > len(records) {
				return false
			}
			records = records[n:]
		}
	case b[0] >= 133 && b[0] <= 137:
		for o := b[fixed:]; len(o) > 0; o = o[8*int(o[1]):] {
			if len(o) < 2 || o[1] == 0 || len(o) < 8*int(o[1]) || !soundOption(o[:8*int(o[1])]) {
				return false
			}
		}
	}
	return true
}

// soundOption tells whether an option of Neighbor Discovery has a length that its type allows.
func soundOption(o []byte) bool {
	switch n := o[1]; o[0] {
	case 1, 2, 5:
		return n == 1
	case 3:
		return n == 4
	case 24: // RFC 4191, 2.3
		return n <= 3 && o[2] <= 128 && int(o[2]) <= 64*(int(n)-1)
	case 25:
		return n >= 3 && n%2 == 1
	case 31:
		return n >= 2 && soundNames(o[8:])
	}
	return true
}

func soundNames(b []byte) bool {
	for len(b) > 0 {
		n := int(b[0])
		if n > 63 || n >= len(b) {
			return n == 0
		}
		b = b[1+n:]
	}
	return true
}

func cutOption(options []byte) bool {
	for at := 0; at < len(options); {
		switch {
		case options[at] == 0:
			at++
		case at+2 > len(options) || at+2+int(options[at+1]) > len(options):
			return true
		default:
			at += 2 + int(options[at+1])
		}
	}
	return false
}
