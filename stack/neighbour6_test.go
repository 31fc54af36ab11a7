package stack_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

func TestNeighborResolution(t *testing.T) { // RFC 4861, 7.2.2
	k := staticKit6(t, still())
	s := k.open6(5000)
	const ask = "33:33:ff:00:00:01 2001:db8::2 > ff02::1:ff00:1 ICMP6 neighbor-solicitation 2001:db8::1 source 02:00:00:00:00:02"
	to := netip.AddrPortFrom(tester6.Netip(), 7)
	if err := s.SendTo([]byte("a"), to); err != nil {
		t.Fatal(err)
	}
	k.advance(0)
	k.want("all are asked", ask)
	k.advance(time.Second - 1)
	k.quiet("not yet again")
	k.advance(1)
	k.want("a second time", ask)
	k.send(advert6(tester6, node6, "SO", testerMAC))
	k.want("what waited is sent", `00:01 2001:db8::2 > 2001:db8::1 UDP 5000 > 7 "a"`)
	if got, _ := k.node.ND.Link(k.eth.Iface).Cache().State(tester6.Netip()); got != neigh.Reachable {
		t.Errorf("state %v", got)
	}
	far := netip.MustParseAddr("2001:db8::99")
	if err := s.Connect(netip.AddrPortFrom(far, 7)); err != nil {
		t.Fatal(err)
	}
	if err := s.Send([]byte("b")); err != nil {
		t.Fatal(err)
	}
	k.advance(3*time.Second - 1)
	if len(k.frames) != 3 {
		t.Errorf("%d solicitations, want 3", len(k.frames))
	}
	k.frames = nil
	if err := s.TakeError(); err != nil {
		t.Errorf("too early: %v", err)
	}
	k.advance(1)
	if err := s.TakeError(); err != errno.EHOSTUNREACH {
		t.Errorf("nobody answered: %v", err)
	}
}

func TestNeighborUnreachability(t *testing.T) { // RFC 4861, 7.3.3; RFC 7048
	k := staticKit6(t, still())
	k.meet6(tester6)
	s := k.open6(5000)
	send := func() {
		t.Helper()
		if err := s.SendTo([]byte("a"), netip.AddrPortFrom(tester6.Netip(), 7)); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
	}
	const datagram = `00:01 2001:db8::2 > 2001:db8::1 UDP 5000 > 7 "a"`
	const unicast = "00:01 2001:db8::2 > 2001:db8::1 ICMP6 neighbor-solicitation 2001:db8::1 source 02:00:00:00:00:02"
	const all = "33:33:ff:00:00:01 2001:db8::2 > ff02::1:ff00:1 ICMP6 neighbor-solicitation 2001:db8::1 source 02:00:00:00:00:02"
	send()
	k.want("a stale neighbour is used", datagram)
	k.advance(5*time.Second - 1)
	k.quiet("DELAY_FIRST_PROBE_TIME")
	k.advance(1)
	k.want("the first probe", unicast)
	k.advance(2 * time.Second)
	k.want("the second", unicast)
	k.want("the third", unicast)
	k.advance(time.Second)
	k.want("then all are asked", all)
	send()
	k.want("and it is used all the same", datagram)
	k.send(advert6(tester6, node6, "S", testerMAC))
	k.advance(time.Hour)
	k.quiet("after an answer")
}

