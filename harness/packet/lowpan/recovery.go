package lowpan

import (
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
)

// The headers of recoverable fragments (RFC 8931, section 5). DispatchRFrag and DispatchRFragAck are the octets with E clear.
const (
	DispatchRFrag    = 0xe8
	DispatchRFragAck = 0xea
)

var (
	RFragProto    = packet.Define("6LoWPAN RFRAG", rfragLayer, recoverLen)
	RFragAckProto = packet.Define("6LoWPAN RFRAG-ACK", rfragAckLayer, recoverLen)
)

const recoverLen = 6

// Of RFRAG (section 5.1). Sizes and offsets are octets of the packet as it is compressed. Of the first fragment, whose
// sequence is 0, FragmentOffset is the size of that; 0 is a reset.
var (
	Congestion     = packet.Uint(RFragProto, "E", 7, 1)
	RecoveryTag    = packet.Uint(RFragProto, "Datagram_Tag", 8, 8)
	AckRequest     = packet.Uint(RFragProto, "X", 16, 1)
	FragmentNumber = packet.Uint(RFragProto, "Sequence", 17, 5)
	FragmentSize   = packet.Uint(RFragProto, "Fragment_Size", 22, 10)
	FragmentOffset = packet.Uint(RFragProto, "Fragment_Offset", 32, 16)
)

// Of RFRAG-ACK (section 5.2).
var (
	Echoed = packet.Uint(RFragAckProto, "E", 7, 1)
	AckTag = packet.Uint(RFragAckProto, "Datagram_Tag", 8, 8)
	Bitmap = packet.Uint(RFragAckProto, "bitmap", 16, 32, packet.Hex())
)

// The bitmaps that stand for the whole datagram.
const (
	Null = 0
	Full = 0xffffffff
)

// RFrag is a recoverable fragment.
func RFrag(conds ...packet.Cond) packet.Template { return RFragProto.Layer(conds...) }

// RFragAck is an acknowledgment.
func RFragAck(conds ...packet.Cond) packet.Template { return RFragAckProto.Layer(conds...) }

// Recoverable is a fragment of a packet as it is encoded, with octets from to to of it. The last one asks for an
// acknowledgment.
func Recoverable(encoded []byte, tag, sequence uint, from, to int) packet.Template {
	offset, x := uint(from), uint(0)
	if sequence == 0 {
		offset = uint(len(encoded))
	}
	if to == len(encoded) {
		x = 1
	}
	return RFrag(RecoveryTag.Is(tag), AckRequest.Is(x), FragmentNumber.Is(sequence), FragmentSize.Is(uint(to-from)), FragmentOffset.Is(offset)).
		Then(packet.Payload(encoded[from:to]))
}

// Recoverables are all fragments of a packet as it is encoded, of n octets each; the last may have fewer.
func Recoverables(encoded []byte, tag uint, n int) (parts []packet.Template) {
	for from := 0; from < len(encoded); from += n {
		parts = append(parts, Recoverable(encoded, tag, uint(len(parts)), from, min(from+n, len(encoded))))
	}
	return parts
}

// recovered is a datagram in recoverable fragments: what is there of it, as it is encoded.
type recovered struct {
	src, dst string
	tag      byte
	size     int // 0: the first fragment has not come
	octets   map[int]byte
}

// recover adds the recoverable fragment in f to those that were seen, and gives the packet when it is whole.
func (r *Reassembler) recover(f *packet.Frame, a Around, body []byte) ([]byte, error) {
	tag, _ := RecoveryTag.Of(f)
	number, _ := FragmentNumber.Of(f)
	size, _ := FragmentSize.Of(f)
	offset, _ := FragmentOffset.Of(f)
	d := r.recovering(string(a.Src), string(a.Dst), byte(tag))
	switch {
	case offset == 0: // a reset
		d.size, d.octets = 0, map[int]byte{}
		return nil, nil
	case int(size) > len(body):
		return nil, fmt.Errorf("Fragment_Size is %d, and %d octets are there", size, len(body))
	case number == 0:
		if d.size != 0 && d.size != int(offset) {
			d.octets = map[int]byte{} // another datagram
		}
		d.size, offset = int(offset), 0
	}
	for i, b := range body[:size] {
		d.octets[int(offset)+i] = b
	}
	if d.size == 0 || len(d.octets) < d.size {
		return nil, nil
	}
	encoded := make([]byte, d.size)
	for i := range encoded {
		b, ok := d.octets[i]
		if !ok {
			return nil, fmt.Errorf("octets behind the %d of the datagram", d.size)
		}
		encoded[i] = b
	}
	d.size, d.octets = 0, map[int]byte{}
	return Expand(encoded, a)
}

func (r *Reassembler) recovering(src, dst string, tag byte) *recovered {
	for _, d := range r.recoveries {
		if d.src == src && d.dst == dst && d.tag == tag {
			return d
		}
	}
	d := &recovered{src: src, dst: dst, tag: tag, octets: map[int]byte{}}
	if r.recoveries = append(r.recoveries, d); len(r.recoveries) > maxDatagrams {
		r.recoveries = r.recoveries[1:]
	}
	return d
}
