package lowpan

import (
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// Code bytes of generic header compression (RFC 7400, 2).
const (
	ghcZeros   = 0x80 // 1000nnnn: n+2 zeros
	ghcStop    = 0x90
	ghcExtend  = 0xa0 // 101nssss: adds to what the next back reference says
	ghcRefer   = 0xc0 // 11nnnkkk: a back reference
	ghcLiteral = 95   // at most so many octets follow a code byte below 0x60
)

// ghcStatic is the end of the dictionary; the addresses of the packet are in front of it.
var ghcStatic = [16]byte{0x16, 0xfe, 0xfd, 0x17, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0} // never written

const ghcDict = 48

// ghcDictionary is the 48 octets in front of what a back reference can name.
func ghcDictionary(header []byte) (d [ghcDict]byte) {
	copy(d[:32], header[8:ipv6.HeaderLen])
	copy(d[32:], ghcStatic[:])
	return d
}

// ghcExpand carries out the code in b into out and tells how much it wrote and read. It ends behind a stop code, or with b
// when a stop code is not needed.
func ghcExpand(out, b []byte, dict *[ghcDict]byte, stop bool) (n, took int, err error) {
	sa, na := 0, 0
	for took < len(b) {
		c := int(b[took])
		took++
		switch {
		case c <= ghcLiteral:
			if c > len(b)-took {
				return 0, 0, wire.ErrShort
			}
			if c > len(out)-n {
				return 0, 0, ErrRoom
			}
			copy(out[n:], b[took:took+c])
			n, took = n+c, took+c
		case c < ghcZeros: // 011xxxxx is reserved
			return 0, 0, ErrUnknown
		case c < ghcStop:
			k := c&15 + 2
			if k > len(out)-n {
				return 0, 0, ErrRoom
			}
			clear(out[n : n+k])
			n += k
		case c == ghcStop:
			if !stop && took != len(b) {
				return 0, 0, ErrHeader
			}
			return n, took, nil
		case c < ghcExtend: // 1001nnnn is reserved
			return 0, 0, ErrUnknown
		case c < ghcRefer: // bounded by the length of b, so that neither overflows
			sa += c & 15 << 3
			na += c >> 4 & 1 << 3
		default:
			k := na + c>>3&7 + 2
			from := n - (c&7 + sa + k)
			sa, na = 0, 0
			if from < -ghcDict {
				return 0, 0, ErrHeader
			}
			if k > len(out)-n {
				return 0, 0, ErrRoom
			}
			for from < 0 && k > 0 {
				out[n] = dict[ghcDict+from]
				n, from, k = n+1, from+1, k-1
			}
			if k > 0 {
				n += copy(out[n:n+k], out[from:from+k])
			}
		}
	}
	if stop {
		return 0, 0, wire.ErrShort
	}
	return n, took, nil
}

// ghcPayload expands what is left of the payload, to its end (RFC 7400, 3.1).
func (x *expander) ghcPayload() error {
	dict := ghcDictionary(x.room[x.ip:])
	n, took, err := ghcExpand(x.room[x.w:], x.b[x.at:], &dict, false)
	if err != nil {
		return err
	}
	x.w, x.at, x.generic = x.w+n, x.at+took, true
	return nil
}

// ghcExtension expands an extension header to its stop code (3.2). What it is expanded to is the header without its length,
// and without Next Header if an NHC follows.
func (x *expander) ghcExtension(p wire.Protocol, nhc bool) error {
	h := x.room[x.w:]
	at := 2
	if p == wire.Fragment {
		at = 1
	}
	if len(h) < at {
		return ErrRoom
	}
	from := at
	if !nhc {
		from--
	}
	dict := ghcDictionary(x.room[x.ip:])
	n, took, err := ghcExpand(h[from:], x.b[x.at:], &dict, true)
	if err != nil {
		return err
	}
	x.at, x.generic = x.at+took, true
	if nhc {
		h[0] = 0
	} else {
		if n == 0 {
			return ErrHeader
		}
		h[0] = h[from]
		n--
	}
	if p == wire.Fragment {
		if n != ipv6.FragmentLen-1 {
			return ErrHeader
		}
		return x.took(p, ipv6.FragmentLen)
	}
	return x.close(p, n)
}
