package stack_test

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/radio"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// air is a medium with nodes on it, one behind the other.
type air struct {
	t      *testing.T
	loop   *clock.Loop
	medium *radio.Medium
	hash   interface {
		Write([]byte) (int, error)
		Sum64() uint64
	}
	nodes []*mote
	step  func() // run now and then; may be nil
}

// mote is a node with one radio.
type mote struct {
	*stack.Node
	wpan    *stack.Interface
	station *radio.Station
	id      int
}

const networkPAN = 0xabcd

func newAir(t *testing.T, c radio.Config) *air {
	a := &air{t: t, loop: clock.New(), hash: fnv.New64a()}
	a.medium = radio.New(a.loop, c)
	a.medium.Watch(func(_ *radio.Station, frame []byte) {
		a.hash.Write(binary.BigEndian.AppendUint64(nil, uint64(a.loop.Now())))
		a.hash.Write(frame)
	})
	t.Cleanup(func() {
		for _, m := range a.nodes {
			if err := m.Close(); err != nil {
				t.Errorf("node %d: %v", m.id, err)
			}
		}
	})
	return a
}

func extended(n int) link.Addr {
	return link.AddrFrom8([8]byte{2, 0, 0, 0, 0, 0, byte(n >> 8), byte(n)})
}

func (a *air) add(c config.Config, s *radio.Station, short uint16) *mote {
	a.t.Helper()
	id := len(a.nodes) + 1
	c.Seed = uint64(id)
	n, err := stack.New(a.loop, c)
	if err != nil {
		a.t.Fatal(err)
	}
	m := &mote{Node: n, station: s, id: id}
	a.nodes = append(a.nodes, m)
	if m.wpan, err = n.AddIEEE802154(s, ieee802154.Config{Extended: extended(id), PAN: networkPAN, Short: short}); err != nil {
		a.t.Fatal(err)
	}
	return m
}

func (m *mote) addresses() string {
	var all []string
	for _, x := range m.wpan.Addresses() {
		s := x.Addr().String()
		if x.Tentative {
			s += " tentative"
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

// echoes opens a socket that asks for echoes and receives the answers.
func (m *mote) echoes(t *testing.T) *pinger {
	t.Helper()
	s, err := m.Sockets.Open(socket.Inet6, socket.Raw, 58)
	if err != nil {
		t.Fatal(err)
	}
	return &pinger{m: m, s: s}
}

// A pinger is a socket of a mote.
type pinger struct {
	m *mote
	s *socket.Socket
	b [2048]byte
}

// ask sends an echo request of a size, header of IPv6 and all, and every octet of it tells where it is.
func (p *pinger) ask(to netip.Addr, seq uint16, size int) error {
	b := icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoRequest, uint16(p.m.id), seq))
	for len(b) < size-ipv6.HeaderLen {
		b = append(b, byte(len(b)^int(seq)))
	}
	return p.s.SendTo(b, netip.AddrPortFrom(to, 0))
}

// answered takes what has come and tells whether the answer to an echo request is in it, as it was sent.
func (p *pinger) answered(seq uint16, size int) bool {
	for p.s.Readable() {
		m, err := p.s.Recv(p.b[:])
		if err != nil {
			return false
		}
		b := p.b[:m.N]
		if h, _, err := icmpv6.Parse(b); err != nil || h.Type != icmpv6.EchoReply || h.ID() != uint16(p.m.id) || h.Seq() != seq {
			continue
		}
		for k := icmpv6.HeaderLen; k < len(b); k++ {
			if b[k] != byte(k^int(seq)) {
				return false
			}
		}
		return len(b) == size-ipv6.HeaderLen
	}
	return false
}

func (a *air) run(d time.Duration) {
	a.t.Helper()
	if err := a.loop.Run(a.loop.Now() + d); err != nil {
		a.t.Fatal(err)
	}
}

// until runs until something holds, and tells whether it came to that in time.
func (a *air) until(most time.Duration, holds func() bool) bool {
	a.t.Helper()
	for end := a.loop.Now() + most; a.loop.Now() < end; {
		if a.step != nil {
			a.step()
		}
		if holds() {
			return true
		}
		a.run(10 * time.Millisecond)
	}
	return holds()
}

func TestTwoMotesWithoutRegistration(t *testing.T) { // RFC 4861 over RFC 4944
	a := newAir(t, radio.Config{})
	c := config.Config{Registration: config.Registration{Enabled: config.Off}, IPv6: config.IPv6{MLD: config.Off}}
	one := a.add(c, a.medium.Station(0, 0), 0x0001)
	two := a.add(c, a.medium.Station(1, 0), 0)
	a.run(5 * time.Second)
	if got := one.addresses(); got != "fe80::1, fe80::ff:fe00:1" {
		t.Errorf("one has %s", got)
	}
	if got := two.addresses(); got != "fe80::2" {
		t.Errorf("two has %s", got)
	}
	p := one.echoes(t)
	for k, size := range []int{1280, 980, 48} {
		if err := p.ask(netip.MustParseAddr("fe80::2%wpan0"), uint16(k), size); err != nil {
			t.Fatal(err)
		}
		a.run(2 * time.Second)
		if !p.answered(uint16(k), size) {
			t.Errorf("no echo of %d octets", size)
		}
	}
	p = two.echoes(t)
	if err := p.ask(netip.MustParseAddr("fe80::ff:fe00:1%wpan0"), 9, 100); err != nil { // by the short address
		t.Fatal(err)
	}
	a.run(2 * time.Second)
	if !p.answered(9, 100) {
		t.Error("no echo from the short address")
	}
}
