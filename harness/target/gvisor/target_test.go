package gvisor

import (
	"bytes"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/live"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// A kit is a world and what a test does with it.
type kit struct {
	*testing.T
	target.World
}

func newKit(t *testing.T, needs ...target.Feature) *kit {
	t.Helper()
	w, err := New().New(t.Context(), target.Spec{Check: t.Name(), Needs: needs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return &kit{t, w}
}

// send sends a frame from the first tester on a link to the target.
func (k *kit) send(link int, ls ...gopacket.SerializableLayer) {
	k.Helper()
	n := k.Nets()[link]
	e := &layers.Ethernet{SrcMAC: n.Testers[0].MAC, DstMAC: n.Target.MAC, EthernetType: layers.EthernetTypeIPv4}
	if _, ok := ls[0].(*layers.ARP); ok {
		e.EthernetType = layers.EthernetTypeARP
	}
	b := gopacket.NewSerializeBuffer()
	o := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(b, o, append([]gopacket.SerializableLayer{e}, ls...)...); err != nil {
		k.Fatal(err)
	}
	if err := k.Send(link, b.Bytes()); err != nil {
		k.Fatal(err)
	}
}

// expect waits for a frame on a link that has a layer, answers ARP requests for testers on the way, and passes over the
// rest.
func expect[L gopacket.Layer](k *kit, link int) L {
	k.Helper()
	for until := k.Now() + 5*time.Second; ; {
		ev, err := k.Next(until)
		if err != nil {
			k.Fatal(err)
		}
		if ev.Frame == nil && ev.Op == nil {
			k.Fatal("nothing came")
		}
		if ev.Frame == nil {
			continue
		}
		p := gopacket.NewPacket(ev.Frame, layers.LayerTypeEthernet, gopacket.Default)
		for _, l := range p.Layers() {
			if l, ok := l.(L); ok && ev.Link == link {
				return l
			}
		}
		if a, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok && a.Operation == layers.ARPRequest {
			k.tell(ev.Link, a)
		}
	}
}

// tell answers a request of the target for the first tester.
func (k *kit) tell(link int, a *layers.ARP) {
	k.Helper()
	t := k.Nets()[link].Testers[0]
	if bytes.Equal(a.DstProtAddress, t.IP4.AsSlice()) {
		k.send(link, arpPacket(layers.ARPReply, t.MAC, t.IP4.AsSlice(), a.SourceHwAddress, a.SourceProtAddress))
	}
}

func arpPacket(op uint16, hw net.HardwareAddr, ip []byte, thw, tip []byte) *layers.ARP {
	return &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation: op, SourceHwAddress: hw, SourceProtAddress: ip, DstHwAddress: thw, DstProtAddress: tip,
	}
}

func (k *kit) udp(link int, dst netip.Addr, port uint16, data string) {
	k.Helper()
	ip := &layers.IPv4{
		Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP,
		SrcIP: k.Nets()[link].Testers[0].IP4.AsSlice(), DstIP: dst.AsSlice(),
	}
	u := &layers.UDP{SrcPort: 4000, DstPort: layers.UDPPort(port)}
	if err := u.SetNetworkLayerForChecksum(ip); err != nil {
		k.Fatal(err)
	}
	k.send(link, ip, u, gopacket.Payload(data))
}

// call runs an operation of the agent to its end.
func (k *kit) call(r agent.Request) agent.Reply {
	k.Helper()
	op := k.Agent().Start(r)
	for until := k.Now() + 5*time.Second; k.Now() < until; {
		if r, done := op.Done(); done {
			return r
		}
		if _, err := k.Next(k.Now() + time.Millisecond); err != nil {
			k.Fatal(err)
		}
	}
	k.Fatalf("%s has not ended", r.Do)
	return agent.Reply{}
}

func (k *kit) open(kind string, protocol int, port uint16) int {
	k.Helper()
	s := k.call(agent.Request{Do: agent.Open, Type: kind, Protocol: protocol})
	if err := s.Err(); err != nil {
		k.Fatal(err)
	}
	if port != 0 {
		at := netip.AddrPortFrom(netip.IPv4Unspecified(), port)
		if b := k.call(agent.Request{Do: agent.Bind, Socket: s.Socket, Local: at}); b.Local != at {
			k.Fatalf("bound to %v (%s), want %v", b.Local, b.Errno, at)
		}
	}
	return s.Socket
}

func TestARPIsAnswered(t *testing.T) { // RFC 826
	k := newKit(t)
	n := k.Nets()[0]
	k.send(0, arpPacket(layers.ARPRequest, n.Testers[0].MAC, n.Testers[0].IP4.AsSlice(), make([]byte, 6), n.Target.IP4.AsSlice()))
	a := expect[*layers.ARP](k, 0)
	if a.Operation != layers.ARPReply || !bytes.Equal(a.SourceHwAddress, n.Target.MAC) || !bytes.Equal(a.DstHwAddress, n.Testers[0].MAC) {
		t.Errorf("%+v, want the target's reply", a)
	}
}

func TestFramesForOtherStationsAreNotTaken(t *testing.T) {
	k := newKit(t, target.UDPEcho)
	stray := append(net.HardwareAddr(nil), 2, 0, 0, 0, 0, 9)
	k.send(0, arpPacket(layers.ARPRequest, k.Nets()[0].Testers[0].MAC, k.Nets()[0].Testers[0].IP4.AsSlice(), stray, k.Nets()[0].Target.IP4.AsSlice()))
	expect[*layers.ARP](k, 0)
	frame := append(append(stray, k.Nets()[0].Testers[0].MAC...), 0x08, 0x06)
	a := arpPacket(layers.ARPRequest, k.Nets()[0].Testers[0].MAC, k.Nets()[0].Testers[0].IP4.AsSlice(), make([]byte, 6), k.Nets()[0].Target.IP4.AsSlice())
	b := gopacket.NewSerializeBuffer()
	if err := a.SerializeTo(b, gopacket.SerializeOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := k.Send(0, append(frame, b.Bytes()...)); err != nil {
		t.Fatal(err)
	}
	k.udp(0, k.Nets()[0].Target.IP4, echoPort, "fence")
	for {
		ev, err := k.Next(k.Now() + 5*time.Second)
		if err != nil || ev.Frame == nil {
			t.Fatalf("no echo: %v", err)
		}
		if p := gopacket.NewPacket(ev.Frame, layers.LayerTypeEthernet, gopacket.Default); p.Layer(layers.LayerTypeUDP) != nil {
			return
		}
		t.Errorf("answered a frame for another station: %x", ev.Frame)
	}
}

func TestEchoService(t *testing.T) { // RFC 862
	k := newKit(t, target.UDPEcho)
	if got, want := k.Nets()[0].Service, netip.AddrPortFrom(k.Nets()[0].Target.IP4, echoPort); got != want {
		t.Fatalf("service at %v, want %v", got, want)
	}
	k.udp(0, k.Nets()[0].Target.IP4, echoPort, "hello")
	if u := expect[*layers.UDP](k, 0); string(u.Payload) != "hello" || u.DstPort != 4000 {
		t.Errorf("%d, %q, want the echo", u.DstPort, u.Payload)
	}
}

func TestAgentTellsWhereADatagramWasSentTo(t *testing.T) {
	k := newKit(t)
	s := k.open("dgram", 0, 5000)
	all := netip.MustParseAddr("192.0.2.255")
	for _, dst := range []netip.Addr{k.Nets()[0].Target.IP4, all} {
		k.udp(0, dst, 5000, "to "+dst.String())
		r := k.call(agent.Request{Do: agent.Recv, Socket: s})
		from := netip.AddrPortFrom(k.Nets()[0].Testers[0].IP4, 4000)
		if r.Local != netip.AddrPortFrom(dst, 5000) || r.Remote != from || string(r.Data) != "to "+dst.String() {
			t.Errorf("%+v, want a datagram from %v to %v", r, from, dst)
		}
	}
}

func TestRecvWaitsForADatagram(t *testing.T) {
	k := newKit(t)
	op := k.Agent().Start(agent.Request{Do: agent.Recv, Socket: k.open("dgram", 0, 5000), Max: 3})
	if _, done := op.Done(); done {
		t.Fatal("ended before anything came")
	}
	k.udp(0, k.Nets()[0].Target.IP4, 5000, "cut here")
	for {
		ev, err := k.Next(k.Now() + 5*time.Second)
		if err != nil || ev.Op == nil && ev.Frame == nil {
			t.Fatalf("recv has not ended: %v", err)
		}
		if ev.Op == op {
			break
		}
	}
	if r, _ := op.Done(); string(r.Data) != "cut" {
		t.Errorf("%q (%s), want the first three octets", r.Data, r.Errno)
	}
}

func TestRawSocketsSendAndReceive(t *testing.T) {
	k := newKit(t)
	s := k.open("raw", 1, 0)
	tester, node := k.Nets()[0].Testers[0].IP4, k.Nets()[0].Target.IP4
	ping := []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}
	if r := k.call(agent.Request{Do: agent.Send, Socket: s, Data: ping, Remote: netip.AddrPortFrom(tester, 0)}); r.Value != len(ping) {
		t.Fatalf("%+v, want %d octets sent", r, len(ping))
	}
	if ip := expect[*layers.IPv4](k, 0); ip.Protocol != layers.IPProtocolICMPv4 || !bytes.Equal(ip.Payload, ping) {
		t.Errorf("protocol %v, %x, want the echo request", ip.Protocol, ip.Payload)
	}
	k.send(0, &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: tester.AsSlice(), DstIP: node.AsSlice()},
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoReply, 0)}, gopacket.Payload("back"))
	if r := k.call(agent.Request{Do: agent.Recv, Socket: s}); !bytes.HasSuffix(r.Data, []byte("back")) || r.Data[0] != 0x45 {
		t.Errorf("%x (%s), want the datagram with its header", r.Data, r.Errno)
	}
}

