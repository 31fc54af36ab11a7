package stack_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// Without IPv6 its frames are of an unknown type, and there is nothing of it to configure or to open.
func TestIPv6Off(t *testing.T) {
	k := newKit(t, configured(t, "CONFIG_NET_IPV6=n"))
	for _, frame := range [][]byte{echo6(tester6, node6, "x"), udp6(4000, 9, "x"), solicit6(testerLL, node6)} {
		before := k.node.Stats()
		frame[0], frame[1], frame[2], frame[3], frame[4], frame[5] = 2, 0, 0, 0, 0, 2 // a solicitation goes to a group, which nobody joined
		k.send(frame)
		s := k.node.Stats()
		if s.Drops[stats.UnknownType]-before.Drops[stats.UnknownType] != 1 || s.IPv6 != before.IPv6 {
			t.Errorf("%d of an unknown type; IPv6 %+v", s.Drops[stats.UnknownType]-before.Drops[stats.UnknownType], s.IPv6)
		}
	}
	k.quiet("without IPv6")
	k.wantError("an address", k.node.AddAddress(k.eth, netip.PrefixFrom(node6.Netip(), 64)), errno.EAFNOSUPPORT)
	k.wantError("enabling it", k.node.EnableIPv6(k.eth), errno.EAFNOSUPPORT)
	_, err := k.node.Sockets.Open(socket.Inet6, socket.Dgram, 0)
	k.wantError("a socket", err, errno.EAFNOSUPPORT)
	k.meet()
	k.send(echoRequest("x"))
	k.want("IPv4 goes on", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "x"`)
}

// IPv6 without IPv4, and without each of what stands on it.
func TestOverIPv6WhatIsOff(t *testing.T) {
	syn := tcp.Append(nil, tcp.Header{SrcPort: 4000, DstPort: 7, Seq: 1, Flags: tcp.SYN, Window: 1000})
	tcp.Seal(syn, codec.Pseudo6(tester6, node6, codec.TCP))
	for _, tt := range []struct {
		off   string
		frame []byte
		quote string
	}{
		{"NET_UDP", udp6(4000, 9, "x"), `UDP 4000 > 9 "x"`},
		{"NET_TCP", frame6(ipv6.Header{NextHeader: codec.TCP, Src: tester6, Dst: node6}, syn), "TCP 0fa000070000000100000000500203e840de0000"},
	} {
		t.Run(tt.off, func(t *testing.T) {
			c := configured(t, "CONFIG_NET_IPV4=n", "CONFIG_"+tt.off+"=n", "CONFIG_NET_IPV6_DAD=n", "CONFIG_CONFORM_IPV6_ROUTER_SOLICIT=n", "CONFIG_NET_IPV6_MLD=n")
			k := staticKit6(t, c)
			k.meet6(tester6)
			before := k.node.Stats()
			k.send(tt.frame)
			k.want("RFC 8200, 4: an unknown next header",
				"00:01 2001:db8::2 > 2001:db8::1 ICMP6 parameter-problem code 1 at 6 [2001:db8::1 > 2001:db8::2 "+tt.quote+"]")
			if n := k.node.Stats().Drops[stats.IPNoProtocol] - before.Drops[stats.IPNoProtocol]; n != 1 {
				t.Errorf("%d dropped, want 1", n)
			}
			k.send(echo6(tester6, node6, "x"))
			k.want("ICMPv6 goes on", `00:01 2001:db8::2 > 2001:db8::1 ICMP6 echo-reply id 7 seq 1 "x"`)
		})
	}
}

// Without MLD a group is joined in silence; without DAD an address is ready at once.
func TestQuietIPv6(t *testing.T) {
	lines := []string{"CONFIG_NET_IPV6_DAD=n", "CONFIG_NET_IPV6_MLD=n", "CONFIG_CONFORM_IPV6_ROUTER_SOLICIT=n"}
	k := newKit6(t, configured(t, lines...))
	k.advance(time.Minute)
	k.quiet("all is off that speaks of its own accord")
	for _, without := range lines {
		var rest []string
		for _, l := range lines {
			if l != without {
				rest = append(rest, l)
			}
		}
		k := newKit6(t, configured(t, rest...))
		k.advance(time.Minute)
		if len(k.frames) == 0 {
			t.Errorf("%s: it makes no difference", without)
		}
		k.frames = nil
	}
}
