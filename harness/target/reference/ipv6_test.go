package reference_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/reference"
)

// What a world of IPv6 says by itself: nothing, unless it is what a check needs.
func TestWorldsOfIPv6(t *testing.T) {
	const ns, rs, ra, report = 135, 133, 134, 143
	for _, tt := range []struct {
		name  string
		needs []target.Feature
		says  []byte // types of ICMPv6, on the first link
		ip    bool   // there is a global address
	}{
		{"quiet", nil, nil, true},
		{"a second link", []target.Feature{target.SecondLink}, nil, true},
		{"a router", []target.Feature{target.Forwarding6}, nil, true},
		{"a router that advertises itself", []target.Feature{target.Forwarding6, target.Advertises}, []byte{ra}, true},
		{"SLAAC", []target.Feature{target.SLAAC}, []byte{rs}, false},
		{"DAD", []target.Feature{target.DAD}, []byte{ns}, true},
		{"an MLD host", []target.Feature{target.Multicast6}, []byte{report}, true},
		{"opaque identifiers", []target.Feature{target.StableIID}, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, reference.Options{}, target.Spec{Needs: append(tt.needs, target.IPv6)})
			n := w.Nets()[0]
			if n.Target.IP6.IsValid() != tt.ip || n.Prefix6 != netip.MustParsePrefix("2001:db8:1::/64") || n.Unused6 != netip.MustParseAddr("2001:db8:1::63") {
				t.Errorf("the link: %+v", n)
			}
			seen := map[byte]bool{}
			for {
				e := next(t, w, 30*time.Second)
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
					seen[b[at]] = true
				}
			}
			for _, k := range tt.says {
				if !seen[k] {
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
