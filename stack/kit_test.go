package stack_test

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/udp"
)

var (
	testerMAC = ethernet.MAC{2, 0, 0, 0, 0, 1}
	nodeMAC   = ethernet.MAC{2, 0, 0, 0, 0, 2}
	testerIP  = ipv4.Addr{192, 0, 2, 1}
	nodeIP    = ipv4.Addr{192, 0, 2, 2}
	subnet    = netip.MustParsePrefix("192.0.2.2/24")
)

// patient is a time for which a neighbour is trusted in tests that are about something else.
const patient = 1000 * time.Hour

// kit is a node on a wire whose other end is the test. Every frame that the node sends must be claimed.
type kit struct {
	t      testing.TB
	loop   *clock.Loop
	node   *stack.Node
	eth    *stack.Interface
	far    *wire.End
	frames [][]byte
}

func newKit(t testing.TB, c config.Config) *kit { return newKitOn(t, c, wire.Config{}) }

func newKitOn(t testing.TB, c config.Config, w wire.Config) *kit {
	k := &kit{t: t, loop: clock.New()}
	near, far := wire.New(k.loop, w)
	k.far = far
	far.Start(driver.Frames(func(b []byte) { k.frames = append(k.frames, append([]byte(nil), b...)) }))
	var err error
	if k.node, err = stack.New(k.loop, c); err != nil {
		t.Fatal(err)
	}
	if k.eth, err = k.node.AddEthernet(near, nodeMAC); err != nil {
		t.Fatal(err)
	}
	if err := k.node.AddAddress(k.eth, subnet); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		k.t.Helper()
		for _, f := range k.frames {
			t.Errorf("a frame that nothing claimed: %s", show(f))
		}
		if err := k.node.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

// advance lets time pass.
func (k *kit) advance(d time.Duration) {
	k.t.Helper()
	if err := k.loop.Run(k.loop.Now() + d); err != nil {
		k.t.Fatal(err)
	}
}

// send puts a frame on the wire and lets the node react.
func (k *kit) send(frame []byte) {
	k.t.Helper()
	k.far.Send(frame)
	k.advance(0)
}

// next claims the next frame.
func (k *kit) next(why string) []byte {
	k.t.Helper()
	if len(k.frames) == 0 {
		k.t.Fatalf("%s: nothing came", why)
	}
	f := k.frames[0]
	k.frames = k.frames[1:]
	return f
}

// want claims the next frame, which must read as show writes it.
func (k *kit) want(why, frame string) []byte {
	k.t.Helper()
	f := k.next(why)
	if got := show(f); got != frame {
		k.t.Errorf("%s:\n got %s\nwant %s", why, got, frame)
	}
	return f
}

// quiet says that nothing was sent.
func (k *kit) quiet(why string) {
	k.t.Helper()
	for _, f := range k.frames {
		k.t.Errorf("%s: got %s", why, show(f))
	}
	k.frames = nil
}

// dropped says how often the node dropped for a reason, since it was made.
func (k *kit) dropped(why stats.Drop, want uint64) {
	k.t.Helper()
	if got := k.node.Stats().Drops[why]; got != want {
		k.t.Errorf("%v: %d dropped, want %d", why, got, want)
	}
}

// meet makes the tester known to the node.
func (k *kit) meet() { k.meetAs(testerIP) }

func (k *kit) meetAs(ip ipv4.Addr) {
	k.t.Helper()
	k.send(arpFrame(arp.Request, testerMAC, ip, ethernet.MAC{}, nodeIP))
	k.next("the answer to the request that introduces the tester")
}

func arpFrame(op arp.Op, hw ethernet.MAC, ip ipv4.Addr, thw ethernet.MAC, tip ipv4.Addr) []byte {
	b := ethernet.Append(nil, ethernet.Header{Dst: ethernet.Broadcast, Src: hw, Type: ethernet.TypeARP})
	return arp.Append(b, arp.Header{
		Hardware: arp.HardwareEthernet, Protocol: ethernet.TypeIPv4, Op: op,
		SenderHW: hw.Addr(), SenderIP: ip, TargetHW: thw.Addr(), TargetIP: tip,
	})
}

// ipFrame is a sealed datagram in a frame; zero fields get what is usual.
func ipFrame(h ipv4.Header, payload []byte) []byte {
	if h.TTL == 0 {
		h.TTL = 64
	}
	if h.Src.IsUnspecified() {
		h.Src = testerIP
	}
	if h.Dst.IsUnspecified() {
		h.Dst = nodeIP
	}
	d := append(ipv4.Append(nil, h), payload...)
	ipv4.Seal(d)
	return append(ethernet.Append(nil, ethernet.Header{Dst: nodeMAC, Src: testerMAC, Type: ethernet.TypeIPv4}), d...)
}

func icmpMessage(h icmpv4.Header, body []byte) []byte {
	m := append(icmpv4.Append(nil, h), body...)
	icmpv4.Seal(m)
	return m
}

func echoRequest(body string) []byte {
	return ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.Query(icmpv4.EchoRequest, 7, 1), []byte(body)))
}

func udpMessage(src, dst ipv4.Addr, from, to uint16, body []byte) []byte {
	m := append(udp.Append(nil, udp.Header{SrcPort: from, DstPort: to}), body...)
	udp.Seal(m, codec.Pseudo4(src, dst, codec.UDP))
	return m
}

func udpFrame(from, to uint16, body string) []byte {
	return ipFrame(ipv4.Header{Protocol: codec.UDP}, udpMessage(testerIP, nodeIP, from, to, []byte(body)))
}

