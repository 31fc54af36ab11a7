//go:build linux

package linux

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

func needsRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("makes network namespaces: run as root, or under `unshare --user --net --map-root-user`")
	}
}

// A kit is a world and what a test does with it.
type kit struct {
	*testing.T
	target.World
}

func newKit(t *testing.T, o Options, needs ...target.Feature) *kit {
	t.Helper()
	needsRoot(t)
	k, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	w, err := k.New(t.Context(), target.Spec{Check: t.Name(), Needs: needs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, end := range []func() error{w.Close, k.Close} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
	})
	return &kit{t, w}
}

// send builds a frame from a tester to the target.
func (k *kit) send(tester int, ls ...gopacket.SerializableLayer) {
	k.Helper()
	k.sendTo(k.Nets()[0].Target.MAC, tester, ls...)
}

func (k *kit) sendTo(mac net.HardwareAddr, tester int, ls ...gopacket.SerializableLayer) {
	k.Helper()
	k.sendOn(0, k.Nets()[0].Testers[tester].MAC, mac, ls...)
}

func (k *kit) sendOn(link int, from, to net.HardwareAddr, ls ...gopacket.SerializableLayer) {
	k.Helper()
	e := &layers.Ethernet{SrcMAC: from, DstMAC: to, EthernetType: layers.EthernetTypeIPv4}
	if _, ok := ls[0].(*layers.ARP); ok {
		e.EthernetType = layers.EthernetTypeARP
	}
	buf := gopacket.NewSerializeBuffer()
	opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buf, opts, append([]gopacket.SerializableLayer{e}, ls...)...); err != nil {
		k.Fatal(err)
	}
	if err := k.World.Send(link, buf.Bytes()); err != nil {
		k.Fatal(err)
	}
}

// next waits for a frame with the layer; ARP requests for testers are answered in passing.
func (k *kit) next(want gopacket.LayerType) gopacket.Packet {
	k.Helper()
	for deadline := k.Now() + 5*time.Second; ; {
		ev, err := k.Next(deadline)
		switch {
		case err != nil:
			k.Fatal(err)
		case ev.Frame == nil && ev.Op == nil:
			k.Fatalf("no %s from the target within 5 s", want)
		case ev.Frame == nil:
			continue
		}
		p := gopacket.NewPacket(ev.Frame, layers.LayerTypeEthernet, gopacket.Default)
		if arp, ok := p.Layer(layers.LayerTypeARP).(*layers.ARP); ok && arp.Operation == layers.ARPRequest && want != layers.LayerTypeARP {
			k.answer(arp)
		}
		if p.Layer(want) != nil {
			return p
		}
	}
}

func (k *kit) answer(request *layers.ARP) {
	k.Helper()
	for n, h := range k.Nets()[0].Testers {
		if bytes.Equal(request.DstProtAddress, h.IP4.AsSlice()) {
			k.send(n, k.arp(n, layers.ARPReply))
		}
	}
}

func (k *kit) arp(tester int, operation uint16) *layers.ARP {
	from, to := k.Nets()[0].Testers[tester], k.Nets()[0].Target
	return &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: operation,
		SourceHwAddress: from.MAC, SourceProtAddress: from.IP4.AsSlice(),
		DstHwAddress: make([]byte, 6), DstProtAddress: to.IP4.AsSlice(),
	}
}

func (k *kit) udp(tester int, to netip.AddrPort, data string) []gopacket.SerializableLayer {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: k.Nets()[0].Testers[tester].IP4.AsSlice(), DstIP: to.Addr().AsSlice()}
	u := &layers.UDP{SrcPort: 5000, DstPort: layers.UDPPort(to.Port())}
	u.SetNetworkLayerForChecksum(ip)
	return []gopacket.SerializableLayer{ip, u, gopacket.Payload(data)}
}

// end waits until an operation has ended.
func (k *kit) end(op *agent.Op) agent.Reply {
	k.Helper()
	for deadline := k.Now() + 5*time.Second; ; {
		ev, err := k.Next(deadline)
		switch {
		case err != nil:
			k.Fatal(err)
		case ev.Op == op:
			r, _ := op.Done()
			return r
		case ev.Op == nil && ev.Frame == nil:
			k.Fatalf("%s is pending after 5 s", op.Request.Do)
		}
	}
}

