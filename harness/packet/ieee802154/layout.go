package ieee802154

import "encoding/binary"

// The parts of a header behind its frame control field, in order.
const (
	seqSpan = iota
	dstPANSpan
	dstSpan
	srcPANSpan
	srcSpan
	auxSpan
	ieSpan
	spans
)

// span is where a part stands; from > to says that the header ends inside or before it, and an empty one is absent.
type span struct{ from, to int }

func (s span) len() int { return max(0, s.to-s.from) }

// layout is where the parts of a header stand, by what its frame control field says.
type layout [spans]span

func mode(bits byte) int { return [4]int{0, 0, 2, 8}[bits&3] }

// parse lays out a header, of which b may hold more or less. Every part that is not whole in b has from > to.
func parse(b []byte) (l layout) {
	if len(b) < 2 {
		for i := range l {
			l[i] = span{1, 0}
		}
		return l
	}
	at := 2
	put := func(i, n int) {
		l[i] = span{at, at + n}
		if at+n > len(b) {
			l[i] = span{at + 1, at}
		}
		at += n
	}
	dst, src := b[1]>>2&3, b[1]>>6
	has := func(yes bool, n int) int {
		if yes {
			return n
		}
		return 0
	}
	dstPAN, srcPAN := pans(b[0], b[1])
	put(seqSpan, has(!(version(b) == Version2015 && b[1]&1 != 0), 1))
	put(dstPANSpan, has(dstPAN, 2))
	put(dstSpan, mode(dst))
	put(srcPANSpan, has(srcPAN, 2))
	put(srcSpan, mode(src))
	n := 0
	if b[0]&8 != 0 && version(b) > Version2003 {
		n = auxLen(b, at)
	}
	put(auxSpan, n)
	n = 0
	if version(b) == Version2015 && b[1]&2 != 0 {
		n = iesLen(b, at)
	}
	put(ieSpan, n)
	return l
}

func version(b []byte) byte { return b[1] >> 4 & 3 }

// pans tells which identifiers of PANs a header has (IEEE 802.15.4-2020, 7.2.2.6, table 7-2; before 2015 the compression
// takes away that of the source when both addresses are there).
func pans(lo, hi byte) (dst, src bool) {
	compressed := lo&0x40 != 0
	dm, sm := hi>>2&3, hi>>6
	hasDst, hasSrc := mode(dm) > 0, mode(sm) > 0
	if hi>>4&3 != Version2015 {
		return hasDst, hasSrc && !(compressed && hasDst)
	}
	switch {
	case !hasDst && !hasSrc:
		return compressed, false
	case hasDst != hasSrc:
		return hasDst && !compressed, hasSrc && !compressed
	case dm == ModeExtended && sm == ModeExtended:
		return !compressed, false
	}
	return true, !compressed
}

// auxLen is how long the auxiliary security header at an offset is: control, frame counter unless it is suppressed, and
// the key identifier by its mode.
func auxLen(b []byte, at int) int {
	if at >= len(b) {
		return 1
	}
	control := b[at]
	n := 1 + 4 + [4]int{0, 1, 5, 9}[control>>3&3]
	if version(b) == Version2015 && control&0x20 != 0 {
		n -= 4
	}
	return n
}

// iesLen is how long the header IEs at an offset are, the termination included (IEEE 802.15.4-2020, 7.4.2).
func iesLen(b []byte, at int) int {
	n := 0
	for at+n+2 <= len(b) {
		d := binary.LittleEndian.Uint16(b[at+n:])
		id := d >> 7 & 0xff
		n += 2 + int(d&0x7f)
		if id == 0x7e || id == 0x7f {
			break
		}
	}
	return n
}

// end is where the payload begins.
func (l layout) end(b []byte) int {
	end := 2
	for _, s := range l {
		if s.from > s.to {
			return len(b)
		}
		end = max(end, s.to)
	}
	return end
}

func at(i int) func(hdr []byte) (int, int) {
	return func(hdr []byte) (int, int) {
		s := parse(hdr)[i]
		if s.from == s.to { // absent
			return 1, 0
		}
		return s.from, s.to
	}
}

