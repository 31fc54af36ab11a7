package rfc4944

import (
	"fmt"
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
)

// Fragments that the target sends: section 5.3. It is asked for them by an echo whose answer fits into no frame.

// pieces are the fragments that the target has sent, in the order in which they came.
func pieces(lan *probe.Tester) (all []lowpan.Piece) {
	for _, f := range lan.Seen(ieee802154.Data()) {
		if p, ok := lowpan.PieceOf(f); ok {
			all = append(all, p)
		}
	}
	return all
}

// answered has the target answer an echo with n octets of data, and gives the fragments of the answer.
func answered(lan *probe.Tester, n int, reqs ...string) []lowpan.Piece {
	before := len(pieces(lan))
	request, _ := ping(lan, n)
	// Frames are looked at as they are: a check of what is wrong with fragments cannot wait for the packet that they make.
	lan.Ask(request, lowpan.AnyFirst(), probe.For(reqs...), probe.Because("the answer fits into no frame"))
	lan.Wait(settles)
	return pieces(lan)[before:]
}

// shorter is a fragment that ends before it should.
func shorter(f *packet.Frame) [][]byte {
	b := slices.Clone(f.Bytes[:len(f.Bytes)-6])
	return [][]byte{resealed(append(b, 0, 0))}
}

// resealed mends the FCS.
func resealed(b []byte) []byte {
	sum := ieee802154.Sum(b[:len(b)-2])
	b[len(b)-2], b[len(b)-1] = byte(sum), byte(sum>>8)
	return b
}

// fragmentAt is where the fragment header of a frame begins in its octets.
func fragmentAt(f *packet.Frame) (at int) {
	f.Layers(func(p *packet.Proto, from int, _, _ []byte) {
		if p == lowpan.Frag1Proto || p == lowpan.FragNProto {
			at = from
		}
	})
	return at
}

// firstAsLater and laterAsFirst are fragments with the header of the other kind.
func firstAsLater(f *packet.Frame) [][]byte {
	at := fragmentAt(f)
	b := slices.Insert(slices.Clone(f.Bytes), at+4, 0)
	b[at] |= 0x20
	return [][]byte{resealed(b)}
}

func laterAsFirst(f *packet.Frame) [][]byte {
	at := fragmentAt(f)
	b := slices.Delete(slices.Clone(f.Bytes), at+4, at+5)
	b[at] &^= 0x20
	return [][]byte{resealed(b)}
}

// oversized is a fragment that tells 8 octets more than the packet has.
func oversized(f *packet.Frame) [][]byte {
	at := fragmentAt(f)
	b := slices.Clone(f.Bytes)
	n := uint(b[at]&7)<<8 | uint(b[at+1]) + 8
	b[at], b[at+1] = b[at]&^7|byte(n>>8), byte(n)
	return [][]byte{resealed(b)}
}

// everySecondTag is a fragment whose tag goes up by two.
func everySecondTag(f *packet.Frame) [][]byte {
	at := fragmentAt(f)
	b := slices.Clone(f.Bytes)
	n := 2 * (uint(b[at+2])<<8 | uint(b[at+3]))
	b[at+2], b[at+3] = byte(n>>8), byte(n)
	return [][]byte{resealed(b)}
}

// stuckTag is a fragment whose tag never gets to 0.
func stuckTag(f *packet.Frame) [][]byte {
	at := fragmentAt(f)
	b := slices.Clone(f.Bytes)
	b[at+2] |= 0x80
	return [][]byte{resealed(b)}
}

var anyFragment = ieee802154.Data() // of the target: inFragment leaves those alone that are in no fragment

// inFragment applies a change to fragments only.
func inFragment(change func(*packet.Frame) [][]byte) func(*packet.Frame) [][]byte {
	return func(f *packet.Frame) [][]byte {
		if fragmentAt(f) == 0 {
			return [][]byte{f.Bytes}
		}
		return change(f)
	}
}

