package stack_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

func TestPacketsThatAreDropped6(t *testing.T) { // RFC 8200, 3; RFC 4291, 2.5 to 2.7
	k := staticKit6(t, still())
	k.meet6(tester6)
	mcast := func(s string) ipv6.Addr { return ipv6.MustParseAddr(s) }
	for _, tt := range []struct {
		name  string
		frame []byte
		why   stats.Drop
	}{
		{"another version", func() []byte { f := echo6(tester6, node6, "x"); f[14] = 0x40; return f }(), stats.IPVersion},
		{"cut in its header", echo6(tester6, node6, "x")[:14+39], stats.IPInvalid},
		{"shorter than its payload length", frame6(ipv6.Header{NextHeader: codec.UDP, PayloadLen: 9}, make([]byte, 8)), stats.IPLength},
		{"from a group", echo6(allNodes, node6, "x"), stats.IPSource},
		{"from the loopback address", echo6(ipv6.Loopback, node6, "x"), stats.IPSource},
		{"from an address of ours", echo6(node6, node6, "x"), stats.IPSource},
		{"from an address of IPv4", echo6(mcast("::ffff:192.0.2.1"), node6, "x"), stats.IPSource},
		{"to the loopback address", echo6(tester6, ipv6.Loopback, "x"), stats.IPDestination},
		{"to another host", echo6(tester6, mcast("2001:db8::99"), "x"), stats.IPDestination},
		{"to a group of the interface itself", echo6(tester6, mcast("ff01::1"), "x"), stats.IPDestination},
		{"an echo from ::", frame6From("::", node6), stats.ICMPIgnored},
		{"a bad checksum", func() []byte { f := echo6(tester6, node6, "x"); f[len(f)-1] ^= 1; return f }(), stats.ICMPChecksum},
		{"ICMPv6 cut short", icmp6(ipv6.Header{}, []byte{128, 0, 0, 0}), stats.ICMPInvalid},
		{"an unknown message that is no error", icmp6(ipv6.Header{}, []byte{200, 0, 0, 0, 0, 0, 0, 0}), stats.ICMPUnknown},
		{"UDP without checksum", frame6(ipv6.Header{NextHeader: codec.UDP}, octets6(t, "0007000700080000")), stats.UDPInvalid},
	} {
		before := k.node.Stats().Drops
		k.send(tt.frame)
		k.quiet(tt.name)
		after := k.node.Stats().Drops
		if after[tt.why] != before[tt.why]+1 {
			t.Errorf("%s: not counted as %v", tt.name, tt.why)
		}
	}
}

func frame6From(src string, dst ipv6.Addr) []byte {
	m := icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoRequest, 1, 1))
	s := ipv6.MustParseAddr(src)
	icmpv6.Seal(m, ipv6.Pseudo(s, dst, codec.ICMPv6))
	return frameFrom6(testerMAC, ipv6.Header{NextHeader: codec.ICMPv6, HopLimit: 64, Src: s, Dst: dst, PayloadLen: uint16(len(m))}, m)
}

func TestUDPOverIPv6(t *testing.T) {
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	k.know6(testerLL, testerMAC)
	k.echoService6(7)
	k.send(udp6(5000, 7, "hello"))
	k.want("an echo", `00:01 2001:db8::2 > 2001:db8::1 UDP 7 > 5000 "hello"`)
	k.send(frame6(ipv6.Header{NextHeader: codec.UDP, Src: testerLL, Dst: nodeLL}, udpMessage6(testerLL, nodeLL, 5000, 7, []byte("link"))))
	k.want("one between link-local addresses", `00:01 fe80::ff:fe00:2 > fe80::1 UDP 7 > 5000 "link"`)
}

