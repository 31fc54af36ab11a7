package stack_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/stats"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

var (
	routerLL       = ipv6.MustParseAddr("fe80::a")
	routerMAC6     = ethernet.MAC{2, 0, 0, 0, 0, 0xa}
	otherLL        = ipv6.MustParseAddr("fe80::b")
	otherRouterMAC = ethernet.MAC{2, 0, 0, 0, 0, 0xb}
	remote6        = ipv6.MustParseAddr("2001:db8:ff::1")
)

// router6 is a router advertisement of a router that may be found at a station.
func router6(a ipv6.Addr, at ethernet.MAC, m icmpv6.RouterAdvertisement, options ...[]byte) []byte {
	b := icmpv6.AppendLinkAddr(icmpv6.AppendRouterAdvertisement(nil, m), icmpv6.SourceLinkAddr, at.Addr())
	for _, o := range options {
		b = append(b, o...)
	}
	return nd6(a, ipv6.AllNodes, b)
}

func TestRouterSolicitations(t *testing.T) { // RFC 4861, 6.3.7; RFC 7559, 2.1
	c := config.Config{IPv6: config.IPv6{DAD: config.Off, MLD: config.Off}}
	const from = "33:33:00:00:00:02 fe80::ff:fe00:2 > ff02::2 ICMP6 router-solicitation source 02:00:00:00:00:02"
	k := newKit6(t, c)
	var at []time.Duration
	for k.loop.Now() < 5*time.Hour {
		if ran, err := k.loop.Step(5 * time.Hour); !ran || err != nil {
			break
		}
		if len(k.frames) > 0 {
			k.want("a solicitation", from)
			at = append(at, k.loop.Now())
		}
	}
	if len(at) < 12 || at[0] > time.Second {
		t.Fatalf("solicitations at %v", at)
	}
	interval := 4 * time.Second
	for i := 1; i < len(at); i++ {
		got := at[i] - at[i-1]
		least, most := interval*9/10, interval*11/10
		if i > 1 {
			least, most = interval*19/10, interval*21/10
		}
		if least > 3600*time.Second*9/10 {
			least = 3600 * time.Second * 9 / 10
		}
		if got < least || got > min(most, 3600*time.Second*11/10) {
			t.Errorf("interval %d is %v, want %v to %v", i, got, least, most)
		}
		interval = min(got, 3600*time.Second)
	}

	c.IPv6.RSBackoff = config.Off
	k = newKit6(t, c)
	k.advance(time.Hour)
	if len(k.frames) != 3 {
		t.Errorf("without it, %d solicitations, want 3", len(k.frames))
	}
	k.frames = nil

	k = newKit6(t, c)
	for len(k.frames) == 0 {
		if ran, err := k.loop.Step(time.Second); !ran || err != nil {
			t.Fatal("no solicitation within a second")
		}
	}
	k.want("the first", from)
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 0}))
	k.advance(4 * time.Second)
	k.want("one that is no router does not end it", from)
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 60}))
	k.advance(time.Hour)
	k.quiet("a router does")

	k = newKit6(t, c)
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 60}))
	k.advance(time.Hour)
	k.want("one that is there before does not keep the host from asking once", from)
}

func TestAdvertisedParameters(t *testing.T) { // RFC 4861, 6.3.4
	k := staticKit6(t, still())
	k.know6(tester6, testerMAC)
	l := k.node.ND.Link(k.eth.Iface)
	ping := func(hops int) {
		t.Helper()
		k.send(echo6(tester6, node6, "x"))
		if f := k.next("an echo"); f[21] != byte(hops) {
			t.Errorf("hop limit %d, want %d", f[21], hops)
		}
	}
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{HopLimit: 33, Retrans: 2000, Managed: true}, icmpv6.AppendMTU(nil, 1400)))
	ping(33)
	if l.RetransTimer() != 2*time.Second || !l.Managed || l.Other || k.node.IPv6.MTU(k.eth.Iface) != 1400 {
		t.Errorf("retrans %v, managed %v, MTU %d", l.RetransTimer(), l.Managed, k.node.IPv6.MTU(k.eth.Iface))
	}
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{}, icmpv6.AppendMTU(nil, 1279)))
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{}, icmpv6.AppendMTU(nil, 1501)))
	ping(33)
	if l.RetransTimer() != 2*time.Second || k.node.IPv6.MTU(k.eth.Iface) != 1400 {
		t.Errorf("what is not told, or cannot be, changes nothing: retrans %v, MTU %d", l.RetransTimer(), k.node.IPv6.MTU(k.eth.Iface))
	}
}

