package stack_test

import (
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/socket"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// newAnswered6 is a node of IPv6 with an echo service, whose answers are counted and otherwise thrown away.
func newAnswered6(t testing.TB) *answered {
	a := &answered{loop: clock.New()}
	near, far := wire.New(a.loop, wire.Config{})
	a.far = far
	c := still()
	c.IPv6.ICMPRate = -1
	node, err := stack.New(a.loop, c)
	if err != nil {
		t.Fatal(err)
	}
	eth, err := node.AddEthernet(near, nodeMAC)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.AddAddress(eth, netip.PrefixFrom(node6.Netip(), 64)); err != nil {
		t.Fatal(err)
	}
	node.ND.Link(eth.Iface).Cache().Set(tester6.Netip(), testerMAC.Addr())
	s, err := node.Sockets.Open(socket.Inet6, socket.Dgram, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Bind(netip.MustParseAddrPort("[::]:7")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65536)
	s.OnReady(func() {
		if m, err := s.Recv(buf); err == nil {
			if err := s.SendTo(buf[:m.N], m.From); err != nil {
				t.Error(err)
			}
		}
	})
	far.Start(driver.Frames(func([]byte) { a.n++ }))
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// paths6 are stimuli that are each answered by one frame.
func paths6() []struct {
	name  string
	frame []byte
} {
	pad := ipv6.Options(nil).Pad()
	body := string(make([]byte, 56))
	return []struct {
		name  string
		frame []byte
	}{
		{"echo", echo6(tester6, node6, body)},
		{"udp", udp6(5000, 7, body)},
		{"chain", chain(node6, options(codec.HopByHop, pad), options(codec.DestOpts, pad), routing(2, 0), atomic(), options(codec.DestOpts, pad))},
		{"solicitation", solicit6(tester6, node6)},
		{"error", chain(node6, options(codec.DestOpts, ipv6.Options(nil).Append(0x9e, nil).Pad()))},
	}
}

func TestNoAllocations6(t *testing.T) {
	for _, tt := range paths6() {
		t.Run(tt.name, func(t *testing.T) {
			a := newAnswered6(t)
			for range 600 { // every frame that the wires hold has its memory after that
				a.exchange(tt.frame)
			}
			a.n = 0
			if n := testing.AllocsPerRun(100, func() { a.exchange(tt.frame) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
			if a.n != 101 {
				t.Errorf("%d answers to 101 frames", a.n)
			}
		})
	}
}

func TestNoAllocationsInReassembly6(t *testing.T) {
	a := newAnswered6(t)
	m := echoMessage6(1000)
	parts := [][]byte{fragment6(1, m, 504, 1008, false), fragment6(1, m, 0, 504, true)}
	exchange := func() {
		a.exchange(parts[0])
		a.exchange(parts[1])
	}
	for range 600 {
		exchange()
	}
	a.n = 0
	if n := testing.AllocsPerRun(100, exchange); n != 0 || a.n != 101 {
		t.Errorf("%v allocations, %d answers to 101 packets", n, a.n)
	}
}

func BenchmarkIPv6(b *testing.B) {
	for _, tt := range paths6() {
		b.Run(tt.name, func(b *testing.B) {
			a := newAnswered6(b)
			b.ReportAllocs()
			a.n = 0
			for b.Loop() {
				a.exchange(tt.frame)
			}
			if a.n != b.N {
				b.Fatalf("%d answers to %d frames", a.n, b.N)
			}
		})
	}
}
