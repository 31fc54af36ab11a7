// Package zep reads and writes the headers of the ZigBee Encapsulation Protocol, which carries MPDUs of IEEE 802.15.4 in
// UDP: sniffers send it to Wireshark, and the native boards of RIOT speak it to each other. There is no standard; this is
// what Wireshark reads, and port 17754 is what is used.
//
// Version 1 has data only. Version 2 has data, acknowledgements, which have nothing but a sequence number, and, of RIOT, a
// greeting by which a board makes itself known to the dispatcher of its network.
package zep

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/conform-stack/conform/stack/wire"
)

// Port is the port of UDP that is used.
const Port = 17754

// A Type is what a packet of version 2 is.
type Type uint8

const (
	Data  Type = 1
	Ack   Type = 2
	Hello Type = 255
)

// What is wrong with a packet that cannot be read.
var (
	ErrPreamble = wire.Invalid("zep: it does not begin with EX")
	ErrVersion  = wire.Invalid("zep: neither version 1 nor version 2")
)

const preamble = 'E'<<8 | 'X'

// Lengths of the headers.
const (
	len1   = 16
	len2   = 32
	lenAck = 8
)

// A Header is what stands before the frame.
type Header struct {
	Version uint8 // 1 or 2
	Type    Type  // Data in version 1
	Channel uint8
	Device  uint16 // whose it is, as its user says
	// CRC says that the last two octets of the frame are its FCS. Else the radio has put other things there.
	CRC     bool
	LQI     uint8
	Time    uint64   // since 1900, in 2^-32 seconds (RFC 5905, 6); version 2
	Seq     uint32   // version 2
	Length  uint8    // of the frame
	Padding [10]byte // reserved; the first 7 in version 1
}

// Len is the length of the header in octets.
func (h *Header) Len() int {
	switch {
	case h.Version == 1:
		return len1
	case h.Type == Ack:
		return lenAck
	}
	return len2
}

// Parse reads a header. The frame is what came; Verify tells whether it is as long as the header says.
func Parse(b []byte) (h Header, frame []byte, err error) {
	r := wire.NewReader(b)
	p, v := r.U16(), r.U8()
	switch {
	case r.Short():
		return Header{}, nil, wire.ErrShort
	case p != preamble:
		return Header{}, nil, ErrPreamble
	}
	h = Header{Version: v, Type: Data}
	switch v {
	case 1:
		h.Channel, h.Device, h.CRC, h.LQI = r.U8(), r.U16(), r.U8() != 0, r.U8()
		copy(h.Padding[:7], r.Bytes(7))
		h.Length = r.U8()
	case 2:
		if h.Type = Type(r.U8()); h.Type == Ack {
			h.Seq = r.U32()
			break
		}
		h.Channel, h.Device, h.CRC, h.LQI = r.U8(), r.U16(), r.U8() != 0, r.U8()
		h.Time = uint64(r.U32())<<32 | uint64(r.U32())
		h.Seq = r.U32()
		copy(h.Padding[:], r.Bytes(10))
		h.Length = r.U8()
	default:
		return Header{}, nil, ErrVersion
	}
	if r.Short() {
		return Header{}, nil, wire.ErrShort
	}
	return h, r.Rest(), nil
}

// Append adds the header to b.
func Append(b []byte, h Header) []byte {
	b = append(b, 'E', 'X', h.Version)
	if h.Version == 2 {
		b = append(b, byte(h.Type))
		if h.Type == Ack {
			return binary.BigEndian.AppendUint32(b, h.Seq)
		}
	}
	crc := byte(0)
	if h.CRC {
		crc = 1
	}
	b = append(binary.BigEndian.AppendUint16(append(b, h.Channel), h.Device), crc, h.LQI)
	if h.Version == 1 {
		return append(append(b, h.Padding[:7]...), h.Length)
	}
	b = binary.BigEndian.AppendUint64(b, h.Time)
	b = append(binary.BigEndian.AppendUint32(b, h.Seq), h.Padding[:]...)
	return append(b, h.Length)
}

// Put writes the header into the first h.Len() octets of b.
func Put(b []byte, h Header) {
	_ = b[h.Len()-1]
	Append(b[:0], h)
}

// Verify tells whether the packet b, of which h is the header, has the frame that the header promises.
func Verify(b []byte, h Header) error {
	if h.Type != Ack && int(h.Length) != len(b)-h.Len() {
		return wire.ErrLength
	}
	return nil
}

// epoch is from 1900 to 1970, in seconds (RFC 5905, 6).
const epoch = 2208988800

// TimeOf is an instant as it stands in a header.
func TimeOf(t time.Time) uint64 {
	return uint64(t.Unix()+epoch)<<32 | uint64(t.Nanosecond())<<32/1e9
}

func (h Header) String() string {
	switch {
	case h.Type == Ack:
		return fmt.Sprintf("zep ack %d", h.Seq)
	case h.Version == 2 && h.Type != Data:
		return fmt.Sprintf("zep type %d", uint8(h.Type))
	}
	return fmt.Sprintf("zep %d channel %d device %04x lqi %d len %d", h.Version, h.Channel, h.Device, h.LQI, h.Length)
}
