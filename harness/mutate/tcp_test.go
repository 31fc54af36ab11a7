package mutate

import (
	"bytes"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/target"
)

var hosts = packet.Env{Local: example.Testers[0], Peer: example.Target, Network: ipv4.Proto}

func dissected(t packet.Template) *packet.Frame {
	return packet.Dissect(target.Ethernet, t.Build(hosts))
}

// What is moved back is as right, or as wrong, as it was.
func TestMovedBackKeepsFaults(t *testing.T) {
	base := tcp.Segment(tcp.SrcPort.Is(1), tcp.DstPort.Is(2), tcp.Flags.Is(tcp.ACK), tcp.Ack.Is(100)).Then(packet.Payload([]byte("odd")))
	for _, tt := range []struct {
		name string
		made packet.Template
		want packet.Template
	}{
		{"right", base, base.With(tcp.Ack.Is(90))},
		{"blocks", base.With(tcp.Options.Is(tcp.List(tcp.NOP, tcp.Option(5, 0, 0, 0, 20, 0, 0, 0, 30)))),
			base.With(tcp.Ack.Is(90), tcp.Options.Is(tcp.List(tcp.NOP, tcp.Option(5, 0, 0, 0, 10, 0, 0, 0, 20))))},
		{"data offset", base.With(tcp.DataOffset.Is(9)), base.With(tcp.Ack.Is(90), tcp.DataOffset.Is(9))},
		{"no ACK", base.With(tcp.Flags.Is(tcp.SYN)), base.With(tcp.Flags.Is(tcp.SYN))},
	} {
		f := dissected(tt.made)
		if got, want := movedBack(f, 10), tt.want.Build(hosts); !bytes.Equal(got, want) {
			t.Errorf("%s: %s\nwant %s", tt.name, packet.Dissect(target.Ethernet, got), packet.Dissect(target.Ethernet, want))
		}
	}
	bad := packet.Dissect(target.Ethernet, movedBack(dissected(base.With(tcp.Checksum.Is(0x1234))), 10))
	good, _ := tcp.Checksum.Of(packet.Dissect(target.Ethernet, bad.Rewrite()))
	if sum, _ := tcp.Checksum.Of(bad); sum == good {
		t.Error("a wrong checksum was mended")
	}
}

func TestQuoteMovedBack(t *testing.T) {
	segment := tcp.Segment(tcp.SrcPort.Is(1), tcp.DstPort.Is(2), tcp.Seq.Is(100))
	of := func(s packet.Template) packet.Template {
		f := dissected(s)
		return icmpv4.Unreachable(1).Then(packet.Payload(append(append([]byte(nil), f.Header(ipv4.Proto)...), f.Body(ipv4.Proto)[:8]...)))
	}
	f := dissected(of(segment))
	if got := quoteMovedBack(f, 10, map[flowKey]bool{{0, 1, 2}: true}); !bytes.Equal(got, of(segment.With(tcp.Seq.Is(90))).Build(hosts)) {
		t.Errorf("%s", packet.Dissect(target.Ethernet, got))
	}
	if got := quoteMovedBack(f, 10, map[flowKey]bool{{0, 2, 1}: true}); !bytes.Equal(got, f.Bytes) {
		t.Error("a quote of another connection was changed")
	}
}
