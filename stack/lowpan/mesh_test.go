package lowpan_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/lowpan"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
	codec "github.com/conform-stack/conform/stack/wire/lowpan"
)

func meshed(t *testing.T, change func(*config.Lowpan), addrs ...link.Addr) *station {
	return newStation(t, clock.New(), settings(t, func(c *config.Lowpan) {
		c.MeshUnder = config.On
		if change != nil {
			change(c)
		}
	}), addrs...)
}

// A datagram goes from A by way of C to B, compressed against the addresses of A and B (RFC 4944, 11).
func TestAcrossAMesh(t *testing.T) {
	for _, n := range []int{60, 1280} {
		for _, hops := range []int{2, 14, 15, 255} {
			a := meshed(t, func(c *config.Lowpan) { c.MeshHops = hops }, longA)
			c := meshed(t, nil, longC)
			b := newStation(t, clock.New(), settings(t, nil), longB) // who is only an end forwards nothing
			if !a.a.SetRoute(longB, longC) {
				t.Fatal("no room for a route")
			}
			for _, f := range a.output(datagram(n), longB) {
				h, _, err := codec.ParseMesh(f.payload)
				if err != nil || h.Originator != longA || h.Final != longB || int(h.HopsLeft) != hops || f.src != longA || f.dst != longC {
					t.Fatalf("%v > %v: %v, %v", f.src, f.dst, h, err)
				}
				c.input(f)
			}
			for _, f := range c.sent {
				h, _, _ := codec.ParseMesh(f.payload)
				if int(h.HopsLeft) != hops-1 || f.src != longC || f.dst != longB || h.Originator != longA {
					t.Fatalf("%v > %v: %v", f.src, f.dst, h)
				}
				b.input(f)
			}
			from := append([]link.Addr(nil), b.from...)
			if got := b.took(); len(got) != 1 || !bytes.Equal(got[0], datagram(n)) || from[0] != longA {
				t.Errorf("%d octets, %d hops: %d datagrams from %v", n, hops, len(got), from)
			}
		}
	}
}

// What a station does with frames of a mesh.
func TestMeshHeaders(t *testing.T) {
	hello := []byte{0x7a, 0x33, 99, 1}
	mesh := func(h codec.Mesh, rest ...byte) []byte {
		return append(codec.AppendMesh(nil, h), append(rest, hello...)...)
	}
	for _, tt := range []struct {
		name      string
		off       bool // no mesh-under here
		payload   []byte
		delivered int
		sent      int
		drop      stats.Drop
	}{
		{name: "for it", payload: mesh(codec.Mesh{Originator: longA, Final: longC, HopsLeft: 1}), delivered: 1},
		{name: "for its short address", payload: mesh(codec.Mesh{Originator: longA, Final: shortA, HopsLeft: 1}), delivered: 1},
		{name: "for it, with no hops left", payload: mesh(codec.Mesh{Originator: longA, Final: longC}), delivered: 1},
		{name: "for it, where there is no mesh", off: true, payload: mesh(codec.Mesh{Originator: longA, Final: longC, HopsLeft: 1}), delivered: 1},
		{name: "for another one", payload: mesh(codec.Mesh{Originator: longA, Final: longB, HopsLeft: 2}), sent: 1},
		{name: "on its last hop", payload: mesh(codec.Mesh{Originator: longA, Final: longB, HopsLeft: 1}), drop: stats.MeshHops},
		{name: "with none left", payload: mesh(codec.Mesh{Originator: longA, Final: longB}), drop: stats.MeshHops},
		{name: "for another one, where there is no mesh", off: true, payload: mesh(codec.Mesh{Originator: longA, Final: longB, HopsLeft: 9}), drop: stats.MeshRefused},
		{name: "its own", payload: mesh(codec.Mesh{Originator: longC, Final: lowpan.Broadcast, HopsLeft: 9}, 0x50, 1), drop: stats.MeshRepeat},
		{name: "for all", payload: mesh(codec.Mesh{Originator: longA, Final: lowpan.Broadcast, HopsLeft: 9}, 0x50, 1), delivered: 1, sent: 1},
		{name: "for a group", payload: mesh(codec.Mesh{Originator: longA, Final: link.MustParseAddr("80:01"), HopsLeft: 9}, 0x50, 1), delivered: 1, sent: 1},
		{name: "for all, on its last hop", payload: mesh(codec.Mesh{Originator: longA, Final: lowpan.Broadcast, HopsLeft: 1}, 0x50, 1), delivered: 1},
		{name: "for all, where there is no mesh", off: true, payload: mesh(codec.Mesh{Originator: longA, Final: lowpan.Broadcast, HopsLeft: 9}, 0x50, 1), delivered: 1},
		{name: "for all, without a number", payload: mesh(codec.Mesh{Originator: longA, Final: lowpan.Broadcast, HopsLeft: 9}), delivered: 1},
		{name: "a number without a mesh header", payload: append([]byte{0x50, 1}, hello...), delivered: 1},
		{name: "what it forwards it does not read (RFC 8066, 3.1)", payload: append(codec.AppendMesh(nil, codec.Mesh{Originator: longA, Final: longB, HopsLeft: 9}), 0x40, 200), sent: 1},
		{name: "an unknown extension for it", payload: append(codec.AppendMesh(nil, codec.Mesh{Originator: longA, Final: longC, HopsLeft: 9}), 0x40, 200), drop: stats.LowpanUnknown},
		{name: "two mesh headers", payload: mesh(codec.Mesh{Originator: longA, Final: longC, HopsLeft: 1}, 0xb1, 0, 1, 0, 2), drop: stats.LowpanUnknown},
		{name: "a mesh header behind a page", payload: append([]byte{0xf1}, mesh(codec.Mesh{Originator: longA, Final: longC, HopsLeft: 1})...), drop: stats.LowpanUnknown},
		{name: "a fragment behind a page", payload: append([]byte{0xf1, 0xc0, 100, 0, 1}, hello...), drop: stats.LowpanUnknown},
		{name: "nothing behind it", payload: codec.AppendMesh(nil, codec.Mesh{Originator: longA, Final: longC, HopsLeft: 1}), drop: stats.LowpanInvalid},
		{name: "cut", payload: codec.AppendMesh(nil, codec.Mesh{Originator: longA, Final: longC, HopsLeft: 1})[:9], drop: stats.LowpanInvalid},
		{name: "nothing", payload: nil, drop: stats.LowpanInvalid},
	} {
		s := meshed(t, func(c *config.Lowpan) {
			if tt.off {
				c.MeshUnder = config.Off
			}
		}, longC, shortA)
		s.input(frame{longA, longC, tt.payload})
		if len(s.delivered) != tt.delivered || len(s.sent) != tt.sent {
			t.Errorf("%s: %d delivered and %d sent, want %d and %d", tt.name, len(s.delivered), len(s.sent), tt.delivered, tt.sent)
		}
		if tt.drop != 0 {
			s.wantDrop(tt.drop, 1)
		} else if s.stats.Dropped() != 0 {
			t.Errorf("%s: %d drops", tt.name, s.stats.Dropped())
		}
	}
}