func TestOptions(t *testing.T) {
	k := newKit(t)
	s := k.open("dgram", 0, 5000)
	group := netip.MustParseAddr("239.192.0.1")
	for _, tt := range []struct {
		r     agent.Request
		errno string
		get   int // what getopt gives after that, -1 when it is not asked
	}{
		{agent.Request{Option: "IP_TTL", Value: 9}, "", 9},
		{agent.Request{Option: "IP_TTL", Value: 256}, "EINVAL", 9},
		{agent.Request{Option: "IP_TOS", Value: 0x10}, "", 0x10},
		{agent.Request{Option: "SO_BROADCAST", Value: 1}, "", 1},
		{agent.Request{Option: "IP_MULTICAST_TTL", Value: 3}, "", 3},
		{agent.Request{Option: "IP_MULTICAST_LOOP", Value: 0}, "", 0},
		{agent.Request{Option: "IP_ADD_MEMBERSHIP", Group: group}, "", -1},
		{agent.Request{Option: "IP_ADD_MEMBERSHIP", Group: group}, "EADDRINUSE", -1},
		{agent.Request{Option: "IP_DROP_MEMBERSHIP", Group: group}, "", -1},
		{agent.Request{Option: "IP_DROP_MEMBERSHIP", Group: group}, "EADDRNOTAVAIL", -1},
		{agent.Request{Option: "IP_OPTIONS"}, "ENOPROTOOPT", -1},
	} {
		tt.r.Do, tt.r.Socket = agent.SetOpt, s
		if r := k.call(tt.r); r.Errno != tt.errno {
			t.Errorf("%s = %d: %q, want %q", tt.r.Option, tt.r.Value, r.Errno, tt.errno)
		}
		if tt.get < 0 {
			continue
		}
		if r := k.call(agent.Request{Do: agent.GetOpt, Socket: s, Option: tt.r.Option}); r.Value != tt.get || r.Errno != "" {
			t.Errorf("%s is %d (%s), want %d", tt.r.Option, r.Value, r.Errno, tt.get)
		}
	}
}

