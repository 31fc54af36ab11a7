package lowpan_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/lowpan"
	"github.com/conform-stack/conform/stack/wire/lowpan/lowpantest"
)

// What one station sends another one gets as it was, in one frame or in many, in any order, with each fragment twice.
func TestRandomPacketsArrive(t *testing.T) {
	r := testRandom()
	l := clock.New()
	cut, whole := 0, 0
	for i := range 300 {
		n := lowpantest.Random(r)
		generic := i%2 == 0
		a, b := newStation(t, l, settings(t, nil), n.Src), newStation(t, l, settings(t, nil), n.Dst)
		a.a.SetGeneric(n.Dst, generic)
		for _, c := range n.Contexts {
			for _, s := range []*station{a, b} {
				x := lowpan.Context{ID: c.ID, Prefix: netip.PrefixFrom(netip.AddrFrom16(c.Prefix), int(c.Bits)), Compress: c.Compress, Lifetime: -1}
				if !s.a.SetContext(x) {
					t.Fatalf("no room for %v", x)
				}
			}
		}
		for range 20 {
			p := n.Packet(r, [...]int{100, 300, 1000, 1280}[r.IntN(4)])
			if len(p) > lowpan.MTU {
				continue
			}
			a.room = 60 + r.IntN(68)
			frames := a.output(p, n.Dst)
			for _, f := range frames {
				if len(f.payload) > a.Room(f.src, f.dst) || len(f.payload) == 0 {
					t.Fatalf("%d octets in a frame that takes %d", len(f.payload), a.Room(f.src, f.dst))
				}
			}
			if len(frames) > 1 {
				cut++
				frames = append(frames, frames...)
				r.Shuffle(len(frames)/2, func(i, k int) { frames[i], frames[k] = frames[k], frames[i] })
			} else {
				whole++
			}
			for _, f := range frames {
				b.input(f)
			}
			b.a.Flush() // repeats of fragments begin datagrams of their own when the datagram was complete
			if got := b.took(); len(got) != max(1, len(got)) || len(got) == 0 || !bytes.Equal(got[0], p) {
				t.Fatalf("sent %x\nin %d frames\ngot %x", p, len(frames), got)
			}
			b.stats.Reset()
		}
	}
	if cut < 1000 || whole < 1000 {
		t.Errorf("%d in fragments, %d whole", cut, whole)
	}
}

func TestContexts(t *testing.T) {
	l := clock.New()
	s := newStation(t, l, settings(t, func(c *config.Lowpan) { c.MaxContexts = 2 }), longA)
	set := func(id uint8, prefix string, life, hold time.Duration, compress bool) bool {
		return s.a.SetContext(lowpan.Context{ID: id, Prefix: netip.MustParsePrefix(prefix), Lifetime: life, Hold: hold, Compress: compress})
	}
	if !set(0, "2001:db8::/64", time.Minute, time.Hour, true) || !set(15, "fd00::/48", -1, 0, true) {
		t.Fatal("no room for two")
	}
	if set(1, "fd01::/48", -1, 0, true) || set(16, "fd01::/48", -1, 0, true) || set(0, "192.0.2.0/24", -1, 0, true) {
		t.Error("a third one, one without a number, one of IPv4")
	}
	if !set(15, "fd02::/48", 2*time.Minute, 0, false) {
		t.Error("no room for another prefix under the same number")
	}
	state := func() (text string) {
		for _, c := range s.a.Contexts(nil) {
			text += c.Prefix.String()
			if c.Compress {
				text += " compresses"
			}
			text += " " + c.Lifetime.String() + "; "
		}
		return text
	}
	for _, tt := range []struct {
		at   time.Duration
		want string
	}{
		{time.Minute - 1, "2001:db8::/64 compresses 1ns; fd02::/48 1m0.000000001s; "},
		{time.Minute, "2001:db8::/64 0s; fd02::/48 1m0s; "}, // RFC 6775, 5.4.3: only expands
		{2 * time.Minute, "2001:db8::/64 0s; "},
		{time.Minute + time.Hour - 1, "2001:db8::/64 0s; "},
		{time.Minute + time.Hour, ""},
	} {
		if err := l.Run(tt.at); err != nil {
			t.Fatal(err)
		}
		if got := state(); got != tt.want {
			t.Errorf("at %v: %s, want %s", tt.at, got, tt.want)
		}
	}
	if !set(3, "fd03::/48", time.Minute, 0, true) || !set(4, "fd04::/48", -1, 0, true) || !set(3, "fd03::/48", 0, 0, true) || state() != "fd04::/48 compresses -1ns; " {
		t.Errorf("after a lifetime of 0: %s", state())
	}
	s.a.RemoveContext(4)
	if got := state(); got != "" {
		t.Errorf("after it was removed: %s", got)
	}
}
