package ethernet_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/l2/ethernet"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/link"
)

var own, other = codec.MAC{2, 0, 0, 0, 0, 1}, codec.MAC{2, 0, 0, 0, 0, 2}

// A hop whose link address is known goes there at once; ARP is asked only for those of IPv4 that are not known.
func TestOutput(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("fe80::2")
	for _, tt := range []struct {
		why   string
		proto iface.Protocol
		hop   iface.Hop
		dst   codec.MAC  // of the frame that is sent
		typ   codec.Type // 0: none is
		drop  stats.Drop
	}{
		{"resolved above, IPv6", iface.IPv6, iface.Hop{Addr: v6, Link: other.Addr()}, other, codec.TypeIPv6, stats.NotDropped},
		{"resolved above, IPv4", iface.IPv4, iface.Hop{Addr: v4, Link: other.Addr()}, other, codec.TypeIPv4, stats.NotDropped},
		{"not resolved, IPv4", iface.IPv4, iface.Hop{Addr: v4}, codec.Broadcast, codec.TypeARP, stats.NotDropped},
		{"not resolved, IPv6", iface.IPv6, iface.Hop{Addr: v6}, codec.MAC{}, 0, stats.NoLinkAddr},
		{"an address of another technology", iface.IPv6, iface.Hop{Addr: v6, Link: link.AddrFrom2([2]byte{0, 7})}, codec.MAC{}, 0, stats.NoLinkAddr},
	} {
		t.Run(tt.why, func(t *testing.T) {
			loop, pool, counters := clock.New(), packet.NewPool(packet.Limits{}), new(stats.Node)
			near, far := wire.New(loop, wire.Config{})
			var sent []codec.Header
			far.Start(driver.Frames(func(b []byte) {
				h, _, err := codec.Parse(b)
				if err != nil {
					t.Error(err)
				}
				sent = append(sent, h)
			}))
			i := iface.New(1, "eth0", loop, near, pool, pool, counters, iface.Config{})
			l := ethernet.New(i, own, neigh.Config{})
			i.SetUp(true)
			i.AddAddress(netip.MustParsePrefix("192.0.2.1/24"), false)
			if got := l.Addrs(); !slices.Equal(got, []link.Addr{own.Addr()}) {
				t.Errorf("addresses of the station: %v", got)
			}
			i.Output(tt.proto, pool.Get(iface.Headroom, 50), tt.hop)
			if err := loop.Run(0); err != nil {
				t.Fatal(err)
			}
			switch {
			case tt.typ == 0 && len(sent) > 0:
				t.Errorf("sent %v", sent)
			case tt.typ != 0 && (len(sent) != 1 || sent[0].Dst != tt.dst || sent[0].Src != own || sent[0].Type != tt.typ):
				t.Errorf("sent %v, want one frame of %v to %v", sent, tt.typ, tt.dst)
			}
			if tt.drop != stats.NotDropped && counters.Drops[tt.drop] != 1 {
				t.Errorf("%d dropped as %v, want 1", counters.Drops[tt.drop], tt.drop)
			}
			if err := i.Close(); err != nil {
				t.Error(err)
			}
			if n := pool.InUse(); n != 0 {
				t.Errorf("%d packets left in use", n)
			}
		})
	}
}
