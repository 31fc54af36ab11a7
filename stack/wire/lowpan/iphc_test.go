package lowpan_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
	"github.com/conform-stack/conform/stack/wire/lowpan/lowpantest"
)

// The grid has two contexts, 0 with 64 bits and 5 with 72, and stations with an extended and a short address.
var grid = lowpantest.Network{ // never written
	Src: link.MustParseAddr("02:11:22:33:44:55:66:77"), Dst: link.MustParseAddr("be:ef"),
	Contexts: []lowpantest.Context{
		{ID: 0, Prefix: ipv6.MustParseAddr("2001:db8:1:2::"), Bits: 64, Compress: true},
		{ID: 5, Prefix: ipv6.MustParseAddr("2001:db8:3:4:5500::"), Bits: 72, Compress: true},
	},
}

// slowAddr reads an address as RFC 6282, 3.1.1 words it, with numbers of 128 bits. It takes octets of in, and is false for
// one that is reserved.
func slowAddr(in *[]byte, m, ac bool, mode int, ctx lowpantest.Context, iid uint64, source bool) (a ipv6.Addr, ok bool) {
	take := func(n int) []byte {
		b := (*in)[:n]
		*in = (*in)[n:]
		return b
	}
	switch {
	case m && ac:
		if mode != 0 {
			return a, false
		}
		x := take(6)
		return ipv6.Addr([]byte{0xff, x[0], x[1], ctx.Bits, ctx.Prefix[0], ctx.Prefix[1], ctx.Prefix[2], ctx.Prefix[3],
			ctx.Prefix[4], ctx.Prefix[5], ctx.Prefix[6], ctx.Prefix[7], x[2], x[3], x[4], x[5]}), true
	case m:
		switch mode {
		case 0:
			return ipv6.Addr(take(16)), true
		case 1:
			x := take(6)
			return ipv6.Addr{0: 0xff, 1: x[0], 11: x[1], 12: x[2], 13: x[3], 14: x[4], 15: x[5]}, true
		case 2:
			x := take(4)
			return ipv6.Addr{0: 0xff, 1: x[0], 13: x[1], 14: x[2], 15: x[3]}, true
		default:
			return ipv6.Addr{0: 0xff, 1: 2, 15: take(1)[0]}, true
		}
	case !ac && mode == 0:
		return ipv6.Addr(take(16)), true
	case ac && mode == 0:
		return a, source
	}
	switch mode {
	case 1:
		iid = binary.BigEndian.Uint64(take(8))
	case 2:
		iid = 0x000000fffe000000 | uint64(binary.BigEndian.Uint16(take(2)))
	}
	v := new(big.Int).SetUint64(iid)
	prefix, bits := ipv6.LinkLocal, 64
	if ac {
		prefix, bits = ctx.Prefix, int(ctx.Bits)
	}
	covered := new(big.Int).SetBytes(prefix[:])
	for bit := range 128 { // bits covered by the context are always used
		if bit < bits {
			v.SetBit(v, 127-bit, covered.Bit(127-bit))
		}
	}
	v.FillBytes(a[:])
	return a, true
}

// All 8,192 encodings: the legal ones expand to what the slow reader says, the others are refused.
func TestGrid(t *testing.T) {
	s := grid.Surroundings()
	src, _ := lowpan.InterfaceID(grid.Src)
	dst, _ := lowpan.InterfaceID(grid.Dst)
	legal := 0
	for e := range 1 << 13 {
		frame := []byte{0x60 | byte(e>>8), byte(e)}
		tf, nh, hlim, cid := e>>11&3, e>>10&1 != 0, e>>8&3, e>>7&1 != 0
		sac, sam, m, dac, dam := e>>6&1 != 0, e>>4&3, e>>3&1 != 0, e>>2&1 != 0, e&3
		sctx, dctx := grid.Contexts[0], grid.Contexts[0]
		if cid {
			frame = append(frame, 0x50)
			sctx = grid.Contexts[1]
		}
		inline := make([]byte, 60)
		for i := range inline {
			inline[i] = byte(0x11 + 7*i)
		}
		if nh { // what is named is a UDP header in line, wherever it comes to stand
			for i := range inline {
				inline[i] = 0xf0
			}
		}
		rest := inline
		h := ipv6.Header{HopLimit: []uint8{0, 1, 64, 255}[hlim], NextHeader: wire.UDP}
		switch tf {
		case 0:
			h.TrafficClass = rest[0]<<2 | rest[0]>>6
			h.FlowLabel = uint32(rest[1])&15<<16 | uint32(rest[2])<<8 | uint32(rest[3])
			rest = rest[4:]
		case 1:
			h.TrafficClass = rest[0] >> 6
			h.FlowLabel = uint32(rest[0])&15<<16 | uint32(rest[1])<<8 | uint32(rest[2])
			rest = rest[3:]
		case 2:
			h.TrafficClass = rest[0]<<2 | rest[0]>>6
			rest = rest[1:]
		}
		if !nh {
			h.NextHeader = wire.Protocol(rest[0])
			rest = rest[1:]
		}
		if hlim == 0 {
			h.HopLimit = rest[0]
			rest = rest[1:]
		}
		ok1, ok2 := false, false
		h.Src, ok1 = slowAddr(&rest, false, sac, sam, sctx, src, true)
		h.Dst, ok2 = slowAddr(&rest, m, dac, dam, dctx, dst, false)
		used := len(inline) - len(rest)
		frame = append(frame, inline...)
		got, r, err := expand(frame, &s)
		if !ok1 || !ok2 {
			if !errors.Is(err, lowpan.ErrUnknown) {
				t.Errorf("%x is reserved: %x, %v", frame[:2], got, err)
			}
			continue
		}
		legal++
		if err != nil {
			t.Fatalf("%x: %v", frame, err)
		}
		n := len(inline) - used
		if nh {
			n += 8 - 7 // f0, four octets of ports and two of checksum
		}
		h.PayloadLen = uint16(n)
		parsed, _, _ := ipv6.Parse(got)
		if parsed != h || len(got) != 40+n || r.Took != len(frame)-len(inline)+used+map[bool]int{true: 7}[nh] {
			t.Fatalf("%x\n got %v (%d octets, took %d)\nwant %v (%d octets)", frame, parsed, len(got), r.Took, h, 40+n)
		}
		for cut := range r.Took {
			if _, _, err := expand(frame[:cut], &s); err == nil {
				t.Errorf("%x, cut to %d of the %d octets of its headers, is taken", frame, cut, r.Took)
			}
		}
	}
	if legal != 8192/16*12 { // 4 of the 16 modes of the destination are reserved
		t.Errorf("%d encodings are legal", legal)
	}
}

