package socket_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/socket"
)

var (
	mappedA = netip.MustParseAddr("::ffff:192.0.2.1")
	mappedB = netip.MustParseAddr("::ffff:192.0.2.2")
	noIPv6  = netip.MustParseAddr("2001:db8::1")
)

// newDualPair is a pair whose first node has an IPv6 that goes nowhere, when it has no other.
func newDualPair(t *testing.T) *pair {
	p := newPair(t, config.Config{})
	if p.a.Sockets.IP.Network(ip.V6) == nil {
		p.a.Sockets.IP.SetNetwork(ip.V6, &network{addr: noIPv6, in: p.a.InterfaceByName("eth0").Iface})
	}
	return p
}

func (p *pair) open6(t socket.Type, v6only int) *socket.Socket {
	p.t.Helper()
	s, err := p.a.Sockets.Open(socket.Inet6, t, 0)
	p.ok("open", err)
	p.ok("IPV6_V6ONLY", s.SetOption(socket.IPV6V6Only, socket.Value{Int: v6only}))
	return s
}

func TestDualDatagrams(t *testing.T) {
	p := newDualPair(t)
	s, b := p.open6(socket.Dgram, 0), p.udp(p.b, 7)
	p.ok("bind", s.Bind(at(netip.IPv6Unspecified(), 7)))
	p.fails("IPV6_V6ONLY when it is bound", s.SetOption(socket.IPV6V6Only, socket.Value{Int: 1}), errno.EINVAL)
	for _, o := range []socket.Option{socket.IPV6RecvPktInfo, socket.IPPktInfo, socket.IPRecvTTL, socket.IPV6RecvHopLimit, socket.IPV6RecvTClass} {
		p.ok(string(o), s.SetOption(o, socket.Value{Int: 1}))
	}
	p.sends(s, "out", socket.Out{To: at(mappedB, 7)})
	if m := p.reads("by IPv4", b, 0, "out"); m.From != at(addrA, 7) {
		t.Errorf("from %v", m.From)
	}
	p.sends(b, "in", socket.Out{To: at(addrA, 7)})
	m := p.reads("by IPv4", s, 0, "in")
	if m.From != at(mappedB, 7) || m.To != mappedA {
		t.Errorf("from %v to %v, want mapped addresses", m.From, m.To)
	}
	want := []socket.Control{
		{Type: socket.IPV6PktInfo, Addr: mappedA, Index: m.In.Index}, {Type: socket.IPPktInfo, Addr: addrA, Index: m.In.Index},
		{Type: socket.IPTTL, Int: 64}, // what tells of IPv6 does not come with IPv4
	}
	if len(m.Control) != len(want) || !same(m.Control[0], want[0]) || !same(m.Control[1], want[1]) || !same(m.Control[2], want[2]) {
		t.Errorf("%+v, want %+v", m.Control, want)
	}
	p.ok("connect", s.Connect(at(mappedB, 7)))
	if peer, err := s.Peer(); peer != at(mappedB, 7) || s.Local() != at(mappedA, 7) || err != nil {
		t.Errorf("connected from %v to %v, %v", s.Local(), peer, err)
	}
	p.fails("an address of IPv4 as such", s.Connect(at(addrB, 7)), errno.EAFNOSUPPORT)
	_, err := s.SendMsg(nil, socket.Out{Control: []socket.Control{{Type: socket.IPV6PktInfo, Addr: mappedA}}})
	p.ok("from a mapped address", err)
	group := socket.Value{Group: netip.MustParseAddr("239.1.2.3")}
	p.ok("a group of IPv4", s.SetOption(socket.IPAddMembership, group))
}