func TestLinkLocalAddressesHaveAZone(t *testing.T) { // RFC 4007
	k := staticKit6(t, still())
	k.know6(testerLL, testerMAC)
	s := k.open6(5000)
	k.send(frame6(ipv6.Header{NextHeader: codec.UDP, Src: testerLL, Dst: nodeLL}, udpMessage6(testerLL, nodeLL, 9, 5000, []byte("x"))))
	m, err := s.Recv(make([]byte, 10))
	if err != nil || m.From != netip.MustParseAddrPort("[fe80::1%eth0]:9") || m.To != netip.MustParseAddr("fe80::ff:fe00:2%eth0") {
		t.Errorf("from %v to %v, %v", m.From, m.To, err)
	}
	for _, to := range []string{"[fe80::1%eth0]:9", "[fe80::1%2]:9"} {
		if err := s.SendTo([]byte("y"), netip.MustParseAddrPort(to)); err != nil {
			t.Errorf("to %s: %v", to, err)
		}
		k.advance(0)
		k.want("by that interface", `00:01 fe80::ff:fe00:2 > fe80::1 UDP 5000 > 9 "y"`)
	}
	if err := s.SendTo([]byte("y"), netip.MustParseAddrPort("[fe80::1%eth7]:9")); err == nil {
		t.Errorf("to a zone that there is not: %v", err)
	}
	for _, a := range []string{"[fe80::ff:fe00:2%eth0]:6000", "[2001:db8::2]:6000", "[::1]:6000"} {
		s, err := k.node.Sockets.Open(socket.Inet6, socket.Dgram, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Bind(netip.MustParseAddrPort(a)); err != nil {
			t.Errorf("bind %s: %v", a, err)
		}
	}
}

func TestLoopback6(t *testing.T) {
	k := staticKit6(t, still())
	k.echoService6(7)
	s := k.open6(5000)
	for _, to := range []string{"[::1]:7", "[2001:db8::2]:7", "[fe80::ff:fe00:2%eth0]:7"} {
		a := netip.MustParseAddrPort(to)
		if err := s.SendTo([]byte("self"), a); err != nil {
			t.Errorf("to %v: %v", a, err)
		}
		k.advance(0)
		m, err := s.Recv(make([]byte, 10))
		if err != nil || m.From != a {
			t.Errorf("from %v, %v; want %v", m.From, err, a)
		}
	}
	if err := s.Connect(netip.MustParseAddrPort("[::1]:9")); err != nil {
		t.Fatal(err)
	}
	if err := s.Send([]byte("nobody")); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	if err := s.TakeError(); err != errno.ECONNREFUSED {
		t.Errorf("a closed port here: %v", err)
	}
}

func TestFlowLabels(t *testing.T) { // RFC 6437, 3
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	label := func(from, to uint16) uint32 {
		t.Helper()
		s := k.open6(from)
		defer s.Close()
		if err := s.SendTo(nil, netip.AddrPortFrom(tester6.Netip(), to)); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
		h, _, err := ipv6.Parse(k.next("a datagram")[14:])
		if err != nil {
			t.Fatal(err)
		}
		return h.FlowLabel
	}
	a, again, b := label(1000, 2000), label(1000, 2000), label(1000, 2001)
	if a != again || a == b || a == 0 {
		t.Errorf("labels %x and %x of one flow, %x of another", a, again, b)
	}
}

func TestGroups6(t *testing.T) {
	k := staticKit6(t, still())
	g := netip.MustParseAddr("ff05::1:3")
	s := k.open6(5000)
	group := ipv6.Addr(g.As16())
	datagram := frame6(ipv6.Header{NextHeader: codec.UDP, Dst: group}, udpMessage6(tester6, group, 9, 5000, []byte("x")))
	received := func(why string, want uint64) {
		t.Helper()
		k.send(datagram)
		if n := k.node.Stats().IPv6.Received; n != want {
			t.Errorf("%s: %d received, want %d", why, n, want)
		}
	}
	received("no member yet", 0)
	k.node.IPv6.SetFilter(s, k.eth.Iface, g, ip.Filter{Exclude: true})
	received("a member", 1)
	received("still", 2)
	k.node.IPv6.SetFilter(s, k.eth.Iface, g, ip.Filter{})
	received("no member any more", 2)
	if err := s.SendTo([]byte("y"), netip.AddrPortFrom(g, 9)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("to a group, with the hop limit for those", `33:33:00:01:00:03 2001:db8::2 > ff05::1:3 hlim 1 UDP 5000 > 9 "y"`)
}

func TestGroupsAreBounded6(t *testing.T) {
	c := still()
	c.IPv6.MaxGroups = 3
	k := staticKit6(t, c)
	join := func(s *socket.Socket, n int) error {
		g := netip.AddrFrom16([16]byte{0xff, 5, 14: 9, 15: byte(n)})
		return s.SetOption(socket.IPV6JoinGroup, socket.Value{Group: g, Index: k.eth.Index})
	}
	a, b := k.open6(5000), k.open6(5001)
	for n := range 3 {
		if err := join(a, n); err != nil {
			t.Errorf("group %d: %v", n, err)
		}
	}
	if err := join(b, 2); err != nil {
		t.Errorf("one that is joined already: %v", err)
	}
	if err := join(b, 3); err != errno.ENOBUFS {
		t.Errorf("a fourth: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if err := join(b, 3); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
}

func TestIPv6IsOffUntilItIsAskedFor(t *testing.T) {
	k := bareKit6(t, config.Config{})
	k.advance(time.Hour)
	k.quiet("an interface that was not asked to have IPv6")
	k.send(solicit6(testerLL, nodeLL))
	k.quiet("it does not answer either")
	c := config.Config{IPv6: config.IPv6{Enabled: config.Off}}
	k = bareKit6(t, c)
	if err := k.node.EnableIPv6(k.eth); err == nil {
		t.Error("IPv6 came up, which the configuration leaves out")
	}
	if err := k.node.AddAddress(k.eth, netip.MustParsePrefix("2001:db8::2/64")); err == nil {
		t.Error("an address of IPv6 without IPv6")
	}
}

func TestLinkTooSmallForIPv6(t *testing.T) { // RFC 8200, 5
	k := bareKit6(t, still())
	k.eth.SetMTU(1279)
	if err := k.node.EnableIPv6(k.eth); err == nil {
		t.Error("IPv6 came up on a link of MTU 1279")
	}
	k.eth.SetMTU(1280)
	if err := k.node.EnableIPv6(k.eth); err != nil {
		t.Error(err)
	}
}
