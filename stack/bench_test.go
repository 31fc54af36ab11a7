package stack_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// answered is a node whose answers are counted and otherwise thrown away.
type answered struct {
	loop *clock.Loop
	far  *wire.End
	n    int
	last []byte // the latest answer
}

func newAnswered(t testing.TB, c config.Config) *answered {
	a := &answered{loop: clock.New()}
	near, far := wire.New(a.loop, wire.Config{})
	a.far = far
	node, err := stack.New(a.loop, c)
	if err != nil {
		t.Fatal(err)
	}
	eth, err := node.AddEthernet(near, nodeMAC)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.AddAddress(eth, subnet); err != nil {
		t.Fatal(err)
	}
	far.Start(driver.Frames(func(b []byte) {
		a.n++
		a.last = append(a.last[:0], b...)
	}))
	a.exchange(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP))
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

func (a *answered) exchange(frame []byte) {
	a.far.Send(frame)
	if err := a.loop.Run(a.loop.Now() + 1); err != nil {
		panic(err)
	}
}

// pair is two nodes on one wire, with an echo service on one and a client on the other.
type pair struct {
	loop    *clock.Loop
	client  *socket.Socket
	message []byte
	replies int
}

func newPair(t testing.TB, size int) *pair {
	return newPairOf(t, size, config.Config{IDLifetime: -1}) // more fragments than RFC 6864 allows in no time
}

func newPairOf(t testing.TB, size int, c config.Config) *pair {
	p := &pair{loop: clock.New(), message: make([]byte, size)}
	nearEnd, farEnd := wire.New(p.loop, wire.Config{})
	at := func(end *wire.End, last byte) (*stack.Node, *socket.Socket) {
		n, err := stack.New(p.loop, c)
		if err != nil {
			t.Fatal(err)
		}
		eth, err := n.AddEthernet(end, ethernet.MAC{2, 0, 0, 0, 0, last})
		if err != nil {
			t.Fatal(err)
		}
		if err := n.AddAddress(eth, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24)); err != nil {
			t.Fatal(err)
		}
		s, err := n.Sockets.Open(socket.Inet, socket.Dgram, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
		return n, s
	}
	_, client := at(nearEnd, 1)
	_, server := at(farEnd, 2)
	if err := server.Bind(netip.MustParseAddrPort("192.0.2.2:7")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65536)
	server.OnReady(func() {
		m, err := server.Recv(buf)
		if err != nil {
			return // closed
		}
		if err := server.SendTo(buf[:m.N], m.From); err != nil {
			t.Error(err)
		}
	})
	back := make([]byte, 65536)
	client.OnReady(func() {
		if m, err := client.Recv(back); err == nil && m.N == size {
			p.replies++
		}
	})
	if err := client.Connect(netip.MustParseAddrPort("192.0.2.2:7")); err != nil {
		t.Fatal(err)
	}
	p.client = client
	p.roundTrip()
	return p
}

func (p *pair) roundTrip() {
	if err := p.client.Send(p.message); err != nil {
		panic(err)
	}
	if err := p.loop.Run(p.loop.Now() + 1); err != nil {
		panic(err)
	}
}

