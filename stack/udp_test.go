package stack_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// wantRecv reads from a socket.
func (k *kit) wantRecv(s *socket.Socket, why, data string, from netip.AddrPort) socket.Message {
	k.t.Helper()
	buf := make([]byte, 100)
	m, err := s.Recv(buf)
	if err != nil || string(buf[:m.N]) != data || m.From != from {
		k.t.Errorf("%s: read %q from %v, %v; want %q from %v", why, buf[:m.N], m.From, err, data, from)
	}
	return m
}

func (k *kit) wantError(why string, got error, want errno.Errno) {
	k.t.Helper()
	if errno.Of(got) != want || got == nil {
		k.t.Errorf("%s: %v, want %v", why, got, want)
	}
}

// nothing says that there is nothing to read.
func (k *kit) nothing(s *socket.Socket, why string) {
	k.t.Helper()
	_, err := s.Recv(nil)
	k.wantError(why, err, errno.EAGAIN)
}

func TestUDPChecksums(t *testing.T) { // RFC 768; RFC 1122, 4.1.3.4
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	s := k.open(7)
	from := peerOf(testerIP, 4000)
	m := udpMessage(testerIP, nodeIP, 4000, 7, []byte("odd"))
	udp := ipv4.Header{Protocol: codec.UDP}
	k.send(ipFrame(udp, m))
	k.wantRecv(s, "an odd number of octets", "odd", from)

	m[6]++
	k.send(ipFrame(udp, m))
	k.nothing(s, "a wrong checksum")
	k.dropped(stats.UDPChecksum, 1)

	m[6], m[7] = 0, 0
	k.send(ipFrame(udp, m))
	k.wantRecv(s, "no checksum", "odd", from)

	m = udpMessage(testerIP, ipv4.Addr{192, 0, 2, 77}, 4000, 7, []byte("x"))
	k.send(ipFrame(udp, m))
	k.nothing(s, "a checksum for another address")

	m = udpMessage(testerIP, nodeIP, 4000, 7, []byte("xy"))
	k.send(ipFrame(udp, append(m, "behind"...)))
	k.wantRecv(s, "octets behind the length are no data", "xy", from)
	k.send(ipFrame(udp, m[:len(m)-1]))
	k.nothing(s, "a length beyond what came")
	short := udpMessage(testerIP, nodeIP, 4000, 7, nil)
	binary.BigEndian.PutUint16(short[4:], 7)
	k.send(ipFrame(udp, short))
	k.nothing(s, "a length below 8")
	k.dropped(stats.UDPInvalid, 2)
	k.send(udpFrame(4000, 7, ""))
	k.wantRecv(s, "no data at all", "", from)
	k.send(udpFrame(0, 7, "x"))
	k.wantRecv(s, "source port 0", "x", peerOf(testerIP, 0))
	k.quiet("none of it is answered")

	for _, tt := range []struct {
		data string
		want uint16
	}{{"a", 0}, {"", 0}} {
		if err := s.SendTo([]byte(tt.data), from); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
		if f := k.next("sent"); binary.BigEndian.Uint16(f[40:]) == 0 {
			t.Error("sent without a checksum")
		}
	}
	sum := codec.Pseudo4(nodeIP, testerIP, codec.UDP).AddUint16(10).AddUint16(10).AddUint16(7).AddUint16(4000)
	zero := binary.BigEndian.AppendUint16(nil, ^sum.Fold()) // data with which the checksum comes out as zero
	if err := s.SendTo(zero, from); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	if f := k.next("sent"); binary.BigEndian.Uint16(f[40:]) != 0xffff {
		t.Errorf("a checksum of zero was sent as %x", f[40:42])
	}
	if err := s.SetOption(socket.SONoCheck, socket.Value{Int: 1}); err != nil {
		t.Fatal(err)
	}
	s.SendTo([]byte("x"), from)
	k.advance(0)
	if f := k.next("sent"); binary.BigEndian.Uint16(f[40:]) != 0 {
		t.Error("sent with a checksum that was not wanted")
	}
}

