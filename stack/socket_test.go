package stack_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// Two nodes on a wire: one asks, the other answers.
func Example() {
	loop := clock.New()
	left, right := wire.New(loop, wire.Config{Delay: time.Millisecond})
	open := func(end *wire.End, last byte) *socket.Socket {
		node, _ := stack.New(loop, config.Config{})
		eth, _ := node.AddEthernet(end, ethernet.MAC{2, 0, 0, 0, 0, last})
		node.AddAddress(eth, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24))
		s, _ := node.Sockets.Open(socket.Inet, socket.Dgram, 0)
		s.Bind(netip.MustParseAddrPort("0.0.0.0:7"))
		return s
	}
	client, server := open(left, 1), open(right, 2)
	buf := make([]byte, 100)
	server.OnReady(func() {
		if m, err := server.Recv(buf); err == nil {
			server.SendTo(buf[:m.N], m.From)
		}
	})
	client.OnReady(func() {
		if m, err := client.Recv(buf); err == nil {
			fmt.Printf("%s from %v after %v\n", buf[:m.N], m.From, loop.Now())
		}
	})
	client.SendTo([]byte("hello"), netip.MustParseAddrPort("192.0.2.2:7"))
	loop.Run(time.Second)
	// Output: hello from 192.0.2.2:7 after 4ms
}

func TestOptionsReadBack(t *testing.T) {
	k := newKit(t, config.Config{})
	s := k.open(7)
	for _, tt := range []struct {
		o             socket.Option
		before, value int
	}{
		{socket.SOReuseAddr, 0, 1}, {socket.SOBroadcast, 0, 1}, {socket.SODontRoute, 0, 1}, {socket.SORcvBuf, 212992, 4096},
		{socket.SONoCheck, 0, 1}, {socket.IPTTL, 64, 9}, {socket.IPTOS, 0, 0xb8}, {socket.IPMulticastTTL, 1, 3},
		{socket.IPMulticastLoop, 1, 0}, {socket.IPMTUDiscover, socket.PMTUWant, socket.PMTUDo},
	} {
		if v, err := s.GetOption(tt.o); v != tt.before || err != nil {
			t.Errorf("%s is %d, %v before it is set; want %d", tt.o, v, err, tt.before)
		}
		if err := s.SetOption(tt.o, socket.Value{Int: tt.value}); err != nil {
			t.Errorf("%s: %v", tt.o, err)
		}
		if v, err := s.GetOption(tt.o); v != tt.value || err != nil {
			t.Errorf("%s is %d, %v; want %d", tt.o, v, err, tt.value)
		}
	}
	if v, err := s.GetOption(socket.SOProtocol); v != 17 || err != nil {
		t.Errorf("SO_PROTOCOL = %d, %v", v, err)
	}
	_, err := s.GetOption(socket.IPMTU)
	k.wantError("the path MTU to nobody", err, errno.ENOTCONN)
	_, err = s.GetOption("SO_NONSENSE")
	k.wantError("no such option", err, errno.ENOPROTOOPT)
}

