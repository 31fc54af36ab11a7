//go:build linux

package linux

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
)

// What a world of IPv6 says by itself within a second and a half: nothing, unless it is what a check needs.
func TestWorldsOfIPv6(t *testing.T) {
	const ns, rs, report = 135, 133, 143
	for _, tt := range []struct {
		name  string
		needs []target.Feature
		says  []byte // types of ICMPv6, on the first link
		ip    bool   // there is a global address
	}{
		{"quiet", nil, nil, true},
		{"a router", []target.Feature{target.Forwarding6}, nil, true},
		{"SLAAC", []target.Feature{target.SLAAC}, []byte{rs}, false},
		{"DAD", []target.Feature{target.DAD}, []byte{ns}, true},
		{"an MLD host", []target.Feature{target.Multicast6}, []byte{report}, true},
		{"opaque identifiers", []target.Feature{target.StableIID}, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, Options{RFC: true}, append(tt.needs, target.IPv6)...)
			n := k.Nets()[0]
			if n.Target.IP6.IsValid() != tt.ip || n.Prefix6 != netip.MustParsePrefix("2001:db8:1::/64") || n.Ifindex == 0 {
				t.Errorf("the link: %+v", n)
			}
			seen := map[byte]int{}
			for until := k.Now() + 1500*time.Millisecond; ; {
				e, err := k.Next(until)
				if err != nil {
					t.Fatal(err)
				}
				if e.Frame == nil {
					break
				}
				b, at, kind := e.Frame, 54, e.Frame[20]
				if kind == 0 { // hop-by-hop options
					kind, at = b[54], at+8+8*int(b[55])
				}
				if b[12] != 0x86 || kind != 58 {
					t.Fatalf("it says %x", b)
				}
				if e.Link == 0 {
					seen[b[at]]++
				}
			}
			for _, k := range tt.says {
				if seen[k] == 0 {
					t.Errorf("it does not say type %d", k)
				}
				delete(seen, k)
			}
			if len(seen) > 0 {
				t.Errorf("it says types %v, too", seen)
			}
		})
	}
}

func TestAddressesThroughTheAgent(t *testing.T) {
	k := newKit(t, Options{}, target.IPv6)
	n := k.Nets()[0]
	more := netip.MustParseAddr("2001:db8:1::77")
	states := func() map[netip.Addr]string {
		all := map[netip.Addr]string{}
		for _, a := range k.must(agent.Request{Do: agent.Addrs}).Addrs {
			all[a.Addr] = a.State
		}
		return all
	}
	if s := states(); s[n.Target.IP6] != "preferred" || s[n.Target.LinkLocal] != "preferred" || s[n.Target.IP4] != "preferred" {
		t.Errorf("at the beginning: %v", s)
	}
	k.must(agent.Request{Do: agent.AddAddr, Local: netip.AddrPortFrom(more, 0), Value: 64})
	if s := states(); s[more] == "" {
		t.Errorf("after adding one: %v", s)
	}
	k.must(agent.Request{Do: agent.DelAddr, Local: netip.AddrPortFrom(more, 0)})
	if s := states(); s[more] != "" {
		t.Errorf("after taking it away: %v", s)
	}
	op := k.Agent().Start(agent.Request{Do: agent.DelAddr, Local: netip.AddrPortFrom(more, 0)})
	if got := k.end(op).Errno; got != "EADDRNOTAVAIL" {
		t.Errorf("taking away what is not there: %q", got)
	}
}