func (k *kit) must(r agent.Request) agent.Reply {
	k.Helper()
	reply := k.end(k.Agent().Start(r))
	if err := reply.Err(); err != nil {
		k.Fatalf("%s: %v", r.Do, err)
	}
	return reply
}

func TestNothingIsSentBeforeTheFirstFrame(t *testing.T) {
	k := newKit(t, Options{})
	if ev, err := k.Next(k.Now() + 100*time.Millisecond); ev.Frame != nil || err != nil {
		t.Errorf("the target has sent %x, %v", ev.Frame, err)
	}
}

func TestARPIsAnswered(t *testing.T) { // RFC 826
	k := newKit(t, Options{})
	for tester, h := range k.Nets()[0].Testers {
		k.sendTo(net.HardwareAddr{255, 255, 255, 255, 255, 255}, tester, k.arp(tester, layers.ARPRequest))
		reply := k.next(layers.LayerTypeARP).Layer(layers.LayerTypeARP).(*layers.ARP)
		want := k.Nets()[0].Target
		if reply.Operation != layers.ARPReply || !bytes.Equal(reply.SourceHwAddress, want.MAC) ||
			!bytes.Equal(reply.SourceProtAddress, want.IP4.AsSlice()) || !bytes.Equal(reply.DstHwAddress, h.MAC) {
			t.Errorf("tester %s got %+v", h.IP4, reply)
		}
	}
}

func TestClosedPortIsUnreachable(t *testing.T) { // RFC 1122, 4.1.3.1
	k := newKit(t, Options{RFC: true})
	for n := range 20 { // more than the default rate limits let through
		k.send(0, k.udp(0, netip.AddrPortFrom(k.Nets()[0].Target.IP4, 9), "x")...)
		icmp := k.next(layers.LayerTypeICMPv4).Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
		if want := layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodePort); icmp.TypeCode != want {
			t.Fatalf("answer %d is %s, want %s", n, icmp.TypeCode, want)
		}
	}
}

func TestEchoService(t *testing.T) { // RFC 862
	k := newKit(t, Options{}, target.UDPEcho)
	k.send(0, k.udp(0, k.Nets()[0].Service, "echo")...)
	p := k.next(layers.LayerTypeUDP)
	if u := p.Layer(layers.LayerTypeUDP).(*layers.UDP); string(u.Payload) != "echo" || u.DstPort != 5000 || u.SrcPort != echoPort {
		t.Errorf("answer %v %q", u, u.Payload)
	}
	if newKit(t, Options{}).Nets()[0].Service.IsValid() {
		t.Error("a world that did not ask for the echo service has one")
	}
}

func TestAgentTellsWhereADatagramWasSentTo(t *testing.T) {
	k := newKit(t, Options{})
	socket := k.must(agent.Request{Do: agent.Open, Type: "dgram"}).Socket
	k.must(agent.Request{Do: agent.Bind, Socket: socket, Local: netip.AddrPortFrom(netip.Addr{}, 4000)})
	all := netip.MustParseAddr("192.0.2.255")
	for _, to := range []netip.Addr{k.Nets()[0].Target.IP4, all} {
		op := k.Agent().Start(agent.Request{Do: agent.Recv, Socket: socket})
		if _, done := op.Done(); done {
			t.Fatal("recv has ended before anything was sent")
		}
		mac := k.Nets()[0].Target.MAC
		if to == all {
			mac = net.HardwareAddr{255, 255, 255, 255, 255, 255}
		}
		k.sendTo(mac, 2, k.udp(2, netip.AddrPortFrom(to, 4000), "data")...)
		from := netip.AddrPortFrom(k.Nets()[0].Testers[2].IP4, 5000)
		if r := k.end(op); string(r.Data) != "data" || r.Local != netip.AddrPortFrom(to, 4000) || r.Remote != from {
			t.Errorf("recv = %+v\nwant data from %s to %s", r, from, to)
		}
	}
}

