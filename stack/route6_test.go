package stack_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// route6 is a route information option (RFC 4191, 2.3) with units of 8 octets for a prefix.
func route6(prefix string, units int, p icmpv6.Preference, lifetime uint32) []byte {
	n := netip.MustParsePrefix(prefix)
	data := binary.BigEndian.AppendUint32([]byte{byte(n.Bits()), byte(p) << 3}, lifetime)
	a := n.Addr().As16()
	return icmpv6.AppendOption(nil, icmpv6.Option{Type: icmpv6.RouteOption, Data: append(data, a[:8*units]...)})
}

// The example of RFC 4191, 3.6, with its routers being reachable or not. Y and Z are routers of a longer prefix, W of all.
func TestRoutesOfRouters(t *testing.T) {
	k := staticKit6(t, still())
	w, y, z := routerMAC6, otherRouterMAC, ethernet.MAC{2, 0, 0, 0, 0, 0xc}
	wLL, yLL, zLL := routerLL, otherLL, ipv6.MustParseAddr("fe80::c")
	k.send(router6(wLL, w, icmpv6.RouterAdvertisement{Lifetime: 1800}))
	k.wantRouter("the default router", w)
	k.send(router6(zLL, z, icmpv6.RouterAdvertisement{}, route6("2001:db8::/32", 1, icmpv6.Low, 1800), route6("2002::/16", 2, 0, 1800)))
	k.wantRouter("a longer prefix", z)
	k.send(router6(yLL, y, icmpv6.RouterAdvertisement{}, route6("2001:db8::/32", 1, icmpv6.High, 1800)))
	k.wantRouter("the same prefix and a higher preference", y)
	k.send(router6(zLL, z, icmpv6.RouterAdvertisement{}, route6("2001:db8:ff::/48", 1, icmpv6.Low, 100), route6("2001:db8::/32", 1, icmpv6.Low, 1800)))
	k.wantRouter("a prefix that is longer still", z)
	ways := k.node.ND.Link(k.eth.Iface).Ways()
	if len(ways) != 4 || ways[0].Prefix.Bits() != 48 || ways[1].Router != yLL.Netip() || ways[2].Router != zLL.Netip() {
		t.Errorf("ways %v", ways)
	}
	k.advance(100*time.Second - 1)
	k.frames = nil
	k.wantRouter("before the end of its lifetime", z)
	k.advance(1)
	k.frames = nil
	k.wantRouter("and then", y)
	k.send(router6(yLL, y, icmpv6.RouterAdvertisement{}, route6("2001:db8::/32", 3-1, icmpv6.Low, 1800)))
	k.wantRouter("equal now, and the one that came first", z)
	k.send(router6(zLL, z, icmpv6.RouterAdvertisement{}, route6("2001:db8::/32", 1, icmpv6.Low, 0)))
	k.wantRouter("the other one has taken its back", y)
	k.send(advert6(yLL, nodeLL, "SO", y))
	k.wantRouter("one that is no router any more (RFC 4861, 7.2.5)", w)
	k.frames = nil
}

// What is not valid, and what has no meaning, makes no route (RFC 4191, 2.3).
func TestRoutesThatAreNone(t *testing.T) {
	k := staticKit6(t, still())
	for _, o := range [][]byte{
		route6("2001:db8::/32", 0, 0, 1800),                   // too short
		route6("2001:db8:ff:1::/65", 1, 0, 1800),              // too short for 65 bits
		route6("2001:db8::/32", 1, icmpv6.Reserved, 1800),     // MUST be ignored
		route6("fe80::/64", 1, 0, 1800),                       // always on the link
		route6("ff00::/8", 1, 0, 1800),                        // not by routers
		{24, 4, 32, 0, 0, 0, 7, 8, 0x20, 1, 0xd, 0xb8, 31: 0}, // longer than any prefix
		route6("2001:db8::/32", 1, 0, 0),
	} {
		k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{}, o))
		if ways := k.node.ND.Link(k.eth.Iface).Ways(); len(ways) != 0 {
			t.Errorf("%x makes %v", o, ways)
		}
	}
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{}, route6("2001:db8:ff::1/32", 2, 0, 1800)))
	if ways := k.node.ND.Link(k.eth.Iface).Ways(); len(ways) != 1 || ways[0].Prefix != netip.MustParsePrefix("2001:db8::/32") {
		t.Errorf("bits behind the prefix count: %v", ways)
	}

	c := still()
	c.IPv6.Routes = -1
	k = staticKit6(t, c)
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 9}, route6("2001:db8::/32", 1, 0, 1800), route6("::/0", 0, 0, 0)))
	if l := k.node.ND.Link(k.eth.Iface); len(l.Ways()) != 0 || len(l.Routers()) != 1 {
		t.Errorf("a host of type B has %v, %v", l.Ways(), l.Routers())
	}
}

