package ieee802154_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/driver/radio"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/packet"
	codec "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// quiet is an adaptation layer that frees what it gets.
type quiet struct{ n int }

func (q *quiet) Input(p *packet.Packet, _, _ link.Addr) { q.n++; p.Free() }
func (*quiet) Output(p *packet.Packet, _ link.Addr)     { p.Free() }
func (*quiet) Headroom() int                            { return 0 }
func (*quiet) MTU() int                                 { return 1280 }
func (*quiet) Close()                                   {}

// exchange gives a function that sends a data frame of 80 octets and has it received and acknowledged.
func exchange(t testing.TB, change func(*ieee802154.Config)) (send func(), got *quiet) {
	k := newKit(t, radio.Config{})
	a, b := k.station(1, change), k.station(2, change)
	got = &quiet{}
	b.Use(got)
	k.blind = true
	payload := make([]byte, 80)
	return func() {
		p := a.pool.Copy(iface.Headroom, payload)
		a.Link.Send(p, ext(1), ext(2))
		if err := k.loop.Run(k.loop.Now() + 50*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}, got
}

var shapes = []struct { // never written
	name   string
	change func(*ieee802154.Config)
}{
	{"plain", nil},
	{"secured", protect(codec.ENCMIC32, codec.KeyIndex)},
	{"2015", func(c *ieee802154.Config) { c.Version2015 = true }},
}

func TestNoAllocations(t *testing.T) {
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			send, got := exchange(t, s.change)
			send()
			if n := testing.AllocsPerRun(100, send); n != 0 {
				t.Errorf("%v allocations for a frame and its acknowledgement", n)
			}
			if got.n != 102 {
				t.Errorf("%d frames arrived", got.n)
			}
		})
	}
}

// A frame through everything: interface, MAC, medium, acknowledgement, MAC, interface.
func BenchmarkExchange(b *testing.B) {
	for _, s := range shapes {
		b.Run(s.name, func(b *testing.B) {
			send, _ := exchange(b, s.change)
			send()
			b.SetBytes(80)
			b.ReportAllocs()
			for b.Loop() {
				send()
			}
		})
	}
}
