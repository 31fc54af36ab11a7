package stack_test

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

func TestEchoComesBackWhole(t *testing.T) { // RFC 1122, 3.2.2.6
	k := newKit(t, config.Config{})
	k.meet()
	for _, body := range []string{"", "x", "odd number", strings.Repeat("y", 1472)} {
		k.send(echoRequest(body))
		k.want("an echo", "00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 7 seq 1 "+text([]byte(body)))
	}
	h := ipv4.Header{Protocol: codec.ICMPv4, TOS: 0xb8, TTL: 1}
	k.send(ipFrame(h, icmpMessage(icmpv4.Query(icmpv4.EchoRequest, 0, 0), nil)))
	k.want("the TOS is the request's; TTL 1 is good enough", `00:01 192.0.2.2 > 192.0.2.1 tos 184 DF ICMP echo reply id 0 seq 0 ""`)
}

func TestICMPThatIsIgnored(t *testing.T) {
	k := newKit(t, config.Config{})
	k.meet()
	bad := icmpMessage(icmpv4.Query(icmpv4.EchoRequest, 1, 1), []byte("x"))
	bad[2]++
	k.send(ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, bad))
	k.dropped(stats.ICMPChecksum, 1)
	k.send(ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, bad[:7]))
	k.dropped(stats.ICMPInvalid, 1)
	k.send(ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.Header{Type: 200}, []byte("unknown"))))
	k.dropped(stats.ICMPUnknown, 1)
	for i, typ := range []icmpv4.Type{icmpv4.InformationRequest, icmpv4.AddressMaskRequest, icmpv4.SourceQuench} {
		k.send(ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.Header{Type: typ}, make([]byte, 12))))
		k.dropped(stats.ICMPIgnored, uint64(i+1))
	}
	k.quiet("none of these is answered")
}

func TestTimestamp(t *testing.T) { // RFC 1122, 3.2.2.8
	k := newKit(t, config.Config{TimeOfDay: 23*time.Hour + 59*time.Minute + 59*time.Second})
	k.meet()
	request := func() {
		body := icmpv4.AppendTimestamps(nil, icmpv4.Timestamps{Originate: 0x01020304})
		k.send(ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.Query(icmpv4.TimestampRequest, 3, 4), body)))
	}
	request()
	k.want("a second before midnight", "00:01 192.0.2.2 > 192.0.2.1 DF ICMP timestamp reply id 3 seq 4 010203040526581805265818")
	k.advance(time.Second + 5*time.Millisecond)
	request()
	k.want("after it", "00:01 192.0.2.2 > 192.0.2.1 DF ICMP timestamp reply id 3 seq 4 010203040000000500000005")
}