// A neighbour is trusted for half to one and a half of what the router says (RFC 4861, 6.3.2).
func TestReachableTimeIsRandom(t *testing.T) {
	least, most := time.Hour, time.Duration(0)
	for seed := range uint64(40) {
		c := still()
		c.Seed = seed
		k := staticKit6(t, c)
		k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Reachable: 10000}))
		cache := k.node.ND.Link(k.eth.Iface).Cache()
		s := k.open6(5000)
		if err := s.SendTo(nil, netip.AddrPortFrom(tester6.Netip(), 9)); err != nil {
			t.Fatal(err)
		}
		k.advance(0)
		k.next("a solicitation")
		k.send(advert6(tester6, node6, "SO", testerMAC))
		k.next("the datagram")
		low, high := time.Duration(0), 20*time.Second
		for step := time.Duration(0); step < high; step += 10 * time.Millisecond {
			if st, _ := cache.State(tester6.Netip()); st.String() == "stale" {
				low = step
				break
			}
			k.advance(10 * time.Millisecond)
		}
		if low < 5*time.Second || low > 15*time.Second+10*time.Millisecond {
			t.Errorf("seed %d: trusted for %v, want 5 s to 15 s", seed, low)
		}
		least, most = min(least, low), max(most, low)
	}
	if most-least < 5*time.Second {
		t.Errorf("from %v to %v: that is hardly at random", least, most)
	}
}

func TestRouterAdvertisementsThatAreNotValid(t *testing.T) { // RFC 4861, 6.1.2
	k := newKit6(t, still())
	good := icmpv6.AppendRouterAdvertisement(nil, icmpv6.RouterAdvertisement{Lifetime: 1800})
	hop := nd6(routerLL, ipv6.AllNodes, good)
	hop[21] = 254
	code := append([]byte(nil), good...)
	code[1] = 1
	for _, tt := range []struct {
		name  string
		frame []byte
	}{
		{"not from a link-local address", nd6(tester6, ipv6.AllNodes, good)},
		{"hop limit 254", hop},
		{"code 1", nd6(routerLL, ipv6.AllNodes, code)},
		{"cut short", nd6(routerLL, ipv6.AllNodes, good[:15])},
		{"an option of length 0", nd6(routerLL, ipv6.AllNodes, append(append([]byte(nil), good...), 1, 0, 0, 0, 0, 0, 0, 0))},
	} {
		k.send(tt.frame)
		if n := len(k.node.ND.Link(k.eth.Iface).Routers()); n != 0 {
			t.Errorf("%s: taken for a router", tt.name)
		}
	}
	if n := k.node.Stats().Drops[stats.NDInvalid]; n != 5 {
		t.Errorf("%d not valid, want 5", n)
	}
	k.send(nd6(routerLL, ipv6.AllNodes, good))
	if n := len(k.node.ND.Link(k.eth.Iface).Routers()); n != 1 {
		t.Errorf("the good one gave %d routers", n)
	}
}

// toRemote sends a datagram off the link and gives the station that it goes to; the zero MAC for nowhere.
func (k *kit) toRemote() ethernet.MAC {
	k.t.Helper()
	s := k.open6(5000)
	defer s.Close()
	if err := s.SendTo([]byte("far"), netip.AddrPortFrom(remote6.Netip(), 9)); err != nil {
		return ethernet.MAC{}
	}
	k.advance(0)
	for _, f := range k.frames {
		if h, _, err := ethernet.Parse(f); err == nil && strings.Contains(show(f), "far") {
			k.frames = nil
			return h.Dst
		}
	}
	return ethernet.MAC{}
}

func (k *kit) wantRouter(why string, at ethernet.MAC) {
	k.t.Helper()
	if got := k.toRemote(); got != at {
		k.t.Errorf("%s: sent to %v, want %v", why, got, at)
	}
}

func TestDefaultRouters(t *testing.T) { // RFC 4861, 6.3.4 to 6.3.6; RFC 5942
	k := staticKit6(t, still())
	k.wantRouter("without a router nothing is assumed to be on the link", ethernet.MAC{})
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 10}))
	k.wantRouter("the only one", routerMAC6)
	k.send(router6(otherLL, otherRouterMAC, icmpv6.RouterAdvertisement{Lifetime: 100, Preference: icmpv6.High}))
	k.wantRouter("one that is preferred (RFC 4191)", otherRouterMAC)
	k.send(router6(otherLL, otherRouterMAC, icmpv6.RouterAdvertisement{Lifetime: 100}))
	k.wantRouter("of equals the first", routerMAC6)
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 0}))
	k.wantRouter("one that is no router any more", otherRouterMAC)
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 10}))
	k.advance(10*time.Second - 1)
	k.frames = nil
	if n := len(k.node.ND.Link(k.eth.Iface).Routers()); n != 2 {
		t.Errorf("%d routers before the lifetime ends, want 2", n)
	}
	k.advance(1)
	if n := len(k.node.ND.Link(k.eth.Iface).Routers()); n != 1 {
		t.Errorf("%d routers when it has ended, want 1", n)
	}
	k.frames = nil
}