func TestRefusals(t *testing.T) {
	k := newKit(t)
	s := k.open("dgram", 0, 5000)
	if r := k.call(agent.Request{Do: agent.Open, Type: "raw", Protocol: 253}); r.Errno != "EPROTONOSUPPORT" {
		t.Errorf("a raw socket of a protocol that the stack has not: %q, want EPROTONOSUPPORT", r.Errno)
	}
	for want, r := range map[string]agent.Request{
		"EBADF":           {Do: agent.Recv, Socket: 99},
		"EAFNOSUPPORT":    {Do: agent.Open, Family: "inet6"},
		"ESOCKTNOSUPPORT": {Do: agent.Open, Type: "seqpacket"},
		"EPROTONOSUPPORT": {Do: agent.Open, Type: "dgram", Protocol: 1},
		"EACCES":          {Do: agent.Send, Socket: s, Remote: netip.MustParseAddrPort("255.255.255.255:9")},
		"EADDRNOTAVAIL":   {Do: agent.Bind, Socket: k.open("dgram", 0, 0), Local: netip.MustParseAddrPort("192.0.2.77:0")},
		"ENOSYS":          {Do: "dance", Socket: s},
	} {
		if got := k.call(r); got.Errno != want {
			t.Errorf("%s: %q, want %s", r.Do, got.Errno, want)
		}
	}
}

func TestRouterForwardsBetweenItsLinks(t *testing.T) { // RFC 1812, 5.3.1: the TTL is lowered
	k := newKit(t, target.Forwarding)
	far := k.Nets()[1]
	k.udp(0, far.Testers[0].IP4, 9, "across")
	if ip := expect[*layers.IPv4](k, 1); ip.TTL != 63 || !ip.DstIP.Equal(far.Testers[0].IP4.AsSlice()) {
		t.Errorf("TTL %d to %v, want 63 to %v", ip.TTL, ip.DstIP, far.Testers[0].IP4)
	}
}