func TestAnswersToSolicitations(t *testing.T) { // RFC 4861, 7.1.1, 7.2.3, 7.2.4
	k := staticKit6(t, still())
	k.send(solicit6(tester6, node6))
	k.want("who asks is told", "00:01 2001:db8::2 > 2001:db8::1 ICMP6 neighbor-advertisement 2001:db8::2 S O target 02:00:00:00:00:02")
	k.send(solicit6(ipv6.Addr{}, node6))
	k.want("who looks for duplicates, too, and all with it",
		"33:33:00:00:00:01 2001:db8::2 > ff02::1 ICMP6 neighbor-advertisement 2001:db8::2 O target 02:00:00:00:00:02")
	good := solicit6(tester6, node6)
	spoil := func(f func(b []byte)) []byte {
		b := append([]byte(nil), good[54:]...)
		f(b)
		return nd6(tester6, node6.SolicitedNode(), b)
	}
	hop := append([]byte(nil), good...)
	hop[21] = 254
	cut := icmpv6.AppendNeighbor(nil, icmpv6.Neighbor{Type: icmpv6.NeighborSolicit, Target: node6})
	withSource := icmpv6.AppendLinkAddr(append([]byte(nil), cut...), icmpv6.SourceLinkAddr, testerMAC.Addr())
	fragmented := func() []byte {
		m := append([]byte(nil), good[54:]...)
		p := append(ipv6.AppendFragment(nil, ipv6.FragmentHeader{Next: codec.ICMPv6}), m...)
		return frameFrom6(testerMAC, ipv6.Header{NextHeader: codec.Fragment, HopLimit: 255, Src: tester6, Dst: node6.SolicitedNode(), PayloadLen: uint16(len(p))}, p)
	}()
	before := k.node.Stats().Drops[stats.NDInvalid]
	bad := []struct {
		name  string
		frame []byte
	}{
		{"hop limit 254", hop},
		{"code 1", spoil(func(b []byte) { b[1] = 1 })},
		{"cut short", nd6(tester6, node6.SolicitedNode(), cut[:23])},
		{"a group as target", spoil(func(b []byte) { b[8] = 0xff })},
		{"an option of length 0", spoil(func(b []byte) { b[25] = 0 })},
		{"an option beyond the end", spoil(func(b []byte) { b[25] = 2 })},
		{"from :: with a link address", nd6(ipv6.Addr{}, node6.SolicitedNode(), withSource)},
		{"from :: to the address itself", nd6(ipv6.Addr{}, node6, cut)},
		{"in a fragment (RFC 6980)", fragmented},
	}
	for _, tt := range bad {
		k.send(tt.frame)
		k.quiet(tt.name)
	}
	if n := k.node.Stats().Drops[stats.NDInvalid] - before; n != uint64(len(bad)) {
		t.Errorf("%d messages were not valid, want %d", n, len(bad))
	}
	k.send(nd6(tester6, node6.SolicitedNode(), spoil(func(b []byte) { b[24] = 200 })[54:]))
	k.want("an unknown option is skipped", "00:01 2001:db8::2 > 2001:db8::1 ICMP6 neighbor-advertisement 2001:db8::2 S O target 02:00:00:00:00:02")
}

// The cases of RFC 4861, 7.2.5, in each state.
func TestAdvertisements6(t *testing.T) {
	other := ethernet.MAC{2, 0, 0, 0, 0, 9}
	for _, tt := range []struct {
		from  neigh.State
		flags string
		at    ethernet.MAC
		to    neigh.State
		link  ethernet.MAC
	}{
		{neigh.None, "SO", testerMAC, neigh.None, ethernet.MAC{}},
		{neigh.Incomplete, "S", testerMAC, neigh.Reachable, testerMAC},
		{neigh.Incomplete, "", testerMAC, neigh.Stale, testerMAC},
		{neigh.Incomplete, "SO", ethernet.MAC{}, neigh.Incomplete, ethernet.MAC{}},
		{neigh.Reachable, "S", other, neigh.Stale, testerMAC},
		{neigh.Reachable, "SO", other, neigh.Reachable, other},
		{neigh.Reachable, "O", other, neigh.Stale, other},
		{neigh.Reachable, "O", testerMAC, neigh.Reachable, testerMAC},
		{neigh.Stale, "S", other, neigh.Stale, testerMAC},
		{neigh.Stale, "S", testerMAC, neigh.Reachable, testerMAC},
		{neigh.Stale, "S", ethernet.MAC{}, neigh.Reachable, testerMAC},
		{neigh.Stale, "O", other, neigh.Stale, other},
		{neigh.Stale, "", other, neigh.Stale, testerMAC},
		{neigh.Probe, "S", other, neigh.Probe, testerMAC},
		{neigh.Probe, "SO", other, neigh.Reachable, other},
	} {
		t.Run(fmt.Sprintf("%v %s %v", tt.from, tt.flags, tt.at), func(t *testing.T) {
			k := staticKit6(t, still())
			s := k.open6(5000)
			use := func() {
				t.Helper()
				if err := s.SendTo([]byte("a"), netip.AddrPortFrom(tester6.Netip(), 7)); err != nil {
					t.Fatal(err)
				}
				k.advance(0)
			}
			switch tt.from {
			case neigh.Incomplete:
				use()
			case neigh.Stale:
				k.node.ND.Link(k.eth.Iface).Cache().Heard(tester6.Netip(), neigh.Report{Addr: testerMAC.Addr(), Create: true, Override: true})
			case neigh.Reachable:
				use()
				k.send(advert6(tester6, node6, "S", testerMAC))
			case neigh.Probe:
				k.meet6(tester6)
				use()
				k.advance(5 * time.Second)
			}
			cache := k.node.ND.Link(k.eth.Iface).Cache()
			if got, _ := cache.State(tester6.Netip()); got != tt.from {
				t.Fatalf("begins in %v", got)
			}
			k.send(advert6(tester6, node6, tt.flags, tt.at))
			got, at := cache.State(tester6.Netip())
			want := ""
			if tt.link != (ethernet.MAC{}) {
				want = tt.link.String()
			}
			if got != tt.to || want != "" && at.String() != want {
				t.Errorf("%v at %v, want %v at %v", got, at, tt.to, tt.link)
			}
			k.frames = nil
		})
	}
}
