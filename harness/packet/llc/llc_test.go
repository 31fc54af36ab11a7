package llc_test

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/llc"
	"github.com/conform-stack/conform/harness/target"
)

var env = packet.Env{
	Local:   target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, IP4: netip.MustParseAddr("192.0.2.1")},
	Peer:    target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP4: netip.MustParseAddr("192.0.2.2")},
	Network: ipv4.Proto,
}

// The length counts LLC, SNAP and the packet, not the padding.
func TestBuild(t *testing.T) {
	got := llc.Over(arp.Request(env.Peer.IP4)).With(ethernet.Dst.Is(ethernet.Broadcast)).Build(env)
	want, _ := hex.DecodeString("ffffffffffff" + "020000000001" + "0024" + "aaaa03" + "000000" + "0806" +
		"0001080006040001" + "020000000001" + "c0000201" + "000000000000" + "c0000202")
	want = append(want, make([]byte, 60-len(want))...)
	if !bytes.Equal(got, want) {
		t.Errorf("built\n%x, want\n%x", got, want)
	}
}

func TestReadAndRewrite(t *testing.T) {
	f := packet.Dissect(target.Ethernet, llc.Over(ipv4.Header().Then(icmpv4.Echo(1, 2, []byte("data")))).Build(env))
	like := llc.Header(llc.Control.Is(llc.UI)).Then(llc.SNAP.Layer(llc.Type.Is(0x0800)), icmpv4.Echo(1, 2, []byte("data")))
	if ok, diffs := like.Compare(f); !ok || len(diffs) > 0 {
		t.Fatalf("%s: layers %v, %v", f, ok, diffs)
	}
	longer := packet.Dissect(target.Ethernet, f.Rewrite(packet.Data.Is([]byte("longer data"))))
	for _, c := range []packet.Cond{ethernet.Type.Is(8 + 28 + 11), ipv4.TotalLength.Is(28 + 11), llc.Organization.Is(0)} {
		if diffs := packet.Check(longer, c); len(diffs) > 0 {
			t.Errorf("rewritten: %v", diffs)
		}
	}
}
