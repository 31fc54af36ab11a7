package ipv6

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
)

// unfragmentable gives the layers that every fragment of f has, and what is cut into fragments: all behind them (RFC 8200,
// section 4.5). protocol is the next header value of the latter. A Fragment header that f has is left out.
func unfragmentable(f *packet.Frame) (head packet.Template, protocol uint, data []byte) {
	h := f.Header(Proto)
	head = Header(
		TrafficClass.Is(uint(h[0]&15)<<4|uint(h[1]>>4)), FlowLabel.Is(uint(h[1]&15)<<16|uint(h[2])<<8|uint(h[3])), HopLimit.Is(uint(h[7])),
		Src.Is(netip.AddrFrom16([16]byte(h[8:24]))), Dst.Is(netip.AddrFrom16([16]byte(h[24:40]))),
	)
	rest, kind := f.Body(Proto), uint(h[6])
	data, protocol = rest, kind
	var between packet.Template
	for len(rest) >= 8 {
		n := 8 + 8*int(rest[1])
		if kind == NextFragment {
			n = 8
		}
		if n > len(rest) {
			break
		}
		keep := true // the part ends with this header
		switch kind {
		case NextHopByHop:
			between = between.Then(HopByHop(HopLength.Is(uint(rest[1])), HopOptions.Is(rest[2:n])))
		case NextRouting:
			between = between.Then(Routing(RouteLength.Is(uint(rest[1])), RouteType.Is(uint(rest[2])), SegmentsLeft.Is(uint(rest[3])), RouteData.Is(rest[4:n])))
		case NextDestination: // before a routing header only
			between, keep = between.Then(Destination(DestLength.Is(uint(rest[1])), DestOptions.Is(rest[2:n]))), false
		case NextFragment:
		default:
			return head, protocol, data
		}
		kind, rest = uint(rest[0]), rest[n:]
		if keep {
			head, between = head.Then(between), nil
			protocol, data = kind, rest
		}
	}
	return head, protocol, data
}

// Fragmentable is what the fragments of a packet share out: all behind the IPv6 header, the Hop-by-Hop Options header and
// a Routing header.
func Fragmentable(f *packet.Frame) []byte {
	_, _, data := unfragmentable(f)
	return data
}

// Part is the fragment with the octets from (a multiple of 8) to to of the fragmentable part of a packet: M is set unless
// it reaches the end. The headers before are in every fragment. f must have an IPv6 header; octets that it does not have are
// zero.
func Part(f *packet.Frame, id uint, from, to int) packet.Template {
	head, protocol, data := unfragmentable(f)
	more := uint(0)
	if to < len(data) {
		more = 1
	}
	piece := make([]byte, to-from)
	if from < len(data) {
		copy(piece, data[from:])
	}
	return head.Then(Fragment(FragNext.Is(protocol), FragOffset.Is(uint(from/8)), FragMore.Is(more), FragID.Is(id)), packet.Payload(piece))
}

// Split cuts a packet at the given octets of its fragmentable part, multiples of 8 in rising order, into fragments in order.
func Split(f *packet.Frame, id uint, cuts ...int) (parts []packet.Template) {
	from := 0
	for _, to := range append(slices.Clone(cuts), len(Fragmentable(f))) {
		parts = append(parts, Part(f, id, from, to))
		from = to
	}
	return parts
}

// SplitEvery cuts a packet into fragments with n octets of data, a multiple of 8; the last may have fewer.
func SplitEvery(f *packet.Frame, id uint, n int) []packet.Template {
	var cuts []int
	for at := n; at < len(Fragmentable(f)); at += n {
		cuts = append(cuts, at)
	}
	return Split(f, id, cuts...)
}

// Atomic is a packet that is whole and has a Fragment header (RFC 6946).
func Atomic(f *packet.Frame, id uint) packet.Template {
	return Part(f, id, 0, len(Fragmentable(f)))
}

// ErrIncomplete says that fragments do not make a packet yet.
var ErrIncomplete = errors.New("fragments are missing")

// Join gives the data that fragments make, whatever their order: what Fragmentable gives of the whole packet. It is
// ErrIncomplete while some are missing, and another error when they contradict each other: they overlap or there are two
// ends.
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
		data = append(data, f.Body(FragmentProto)...)
		if more, _ := FragMore.Of(f); more == 0 {
			if i < len(sorted)-1 {
				return nil, fmt.Errorf("the fragment at octet %d is the last one, yet another one follows", start(f))
			}
			return data, nil
		}
	}
	return nil, ErrIncomplete
}

// Whole is the packet that fragments make, as if it had come in one frame: with the headers of the first fragment, without
// its Fragment header. Errors are those of Join.
func Whole(fragments []*packet.Frame) (*packet.Frame, error) {
	data, err := Join(fragments)
	if err != nil {
		return nil, err
	}
	first := slices.MinFunc(fragments, func(a, b *packet.Frame) int { return start(a) - start(b) })
	at := 40 // of what follows the IPv6 header
	for _, v := range first.Views() {
		if v.Name == Proto.Name() {
			at = v.At + 40
			break
		}
	}
	// The chain of headers up to the Fragment header; the one before it names what the latter carries.
	link, next := at-40+6, 0
	for kind := first.Bytes[link]; kind != NextFragment; {
		link = at + next
		kind = first.Bytes[link]
		next += 8 + 8*int(first.Bytes[link+1])
	}
	b := append(slices.Clone(first.Bytes[:at+next]), data...)
	b[link] = first.Bytes[at+next]
	binary.BigEndian.PutUint16(b[at-40+4:], uint16(next+len(data)))
	return packet.Dissect(first.Link, b), nil
}

// start is where a fragment's data belongs, in octets.
func start(f *packet.Frame) int {
	offset, _ := FragOffset.Of(f)
	return int(offset) * 8
}