func TestBestEndpointWins(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	open := func(local string, peer netip.AddrPort) *socket.Socket {
		t.Helper()
		s, err := k.node.Sockets.Open(socket.Inet, socket.Dgram, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.SetOption(socket.SOReuseAddr, socket.Value{Int: 1})
		if err := s.Bind(netip.MustParseAddrPort(local)); err != nil {
			t.Fatal(err)
		}
		if peer.IsValid() {
			if err := s.Connect(peer); err != nil {
				t.Fatal(err)
			}
		}
		return s
	}
	wild := open("0.0.0.0:7", netip.AddrPort{})
	addr := open("192.0.2.2:7", netip.AddrPort{})
	conn := open("192.0.2.2:7", peerOf(testerIP, 4000))
	k.send(udpFrame(4000, 7, "to the connected one"))
	m := k.wantRecv(conn, "the peer is known", "to the connected one", peerOf(testerIP, 4000))
	if m.To != netipOf(nodeIP) || m.TTL != 64 || m.In != k.eth.Iface {
		t.Errorf("received %+v", m)
	}
	k.send(udpFrame(4001, 7, "to the bound one"))
	k.wantRecv(addr, "the address is known", "to the bound one", peerOf(testerIP, 4001))
	k.send(ipFrame(ipv4.Header{Protocol: codec.UDP, Dst: ipv4.Addr{192, 0, 2, 255}},
		udpMessage(testerIP, ipv4.Addr{192, 0, 2, 255}, 4000, 7, []byte("to all"))))
	k.wantRecv(wild, "a broadcast goes to the one bound to all", "to all", peerOf(testerIP, 4000))
	k.nothing(addr, "a broadcast is not to its address")
	addr.Close()
	k.send(udpFrame(4001, 7, "again"))
	k.wantRecv(wild, "what is left", "again", peerOf(testerIP, 4001))
}

func TestBroadcastGoesToEverybody(t *testing.T) {
	k := newKit(t, config.Config{})
	var all []*socket.Socket
	for range 3 {
		s, err := k.node.Sockets.Open(socket.Inet, socket.Dgram, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.SetOption(socket.SOReuseAddr, socket.Value{Int: 1})
		if err := s.Bind(netip.MustParseAddrPort("0.0.0.0:7")); err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	f := ipFrame(ipv4.Header{Protocol: codec.UDP, Dst: ipv4.Addr{255, 255, 255, 255}, Options: ipv4.Options{148, 4, 0, 0}},
		udpMessage(testerIP, ipv4.Addr{255, 255, 255, 255}, 4000, 7, []byte("hello")))
	copy(f, ethernet.Broadcast[:])
	k.send(f)
	for _, s := range all {
		if m := k.wantRecv(s, "each gets a copy", "hello", peerOf(testerIP, 4000)); !bytes.Equal(m.Options, []byte{148, 4, 0, 0}) {
			t.Errorf("options % x", m.Options)
		}
		k.nothing(s, "one copy")
	}
}

func TestBindAndConnectErrors(t *testing.T) {
	k := newKit(t, config.Config{Sockets: 4})
	open := func() *socket.Socket {
		s, err := k.node.Sockets.Open(socket.Inet, socket.Dgram, 0)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, b := k.open(7), open()
	k.wantError("a port that is taken", b.Bind(netip.MustParseAddrPort("192.0.2.2:7")), errno.EADDRINUSE)
	k.wantError("an address of another host", b.Bind(netip.MustParseAddrPort("192.0.2.77:8")), errno.EADDRNOTAVAIL)
	k.wantError("another family", b.Bind(netip.MustParseAddrPort("[::1]:8")), errno.EAFNOSUPPORT)
	k.wantError("bound already", a.Bind(netip.MustParseAddrPort("192.0.2.2:8")), errno.EINVAL)
	k.wantError("no destination", b.Send(nil), errno.EDESTADDRREQ)
	k.wantError("no route", b.SendTo(nil, netip.MustParseAddrPort("8.8.8.8:9")), errno.ENETUNREACH)
	k.wantError("a broadcast that was not allowed", b.SendTo(nil, netip.MustParseAddrPort("192.0.2.255:9")), errno.EACCES)
	_, err := b.Peer()
	k.wantError("not connected", err, errno.ENOTCONN)
	open()
	open()
	_, err = k.node.Sockets.Open(socket.Inet, socket.Dgram, 0)
	k.wantError("too many sockets", err, errno.EMFILE)
	b.Close()
	k.wantError("a closed socket", b.Send(nil), errno.EBADF)
	k.wantError("closed twice", b.Close(), errno.EBADF)
	_, err = k.node.Sockets.Open(socket.Inet, 77, 0)
	k.wantError("no such type", err, errno.ESOCKTNOSUPPORT)
	_, err = k.node.Sockets.Open(socket.Inet, socket.Dgram, 6)
	k.wantError("the protocol of streams", err, errno.EPROTOTYPE)
	_, err = k.node.Sockets.Open(socket.Inet, socket.Dgram, 99)
	k.wantError("no such protocol", err, errno.EPROTONOSUPPORT)
	if s := open(); s.SetOption("SO_NONSENSE", socket.Value{}) != errno.ENOPROTOOPT || s.SetOption(socket.IPTTL, socket.Value{Int: 256}) != errno.EINVAL {
		t.Error("options that are not there, or do not take the value, were accepted")
	}
}

// ICMP errors reach the socket that sent the datagram (RFC 1122, 4.1.3.3).
func TestErrorsReachSockets(t *testing.T) {
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	icmpAbout := func(h icmpv4.Header, datagram []byte) []byte {
		return ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(h, datagram[:min(len(datagram), 28)]))
	}
	sent := func(s *socket.Socket, to netip.AddrPort) []byte {
		t.Helper()
		if err := s.SendTo([]byte("x"), to); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
		return k.next("sent")[14:]
	}
	port := icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.PortUnreachable}
	s := k.open(5000)
	peer := peerOf(testerIP, 9)
	k.send(icmpAbout(port, sent(s, peer)))
	k.nothing(s, "an unconnected socket is not told unless it asks")
	s.SetOption(socket.IPRecvErr, socket.Value{Int: 1})
	k.send(icmpAbout(port, sent(s, peer)))
	_, err := s.Recv(nil)
	k.wantError("it asked", err, errno.ECONNREFUSED)
	s.SetOption(socket.IPRecvErr, socket.Value{Int: 0})
	if err := s.Connect(peer); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		h    icmpv4.Header
		want errno.Errno
	}{
		{port, errno.ECONNREFUSED},
		{icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.HostUnreachable}, errno.EHOSTUNREACH},
		{icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.NetUnreachable}, errno.ENETUNREACH},
		{icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.ProtocolUnreachable}, errno.ENOPROTOOPT},
		{icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.AdminProhibited}, errno.EHOSTUNREACH},
		{icmpv4.Header{Type: icmpv4.TimeExceeded}, errno.EHOSTUNREACH},
		{icmpv4.BadParameter(20), errno.EPROTO},
	} {
		k.send(icmpAbout(tt.h, sent(s, netip.AddrPort{})))
		k.wantError(tt.h.String(), s.Send(nil), tt.want)
		k.nothing(s, "told once")
	}
	f := icmpAbout(port, sent(s, netip.AddrPort{}))
	f[14+20+8+12] = 77 // the quoted source
	ipv4.SealChecksum(f[14:])
	icmpv4.Seal(f[34:])
	k.send(f)
	k.nothing(s, "about a datagram of another host")
	d := sent(s, netip.AddrPort{})
	d[23] = 10
	k.send(icmpAbout(port, d))
	k.nothing(s, "about another peer's port")
}