func TestInfo(t *testing.T) {
	i := New().Info()
	if i.Kind != "gvisor" || !i.Virtual || i.Params.ARPTimeout != 45*time.Second || i.Params.DefaultTTL != 64 {
		t.Errorf("%+v", i)
	}
	if _, err := New().New(t.Context(), target.Spec{Check: "x.y", Needs: []target.Feature{target.Statistics}}); err == nil ||
		err.Error() != "x.y needs statistics, which the target gvisor does not declare" {
		t.Errorf("a feature that is not declared: %v", err)
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 5 {
		w, err := New().New(t.Context(), target.Spec{Needs: []target.Feature{target.UDPEcho, target.Forwarding, target.Multicast4}})
		if err != nil {
			t.Fatal(err)
		}
		s, _ := w.Agent().Start(agent.Request{Do: agent.Open}).Done()
		op := w.Agent().Start(agent.Request{Do: agent.Recv, Socket: s.Socket})
		for range 2 {
			if err := w.Close(); err != nil { // closing twice is no fault
				t.Fatal(err)
			}
		}
		if r, done := op.Done(); !done || r.Errno != "ECANCELED" {
			t.Errorf("pending recv: done %v, %q, want ECANCELED", done, r.Errno)
		}
	}
	wait := live.NewQueue()
	for runtime.NumGoroutine() > before {
		if _, err := wait.Next(wait.Now() + time.Millisecond); err != nil || wait.Now() > 5*time.Second {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// Both ends of a connection are sockets of the stack.
func TestStreams(t *testing.T) {
	k := newKit(t)
	wait := func(op *agent.Op) agent.Reply {
		t.Helper()
		for {
			if r, done := op.Done(); done {
				return r
			}
			if e, err := k.Next(k.Now() + 5*time.Second); err != nil || e.Op == nil && e.Frame == nil {
				t.Fatalf("%s has not ended: %v", op.Request.Do, err)
			}
		}
	}
	do := func(r agent.Request) agent.Reply { t.Helper(); return wait(k.Agent().Start(r)) }
	listener := do(agent.Request{Do: agent.Open, Type: "stream"}).Socket
	do(agent.Request{Do: agent.Bind, Socket: listener, Local: netip.MustParseAddrPort("192.0.2.2:80")})
	do(agent.Request{Do: agent.Listen, Socket: listener, Value: 4})
	accepting := k.Agent().Start(agent.Request{Do: agent.Accept, Socket: listener})
	client := do(agent.Request{Do: agent.Open, Type: "stream"}).Socket
	if r := do(agent.Request{Do: agent.Dial, Socket: client, Remote: netip.MustParseAddrPort("192.0.2.2:80")}); r.Errno != "" {
		t.Fatalf("dial: %+v", r)
	}
	server := wait(accepting).Socket
	polling := k.Agent().Start(agent.Request{Do: agent.Poll, Value: -1, Polls: []agent.PollFor{{Socket: server, Events: []string{"in"}}}})
	if r := do(agent.Request{Do: agent.Send, Socket: client, Data: []byte("hello")}); r.Value != 5 {
		t.Errorf("send: %+v", r)
	}
	if r := wait(polling); r.Value != 1 {
		t.Errorf("poll: %+v", r)
	}
	if r := do(agent.Request{Do: agent.Recv, Socket: server}); string(r.Data) != "hello" {
		t.Errorf("recv: %+v", r)
	}
	if r := do(agent.Request{Do: agent.Recv, Socket: server, Flags: []string{"MSG_DONTWAIT"}}); r.Errno != "EAGAIN" {
		t.Errorf("recv that does not wait: %+v", r)
	}
	do(agent.Request{Do: agent.Shutdown, Socket: client, Value: 1})
	if r := do(agent.Request{Do: agent.Recv, Socket: server}); !r.EOF() {
		t.Errorf("at the end: %+v", r)
	}
	closing := k.Agent().Start(agent.Request{Do: agent.Poll, Value: -1, Polls: []agent.PollFor{{Socket: listener, Events: []string{"in"}}}})
	do(agent.Request{Do: agent.Close, Socket: listener})
	if r := wait(closing); r.Errno != "ECANCELED" {
		t.Errorf("poll of a socket that was closed: %+v", r)
	}
	for _, o := range []struct {
		name  string
		value int
	}{{"SO_LINGER", 3}, {"SO_LINGER", -1}, {"TCP_NODELAY", 0}, {"TCP_KEEPIDLE", 9}, {"TCP_USER_TIMEOUT", 700}, {"TCP_KEEPCNT", 4}} {
		do(agent.Request{Do: agent.SetOpt, Socket: client, Option: o.name, Value: o.value})
		if r := do(agent.Request{Do: agent.GetOpt, Socket: client, Option: o.name}); r.Value != o.value {
			t.Errorf("%s: %+v, want %d", o.name, r, o.value)
		}
	}
}