// show writes a frame as one line, its payload as text if it is. Checksums are verified.
func show(frame []byte) string {
	h, b, err := ethernet.Parse(frame)
	if err != nil {
		return err.Error() + " in " + hex.EncodeToString(frame)
	}
	to := h.Dst.String()[12:] + " "
	if h.Dst.IsBroadcast() {
		to = "all "
	} else if h.Dst.IsGroup() {
		to = h.Dst.String() + " "
	}
	if h.Src != nodeMAC {
		to = h.Src.String() + " > " + to
	}
	switch h.Type {
	case ethernet.TypeARP:
		a, _, err := arp.Parse(b)
		if err != nil {
			return to + err.Error()
		}
		return to + a.String()
	case ethernet.TypeIPv4:
		return to + showIP(b, true)
	case ethernet.TypeIPv6:
		return to + showIP6(b, true)
	}
	return to + h.Type.String()
}

// showIP leaves out what is usual: TTL 64, no identification.
func showIP(b []byte, verify bool) string {
	h, payload, err := ipv4.Parse(b)
	if err == nil && verify {
		err = ipv4.Verify(b, h)
	}
	if err != nil {
		return "IP " + err.Error()
	}
	s := h.Src.String() + " > " + h.Dst.String()
	if h.TTL != 64 {
		s += " ttl " + itoa(int(h.TTL))
	}
	if h.TOS != 0 {
		s += " tos " + itoa(int(h.TOS))
	}
	if h.Flags&ipv4.DF != 0 {
		s += " DF"
	}
	if h.Options != nil {
		s += " options " + hex.EncodeToString(h.Options)
	}
	if h.IsFragment() {
		s += " frag " + itoa(int(h.FragOffset))
		if h.Flags&ipv4.MF != 0 {
			s += "+"
		}
		return s + " len " + itoa(len(payload))
	}
	switch h.Protocol {
	case codec.ICMPv4:
		m, body, err := icmpv4.Parse(payload)
		if err == nil && verify {
			err = icmpv4.Verify(payload)
		}
		if err != nil {
			return s + " ICMP " + err.Error()
		}
		s += " " + m.String()
		if m.Type.IsError() {
			return s + " [" + showIP(body, false) + "]"
		}
		return s + " " + text(body)
	case codec.UDP:
		u, body, err := udp.Parse(payload)
		if err == nil && verify {
			err = udp.Verify(payload, u, h.Pseudo())
		}
		if err != nil {
			return s + " UDP " + err.Error()
		}
		return s + " UDP " + itoa(int(u.SrcPort)) + " > " + itoa(int(u.DstPort)) + " " + text(body)
	}
	if h.Protocol == codec.IGMP {
		return s + " " + showIGMP(payload)
	}
	return s + " " + h.Protocol.String() + " " + text(payload)
}

// showIGMP lists the sources of records.
func showIGMP(b []byte) string {
	if err := igmp.Verify(b); err != nil {
		return "IGMP " + err.Error()
	}
	if h, _, err := igmp.Parse(b); err == nil {
		return h.String()
	}
	r, rest, err := igmp.ParseReport(b)
	if err != nil || len(rest) > 0 {
		return "IGMP " + text(b)
	}
	s := "IGMP"
	for left := r.Records; len(left) > 0; {
		var rec igmp.Record
		rec, left = left.Next()
		s += " " + rec.Type.String() + " " + rec.Group.String() + "("
		for i := range rec.SourceSet.Len() {
			s += " " + rec.SourceSet.At(i).String()
		}
		s += ")"
	}
	return s
}

func text(b []byte) string {
	for _, c := range b {
		if c < ' ' || c > '~' {
			return hex.EncodeToString(b)
		}
	}
	if len(b) > 40 && strings.Count(string(b), string(b[:1])) == len(b) {
		return string(b[:1]) + " x " + itoa(len(b))
	}
	return `"` + string(b) + `"`
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// open opens a bound UDP socket of IPv4.
func (k *kit) open(port uint16) *socket.Socket {
	return k.bound(socket.Inet, netip.IPv4Unspecified(), port)
}

func (k *kit) bound(family socket.Family, a netip.Addr, port uint16) *socket.Socket {
	k.t.Helper()
	s, err := k.node.Sockets.Open(family, socket.Dgram, 0)
	if err != nil {
		k.t.Fatal(err)
	}
	if err := s.Bind(netip.AddrPortFrom(a, port)); err != nil {
		k.t.Fatal(err)
	}
	return s
}

// echoService answers every datagram to a port.
func (k *kit) echoService(port uint16) *socket.Socket { return k.echoes(k.open(port)) }

func (k *kit) echoes(s *socket.Socket) *socket.Socket {
	buf := make([]byte, 65536)
	s.OnReady(func() {
		for {
			m, err := s.Recv(buf)
			if err != nil {
				return
			}
			if err := s.SendTo(buf[:m.N], m.From); err != nil {
				k.t.Error(err)
			}
		}
	})
	return s
}

func subnetOf(s string) netip.Prefix                 { return netip.MustParsePrefix(s) }
func netipOf(a ipv4.Addr) netip.Addr                 { return a.Netip() }
func peerOf(a ipv4.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a.Netip(), port) }

func pathTo(dst string) *ip.Send { return &ip.Send{Dst: netip.MustParseAddr(dst)} }

func (k *kit) raw(protocol int) *socket.Socket {
	k.t.Helper()
	s, err := k.node.Sockets.Open(socket.Inet, socket.Raw, protocol)
	if err != nil {
		k.t.Fatal(err)
	}
	return s
}