func TestRouterThatDoesNotAnswer(t *testing.T) { // RFC 4861, 6.3.6; RFC 7048, 3
	k := staticKit6(t, still())
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 1800}))
	k.send(router6(otherLL, otherRouterMAC, icmpv6.RouterAdvertisement{Lifetime: 1800}))
	k.wantRouter("the first", routerMAC6)
	k.advance(8*time.Second - 1)
	k.wantRouter("while it is being probed", routerMAC6)
	k.advance(1)
	k.wantRouter("then another one", otherRouterMAC)
	k.frames = nil
	k.send(advert6(routerLL, nodeLL, "RSO", routerMAC6))
	k.wantRouter("until it is back", routerMAC6)
	k.send(advert6(routerLL, nodeLL, "SO", routerMAC6))
	k.wantRouter("one that ceases to be a router (7.2.5)", otherRouterMAC)
	k.advance(time.Hour)
	k.frames = nil
}

func TestOnLinkPrefixes(t *testing.T) { // RFC 4861, 6.3.4 and 6.3.5; RFC 5942
	c := still()
	c.IPv6.Autoconf = config.Off
	k := staticKit6(t, c)
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 65535}))
	k.know6(remote6, testerMAC)
	k.know6(routerLL, routerMAC6)
	k.wantRouter("off the link", routerMAC6)
	on := func(valid uint32) []byte {
		return router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 65535}, prefix6("2001:db8:ff::/48", valid, 0))
	}
	k.send(on(10))
	k.wantRouter("on the link, as a router says", testerMAC)
	k.advance(10*time.Second - 1)
	k.wantRouter("until its lifetime ends", testerMAC)
	k.advance(1)
	k.wantRouter("and no longer", routerMAC6)
	k.send(on(3600))
	k.wantRouter("again", testerMAC)
	k.send(on(0))
	k.wantRouter("a lifetime of 0 ends it at once: the two-hour rule is for addresses", routerMAC6)
}

// redirect6 is a redirect.
func redirect6(from, target, dst ipv6.Addr, at ethernet.MAC) []byte {
	m := icmpv6.AppendRedirection(nil, icmpv6.Redirection{Target: target, Dst: dst})
	if !at.IsZero() {
		m = icmpv6.AppendLinkAddr(m, icmpv6.TargetLinkAddr, at.Addr())
	}
	return nd6(from, node6, m)
}

func TestRedirects6(t *testing.T) { // RFC 4861, 8.1 and 8.3
	good := redirect6(routerLL, otherLL, remote6, otherRouterMAC)
	hop := append([]byte(nil), good...)
	hop[21] = 254
	for _, tt := range []struct {
		name  string
		frame []byte
		at    ethernet.MAC
	}{
		{"to another router", good, otherRouterMAC},
		{"to the destination itself", redirect6(routerLL, remote6, remote6, testerMAC), testerMAC},
		{"hop limit 254", hop, routerMAC6},
		{"not from the router in use", redirect6(otherLL, otherLL, remote6, otherRouterMAC), routerMAC6},
		{"not from a link-local address", redirect6(tester6, otherLL, remote6, otherRouterMAC), routerMAC6},
		{"to what is neither", redirect6(routerLL, tester6, remote6, otherRouterMAC), routerMAC6},
		{"of a group", redirect6(routerLL, otherLL, ipv6.MustParseAddr("ff0e::1"), otherRouterMAC), routerMAC6},
	} {
		k := staticKit6(t, still())
		k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 1800}))
		k.know6(routerLL, routerMAC6)
		k.send(tt.frame)
		k.wantRouter(tt.name, tt.at)
	}
	k := staticKit6(t, still())
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 1800}))
	k.know6(routerLL, routerMAC6)
	k.send(good)
	k.wantRouter("redirected", otherRouterMAC)
	k.advance(8 * time.Second)
	k.frames = nil
	k.wantRouter("not to one that does not answer (RFC 7048, 3)", routerMAC6)
	k.advance(time.Minute)
	k.frames = nil
}