// spliceSequence sets the sequence number, or takes it out as version 2015 can.
func spliceSequence(hdr, value []byte) []byte {
	s := parse(hdr)[seqSpan]
	rest := hdr[2:]
	if s.len() == 1 {
		rest = hdr[3:]
	}
	out := join(hdr[:2], value, rest)
	if len(value) == 0 {
		out[1] = out[1]&^0x30 | Version2015<<4 | 1
	} else {
		out[1] &^= 1
	}
	return out
}

// spliceAddr sets an address of 0, 2 or 8 octets and the mode that says so. Other lengths go in as they are, with mode 1.
func spliceAddr(i int) func(hdr, value []byte) []byte {
	shift := map[int]uint{dstSpan: 2, srcSpan: 6}[i]
	pan := i - 1
	return func(hdr, value []byte) []byte {
		before := parse(hdr)
		var parts [spans][]byte
		for k, s := range before {
			if s.len() > 0 {
				parts[k] = append([]byte(nil), hdr[s.from:s.to]...)
			}
		}
		rest := append([]byte(nil), hdr[before.end(hdr):]...)
		parts[i] = value
		m := map[int]byte{0: ModeNone, 2: ModeShort, 8: ModeExtended}
		kind, ok := m[len(value)]
		if !ok {
			kind = ModeReserved
		}
		head := []byte{hdr[0], hdr[1]&^(3<<shift) | kind<<shift}
		return assemble(head, parts, pan, rest)
	}
}

// assemble puts the parts together that the frame control field announces. One that has no octets yet has zeros.
func assemble(head []byte, parts [spans][]byte, pan int, rest []byte) []byte {
	dst, src := pans(head[0], head[1])
	for k, there := range map[int]bool{dstPANSpan: dst, srcPANSpan: src} {
		switch {
		case !there:
			parts[k] = nil
		case parts[k] == nil:
			parts[k] = []byte{0, 0}
			if other := parts[dstPANSpan+srcPANSpan-k]; other != nil {
				parts[k] = other
			}
		}
	}
	return join(head, join(parts[:]...), rest)
}

// splicePAN sets an identifier of a PAN, and the compression bit so that the header has it; nil takes it out.
func splicePAN(i int) func(hdr, value []byte) []byte {
	return func(hdr, value []byte) []byte {
		before := parse(hdr)
		var parts [spans][]byte
		for k, s := range before {
			if s.len() > 0 {
				parts[k] = append([]byte(nil), hdr[s.from:s.to]...)
			}
		}
		rest := append([]byte(nil), hdr[before.end(hdr):]...)
		head := []byte{hdr[0], hdr[1]}
		has := func() bool {
			dst, src := pans(head[0], head[1])
			return i == dstPANSpan && dst || i == srcPANSpan && src
		}
		if has() != (len(value) > 0) {
			head[0] ^= 0x40
			if has() != (len(value) > 0) {
				head[0] ^= 0x40 // no bit says that; the addresses do
			}
		}
		parts[i] = value
		return assemble(head, parts, i, rest)
	}
}

// spliceTail sets the auxiliary security header or the IEs, and the bits that announce them.
func spliceTail(i int) func(hdr, value []byte) []byte {
	return func(hdr, value []byte) []byte {
		l := parse(hdr)
		from, to := l.end(hdr), l.end(hdr)
		if l[i].len() > 0 {
			from, to = l[i].from, l[i].to
		} else if i == auxSpan && l[ieSpan].len() > 0 {
			from, to = l[ieSpan].from, l[ieSpan].from
		}
		out := join(hdr[:from], value, hdr[to:])
		bit := func(octet int, mask byte) {
			out[octet] &^= mask
			if len(value) > 0 {
				out[octet] |= mask
			}
		}
		if i == auxSpan {
			bit(0, 8)
		} else {
			bit(1, 2)
			if len(value) > 0 {
				out[1] = out[1]&^0x30 | Version2015<<4
			}
		}
		return out
	}
}

// beaconSpans is how long the superframe specification, the GTS fields and the pending address fields of a beacon are.
func beaconSpans(b []byte) (super, gts, pending int) {
	gts, pending = 1, 1
	if len(b) > 2 {
		if n := int(b[2] & 7); n > 0 {
			gts = 2 + 3*n
		}
	}
	if len(b) > 2+gts {
		pending = 1 + 2*int(b[2+gts]&7) + 8*int(b[2+gts]>>4&7)
	}
	return 2, gts, pending
}
