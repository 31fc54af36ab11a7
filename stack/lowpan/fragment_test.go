package lowpan_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/lowpan"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
	codec "github.com/conform-stack/conform/stack/wire/lowpan"
)

// datagram is one of n octets between A and B, with octets that tell where they stand.
func datagram(n int) []byte {
	b := ipv6.Append(nil, ipv6.Header{
		NextHeader: 99, HopLimit: 64, PayloadLen: uint16(n - 40),
		Src: ipv6.MustParseAddr("fe80::a"), Dst: ipv6.MustParseAddr("fe80::b"),
	})
	for i := len(b); i < n; i++ {
		b = append(b, byte(i/8), byte(i))
		i++
	}
	return b[:n]
}

// cut cuts a datagram at offsets. The first fragment is not compressed.
func cut(b []byte, tag uint16, at ...int) (all []frame) {
	from := 0
	for _, to := range append(at, len(b)) {
		h := codec.Fragment{First: from == 0, Size: uint16(len(b)), Tag: tag, Offset: uint16(from)}
		f := codec.AppendFragment(nil, h)
		if h.First {
			f = append(f, 0x41)
		}
		all = append(all, frame{longA, longB, append(f, b[from:to]...)})
		from = to
	}
	return all
}

// Each row gives some fragments of a datagram of 200 octets, cut at 48, 96 and 144, and others; and tells what is delivered.
func TestReassembly(t *testing.T) { // RFC 4944, 5.3
	b := datagram(200)
	parts := cut(b, 7, 48, 96, 144)
	part := func(from, to int) frame {
		h := codec.Fragment{Size: 200, Tag: 7, Offset: uint16(from)}
		return frame{longA, longB, append(codec.AppendFragment(nil, h), b[from:to]...)}
	}
	other := datagram(200)
	other[60] ^= 1
	changed := func(f frame, change func(p []byte)) frame {
		f.payload = bytes.Clone(f.payload)
		change(f.payload)
		return f
	}
	from := func(f frame, src, dst link.Addr) frame { f.src, f.dst = src, dst; return f }
	for _, tt := range []struct {
		name  string
		in    []frame
		want  int // datagrams
		drops map[stats.Drop]uint64
		left  int // in reassembly after that
	}{
		{name: "in order", in: parts, want: 1},
		{name: "backwards", in: []frame{parts[3], parts[2], parts[1], parts[0]}, want: 1},
		{name: "one missing", in: parts[:3], left: 1},
		{name: "the first missing", in: parts[1:], left: 1},
		{name: "each twice", in: []frame{parts[0], parts[0], parts[1], parts[1], parts[2], parts[2], parts[3]}, want: 1,
			drops: map[stats.Drop]uint64{stats.FragInvalid: 3}},
		{name: "an overlap makes what came before void", in: []frame{parts[0], parts[1], part(56, 104), parts[2], parts[3]},
			drops: map[stats.Drop]uint64{stats.FragInvalid: 2}, left: 1},
		{name: "and begins anew with the last one", in: []frame{parts[1], part(56, 104), part(104, 200), cut(b, 7, 56)[0]}, want: 1,
			drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "the same place, shorter", in: []frame{parts[1], part(48, 88), part(88, 200), parts[0]}, want: 1,
			drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "the same place, longer", in: []frame{parts[1], part(48, 104), part(104, 200), parts[0]}, want: 1,
			drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "two fragments' place", in: []frame{parts[1], parts[2], part(48, 144), part(144, 200), parts[0]}, want: 1,
			drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "half of one", in: []frame{part(48, 144), parts[1], parts[2], parts[3], parts[0]}, want: 1,
			drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "the tag is used again, for other octets", in: append(append(parts[:3:3], cut(other, 7, 48, 96, 144)[1:]...), parts[0]), want: 1,
			drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "for another size", in: append(parts[:3:3], cut(datagram(208), 7, 48, 96)...), want: 1, left: 1},
		{name: "another tag", in: []frame{parts[0], parts[1], cut(b, 8, 48, 96, 144)[2], parts[3]}, left: 2},
		{name: "another source", in: []frame{parts[0], parts[1], from(parts[2], longC, longB), parts[3]}, left: 2},
		{name: "another destination", in: []frame{parts[0], parts[1], from(parts[2], longA, lowpan.Broadcast), parts[3]}, left: 2},
		{name: "of no whole number of units", in: []frame{part(48, 95)}, drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "a first one of no whole number of units", in: []frame{cut(b, 7, 49)[0]}, drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "beyond the size", in: []frame{changed(parts[3], func(p []byte) { p[4]++ })}, drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "a later one at offset 0", in: []frame{changed(parts[1], func(p []byte) { p[4] = 0 })}, drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "without data", in: []frame{changed(frame{longA, longB, parts[3].payload[:5]}, func([]byte) {})}, drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "a first one without data", in: []frame{{longA, longB, parts[0].payload[:5]}}, drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "a first one without a dispatch", in: []frame{{longA, longB, parts[0].payload[:4]}}, drops: map[stats.Drop]uint64{stats.LowpanInvalid: 1}},
		{name: "a header that is cut", in: []frame{{longA, longB, parts[3].payload[:4]}}, drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "of a datagram of 39 octets", in: []frame{changed(parts[1], func(p []byte) { p[1] = 39 })}, drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "of one above the MTU", in: []frame{changed(parts[1], func(p []byte) { binary.BigEndian.PutUint16(p, 0xe000|1281) })},
			drops: map[stats.Drop]uint64{stats.FragInvalid: 1}},
		{name: "a fragment within a fragment", in: []frame{{longA, longB, append(codec.AppendFragment(nil, codec.Fragment{First: true, Size: 200}), parts[0].payload...)}},
			drops: map[stats.Drop]uint64{stats.LowpanUnknown: 1}},
	} {
		s := newStation(t, clock.New(), settings(t, nil), longB)
		for _, f := range tt.in {
			s.input(f)
		}
		got := s.took()
		if len(got) != tt.want || s.a.Reassembling() != tt.left {
			t.Errorf("%s: %d datagrams, %d in reassembly; want %d and %d", tt.name, len(got), s.a.Reassembling(), tt.want, tt.left)
		}
		for _, g := range got {
			if !bytes.Equal(g, b) && !bytes.Equal(g, other) && !bytes.Equal(g, datagram(208)) {
				t.Errorf("%s: %x", tt.name, g)
			}
		}
		for d := range stats.NumDrops {
			if s.stats.Drops[d] != tt.drops[d] {
				t.Errorf("%s: %d drops for %v, want %d", tt.name, s.stats.Drops[d], d, tt.drops[d])
			}
		}
	}
}