func TestV6Only(t *testing.T) {
	p := newDualPair(t)
	for _, typ := range []socket.Type{socket.Dgram, socket.Stream} {
		s := p.open6(typ, 1)
		p.fails("bind to IPv4", s.Bind(at(mappedA, 7)), errno.EINVAL)
		p.fails("connect by IPv4", s.Connect(at(mappedB, 7)), errno.ENETUNREACH)
		p.fails("send by IPv4", s.SendTo(nil, at(mappedB, 7)), errno.ENETUNREACH)
		p.fails("a group of IPv4", s.SetOption(socket.IPAddMembership, socket.Value{Group: netip.MustParseAddr("239.1.2.3")}), errno.EINVAL)
		p.ok("bind", s.Bind(at(netip.IPv6Unspecified(), 7)))
		four := p.open(p.a, typ, 0)
		p.ok("the same port of IPv4", four.Bind(at(netip.IPv4Unspecified(), 7)))
		p.ok("close", four.Close())
		p.ok("close", s.Close())
	}
	raw, err := p.a.Sockets.Open(socket.Inet6, socket.Raw, 58)
	p.ok("open", err)
	if v, err := raw.GetOption(socket.IPV6V6Only); v != 1 || err != nil {
		t.Errorf("IPV6_V6ONLY of a raw socket: %d, %v", v, err)
	}
	p.fails("IPv4 by a raw socket", raw.SetOption(socket.IPV6V6Only, socket.Value{}), errno.EINVAL)
	p.fails("an option of IPv4", raw.SetOption(socket.IPTTL, socket.Value{Int: 1}), errno.ENOPROTOOPT)
}

// A stream of IPv6 calls, and is called, by IPv4.
func TestDualStreams(t *testing.T) {
	p := newDualPair(t)
	l := p.listener(p.b, 80)
	s := p.open6(socket.Stream, 0)
	p.ok("set before", s.SetOption(socket.TCPNoDelay, socket.Value{Int: 1}))
	p.ok("bind to IPv4", s.Bind(at(mappedA, 4000)))
	if v, err := s.GetOption(socket.TCPNoDelay); v != 1 || err != nil {
		t.Errorf("TCP_NODELAY %d, %v after bind", v, err)
	}
	p.fails("connect", s.Connect(at(mappedB, 80)), errno.EINPROGRESS)
	told := 0
	s.OnReady(func() { told++ })
	p.advance(time.Second)
	if peer, err := s.Peer(); peer != at(mappedB, 80) || s.Local() != at(mappedA, 4000) || err != nil || told == 0 {
		t.Errorf("connected from %v to %v, %v; told %d times", s.Local(), peer, err, told)
	}
	_, err := l.Accept()
	p.ok("accept", err)

	unbound := p.open6(socket.Stream, 0)
	p.fails("connect without bind", unbound.Connect(at(mappedB, 80)), errno.EINPROGRESS)
	p.advance(time.Second)
	if peer, err := unbound.Peer(); peer != at(mappedB, 80) || err != nil {
		t.Errorf("connected to %v, %v", peer, err)
	}

	both := p.open6(socket.Stream, 0)
	p.ok("bind to all", both.Bind(at(netip.IPv6Unspecified(), 90)))
	p.ok("listen", both.Listen(1))
	caller := p.open(p.b, socket.Stream, 0)
	p.fails("connect", caller.Connect(at(addrA, 90)), errno.EINPROGRESS)
	p.advance(time.Second)
	c, err := both.Accept()
	p.ok("accept", err)
	peer, err := c.Peer()
	if c.Family() != socket.Inet6 || !peer.Addr().Is4In6() || c.Local() != at(mappedA, 90) || err != nil {
		t.Errorf("accepted on %v from %v, %v", c.Local(), peer, err)
	}
}

func TestZones(t *testing.T) {
	p := newDualPair(t)
	for zone, want := range map[string]errno.Errno{"eth0": 0, "2": 0, "eth9": errno.ENODEV} {
		s := p.open6(socket.Dgram, 1)
		a := netip.AddrPortFrom(netip.IPv6Unspecified().WithZone(zone), 0)
		p.fails("bind in zone "+zone, s.Bind(a), want)
		if v, err := s.GetValue(socket.SOBindToDevice); want == 0 && (string(v.Bytes) != "eth0" || err != nil) {
			t.Errorf("zone %s: bound to %q, %v", zone, v.Bytes, err)
		}
	}
}

