package stack_test

import (
	"net/netip"
	"strings"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/socket"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// faulty is an echo request with a fault in its IP header; the checksum is right.
func faulty(f func(ip []byte)) func(*scene) {
	return func(s *scene) {
		frame := echoRequest("damaged")
		f(frame[14:])
		reseal(frame)
		s.send(frame)
	}
}

// icmpTo is a message to the node with the checksum sealed, or damaged.
func icmpTo(t icmpv4.Type, body string, damage byte) []byte {
	m := icmpMessage(icmpv4.Header{Type: t}, []byte(body))
	m[3] ^= damage
	return ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, m)
}

// tooBig tells the node that a datagram of its own to the tester was too big: of a protocol that does not know what it sent.
func tooBig(s *scene) []byte {
	about := append(ipv4.Append(nil, ipv4.Header{Protocol: codec.ICMPv4, TTL: 64, Src: nodeIP, Dst: testerIP}), make([]byte, 8)...)
	ipv4.Seal(about)
	return ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.FragNeeded(600), about))
}

// byGateway makes the tester the gateway to everywhere.
func byGateway(k *kit) {
	k.meet()
	k.node.AddRoute(netip.MustParsePrefix("0.0.0.0/0"), netipOf(testerIP), k.eth)
}

// onward is a datagram from elsewhere to elsewhere.
func onward(h ipv4.Header, n int) []byte {
	h.Protocol, h.Src, h.Dst = 200, ipv4.Addr{198, 51, 100, 7}, ipv4.Addr{203, 0, 113, 9}
	return ipFrame(h, make([]byte, n))
}

var ipScenarios = []scenario{ // never written
	{
		name: "an echo request is answered", prepare: (*kit).meet,
		do:   func(s *scene) { s.send(echoRequest("x")) },
		want: "ipv4.recv=1 ipv4.sent=1 icmp.recv=1 icmp.sent=1",
	},
	{
		name: "a version that is neither 4 nor 6", do: faulty(func(b []byte) { b[0] = 0x55 }),
		want: "ipv4.recv=1 ipv4.drop=1 ip_errors.vhlerr=1 ip_errors.protoerr=1",
	},
	{
		name: "a header length below the least", do: func(s *scene) { f := echoRequest("x"); f[14] = 0x44; s.send(f) },
		want: "ipv4.recv=1 ipv4.drop=1 ip_errors.vhlerr=1",
	},
	{
		name: "a total length that is wrong by its high octet", do: faulty(func(b []byte) { b[2] = 3 }),
		want: "ipv4.recv=1 ipv4.drop=1 ip_errors.hblenerr=1",
	},
	{
		name: "a total length that is wrong by its low octet", do: faulty(func(b []byte) { b[3]++ }),
		want: "ipv4.recv=1 ipv4.drop=1 ip_errors.lblenerr=1",
	},
	{
		name: "a bad header checksum", do: func(s *scene) { f := echoRequest("x"); f[24] ^= 1; s.send(f) },
		want: "ipv4.recv=1 ipv4.drop=1 ip_errors.chkerr=1",
	},
	{
		name: "a fragment that stays alone",
		do: func(s *scene) {
			s.send(ipFrame(ipv4.Header{Protocol: codec.UDP, ID: 5, FragOffset: 64}, []byte("the end")))
			s.advance(2 * time.Minute)
		},
		want: "ipv4.recv=1 ipv4.drop=1 ip_errors.fragerr=1",
	},
	{
		name: "a protocol that nobody handles", prepare: (*kit).meet,
		do:   func(s *scene) { s.send(ipFrame(ipv4.Header{Protocol: 200}, []byte("x"))) },
		want: "ipv4.recv=1 ipv4.drop=1 ip_errors.protoerr=1 icmp.sent=1 ipv4.sent=1",
	},
	{
		name: "a datagram for another host", do: faulty(func(b []byte) { b[19] = 77 }),
		want: "ipv4.recv=1 ipv4.drop=1",
	},
	{
		name: "a datagram is forwarded", config: config.Config{Forwarding: config.On}, prepare: byGateway,
		do:   func(s *scene) { s.send(onward(ipv4.Header{}, 10)) },
		want: "ipv4.recv=1 ipv4.forwarded=1",
	},
	{
		name: "a datagram is too big to be forwarded", config: config.Config{Forwarding: config.On},
		prepare: func(k *kit) { byGateway(k); k.eth.SetMTU(600) },
		do:      func(s *scene) { s.send(onward(ipv4.Header{Flags: ipv4.DF}, 1000)) },
		want:    "ipv4.recv=1 ipv4.drop=1 icmp.sent=1 ipv4.sent=1 ipv4_pmtu.sent=1",
	},
	{
		name: "a path is narrow", prepare: (*kit).meet,
		do:   func(s *scene) { s.send(tooBig(s)) },
		want: "ipv4.recv=1 icmp.recv=1 ipv4_pmtu.recv=1",
	},
	{
		name: "a path is narrow, and path MTU discovery is off", config: config.Config{PathMTU: config.Off}, prepare: (*kit).meet,
		do:   func(s *scene) { s.send(tooBig(s)) },
		want: "ipv4.recv=1 icmp.recv=1 icmp.drop=1 ipv4_pmtu.recv=1 ipv4_pmtu.drop=1",
	},
	{
		name: "ICMP with a bad checksum", do: func(s *scene) { s.send(icmpTo(icmpv4.EchoRequest, "x", 1)) },
		want: "ipv4.recv=1 icmp.recv=1 icmp.drop=1 icmp.chkerr=1",
	},
	{
		name: "ICMP of a type that is not handled", do: func(s *scene) { s.send(icmpTo(99, "x", 0)) },
		want: "ipv4.recv=1 icmp.recv=1 icmp.drop=1 icmp.typeerr=1",
	},
	{
		name: "a group is joined and a query answered",
		do: func(s *scene) {
			u := s.open(7)
			s.group(u, socket.IPAddMembership, groupIP)
			s.advance(30 * time.Second) // the report is repeated
			s.send(generalQuery(3, 10))
			s.advance(30 * time.Second)
		},
		want: "ipv4.recv=1 ipv4.sent=3 ipv4_igmp.recv=1 ipv4_igmp.sent=3 eth.multicast.received=1 eth.multicast.sent=3",
	},
	{
		name: "IGMP with a bad checksum",
		do: func(s *scene) {
			f := generalQuery(2, 10)
			f[len(f)-1] ^= 1
			s.send(f)
		},
		want: "ipv4.recv=1 ipv4_igmp.recv=1 ipv4_igmp.drop=1 eth.multicast.received=1",
	},
	{
		name: "raw sockets receive and send", prepare: (*kit).meet,
		do: func(s *scene) {
			r := s.raw(200)
			s.send(ipFrame(ipv4.Header{Protocol: 200}, []byte("five5")))
			if err := r.SendTo([]byte("seven77"), peerOf(testerIP, 0)); err != nil {
				s.t.Fatal(err)
			}
			s.advance(0)
		},
		want: "ipv4.recv=1 ipv4.sent=1 raw.recv=1 raw.sent=1 raw.bytes.received=25 raw.bytes.sent=7",
	},
	{
		name: "a raw socket's buffer is full", config: config.Config{SocketBuffer: 100},
		do: func(s *scene) {
			s.raw(200)
			for range 2 {
				s.send(ipFrame(ipv4.Header{Protocol: 200}, []byte(strings.Repeat("x", 60))))
			}
		},
		want: "ipv4.recv=2 raw.recv=2 raw.drop=1 raw.bytes.received=160",
	},
}
