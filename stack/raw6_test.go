package stack_test

import (
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

func TestRawICMPv6(t *testing.T) { // RFC 3542, 3.1 and 3.2
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	s, err := k.node.Sockets.Open(socket.Inet6, socket.Raw, 58)
	if err != nil {
		t.Fatal(err)
	}
	ping := append(icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoRequest, 3, 4)), "out"...)
	if err := s.SendTo(ping, netip.AddrPortFrom(tester6.Netip(), 0)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("the checksum is filled in", `00:01 2001:db8::2 > 2001:db8::1 ICMP6 echo-request id 3 seq 4 "out"`)
	reply := append(icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoReply, 3, 4)), "back"...)
	k.send(icmp6(ipv6.Header{}, reply))
	b := make([]byte, 100)
	m, err := s.Recv(b)
	if err != nil || m.N != len(reply) || string(b[8:m.N]) != "back" || m.From.Addr() != tester6.Netip() {
		t.Errorf("received %x from %v, %v; want the message without a header", b[:m.N], m.From, err)
	}
	bad := icmp6(ipv6.Header{}, reply)
	bad[len(bad)-1] ^= 1
	k.send(bad)
	if s.Readable() {
		t.Error("a message with a bad checksum was received")
	}
}