func TestFastPathsAllocateNothing(t *testing.T) {
	request := arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP)
	ping := echoRequest("abcdefghijklmnopqrstuvwabcdefghi")
	a := newAnswered(t, config.Config{})
	p, fragments, r := newPair(t, 64), newPair(t, 8000), newRouterPath(t)
	timed := newPairOf(t, 64, timesKept)
	classes := newPairOf(t, 64, config.Config{RxClasses: 8, TxClasses: 8})
	times := newPairOf(t, 64, config.Config{Data: config.DataPath{RxTime: config.On, TxTime: config.On}})
	datagram := through(ipv4.Header{}, make([]byte, 64))
	for _, tt := range []struct {
		name string
		run  func()
		done func() int
	}{
		{"ARP answered", func() { a.exchange(request) }, func() int { return a.n }},
		{"ICMP echo answered", func() { a.exchange(ping) }, func() int { return a.n }},
		{"UDP echo", p.roundTrip, func() int { return p.replies }},
		{"UDP echo in eight classes", classes.roundTrip, func() int { return classes.replies }},
		{"UDP echo, times kept", times.roundTrip, func() int { return times.replies }},
		{"UDP echo in eight classes, times kept", timed.roundTrip, func() int { return timed.replies }},
		{"UDP echo in fragments", fragments.roundTrip, func() int { return fragments.replies }},
		{"forwarded", func() { r.forward(datagram) }, func() int { return r.n }},
	} {
		for range 600 { // every frame that the wires hold has its memory after that
			tt.run()
		}
		before := tt.done()
		if n := testing.AllocsPerRun(100, tt.run); n != 0 {
			t.Errorf("%s: %v allocations, want 0", tt.name, n)
		}
		if n := tt.done() - before; n != 101 {
			t.Errorf("%s: %d answers to 101 packets", tt.name, n)
		}
	}
}

func BenchmarkARPAnswered(b *testing.B) {
	a := newAnswered(b, config.Config{})
	request := arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP)
	benchmark(b, func() { a.exchange(request) }, func() int { return a.n })
	if got, want := show(a.last), "00:01 ARP 192.0.2.2 is-at 02:00:00:00:00:02 (to 192.0.2.1)"; got != want {
		b.Errorf("answer: %s, want %s", got, want)
	}
}

func BenchmarkICMPEchoAnswered(b *testing.B) {
	a := newAnswered(b, config.Config{})
	ping := echoRequest("abcdefghijklmnopqrstuvwabcdefghi")
	benchmark(b, func() { a.exchange(ping) }, func() int { return a.n })
	if got, want := show(a.last), `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "abcdefghijklmnopqrstuvwabcdefghi"`; got != want {
		b.Errorf("answer: %s, want %s", got, want)
	}
}

func BenchmarkUDPEcho(b *testing.B) {
	for _, size := range []int{64, 1472} {
		b.Run(fmt.Sprintf("len=%d", size), func(b *testing.B) {
			p := newPair(b, size)
			b.SetBytes(int64(size))
			benchmark(b, p.roundTrip, func() int { return p.replies })
		})
	}
}

// timesKept is a node of eight classes that measures all that there is of the times of packets.
var timesKept = config.Config{RxClasses: 8, TxClasses: 8, Data: config.DataPath{
	RxTime: config.On, RxTimeDetail: config.On, TxTime: config.On, TxTimeDetail: config.On,
}}

// What classes, and processing times, cost.
func BenchmarkUDPEchoDataPath(b *testing.B) {
	for _, tt := range []struct {
		name string
		c    config.Config
	}{
		{"plain", config.Config{}},
		{"classes=8", config.Config{RxClasses: 8, TxClasses: 8}},
		{"classes=8,skip", config.Config{RxClasses: 7, TxClasses: 7, Data: config.DataPath{SkipHighRx: config.On, SkipHighTx: config.On}}},
		{"times", config.Config{Data: config.DataPath{RxTime: config.On, TxTime: config.On}}},
		{"classes=8,times=detail", timesKept},
	} {
		b.Run(tt.name, func(b *testing.B) {
			p := newPairOf(b, 64, tt.c)
			benchmark(b, p.roundTrip, func() int { return p.replies })
		})
	}
}