// Fragments of many senders may come in any order among each other.
func TestInterleaved(t *testing.T) {
	s := newStation(t, clock.New(), settings(t, func(c *config.Lowpan) { c.Reassemblies = 8 }), longB)
	var all []frame
	for i := range 8 {
		src := link.AddrFrom2([2]byte{1, byte(i)})
		for _, f := range cut(datagram(1280), uint16(i%2), 96, 400, 800, 1200) {
			all = append(all, frame{src, longB, f.payload})
		}
	}
	r := testRandom()
	r.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	for _, f := range all {
		s.input(f)
	}
	if got := s.took(); len(got) != 8 || s.stats.Dropped() != 0 {
		t.Errorf("%d of 8 datagrams, %d drops", len(got), s.stats.Dropped())
	}
}

// The time of a datagram begins with its first fragment, and ends both ways on its instant.
func TestReassemblyTime(t *testing.T) {
	l := clock.New()
	s := newStation(t, l, settings(t, func(c *config.Lowpan) { c.ReassemblyTime = 10 * time.Second }), longB)
	parts := cut(datagram(200), 7, 48, 96)
	run := func(at time.Duration) {
		if err := l.Run(at); err != nil {
			t.Fatal(err)
		}
	}
	s.input(parts[0])
	run(5 * time.Second)
	s.input(parts[1])
	run(10*time.Second - 1)
	s.input(parts[2])
	if got := s.took(); len(got) != 1 {
		t.Fatal("not complete a nanosecond before the end")
	}
	s.input(parts[0])
	s.input(parts[1])
	run(20*time.Second - 1)
	s.input(parts[2])
	if got := s.took(); len(got) != 0 || s.stats.Drops[stats.FragTimeout] != 1 || s.a.Reassembling() != 1 {
		t.Errorf("%d datagrams after the end, %d time-outs, %d in reassembly", len(got), s.stats.Drops[stats.FragTimeout], s.a.Reassembling())
	}
	s.a.Flush()
	if s.a.Reassembling() != 0 {
		t.Error("fragments are left when the station leaves its network")
	}
}

