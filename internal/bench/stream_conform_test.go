package bench

import (
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// conformLane is a lane of the reference stack, on one loop.
type conformLane struct {
	in             network
	loop           *clock.Loop
	client, server *stack.Node
	listener       *tcp.Endpoint
	block, buf     []byte
	want           int // octets that are still to be sent
	got            int
	from, to       *tcp.Endpoint
}

func conformLaneOf(tb testing.TB, in network, mtu int) lane {
	l := &conformLane{in: in, loop: clock.New(), block: make([]byte, block), buf: make([]byte, block)}
	l.loop.SetBound(1 << 40)
	near, far := wire.New(l.loop, wire.Config{})
	l.client, l.server = conformStream(tb, l.loop, near, in, 1, mtu), conformStream(tb, l.loop, far, in, 2, mtu)
	l.listener = l.open(tb, l.server)
	if err := l.listener.Bind(in.service()); err != nil {
		tb.Fatal(err)
	}
	if err := l.listener.Listen(1024); err != nil {
		tb.Fatal(err)
	}
	return l
}

func conformStream(tb testing.TB, loop *clock.Loop, end *wire.End, in network, last byte, mtu int) *stack.Node {
	n, err := stack.New(loop, config.Config{Seed: uint64(last), TCP: config.TCP{MSL: -1}, IPv6: quiet6})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := n.Close(); err != nil {
			tb.Error(err)
		}
	})
	eth, err := n.AddEthernet(end, ethernet.MAC{2, 0, 0, 0, 0, last})
	if err != nil {
		tb.Fatal(err)
	}
	eth.Ethernet.SetLargest(mtu)
	if err := n.AddAddress(eth, netip.PrefixFrom(in.host(last), in.net.Bits())); err != nil {
		tb.Fatal(err)
	}
	return n
}

func (l *conformLane) open(tb testing.TB, n *stack.Node) *tcp.Endpoint {
	family := ip.V4
	if l.in.six() {
		family = ip.V6
	}
	e, err := n.TCP.Open(family)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// pass lets time pass until something is so.
func (l *conformLane) pass(tb testing.TB, until func() bool) {
	for !until() {
		if ran, err := l.loop.Step(1 << 62); err != nil || !ran {
			tb.Fatalf("nothing goes on: %v", err)
		}
	}
}

func (l *conformLane) dial(tb testing.TB) (client, server end) {
	c := l.open(tb, l.client)
	if err := c.Connect(l.in.service()); err != errno.EINPROGRESS {
		tb.Fatal(err)
	}
	s := l.accept(tb)
	l.pass(tb, func() bool { return c.State() == tcp.Established })
	for _, e := range []*tcp.Endpoint{c, s} {
		e.SetReady(func(tcp.Ready) { l.ready(e) })
		if err := e.SetOption(tcp.NoDelay, 1); err != nil {
			tb.Fatal(err)
		}
	}
	return c, s
}

func (l *conformLane) ready(e *tcp.Endpoint) {
	switch e {
	case l.from:
		l.send()
	case l.to:
		l.recv()
	}
}

func (l *conformLane) accept(tb testing.TB) (s *tcp.Endpoint) {
	l.pass(tb, func() bool {
		var err error
		s, err = l.listener.Accept()
		return err == nil
	})
	return s
}

func (l *conformLane) move(tb testing.TB, from, to end, n int) {
	l.from, l.to = from.(*tcp.Endpoint), to.(*tcp.Endpoint)
	end := l.got + n
	l.want = n
	l.send()
	for l.got < end {
		if ran, err := l.loop.Step(1 << 62); err != nil || !ran {
			tb.Fatalf("nothing goes on: %v", err)
		}
	}
}

func (l *conformLane) send() {
	for l.want > 0 {
		n, err := l.from.Send(l.block[:min(block, l.want)], 0)
		if l.want -= n; err != nil {
			return
		}
	}
}

func (l *conformLane) recv() {
	for {
		n, err := l.to.Recv(l.buf, 0)
		if err != nil || n == 0 {
			return
		}
		l.got += n
	}
}

func (l *conformLane) cycle(tb testing.TB) {
	c := l.open(tb, l.client)
	if err := c.Connect(l.in.service()); err != errno.EINPROGRESS {
		tb.Fatal(err)
	}
	s := l.accept(tb)
	c.Close()
	l.pass(tb, func() bool { return s.Ready()&tcp.PeerClosed != 0 })
	s.Close()
	l.pass(tb, func() bool { return c.State() == tcp.Closed && s.State() == tcp.Closed })
}

func (l *conformLane) segments() uint64 {
	s := l.client.Stats().TCP
	return s.Sent + s.Received
}
