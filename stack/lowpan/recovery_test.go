package lowpan_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
	codec "github.com/conform-stack/conform/stack/wire/lowpan"
)

// couple is two stations that recover fragments, and a way between them on which lose decides.
type couple struct {
	t    *testing.T
	a, b *station
	lose func(f frame) bool
	log  []frame // what was sent, lost or not
}

func newCouple(t *testing.T, change func(*config.Recovery)) *couple {
	l := clock.New()
	c := settings(t, func(c *config.Lowpan) {
		c.Recovery.Enabled = config.On
		c.Recovery.Gap = time.Millisecond
		if change != nil {
			change(&c.Recovery)
		}
	})
	return &couple{t: t, a: newStation(t, l, c, longA), b: newStation(t, l, c, longB), lose: func(frame) bool { return false }}
}

// run lets time pass, in steps of a millisecond, which a frame takes.
func (c *couple) run(d time.Duration) {
	c.t.Helper()
	for range d / time.Millisecond {
		if err := c.a.loop.Run(c.a.loop.Now() + time.Millisecond); err != nil {
			c.t.Fatal(err)
		}
		for _, way := range [][2]*station{{c.a, c.b}, {c.b, c.a}} {
			frames := way[0].sent
			way[0].sent = nil
			for _, f := range frames {
				c.log = append(c.log, f)
				if !c.lose(f) {
					way[1].input(f)
				}
			}
		}
	}
}

// sequences are those of the fragments that were sent, with 100 added where an acknowledgment was asked for.
func (c *couple) sequences() (all []int) {
	for _, f := range c.log {
		if h, _, err := codec.ParseRecoverable(f.payload); err == nil && h.Offset != 0 {
			n := int(h.Sequence)
			if h.AckRequest {
				n += 100
			}
			all = append(all, n)
		}
	}
	return all
}

func (c *couple) acknowledgments() (all []codec.Acknowledgment) {
	for _, f := range c.log {
		if h, _, err := codec.ParseAcknowledgment(f.payload); err == nil {
			all = append(all, h)
		}
	}
	return all
}

// fragment gives the RFRAG of a frame; ok is false for another one.
func fragment(f frame) (h codec.Recoverable, ok bool) {
	h, _, err := codec.ParseRecoverable(f.payload)
	return h, err == nil
}

func (c *couple) send(b []byte) {
	c.t.Helper()
	c.a.a.Output(c.a.pool.Copy(80, b), longB)
}

func (c *couple) wantDelivered(want ...[]byte) {
	c.t.Helper()
	if got := c.b.took(); !slices.EqualFunc(got, want, bytes.Equal) {
		c.t.Errorf("%d datagrams delivered, want %d of the right octets", len(got), len(want))
	}
}

func TestRecoveryWithoutLoss(t *testing.T) { // RFC 8931, 5.1, 6
	for n := 149; n <= 1280; n += 29 {
		c := newCouple(t, nil)
		b := datagram(n)
		c.send(b)
		c.run(100 * time.Millisecond)
		c.wantDelivered(b)
		var at, size int
		for i, f := range c.log[:len(c.log)-1] {
			h, ok := fragment(f)
			if !ok || int(h.Sequence) != i || h.AckRequest != (i == len(c.log)-2) || h.Congested {
				t.Fatalf("%d octets: frame %d is %v", n, i, h)
			}
			room := c.a.room - 16
			if i == 0 {
				size = int(h.Offset)
				room -= 8 // 4.1
			} else if int(h.Offset) != at {
				t.Errorf("%d octets: fragment %d is at %d, want %d", n, i, h.Offset, at)
			}
			if at += int(h.Size); len(f.payload) > room || len(f.payload) != int(h.Size)+6 {
				t.Errorf("%d octets: fragment %d has %d octets", n, i, len(f.payload))
			}
		}
		if at != size {
			t.Errorf("%d octets: the fragments have %d octets, the first one says %d", n, at, size)
		}
		acks := c.acknowledgments()
		if len(acks) != 1 || acks[0].Bitmap != codec.FullBitmap {
			t.Errorf("%d octets: %v", n, acks)
		}
	}
}