func TestPathMTU(t *testing.T) { // RFC 1191
	k := newKit(t, config.Config{NeighReachable: patient})
	k.meet()
	k.node.AddRoute(subnetOf("0.0.0.0/0"), netipOf(testerIP), k.eth)
	far := netip.MustParseAddrPort("203.0.113.5:9")
	s, err := k.node.Sockets.Open(socket.Inet, socket.Dgram, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Connect(far); err != nil {
		t.Fatal(err)
	}
	mtu := func(want int, why string) {
		t.Helper()
		if got, err := s.GetOption(socket.IPMTU); got != want || err != nil {
			t.Errorf("%s: path MTU %d, %v; want %d", why, got, err, want)
		}
	}
	tooBig := func(says uint16) {
		t.Helper()
		s.SetOption(socket.IPMTUDiscover, socket.Value{Int: socket.PMTUProbe})
		if err := s.Send(make([]byte, 1472)); err != nil {
			t.Fatal(err)
		}
		s.SetOption(socket.IPMTUDiscover, socket.Value{Int: socket.PMTUWant})
		k.advance(0)
		d := k.next("a probe of the first hop's MTU")[14:]
		k.send(ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.FragNeeded(says), d[:28])))
		k.wantError("the sender is told of the drop", s.TakeError(), errno.EMSGSIZE)
	}
	mtu(1500, "at first that of the first hop")
	tooBig(1400)
	mtu(1400, "after a message")
	if err := s.Send(make([]byte, 1373)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("the next datagram obeys", "00:01 192.0.2.2 > 203.0.113.5 frag 0+ len 1376")
	k.next("the rest")
	tooBig(1450)
	mtu(1400, "never raised by a message")
	tooBig(0)
	mtu(1006, "an old router: the next plateau below")
	tooBig(40)
	mtu(68, "never below 68")
	k.advance(10*time.Minute - 1)
	mtu(68, "a nanosecond before it is forgotten")
	k.advance(1)
	mtu(1500, "forgotten after ten minutes")
	if got, _ := k.node.IPv4.Path(pathTo("203.0.113.6")); got.MTU != 1500 {
		t.Errorf("another destination has path MTU %d", got.MTU)
	}
}

