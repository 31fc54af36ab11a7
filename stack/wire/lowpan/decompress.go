package lowpan

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// A Result is what Decompress made.
type Result struct {
	Len  int // octets in room: headers, and with generic compression what it stood for
	Took int // octets of the payload that they stand for; the rest follows as it is
	// Elided is where in the datagram a UDP header without a checksum is, 0 for none; IP where its IPv6 header is. Restore
	// computes it.
	Elided, IP int
	// Generic tells that RFC 7400 was used: the sender understands it.
	Generic bool
	// HC1 tells that the old compression of RFC 4944, 10 was used.
	HC1 bool
}

// Decompress expands the headers of a datagram, at the front of b with their dispatch, into room. size is that of the
// datagram when it came in fragments; 0: it ends where b does. A header that is not compressed stays in b: then Len is 0.
//
// What is expanded has the lengths that follow from where the datagram ends, also in a first fragment. A length that room,
// or size, does not hold gives ErrRoom.
func Decompress(room, b []byte, s *Surroundings, size int) (Result, error) {
	x := expander{room: room, b: b, s: s, udp: -1}
	r, err := x.datagram()
	if err != nil {
		return Result{}, err
	}
	end := size
	if end == 0 {
		end = r.Len + len(b) - r.Took
	}
	if end > ipv6.HeaderLen+ipv6.MaxPayload {
		return Result{}, ErrRoom
	}
	if r.Len > 0 {
		if r.Len > end {
			return Result{}, ErrRoom
		}
		x.lengths(end)
	}
	return r, nil
}

// Restore computes the checksum of a whole datagram whose UDP header came without one (RFC 6282, 4.3.2).
func Restore(b []byte, r Result) {
	ip, at := b[r.IP:], b[r.Elided:]
	at[6], at[7] = 0, 0
	sum := wire.Pseudo6([16]byte(ip[8:24]), [16]byte(ip[24:40]), wire.UDP).AddUint32(uint32(len(at))).Add(at).Checksum()
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(at[6:], sum)
}

// expander is one call of Decompress. Payload lengths are known last: until then, the payload length field of each IPv6
// header tells where the one around it is.
type expander struct {
	room, b []byte
	s       *Surroundings
	w, at   int // written and read
	ip      int // the innermost IPv6 header
	named   int // the field that names the header that comes next
	udp     int // the UDP header; -1 for none
	elided  bool
	routed  bool // the destination of the checksum is not that of the innermost IPv6 header
	generic bool
}

// datagram reads pages (RFC 8025) and the dispatch of a datagram.
func (x *expander) datagram() (Result, error) {
	page := uint8(0)
	for ; x.at < len(x.b); x.at++ {
		b := x.b[x.at]
		switch KindOf(b, page) {
		case PageSwitch:
			page = b & 15
			continue
		case IPv6:
			return Result{Took: x.at + 1}, nil
		case HC1:
			if err := x.hc1(); err != nil {
				return Result{}, err
			}
			return Result{Len: x.w, Took: x.at, HC1: true}, nil
		case IPHC:
			if err := x.headers(x.s.idents(), 0); err != nil {
				return Result{}, err
			}
		default: // ESC among them: none of its extension types is known (RFC 8066, 3.1)
			return Result{}, ErrUnknown
		}
		r := Result{Len: x.w, Took: x.at, IP: x.ip, Generic: x.generic}
		if x.elided {
			if x.routed {
				return Result{}, ErrHeader
			}
			r.Elided = x.udp
		}
		return r, nil
	}
	return Result{}, wire.ErrShort
}

// headers reads an IPHC and the NHC behind it; outer is where the IPv6 header around it is.
func (x *expander) headers(d idents, outer int) error {
	for {
		h, rest, err := ParseIPHC(x.b[x.at:])
		if err != nil {
			return err
		}
		if len(x.room)-x.w < ipv6.HeaderLen {
			return ErrRoom
		}
		to := x.room[x.w : x.w+ipv6.HeaderLen]
		if err := h.expand(to, x.s, d); err != nil {
			return err
		}
		binary.BigEndian.PutUint16(to[4:], uint16(outer))
		x.ip, x.named, outer, x.routed = x.w, x.w+6, x.w, false
		x.w, x.at = x.w+ipv6.HeaderLen, len(x.b)-len(rest)
		nested := false
		for nhc := h.Encoding.NHC(); nhc && !nested; {
			if nhc, nested, err = x.next(); err != nil {
				return err
			}
		}
		if !nested {
			return nil
		}
		d = identsOf(to)
	}
}

