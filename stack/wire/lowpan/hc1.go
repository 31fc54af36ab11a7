package lowpan

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// hc1 reads LOWPAN_HC1, and HC_UDP behind it (RFC 4944, 10). Fields of 4 and 20 bits are among them, and nothing is aligned
// before the end.
func (x *expander) hc1() error {
	if len(x.room) < ipv6.HeaderLen+8 {
		return ErrRoom
	}
	r := bitReader{b: x.b, at: 8 * (x.at + 1)}
	e := uint8(r.read(8))
	var hc2 uint8
	next := e >> 1 & 3
	if e&1 != 0 {
		// Only for UDP is there an HC2; what its reserved bits would say of the fields that follow nobody knows (10.2).
		if hc2 = uint8(r.read(8)); next != 1 || hc2&0x1f != 0 && !r.short() {
			return ErrUnknown
		}
	}
	to := x.room[:ipv6.HeaderLen]
	to[7] = uint8(r.read(8))
	if err := r.address(to[8:24], e>>6, hc1ID(x.s.Src, x.s.PAN)); err != nil {
		return err
	}
	if err := r.address(to[24:40], e>>4&3, hc1ID(x.s.Dst, x.s.PAN)); err != nil {
		return err
	}
	first := uint32(6 << 28)
	if e&8 == 0 {
		first |= uint32(r.read(8))<<20 | uint32(r.read(20))
	}
	binary.BigEndian.PutUint32(to, first)
	to[4], to[5] = 0, 0
	switch next {
	case 0:
		to[6] = uint8(r.read(8))
	case 1:
		to[6] = uint8(wire.UDP)
	case 2: // ICMP is that of IPv6
		to[6] = uint8(wire.ICMPv6)
	case 3:
		to[6] = uint8(wire.TCP)
	}
	x.w = ipv6.HeaderLen
	said := -1 // a UDP length that was sent
	if e&1 != 0 {
		u := x.room[ipv6.HeaderLen : ipv6.HeaderLen+8]
		for i := range 2 {
			port := uint16(0)
			if hc2&(0x80>>i) != 0 {
				port = ports4 | uint16(r.read(4))
			} else {
				port = uint16(r.read(16))
			}
			binary.BigEndian.PutUint16(u[2*i:], port)
		}
		if hc2&0x20 == 0 {
			said = int(r.read(16))
		}
		binary.BigEndian.PutUint16(u[6:], uint16(r.read(16)))
		x.w += 8
	}
	if r.short() {
		return wire.ErrShort
	}
	x.at = (r.at + 7) / 8
	if e&1 != 0 {
		if said >= 0 {
			binary.BigEndian.PutUint16(x.room[ipv6.HeaderLen+4:], uint16(said))
		} else {
			x.udp = ipv6.HeaderLen
		}
	}
	return nil
}

// hc1ID derives an interface identifier from a link address, that of a short one with the PAN in it (RFC 4944, 6).
func hc1ID(a link.Addr, pan uint16) (d ident) {
	d.iid, d.ok = InterfaceID(a)
	if a.Len() == 2 && pan != 0xffff {
		d.iid |= uint64(pan) << 48 &^ (1 << 57)
	}
	return d
}

// bitReader reads fields of any width. Past the end it reads zeros.
type bitReader struct {
	b  []byte
	at int // in bits
}

func (r *bitReader) short() bool { return r.at > 8*len(r.b) }

func (r *bitReader) read(n int) (v uint64) {
	for range n {
		v <<= 1
		if i := r.at / 8; i < len(r.b) {
			v |= uint64(r.b[i]>>(7-r.at%8)) & 1
		}
		r.at++
	}
	return v
}

// address reads an address whose prefix and identifier are sent or not (10.1).
func (r *bitReader) address(to []byte, mode uint8, d ident) error {
	hi, lo := uint64(linkLocal), d.iid
	if mode&2 == 0 {
		hi = r.read(64)
	}
	if mode&1 == 0 {
		lo = r.read(64)
	} else if !d.ok {
		return ErrAddress
	}
	binary.BigEndian.PutUint64(to, hi)
	binary.BigEndian.PutUint64(to[8:], lo)
	return nil
}
