package vlan_test

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/vlan"
	"github.com/conform-stack/conform/harness/target"
)

var env = packet.Env{
	Local:   target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, IP4: netip.MustParseAddr("192.0.2.1")},
	Peer:    target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP4: netip.MustParseAddr("192.0.2.2")},
	Network: ipv4.Proto,
}

func TestTag(t *testing.T) {
	tagged := env
	tagged.Tags = vlan.Tag(vlan.VID.Is(7), vlan.PCP.Is(5))
	echo := icmpv4.Echo(1, 1, nil)
	for _, tt := range []struct {
		name  string
		env   packet.Env
		t     packet.Template
		start string // of the frame, behind the addresses
	}{
		{"named", env, vlan.Tag(vlan.VID.Is(7), vlan.PCP.Is(5)).Then(ipv4.Header(), echo), "8100a007080045"},
		{"of the environment", tagged, echo, "8100a007080045"},
		{"of the environment, below a named link", tagged, ethernet.Frame().Then(ipv4.Header(), echo), "8100a007080045"},
		{"of the environment, and another one", tagged, vlan.Tag(vlan.VID.Is(9)).Then(ipv4.Header(), echo), "81000009080045"},
		{"two", env, vlan.Tag(vlan.VID.Is(9)).Then(vlan.Tag(vlan.DEI.Is(1)), ipv4.Header(), echo), "8100000981001000080045"},
		{"none", env, echo, "080045"},
	} {
		b := tt.t.Build(tt.env)
		want, _ := hex.DecodeString(tt.start)
		if !bytes.HasPrefix(b[12:], want) {
			t.Errorf("%s: %x, want %x", tt.name, b[12:24], want)
		}
		if f := packet.Dissect(target.Ethernet, b); !echo.Matches(f) {
			t.Errorf("%s: read as %s", tt.name, f)
		}
	}
	f := packet.Dissect(target.Ethernet, echo.Build(tagged))
	if got, want := f.String(), "02:00:00:00:00:01 > 02:00:00:00:00:02, VLAN 7 priority 5, IPv4 192.0.2.1 > 192.0.2.2 ttl 64, ICMP echo id 1 seq 1"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if g := packet.Dissect(target.Ethernet, f.Rewrite(vlan.PCP.Is(2))); !vlan.Tag(vlan.PCP.Is(2), vlan.VID.Is(7)).Matches(g) {
		t.Errorf("rewritten: %s", g)
	}
}
