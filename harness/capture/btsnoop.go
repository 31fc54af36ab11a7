package capture

import (
	"encoding/binary"
	"time"
)

// btsnoop is the Bluetooth relative of snoop: the same header, and records with flags and a 64-bit time.
type btsnoop struct {
	datalink uint32
	source   *Interface
}

// Datalink types of btsnoop.
const (
	btH1      = 1001 // HCI packets without an indicator: the flags say what each is
	btH4      = 1002 // with the indicator octet of the UART transport
	btMonitor = 2001 // Linux monitor: the flags are adapter and opcode
)

// unixEpoch is 1 January 1970 in microseconds since 1 January of the year 0, from which btsnoop counts.
const unixEpoch = 0x00dcddb30f2f8000

func newBTSnoop(s *stream) (*btsnoop, error) {
	var h [16]byte
	if err := s.rest(h[:], "the file header"); err != nil {
		return nil, err
	}
	if v := binary.BigEndian.Uint32(h[8:]); v != 1 {
		return nil, s.unsupported("this is a btsnoop file of version %d; version 1 is supported", v)
	}
	f := &btsnoop{datalink: binary.BigEndian.Uint32(h[12:]), source: &Interface{LinkType: LinkBluetoothHCIH4}}
	switch f.datalink {
	case btH1, btH4:
	case btMonitor:
		f.source.LinkType = LinkBluetoothLinuxMonitor
	default:
		return nil, s.unsupported("this btsnoop file has datalink type %d, which has no counterpart among the link types of pcap", f.datalink)
	}
	return f, nil
}

func (f *btsnoop) name() string { return "btsnoop" }

func (f *btsnoop) next(r *Reader) (Packet, error) {
	var h [24]byte
	if err := r.s.full(h[:], r.s.next()); err != nil {
		return Packet{}, err
	}
	original, included := binary.BigEndian.Uint32(h[0:]), binary.BigEndian.Uint32(h[4:])
	flags, micro := binary.BigEndian.Uint32(h[8:]), int64(binary.BigEndian.Uint64(h[16:]))
	if included > maxLength {
		return Packet{}, r.s.corrupt("packet %d claims to hold %d octets", r.s.packet+1, included)
	}
	data, err := r.s.take(int(included), r.s.next())
	if err != nil {
		return Packet{}, err
	}
	prefix, direction := f.header(flags)
	return Packet{
		Time:      time.UnixMicro(micro - unixEpoch).UTC(),
		LinkType:  f.source.LinkType,
		Data:      append(prefix, data...),
		Original:  int(original) + len(prefix),
		Interface: f.source,
		Direction: direction,
	}, nil
}

// header makes what the pcap link type has in front of the data, out of the record's flags.
func (f *btsnoop) header(flags uint32) (prefix []byte, d Direction) {
	if f.datalink == btMonitor {
		return binary.BigEndian.AppendUint32(nil, flags), UnknownDirection
	}
	d = Outbound
	if flags&1 != 0 {
		d = Inbound
	}
	if f.datalink == btH4 {
		return nil, d
	}
	const command, aclData, event = 1, 2, 4 // indicators of the UART transport
	switch {
	case flags&2 == 0:
		return []byte{aclData}, d
	case d == Inbound:
		return []byte{event}, d
	}
	return []byte{command}, d
}