// No encoding of a header is shorter than the one that Compress finds, of all that expand to it.
func TestShortest(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	src := [...]int{16, 8, 2, 0, 0, 8, 2, 0}
	dst := [...]int{16, 8, 2, 0, -1, 8, 2, 0, 16, 6, 4, 1, 6, -1, -1, -1}
	for range 200 {
		n := lowpantest.Random(r)
		s := n.Surroundings()
		h := ipv6.Header{NextHeader: 99, HopLimit: 64, Src: n.Unicast(r, n.Src), Dst: n.Unicast(r, n.Dst)}
		if r.IntN(2) == 0 {
			h.Dst = n.Group(r)
		}
		b := ipv6.Append(nil, h)
		var room [41]byte
		k, _ := lowpan.Compress(room[:], b, &s, lowpan.Options{})
		best := 1000
		may := map[uint8]bool{}
		for _, c := range n.Contexts {
			may[c.ID] = c.Compress
		}
		group := h.Dst[0] == 0xff
		for ids := -1; ids < 256; ids++ {
			sci, dci := uint8(0), uint8(0)
			if ids >= 0 {
				sci, dci = uint8(ids>>4), uint8(ids&15)
			}
			for si := range src {
				if si > 4 && !may[sci] {
					continue
				}
				for di := range dst {
					stateful := di&4 != 0
					if dst[di] < 0 || di >= 8 != group || stateful && !may[dci] {
						continue
					}
					frame := []byte{0x7a, byte(si<<4 | di)}
					if ids >= 0 {
						frame[1] |= 0x80
						frame = append(frame, byte(ids))
					}
					frame = append(frame, 99)
					frame = append(frame, h.Src[16-src[si]:]...)
					a := h.Dst
					switch di {
					case 9, 10:
						frame = append(append(frame, a[1]), a[17-dst[di]:]...)
					case 12:
						frame = append(append(frame, a[1], a[2]), a[12:]...)
					default:
						frame = append(frame, a[16-dst[di]:]...)
					}
					if len(frame) >= best {
						continue
					}
					if got, _, err := expand(frame, &s); err == nil && bytes.Equal(got, b) {
						best = len(frame)
					}
				}
			}
		}
		if k != best {
			t.Errorf("%v of %+v\ncompressed to %d octets: %x\nwhat is shortest has %d", h, n, k, room[:k], best)
		}
	}
}

// What a payload may begin with, by its page.
func TestDispatch(t *testing.T) { // RFC 4944, 5.1; RFC 8025, 4; RFC 8066, 3.1
	iphc := "7a33 3b"
	s := lowpan.Surroundings{Src: grid.Src, Dst: grid.Dst}
	for _, tt := range []struct {
		frame string
		ok    bool
	}{
		{iphc, true},
		{"f1" + iphc, true},
		{"f0" + iphc, true},
		{"f1f0" + iphc, true},
		{"f0f1f1" + iphc, true},
		{"f2" + iphc, false},
		{"ff" + iphc, false},
		{"f2f1" + iphc, true}, // a page ends where the next one begins
		{"f1", false},
		{"", false},
		{"f1 41 60", false}, // IPv6 as it is belongs to page 0
		{"f1 42 fb 40", false},
		{"f1 40 01", false},
		{"40 01" + iphc, false}, // no extension type is known
		{"40 ff" + iphc, false},
		{"41 60", true},
		{"00" + iphc, false},
		{"3f" + iphc, false},
		{"43" + iphc, false},
		{"4f" + iphc, false},
		{"50 01" + iphc, false}, // taken off before
		{"51" + iphc, false},
		{"5f" + iphc, false},
		{"b1 0001 0002" + iphc, false},
		{"c8" + iphc, false},
		{"e8" + iphc, false},
	} {
		if got, _, err := expand(octets(t, tt.frame), &s); err == nil != tt.ok {
			t.Errorf("%s: %x, %v", tt.frame, got, err)
		}
	}
	for b := range 256 { // in pages from 2 on there is nothing but another page
		for _, page := range []uint8{2, 14, 15} {
			if k := lowpan.KindOf(byte(b), page); k != lowpan.Reserved && k != lowpan.PageSwitch {
				t.Errorf("dispatch %02x is %v in page %d", b, k, page)
			}
		}
	}
}

