package replay

import (
	"bytes"
	"cmp"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"
)

// A message is what a host says at once. The fragments that an IPv6 packet is in on IEEE 802.15.4 are one, too; a packet
// that is cut twice, by IPv6 and by its link, is none.
type message struct {
	frame *packet.Frame   // as if it had come whole
	parts []*packet.Frame // as it came: one frame, or the fragments of a datagram in their order of arrival
}

// fragmentKey is what the fragments of one datagram have in common (RFC 791, 2.3).
type fragmentKey struct {
	src, dst     netip.Addr
	protocol, id uint
}

// reassembles is what the answer to a message in fragments shows.
func reassembles(f *packet.Frame) string {
	if _, ok := datagramOf(f); ok {
		return "RFC4944:5.3-12"
	}
	if f.Has(ipv6.Proto) {
		return "RFC8200:4.5-36"
	}
	return "RFC1122:3.2.1.4-1"
}

// An assembler turns frames into messages. The fragments of a datagram are one when all have come.
type assembler struct {
	partial map[fragmentKey][]*packet.Frame
	cut     map[datagramKey][]*packet.Frame // by the adaptation layer of the link
}

func newAssembler() *assembler {
	return &assembler{map[fragmentKey][]*packet.Frame{}, map[datagramKey][]*packet.Frame{}}
}

// add gives the message that f completes, nil when fragments are still to come.
func (a *assembler) add(f *packet.Frame) *message {
	if key, ok := datagramOf(f); ok {
		parts := append(a.cut[key], f)
		if !f.Derived() {
			a.cut[key] = parts
			return nil
		}
		delete(a.cut, key)
		return &message{f, parts}
	}
	if !isFragment(f) {
		return &message{f, []*packet.Frame{f}}
	}
	key := fragmentKeyOf(f)
	parts := append(a.partial[key], f)
	whole := join(parts)
	if whole == nil {
		a.partial[key] = parts
		return nil
	}
	delete(a.partial, key)
	return &message{whole, parts}
}

// unfinished are the fragments of datagrams that never became whole, in the order of their arrival.
func (a *assembler) unfinished() (fs []*packet.Frame) {
	for _, parts := range a.partial {
		fs = append(fs, parts...)
	}
	for _, parts := range a.cut {
		fs = append(fs, parts...)
	}
	slices.SortFunc(fs, func(x, y *packet.Frame) int { return cmp.Or(cmp.Compare(x.At, y.At), bytes.Compare(x.Bytes, y.Bytes)) })
	return fs
}

func isFragment(f *packet.Frame) bool {
	return moreFollows(f) || fragmentAt(f) > 0
}

// fragmentAt is where in the datagram's data the fragment begins, in octets.
func fragmentAt(f *packet.Frame) int {
	units, ok := ipv4.Offset.Of(f)
	if !ok {
		units, _ = ipv6.FragOffset.Of(f)
	}
	return int(units) * 8
}

func fragmentKeyOf(f *packet.Frame) (k fragmentKey) {
	k.src, k.dst = ends(f)
	if f.Has(ipv6.Proto) { // RFC 8200, 4.5: the protocol does not count
		k.id, _ = ipv6.FragID.Of(f)
		return k
	}
	k.protocol, _ = ipv4.Protocol.Of(f)
	k.id, _ = ipv4.ID.Of(f)
	return k
}

// moreFollows tells whether f is a fragment that is not the last.
func moreFollows(f *packet.Frame) bool {
	more, ok := ipv4.MF.Of(f)
	if !ok {
		more, _ = ipv6.FragMore.Of(f)
	}
	return more == 1
}

// ipProtos are the headers of datagrams.
var ipProtos = []*packet.Proto{ipv4.Proto, ipv6.Proto} // never written

// dataOf is what a datagram carries, or the part of it that a fragment has.
func dataOf(f *packet.Frame) []byte {
	if f.Has(ipv6.FragmentProto) {
		return f.Body(ipv6.FragmentProto)
	}
	return f.Body(network(f))
}

// head is the frame down to the end of the IP header, that of a fragment included, and tags of the link.
func head(f *packet.Frame) []byte {
	header := f.Header(network(f))
	if f.Has(ipv6.FragmentProto) {
		header = f.Header(ipv6.FragmentProto)
	}
	n := cap(f.Bytes) - cap(header) + len(header) // the header is a part of Bytes
	return f.Bytes[:n:n]
}

// join is the frame of the datagram that the fragments make, with the first one's header; nil while octets are missing.
func join(parts []*packet.Frame) *packet.Frame {
	inOrder := slices.Clone(parts)
	slices.SortStableFunc(inOrder, func(x, y *packet.Frame) int { return fragmentAt(x) - fragmentAt(y) })
	var data []byte
	ended := false
	for _, p := range inOrder {
		body := dataOf(p)
		at := fragmentAt(p)
		if at > len(data) {
			return nil
		}
		data = append(data, body[min(len(data)-at, len(body)):]...)
		ended = ended || !moreFollows(p)
	}
	first := inOrder[0]
	if first.Has(ipv6.Proto) {
		whole, err := ipv6.Whole(inOrder)
		if err != nil {
			return nil
		}
		whole.At = parts[len(parts)-1].At
		return whole
	}
	total := len(first.Header(ipv4.Proto)) + len(data)
	if !ended || total > 0xffff {
		return nil
	}
	header := packet.Dissect(first.Link, head(first)).Rewrite(ipv4.MF.Is(0), ipv4.TotalLength.Is(uint(total)))
	whole := packet.Dissect(first.Link, append(header, data...))
	whole.At = parts[len(parts)-1].At
	return whole
}
