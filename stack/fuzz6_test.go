package stack_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// Whatever comes, a host and a router survive it, and in the end no packet is in use. Checksums are made right, so that
// messages get past them.
func FuzzInput6(f *testing.F) {
	add := func(frames ...[]byte) {
		for _, b := range frames {
			f.Add(b[14:], b[14:])
		}
	}
	for _, p := range paths6() {
		add(p.frame)
	}
	m := echoMessage6(100)
	f.Add(fragment6(1, m, 0, 48, true)[14:], fragment6(1, m, 48, 108, false)[14:])
	f.Add(fragment6(1, m, 48, 108, false)[14:], fragment6(1, m, 0, 56, true)[14:])
	add(router6(routerLL, routerMAC6, icmpv6.RouterAdvertisement{Lifetime: 10, Reachable: 1, Retrans: 1}, prefix6("2001:db8:5::/64", 10, 5), icmpv6.AppendMTU(nil, 1300)),
		advert6(tester6, node6, "RSO", testerMAC), redirect6(routerLL, otherLL, remote6, otherRouterMAC),
		mldQuery(ipv6.Addr{}, 100, &icmpv6.Query2{QRV: 2, QQIC: 1}), mldQuery(group6.As16(), 1, nil), tooBig6(1300), solicit6(ipv6.Addr{}, node6))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, forwarding := range []config.Switch{config.Off, config.On} {
			k := staticKit6(t, config.Config{IPv6: config.IPv6{Forwarding: forwarding, TempAddresses: config.On}})
			k.echoService6(7)
			for _, packet := range [][]byte{a, b} {
				p := append([]byte(nil), packet...)
				seal6(p)
				frame := append(ethernet.Append(nil, ethernet.Header{Dst: nodeMAC, Src: testerMAC, Type: ethernet.TypeIPv6}), p...)
				if len(p) >= 40 && p[24] == 0xff {
					to := ethernet.Multicast6([16]byte(p[24:40]))
					copy(frame, to[:])
				}
				if len(frame) > 1514 {
					return
				}
				k.far.Send(frame)
				if err := k.loop.Run(k.loop.Now() + time.Millisecond); err != nil {
					t.Fatal(err)
				}
			}
			if err := k.loop.Run(k.loop.Now() + 3*time.Minute); err != nil {
				t.Fatal(err)
			}
			k.frames = nil
			if n := k.node.InUse(); n != 0 {
				t.Errorf("%d packets in use after three minutes", n)
			}
		}
	})
}

// seal6 makes the checksum of a message of ICMPv6 right.
func seal6(p []byte) {
	h, rest, err := ipv6.Parse(p)
	if err != nil {
		return
	}
	if proto, at, fragment, ok := ipv6.Upper(h.NextHeader, rest); ok && !fragment && proto == 58 && len(rest)-at >= 4 {
		icmpv6.Seal(rest[at:], ipv6.Pseudo(h.Src, h.Dst, proto))
	}
}
