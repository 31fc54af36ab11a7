package stack_test

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/radio"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	"github.com/conform-stack/conform/stack/ip/ipv6/register"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// registrar is a border router alone on the air, with bounds that are soon met. What it is told comes from nowhere.
type registrar struct {
	*air
	*mote
	l *register.Link
}

func newRegistrar(t *testing.T, border bool) *registrar {
	a := &air{t: t, loop: clock.New()} // which nobody watches
	a.medium = radio.New(a.loop, radio.Config{})
	c := config.Config{IPv6: config.IPv6{Forwarding: config.On, MLD: config.Off, DAD: config.Off}}
	c.Registration.Neighbors, c.Registration.DuplicateTable, c.Registration.BorderRouters, c.Registration.PerNode = 16, 64, 2, -1
	if border {
		c.Registration.BorderRouter = config.On
	}
	m := a.add(c, a.medium.Station(0, 0), 0)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := m.KeepAddress(m.wpan, netip.MustParsePrefix("2001:db8::1/64")); err != nil {
		t.Fatal(err)
	}
	r := &registrar{a, m, m.Registry(m.wpan)}
	r.wait(time.Minute)
	return r
}

func (r *registrar) wait(d time.Duration) {
	if err := r.loop.Run(r.loop.Now() + d); err != nil {
		r.t.Fatal(err)
	}
}

// somebody is the n-th of many: an EUI-64, an address, and a link address.
func somebody(n uint32) (v icmpv6.ROVR, a wire6.Addr, at link.Addr) {
	b := [8]byte{2, 1}
	binary.BigEndian.PutUint32(b[4:], n)
	v, _ = icmpv6.ROVRFrom(b[:])
	a = wire6.Addr(netip.MustParseAddr("2001:db8::").As16())
	copy(a[8:], b[:])
	return v, a, link.AddrFrom8(b)
}

// claims has the n-th station register its address.
func (r *registrar) claims(n uint32, tid uint8, buf []byte) {
	v, a, at := somebody(n)
	src := wire6.LinkLocal.WithIdentifier(uint64(n) + 1)
	options := icmpv6.AppendLinkAddr(buf[:0], icmpv6.SourceLinkAddr, at)
	options = icmpv6.AppendRegistration(options, icmpv6.Registration{Extended: true, TID: tid, Lifetime: 60, ROVR: v})
	own, _ := r.IPv6.LinkLocal(r.wpan.Iface)
	r.l.Solicited(&nd.Heard{Message: &ipv6.Message{In: r.wpan.Iface, Src: src, Dst: own, HopLimit: 255}, Source: at, Options: options}, a)
}

// asks has a router ask about the address of the n-th station.
func (r *registrar) asks(n uint32) {
	v, a, _ := somebody(n)
	b := icmpv6.AppendDuplicate(nil, icmpv6.Duplicate{Type: icmpv6.DuplicateRequest, Extended: true, TID: 240, Lifetime: 60, ROVR: v, Addr: a})
	from := wire6.Addr(netip.MustParseAddr("2001:db8::7").As16())
	r.IPv6.Registering.Message(&ipv6.Message{In: r.wpan.Iface, Src: from, Dst: netip.MustParseAddr("2001:db8::1").As16(), Bytes: b})
}

// tells has a router tell of the n-th border router, its prefix and a context.
func (r *registrar) tells(n uint32) {
	_, a, at := somebody(n)
	prefix := a
	clear(prefix[8:])
	binary.BigEndian.PutUint32(prefix[4:], n)
	options := icmpv6.AppendLinkAddr(nil, icmpv6.SourceLinkAddr, at)
	options = icmpv6.AppendPrefix(options, icmpv6.Prefix{Bits: 64, Autonomous: true, Valid: 9000, Preferred: 9000, Prefix: prefix})
	options = icmpv6.AppendContext(options, icmpv6.Context{ID: uint8(n % 16), Bits: 64, Lifetime: 100, Prefix: prefix})
	options = icmpv6.AppendBorderRouter(options, icmpv6.BorderRouter{Version: n, Addr: a})
	src := wire6.LinkLocal.WithIdentifier(uint64(n) + 1)
	r.l.RouterAdvertised(&nd.Heard{Message: &ipv6.Message{In: r.wpan.Iface, Src: src, HopLimit: 255}, Source: at, Options: options},
		icmpv6.RouterAdvertisement{Lifetime: 1800})
}