func init() {
	const (
		fits, cut, eight, first = "RFC4944:5.3-1", "RFC4944:5.3-2", "RFC4944:5.3-3", "RFC4944:5.3-4"
		later, same, size, tag  = "RFC4944:5.3-5", "RFC4944:5.3-6", "RFC4944:5.3-7", "RFC4944:5.3-8"
		next, offset            = "RFC4944:5.3-9", "RFC4944:5.3-11"
	)
	suite.It("frag.sent.none", "a packet that fits into one frame has no fragment header",
		check.Proves(fits, mutate.SendsAs(icmpv6.EchoReply(), "as its only fragment", func(f *packet.Frame) [][]byte {
			body := lowpan.EncodedOf(f)
			at := len(f.Bytes) - 2 - len(body)
			n := len(f.Packet())
			b := slices.Concat(f.Bytes[:at], []byte{0xc0 | byte(n>>8), byte(n), 0, 1}, body, []byte{0, 0})
			return [][]byte{resealed(b)}
		})),
		func(p *probe.P) {
			lan := p.IPv6()
			request, reply := ping(lan, 16)
			lan.Ask(request, reply)
			p.That(fits, "fragments of a packet of 64 octets", len(pieces(lan)), gomega.Equal(0))
		})

	check.Grid(suite, "frag.sent", "a packet that does not fit goes in fragments of 8 octets each that make it up",
		check.Proves(cut, mutate.Missing(lowpan.AnyFirst())).
			And(eight, mutate.SendsAs(lowpan.AnyLater(lowpan.Offset.Where("below 15", func(v uint) bool { return v < 15 })), "4 octets shorter", shorter)).
			And(first, mutate.SendsAs(lowpan.AnyFirst(), "with the header of a later one", firstAsLater)).
			And(later, mutate.SendsAs(lowpan.AnyLater(), "with the header of a first one", laterAsFirst)).
			And(same, mutate.Field(lowpan.AnyLater(), lowpan.FragNSize.Is(1281))).
			And(size, mutate.SendsAs(anyFragment, "8 octets larger than it is", inFragment(oversized))).
			And(tag, mutate.Field(lowpan.AnyLater(), lowpan.FragNTag.Is(0x4242))).
			And(offset, mutate.Shifts(lowpan.AnyLater(), lowpan.Offset, 1)),
		[]int{120, 200, 500, 1000, 1232},
		func(p *probe.P, n int) {
			lan := p.IPv6()
			ps := answered(lan, n, cut, first)
			heads := slices.DeleteFunc(slices.Clone(ps), func(p lowpan.Piece) bool { return !p.First })
			p.That(first, "first fragments of a packet", len(heads), gomega.Equal(1))
			p.That(later, "fragments that are not the first", len(ps)-len(heads), gomega.BeNumerically(">=", 1))
			if len(heads) == 0 {
				return
			}
			head := heads[0]
			p.That(size, "datagram_size", head.Size, gomega.Equal(uint(40+8+n)))
			at := 0
			slices.SortFunc(ps, func(a, b lowpan.Piece) int { return a.From - b.From })
			for i, f := range ps {
				p.That(same, "datagram_size", f.Size, gomega.Equal(head.Size))
				p.That(tag, "datagram_tag", f.Tag, gomega.Equal(head.Tag))
				p.That(offset, fmt.Sprintf("offset of fragment %d", i), f.From, gomega.Equal(at))
				if i < len(ps)-1 {
					p.That(eight, fmt.Sprintf("octets of fragment %d beyond a multiple of 8", i), (f.To-f.From)%8, gomega.Equal(0))
				}
				at = f.To
			}
			p.That(offset, "the end of the last fragment", at, gomega.Equal(40+8+n))
		})

	suite.It("frag.sent.tags", "the tag goes up by one with each packet in fragments",
		check.Proves(next, mutate.SendsAs(anyFragment, "with every second tag", inFragment(everySecondTag))),
		func(p *probe.P) {
			lan := p.IPv6()
			last := answered(lan, 150, next)[0].Tag
			for range 3 {
				tag := answered(lan, 150, next)[0].Tag
				p.That(next, "datagram_tag", tag, gomega.Equal((last+1)&0xffff))
				last = tag
			}
		})

	suite.It("frag.sent.tags.wrap", "the tag goes from 65535 to 0",
		check.Proves("RFC4944:5.3-10", mutate.SendsAs(anyFragment, "with tags that begin anew at 32768", inFragment(stuckTag))).Slow(),
		func(p *probe.P) {
			const req = "RFC4944:5.3-10"
			lan := p.IPv6()
			request, _ := ping(lan, 60) // compressed it fits into no frame either
			last := answered(lan, 100, req)[0].Tag
			for range 1 << 16 {
				lan.Forget()
				f := lan.Ask(request, lowpan.AnyFirst(), probe.For(req))
				tag, _ := lowpan.Frag1Tag.Of(f)
				if tag < last {
					p.That(req, "the tag behind 65535", []uint{last, tag}, gomega.Equal([]uint{65535, 0}))
					return
				}
				last = tag
			}
			p.Fail(req, probe.Value, "the tag has not begun anew in 65536 packets")
		})
}
