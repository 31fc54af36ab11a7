package stack_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire/ethernet"
)

// Each hook sees packets of IPv6 from their first header on.
func TestFilters6(t *testing.T) {
	for at, drop := range map[iface.Hook]stats.Drop{iface.OnIPv6: stats.FilterIPv6, iface.OnLocal: stats.FilterLocal} {
		k := staticKit6(t, still())
		k.meet6(tester6)
		ping := echo6(tester6, node6, "x")
		var saw []byte
		pass := false
		if err := k.node.SetFilters(k.eth, at, func(_ *iface.Iface, p *packet.Packet) bool {
			saw = append(saw[:0], p.Bytes()...)
			return pass
		}); err != nil {
			t.Fatal(err)
		}
		k.send(ping)
		k.quiet("an echo request that the filter drops")
		k.dropped(drop, 1)
		if !slices.Equal(saw, ping[14:]) {
			t.Errorf("%v: the filter saw %x\nwant %x", drop, saw, ping[14:])
		}
		pass = true
		k.send(ping)
		k.want("one that it lets pass", `00:01 2001:db8::2 > 2001:db8::1 ICMP6 echo-reply id 7 seq 1 "x"`)
	}
}

// IPv6 runs on a VLAN as on any link, its packets have the priority that their user wants, and it leaves nothing behind.
func TestVLAN6(t *testing.T) {
	c := still()
	c.TxClasses = 8
	k := newKit6(t, c)
	v, err := k.node.AddVLAN(k.eth, tagSeven)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.node.AddAddress(v, netip.PrefixFrom(node6.Netip(), 64)); err != nil {
		t.Fatal(err)
	}
	k.node.ND.Link(v.Iface).Cache().Set(tester6.Netip(), testerMAC.Addr())
	k.send(tag(echo6(tester6, node6, "x"), 0x8100, codec.MakeTCI(4, false, tagSeven)))
	f, tci := untag(t, k.next("an echo request on the VLAN"))
	if got, want := show(f), `00:01 2001:db8::2 > 2001:db8::1 ICMP6 echo-reply id 7 seq 1 "x"`; got != want || tci != codec.MakeTCI(4, false, tagSeven) {
		t.Errorf("answer %s with priority %d on VLAN %d, want %s", got, tci.Priority(), tci.VLAN(), want)
	}
	e := k.node.UDP.Open(ip.V6)
	e.Options.Priority = 6
	if err := e.Send([]byte("x"), netip.AddrPortFrom(tester6.Netip(), 9)); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	if _, tci := untag(t, k.next("a datagram of priority 6")); tci.Priority() != 6 {
		t.Errorf("it has priority %d", tci.Priority())
	}
	e.Close()
	if err := k.node.RemoveVLAN(k.eth, tagSeven); err != nil {
		t.Fatal(err)
	}
	if n := k.node.InUse(); n != 0 || k.node.IPv6.Holds(node6.Netip()) {
		t.Errorf("%d packets in use, the address is held: %v", n, k.node.IPv6.Holds(node6.Netip()))
	}
	k.send(tag(echo6(tester6, node6, "x"), 0x8100, tagSeven))
	k.quiet("nobody has the tag any more")
	k.dropped(stats.UnknownVLAN, 1)
}

// A datagram of IPv6 is timed like any other.
func TestProcessingTimes6(t *testing.T) {
	c := still()
	c.Data = config.DataPath{RxTime: config.On, RxTimeDetail: config.On}
	k := staticKit6(t, c)
	k.meet6(tester6)
	e := k.node.UDP.Open(ip.V6)
	if err := e.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 7)); err != nil {
		t.Fatal(err)
	}
	k.send(udp6(5000, 7, "x"))
	k.advance(5)
	r, ok := e.Recv()
	if !ok {
		t.Fatal("nothing came")
	}
	r.Packet.Free()
	rx := k.eth.Stats.TC.Received[0]
	if want := ([4]stats.Interval{{Count: 1}, {Count: 1}, {Count: 1}, {Sum: 5, Count: 1}}); rx.Detail != want {
		t.Errorf("times %+v, want %+v", rx.Detail, want)
	}
}
