package capture

import (
	"encoding/binary"
	"math"
)

// Block types of pcapng. All others are skipped; among them secrets (decryption keys), which are nobody's business.
const (
	blockInterface = 1
	blockPacket    = 2 // obsolete
	blockSimple    = 3
	blockEnhanced  = 6
	blockSection   = 0x0a0d0d0a
)

// byteOrderMagic tells the byte order of a section.
const byteOrderMagic = 0x1a2b3c4d

// pcapng is the format of draft-ietf-opsawg-pcapng: blocks with their length in front and behind.
type pcapng struct {
	order      binary.ByteOrder // of the section; nil before the first
	section    int              // number of the section
	interfaces []*Interface     // of the section
}

func (f *pcapng) name() string { return "pcapng" }

func (f *pcapng) next(r *Reader) (Packet, error) {
	for {
		var h [8]byte
		if err := r.s.full(h[:], "a block header"); err != nil {
			return Packet{}, err
		}
		if binary.BigEndian.Uint32(h[:]) == blockSection { // reads the same in both orders
			if err := f.startSection(r, h[4:]); err != nil {
				return Packet{}, err
			}
			continue
		}
		kind, total := f.order.Uint32(h[:]), f.order.Uint32(h[4:])
		if total < 12 || total%4 != 0 {
			return Packet{}, r.s.corrupt("a block of type %#x has a length of %d octets, which is no multiple of 4 from 12 up", kind, total)
		}
		p, ok, err := f.block(r, kind, int64(total)-12)
		if err == nil {
			err = f.trailer(r, kind, total)
		}
		if err != nil || ok {
			return p, err
		}
	}
}

// startSection reads a section header block behind its type; length is its length field, in an order not yet known.
func (f *pcapng) startSection(r *Reader, length []byte) error {
	var h [16]byte // byte-order magic, version, section length
	if err := r.s.rest(h[:], "a section header"); err != nil {
		return err
	}
	if f.order != nil {
		f.section++
	}
	switch uint32(byteOrderMagic) {
	case binary.BigEndian.Uint32(h[:]):
		f.order = binary.BigEndian
	case binary.LittleEndian.Uint32(h[:]):
		f.order = binary.LittleEndian
	default:
		return r.s.corrupt("a section header has the byte-order magic % x", h[:4])
	}
	if major, minor := f.order.Uint16(h[4:]), f.order.Uint16(h[6:]); major != 1 {
		return r.s.unsupported("this is a pcapng of version %d.%d; version 1 is supported", major, minor)
	}
	total := f.order.Uint32(length)
	if total < 28 || total%4 != 0 || total > maxLength {
		return r.s.corrupt("a section header has a length of %d octets", total)
	}
	body, err := r.s.take(int(total)-28, "a section header")
	if err != nil {
		return err
	}
	for o := range f.options(body) {
		if o.code == optComment {
			r.section = append(r.section, string(o.value))
		}
	}
	f.interfaces = nil
	return f.trailer(r, blockSection, total)
}

// trailer reads the second length of a block, which must equal the first.
func (f *pcapng) trailer(r *Reader, kind, total uint32) error {
	var b [4]byte
	if err := r.s.rest(b[:], "a block"); err != nil {
		return err
	}
	if again := f.order.Uint32(b[:]); again != total {
		return r.s.corrupt("a block of type %#x has the length %d in front and %d behind", kind, total, again)
	}
	return nil
}

// block reads the body of one block. ok says that it holds a packet.
func (f *pcapng) block(r *Reader, kind uint32, length int64) (p Packet, ok bool, err error) {
	what := "a block"
	switch kind {
	default:
		return Packet{}, false, r.s.skip(length, what)
	case blockPacket, blockSimple, blockEnhanced:
		what = r.s.next()
	case blockInterface:
	}
	if length > maxLength {
		return Packet{}, false, r.s.corrupt("a block of type %#x has %d octets", kind, length)
	}
	body, err := r.s.take(int(length), what)
	if err != nil {
		return Packet{}, false, err
	}
	switch kind {
	case blockInterface:
		return Packet{}, false, f.addInterface(r, body)
	case blockSimple:
		p, err = f.simple(r, body)
	default:
		p, err = f.packet(r, kind, body)
	}
	return p, err == nil, err
}