// next reads one NHC. more tells that another one follows, nested that an IPHC does.
func (x *expander) next() (more, nested bool, err error) {
	if x.at >= len(x.b) {
		return false, false, wire.ErrShort
	}
	b := x.b[x.at]
	x.at++
	switch {
	case b&0xf8 == nhcUDP, b&0xf8 == nhcUDPGHC:
		return false, false, x.udpHeader(b)
	case b == nhcICMPGHC:
		x.room[x.named] = uint8(wire.ICMPv6)
		return false, false, x.ghcPayload()
	case b&0xf8 == nhcExtGHC:
		return b&1 != 0, false, x.ghcExtension(eids[b>>1&3], b&1 != 0)
	case b&0xf0 != nhcExt:
		return false, false, ErrUnknown
	}
	eid := b >> 1 & 7
	switch eid {
	case 5, 6: // reserved
		return false, false, ErrUnknown
	case 7:
		if b&1 != 0 { // 4.2: the bit MUST be zero
			return false, false, ErrHeader
		}
		if x.at >= len(x.b) {
			return false, false, wire.ErrShort
		}
		if x.b[x.at]&0xe0 != dispatchIPHC { // 4.2: it MUST be an IPHC
			return false, false, ErrHeader
		}
		x.room[x.named] = uint8(wire.IPv6)
		return false, true, nil
	}
	return b&1 != 0, false, x.extension(eids[eid], b&1 != 0)
}

// extension reads an extension header behind its NHC octet.
func (x *expander) extension(p wire.Protocol, nhc bool) error {
	r := wire.NewReader(x.b[x.at:])
	next := uint8(0)
	if !nhc {
		next = r.U8()
	}
	n := ipv6.FragmentLen - 1 // it has no length: all but the Next Header is there
	if p != wire.Fragment {
		n = int(r.U8())
	}
	data := r.Bytes(n)
	if r.Short() {
		return wire.ErrShort
	}
	x.at = len(x.b) - r.Len()
	if p == wire.Fragment {
		if len(x.room)-x.w < ipv6.FragmentLen {
			return ErrRoom
		}
		x.room[x.w] = next
		copy(x.room[x.w+1:], data)
		return x.took(p, ipv6.FragmentLen)
	}
	if len(x.room)-x.w < 2+n {
		return ErrRoom
	}
	copy(x.room[x.w+2:], data)
	x.room[x.w] = next
	return x.close(p, n)
}

// close completes an extension header of which n octets are there behind its length field: options are padded (4.2), and
// the length is filled in.
func (x *expander) close(p wire.Protocol, n int) error {
	pad := -(n + 2) & 7
	if pad != 0 {
		if p != wire.HopByHop && p != wire.DestOpts || len(x.room)-x.w < 2+n+pad {
			return ErrHeader
		}
		to := x.room[x.w+2+n : x.w+2+n+pad]
		clear(to)
		if pad > 1 {
			to[0], to[1] = uint8(ipv6.PadN), uint8(pad-2)
		}
	}
	units := (n+2+pad)/8 - 1
	if units < 0 || units > 255 {
		return ErrHeader
	}
	x.room[x.w+1] = uint8(units)
	return x.took(p, n+2+pad)
}

// took goes behind an extension header in room.
func (x *expander) took(p wire.Protocol, n int) error {
	if p == wire.Routing && x.room[x.w+3] != 0 {
		x.routed = true
	}
	x.room[x.named] = uint8(p)
	x.named = x.w
	x.w += n
	return nil
}

// udpHeader reads a UDP header behind its NHC octet (4.3.3).
func (x *expander) udpHeader(nhc uint8) error {
	if len(x.room)-x.w < 8 {
		return ErrRoom
	}
	to := x.room[x.w : x.w+8]
	r := wire.NewReader(x.b[x.at:])
	var src, dst uint16
	switch nhc & 3 {
	case 0:
		src, dst = r.U16(), r.U16()
	case 1:
		src = r.U16()
		dst = ports8 | uint16(r.U8())
	case 2:
		src = ports8 | uint16(r.U8())
		dst = r.U16()
	case 3:
		both := uint16(r.U8())
		src, dst = ports4|both>>4, ports4|both&15
	}
	sum := uint16(0)
	if x.elided = nhc&4 != 0; !x.elided {
		sum = r.U16()
	}
	if r.Short() {
		return wire.ErrShort
	}
	binary.BigEndian.PutUint16(to, src)
	binary.BigEndian.PutUint16(to[2:], dst)
	binary.BigEndian.PutUint16(to[4:], 0)
	binary.BigEndian.PutUint16(to[6:], sum)
	x.room[x.named] = uint8(wire.UDP)
	x.udp = x.w
	x.w, x.at = x.w+8, len(x.b)-r.Len()
	if nhc&0xf8 == nhcUDPGHC {
		return x.ghcPayload()
	}
	return nil
}

// lengths fills in what follows from the end of the datagram.
func (x *expander) lengths(end int) {
	if x.udp >= 0 {
		binary.BigEndian.PutUint16(x.room[x.udp+4:], uint16(end-x.udp))
	}
	for at := x.ip; ; {
		field := x.room[at+4 : at+6]
		outer := int(binary.BigEndian.Uint16(field))
		binary.BigEndian.PutUint16(field, uint16(end-at-ipv6.HeaderLen))
		if at == 0 {
			return
		}
		at = outer
	}
}
