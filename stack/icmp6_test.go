package stack_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

func TestEcho6(t *testing.T) { // RFC 4443, 4.2
	k := staticKit6(t, still())
	k.meet6(tester6)
	k.meet6(testerLL)
	k.send(echo6(tester6, node6, "ping"))
	k.want("an echo comes back whole", `00:01 2001:db8::2 > 2001:db8::1 ICMP6 echo-reply id 7 seq 1 "ping"`)
	k.send(echo6(testerLL, nodeLL, ""))
	k.want("between link-local addresses, too", `00:01 fe80::ff:fe00:2 > fe80::1 ICMP6 echo-reply id 7 seq 1 ""`)
	k.send(echo6(tester6, allNodes, "all"))
	k.want("a group is answered from an address of its own", `00:01 2001:db8::2 > 2001:db8::1 ICMP6 echo-reply id 7 seq 1 "all"`)
	k.send(echo6(testerLL, allNodes, "all"))
	k.want("whose scope is that of the one who asks", `00:01 fe80::ff:fe00:2 > fe80::1 ICMP6 echo-reply id 7 seq 1 "all"`)
}

func TestErrorsQuoteWhatFits(t *testing.T) { // RFC 4443, 2.4 (c) and 3.1
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	for _, n := range []int{0, 1184, 1185, 1400} {
		k.send(udp6(9, 9, strings.Repeat("x", n)))
		f := k.next("an unreachable port is told")
		if want := min(14+40+8+40+8+n, 14+1280); len(f) != want {
			t.Errorf("data of %d octets: the frame has %d octets, want %d", n, len(f), want)
		}
		if want := "00:01 2001:db8::2 > 2001:db8::1 ICMP6 unreachable code 4 ["; !strings.HasPrefix(show(f), want) {
			t.Errorf("got %s\nwant %s...", show(f), want)
		}
	}
}

func TestNoErrorsAboutThese6(t *testing.T) { // RFC 4443, 2.4 (e)
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	dst := options(codec.DestOpts, ipv6.Options(nil).Append(0x9e, nil).Pad())
	in := func(src, to ipv6.Addr, m []byte) []byte {
		m = append([]byte(nil), m...)
		icmpv6.Seal(m, ipv6.Pseudo(src, to, codec.ICMPv6))
		o := append([]byte(nil), dst[1:]...)
		o[0] = byte(codec.ICMPv6)
		p := append(o, m...)
		return frameFrom6(testerMAC, ipv6.Header{NextHeader: codec.DestOpts, HopLimit: 64, Src: src, Dst: to, PayloadLen: uint16(len(p))}, p)
	}
	for _, tt := range []struct {
		name  string
		frame []byte
	}{
		{"an error", in(tester6, node6, make([]byte, 56))},
		{"an error of an unknown type", in(tester6, node6, append([]byte{100}, make([]byte, 55)...))},
		{"a redirect", in(tester6, node6, append([]byte{137}, make([]byte, 39)...))},
		{"what is from ::", in(ipv6.Addr{}, node6, append([]byte{128}, make([]byte, 7)...))},
		{"what is to a group, but for two errors", frame6(ipv6.Header{NextHeader: 99, Dst: allNodes}, make([]byte, 8))},
	} {
		k.send(tt.frame)
		k.quiet(tt.name)
	}
}

func TestErrorsAreLimited6(t *testing.T) { // RFC 4443, 2.4 (f)
	c := still()
	c.IPv6.ICMPRate, c.IPv6.ICMPBurst = 10, 3
	k := staticKit6(t, c)
	k.know6(tester6, testerMAC)
	send := func(n, want int, why string) {
		t.Helper()
		for range n {
			k.send(udp6(9, 9, ""))
		}
		if len(k.frames) != want {
			t.Errorf("%s: %d errors, want %d", why, len(k.frames), want)
		}
		k.frames = nil
	}
	send(10, 3, "a burst")
	k.advance(100*time.Millisecond - 1)
	send(1, 0, "a nanosecond before the next")
	k.advance(1)
	send(2, 1, "then one more")
}

func TestErrorsReachTheirSocket6(t *testing.T) { // RFC 4443, 3
	for _, tt := range []struct {
		m    icmpv6.Header
		want error
	}{
		{icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.NoRoute}, errno.ENETUNREACH},
		{icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.Prohibited}, errno.EHOSTUNREACH},
		{icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.AddressUnreachable}, errno.EHOSTUNREACH},
		{icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.PortUnreachable}, errno.ECONNREFUSED},
		{icmpv6.Header{Type: icmpv6.TimeExceeded}, errno.EHOSTUNREACH},
		{icmpv6.BadParameter(icmpv6.UnknownNextHeader, 6), errno.ENOPROTOOPT},
		{icmpv6.Header{Type: 99}, errno.EPROTO}, // unknown errors, too (2.4 (a))
	} {
		k := staticKit6(t, still())
		k.know6(tester6, testerMAC)
		s := k.open6(5000)
		if err := s.Connect(netip.AddrPortFrom(tester6.Netip(), 9)); err != nil {
			t.Fatal(err)
		}
		if err := s.Send([]byte("x")); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
		sent := k.next("the datagram")[14:]
		k.send(icmp6(ipv6.Header{}, append(icmpv6.Append(nil, tt.m), sent...)))
		if err := s.TakeError(); err != tt.want {
			t.Errorf("%v: the socket hears %v, want %v", tt.m, err, tt.want)
		}
	}
}
