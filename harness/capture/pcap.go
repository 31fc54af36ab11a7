package capture

import (
	"encoding/binary"
	"time"
)

// The magic numbers of pcap in the writer's byte order, and of a variant with longer record headers.
const (
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34
)

// pcap is the classic format: a header of 24 octets, then records with a header of 16.
type pcap struct {
	order  binary.ByteOrder
	nano   bool
	source *Interface
}

func newPcap(s *stream, magic []byte) (*pcap, error) {
	f := &pcap{}
	for _, order := range []binary.ByteOrder{binary.BigEndian, binary.LittleEndian} {
		switch order.Uint32(magic) {
		case magicMicro:
			f.order = order
		case magicNano:
			f.order, f.nano = order, true
		case magicModified:
			return nil, s.unsupported("this is a pcap of the modified kind with magic 0xa1b2cd34: convert it to pcapng first")
		}
	}
	if f.order == nil {
		return nil, notCapture(magic)
	}
	var h [24]byte
	if err := s.rest(h[:], "the file header"); err != nil {
		return nil, err
	}
	if major, minor := f.order.Uint16(h[4:]), f.order.Uint16(h[6:]); major != 2 {
		return nil, s.unsupported("this is a pcap of version %d.%d; version 2 is supported", major, minor)
	}
	f.source = &Interface{
		SnapLen:  int(f.order.Uint32(h[16:])),
		LinkType: LinkType(f.order.Uint32(h[20:]) & 0xffff), // the upper 16 bits tell the length of the FCS
	}
	return f, nil
}

func (f *pcap) name() string { return "pcap" }

func (f *pcap) next(r *Reader) (Packet, error) {
	var h [16]byte
	if err := r.s.full(h[:], r.s.next()); err != nil {
		return Packet{}, err
	}
	sec, frac := f.order.Uint32(h[0:]), int64(f.order.Uint32(h[4:]))
	captured, original := f.order.Uint32(h[8:]), f.order.Uint32(h[12:])
	if captured > maxLength {
		return Packet{}, r.s.corrupt("packet %d claims to hold %d octets", r.s.packet+1, captured)
	}
	if !f.nano {
		frac *= 1000
	}
	data, err := r.s.take(int(captured), r.s.next())
	if err != nil {
		return Packet{}, err
	}
	return Packet{
		Time:      time.Unix(int64(sec), frac).UTC(),
		LinkType:  f.source.LinkType,
		Data:      data,
		Original:  int(original),
		Interface: f.source,
	}, nil
}