// Which fragments are lost the first time, and what is sent then.
func TestRecoverySendsAgainWhatWasLost(t *testing.T) { // RFC 8931, 6
	for _, tt := range []struct {
		name   string
		window int
		lost   []int
		want   []int
	}{
		{"nothing", 32, nil, []int{0, 1, 2, 103}},
		{"two in the middle, oldest first", 32, []int{1, 2}, []int{0, 1, 2, 103, 1, 102}},
		{"the last, after the time-out", 32, []int{3}, []int{0, 1, 2, 103, 103}},
		{"the last and one before", 32, []int{1, 3}, []int{0, 1, 2, 103, 103, 101}},
		{"windows of two", 2, nil, []int{0, 101, 2, 103}},
		{"windows of two: all once before any again", 2, []int{0 + 1}, []int{0, 101, 101, 2, 103}},
		{"windows of one", 1, nil, []int{100, 101, 102, 103}},
		{"windows of two, lost in the second", 2, []int{2}, []int{0, 101, 2, 103, 102}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCouple(t, func(r *config.Recovery) { r.Window = tt.window })
			lost := slices.Clone(tt.lost)
			c.lose = func(f frame) bool {
				h, ok := fragment(f)
				i := slices.Index(lost, int(h.Sequence))
				if !ok || i < 0 {
					return false
				}
				lost = slices.Delete(lost, i, i+1)
				return true
			}
			b := datagram(380)
			c.send(b)
			c.run(5 * time.Second)
			c.wantDelivered(b)
			if got := c.sequences(); !slices.Equal(got, tt.want) {
				t.Errorf("sent %v, want %v", got, tt.want)
			}
		})
	}
}

// Nobody answers: the fragment that asks is sent again, with growing time-outs, then the datagram from scratch, then it is
// given up; each attempt has its tag and ends with a reset.
func TestRecoveryGivesUp(t *testing.T) { // RFC 8931, 6, 6.3, 7.1
	c := newCouple(t, nil)
	c.lose = func(frame) bool { return true }
	c.send(datagram(380))
	c.run(60 * time.Second)
	if got, want := c.sequences(), []int{0, 1, 2, 103, 103, 103, 103, 0, 1, 2, 103, 103, 103, 103}; !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
	tags, resets := map[uint8]bool{}, 0
	for _, f := range c.log {
		h, _ := fragment(f)
		tags[h.Tag] = true
		if h.Offset == 0 {
			resets++
			if h != (codec.Recoverable{Tag: h.Tag}) {
				t.Errorf("a reset is %v", h)
			}
		}
	}
	if len(tags) != 2 || resets != 2 {
		t.Errorf("%d tags, %d resets", len(tags), resets)
	}
	c.a.wantDrop(stats.FragAborted, 1)
}

func TestRecoveryBearsLoss(t *testing.T) {
	c := newCouple(t, func(r *config.Recovery) { r.Retries, r.Restarts = 10, 10 })
	r := rand.New(rand.NewPCG(3, 4))
	c.lose = func(frame) bool { return r.IntN(100) < 20 }
	for range 20 {
		b := datagram(1280)
		c.send(b)
		c.run(60 * time.Second)
		c.wantDelivered(b)
	}
}