// About which datagrams no error is sent (RFC 1122, 3.2.2), each one fault away from one about which it is.
func TestErrorsThatMayNotBeSent(t *testing.T) {
	udp := func(src, dst ipv4.Addr) []byte { return udpMessage(src, dst, 4000, 9, []byte("x")) }
	good := func() []byte { return udpFrame(4000, 9, "x") }
	port := `00:01 192.0.2.2 > 192.0.2.1 DF ICMP unreachable code 3 [192.0.2.1 > 192.0.2.2 UDP 4000 > 9 "x"]`
	for _, tt := range []struct {
		why   string
		frame []byte
	}{
		{"the limited broadcast address", ipFrame(ipv4.Header{Protocol: codec.UDP, Dst: ipv4.Addr{255, 255, 255, 255}}, udp(testerIP, ipv4.Addr{255, 255, 255, 255}))},
		{"the subnet's broadcast address", ipFrame(ipv4.Header{Protocol: codec.UDP, Dst: ipv4.Addr{192, 0, 2, 255}}, udp(testerIP, ipv4.Addr{192, 0, 2, 255}))},
		{"the subnet's old broadcast address", ipFrame(ipv4.Header{Protocol: codec.UDP, Dst: ipv4.Addr{192, 0, 2, 0}}, udp(testerIP, ipv4.Addr{192, 0, 2, 0}))},
		{"a group", ipFrame(ipv4.Header{Protocol: codec.UDP, Dst: ipv4.Addr{224, 0, 0, 1}}, udp(testerIP, ipv4.Addr{224, 0, 0, 1}))},
		{"from nobody", ipFrame(ipv4.Header{Protocol: codec.UDP, Src: ipv4.Addr{0, 0, 0, 1}}, udp(ipv4.Addr{0, 0, 0, 1}, nodeIP))},
		{"from a loopback address", ipFrame(ipv4.Header{Protocol: codec.UDP, Src: ipv4.Addr{127, 0, 0, 1}}, udp(ipv4.Addr{127, 0, 0, 1}, nodeIP))},
		{"from a broadcast address", ipFrame(ipv4.Header{Protocol: codec.UDP, Src: ipv4.Addr{192, 0, 2, 255}}, udp(ipv4.Addr{192, 0, 2, 255}, nodeIP))},
		{"from a group", ipFrame(ipv4.Header{Protocol: codec.UDP, Src: ipv4.Addr{224, 0, 0, 5}}, udp(ipv4.Addr{224, 0, 0, 5}, nodeIP))},
		{"from class E", ipFrame(ipv4.Header{Protocol: codec.UDP, Src: ipv4.Addr{240, 0, 0, 5}}, udp(ipv4.Addr{240, 0, 0, 5}, nodeIP))},
		{"from the node's own address", ipFrame(ipv4.Header{Protocol: codec.UDP, Src: nodeIP}, udp(nodeIP, nodeIP))},
		{"a later fragment of an unknown protocol", ipFrame(ipv4.Header{Protocol: 200, FragOffset: 8}, []byte("x"))},
	} {
		t.Run(tt.why, func(t *testing.T) {
			k := newKit(t, config.Config{})
			k.meet()
			k.send(tt.frame)
			k.quiet("no error about it")
			k.send(good())
			k.want("the fault made right", port)
		})
	}
	t.Run("a link broadcast", func(t *testing.T) { // also 3.3.6
		k := newKit(t, config.Config{})
		k.meet()
		f := good()
		copy(f, ethernet.Broadcast[:])
		k.send(f)
		k.quiet("no error about it")
		k.dropped(stats.IPLinkCast, 1)
	})
	t.Run("an ICMP error", func(t *testing.T) { // for want of another reason, of an unknown protocol's kind: to a bad option
		k := newKit(t, config.Config{})
		k.meet()
		bad := ipv4.Options{byte(ipv4.RecordRoute), 3, 3, 0}
		for typ, want := range map[icmpv4.Type]bool{
			icmpv4.EchoRequest: true, icmpv4.EchoReply: true, icmpv4.Unreachable: false, icmpv4.Redirect: false,
			icmpv4.TimeExceeded: false, icmpv4.ParameterProblem: false, icmpv4.SourceQuench: false, 200: false,
		} {
			k.send(ipFrame(ipv4.Header{Protocol: codec.ICMPv4, Options: bad}, icmpMessage(icmpv4.Header{Type: typ}, nil)))
			if got := len(k.frames) == 1; got != want {
				t.Errorf("an error about %v: %v, want %v", typ, got, want)
			}
			k.frames = nil
		}
	})
}

func TestProtocolUnreachable(t *testing.T) { // RFC 1122, 3.2.2.1
	k := newKit(t, config.Config{})
	k.meet()
	k.send(ipFrame(ipv4.Header{Protocol: 200, TOS: 4}, []byte(strings.Repeat("z", 1000))))
	f := k.want("nobody speaks it", "00:01 192.0.2.2 > 192.0.2.1 DF ICMP unreachable code 2 [192.0.2.1 > 192.0.2.2 tos 4 proto-200 z x 528]")
	if n := len(f) - ethernet.HeaderLen; n != 576 {
		t.Errorf("the error has %d octets, want 576: as much is quoted as fits", n)
	}
}

func TestErrorRateIsLimited(t *testing.T) {
	k := newKit(t, config.Config{ICMPRate: 10, ICMPBurst: 3})
	k.meet()
	errors := func(n int) int {
		for range n {
			k.send(udpFrame(4000, 9, "x"))
		}
		got := len(k.frames)
		k.frames = nil
		return got
	}
	if got := errors(5); got != 3 {
		t.Errorf("%d errors at once, want 3", got)
	}
	k.advance(100*time.Millisecond - 1)
	if got := errors(1); got != 0 {
		t.Error("another one before its time")
	}
	k.advance(1)
	if got := errors(2); got != 1 {
		t.Errorf("%d errors after a tenth of a second, want 1", got)
	}
	k.advance(time.Hour)
	if got := errors(5); got != 3 {
		t.Errorf("%d errors at once after a long time, want 3", got)
	}
}

func TestEchoToAllIsNotAnswered(t *testing.T) { // RFC 1122, 3.2.2.6: MAY
	for _, on := range []config.Switch{config.Off, config.On} {
		k := newKit(t, config.Config{EchoBroadcast: on})
		k.meet()
		for _, dst := range []ipv4.Addr{{255, 255, 255, 255}, {192, 0, 2, 255}, {224, 0, 0, 1}} {
			f := ipFrame(ipv4.Header{Protocol: codec.ICMPv4, Dst: dst}, icmpMessage(icmpv4.Query(icmpv4.EchoRequest, 1, 1), nil))
			to := ethernet.Broadcast
			if dst.IsMulticast() {
				to = ethernet.Multicast4(dst)
			}
			copy(f, to[:])
			k.send(f)
			if on.On() {
				k.want("the answer has the node's own address", `00:01 192.0.2.2 > 192.0.2.1 DF ICMP echo reply id 1 seq 1 ""`)
			}
			k.quiet("an echo to " + dst.String())
		}
	}
}
