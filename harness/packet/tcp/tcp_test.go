package tcp_test

import (
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/target"
)

var env = packet.Env{
	Local:   target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, IP4: netip.MustParseAddr("192.0.2.1")},
	Peer:    target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP4: netip.MustParseAddr("192.0.2.2")},
	Network: ipv4.Proto,
}

func built(t packet.Template) *packet.Frame { return packet.Dissect(target.Ethernet, t.Build(env)) }

var syn = tcp.Segment(tcp.SrcPort.Is(1025), tcp.DstPort.Is(80), tcp.Seq.Is(1000), tcp.Flags.Is(tcp.SYN), tcp.Window.Is(65535))

func TestSegmentsArePrintedLikeTcpdumpDoes(t *testing.T) {
	for _, tt := range []struct {
		tmpl packet.Template
		want string
	}{
		{syn, "TCP 1025 > 80 [SYN] seq 1000 win 65535 len 0"},
		{syn.With(tcp.MSS.Is(1460), tcp.SACKPermitted.Is(nil), tcp.TSval.Is(7), tcp.WindowScale.Is(3)),
			"[SYN] seq 1000 win 65535 <mss 1460,sackOK,TS val 7 ecr 0,ws 3,end> len 0"},
		{syn.With(tcp.Flags.Is(tcp.PSH|tcp.ACK|tcp.URG), tcp.Ack.Is(5), tcp.Urgent.Is(2)).Then(packet.Payload([]byte("hello"))),
			"[PSH,URG,ACK] seq 1000 ack 5 win 65535 urg 2 len 5"},
		{syn.With(tcp.Options.Is(tcp.List(tcp.NOP, tcp.NOP, tcp.TimestampsOption(1, 2)))), "<nop,nop,TS val 1 ecr 2> len 0"},
		{syn.With(tcp.SACKBlocks(tcp.Block{Left: 1, Right: 2}, tcp.Block{Left: 4, Right: 6})), "<sack {1-2 4-6},end> len 0"},
		{syn.With(tcp.FastOpen.Is(nil)), "<tfo request,end> len 0"},
		{syn.With(tcp.FastOpen.Is([]byte{1, 2, 3, 4})), "<tfo 01020304,end> len 0"},
		{syn.With(tcp.UserTimeout.Is(0x8002)), "<uto 2 min> len 0"},
		{syn.With(tcp.Options.Is(tcp.Option(252, 9, 8))), "<kind 252 length 4 0908> len 0"},
		{syn.With(tcp.Options.Is([]byte{2, 0, 5, 5})), "<malformed 02000505> len 0"},
		{syn.With(tcp.Options.Is([]byte{1, 0, 5, 5})), "<nop,end, then 0505> len 0"},
		{syn.With(tcp.DataOffset.Is(4)), "data offset 4 len 0"},
		{syn.With(tcp.DataOffset.Is(15)).Then(packet.Payload([]byte("abcd"))), "data offset 15"},
		{syn.With(tcp.Reserved.Is(5), tcp.Flags.Is(0)), "[no flags] seq 1000 win 65535 reserved 0x5 len 0"},
	} {
		if got := built(tt.tmpl).String(); !strings.Contains(got, tt.want) {
			t.Errorf("%s\nis printed %s\nwant ...    %s", tt.tmpl, got, tt.want)
		}
	}
}

// The sum over pseudo header, header and data is checked with arithmetic of the test's own.
func TestChecksumCoversThePseudoHeader(t *testing.T) {
	for _, data := range []string{"", "a", "abcd", "odd octets"} {
		f := built(syn.With(tcp.MSS.Is(1460)).Then(packet.Payload([]byte(data))))
		segment := append(append([]byte(nil), f.Header(tcp.Proto)...), f.Body(tcp.Proto)...)
		b := append([]byte{192, 0, 2, 1, 192, 0, 2, 2, 0, 6, 0, byte(len(segment))}, segment...)
		if len(b)%2 == 1 {
			b = append(b, 0)
		}
		sum := 0
		for i := 0; i < len(b); i += 2 {
			sum += int(b[i])<<8 | int(b[i+1])
		}
		for sum > 0xffff {
			sum = sum>>16 + sum&0xffff
		}
		if string(f.Body(tcp.Proto)) != data || sum != 0xffff {
			t.Errorf("%q: data %q, sum %#x, want 0xffff", data, f.Body(tcp.Proto), sum)
		}
	}
	if c, _ := tcp.Checksum.Of(built(syn.With(tcp.Checksum.Is(0x1234)))); c != 0x1234 {
		t.Errorf("a checksum that the template sets is %#x", c)
	}
}

func TestOptionsAreFieldsThatMayBeAbsent(t *testing.T) {
	f := built(syn.With(tcp.MSS.Is(1460), tcp.TSval.Is(7), tcp.TSecr.Is(9), tcp.WindowScale.Is(3)))
	if v, ok := tcp.TSecr.Of(f); !ok || v != 9 {
		t.Errorf("TSecr %d, %v", v, ok)
	}
	if _, ok := tcp.SACK.Of(f); ok {
		t.Error("SACK is found where there is none")
	}
	for _, tt := range []struct {
		cond packet.Cond
		want string // the difference; empty for none
	}{
		{tcp.MSS.Is(1460), ""}, {tcp.MSS.Is(536), "MSS is 1460, want 536"}, {tcp.MSS.None(), "MSS is 1460, want absent"},
		{tcp.SACKPermitted.Is(nil), "SACK permitted is absent, want present"}, {tcp.SACKPermitted.None(), ""},
		{tcp.HasOption(3), ""}, {tcp.LacksOption(3), "options is"}, {tcp.HasOption(5), "want with one of kind 5"},
		{tcp.Control(tcp.SYN), ""}, {tcp.Control(tcp.SYN | tcp.ACK), "flags is SYN, want SYN,ACK"},
		{tcp.Has(tcp.SYN), ""}, {tcp.Lacks(tcp.SYN), "flags is SYN, want without SYN"},
	} {
		diffs := packet.Check(f, tt.cond)
		if len(diffs) == 0 != (tt.want == "") || len(diffs) > 0 && !strings.Contains(diffs[0].String(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.cond, diffs, tt.want)
		}
	}
}

// What a mutant rewrites is mended around: offset, total length, checksums.
func TestOptionsAreRewritten(t *testing.T) {
	f := built(syn.With(tcp.MSS.Is(1460), tcp.WindowScale.Is(3)).Then(packet.Payload([]byte("data"))))
	for _, tt := range []struct {
		conds []packet.Cond
		want  packet.Template
	}{
		{[]packet.Cond{tcp.MSS.None()}, syn.With(tcp.WindowScale.Is(3))},
		{[]packet.Cond{tcp.MSS.Is(536)}, syn.With(tcp.MSS.Is(536), tcp.WindowScale.Is(3))},
		{[]packet.Cond{tcp.SACKPermitted.Is(nil)}, syn.With(tcp.MSS.Is(1460), tcp.WindowScale.Is(3), tcp.SACKPermitted.Is(nil))},
		{[]packet.Cond{tcp.Options.Is(nil), tcp.RSTBit.Is(1)}, syn.With(tcp.Flags.Is(tcp.SYN | tcp.RST))},
	} {
		got := packet.Dissect(target.Ethernet, f.Rewrite(tt.conds...)).String()
		if want := built(tt.want.Then(packet.Payload([]byte("data")))).String(); got != want {
			t.Errorf("%v: %s\nwant %s", tt.conds, got, want)
		}
	}
}