// Options of IPPROTO_IPV6, on every kind that has them.
func TestIPv6Options(t *testing.T) {
	p := newDualPair(t)
	udp, tcp := p.open6(socket.Dgram, 1), p.open6(socket.Stream, 1)
	raw, err := p.a.Sockets.Open(socket.Inet6, socket.Raw, 200)
	p.ok("open", err)
	eth := p.a.InterfaceByName("eth0").Index
	for _, tt := range []struct {
		o           socket.Option
		of          []*socket.Socket
		before, set int
		bad         []int
	}{
		{socket.IPV6UnicastHops, []*socket.Socket{udp, tcp, raw}, 64, 9, []int{0, 256, -2}},
		{socket.IPV6MulticastHops, []*socket.Socket{udp, tcp, raw}, 1, 3, []int{256, -2}},
		{socket.IPV6TClass, []*socket.Socket{udp, tcp, raw}, 0, 0xb8, []int{256, -2}},
		{socket.IPV6MulticastLoop, []*socket.Socket{udp, raw}, 1, 0, nil},
		{socket.IPV6MulticastIf, []*socket.Socket{udp, raw}, 0, eth, nil},
		{socket.IPV6RecvPktInfo, []*socket.Socket{udp, raw}, 0, 1, nil},
		{socket.IPV6RecvHopLimit, []*socket.Socket{udp, raw}, 0, 1, nil},
		{socket.IPV6RecvTClass, []*socket.Socket{udp, raw}, 0, 1, nil},
		{socket.IPV6RecvErr, []*socket.Socket{udp, raw}, 0, 1, nil},
		{socket.IPV6MTUDiscover, []*socket.Socket{udp, tcp, raw}, socket.PMTUWant, socket.PMTUDo, []int{9}},
		{socket.IPV6Checksum, []*socket.Socket{raw}, -1, 2, []int{3, -2}},
	} {
		for _, s := range tt.of {
			if v, err := s.GetOption(tt.o); v != tt.before || err != nil {
				t.Errorf("%s is %d, %v before it is set; want %d", tt.o, v, err, tt.before)
			}
			for _, bad := range tt.bad {
				p.fails("a bad "+string(tt.o), s.SetOption(tt.o, socket.Value{Int: bad}), errno.EINVAL)
			}
			p.ok(string(tt.o), s.SetOption(tt.o, socket.Value{Int: tt.set}))
			if v, err := s.GetOption(tt.o); v != tt.set || err != nil {
				t.Errorf("%s is %d, %v; want %d", tt.o, v, err, tt.set)
			}
		}
	}
	p.ok("the default again", udp.SetOption(socket.IPV6UnicastHops, socket.Value{Int: -1}))
	if v, _ := udp.GetOption(socket.IPV6UnicastHops); v != 64 {
		t.Errorf("hop limit %d, want the default", v)
	}
	p.ok("IPV6_DONTFRAG", udp.SetOption(socket.IPV6DontFrag, socket.Value{Int: 1}))
	if v, _ := udp.GetOption(socket.IPV6MTUDiscover); v != socket.PMTUDo {
		t.Errorf("IPV6_DONTFRAG makes IPV6_MTU_DISCOVER %d", v)
	}
	icmp, err := p.a.Sockets.Open(socket.Inet6, socket.Raw, 58)
	p.ok("open", err)
	if v, _ := icmp.GetOption(socket.IPV6Checksum); v != 2 {
		t.Errorf("the checksum of ICMPv6 is at %d", v)
	}
	p.fails("and stays there", icmp.SetOption(socket.IPV6Checksum, socket.Value{Int: 4}), errno.EINVAL)
	filter := make([]byte, 32)
	filter[16] = 1 // type 128
	p.ok("ICMP6_FILTER", icmp.SetOption(socket.ICMP6Filter, socket.Value{Bytes: filter}))
	if v, err := icmp.GetValue(socket.ICMP6Filter); string(v.Bytes) != string(filter) || err != nil {
		t.Errorf("filter % x, %v", v.Bytes, err)
	}
	p.fails("a short filter", icmp.SetOption(socket.ICMP6Filter, socket.Value{Bytes: filter[1:]}), errno.EINVAL)
}