func (f *pcapng) addInterface(r *Reader, body []byte) error {
	if len(body) < 8 {
		return r.s.corrupt("an interface description has %d octets", len(body))
	}
	i := &Interface{
		Section:    f.section,
		ID:         len(f.interfaces),
		LinkType:   LinkType(f.order.Uint16(body)),
		SnapLen:    int(f.order.Uint32(body[4:])),
		resolution: microseconds,
	}
	for o := range f.options(body[8:]) {
		switch {
		case o.code == optComment:
			i.Comments = append(i.Comments, string(o.value))
		case o.code == optName:
			i.Name = string(o.value)
		case o.code == optDescription:
			i.Description = string(o.value)
		case o.code == optResolution && len(o.value) == 1:
			i.resolution = resolution(o.value[0])
		case o.code == optOffset && len(o.value) == 8:
			i.offset = int64(f.order.Uint64(o.value))
		}
	}
	f.interfaces = append(f.interfaces, i)
	return nil
}

// packet reads an enhanced packet block, or an obsolete one, which has 16 bits of drop count in the interface's place.
func (f *pcapng) packet(r *Reader, kind uint32, body []byte) (Packet, error) {
	if len(body) < 20 {
		return Packet{}, r.s.corrupt("the block of packet %d has %d octets", r.s.packet+1, len(body))
	}
	id := f.order.Uint32(body)
	if kind == blockPacket {
		id = uint32(f.order.Uint16(body))
	}
	ticks := uint64(f.order.Uint32(body[4:]))<<32 | uint64(f.order.Uint32(body[8:]))
	captured, original := f.order.Uint32(body[12:]), f.order.Uint32(body[16:])
	i, err := f.source(r, id)
	if err != nil {
		return Packet{}, err
	}
	body = body[20:]
	if uint64(captured) > uint64(len(body)) {
		return Packet{}, r.s.corrupt("packet %d claims to hold %d octets in a block with %d", r.s.packet+1, captured, len(body))
	}
	p := Packet{
		Time:      i.at(ticks),
		LinkType:  i.LinkType,
		Data:      body[:captured:captured],
		Original:  int(original),
		Interface: i,
	}
	for o := range f.options(body[min(pad4(int(captured)), len(body)):]) {
		switch {
		case o.code == optComment:
			p.Comments = append(p.Comments, string(o.value))
		case o.code == optFlags && len(o.value) == 4:
			p.Direction = Direction(f.order.Uint32(o.value) & 3)
		}
	}
	if p.Direction > Outbound {
		p.Direction = UnknownDirection
	}
	return p, nil
}

// simple reads a simple packet block: interface 0, no time, and a captured length that follows from the snap length.
func (f *pcapng) simple(r *Reader, body []byte) (Packet, error) {
	i, err := f.source(r, 0)
	if err != nil {
		return Packet{}, err
	}
	if len(body) < 4 {
		return Packet{}, r.s.corrupt("the block of packet %d has %d octets", r.s.packet+1, len(body))
	}
	original := f.order.Uint32(body)
	captured := min(uint64(original), uint64(len(body)-4))
	if i.SnapLen > 0 {
		captured = min(captured, uint64(i.SnapLen))
	}
	return Packet{
		LinkType:  i.LinkType,
		Data:      body[4 : 4+captured : 4+captured],
		Original:  int(min(uint64(original), math.MaxInt32)),
		Interface: i,
	}, nil
}

func (f *pcapng) source(r *Reader, id uint32) (*Interface, error) {
	if uint64(id) >= uint64(len(f.interfaces)) {
		return nil, r.s.corrupt("packet %d is of interface %d, but %d are described", r.s.packet+1, id, len(f.interfaces))
	}
	return f.interfaces[id], nil
}