// TTL, TOS and options can be set for what is sent (RFC 1122, 4.1.4).
func TestOptionsAreSent(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	s := k.open(7)
	peer := peerOf(testerIP, 9)
	s.SetOption(socket.IPTTL, socket.Value{Int: 3})
	s.SetOption(socket.IPTOS, socket.Value{Int: 0x20})
	s.SetOption(socket.IPMTUDiscover, socket.Value{Int: socket.PMTUDont})
	s.SendTo([]byte("x"), peer)
	k.advance(0)
	k.want("TTL and TOS, may be fragmented", `00:01 192.0.2.2 > 192.0.2.1 ttl 3 tos 32 UDP 7 > 9 "x"`)

	s = k.open(8)
	route := ipv4.Options{}.AppendSourceRoute(ipv4.LSRR, testerIP, ipv4.Addr{10, 0, 0, 1})
	if err := s.SetOption(socket.IPOptions, socket.Value{Bytes: route}); err != nil {
		t.Fatal(err)
	}
	if err := s.SendTo([]byte("x"), netip.MustParseAddrPort("203.0.113.5:9")); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	f := k.next("by a source route")
	h, payload, _ := ipv4.Parse(f[14:])
	if h.Dst != testerIP || fmt.Sprintf("%x", []byte(h.Options)) != "830b040a000001cb00710500" {
		t.Errorf("sent to %v with options %x; the first hop and the others, the destination last, are wanted (RFC 791, 3.1)", h.Dst, []byte(h.Options))
	}
	if sum := codec.Pseudo4(nodeIP, ipv4.Addr{203, 0, 113, 5}, codec.UDP).AddUint16(uint16(len(payload))).Add(payload); !sum.Valid() {
		t.Error("the checksum is not over the final destination")
	}
	for name, bad := range map[string][]byte{
		"two source routes":   append(route[:11:11], route...),
		"a stream identifier": {136, 4, 0, 0},
		"a bad length":        {7, 200, 4},
		"41 octets":           make([]byte, 41),
		"no room":             {131, 3, 4},
		"a route by a group":  ipv4.Options{}.AppendSourceRoute(ipv4.LSRR, groupIP),
		"a route recorded":    {7, 7, 8, 224, 0, 0, 1},
	} {
		k.wantError(name, s.SetOption(socket.IPOptions, socket.Value{Bytes: bad}), errno.EINVAL)
	}
	k.wantError("a route to a group (RFC 1112, 6.2)", s.SendTo(nil, peerOf(groupIP, 9)), errno.EINVAL)
	used := ipv4.Options{}.AppendRecordRoute(1)
	used[4] = 9
	if err := s.SetOption(socket.IPOptions, socket.Value{Bytes: used}); err != nil {
		t.Fatal(err)
	}
	s.SendTo([]byte("x"), peer)
	k.advance(0)
	k.want("zeros are left for those on the way (RFC 791, 3.1)", `00:01 192.0.2.2 > 192.0.2.1 DF options 0707040000000000 UDP 8 > 9 "x"`)
	s.SetOption(socket.IPOptions, socket.Value{})
	s.SendTo([]byte("x"), peer)
	k.advance(0)
	k.want("without options again", `00:01 192.0.2.2 > 192.0.2.1 DF UDP 8 > 9 "x"`)
}

func TestInterfacesOfSockets(t *testing.T) {
	k := newRouter(t, config.Config{})
	s := k.open(7)
	s.SetOption(socket.SOBroadcast, socket.Value{Int: 1})
	all := netip.MustParseAddrPort("255.255.255.255:9")
	send := func(to netip.AddrPort) {
		t.Helper()
		if err := s.SendTo([]byte("x"), to); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
	}
	send(all)
	k.want("the first interface", `all 192.0.2.2 > 255.255.255.255 UDP 7 > 9 "x"`)
	send(netip.MustParseAddrPort("198.51.100.255:9"))
	k.want("that of the subnet", `02:00:00:00:00:12 > all 198.51.100.2 > 198.51.100.255 UDP 7 > 9 "x"`)
	send(peerOf(groupIP, 9))
	k.next("the first interface")
	if err := s.SetOption(socket.IPMulticastIf, socket.Value{Interface: netip.MustParseAddr("198.51.100.2")}); err != nil {
		t.Fatal(err)
	}
	send(peerOf(groupIP, 9))
	k.want("the interface for groups", `02:00:00:00:00:12 > 01:00:5e:01:02:03 198.51.100.2 > 239.1.2.3 ttl 1 UDP 7 > 9 "x"`)
	s.SetOption(socket.IPMulticastIf, socket.Value{})
	send(peerOf(groupIP, 9))
	k.want("the system's choice again", `01:00:5e:01:02:03 192.0.2.2 > 239.1.2.3 ttl 1 UDP 7 > 9 "x"`)
	if err := s.SetOption(socket.SOBindToDevice, socket.Value{Bytes: []byte("eth1")}); err != nil {
		t.Fatal(err)
	}
	send(all)
	k.want("bound to the device", `02:00:00:00:00:12 > all 198.51.100.2 > 255.255.255.255 UDP 7 > 9 "x"`)
	k.send(udpFrame(4000, 7, "in"))
	k.next("not for a socket of another device")
	s.SetOption(socket.SOBindToDevice, socket.Value{})
	k.send(udpFrame(4000, 7, "in"))
	k.wantRecv(s, "for one of all", "in", peerOf(testerIP, 4000))
	k.wantError("no such device", s.SetOption(socket.SOBindToDevice, socket.Value{Bytes: []byte("eth7")}), errno.ENODEV)
	s.SetOption(socket.SODontRoute, socket.Value{Int: 1})
	k.node.AddRoute(subnetOf("0.0.0.0/0"), netipOf(testerIP), k.eth)
	k.wantError("not to be routed", s.SendTo(nil, netip.MustParseAddrPort("8.8.8.8:9")), errno.ENETUNREACH)
	k.eth.SetUp(false)
	k.wantError("the interface is down", s.SendTo(nil, peerOf(testerIP, 9)), errno.ENETUNREACH)
}

