package socket_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
)

var (
	linkA = netip.MustParseAddr("fe80::ff:fe00:1%eth0")
	linkB = netip.MustParseAddr("fe80::ff:fe00:2%eth0")
	six1  = netip.MustParseAddr("2001:db8::1")
	six2  = netip.MustParseAddr("2001:db8::2")
)

// newPair6 is a pair that has addresses of IPv6 as well, in use.
func newPair6(t *testing.T) *pair {
	p := newPair(t, config.Config{})
	for n, a := range map[*stack.Node]netip.Addr{p.a: six1, p.b: six2} {
		p.ok("address", n.AddAddress(n.InterfaceByName("eth0"), netip.PrefixFrom(a, 64)))
	}
	p.advance(10 * time.Second)
	return p
}

func (p *pair) six(n *stack.Node, t socket.Type, local netip.AddrPort) *socket.Socket {
	p.t.Helper()
	s, err := n.Sockets.Open(socket.Inet6, t, 0)
	p.ok("open", err)
	if local.IsValid() {
		p.ok("bind", s.Bind(local))
	}
	return s
}

func TestDatagramsOfIPv6(t *testing.T) {
	p := newPair6(t)
	b := p.six(p.b, socket.Dgram, at(netip.IPv6Unspecified(), 7))
	for _, o := range []socket.Option{socket.IPV6RecvPktInfo, socket.IPV6RecvHopLimit, socket.IPV6RecvTClass, socket.IPRecvTTL} {
		p.ok(string(o), b.SetOption(o, socket.Value{Int: 1}))
	}
	a := p.six(p.a, socket.Dgram, at(six1, 9))
	eth := p.b.InterfaceByName("eth0").Index
	_, err := a.SendMsg([]byte("x"), socket.Out{To: at(six2, 7), Control: []socket.Control{
		{Type: socket.IPV6HopLimit, Int: 5}, {Type: socket.IPV6TClass, Int: 0x20},
	}})
	p.ok("send", err)
	p.advance(time.Second)
	m := p.reads("with ancillary data", b, 0, "x")
	want := []socket.Control{
		{Type: socket.IPV6PktInfo, Addr: six2, Index: eth}, {Type: socket.IPV6HopLimit, Int: 5}, {Type: socket.IPV6TClass, Int: 0x20},
	}
	if m.From != at(six1, 9) || len(m.Control) != 3 || !same(m.Control[0], want[0]) || !same(m.Control[1], want[1]) || !same(m.Control[2], want[2]) {
		t.Errorf("from %v with %+v, want %+v", m.From, m.Control, want)
	}
	p.sends(a, "y", socket.Out{To: at(six2, 7)})
	if m := p.reads("as usual again", b, 0, "y"); m.TTL != 64 || m.TOS != 0 {
		t.Errorf("hop limit %d, traffic class %d", m.TTL, m.TOS)
	}
	_, err = a.SendMsg(nil, socket.Out{To: at(six2, 7), Control: []socket.Control{{Type: socket.IPV6HopLimit, Int: 256}}})
	p.fails("no hop limit", err, errno.EINVAL)
	p.ok("connect", a.Connect(at(six2, 99)))
	p.sends(a, "lost", socket.Out{})
	p.fails("its fate", a.TakeError(), errno.ECONNREFUSED)
}

// A link-local address has a zone: the user's, or the one by which it is reached. What comes from there names it.
func TestLinkLocalSockets(t *testing.T) {
	p := newPair6(t)
	for _, zone := range []string{"eth0", "2", ""} {
		for _, typ := range []socket.Type{socket.Dgram, socket.Stream} {
			to := at(linkB.WithZone(zone), 7)
			b := p.six(p.b, typ, at(linkB.WithZone(zone), 7))
			a := p.six(p.a, typ, netip.AddrPort{})
			if typ == socket.Stream {
				p.ok("listen", b.Listen(1))
				p.fails("connect", a.Connect(to), errno.EINPROGRESS)
				p.advance(time.Second)
				c, err := b.Accept()
				p.ok("accept", err)
				p.ok("close", b.Close())
				b = c
			} else {
				p.ok("connect", a.Connect(to))
			}
			if peer, err := a.Peer(); peer != at(linkB, 7) || a.Local().Addr() != linkA || err != nil {
				t.Errorf("zone %q: connected from %v to %v, %v", zone, a.Local(), peer, err)
			}
			p.sends(a, "there", socket.Out{})
			m := p.reads("there", b, 0, "there")
			to = netip.AddrPort{}
			if typ == socket.Dgram {
				if to = m.From; to.Addr() != linkA {
					t.Errorf("from %v, want its zone", to)
				}
			}
			p.sends(b, "back", socket.Out{To: to})
			p.reads("back", a, 0, "back")
			p.ok("close", a.Close())
			p.ok("close", b.Close())
			p.advance(time.Hour)
		}
	}
	s := p.six(p.a, socket.Dgram, netip.AddrPort{})
	p.fails("no zone", s.Bind(at(linkA.WithZone("eth9"), 7)), errno.ENODEV)
	p.fails("another host's", s.Bind(at(linkB, 7)), errno.EADDRNOTAVAIL)
	group := netip.MustParseAddr("ff02::1:3")
	b := p.six(p.b, socket.Dgram, at(netip.IPv6Unspecified(), 7))
	p.ok("join", b.SetOption(socket.IPV6JoinGroup, socket.Value{Group: group, Index: p.b.InterfaceByName("eth0").Index}))
	p.sends(s, "to a group", socket.Out{To: at(group.WithZone("eth0"), 7)})
	if m := p.reads("to a group", b, 0, "to a group"); m.To != group || m.From.Addr() != linkA {
		t.Errorf("from %v to %v", m.From, m.To)
	}
}

