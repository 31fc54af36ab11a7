package stack_test

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/socket"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// with6 brings IPv6 up, and makes the tester known.
func with6(k *kit) {
	k.t.Helper()
	if err := k.node.AddAddress(k.eth, netip.PrefixFrom(node6.Netip(), 64)); err != nil {
		k.t.Fatal(err)
	}
	k.know6(tester6, testerMAC)
	k.advance(time.Minute) // reports of groups are sent and sent again
}

// still6 is still, with a change.
func still6(f func(*config.IPv6)) config.Config {
	c := still()
	f(&c.IPv6)
	return c
}

var (
	routing6 = still6(func(c *config.IPv6) { c.Forwarding = config.On })
	members6 = still6(func(c *config.IPv6) { c.MLD = config.On })
)

// byGateway6 makes the tester the gateway to everywhere.
func byGateway6(k *kit) {
	with6(k)
	k.node.AddRoute(netip.MustParsePrefix("::/0"), tester6.Netip(), k.eth)
}

// onward6 is a packet from elsewhere to elsewhere.
func onward6(n int) []byte {
	h := ipv6.Header{NextHeader: 200, Src: ipv6.MustParseAddr("2001:db8:1::7"), Dst: ipv6.MustParseAddr("2001:db8:2::9")}
	f := frame6(h, make([]byte, n))
	copy(f, nodeMAC[:])
	return f
}

// tooBig6 tells the node that a datagram of its own to the tester was too big: of a protocol that does not know what it sent.
func tooBig6(mtu int) []byte {
	about := ipv6.Append(nil, ipv6.Header{NextHeader: codec.ICMPv6, HopLimit: 64, Src: node6, Dst: tester6, PayloadLen: 1440})
	about = append(about, udpMessage6(node6, tester6, 7, 4000, make([]byte, 100))...)
	return icmp6(ipv6.Header{}, append(icmpv6.Append(nil, icmpv6.TooBig(mtu)), about...))
}

// query6 is a general query of MLD from the tester; of version 1, which is the shorter.
func query6(hops uint8) []byte {
	m := icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerQuery, MaxDelay: 1000})
	icmpv6.Seal(m, ipv6.Pseudo(testerLL, allNodes, codec.ICMPv6))
	alert := ipv6.AppendOptions(nil, ipv6.OptionsHeader{
		Next: codec.ICMPv6, Options: ipv6.Options(nil).AppendRouterAlert(ipv6.AlertMLD).Pad(),
	})
	return frame6(ipv6.Header{NextHeader: codec.HopByHop, Src: testerLL, Dst: allNodes, HopLimit: hops}, append(alert, m...))
}

var ipv6Scenarios = []scenario{ // never written
	{
		name: "an echo request of IPv6 is answered", config: still(), prepare: with6,
		do:   func(s *scene) { s.send(echo6(tester6, node6, "x")) },
		want: "ipv6.recv=1 ipv6.sent=1 icmp.recv=1 icmp.sent=1",
	},
	{
		name: "a packet of IPv6 for another host", config: still(), prepare: with6,
		do:   func(s *scene) { s.send(onward6(10)) },
		want: "ipv6.recv=1 ipv6.drop=1",
	},
	{
		name: "a packet of IPv6 is forwarded", config: routing6, prepare: byGateway6,
		do:   func(s *scene) { s.send(onward6(10)) },
		want: "ipv6.recv=1 ipv6.forwarded=1",
	},
	{
		name: "a packet of IPv6 is too big to be forwarded", config: routing6,
		prepare: func(k *kit) { byGateway6(k); k.eth.SetMTU(1280) },
		do:      func(s *scene) { s.send(onward6(1400)) },
		want:    "ipv6.recv=1 ipv6.drop=1 ipv6.sent=1 icmp.sent=1 ipv6_pmtu.sent=1",
	},
	{
		name: "a path of IPv6 is narrow", config: still(), prepare: with6,
		do:   func(s *scene) { s.open6(7); s.send(tooBig6(1300)) },
		want: "ipv6.recv=1 icmp.recv=1 ipv6_pmtu.recv=1",
	},
	{
		name: "a path of IPv6 is said to be narrower than it may be", config: still(), prepare: with6,
		do:   func(s *scene) { s.open6(7); s.send(tooBig6(1000)) },
		want: "ipv6.recv=1 icmp.recv=1 icmp.drop=1 ipv6_pmtu.recv=1 ipv6_pmtu.drop=1",
	},
	{
		name: "a neighbor solicitation is answered", config: still(), prepare: with6,
		do:   func(s *scene) { s.send(solicit6(tester6, node6)) },
		want: "ipv6.recv=1 ipv6.sent=1 icmp.recv=1 icmp.sent=1 ipv6_nd.recv=1 ipv6_nd.sent=1 eth.multicast.received=1",
	},
	{
		name: "a neighbor solicitation that a router has passed on", config: still(), prepare: with6,
		do:   func(s *scene) { f := solicit6(tester6, node6); f[14+7] = 254; s.send(f) },
		want: "ipv6.recv=1 icmp.recv=1 ipv6_nd.recv=1 ipv6_nd.drop=1 eth.multicast.received=1",
	},
	{
		name: "a group of IPv6 is joined, and a query answered", config: members6, prepare: with6,
		do: func(s *scene) {
			u := s.open6(7)
			if err := u.SetOption(socket.IPV6JoinGroup, socket.Value{Group: netip.MustParseAddr("ff05::77")}); err != nil {
				s.t.Fatal(err)
			}
			s.advance(time.Minute)
			s.send(query6(1))
			s.advance(time.Minute)
		},
		want: "ipv6.recv=1 ipv6.sent=+ icmp.recv=1 icmp.sent=+ ipv6_mld.recv=1 ipv6_mld.sent=+ eth.multicast.received=1 eth.multicast.sent=+",
	},
	{
		name: "a query of MLD that a router has passed on", config: members6, prepare: with6,
		do:   func(s *scene) { s.send(query6(2)) },
		want: "ipv6.recv=1 icmp.recv=1 ipv6_mld.recv=1 ipv6_mld.drop=1 eth.multicast.received=1",
	},
}
