package stack_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// fragment6 is a part of a message of ICMPv6.
func fragment6(id uint32, message []byte, from, to int, more bool) []byte {
	f := ipv6.AppendFragment(nil, ipv6.FragmentHeader{Next: codec.ICMPv6, Offset: uint16(from), More: more, ID: id})
	return frame6(ipv6.Header{NextHeader: codec.Fragment}, append(f, message[from:to]...))
}

func echoMessage6(n int) []byte {
	m := append(icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoRequest, 7, 1)), strings.Repeat("x", n)...)
	icmpv6.Seal(m, ipv6.Pseudo(tester6, node6, codec.ICMPv6))
	return m
}

func TestReassembly6(t *testing.T) { // RFC 8200, 4.5; RFC 5722; RFC 6946
	m := echoMessage6(100) // 108 octets
	other := append([]byte(nil), m...)
	other[50] ^= 1
	const whole = `00:01 2001:db8::2 > 2001:db8::1 ICMP6 echo-reply id 7 seq 1 x x 100`
	for _, tt := range []struct {
		name   string
		frames [][]byte
		want   string
	}{
		{"in order", [][]byte{fragment6(1, m, 0, 48, true), fragment6(1, m, 48, 108, false)}, whole},
		{"backwards", [][]byte{fragment6(1, m, 48, 108, false), fragment6(1, m, 0, 48, true)}, whole},
		{"the middle last", [][]byte{fragment6(1, m, 96, 108, false), fragment6(1, m, 0, 48, true), fragment6(1, m, 48, 96, true)}, whole},
		{"a repeated one", [][]byte{fragment6(1, m, 0, 48, true), fragment6(1, m, 0, 48, true), fragment6(1, m, 48, 108, false)}, whole},
		{"overlapping", [][]byte{fragment6(1, m, 0, 48, true), fragment6(1, m, 40, 96, true), fragment6(1, m, 48, 108, false)}, ""},
		{"overlapping, and all that comes later", [][]byte{
			fragment6(1, m, 0, 48, true), fragment6(1, other, 40, 96, true), fragment6(1, m, 0, 48, true), fragment6(1, m, 48, 108, false)}, ""},
		{"the same place with other octets", [][]byte{fragment6(1, m, 0, 96, true), fragment6(1, other, 0, 96, true), fragment6(1, m, 96, 108, false)}, ""},
		{"two ends", [][]byte{fragment6(1, m, 96, 104, false), fragment6(1, m, 104, 108, false), fragment6(1, m, 0, 96, true)}, ""},
		{"of two packets", [][]byte{fragment6(1, m, 0, 48, true), fragment6(2, m, 48, 108, false)}, ""},
		{"whole in one, beside others of its identification", [][]byte{fragment6(1, m, 0, 48, true), fragment6(1, m, 0, 108, false)}, whole},
	} {
		k := staticKit6(t, still())
		k.know6(tester6, testerMAC)
		for _, f := range tt.frames {
			k.send(f)
		}
		if tt.want == "" {
			k.quiet(tt.name)
		} else {
			k.want(tt.name, tt.want)
		}
		k.advance(61 * time.Second)
		k.frames = nil
		if n := k.node.IPv6.Reassembling(); n != 0 {
			t.Errorf("%s: %d left after a minute", tt.name, n)
		}
	}
}

func TestReassemblyTimesOut6(t *testing.T) { // RFC 8200, 4.5
	m := echoMessage6(100)
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	k.send(fragment6(1, m, 0, 48, true))
	k.send(fragment6(2, m, 48, 96, true))
	k.advance(30 * time.Second)
	k.send(fragment6(1, m, 48, 96, true))
	k.advance(30*time.Second - 1)
	k.quiet("60 s from the first that came")
	k.advance(1)
	k.want("then the source is told, if the first fragment is there",
		"00:01 2001:db8::2 > 2001:db8::1 ICMP6 time-exceeded code 1 [2001:db8::1 > 2001:db8::2 frag 0+ len 48]")
	if n := k.node.Stats().Drops[stats.FragTimeout]; n != 2 {
		t.Errorf("%d timed out, want 2", n)
	}
}

func TestFragmentsThatCannotBe6(t *testing.T) { // RFC 8200, 4.5; RFC 7112, 5
	m := echoMessage6(100)
	opts := ipv6.AppendOptions(nil, ipv6.OptionsHeader{Next: codec.DestOpts, Options: ipv6.Options(nil).Pad()})
	cut := ipv6.AppendFragment(nil, ipv6.FragmentHeader{Next: codec.DestOpts, More: true})
	big := ipv6.AppendFragment(nil, ipv6.FragmentHeader{Next: codec.ICMPv6, Offset: 65528})
	for _, tt := range []struct {
		name  string
		frame []byte
		want  string
	}{
		{"not a multiple of 8", fragment6(1, m, 0, 47, true), "code 0 at 4 "},
		{"past the largest packet", frame6(ipv6.Header{NextHeader: codec.Fragment}, append(big, make([]byte, 16)...)), "code 0 at 42 "},
		{"a first one that ends in its headers", frame6(ipv6.Header{NextHeader: codec.Fragment}, append(cut, opts...)), "code 3 at 0 "},
		{"a first one without all of its ICMPv6 header", func() []byte {
			o := ipv6.AppendOptions(nil, ipv6.OptionsHeader{Next: codec.ICMPv6, Options: ipv6.Options(nil).Pad()})
			return frame6(ipv6.Header{NextHeader: codec.Fragment}, append(append([]byte(nil), cut...), o...))
		}(), "code 3 at 0 "},
	} {
		k := staticKit6(t, still())
		k.know6(tester6, testerMAC)
		k.send(tt.frame)
		if got, want := show(k.next(tt.name)), "00:01 2001:db8::2 > 2001:db8::1 ICMP6 parameter-problem "+tt.want; !strings.HasPrefix(got, want) {
			t.Errorf("%s:\n got %s\nwant %s...", tt.name, got, want)
		}
	}
}

