package ieee802154_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/driver/radio"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/l2/ieee802154/ccm"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

var secret = [16]byte{0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf}

// protect has a station protect its frames at a level, with one key.
func protect(level codec.Level, mode codec.KeyMode) func(*ieee802154.Config) {
	return func(c *ieee802154.Config) {
		k := ieee802154.Key{Mode: mode, Key: secret}
		if mode == codec.KeyIndex {
			k.Index = 7
		}
		c.Security = ieee802154.Security{Level: level, KeyMode: mode, Index: k.Index, Keys: []ieee802154.Key{k}}
	}
}

func TestLevels(t *testing.T) {
	for level := codec.MIC32; level <= codec.ENCMIC128; level++ {
		for mode := codec.KeyImplicit; mode <= codec.KeyIndex; mode++ {
			t.Run(fmt.Sprintf("level %d, key mode %d", level, mode), func(t *testing.T) {
				k := newKit(t, radio.Config{})
				a, b := k.station(1, protect(level, mode)), k.station(2, protect(level, mode))
				a.say(ext(2), "secret one")
				a.say(ext(2), "secret two")
				a.say(everybody, "secret all")
				k.run(time.Second)
				from := fmt.Sprint(" ", ext(1), " > ")
				b.wantGot("all", "secret one"+from+ext(2).String(), "secret two"+from+ext(2).String(), "secret all"+from+"ff:ff")
				d := slices.DeleteFunc(slices.Clone(k.seen), func(s seen) bool { return s.h.Type != codec.Data })
				for i, s := range d {
					if !s.h.Secured || s.h.Security.Counter != uint32(i) || s.h.Security.Level != level || s.h.Version != codec.V2006 {
						t.Errorf("frame %d: %+v", i, s.h)
					}
					if plain := bytes.Contains(s.octets, []byte("secret")); plain == level.Encrypts() {
						t.Errorf("frame %d shows its payload: %v", i, plain)
					}
				}
				if b.stats.MAC.Opened != 3 || a.stats.MAC.Secured != 3 || a.FrameCounter() != 3 {
					t.Errorf("%+v %+v, counter %d", a.stats.MAC, b.stats.MAC, a.FrameCounter())
				}
			})
		}
	}
}

// attacker makes protected frames of station 9 with any counter and key.
type attacker struct {
	*tester
	key *ccm.Key
}

func (k *kit) attacker() attacker { return attacker{k.tester(), ccm.New(secret)} }

func (x attacker) frame(h codec.Header, payload string, source link.Addr) []byte {
	frame := append(codec.Append(nil, h), payload...)
	n := len(frame)
	frame = append(frame, make([]byte, h.MICLen())...)
	a, _ := source.As8()
	s := h.Security
	nonce := [13]byte(append(a[:], byte(s.Counter>>24), byte(s.Counter>>16), byte(s.Counter>>8), byte(s.Counter), byte(s.Level)))
	head := h.Len()
	if s.Level.Encrypts() {
		auth := frame[:head]
		if s.Level == codec.ENC {
			auth = nil
		}
		x.key.Seal(&nonce, auth, frame[head:n], frame[n:])
	} else {
		x.key.Seal(&nonce, frame[:n], nil, frame[n:])
	}
	return frame
}

func guarded(counter uint32, change func(*codec.Header)) codec.Header {
	return data(func(h *codec.Header) {
		h.Secured, h.Seq = true, uint8(counter)
		h.Security = codec.Security{Level: codec.ENCMIC32, KeyMode: codec.KeyIndex, Index: 7, Counter: counter}
		if change != nil {
			change(h)
		}
	})
}

func TestReplay(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, protect(codec.ENCMIC32, codec.KeyIndex))
	x := k.attacker()
	var replays uint64
	for _, tt := range []struct {
		counter uint32
		taken   bool
	}{{5, true}, {5, false}, {4, false}, {6, true}, {100, true}, {99, false}, {0xfffffffe, true}, {0xffffffff, false}, {0, false}} {
		x.raw(x.frame(guarded(tt.counter, nil), "x", ext(9)))
		k.run(2 * time.Second) // the MAC no longer takes it for a repeat
		if got := len(a.got) == 1; got != tt.taken {
			t.Errorf("counter %d: taken %v, want %v", tt.counter, got, tt.taken)
		}
		if a.got = nil; !tt.taken {
			replays++
		}
	}
	a.wantDrops(stats.FrameReplay, replays)
	x.raw(x.frame(guarded(5, func(h *codec.Header) { h.Src = ext(8) }), "x", ext(8)))
	a.wantGot("another station has a counter of its own", fmt.Sprint("x ", ext(8), " > ", ext(1)))
}