func TestSilentNeighbourIsAnErrorInTheEnd(t *testing.T) {
	k := newKit(t, config.Config{})
	s := k.open(7)
	if err := s.Connect(netip.MustParseAddrPort("192.0.2.77:9")); err != nil {
		t.Fatal(err)
	}
	if err := s.Send([]byte("x")); err != nil {
		t.Fatal(err)
	}
	k.advance(3*time.Second - 1)
	k.nothing(s, "as long as it is asked for (RFC 1122, 2.4)")
	k.advance(1)
	_, err := s.Recv(nil)
	k.wantError("nobody answered", err, errno.EHOSTUNREACH)
	k.frames = nil
}

func TestTruncation(t *testing.T) {
	k := newKit(t, config.Config{})
	s := k.open(7)
	k.send(udpFrame(4000, 7, "longer"))
	buf := make([]byte, 4)
	if m, err := s.Recv(buf); err != nil || m.N != 4 || !m.Truncated || string(buf) != "long" {
		t.Errorf("read %q, %+v, %v", buf, m, err)
	}
	k.nothing(s, "the rest is lost")
}

func TestRawSocketsAreFiltered(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	k.meetAs(ipv4.Addr{192, 0, 2, 3})
	s := k.raw(200)
	k.wantError("an address of another host", s.Bind(netip.MustParseAddrPort("192.0.2.77:0")), errno.EADDRNOTAVAIL)
	if err := s.Bind(netip.AddrPortFrom(netipOf(nodeIP), 0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Connect(peerOf(testerIP, 0)); err != nil {
		t.Fatal(err)
	}
	k.send(ipFrame(ipv4.Header{Protocol: 200, Src: ipv4.Addr{192, 0, 2, 3}}, []byte("x")))
	k.next("from another peer: nobody wants it")
	k.nothing(s, "from another peer")
	if err := s.Send([]byte("out")); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	d := k.want("to the peer", `00:01 192.0.2.2 > 192.0.2.1 DF proto-200 "out"`)[14:]
	k.send(ipFrame(ipv4.Header{Protocol: codec.ICMPv4},
		icmpMessage(icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.ProtocolUnreachable}, d)))
	k.wantError("its fate", s.TakeError(), errno.ENOPROTOOPT)
	if peer, err := s.Peer(); peer.Addr() != netipOf(testerIP) || err != nil {
		t.Errorf("connected to %v, %v", peer, err)
	}
	if local := s.Local(); local.Addr() != netipOf(nodeIP) {
		t.Errorf("bound to %v", local)
	}
}

func TestLinkLocalDestinationsAreOnTheLink(t *testing.T) { // RFC 3927, 2.6.2
	k := newKit(t, config.Config{})
	k.node.AddRoute(subnetOf("0.0.0.0/0"), netipOf(testerIP), k.eth)
	s := k.open(7)
	if err := s.SendTo([]byte("x"), netip.MustParseAddrPort("169.254.7.7:9")); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("never by a router", "all ARP who-has 169.254.7.7 tell 192.0.2.2 (02:00:00:00:00:02)")
	k.advance(time.Minute)
	k.frames = nil
}

func TestGroupsAreReportedOnANewLink(t *testing.T) {
	k := newKit(t, config.Config{})
	s := k.open(7)
	k.group(s, socket.IPAddMembership, groupIP)
	k.advance(time.Minute)
	k.frames = nil
	k.eth.SetUp(false)
	k.advance(time.Minute)
	k.eth.SetUp(true)
	k.advance(0)
	k.want("the interface is up again", v3+"to-ex 239.1.2.3()")
	k.advance(time.Minute)
	k.next("and again")
}