// Whatever comes, what is kept is bounded, and a sender takes nothing from others but what is beyond their number.
func TestFloodsOfFragments(t *testing.T) {
	c := settings(t, func(c *config.Lowpan) { c.Reassemblies, c.SenderShare = 4, 2 })
	s := newStation(t, clock.New(), c, longB)
	b := datagram(1280)
	honest := cut(b, 1, 96, 1200)
	s.input(honest[0])
	for tag := range 1000 { // one sender, ever new tags
		s.input(frame{longC, longB, cut(b, uint16(tag), 96, 192)[tag%3].payload})
	}
	if n := s.a.Reassembling(); n != 3 || s.pool.InUse() != 3 {
		t.Errorf("%d datagrams in reassembly, %d packets in use", n, s.pool.InUse())
	}
	s.input(honest[1])
	s.input(honest[2])
	if got := s.took(); len(got) != 1 || !bytes.Equal(got[0], b) {
		t.Errorf("%d datagrams of the other sender", len(got))
	}
	for i := range 1000 { // ever new senders
		s.input(frame{link.AddrFrom2([2]byte{byte(i >> 8), byte(i)}), longB, cut(b, 1, 96, 192)[i%3].payload})
	}
	if n := s.a.Reassembling(); n != 4 || s.pool.InUse() != 4 {
		t.Errorf("%d datagrams in reassembly, %d packets in use", n, s.pool.InUse())
	}
	if s.stats.Drops[stats.FragEvicted] != 998+998 {
		t.Errorf("%d gave way", s.stats.Drops[stats.FragEvicted])
	}
}

// What is sent in fragments keeps the rules of RFC 4944, 5.3 and RFC 6282, 2.
func TestFragmentsThatAreSent(t *testing.T) {
	s := newStation(t, clock.New(), settings(t, nil), longA)
	u := ipv6.Append(nil, ipv6.Header{NextHeader: wire.UDP, HopLimit: 64, Src: ipv6.MustParseAddr("fe80::a"), Dst: ipv6.MustParseAddr("fe80::b")})
	u = append(u, 0xf0, 0xb1, 0xf0, 0xb2, 0, 0, 0xab, 0xcd)
	u = append(u, make([]byte, 700)...)
	ipv6.Seal(u)
	binary.BigEndian.PutUint16(u[44:], 708)
	tag := -1
	for range 3 {
		at := 0
		frames := s.output(u, longB)
		for i, f := range frames {
			h, data, err := codec.ParseFragment(f.payload)
			if err != nil || h.First != (i == 0) || int(h.Offset) != at || int(h.Size) != len(u) || len(f.payload) > s.Room(f.src, f.dst) {
				t.Fatalf("fragment %d: %v of %d octets, %v", i, h, len(f.payload), err)
			}
			if tag < 0 {
				tag = int(h.Tag)
			}
			if int(h.Tag) != tag {
				t.Errorf("tag %d, want %d: one more for each datagram", h.Tag, tag)
			}
			if i == 0 {
				data = data[2+4:] // IPHC and UDP's NHC, with all left out that can be
				at = 48
			}
			if i < len(frames)-1 && (at+len(data))%8 != 0 {
				t.Errorf("fragment %d ends at %d", i, at+len(data))
			}
			if !bytes.Equal(data, u[at:at+len(data)]) {
				t.Errorf("fragment %d: %x", i, data)
			}
			at += len(data)
		}
		if at != len(u) || len(frames) < 8 {
			t.Errorf("%d octets in %d fragments", at, len(frames))
		}
		tag = (tag + 1) & 0xffff
	}
	if got := s.stats.Lowpan; got.Fragmented != 3 || got.Sent != 3 || got.FragmentsSent%3 != 0 {
		t.Errorf("%+v", got)
	}
}

// A packet that would not fit as it is, and does compressed, is one frame; one octet more is not.
func TestJustFits(t *testing.T) {
	s := newStation(t, clock.New(), settings(t, nil), longA)
	room := s.Room(longA, longB)
	for n, want := range map[int]int{40 + room - 3: 1, 40 + room - 2: 2} { // an IPHC of 3 octets
		if got := s.output(datagram(n), longB); len(got) != want {
			t.Errorf("a datagram of %d octets goes out in %d frames, want %d", n, len(got), want)
		}
	}
}

