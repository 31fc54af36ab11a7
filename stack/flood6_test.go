package stack_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/ip"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// nth6 is one of many addresses in a prefix of 64 bits.
func nth6(prefix ipv6.Addr, n int) ipv6.Addr {
	prefix[9] = 1
	binary.BigEndian.PutUint32(prefix[12:], uint32(n))
	return prefix
}

var (
	here6     = ipv6.MustParseAddr("2001:db8::")
	elsewhere = ipv6.MustParseAddr("2001:db8:1::")
	groupOf6  = ipv6.MustParseAddr(group6.String())
	links6    = ipv6.MustParseAddr("fe80::")
)

// goesOn says that the node's own traffic goes on: a datagram of the tester's is answered by the echo service, after a
// solicitation if the tester has had to give way to others.
func (k *kit) goesOn() {
	k.t.Helper()
	k.frames = k.frames[:0]
	k.send(udp6(4000, 7, "on"))
	asks := solicit6(node6, tester6)
	if len(k.frames) > 0 && k.frames[0][20] == byte(codec.ICMPv6) && k.frames[0][54] == asks[54] {
		k.frames = k.frames[:0]
		k.send(advert6(tester6, node6, "SO", testerMAC))
	}
	f := k.next("the echo of what was sent in the middle of it")
	if f[20] != byte(codec.UDP) || string(f[len(f)-2:]) != "on" {
		k.t.Fatalf("in the middle of it: %s", show(f))
	}
}

// Each flood fills what it can, and no more: its bound, the octets that it costs, and the node's own traffic are looked at
// all along. What is bounded by the configuration is bounded alike when that has room for little.
func TestFloodsOfIPv6(t *testing.T) {
	fragment := func(n int, from int, more bool, size int) []byte {
		f := ipv6.AppendFragment(nil, ipv6.FragmentHeader{Next: codec.UDP, ID: uint32(n), Offset: uint16(from), More: more})
		return frame6(ipv6.Header{NextHeader: codec.Fragment, Src: nth6(here6, n%7)}, append(f, make([]byte, size)...))
	}
	neighbours := func(k *kit) (int, int) {
		return k.node.ND.Link(k.eth.Iface).Cache().Len(), k.node.Config.IPv6.Neighbors
	}
	destinations := func(k *kit) (int, int) { return k.node.IPv6.Destinations(), k.node.Config.IPv6.Destinations }
	reassembling := func(k *kit) (int, int) { return k.node.IPv6.Reassembling(), k.node.Config.Reassemblies }
	for _, tt := range []struct {
		name  string
		frame func(n int) []byte
		has   func(k *kit) (now, most int)
		full  bool // in the end there are as many as there may be
	}{
		{"solicitations", func(n int) []byte { return solicit6(nth6(here6, n), node6) }, neighbours, true},
		{"advertisements nobody asked for", func(n int) []byte {
			return advert6(nth6(here6, n), ipv6.AllNodes, "O", ethernet.MAC{2, 1, 0, 0, byte(n >> 8), byte(n)})
		}, neighbours, false},
		{"routers", func(n int) []byte {
			return router6(nth6(links6, n), ethernet.MAC{2, 1, 0, 0, byte(n >> 8), byte(n)}, icmpv6.RouterAdvertisement{Lifetime: 1800})
		}, func(k *kit) (int, int) { return len(k.node.ND.Link(k.eth.Iface).Routers()), k.node.Config.IPv6.Routers }, true},
		{"prefixes", func(n int) []byte {
			prefix := ipv6.Addr{0x20, 1, 0xd, 0xb8, 4: 8, 6: byte(n >> 8), 7: byte(n)}
			return router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 1800}, icmpv6.AppendPrefix(nil, icmpv6.Prefix{
				Bits: 64, OnLink: true, Autonomous: true, Valid: 1800, Preferred: 1800, Prefix: prefix,
			}))
		}, func(k *kit) (int, int) {
			return len(k.node.ND.Link(k.eth.Iface).Prefixes()), k.node.Config.IPv6.Prefixes
		}, true},
		{"redirects", func(n int) []byte {
			return redirect6(routerLL, nth6(links6, n%50), nth6(elsewhere, n), ethernet.MAC{2, 2, 0, 0, 0, byte(n % 50)})
		}, destinations, true},
		{"echoes from far away", func(n int) []byte { return echo6(nth6(elsewhere, n), node6, "x") }, destinations, false},
		{"first fragments", func(n int) []byte { return fragment(n, 0, true, 1024) }, reassembling, false},
		{"last fragments", func(n int) []byte { return fragment(n, 65472, false, 8) }, reassembling, false},
		{"every second eight octets", func(n int) []byte { return fragment(n/4000, n%4000*16, true, 8) }, reassembling, false},
		{"queries", func(n int) []byte {
			var sources icmpv6.Sources
			for i := range 50 {
				s := nth6(elsewhere, n*50+i)
				sources = append(sources, s[:]...)
			}
			return mldQuery(groupOf6, 10000, &icmpv6.Query2{QRV: 2, QQIC: 125, Sources: sources})
		}, func(k *kit) (int, int) { return 0, 0 }, true},
		{"queries for groups that nobody is in", func(n int) []byte {
			return mldQuery(nth6(ipv6.MustParseAddr("ff05::"), n), 10000, &icmpv6.Query2{QRV: 2, QQIC: 125})
		}, func(k *kit) (int, int) { return 0, 0 }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := still()
			c.IPv6.ICMPRate = -1
			if strings.HasPrefix(tt.name, "queries") {
				c.IPv6.MLD = config.On
			}
			k := staticKit6(t, c)
			k.echoService6(7)
			k.send(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 1800}))
			k.know6(routerLL, routerMAC6)
			k.know6(tester6, testerMAC)
			k.member6(ip.Filter{Exclude: true})
			k.frames = k.frames[:0]
			n := 8000
			if strings.HasPrefix(tt.name, "every second") {
				n = 40 * 4000 // as many packets, whose holes take more than their octets
			}
			grown := k.flood(n, func(i int) []byte {
				if i%500 == 0 {
					k.goesOn()
				}
				if now, most := tt.has(k); now > most {
					t.Fatalf("%d after %d frames, the configuration says %d", now, i, most)
				}
				return tt.frame(i)
			})
			k.goesOn()
			if now, most := tt.has(k); tt.full && now != most {
				t.Errorf("%d in the end, want as many as there may be, %d", now, most)
			}
			if most := k.node.Config.ReassemblyBytes + 1<<20; grown > most {
				t.Errorf("the flood costs %d octets, want %d at most", grown, most)
			}
			k.advance(time.Hour)
			if n := k.node.InUse(); n != 0 {
				t.Errorf("%d packets are in use when all is over", n)
			}
			k.frames = k.frames[:0]
			k.goesOn()
			k.advance(time.Minute)
			k.frames = k.frames[:0]
		})
	}
}