// What the receiving end answers to frames that the test makes. Tag 7; a datagram of 60 octets in fragments of 20.
func TestRecoveryAnswers(t *testing.T) {
	b := append([]byte{0x41}, datagram(59)...)
	part := func(seq uint8, x bool, at int) frame {
		h := codec.Recoverable{Tag: 7, AckRequest: x, Sequence: seq, Size: 20, Offset: uint16(at)}
		if seq == 0 {
			h.Offset = 60
		}
		return frame{longA, longB, append(codec.AppendRecoverable(nil, h), b[at:at+20]...)}
	}
	header := func(h codec.Recoverable) frame {
		h.Tag = 7
		return frame{longA, longB, append(codec.AppendRecoverable(nil, h), make([]byte, h.Size)...)}
	}
	congested := func(f frame) frame { f.payload[0] |= 1; return f }
	from := func(src link.Addr, f frame) frame { f.src = src; return f }
	const null, full = codec.NullBitmap, codec.FullBitmap
	for _, tt := range []struct {
		name string
		in   []frame
		want []uint32
		ecn  []bool
		got  int
	}{
		{"whole", []frame{part(0, false, 0), part(1, false, 20), part(2, true, 40)}, []uint32{full}, nil, 1},
		{"whole without being asked", []frame{part(0, false, 0), part(1, false, 20), part(2, false, 40)}, []uint32{full}, nil, 1},
		{"numbers tell no position", []frame{part(0, false, 0), part(9, false, 40), part(4, true, 20)}, []uint32{full}, nil, 1},
		{"one is missing", []frame{part(0, false, 0), part(2, true, 40)}, []uint32{0xa0000000}, nil, 0},
		{"once more, after it was whole", []frame{part(0, false, 0), part(1, false, 20), part(2, true, 40), part(1, true, 20), part(1, false, 20)}, []uint32{full, full}, nil, 1},
		{"not the first", []frame{part(1, false, 20)}, []uint32{null}, nil, 0},
		{"of another sender", []frame{part(0, false, 0), from(longC, part(1, false, 20))}, []uint32{null}, nil, 0},
		{"a reset", []frame{part(0, false, 0), header(codec.Recoverable{}), part(1, false, 20)}, []uint32{null}, nil, 0},
		{"a reset that asks", []frame{part(0, false, 0), header(codec.Recoverable{AckRequest: true, Sequence: 5})}, []uint32{null}, nil, 0},
		{"congestion is echoed once", []frame{congested(part(0, false, 0)), part(1, true, 20), part(1, true, 20)}, []uint32{0xc0000000, 0xc0000000}, []bool{true, false}, 0},
		{"too large", []frame{header(codec.Recoverable{Size: 20, Offset: 1282})}, []uint32{null}, nil, 0},
		{"behind the end", []frame{part(0, false, 0), header(codec.Recoverable{Sequence: 1, Size: 30, Offset: 40, AckRequest: true})}, nil, nil, 0},
		{"the tag is used again", []frame{header(codec.Recoverable{Size: 20, Offset: 100}), part(0, false, 0), part(1, false, 20), part(2, true, 40)}, []uint32{full}, nil, 1},
		{"overlapping", []frame{part(0, false, 0), part(1, false, 10), part(2, false, 25), part(3, true, 40)}, []uint32{full}, nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newCouple(t, nil)
			for _, f := range tt.in {
				c.b.input(f)
			}
			var got []uint32
			for i, f := range c.b.sent {
				h, rest, err := codec.ParseAcknowledgment(f.payload)
				if err != nil || h.Tag != 7 || len(rest) != 0 || f.src != longB || tt.ecn != nil && h.Congested != tt.ecn[i] {
					t.Errorf("answer %d: %v %x, %v", i, h, rest, err)
				}
				got = append(got, h.Bitmap)
			}
			if !slices.Equal(got, tt.want) || len(c.b.took()) != tt.got {
				t.Errorf("bitmaps %08x, want %08x, and %d datagrams", got, tt.want, tt.got)
			}
		})
	}
}

func TestRecoveryForgetsInTime(t *testing.T) { // RFC 8931, 6, 6.3
	c := newCouple(t, nil)
	first := codec.AppendRecoverable(nil, codec.Recoverable{Tag: 7, Size: 1, Offset: 60})
	c.b.input(frame{longA, longB, append(first, 0x41)})
	c.run(61 * time.Second)
	c.b.wantDrop(stats.FragTimeout, 1)
	if acks := c.acknowledgments(); len(acks) != 1 || acks[0].Bitmap != codec.NullBitmap {
		t.Errorf("a datagram that was given up: %v", acks)
	}
}