// Each row spoils one thing of a frame that is taken.
func TestRefusedProtection(t *testing.T) {
	for _, tt := range []struct {
		why   string
		h     func(*codec.Header)
		spoil func([]byte)
		from  link.Addr
		drop  stats.Drop
	}{
		{"nothing", nil, nil, ext(9), stats.NotDropped},
		{"another key index", func(h *codec.Header) { h.Security.Index = 8 }, nil, ext(9), stats.FrameSecurity},
		{"an implicit key", func(h *codec.Header) { h.Security.KeyMode = codec.KeyImplicit; h.Security.Index = 0 }, nil, ext(9), stats.FrameSecurity},
		{"another sender's nonce", nil, nil, ext(8), stats.FrameSecurity},
		{"one bit of the payload", nil, func(b []byte) { b[len(b)-5] ^= 1 }, ext(9), stats.FrameSecurity},
		{"one bit of the code", nil, func(b []byte) { b[len(b)-1] ^= 0x80 }, ext(9), stats.FrameSecurity},
		{"one bit of the header", nil, func(b []byte) { b[2] ^= 1 }, ext(9), stats.FrameSecurity},
		{"level 0", func(h *codec.Header) { h.Security.Level = codec.None }, nil, ext(9), stats.FrameSecurity},
		{"version 0", func(h *codec.Header) { h.Version = codec.V2003 }, nil, ext(9), stats.FrameSecurity},
		{"a suppressed counter", func(h *codec.Header) { h.Version, h.Compressed, h.Security.NoCounter = codec.V2015, false, true }, nil, ext(9), stats.FrameSecurity},
		{"a short source that is not known", func(h *codec.Header) { h.Src = codec.Short(3) }, nil, ext(9), stats.FrameSecurity},
		{"a short source that is known", func(h *codec.Header) { h.Src = codec.Short(4) }, nil, ext(9), stats.NotDropped},
		{"less than is required", func(h *codec.Header) { h.Security.Level = codec.MIC32 }, nil, ext(9), stats.FrameSecurity},
		{"encryption alone", func(h *codec.Header) { h.Security.Level = codec.ENC }, nil, ext(9), stats.FrameSecurity},
		{"more than is required", func(h *codec.Header) { h.Security.Level = codec.ENCMIC128 }, nil, ext(9), stats.NotDropped},
		{"version 2", func(h *codec.Header) { h.Version, h.Compressed = codec.V2015, false }, nil, ext(9), stats.NotDropped},
		{"no room for the code", nil, nil, link.Addr{}, stats.FrameSecurity},
		{"no protection", func(h *codec.Header) { h.Secured = false }, nil, ext(9), stats.FrameSecurity},
	} {
		t.Run(tt.why, func(t *testing.T) {
			k := newKit(t, radio.Config{})
			a := k.station(1, func(c *ieee802154.Config) {
				protect(codec.ENCMIC32, codec.KeyIndex)(c)
				c.Security.Require = codec.ENCMIC32
			})
			a.Know(4, ext(9))
			x := k.attacker()
			h := guarded(1, tt.h)
			frame := x.frame(h, "payload", tt.from)
			if tt.from.IsZero() {
				frame = frame[:h.Len()+3]
			}
			if !h.Secured {
				frame = append(codec.Append(nil, h), "payload"...)
			}
			if tt.spoil != nil {
				tt.spoil(frame)
			}
			x.raw(frame)
			if got := len(a.got) == 1; got != (tt.drop == stats.NotDropped) {
				t.Errorf("taken: %v, %q", got, a.got)
			}
			if tt.drop != stats.NotDropped {
				a.wantDrops(tt.drop, 1)
			}
		})
	}
}

// A frame that is not a station's must not move its counter: it would lock the station out.
func TestForgedCounterDoesNotLockOut(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, protect(codec.ENCMIC32, codec.KeyIndex))
	x := k.attacker()
	x.raw(x.frame(guarded(1, nil), "one", ext(9)))
	forged := x.frame(guarded(0xfffffff0, nil), "bad", ext(9))
	forged[len(forged)-1] ^= 1
	x.raw(forged)
	x.raw(x.frame(guarded(0xfffffff1, func(h *codec.Header) { h.Security.Level = codec.ENC }), "enc", ext(9)))
	x.raw(x.frame(guarded(2, nil), "two", ext(9)))
	from := fmt.Sprint(" ", ext(9), " > ", ext(1))
	a.wantGot("the station's own, and the one that nobody can know to be another's", "one"+from, "enc"+from, "two"+from)
}

// Stations whose counters are remembered are bounded; nobody is forgotten to make room.
func TestDevicesAreBounded(t *testing.T) {
	k := newKit(t, radio.Config{})
	a := k.station(1, func(c *ieee802154.Config) {
		protect(codec.ENCMIC32, codec.KeyIndex)(c)
		c.Security.Devices = 2
	})
	x := k.attacker()
	for n, want := range []bool{true, true, false} {
		from := ext(byte(10 + n))
		x.raw(x.frame(guarded(1, func(h *codec.Header) { h.Src = from }), "x", from))
		if got := len(a.got) == 1; got != want {
			t.Errorf("station %d: taken %v", n, got)
		}
		a.got = nil
	}
	x.raw(x.frame(guarded(1, func(h *codec.Header) { h.Src = ext(10) }), "x", ext(10)))
	a.wantGot("a replay of the first one")
}

