package capture

import (
	"encoding/binary"
	"time"
)

// snoop is the format of RFC 1761: big-endian, a header of 16 octets, then records with a header of 24.
type snoop struct{ source *Interface }

// snoopLink translates the datalink types of RFC 1761, section 4, and those that Solaris added.
var snoopLink = map[uint32]LinkType{
	0:  Ethernet, // IEEE 802.3
	2:  LinkTokenRing,
	4:  Ethernet,
	8:  LinkFDDI,
	18: LinkSunATM,
	26: LinkIPoIB,
}

func newSnoop(s *stream) (*snoop, error) {
	var h [16]byte
	if err := s.rest(h[:], "the file header"); err != nil {
		return nil, err
	}
	if v := binary.BigEndian.Uint32(h[8:]); v != 2 {
		return nil, s.unsupported("this is a snoop file of version %d; version 2 is supported", v)
	}
	datalink := binary.BigEndian.Uint32(h[12:])
	link, ok := snoopLink[datalink]
	if !ok {
		return nil, s.unsupported("this snoop file has datalink type %d, which has no counterpart among the link types of pcap", datalink)
	}
	return &snoop{source: &Interface{LinkType: link}}, nil
}

func (f *snoop) name() string { return "snoop" }

func (f *snoop) next(r *Reader) (Packet, error) {
	var h [24]byte
	if err := r.s.full(h[:], r.s.next()); err != nil {
		return Packet{}, err
	}
	original, included := binary.BigEndian.Uint32(h[0:]), binary.BigEndian.Uint32(h[4:])
	record := binary.BigEndian.Uint32(h[8:]) // with this header, the data, and padding
	sec, micro := binary.BigEndian.Uint32(h[16:]), binary.BigEndian.Uint32(h[20:])
	if included > maxLength {
		return Packet{}, r.s.corrupt("packet %d claims to hold %d octets", r.s.packet+1, included)
	}
	if record < included+24 || record-included-24 > maxLength {
		return Packet{}, r.s.corrupt("the record of packet %d has a length of %d octets, which does not fit the %d octets in it",
			r.s.packet+1, record, included)
	}
	data, err := r.s.take(int(included), r.s.next())
	if err != nil {
		return Packet{}, err
	}
	if err := r.s.skip(int64(record-included-24), r.s.next()); err != nil {
		return Packet{}, err
	}
	return Packet{
		Time:      time.Unix(int64(sec), int64(micro)*1000).UTC(),
		LinkType:  f.source.LinkType,
		Data:      data,
		Original:  int(original),
		Interface: f.source,
	}, nil
}
