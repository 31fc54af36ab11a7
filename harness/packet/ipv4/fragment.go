package ipv4

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
)

// Part is the fragment with the octets from (a multiple of 8) to to of a datagram's data, for RFC 791's fragmentation
// procedure (section 3.2) and for what goes against it: MF is set unless the fragment reaches the end of the datagram, and
// options without the copied flag are in the first one only. f must have an IPv4 header; octets that its datagram does
// not have are zero.
func Part(f *packet.Frame, from, to int) packet.Template {
	header, data := f.Header(Proto), f.Body(Proto)
	offset, _ := Offset.Of(f)
	mf, _ := MF.Of(f)
	if to < len(data) {
		mf = 1
	}
	conds := []packet.Cond{
		TOS.Is(uint(header[1])), ID.Is(uint(header[4])<<8 | uint(header[5])), DF.Is(uint(header[6] >> 6 & 1)),
		MF.Is(mf), Offset.Is(offset + uint(from/8)), TTL.Is(uint(header[8])), Protocol.Is(uint(header[9])),
		Src.Is(netip.AddrFrom4([4]byte(header[12:16]))), Dst.Is(netip.AddrFrom4([4]byte(header[16:20]))),
	}
	options := header[20:]
	if from > 0 {
		options = CopiedOptions(options)
	}
	if len(options) > 0 {
		conds = append(conds, Options.Is(options))
	}
	piece := make([]byte, to-from)
	if from < len(data) {
		copy(piece, data[from:])
	}
	return Header(conds...).Then(packet.Payload(piece))
}

// Split cuts the data of a datagram at the given octets, multiples of 8 in rising order, into fragments in order.
func Split(f *packet.Frame, cuts ...int) (parts []packet.Template) {
	from := 0
	for _, to := range append(slices.Clone(cuts), len(f.Body(Proto))) {
		parts = append(parts, Part(f, from, to))
		from = to
	}
	return parts
}

// SplitEvery cuts the data of a datagram into fragments of n octets, a multiple of 8; the last may be shorter.
func SplitEvery(f *packet.Frame, n int) []packet.Template {
	var cuts []int
	for at := n; at < len(f.Body(Proto)); at += n {
		cuts = append(cuts, at)
	}
	return Split(f, cuts...)
}

// ErrIncomplete says that fragments do not make a datagram yet.
var ErrIncomplete = errors.New("fragments are missing")

// Join gives the data of the datagram that fragments make, whatever their order. It is ErrIncomplete while some are
// missing, and another error when they contradict each other: they overlap or there are two ends.
func Join(fragments []*packet.Frame) ([]byte, error) {
	sorted := slices.Clone(fragments)
	slices.SortStableFunc(sorted, func(a, b *packet.Frame) int { return start(a) - start(b) })
	var data []byte
	for i, f := range sorted {
		switch at := start(f); {
		case at > len(data):
			return nil, ErrIncomplete
		case at < len(data):
			return nil, fmt.Errorf("the fragment at octet %d overlaps the one before, which ends at %d", at, len(data))
		}
		data = append(data, f.Body(Proto)...)
		if mf, _ := MF.Of(f); mf == 0 {
			if i < len(sorted)-1 {
				return nil, fmt.Errorf("the fragment at octet %d is the last one, yet another one follows", start(f))
			}
			return data, nil
		}
	}
	return nil, ErrIncomplete
}

// start is where a fragment's data belongs, in octets.
func start(f *packet.Frame) int {
	offset, _ := Offset.Of(f)
	return int(offset) * 8
}