func TestCounterEnds(t *testing.T) { // 9.2
	k := newKit(t, radio.Config{})
	a := k.station(1, protect(codec.MIC64, codec.KeyImplicit))
	b := k.station(2, protect(codec.MIC64, codec.KeyImplicit))
	a.SetFrameCounter(0xfffffffe)
	a.say(ext(2), "last")
	a.say(ext(2), "none")
	k.run(time.Second)
	b.wantGot("the last one", fmt.Sprint("last ", ext(1), " > ", ext(2)))
	if fmt.Sprint(a.failed) != fmt.Sprintf("[%v counter-error]", ext(2)) {
		t.Errorf("told %v", a.failed)
	}
	a.wantDrops(stats.FrameSecurity, 1)
}

// A repeat is the same frame, with the same counter, and the receiver takes it once.
func TestRepeatIsNoReplay(t *testing.T) {
	k := newKit(t, radio.Config{})
	a, b := k.station(1, protect(codec.ENCMIC64, codec.KeyIndex)), k.station(2, protect(codec.ENCMIC64, codec.KeyIndex))
	k.air.SetPath(b.radio, a.radio, &radio.Path{Loss: 1})
	a.say(ext(2), "once")
	k.run(time.Second)
	b.wantGot("the frame", fmt.Sprint("once ", ext(1), " > ", ext(2)))
	b.wantDrops(stats.FrameDuplicate, 3)
	b.wantDrops(stats.FrameReplay, 0)
	for _, s := range k.seen {
		if s.h.Type == codec.Data && !bytes.Equal(s.octets, k.seen[0].octets) {
			t.Error("a repeat is another frame")
		}
	}
}

func TestSecuredEnhancedAck(t *testing.T) {
	k := newKit(t, radio.Config{})
	both := func(c *ieee802154.Config) { protect(codec.ENCMIC32, codec.KeyIndex)(c); c.Version2015 = true }
	a, b := k.station(1, both), k.station(2, both)
	a.say(ext(2), "x")
	k.run(time.Second)
	b.wantGot("the payload", fmt.Sprint("x ", ext(1), " > ", ext(2)))
	if ack := k.seen[1].h; ack.Type != codec.Ack || !ack.Secured || ack.Security.Level != codec.ENCMIC32 || a.stats.MAC.AcksReceived != 1 {
		t.Errorf("%+v, %+v", ack, a.stats.MAC)
	}
	// Somebody without the key acknowledges, with a counter that looks new.
	a.got, k.seen = nil, nil
	x := k.tester()
	k.air.SetPath(b.radio, a.radio, &radio.Path{Off: true})
	k.air.Watch(func(from *radio.Station, o []byte) {
		if from == a.radio {
			h := codec.Header{Type: codec.Ack, Version: codec.V2015, Seq: o[2], Dst: ext(1), DstPAN: pan, Secured: true,
				Security: codec.Security{Level: codec.ENCMIC32, KeyMode: codec.KeyIndex, Index: 7, Counter: 1000}}
			ack := append(codec.Append(nil, h), 1, 2, 3, 4, 0, 0)
			codec.Seal(ack)
			k.loop.NewTimer(func() { x.radio.Send(ack) }).After(192 * us)
		}
	})
	a.say(ext(2), "y")
	k.run(time.Second)
	if len(a.failed) != 1 {
		t.Errorf("a forged acknowledgement counts: %v", a.failed)
	}
}

func TestSetSecurity(t *testing.T) {
	k := newKit(t, radio.Config{})
	a, b := k.station(1, nil), k.station(2, protect(codec.ENCMIC32, codec.KeyIndex))
	a.say(ext(2), "plain")
	k.run(time.Second)
	s := b.Security()
	for _, bad := range []func(*ieee802154.Security){
		func(s *ieee802154.Security) { s.Level = 8 },
		func(s *ieee802154.Security) { s.KeyMode = codec.KeySource8 },
		func(s *ieee802154.Security) { s.Index = 9 },
		func(s *ieee802154.Security) { s.Keys = nil },
		func(s *ieee802154.Security) { s.Keys = make([]ieee802154.Key, ieee802154.MaxKeys+1) },
	} {
		c := s
		bad(&c)
		if a.SetSecurity(c) == nil {
			t.Errorf("taken: %+v", c)
		}
	}
	if err := a.SetSecurity(s); err != nil {
		t.Fatal(err)
	}
	a.say(ext(2), "secret")
	k.run(time.Second)
	from := fmt.Sprint(" ", ext(1), " > ", ext(2))
	b.got = slices.Compact(b.got)
	b.wantGot("both, for nothing is required", "plain"+from, "secret"+from)
	if a.Room(ext(1), ext(2)) != 127-2-21-6-4 {
		t.Errorf("room for %d octets", a.Room(ext(1), ext(2)))
	}
}
