package ieee802154

import (
	"encoding/binary"
	"math/bits"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/link"
)

// Short makes the link address of a short address.
func Short(a uint16) link.Addr { return link.AddrFrom2([2]byte{byte(a >> 8), byte(a)}) }

// AsShort gives a short address as a number; ok is false for any other address.
func AsShort(a link.Addr) (n uint16, ok bool) {
	if a.Len() != 2 {
		return 0, false
	}
	var room [2]byte
	return binary.BigEndian.Uint16(a.Append(room[:0])), true
}

// PANs tells which PAN ids the header has, by the table of PAN ID Compression (7.2.1.5).
func (h *Header) PANs() (dst, src bool) {
	return pans(h.Version, int(addrMode(h.Dst)), int(addrMode(h.Src)), h.Compressed)
}

// Source is the PAN that the frame comes from, whether it is written there or left out because it is that of the
// destination; ok is false when the frame does not say.
func (h *Header) Source() (pan uint16, ok bool) {
	dst, src := h.PANs()
	switch {
	case src:
		return h.SrcPAN, true
	case dst && !h.Src.IsZero():
		return h.DstPAN, true
	}
	return 0, false
}

// pans is the table. Modes are as on the wire: 0 none, 2 short, 3 extended.
func pans(version uint8, dst, src int, compressed bool) (dstPAN, srcPAN bool) {
	if version < V2015 { // both PANs are the same: the source's is left out
		return dst != 0, src != 0 && !compressed
	}
	switch {
	case dst == 0 && src == 0: // rows 1 and 2
		return compressed, false
	case src == 0: // rows 3 and 4
		return !compressed, false
	case dst == 0: // rows 5 and 6
		return false, !compressed
	case dst == 3 && src == 3: // rows 7 and 8
		return !compressed, false
	}
	return true, !compressed // rows 9 to 14
}

// u16 reads two octets, the less significant one first.
func u16(r *wire.Reader) uint16 { return bits.ReverseBytes16(r.U16()) }

func u32(r *wire.Reader) uint32 { return bits.ReverseBytes32(r.U32()) }

func address(r *wire.Reader, mode uint16) link.Addr {
	switch mode {
	case 2:
		return Short(u16(r))
	case 3:
		if b := r.Bytes(8); b != nil {
			var a [8]byte
			binary.BigEndian.PutUint64(a[:], binary.LittleEndian.Uint64(b))
			return link.AddrFrom8(a)
		}
	}
	return link.Addr{}
}

func appendAddr(b []byte, a link.Addr) []byte {
	if n, ok := AsShort(a); ok {
		return binary.LittleEndian.AppendUint16(b, n)
	}
	if e, ok := a.As8(); ok {
		return binary.LittleEndian.AppendUint64(b, binary.BigEndian.Uint64(e[:]))
	}
	return b
}