// Each broadcast is delivered and sent on once, while it is remembered.
func TestBroadcastsOfAMesh(t *testing.T) {
	const remembered = 4
	a := meshed(t, nil, longA)
	c := meshed(t, func(c *config.Lowpan) { c.Broadcasts = remembered }, longC)
	var all []frame
	for i := range 6 {
		f := a.output(datagram(60), lowpan.Broadcast)
		h, rest, err := codec.ParseMesh(f[0].payload)
		bc, _, err2 := codec.ParseBroadcast(rest)
		if err != nil || err2 != nil || h.Final != lowpan.Broadcast || f[0].dst != lowpan.Broadcast {
			t.Fatalf("%v to %v, %v %v", h, f[0].dst, err, err2)
		}
		if i > 0 {
			_, rest, _ := codec.ParseMesh(all[i-1].payload)
			if before, _, _ := codec.ParseBroadcast(rest); bc.Seq != before.Seq+1 {
				t.Errorf("number %d after %d", bc.Seq, before.Seq)
			}
		}
		all = append(all, f...)
	}
	give := func(f frame, want int) {
		t.Helper()
		c.input(f)
		if len(c.took()) != want || len(c.sent) != want {
			t.Errorf("%d sent on, want %d", len(c.sent), want)
		}
		c.sent = nil
	}
	for range 3 {
		for i, f := range all[:remembered] {
			_ = i
			if c.stats.Lowpan.Received < remembered {
				give(f, 1)
			} else {
				give(f, 0)
			}
		}
	}
	give(all[4], 1)
	give(all[0], 1) // the oldest gave way
	if err := c.loop.Run(time.Minute); err != nil {
		t.Fatal(err)
	}
	give(all[4], 1) // its originator has other things to say under that number by now
}

// Stations without a route are reached by way of the forwarder, if there is one; routes are bounded.
func TestRoutes(t *testing.T) {
	s := meshed(t, func(c *config.Lowpan) { c.MeshRoutes = 2 }, longA)
	next := func(dst link.Addr) link.Addr {
		f := s.output(datagram(60), dst)
		if len(f) != 1 {
			t.Fatalf("%d frames", len(f))
		}
		return f[0].dst
	}
	if next(longB) != longB {
		t.Error("without a route it is not sent to the station itself")
	}
	if !s.a.SetRoute(longB, longC) || !s.a.SetRoute(longC, longC) || s.a.SetRoute(shortB, longC) || !s.a.SetRoute(longB, shortB) {
		t.Error("how many routes there may be")
	}
	if next(longB) != shortB || next(longC) != longC {
		t.Error("routes are not followed")
	}
	s.a.SetForwarder(longC)
	if next(shortB) != longC {
		t.Error("the forwarder is not used")
	}
	s.a.RemoveRoute(longB)
	if next(longB) != longC {
		t.Error("a route that was removed is followed")
	}
}