// A header that does not fit whole into the first fragment is not compressed; and where there is hardly any room at all,
// nothing is sent.
func TestLongHeaders(t *testing.T) {
	b := ipv6.Append(nil, ipv6.Header{NextHeader: wire.DestOpts, HopLimit: 64, Src: ipv6.MustParseAddr("fe80::a"), Dst: ipv6.MustParseAddr("fe80::b")})
	for range 3 {
		b = ipv6.AppendOptions(b, ipv6.OptionsHeader{Next: wire.DestOpts, Options: ipv6.Options(nil).Append(0x1e, make([]byte, 60)).Pad()})
	}
	b = append(b, make([]byte, 100)...)
	ipv6.Seal(b)
	b[40+2*64] = byte(wire.NoNext)
	for room := 0; room < 140; room++ {
		l := clock.New()
		s, peer := newStation(t, l, settings(t, nil), longA), newStation(t, l, settings(t, nil), longB)
		s.room = room + 16
		frames := s.output(b, longB)
		if len(frames) == 0 {
			if room >= 40 || s.stats.Drops[stats.IPTooBig] != 1 {
				t.Errorf("room for %d: nothing is sent", room)
			}
			continue
		}
		slices.Reverse(frames)
		for _, f := range frames {
			if len(f.payload) > room {
				t.Errorf("room for %d: %d octets", room, len(f.payload))
			}
			peer.input(f)
		}
		if got := peer.took(); len(got) != 1 || !bytes.Equal(got[0], b) {
			t.Errorf("room for %d: %d datagrams of %d fragments", room, len(got), len(frames))
		}
	}
}

// Without memory for all fragments none is sent.
func TestNoMemoryForFragments(t *testing.T) {
	s := newStation(t, clock.New(), settings(t, nil), longA)
	var held []interface{ Free() }
	for s.pool.InUse() < 1024-6 {
		held = append(held, s.pool.Get(0, 1))
	}
	if got := s.output(datagram(1280), longB); len(got) != 0 || s.stats.Drops[stats.NoBuffer] != 1 {
		t.Errorf("%d fragments, %d drops", len(got), s.stats.Drops[stats.NoBuffer])
	}
	for _, p := range held {
		p.Free()
	}
}

// A link that gives up a fragment can tell which others are of no use then: those of the same packet, in a mesh of the same
// originator.
func TestPartsOfAPacket(t *testing.T) {
	for _, meshed := range []bool{false, true} {
		a := newStation(t, clock.New(), settings(t, nil), longA)
		if meshed {
			a.a.SetForwarder(longC)
		}
		ids := map[uint64]bool{}
		for range 3 {
			var id uint64
			for i, f := range a.output(datagram(400), longB) {
				got, first := a.a.PartOf(f.payload)
				if i == 0 {
					id = got
				}
				if got != id || got == 0 || first != (i == 0) {
					t.Errorf("fragment %d is part of %#x, first: %v; want %#x", i, got, first, id)
				}
			}
			ids[id] = true
		}
		if len(ids) != 3 {
			t.Errorf("3 packets have %d names", len(ids))
		}
		if id, _ := a.a.PartOf(a.output(datagram(60), longB)[0].payload); id != 0 {
			t.Errorf("a whole packet is part of %#x", id)
		}
		same, _ := a.a.PartOf(codec.AppendFragment(codec.AppendMesh(nil, codec.Mesh{Originator: longA, Final: longB, HopsLeft: 3}), codec.Fragment{Size: 400, Tag: 1, Offset: 8}))
		other, _ := a.a.PartOf(codec.AppendFragment(codec.AppendMesh(nil, codec.Mesh{Originator: longC, Final: longB, HopsLeft: 3}), codec.Fragment{Size: 400, Tag: 1, Offset: 8}))
		if same == other {
			t.Error("packets of two originators have one name")
		}
	}
}

// A pool that holds as many packets as there are fragments is enough to send them; one that holds one less sends none.
func TestFragmentsFillThePool(t *testing.T) {
	for missing := range 2 {
		a := newStation(t, clock.New(), settings(t, nil), longA)
		want := len(a.output(datagram(1280), longB))
		a.pool = packet.NewPool(packet.Limits{Packets: want - missing})
		a.a = lowpan.New(settings(t, nil), lowpan.Env{Loop: a.loop, Rx: a.pool, Tx: a.pool, Stats: &a.stats, Random: testRandom(), Headroom: headroom}, a)
		sent := a.output(datagram(1280), longB)
		if missing > 0 {
			if len(sent) != 0 {
				t.Errorf("%d fragments with room for %d", len(sent), want-1)
			}
			a.wantDrop(stats.NoBuffer, 1)
			continue
		}
		b := newStation(t, clock.New(), settings(t, nil), longB)
		for _, f := range sent {
			b.input(f)
		}
		if got := b.took(); len(sent) != want || len(got) != 1 || !bytes.Equal(got[0], datagram(1280)) {
			t.Errorf("%d fragments make %d packets", len(sent), len(got))
		}
	}
}