func TestRecoveryIsAborted(t *testing.T) { // RFC 8931, 6.3
	c := newCouple(t, nil)
	c.send(datagram(1280))
	c.run(3 * time.Millisecond)
	h, _ := fragment(c.log[0])
	null := codec.AppendAcknowledgment(nil, codec.Acknowledgment{Tag: h.Tag})
	c.a.input(frame{longC, longA, null})
	c.a.wantDrop(stats.FragInvalid, 1) // somebody else's
	some := codec.AppendAcknowledgment(nil, codec.Acknowledgment{Tag: h.Tag, Bitmap: 1 << 31})
	c.a.input(frame{longB, longA, some})
	c.a.input(frame{longB, longA, null})
	c.a.wantDrop(stats.FragAborted, 1)
	n := len(c.sequences())
	c.run(10 * time.Second)
	if got := len(c.sequences()); got != n {
		t.Errorf("%d fragments after the abort", got-n)
	}
}

// The receiver does not know what to make of fragments without the first one. The datagram is begun anew, under another tag.
func TestRecoveryWhenTheFirstIsLost(t *testing.T) {
	c := newCouple(t, nil)
	first := true
	c.lose = func(frame) bool { lost := first; first = false; return lost }
	b := datagram(380)
	c.send(b)
	c.run(time.Second)
	c.wantDelivered(b)
	if got, want := c.sequences(), []int{0, 1, 0, 1, 2, 103}; !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
}

// Hostile fragments: memory is bounded, the sender of a datagram that gave way is told, and the station goes on.
func TestRecoveryIsBounded(t *testing.T) {
	c := newCouple(t, nil)
	r := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		h := codec.Recoverable{Tag: uint8(r.Uint32()), Sequence: uint8(r.IntN(3)), Size: uint16(r.IntN(90)), Offset: uint16(r.IntN(1500)), AckRequest: r.IntN(2) == 0}
		src := link.AddrFrom8([8]byte{2, 7: byte(r.IntN(50))})
		c.b.input(frame{src, longB, append(codec.AppendRecoverable(nil, h), make([]byte, h.Size)...)})
		c.b.sent = nil
		if n := c.b.pool.InUse(); n > 4 {
			t.Fatalf("%d packets in use", n)
		}
	}
	c.b.took()
	c.run(0)
	b := datagram(1000)
	c.send(b)
	c.run(time.Second)
	c.wantDelivered(b)
}

func TestRecoveryHeedsCongestion(t *testing.T) { // RFC 8931, 4.3
	c := newCouple(t, func(r *config.Recovery) { r.Window = 2 })
	c.send(datagram(600))
	c.run(3 * time.Millisecond)
	h, _ := fragment(c.log[0])
	c.a.input(frame{longB, longA, codec.AppendAcknowledgment(nil, codec.Acknowledgment{Congested: true, Tag: h.Tag, Bitmap: 3 << 30})})
	c.run(time.Second)
	for _, n := range c.sequences()[4:] {
		if n < 100 {
			t.Errorf("sent %v: more than one fragment without acknowledgment", c.sequences())
			break
		}
	}
}

func TestWithoutRecoveryItIsUnknown(t *testing.T) {
	s := newStation(t, clock.New(), settings(t, nil), longB)
	s.input(frame{longA, longB, append(codec.AppendRecoverable(nil, codec.Recoverable{Size: 1, Offset: 60}), 0x41)})
	s.wantDrop(stats.LowpanUnknown, 1)
	s.input(frame{longA, longB, codec.AppendAcknowledgment(nil, codec.Acknowledgment{})})
	s.wantDrop(stats.LowpanUnknown, 1)
	if len(s.sent) != 0 {
		t.Error("it answers")
	}
}