// The option for all destinations is stronger than the header (RFC 4191, 3.1).
func TestRouteToAllDestinations(t *testing.T) {
	k := staticKit6(t, still())
	k.send(router6(otherLL, otherRouterMAC, icmpv6.RouterAdvertisement{Lifetime: 1800}))
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 100, Preference: icmpv6.High}, route6("::/0", 1, icmpv6.Low, 200)))
	k.wantRouter("a low one", otherRouterMAC)
	k.send(router6(otherLL, otherRouterMAC, icmpv6.RouterAdvertisement{}))
	k.wantRouter("the only one", routerMAC6)
	k.advance(200*time.Second - 1)
	k.frames = nil
	k.wantRouter("for 200 s", routerMAC6)
	k.advance(1)
	k.frames = nil
	k.wantRouter("and no longer", ethernet.MAC{})
}

// A better router that does not answer is asked again, once a minute, as long as there is something to send (RFC 4191, 3.5).
func TestBetterRouterIsProbed(t *testing.T) {
	for _, by := range []string{"route", "preference"} {
		t.Run(by, func(t *testing.T) {
			k := staticKit6(t, still())
			k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 9000}))
			ra := router6(otherLL, otherRouterMAC, icmpv6.RouterAdvertisement{}, route6("2001:db8::/32", 1, 0, 9000))
			if by == "preference" {
				ra = router6(otherLL, otherRouterMAC, icmpv6.RouterAdvertisement{Lifetime: 9000, Preference: icmpv6.High})
			}
			k.send(ra)
			k.wantRouter("the better one", otherRouterMAC)
			k.advance(8*time.Second - 1)
			k.wantRouter("while it is asked", otherRouterMAC)
			k.advance(2 * time.Second)
			k.frames = nil
			probes := func(seconds int) (n int) {
				for range seconds {
					k.advance(time.Second)
					k.wantRouterOr(routerMAC6)
					for _, f := range k.frames {
						if s := show(f); strings.Contains(s, "neighbor-solicitation") && strings.Contains(s, "fe80::b") {
							n++
						}
					}
					k.send(advert6(routerLL, nodeLL, "RSO", routerMAC6))
					k.frames = nil
				}
				return n
			}
			if n := probes(240); n < 4 || n > 5 {
				t.Errorf("asked %d times in 4 minutes", n)
			}
			k.advance(10 * time.Minute)
			if n := strings.Count(fmt.Sprint(shown(k.frames)), "for fe80::b"); n > 1 {
				t.Errorf("asked %d times without anything to send", n)
			}
			k.frames = nil
			k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 9000}))
			probes(1)
			k.send(advert6(otherLL, nodeLL, "RSO", otherRouterMAC))
			k.wantRouter("it is back", otherRouterMAC)
			k.advance(time.Hour * 3)
			k.frames = nil
		})
	}
}

// wantRouterOr is wantRouter that leaves other frames where they are.
func (k *kit) wantRouterOr(at ethernet.MAC) {
	k.t.Helper()
	s := k.open6(5000)
	defer s.Close()
	if err := s.SendTo([]byte("far"), netip.AddrPortFrom(remote6.Netip(), 9)); err != nil {
		k.t.Fatal(err)
	}
	k.advance(0)
	if !slices.ContainsFunc(k.frames, func(f []byte) bool {
		h, _, err := ethernet.Parse(f)
		return err == nil && h.Dst == at && strings.Contains(show(f), "far")
	}) {
		k.t.Errorf("not by %v: %q", at, shown(k.frames))
	}
}

func shown(frames [][]byte) (all []string) {
	for _, f := range frames {
		all = append(all, show(f))
	}
	return all
}

// A change of routes makes redirects of the destinations in them void (RFC 4191, 3.3), an advertisement that changes nothing
// does not; and there is a bound.
func TestRoutesAndRedirects(t *testing.T) {
	c := still()
	c.IPv6.Routes = 3
	k := staticKit6(t, c)
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 9000}))
	k.know6(otherLL, otherRouterMAC)
	redirect := func() {
		k.send(nd6(routerLL, node6, icmpv6.AppendRedirection(nil, icmpv6.Redirection{Target: otherLL, Dst: remote6})))
	}
	redirect()
	k.wantRouter("a redirect", otherRouterMAC)
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 9000}, route6("2001:db8:1::/48", 1, 0, 1800)))
	k.wantRouter("a route to others", otherRouterMAC)
	ra := router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 9000}, route6("2001:db8:ff::/48", 1, 0, 1800))
	k.send(ra)
	k.wantRouter("a route to it", routerMAC6)
	redirect()
	k.send(ra)
	k.wantRouter("the same again", otherRouterMAC)
	k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 9000}, route6("2001:db8:ff::/48", 1, icmpv6.High, 1800)))
	k.wantRouter("another preference", routerMAC6)
	for i := range 10 {
		k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{}, route6(fmt.Sprintf("2001:db8:%x::/48", i+16), 1, 0, 1800)))
	}
	if ways := k.node.ND.Link(k.eth.Iface).Ways(); len(ways) != 3 {
		t.Errorf("%d routes, want 3", len(ways))
	}
	if n := testing.AllocsPerRun(100, func() { k.node.ND.Router(remote6, nil) }); n != 0 {
		t.Errorf("%v allocations for a choice", n)
	}
	k.node.ND.Link(k.eth.Iface).Reset()
	if ways := k.node.ND.Link(k.eth.Iface).Ways(); len(ways) != 0 {
		t.Errorf("after a reset there are %v", ways)
	}
}
