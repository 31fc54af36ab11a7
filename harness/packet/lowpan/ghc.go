package lowpan

import (
	"bytes"
	"errors"
	"net/netip"
)

// static is the fixed part of GHC's dictionary (RFC 7400, figure 1).
var static = []byte{0x16, 0xfe, 0xfd, 0x17, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0} // never written

// Dictionary is what GHC's output is preceded by in a packet with these addresses.
func Dictionary(src, dst netip.Addr) []byte {
	return append(append(src.AsSlice(), dst.AsSlice()...), static...)
}

// ErrGHC says that octets are no code of GHC.
var ErrGHC = errors.New("malformed GHC code")

// maxInflated bounds what code makes: no more than a datagram has.
const maxInflated = 2048

// Inflate runs the code of RFC 7400, section 2, behind a dictionary. It ends with the code, or with a stop code, behind
// which there is nothing.
func Inflate(code, dictionary []byte) ([]byte, error) {
	out, base := bytes.Clone(dictionary), len(dictionary)
	sa, na := 0, 0
	for len(code) > 0 && len(out)-base <= maxInflated {
		c := code[0]
		code = code[1:]
		switch {
		case c < 0x60: // 0kkkkkkk: literal
			if int(c) > len(code) {
				return nil, ErrGHC
			}
			out, code = append(out, code[:c]...), code[c:]
		case c&0xf0 == 0x80: // 1000nnnn: zeros
			out = append(out, make([]byte, int(c&15)+2)...)
		case c == 0x90: // stop
			if len(code) > 0 {
				return nil, ErrGHC
			}
			return out[base:], nil
		case c&0xe0 == 0xa0: // 101nssss
			sa += int(c&15) << 3
			na += int(c>>4&1) << 3
		case c&0xc0 == 0xc0: // 11nnnkkk: backreference
			n := na + int(c>>3&7) + 2
			s := int(c&7) + sa + n
			if s > len(out) {
				return nil, ErrGHC
			}
			from := len(out) - s
			out = append(out, out[from:from+n]...)
			sa, na = 0, 0
		default: // 011xxxxx, 1001nnnn
			return nil, ErrGHC
		}
	}
	return out[base:], nil
}

// ghcLen is how long the code of an extension header is, the stop code included; more than there is when it does not end.
func ghcLen(code []byte) int {
	for at := 0; at < len(code); {
		switch c := code[at]; {
		case c == 0x90:
			return at + 1
		case c < 0x60:
			at += 1 + int(c)
		default:
			at++
		}
	}
	return len(code) + 1
}

// Deflate is code for data behind a dictionary: backreferences where they are shorter, else zeros and literals. It is not
// the shortest.
func Deflate(data, dictionary []byte) []byte {
	all := append(bytes.Clone(dictionary), data...)
	var code, literal []byte
	flush := func() {
		for len(literal) > 0 {
			n := min(len(literal), 0x5f)
			code = append(append(code, byte(n)), literal[:n]...)
			literal = literal[n:]
		}
	}
	for at := len(dictionary); at < len(all); {
		zeros := 0
		for at+zeros < len(all) && all[at+zeros] == 0 && zeros < 17 {
			zeros++
		}
		s, n := longest(all, at)
		switch {
		case zeros >= 2 && zeros >= n-1:
			flush()
			code = append(code, 0x80|byte(zeros-2))
			at += zeros
		case n >= 4:
			flush()
			code = append(code, reference(s, n)...)
			at += n
		default:
			literal = append(literal, all[at])
			at++
		}
	}
	flush()
	return code
}

// longest finds what stands at an offset in what is before it: s octets to the left, n of them.
func longest(all []byte, at int) (s, n int) {
	for from := max(0, at-120); from < at; from++ {
		k := 0
		for k < 16 && at+k < len(all) && from+k < at && all[from+k] == all[at+k] {
			k++
		}
		if k > n {
			s, n = at-from, k
		}
	}
	return s, n
}

// reference is the code of a backreference.
func reference(s, n int) (code []byte) {
	over := s - n // 0b00000kkk + sa
	na := 0
	if n-2 > 7 {
		na = 1
	}
	for sa := over >> 3; sa > 0 || na > 0; {
		step := min(sa, 15)
		code = append(code, 0xa0|byte(na)<<4|byte(step))
		sa, na, n = sa-step, 0, n-8*na
	}
	return append(code, 0xc0|byte(n-2)<<3|byte(over&7))
}