func TestDNSServers(t *testing.T) { // RFC 8106
	k := newKit6(t, still())
	option := func(lifetime uint32, servers ...string) []byte {
		b := []byte{25, byte(1 + 2*len(servers)), 0, 0}
		b = binary.BigEndian.AppendUint32(b, lifetime)
		for _, s := range servers {
			a := netip.MustParseAddr(s).As16()
			b = append(b, a[:]...)
		}
		return b
	}
	servers := func() string { return fmt.Sprint(k.node.ND.Link(k.eth.Iface).Servers()) }
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{}, option(10, "2001:db8::53", "2001:db8::54")))
	if got := servers(); got != "[2001:db8::53 2001:db8::54]" {
		t.Error(got)
	}
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{}, option(0, "2001:db8::53")))
	if got := servers(); got != "[2001:db8::54]" {
		t.Error(got)
	}
	k.advance(10*time.Second - 1)
	if got := servers(); got != "[2001:db8::54]" {
		t.Error(got)
	}
	k.advance(1)
	if got := servers(); got != "[]" {
		t.Error(got)
	}
	for n := range 100 {
		k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{}, option(100, fmt.Sprintf("2001:db8::%x", n+1))))
	}
	if n := len(k.node.ND.Link(k.eth.Iface).Servers()); n != 8 {
		t.Errorf("%d servers kept, want 8", n)
	}
}

// Whoever floods a node fills bounded tables, and the node's own traffic goes on.
func TestFloodsOfNeighborDiscovery(t *testing.T) {
	k := staticKit6(t, still())
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 1800}))
	k.wantRouter("before", routerMAC6)
	k.send(advert6(routerLL, nodeLL, "RSO", routerMAC6))
	nth := func(n int) ipv6.Addr {
		return ipv6.Addr{0xfe, 0x80, 9: 1, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)}
	}
	for n := range 3000 {
		a, mac := nth(n), ethernet.MAC{2, 1, 0, 0, byte(n >> 8), byte(n)}
		k.send(solicit6(a, node6))
		k.send(router6(a, mac, icmpv6.RouterAdvertisement{Lifetime: 1800}))
		k.send(advert6(nth(n+10000), ipv6.AllNodes, "O", mac)) // of a host
		k.send(redirect6(routerLL, routerLL, ipv6.Addr{0x20, 1, 0xd, 0xb8, 4: 1, 14: byte(n >> 8), 15: byte(n)}, ethernet.MAC{}))
		k.frames = nil
	}
	l := k.node.ND.Link(k.eth.Iface)
	if n := l.Cache().Len(); n > 256 {
		t.Errorf("%d neighbours", n)
	}
	if n := len(l.Routers()); n != 8 {
		t.Errorf("%d routers, want 8", n)
	}
	if n := k.node.IPv6.Destinations(); n != 256 {
		t.Errorf("%d destinations, want 256", n)
	}
	if got := k.toRemote(); got.IsZero() {
		t.Error("no way out any more")
	}
	k.send(echo6(tester6, node6, "x"))
	k.frames = nil
	for n := range 3000 { // fragments that are never whole
		f := ipv6.AppendFragment(nil, ipv6.FragmentHeader{Next: codec.UDP, ID: uint32(n), More: true})
		k.send(frame6(ipv6.Header{NextHeader: codec.Fragment}, append(f, make([]byte, 1024)...)))
	}
	if n := k.node.IPv6.Reassembling(); n > 64 {
		t.Errorf("%d packets in reassembly", n)
	}
	k.advance(2 * time.Minute)
	k.frames = nil
	if n := k.node.IPv6.Reassembling(); n != 0 {
		t.Errorf("%d packets in reassembly at the end", n)
	}
}

// Of routers of which nothing is known each has its turn (RFC 4861, 6.3.6), and so do gateways of routes set by hand.
func TestRoutersTakeTurns(t *testing.T) {
	asks := func(k *kit) string {
		t.Helper()
		s := k.open6(5000)
		defer s.Close()
		if err := s.SendTo([]byte("far"), netip.AddrPortFrom(remote6.Netip(), 9)); err != nil {
			return err.Error()
		}
		k.advance(0)
		n, _, err := icmpv6.ParseNeighbor(k.next("somebody is asked for")[54:])
		if err != nil {
			t.Fatal(err)
		}
		k.advance(4 * time.Second)
		k.frames = nil
		return n.Target.String()
	}
	advertised := staticKit6(t, still())
	for _, a := range []ipv6.Addr{routerLL, otherLL} {
		advertised.send(nd6(a, ipv6.AllNodes, icmpv6.AppendRouterAdvertisement(nil, icmpv6.RouterAdvertisement{Lifetime: 1800})))
	}
	byHand := staticKit6(t, still())
	for _, a := range []ipv6.Addr{routerLL, otherLL} {
		byHand.node.AddRoute(netip.MustParsePrefix("::/0"), a.Netip(), byHand.eth)
	}
	for name, k := range map[string]*kit{"advertised": advertised, "by hand": byHand} {
		if first, second, third := asks(k), asks(k), asks(k); first != "fe80::a" || second != "fe80::b" || third != "fe80::a" {
			t.Errorf("%s: asked for %s, %s, %s", name, first, second, third)
		}
	}
}
