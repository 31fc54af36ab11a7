package lowpan

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
)

// A Recoverable is an RFRAG header (RFC 8931, 5.1). Sizes and offsets are octets of the datagram as it is compressed.
type Recoverable struct {
	Congested  bool // E: somebody on the way was
	Tag        uint8
	AckRequest bool   // X
	Sequence   uint8  // 0 of the first fragment, to 31; no position
	Size       uint16 // of this fragment, to 1023
	Offset     uint16 // of this fragment; in the first one the size of the datagram; 0 aborts the datagram
}

// An Acknowledgment is an RFRAG-ACK header (RFC 8931, 5.2). Bit 31 of the bitmap is sequence 0.
type Acknowledgment struct {
	Congested bool // E: a fragment came with it
	Tag       uint8
	Bitmap    uint32
}

// The bitmaps that tell something else than fragments.
const (
	NullBitmap uint32 = 0          // the datagram is aborted
	FullBitmap uint32 = 0xffffffff // the datagram is complete
)

// MaxSequence is the highest sequence number of a fragment.
const MaxSequence = 31

// RecoverableLen is the length of either header, in octets.
const RecoverableLen = 6

// Len is the length of the header in octets.
func (Recoverable) Len() int { return RecoverableLen }

// Len is the length of the header in octets.
func (Acknowledgment) Len() int { return RecoverableLen }

// Has tells whether a bitmap has a sequence number.
func (h Acknowledgment) Has(sequence uint8) bool { return h.Bitmap&SequenceBit(sequence) != 0 }

// SequenceBit is a sequence number in a bitmap.
func SequenceBit(sequence uint8) uint32 { return 1 << (MaxSequence - sequence&MaxSequence) }

// ParseRecoverable reads an RFRAG header.
func ParseRecoverable(b []byte) (h Recoverable, payload []byte, err error) {
	if err := recovery(b, RFrag); err != nil {
		return h, nil, err
	}
	bits := binary.BigEndian.Uint16(b[2:])
	return Recoverable{
		Congested: b[0]&1 != 0, Tag: b[1], AckRequest: bits>>15 != 0, Sequence: uint8(bits>>10) & MaxSequence,
		Size: bits & 0x3ff, Offset: binary.BigEndian.Uint16(b[4:]),
	}, b[RecoverableLen:len(b):len(b)], nil
}

// AppendRecoverable adds the header to b.
func AppendRecoverable(b []byte, h Recoverable) []byte {
	var w [RecoverableLen]byte
	PutRecoverable(w[:], h)
	return append(b, w[:]...)
}

// PutRecoverable writes the header into the first 6 octets of b. What of Sequence and Size cannot be sent is lost.
func PutRecoverable(b []byte, h Recoverable) {
	_ = b[RecoverableLen-1]
	b[0], b[1] = dispatchRFrag|bit(h.Congested), h.Tag
	binary.BigEndian.PutUint16(b[2:], uint16(bit(h.AckRequest))<<15|uint16(h.Sequence&MaxSequence)<<10|h.Size&0x3ff)
	binary.BigEndian.PutUint16(b[4:], h.Offset)
}

// ParseAcknowledgment reads an RFRAG-ACK header. Nothing follows it (RFC 8931, 6).
func ParseAcknowledgment(b []byte) (h Acknowledgment, payload []byte, err error) {
	if err := recovery(b, RFragAck); err != nil {
		return h, nil, err
	}
	return Acknowledgment{Congested: b[0]&1 != 0, Tag: b[1], Bitmap: binary.BigEndian.Uint32(b[2:])}, b[RecoverableLen:len(b):len(b)], nil
}

// AppendAcknowledgment adds the header to b.
func AppendAcknowledgment(b []byte, h Acknowledgment) []byte {
	return binary.BigEndian.AppendUint32(append(b, dispatchRFragAck|bit(h.Congested), h.Tag), h.Bitmap)
}

func recovery(b []byte, kind Kind) error {
	switch {
	case len(b) > 0 && KindOf(b[0], 0) != kind:
		return ErrUnknown
	case len(b) < RecoverableLen:
		return wire.ErrShort
	}
	return nil
}

func bit(on bool) uint8 {
	if on {
		return 1
	}
	return 0
}

func (h Recoverable) String() string {
	return fmt.Sprintf("RFRAG tag 0x%02x sequence %d size %d offset %d", h.Tag, h.Sequence, h.Size, h.Offset)
}

func (h Acknowledgment) String() string {
	return fmt.Sprintf("RFRAG-ACK tag 0x%02x bitmap %08x", h.Tag, h.Bitmap)
}