func TestRedirect(t *testing.T) { // RFC 1122, 3.2.2.2
	other := ethernet.MAC{2, 0, 0, 0, 0, 3}
	otherIP := ipv4.Addr{192, 0, 2, 3}
	far := ipv4.Addr{203, 0, 113, 5}
	for _, tt := range []struct {
		why     string
		from    ipv4.Addr
		gateway ipv4.Addr
		code    icmpv4.Code
		taken   bool
	}{
		{"a host redirect", testerIP, otherIP, icmpv4.RedirectHost, true},
		{"a network redirect", testerIP, otherIP, icmpv4.RedirectNet, true},
		{"from another than the gateway in use", otherIP, otherIP, icmpv4.RedirectHost, false},
		{"to a gateway that is not on the link", testerIP, ipv4.Addr{10, 0, 0, 1}, icmpv4.RedirectHost, false},
		{"to the node itself", testerIP, nodeIP, icmpv4.RedirectHost, false},
		{"an unknown code", testerIP, otherIP, 4, false},
	} {
		t.Run(tt.why, func(t *testing.T) {
			k := newKit(t, config.Config{NeighReachable: patient})
			k.meet()
			k.send(arpFrame(1, other, otherIP, ethernet.MAC{}, nodeIP))
			k.next("the second gateway is known")
			k.node.AddRoute(subnetOf("0.0.0.0/0"), netipOf(testerIP), k.eth)
			s := k.open(5000)
			send := func() []byte {
				if err := s.SendTo([]byte("x"), peerOf(far, 9)); err != nil {
					t.Fatal(err)
				}
				k.advance(0)
				return k.next("sent")
			}
			first := send()
			k.send(ipFrame(ipv4.Header{Protocol: codec.ICMPv4, Src: tt.from},
				icmpMessage(icmpv4.Redirected(tt.code, tt.gateway), first[14:14+28])))
			want := testerMAC
			if tt.taken {
				want = other
			}
			if got := ethernet.MAC(send()); got != want {
				t.Errorf("then sent to %v, want %v", got, want)
			}
		})
	}
}

func TestDeadGateway(t *testing.T) { // RFC 1122, 3.3.1.5
	other := ethernet.MAC{2, 0, 0, 0, 0, 3}
	otherIP := ipv4.Addr{192, 0, 2, 3}
	k := newKit(t, config.Config{NeighReachable: patient})
	k.send(arpFrame(1, other, otherIP, ethernet.MAC{}, nodeIP))
	k.next("the second gateway is known")
	k.node.AddRoute(subnetOf("0.0.0.0/0"), netipOf(testerIP), k.eth)
	k.node.AddRoute(subnetOf("0.0.0.0/0"), netipOf(otherIP), k.eth)
	s := k.open(5000)
	send := func() {
		if err := s.SendTo([]byte("x"), netip.MustParseAddrPort("203.0.113.5:9")); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
	}
	send()
	for range 3 {
		k.want("the first gateway is asked for", "all ARP who-has 192.0.2.1 tell 192.0.2.2 (02:00:00:00:00:02)")
		k.advance(time.Second)
	}
	k.want("the datagram goes by the second", `00:03 192.0.2.2 > 203.0.113.5 DF UDP 5000 > 9 "x"`)
	send()
	k.want("and so do others", `00:03 192.0.2.2 > 203.0.113.5 DF UDP 5000 > 9 "x"`)
	k.advance(time.Minute)
	send()
	k.want("after a minute the first is tried again", "all ARP who-has 192.0.2.1 tell 192.0.2.2 (02:00:00:00:00:02)")
	k.advance(time.Minute)
	k.frames = nil
}

func TestLoopback(t *testing.T) {
	k := newKit(t, config.Config{})
	k.echoService(7)
	s := k.open(5000)
	for _, to := range []string{"127.0.0.1:7", "192.0.2.2:7", "127.9.9.9:7"} {
		if err := s.SendTo([]byte("me"), netip.MustParseAddrPort(to)); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
		k.wantRecv(s, to, "me", netip.MustParseAddrPort(to))
	}
	s.SendTo([]byte("x"), netip.MustParseAddrPort("127.0.0.1:9"))
	k.advance(0)
	k.quiet("nothing of it is on the wire")
}