// Elided addresses and contexts need what they are derived from.
func TestWhatIsNotKnown(t *testing.T) {
	full := grid.Surroundings()
	whole := full
	var c lowpan.Contexts
	c.Set(0, ipv6.MustParseAddr("2001:db8::77"), 128, true)
	whole.Src, whole.Contexts = link.Addr{}, &c
	noSrc, noContexts := full, full
	noSrc.Src = link.MustParseAddr("02:00:00:00:00:01")
	noContexts.Contexts = nil
	for _, tt := range []struct {
		name  string
		frame string
		s     *lowpan.Surroundings
		want  error
	}{
		{"all is known", "7a33 3b", &full, nil},
		{"no identifier from six octets", "7a33 3b", &noSrc, lowpan.ErrAddress},
		{"nor in a context", "7a73 3b", &noSrc, lowpan.ErrAddress},
		{"a context that covers all bits needs none", "7a73 3b", &whole, nil},
		{"context 0", "7a77 3b", &full, nil},
		{"context 5", "7af7 50 3b", &full, nil},
		{"context 1 as the source's", "7af7 10 3b", &full, lowpan.ErrContext},
		{"context 1 as the destination's", "7af7 51 3b", &full, lowpan.ErrContext},
		{"context 1 where none is used", "7ab3 11 3b", &full, nil},
		{"the unspecified address is of no context", "7ac3 10 3b", &full, nil},
		{"no contexts", "7a73 3b", &noContexts, lowpan.ErrContext},
		{"of a group", "7a3c 3b 050000000001", &noContexts, lowpan.ErrContext},
	} {
		if got, _, err := expand(octets(t, tt.frame), tt.s); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %x, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}

// Which context may compress, and that a change of prefix forgets the old one.
func TestContextsForgetAndOnlyExpand(t *testing.T) {
	h := ipv6.Header{NextHeader: 59, HopLimit: 64, Src: ipv6.MustParseAddr("2001:db8:1:2:1:2:3:4"), Dst: ipv6.AllNodes}
	b := ipv6.Append(nil, h)
	length := func(s *lowpan.Surroundings) int {
		var room [41]byte
		n, _ := lowpan.Compress(room[:], b, s, lowpan.Options{})
		return n
	}
	var c lowpan.Contexts
	s := &lowpan.Surroundings{Contexts: &c}
	for _, tt := range []struct {
		what string
		do   func()
		want int
	}{
		{"none", func() {}, 20},
		{"only expands", func() { c.Set(3, h.Src, 64, false) }, 20},
		{"compresses", func() { c.Set(3, h.Src, 64, true) }, 13},
		{"the default one spares an octet", func() { c.Set(0, h.Src, 64, true) }, 12},
		{"a longer one, of all bits", func() { c.Set(1, h.Src, 128, true) }, 5},
		{"gone", func() { c.Clear(1) }, 12},
		{"another prefix", func() { c.Set(0, ipv6.LinkLocal, 64, true) }, 13},
		{"only expands again", func() { c.Set(3, h.Src, 64, false) }, 20},
	} {
		tt.do()
		if got := length(s); got != tt.want {
			t.Errorf("%s: %d octets, want %d", tt.what, got, tt.want)
		}
	}
	for id := range uint8(16) {
		if c.Known(id) != (id == 0 || id == 3) {
			t.Errorf("context %d known: %v", id, c.Known(id))
		}
	}
}

func TestString(t *testing.T) {
	h, _, _ := lowpan.ParseIPHC(octets(t, "7a f7 53 3b"))
	for _, tt := range []struct{ got, want string }{
		{h.String(), "IPHC TF 3 NH false HLIM 2 SAC true SAM 3 M false DAC true DAM 3 contexts 5 3"},
		{fmt.Sprint(lowpan.Fragment{First: true, Size: 1280, Tag: 7}), "FRAG1 size 1280 tag 0x0007"},
		{fmt.Sprint(lowpan.Fragment{Size: 1280, Tag: 7, Offset: 96}), "FRAGN size 1280 tag 0x0007 offset 96"},
		{fmt.Sprint(lowpan.Mesh{Originator: grid.Dst, Final: grid.Src, HopsLeft: 3}), "mesh be:ef > 02:11:22:33:44:55:66:77 hops 3"},
		{fmt.Sprint(lowpan.Broadcast{Seq: 9}), "BC0 seq 9"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s, want %s", tt.got, tt.want)
		}
	}
}