// Whoever registers thousands of addresses, asks about thousands, or tells of as many border routers, finds the bounds of the
// configuration, and afterwards there is room again.
func TestFloodsOfRegistrationsAreBounded(t *testing.T) { // RFC 8505, 7
	const many = 5000
	r := newRegistrar(t, true)
	for n := range uint32(many) {
		r.claims(n, 240, nil)
		r.wait(time.Millisecond)
	}
	if n := len(r.l.Registrations()); n != 16 {
		t.Errorf("%d registrations, want 16", n)
	}
	for n := range uint32(many) {
		r.asks(n)
		r.wait(time.Millisecond)
	}
	if n := r.l.Bindings(); n != 64 {
		t.Errorf("the border router knows %d addresses, want 64", n)
	}
	for n := range uint32(many) {
		r.l.RouterSolicited(&nd.Heard{Message: &ipv6.Message{In: r.wpan.Iface, Src: wire6.LinkLocal.WithIdentifier(uint64(n) + 1)}, Source: link.AddrFrom8([8]byte{2, 1})})
	}
	r.wait(2 * time.Hour)
	if n := len(r.l.Registrations()); n != 0 {
		t.Errorf("%d registrations after their time, want none", n)
	}
	if n := r.l.Bindings(); n != 1 {
		t.Errorf("the border router knows %d addresses after their time, want its own", n)
	}
	r.claims(7, 241, nil)
	if n := len(r.l.Registrations()); n != 1 {
		t.Errorf("%d registrations when there is room again, want 1", n)
	}
}

// A router keeps what a few border routers say, however many are told of.
func TestFloodsOfBorderRoutersAreBounded(t *testing.T) { // RFC 6775, 8.1
	r := newRegistrar(t, false)
	allocated := func(from, to uint32) int {
		before := liveHeap()
		for n := from; n < to; n++ {
			r.tells(n)
			r.wait(time.Millisecond)
		}
		return max(liveHeap(), before) - before
	}
	allocated(0, 2000)
	if grown := allocated(2000, 8000); grown > 256<<10 {
		t.Errorf("the node has grown by %d octets while it was told of 6000 border routers more", grown)
	}
}

// What comes again and again takes nothing from the heap, its answer included: registrations that are renewed, requests of
// routers about them, and router solicitations.
func TestRenewalsAllocateNothing(t *testing.T) {
	r := newRegistrar(t, true)
	tid, buf := uint8(240), make([]byte, 128)
	v, a, at := somebody(2)
	request := icmpv6.AppendDuplicate(nil, icmpv6.Duplicate{Type: icmpv6.DuplicateRequest, Extended: true, Lifetime: 60, ROVR: v, Addr: a})
	_, from, _ := somebody(1) // who has registered
	to := wire6.Addr(netip.MustParseAddr("2001:db8::1").As16())
	asking := &ipv6.Message{In: r.wpan.Iface, Src: from, Dst: to, Bytes: request}
	asker := wire6.LinkLocal.WithIdentifier(9)
	for _, tt := range []struct {
		name string
		do   func()
	}{
		{"registration", func() { r.claims(1, tid, buf) }},
		{"request", func() {
			request[5] = tid
			r.IPv6.Registering.Message(asking)
		}},
		{"router solicitation", func() {
			r.l.RouterSolicited(&nd.Heard{Message: &ipv6.Message{In: r.wpan.Iface, Src: asker}, Source: at})
		}},
	} {
		again := func() {
			tt.do()
			if tid++; tid == 128 {
				tid = 0
			}
			r.wait(3 * time.Second)
		}
		for range 20 {
			again()
		}
		sent := r.medium.Counts().Sent
		if n := testing.AllocsPerRun(100, again); n > 0 {
			t.Errorf("%s: %v allocations", tt.name, n)
		}
		if r.medium.Counts().Sent < sent+100 {
			t.Errorf("%s: %d frames in answer to a hundred", tt.name, r.medium.Counts().Sent-sent)
		}
	}
}