// How much longer an echo takes with classes, and with processing times, than without. The measurements take turns and the
// shortest of each counts, so that what else the machine does falls out. What is above its limit is said, not failed:
// it is a matter of the machine, too. That none of them allocates is a test (TestFastPathsAllocateNothing).
func BenchmarkUDPEchoDataPathRatio(b *testing.B) {
	const turn = 200
	ways := []struct {
		name  string
		c     config.Config
		limit float64
	}{
		{"plain", config.Config{}, 1},
		{"classes", config.Config{RxClasses: 8, TxClasses: 8}, 1.15},
		{"times", config.Config{Data: config.DataPath{RxTime: config.On, TxTime: config.On}}, 1.30},
		{"detail", timesKept, 1.30},
	}
	pairs, least := make([]*pair, len(ways)), make([]time.Duration, len(ways))
	for i, w := range ways {
		pairs[i] = newPairOf(b, 64, w.c)
		for range 600 {
			pairs[i].roundTrip()
		}
	}
	for b.Loop() {
		for i, p := range pairs {
			before := p.replies
			begin := b.Elapsed()
			for range turn {
				p.roundTrip()
			}
			took := b.Elapsed() - begin
			if n := p.replies - before; n != turn {
				b.Fatalf("%s: %d answers to %d packets", ways[i].name, n, turn)
			}
			if least[i] == 0 || took < least[i] {
				least[i] = took
			}
		}
	}
	b.ReportMetric(float64(least[0])/turn, "ns/echo")
	for i, w := range ways[1:] {
		ratio := float64(least[i+1]) / float64(least[0])
		b.ReportMetric(ratio, w.name+"/plain")
		if ratio > w.limit && b.N > 100 {
			b.Logf("%s: %.2f times as long as without, above %.2f", w.name, ratio, w.limit)
		}
	}
}

// A datagram of 8000 octets each way: six fragments, put together at the other end.
func BenchmarkFragmentsUDPEcho(b *testing.B) {
	p := newPair(b, 8000)
	b.SetBytes(8000)
	benchmark(b, p.roundTrip, func() int { return p.replies })
}

// 64 datagrams on their way at a time.
func BenchmarkUDPEchoWindow(b *testing.B) {
	p := newPair(b, 64)
	burst := func() {
		for range 64 {
			if err := p.client.Send(p.message); err != nil {
				panic(err)
			}
		}
		if err := p.loop.Run(p.loop.Now() + 1); err != nil {
			panic(err)
		}
	}
	for range 10 {
		burst()
	}
	before, n := p.replies, 0
	b.ReportAllocs()
	for b.Loop() {
		burst()
		n += 64
	}
	if got := p.replies - before; got != n {
		b.Errorf("%d answers to %d datagrams", got, n)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/echo")
}

// router is one that sends datagrams on from one link to the other.
type router struct {
	loop *clock.Loop
	near *wire.End
	n    int
}

func newRouterPath(t testing.TB) *router {
	r := &router{loop: clock.New()}
	node, err := stack.New(r.loop, config.Config{Forwarding: config.On})
	if err != nil {
		t.Fatal(err)
	}
	for i, prefix := range []string{"192.0.2.2/24", "198.51.100.2/24"} {
		end, far := wire.New(r.loop, wire.Config{})
		eth, err := node.AddEthernet(end, ethernet.MAC{2, 0, 0, 0, byte(i), 2})
		if err != nil {
			t.Fatal(err)
		}
		if err := node.AddAddress(eth, netip.MustParsePrefix(prefix)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			r.near = far
			continue
		}
		eth.Ethernet.Neighbours().Set(farIP.Netip(), testerMAC.Addr())
		far.Start(driver.Frames(func([]byte) { r.n++ }))
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *router) forward(frame []byte) {
	r.near.Send(frame)
	if err := r.loop.Run(r.loop.Now() + 1); err != nil {
		panic(err)
	}
}

func BenchmarkForwarding(b *testing.B) {
	r := newRouterPath(b)
	frame := through(ipv4.Header{}, make([]byte, 64))
	benchmark(b, func() { r.forward(frame) }, func() int { return r.n })
}

// benchmark fails when not every run was answered.
func benchmark(b *testing.B, run func(), done func() int) {
	for range 600 {
		run()
	}
	before := done()
	b.ReportAllocs()
	for b.Loop() {
		run()
	}
	if n := done() - before; n != b.N {
		b.Errorf("%d answers to %d packets", n, b.N)
	}
}
