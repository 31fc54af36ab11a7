package icmpv4

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// Timestamps are the payload of a timestamp message: milliseconds since midnight UT; with the top bit set, of some other
// kind (RFC 792).
type Timestamps struct {
	Originate, Receive, Transmit uint32
}

// ParseTimestamps reads the payload of a timestamp message.
func ParseTimestamps(b []byte) (t Timestamps, rest []byte, err error) {
	r := wire.NewReader(b)
	t = Timestamps{r.U32(), r.U32(), r.U32()}
	if r.Short() {
		return Timestamps{}, nil, wire.ErrShort
	}
	return t, r.Rest(), nil
}

// AppendTimestamps adds the payload of a timestamp message to b.
func AppendTimestamps(b []byte, t Timestamps) []byte {
	b = binary.BigEndian.AppendUint32(b, t.Originate)
	b = binary.BigEndian.AppendUint32(b, t.Receive)
	return binary.BigEndian.AppendUint32(b, t.Transmit)
}

// ParseMask reads the payload of an address mask message (RFC 950, appendix I).
func ParseMask(b []byte) (mask ipv4.Addr, rest []byte, err error) {
	r := wire.NewReader(b)
	mask = r.Four()
	if r.Short() {
		return ipv4.Addr{}, nil, wire.ErrShort
	}
	return mask, r.Rest(), nil
}

// AppendMask adds the payload of an address mask message to b.
func AppendMask(b []byte, mask ipv4.Addr) []byte { return append(b, mask[:]...) }
