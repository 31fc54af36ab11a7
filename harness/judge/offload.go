package judge

import (
	"encoding/binary"
	"net/netip"

	"github.com/conform-stack/conform/harness/capture"
)

// A Signature is how a sender filled in a checksum.
type Signature uint8

const (
	NoSignature Signature = iota // cannot be told: no TCP or UDP, in fragments, cut, or sent without a checksum
	Computed                     // right
	Unfinished                   // only the sum of the pseudo header: the rest is left to the network card
	Wrong
)

// A Checksum is what CheckOffload found in a frame.
type Checksum struct {
	Source    netip.Addr
	Protocol  uint8 // 6 or 17
	Transport Signature
	Header    Signature // of the IPv4 header: Unfinished is a zero that is not right
}

// CheckOffload looks at the checksums of a frame, to tell hosts that leave them to their network card. ok is false
// when it holds no whole IPv4 header.
func CheckOffload(link capture.LinkType, data []byte) (c Checksum, ok bool) {
	// A judge without rules about it reads the frame: nothing is judged, what it remembers is the datagram.
	s := &scene{j: New(Options{}), f: &Frame{Link: link, Data: data, Truncated: true}}
	read := linkEntry(link)
	if read == nil {
		return Checksum{}, false
	}
	read(s)
	if len(s.j.datagrams.all) == 0 {
		return Checksum{}, false
	}
	d := s.j.datagrams.all[0]
	n := int(d.b[0]&0xf) * 4
	c = Checksum{Source: netip.AddrFrom4([4]byte(d.b[12:16])), Protocol: d.b[9], Header: Computed}
	if sum16(d.b[:n]) != 0xffff {
		c.Header = Wrong
		if d.b[10]|d.b[11] == 0 {
			c.Header = Unfinished
		}
	}
	if d.whole && binary.BigEndian.Uint16(d.b[6:])&0x3fff == 0 {
		c.Transport = transportSignature(d.b[:n], d.b[n:], d.b[9])
	}
	return c, true
}

func transportSignature(header, b []byte, proto uint8) Signature {
	at := 6
	switch {
	case proto == protoTCP && len(b) >= 20:
		at = 16
	case proto == protoUDP && len(b) >= 8:
		if binary.BigEndian.Uint16(b[6:]) == 0 {
			return NoSignature
		}
	default:
		return NoSignature
	}
	pseudo := append(append(make([]byte, 0, 12), header[12:20]...), 0, proto)
	pseudo = binary.BigEndian.AppendUint16(pseudo, uint16(len(b)))
	switch field := binary.BigEndian.Uint16(b[at:]); {
	case sum16(pseudo, b) == 0xffff:
		return Computed
	case field == sum16(pseudo), field == sum16(pseudo[:10]): // some systems leave the length out of merged segments
		return Unfinished
	}
	return Wrong
}