func TestDialEndsWhenTheTesterResets(t *testing.T) { // RFC 9293, 3.10.7.3
	k := newKit(t, Options{})
	socket := k.must(agent.Request{Do: agent.Open, Type: "stream"}).Socket
	tester := k.Nets()[0].Testers[1]
	op := k.Agent().Start(agent.Request{Do: agent.Dial, Socket: socket, Remote: netip.AddrPortFrom(tester.IP4, 80)})
	if _, done := op.Done(); done {
		t.Fatal("dial has ended before the handshake")
	}
	syn := k.next(layers.LayerTypeTCP).Layer(layers.LayerTypeTCP).(*layers.TCP)
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: tester.IP4.AsSlice(), DstIP: k.Nets()[0].Target.IP4.AsSlice()}
	rst := &layers.TCP{SrcPort: syn.DstPort, DstPort: syn.SrcPort, RST: true, ACK: true, Ack: syn.Seq + 1}
	rst.SetNetworkLayerForChecksum(ip)
	k.send(1, ip, rst)
	if got := k.end(op).Errno; got != "ECONNREFUSED" {
		t.Errorf("dial: %q, want ECONNREFUSED", got)
	}
}

func TestIPv6OnlyWhenAsked(t *testing.T) {
	k := newKit(t, Options{}, target.IPv6)
	socket := k.must(agent.Request{Do: agent.Open, Family: "inet6"}).Socket
	to := netip.AddrPortFrom(k.Nets()[0].Testers[0].IP6, 9)
	k.must(agent.Request{Do: agent.Send, Socket: socket, Data: []byte("x"), Remote: to})
	ev, err := k.Next(k.Now() + 5*time.Second)
	if f := packet.Dissect(target.Ethernet, ev.Frame); err != nil || !ndp.Solicit(to.Addr()).Matches(f) {
		t.Errorf("the target sends %v, %v, want a Neighbor Solicitation for %s", f, err, to.Addr())
	}

	without := newKit(t, Options{})
	socket = without.must(agent.Request{Do: agent.Open, Family: "inet6"}).Socket
	op := without.Agent().Start(agent.Request{Do: agent.Send, Socket: socket, Data: []byte("x"), Remote: to})
	if got := without.end(op).Errno; got == "" {
		t.Error("without IPv6 a datagram has left")
	}
}

func TestRouterForwardsBetweenItsLinks(t *testing.T) { // RFC 1812, 5.3.1: the TTL is decremented
	for needs, forwards := range map[target.Feature]bool{target.Forwarding: true, target.SecondLink: false} {
		k := newKit(t, Options{}, needs)
		routed := k.World
		far := routed.Nets()[1]
		tester := far.Testers[0]
		// The far tester's first frame teaches the target its address, so that nothing waits for ARP.
		request := k.arp(0, layers.ARPRequest)
		request.SourceHwAddress, request.SourceProtAddress, request.DstProtAddress = tester.MAC, tester.IP4.AsSlice(), far.Target.IP4.AsSlice()
		k.sendOn(1, tester.MAC, net.HardwareAddr{255, 255, 255, 255, 255, 255}, request)
		if ev, err := k.Next(k.Now() + 5*time.Second); err != nil || ev.Link != 1 || ev.Frame == nil {
			t.Fatalf("on the second link the target answers ARP with %+v, %v", ev, err)
		}
		k.send(0, k.udp(0, netip.AddrPortFrom(tester.IP4, 9), "far")...)
		k.sendOn(1, tester.MAC, far.Target.MAC, request) // the fence: a link keeps order
		ev, err := k.Next(k.Now() + 5*time.Second)
		if err != nil || ev.Link != 1 || ev.Frame == nil {
			t.Fatalf("needs %s: then comes %+v, %v", needs, ev, err)
		}
		p := gopacket.NewPacket(ev.Frame, layers.LayerTypeEthernet, gopacket.Default)
		ip, isIP := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		if isIP != forwards {
			t.Errorf("needs %s: first on the second link comes %v", needs, p)
		}
		if isIP && ip.TTL != 63 {
			t.Errorf("forwarded: %v, want TTL 63", ip)
		}
	}
}

