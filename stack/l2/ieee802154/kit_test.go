package ieee802154_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/radio"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

const pan = 0xabcd

var everybody = codec.Short(0xffff)

// ext is the extended address of station n.
func ext(n byte) link.Addr { return link.AddrFrom8([8]byte{2, 0, 0, 0, 0, 0, 0, n}) }

// A kit is a medium with stations, and a log of the frames on it.
type kit struct {
	testing.TB
	loop  *clock.Loop
	air   *radio.Medium
	nodes []*node
	seen  []seen // every frame, at its end
	blind bool   // nothing is logged
}

type seen struct {
	h       codec.Header
	payload string
	octets  []byte
	at      time.Duration // of its end
}

func newKit(t testing.TB, c radio.Config) *kit {
	l := clock.New()
	c.Random = rand.New(rand.NewPCG(1, 2))
	k := &kit{TB: t, loop: l, air: radio.New(l, c)}
	k.air.Watch(func(_ *radio.Station, b []byte) {
		if k.blind {
			return
		}
		s := seen{octets: slices.Clone(b), at: l.Now()}
		if frame, err := codec.Check(s.octets); err == nil {
			if h, payload, err := codec.Parse(frame); err == nil {
				s.h, s.payload = h, string(payload)
			}
		}
		k.seen = append(k.seen, s)
	})
	t.Cleanup(func() {
		for _, n := range k.nodes {
			if err := n.iface.Close(); err != nil {
				t.Error(err)
			}
			if used := n.pool.InUse(); used != 0 {
				t.Errorf("station %v ends with %d packets in use", n.Extended(), used)
			}
		}
	})
	return k
}

// node is a station with an adaptation layer that carries packets as they are.
type node struct {
	*ieee802154.Link
	kit    *kit
	radio  *radio.Station
	mac    *ieee802154.MAC
	iface  *iface.Iface
	pool   *packet.Pool
	stats  *stats.Node
	got    []string // payload, from > to
	events []event.Event
	failed []string
}

// station adds station n, which is up.
func (k *kit) station(n byte, change func(*ieee802154.Config)) *node {
	c := ieee802154.Config{Extended: ext(n), PAN: pan, Random: rand.New(rand.NewPCG(uint64(n), 7))}
	x := &node{kit: k, radio: k.air.Station(float64(n), 0), pool: packet.NewPool(packet.Limits{}), stats: new(stats.Node)}
	c.Undelivered = func(to link.Addr, why ieee802154.Failure) { x.failed = append(x.failed, fmt.Sprint(to, " ", why)) }
	if change != nil {
		change(&c)
	}
	x.mac = ieee802154.NewMAC(k.loop, x.radio, c)
	x.iface = iface.New(1, "lowpan0", k.loop, x.mac, x.pool, x.pool, x.stats, iface.Config{TxClasses: 1})
	x.Link = ieee802154.New(x.iface, x.mac)
	x.Use(x)
	x.SetSink(x)
	x.iface.SetUp(true)
	k.nodes = append(k.nodes, x)
	return x
}

func (x *node) Input(p *packet.Packet, from, to link.Addr) {
	x.got = append(x.got, fmt.Sprintf("%s %v > %v", p.Bytes(), from, to))
	if x.stats.MAC.Opened > 0 && x.Security().Require.MICLen() > 0 && !p.Verified {
		x.kit.Errorf("%q is not verified", p.Bytes())
	}
	p.Free()
}

func (x *node) Output(p *packet.Packet, dst link.Addr) { x.Link.Send(p, link.Addr{}, dst) }
func (x *node) Headroom() int                          { return 0 }
func (x *node) MTU() int                               { return 1280 }
func (x *node) Close()                                 {}
func (x *node) Raise(e event.Event)                    { x.events = append(x.events, e) }

// PartOf takes payloads that begin with # and a letter as parts of a packet of that name; a capital is the first of them.
func (x *node) PartOf(payload []byte) (id uint64, first bool) {
	if len(payload) < 2 || payload[0] != '#' {
		return 0, false
	}
	return uint64(payload[1] | 0x20), payload[1]&0x20 == 0
}

// The Link's methods of the same names are the ones that are meant.
var _ ieee802154.Adaptation = (*node)(nil)

// say has the station send a payload.
func (x *node) say(to link.Addr, payload string) {
	x.kit.Helper()
	p := x.pool.Copy(iface.Headroom, []byte(payload))
	if p == nil {
		x.kit.Fatal("no packet")
	}
	x.Link.Output(iface.IPv6, p, hop(to))
}

func hop(to link.Addr) iface.Hop {
	if to == everybody {
		return iface.Hop{Cast: packet.Multicast}
	}
	return iface.Hop{Link: to}
}

// run lets some time pass.
func (k *kit) run(d time.Duration) {
	k.Helper()
	if err := k.loop.Run(k.loop.Now() + d); err != nil {
		k.Fatal(err)
	}
}

// wantGot takes what the station's adaptation layer got.
func (x *node) wantGot(why string, want ...string) {
	x.kit.Helper()
	if !slices.Equal(x.got, want) {
		x.kit.Errorf("%s: got %q, want %q", why, x.got, want)
	}
	x.got = nil
}

// wantEvents takes the events.
func (x *node) wantEvents(why string, want ...event.Code) []event.Event {
	x.kit.Helper()
	var got []event.Code
	for _, e := range x.events {
		got = append(got, e.Code)
	}
	if !slices.Equal(got, want) {
		x.kit.Errorf("%s: events %v, want %v", why, got, want)
	}
	all := x.events
	x.events = nil
	return all
}

func (x *node) wantDrops(why stats.Drop, n uint64) {
	x.kit.Helper()
	if got := x.stats.Drops[why]; got != n {
		x.kit.Errorf("%d dropped as %v, want %d", got, why, n)
	}
}

// tester is a radio without a MAC: it sends what it is told, when it is told, and acknowledges nothing.
type tester struct {
	k     *kit
	radio *radio.Station
}

func (k *kit) tester() *tester {
	t := &tester{k, k.air.Station(100, 0)}
	t.radio.Start(driver.Frames(func([]byte) {}))
	return t
}

// send puts a frame on the air, with an FCS, and lets a while pass.
func (t *tester) send(h codec.Header, payload string) {
	t.raw(append(codec.Append(nil, h), payload...))
}

func (t *tester) raw(frame []byte) {
	t.k.Helper()
	mpdu := append(slices.Clone(frame), 0, 0)
	codec.Seal(mpdu)
	t.radio.Send(mpdu)
	t.k.run(20 * time.Millisecond)
}

// data is a data frame of station 9 to station 1.
func data(change func(*codec.Header)) codec.Header {
	h := codec.Header{Type: codec.Data, Version: codec.V2006, Compressed: true, AckRequest: true, Seq: 1,
		Dst: ext(1), DstPAN: pan, Src: ext(9)}
	if change != nil {
		change(&h)
	}
	return h
}
