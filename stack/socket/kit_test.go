package socket_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// pair is two nodes on a wire: 192.0.2.1 and 192.0.2.2. At the end nothing may be left in use on either.
type pair struct {
	t    testing.TB
	loop *clock.Loop
	a, b *stack.Node
}

var (
	addrA = netip.MustParseAddr("192.0.2.1")
	addrB = netip.MustParseAddr("192.0.2.2")
	macA  = ethernet.MAC{2, 0, 0, 0, 0, 1}
	macB  = ethernet.MAC{2, 0, 0, 0, 0, 2}
)

func newPair(t testing.TB, c config.Config) *pair {
	p := &pair{t: t, loop: clock.New()}
	x, y := wire.New(p.loop, wire.Config{Delay: time.Millisecond})
	p.a, p.b = p.node(c, x, macA, addrA), p.node(c, y, macB, addrB)
	return p
}

func (p *pair) node(c config.Config, end *wire.End, mac ethernet.MAC, a netip.Addr) *stack.Node {
	n, err := stack.New(p.loop, c)
	if err != nil {
		p.t.Fatal(err)
	}
	eth, err := n.AddEthernet(end, mac)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := n.AddAddress(eth, netip.PrefixFrom(a, 24)); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := n.Close(); err != nil {
			p.t.Error(err)
		}
	})
	return n
}

func (p *pair) advance(d time.Duration) {
	p.t.Helper()
	if err := p.loop.Run(p.loop.Now() + d); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) open(n *stack.Node, t socket.Type, protocol int) *socket.Socket {
	p.t.Helper()
	s, err := n.Sockets.Open(socket.Inet, t, protocol)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// udp is a socket of UDP on a port of a node.
func (p *pair) udp(n *stack.Node, port uint16) *socket.Socket {
	p.t.Helper()
	s := p.open(n, socket.Dgram, 0)
	p.ok("bind", s.Bind(netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	return s
}

// streams is a connection between the nodes, accepted.
func (p *pair) streams() (a, b *socket.Socket) {
	p.t.Helper()
	l := p.listener(p.b, 80)
	a = p.open(p.a, socket.Stream, 0)
	p.fails("connect", a.Connect(netip.AddrPortFrom(addrB, 80)), errno.EINPROGRESS)
	p.advance(time.Second)
	b, err := l.Accept()
	p.ok("accept", err)
	p.ok("close of the listener", l.Close())
	return a, b
}

func (p *pair) listener(n *stack.Node, port uint16) *socket.Socket {
	p.t.Helper()
	l := p.open(n, socket.Stream, 0)
	p.ok("bind", l.Bind(netip.AddrPortFrom(netip.IPv4Unspecified(), port)))
	p.ok("listen", l.Listen(8))
	return l
}

func (p *pair) ok(what string, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
}

func (p *pair) fails(what string, err error, want errno.Errno) {
	p.t.Helper()
	if errno.Of(err) != want {
		p.t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// reads takes one message.
func (p *pair) reads(why string, s *socket.Socket, f socket.Flags, want string) socket.Message {
	p.t.Helper()
	b := make([]byte, 2000)
	m, err := s.RecvMsg(b, f)
	if err != nil || string(b[:m.N]) != want {
		p.t.Errorf("%s: read %q, %v; want %q", why, b[:m.N], err, want)
	}
	return m
}

func (p *pair) sends(s *socket.Socket, text string, o socket.Out) {
	p.t.Helper()
	if n, err := s.SendMsg([]byte(text), o); n != len(text) || err != nil {
		p.t.Errorf("sent %d of %q, %v", n, text, err)
	}
	p.advance(10 * time.Millisecond)
}

func at(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a, port) }