// One listener takes both; what is bound to IPv6 only does not.
func TestStreamsOfBothVersions(t *testing.T) {
	p := newPair6(t)
	both := p.six(p.b, socket.Stream, at(netip.IPv6Unspecified(), 80))
	p.ok("listen", both.Listen(8))
	only, err := p.b.Sockets.Open(socket.Inet6, socket.Stream, 0)
	p.ok("open", err)
	p.ok("IPV6_V6ONLY", only.SetOption(socket.IPV6V6Only, socket.Value{Int: 1}))
	p.ok("bind", only.Bind(at(netip.IPv6Unspecified(), 81)))
	p.ok("listen", only.Listen(8))
	for _, tt := range []struct {
		from    socket.Family
		to      netip.AddrPort
		refused bool
	}{
		{socket.Inet6, at(six2, 80), false},
		{socket.Inet, at(addrB, 80), false},
		{socket.Inet6, at(mappedB, 80), false},
		{socket.Inet6, at(six2, 81), false},
		{socket.Inet, at(addrB, 81), true},
	} {
		s, err := p.a.Sockets.Open(tt.from, socket.Stream, 0)
		p.ok("open", err)
		p.fails("connect", s.Connect(tt.to), errno.EINPROGRESS)
		p.advance(time.Second)
		if tt.refused {
			p.fails(tt.to.String(), s.TakeError(), errno.ECONNREFUSED)
			continue
		}
		l := map[uint16]*socket.Socket{80: both, 81: only}[tt.to.Port()]
		c, err := l.Accept()
		p.ok(tt.to.String(), err)
		if peer, err := c.Peer(); !peer.Addr().Is6() || err != nil {
			t.Errorf("%v: from %v, %v; want an address of IPv6, mapped or not", tt.to, peer, err)
		}
	}
}

// Raw sockets of IPv6 get no header; the checksum is the socket's to fill in and to verify (RFC 3542, 3.1).
func TestRawIPv6(t *testing.T) {
	p := newPair6(t)
	open := func(n *stack.Node, protocol int) *socket.Socket {
		s, err := n.Sockets.Open(socket.Inet6, socket.Raw, protocol)
		p.ok("open", err)
		return s
	}
	a, b := open(p.a, 200), open(p.b, 200)
	p.ok("IPV6_CHECKSUM", a.SetOption(socket.IPV6Checksum, socket.Value{Int: 0}))
	p.ok("IPV6_CHECKSUM", b.SetOption(socket.IPV6Checksum, socket.Value{Int: 0}))
	p.sends(a, "\x00\x00good", socket.Out{To: at(six2, 0)})
	buf := make([]byte, 100)
	m, err := b.Recv(buf)
	if err != nil || m.N != 6 || string(buf[2:6]) != "good" || buf[0] == 0 && buf[1] == 0 || m.From != at(six1, 0) {
		t.Errorf("read % x, %+v, %v; want no header, and a checksum", buf[:m.N], m, err)
	}
	p.ok("IPV6_CHECKSUM", a.SetOption(socket.IPV6Checksum, socket.Value{Int: -1}))
	p.sends(a, "\x00\x00bad", socket.Out{To: at(six2, 0)})
	_, err = b.Recv(buf)
	p.fails("a bad checksum", err, errno.EAGAIN)
	p.ok("IPV6_CHECKSUM", a.SetOption(socket.IPV6Checksum, socket.Value{Int: 4}))
	_, err = a.SendMsg([]byte("short"), socket.Out{To: at(six2, 0)})
	p.fails("shorter than its checksum", err, errno.EINVAL)

	echo, reply := open(p.a, 58), []byte{129}
	filter := make([]byte, 32)
	for i := range filter {
		filter[i] = 0xff
	}
	filter[129/8] &^= 1 << (129 % 8) // all but echo replies are blocked
	p.ok("ICMP6_FILTER", echo.SetOption(socket.ICMP6Filter, socket.Value{Bytes: filter}))
	p.sends(echo, "\x80\x00\x00\x00\x00\x07\x00\x01ping", socket.Out{To: at(six2, 0)})
	p.advance(time.Second)
	m, err = echo.Recv(buf)
	if err != nil || buf[0] != reply[0] || string(buf[8:m.N]) != "ping" {
		t.Errorf("read % x, %v; want an echo reply", buf[:m.N], err)
	}
	_, err = echo.Recv(buf)
	p.fails("what else came is blocked", err, errno.EAGAIN)
}