func TestFragmentationAtTheSource6(t *testing.T) { // RFC 8200, 4.5 and 5
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	s := k.open6(5000)
	if err := s.SendTo([]byte(strings.Repeat("x", 3000)), netip.AddrPortFrom(tester6.Netip(), 9)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("as much as fits", "00:01 2001:db8::2 > 2001:db8::1 frag 0+ len 1448")
	k.want("and again", "00:01 2001:db8::2 > 2001:db8::1 frag 1448+ len 1448")
	k.want("and the rest", "00:01 2001:db8::2 > 2001:db8::1 frag 2896 len 112")
}

func TestPathMTU6(t *testing.T) { // RFC 8201
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	s := k.open6(5000)
	if err := s.Connect(netip.AddrPortFrom(tester6.Netip(), 9)); err != nil {
		t.Fatal(err)
	}
	send := func(n int) []byte {
		t.Helper()
		if err := s.Send(make([]byte, n)); err != nil && err != errno.EMSGSIZE {
			t.Fatal(err)
		}
		k.advance(0)
		f := k.next("a datagram")
		k.frames = nil
		return f
	}
	sent := send(1400)
	tooBig := func(mtu int, about []byte) {
		t.Helper()
		k.send(icmp6(ipv6.Header{}, append(icmpv6.Append(nil, icmpv6.TooBig(mtu)), about[14:min(len(about), 1200)]...)))
		_ = s.TakeError()
	}
	want := func(why string, n int) {
		t.Helper()
		if f := send(1400); len(f)-14 > n {
			t.Errorf("%s: a packet of %d octets, want at most %d", why, len(f)-14, n)
		} else if len(f)-14 <= n-8 {
			t.Errorf("%s: a packet of %d octets, want as many as fit into %d", why, len(f)-14, n)
		}
	}
	tooBig(1279, sent)
	want("less than every link carries is not believed", 1448)
	small := send(100)
	tooBig(1300, small)
	want("nor that what is smaller did not pass", 1448)
	elsewhere := append([]byte(nil), sent...)
	elsewhere[14+8] = 0x30
	tooBig(1300, elsewhere)
	want("nor about what is not from here", 1448)
	tooBig(1400, sent)
	want("lower", 1400)
	tooBig(1450, sent)
	want("never raised by a message", 1400)
	tooBig(1280, sent)
	want("lower still", 1280)
	k.advance(10*time.Minute - 1)
	want("for ten minutes", 1280)
	k.advance(1)
	want("then a larger one is tried", 1448)
}

func TestPathMTUsAreBounded6(t *testing.T) {
	k := staticKit6(t, still())
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 1800}))
	for n := range 1000 {
		dst := ipv6.Addr{0x20, 1, 0xd, 0xb8, 5: 9, 14: byte(n >> 8), 15: byte(n)}
		about := ipv6.Append(nil, ipv6.Header{NextHeader: codec.ICMPv6, HopLimit: 64, Src: node6, Dst: dst, PayloadLen: 1400})
		k.send(icmp6(ipv6.Header{}, append(icmpv6.Append(nil, icmpv6.TooBig(1300)), append(about, make([]byte, 64)...)...)))
	}
	if n := k.node.IPv6.Destinations(); n != 256 {
		t.Errorf("%d destinations, want 256", n)
	}
}

// A Packet Too Big about a protocol that nobody has is about nothing that was sent (RFC 8201, 4).
func TestPathMTUOfAProtocolThatNobodyHas6(t *testing.T) {
	k := staticKit6(t, still())
	tell := func() int {
		about := ipv6.Append(nil, ipv6.Header{NextHeader: 200, HopLimit: 64, Src: node6, Dst: tester6, PayloadLen: 1440})
		k.send(icmp6(ipv6.Header{}, append(icmpv6.Append(nil, icmpv6.TooBig(1300)), append(about, make([]byte, 64)...)...)))
		return k.node.IPv6.Destinations()
	}
	if n := tell(); n != 0 {
		t.Errorf("%d destinations have an MTU, want none", n)
	}
	s, err := k.node.Sockets.Open(socket.Inet6, socket.Raw, 200)
	if err != nil {
		t.Fatal(err)
	}
	if n := tell(); n != 1 {
		t.Errorf("with a socket that sends it, %d destinations have an MTU, want 1", n)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
