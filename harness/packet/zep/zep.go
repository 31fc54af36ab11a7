// Package zep is the table of the ZigBee Encapsulation Protocol: frames of IEEE 802.15.4 in UDP, as RIOT's native boards,
// sniffers and Wireshark speak it.
//
// There is no specification; the layout is the one that Wireshark reads (packet-zep.c) and RIOT writes. Version 2 has 32
// octets before a data frame and 8 before an acknowledgement.
package zep

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/udp"
)

const zepLayer gopacket.LayerType = 2030

// Port is where ZEP is listened for.
const Port = 17754

// Octets are those of a header of version 2 before a data frame.
const Octets = 32

// Proto is the header of version 2 before a data frame.
var Proto = packet.Define("ZEP", zepLayer, 8)

// Fields of version 2.
var (
	Preamble  = packet.Uint(Proto, "preamble", 0, 16, packet.Hex()) // "EX"
	Version   = packet.Uint(Proto, "version", 16, 8)
	Type      = packet.Uint(Proto, "type", 24, 8, packet.Named(map[uint]string{1: "data", 2: "ack"}))
	Channel   = packet.Uint(Proto, "channel", 32, 8)
	Device    = packet.Uint(Proto, "device", 40, 16, packet.Hex())
	LQIMode   = packet.Uint(Proto, "LQI mode", 56, 8) // 1: a check sequence is in the frame
	LQI       = packet.Uint(Proto, "LQI", 64, 8)
	Timestamp = packet.Uint(Proto, "timestamp", 72, 64, packet.Hex()) // as of NTP
	Sequence  = packet.Uint(Proto, "sequence", 136, 32)
	Length    = packet.Uint(Proto, "length", 248, 8) // of the frame
)

// Data is the header of a data frame, which is the payload.
func Data(frame []byte, conds ...packet.Cond) packet.Template {
	h := make([]byte, Octets)
	copy(h, "EX\x02\x01\x1a")
	h[7], h[8], h[31] = 1, 0xff, byte(len(frame))
	return Proto.Layer(append([]packet.Cond{header.Is(h)}, conds...)...).Then(packet.Payload(frame))
}

var header = packet.Variable(Proto, "header", func(h []byte) (int, int) { return 0, len(h) }, func(_, v []byte) []byte { return v })

// Wrap is the datagram of version 2 that carries a frame with its check sequence.
func Wrap(frame []byte, channel uint8, sequence uint32) []byte {
	h := make([]byte, Octets, Octets+len(frame))
	copy(h, "EX\x02\x01")
	h[4], h[7], h[8], h[31] = channel, 1, 0xff, byte(len(frame))
	binary.BigEndian.PutUint32(h[17:], sequence)
	return append(h, frame...)
}

// Hello greets a dispatcher, which learns from it that there is one station more: a packet of a type that nobody has given a
// meaning, and without a frame, as RIOT sends it.
func Hello() []byte {
	h := make([]byte, Octets)
	copy(h, "EX\x02\xff")
	return h
}

// ErrZEP says that a datagram is none of ZEP.
var ErrZEP = errors.New("not a datagram of ZEP")

// Frame is the frame of IEEE 802.15.4 in a datagram of ZEP, versions 1 and 2; nil for an acknowledgement of ZEP itself.
func Frame(b []byte) ([]byte, error) {
	switch {
	case len(b) < 4 || b[0] != 'E' || b[1] != 'X':
		return nil, ErrZEP
	case b[2] == 1 && len(b) >= 16 && int(b[15]) <= len(b)-16:
		return b[16 : 16+int(b[15])], nil
	case b[2] == 2 && b[3] == 2:
		return nil, nil
	case b[2] == 2 && len(b) >= Octets && int(b[31]) <= len(b)-Octets:
		return b[Octets : Octets+int(b[31])], nil
	}
	return nil, fmt.Errorf("version %d, %d octets: %w", b[2], len(b), ErrZEP)
}

type layer struct{ layers.BaseLayer }

func (*layer) LayerType() gopacket.LayerType { return zepLayer }

func decode(data []byte, p gopacket.PacketBuilder) error {
	n := Octets
	if len(data) >= 4 && (data[2] == 2 && data[3] == 2) {
		n = 8
	}
	if _, err := Frame(data); err != nil || data[2] != 2 || len(data) < n {
		p.SetTruncated()
		return ErrZEP
	}
	p.AddLayer(&layer{layers.BaseLayer{Contents: data[:n], Payload: data[n:]}})
	if len(data) > n {
		l := gopacket.Payload(data[n:])
		p.AddLayer(&l)
	}
	return nil
}

func init() {
	gopacket.RegisterLayerType(int(zepLayer), gopacket.LayerTypeMetadata{Name: "ZEP", Decoder: gopacket.DecodeFunc(decode)})
	Proto.Rules = packet.Rules{
		Below: func(packet.Env) *packet.Proto { return udp.Proto },
		Summary: func(h, _ []byte) string {
			if len(h) < Octets {
				return "ZEP ack"
			}
			return fmt.Sprintf("ZEP channel %d seq %d", h[4], binary.BigEndian.Uint32(h[17:]))
		},
	}
}