func TestInfo(t *testing.T) {
	needsRoot(t)
	shipped, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer shipped.Close()
	rfc, err := New(Options{RFC: true})
	if err != nil {
		t.Fatal(err)
	}
	defer rfc.Close()
	i := shipped.Info()
	if i.Kind != "linux" || i.Name != "linux" || rfc.Info().Name != "linux:rfc" || !strings.Contains(i.Version, ".") || i.Virtual {
		t.Errorf("%+v", i)
	}
	p := i.Params
	if p.ARPRetry <= 0 || p.ARPRequests <= 0 || p.ARPTimeout <= 0 || p.ReassemblyFor <= 0 || p.DefaultTTL == 0 {
		t.Errorf("unknown timings: %+v", p)
	}
	if got := rfc.Info().Params.ReassemblyFor; got != time.Minute {
		t.Errorf("linux:rfc keeps fragments for %v, want what was set, 1m", got)
	}
	for _, s := range append(i.Settings, rfc.Info().Settings...) {
		if s.Name == "" || s.Value == "" || s.Why == "" {
			t.Errorf("incomplete setting %+v", s)
		}
	}
	if _, err := shipped.New(t.Context(), target.Spec{Check: "x.y", Needs: []target.Feature{target.Conflict}}); err == nil ||
		err.Error() != "x.y needs ipv4-acd, which the target linux does not declare" {
		t.Errorf("an undeclared need: %v", err)
	}
}

// Every setting that Info reports is in force in a world, the one that rtnetlink makes included.
func TestSettingsAreInForce(t *testing.T) {
	k := newKit(t, Options{RFC: true})
	w := k.World.(*world)
	w.thread.do(func() {
		for _, s := range w.settings {
			if got, err := readSysctl(s.Name); got != s.Value || err != nil {
				t.Errorf("%s = %q, %v, want %s", s.Name, got, err, s.Value)
			}
		}
		if p, err := readNeighParams(w.links[0].index); p.locktime != 0 || err != nil {
			t.Errorf("locktime = %v, %v, want 0", p.locktime, err)
		}
	})
	shipped := newKit(t, Options{}).World.(*world)
	shipped.thread.do(func() {
		if p, err := readNeighParams(shipped.links[0].index); p.locktime == 0 || err != nil {
			t.Errorf("as shipped the locktime is %v, %v, want the kernel's own", p.locktime, err)
		}
	})
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	needsRoot(t)
	k, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	before := runtime.NumGoroutine()
	for range 5 {
		w, err := k.New(t.Context(), target.Spec{Needs: []target.Feature{target.UDPEcho}})
		if err != nil {
			t.Fatal(err)
		}
		socket, _ := w.Agent().Start(agent.Request{Do: agent.Open}).Done()
		op := w.Agent().Start(agent.Request{Do: agent.Recv, Socket: socket.Socket})
		for range 2 {
			if err := w.Close(); err != nil { // closing twice is no fault
				t.Fatal(err)
			}
		}
		if r, done := op.Done(); !done || r.Errno != "ECANCELED" {
			t.Errorf("pending recv: done %v, %q, want ECANCELED", done, r.Errno)
		}
	}
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func BenchmarkWorld(b *testing.B) {
	needsRoot(b)
	for _, o := range []Options{{}, {RFC: true}} {
		b.Run("target="+o.name(), func(b *testing.B) {
			k, err := New(o)
			if err != nil {
				b.Fatal(err)
			}
			var made, ended time.Duration
			for b.Loop() {
				start := time.Now()
				w, err := k.New(b.Context(), target.Spec{})
				if err != nil {
					b.Fatal(err)
				}
				made += time.Since(start)
				start = time.Now()
				if err := w.Close(); err != nil {
					b.Fatal(err)
				}
				ended += time.Since(start)
			}
			if err := k.Close(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(made.Seconds()*1e3/float64(b.N), "ms/new")
			b.ReportMetric(ended.Seconds()*1e3/float64(b.N), "ms/close")
		})
	}
}
