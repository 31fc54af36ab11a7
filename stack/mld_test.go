package stack_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/ip"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

var group6 = netip.MustParseAddr("ff05::1:3")

// listener is a node with MLD and a link-local address, whose own reports are over.
func listener(t *testing.T, c config.Config) *kit {
	c.IPv6.DAD, c.IPv6.RouterSolicit = config.Off, config.Off
	k := newKit6(t, c)
	k.advance(time.Minute)
	k.frames = nil
	return k
}

func (k *kit) member6(f ip.Filter) {
	k.node.IPv6.SetFilter("a user", k.eth.Iface, group6, f)
	k.advance(0)
}

// mldQuery is a query of MLDv2, or of MLDv1 if q is nil.
func mldQuery(group ipv6.Addr, delay uint16, q *icmpv6.Query2) []byte {
	return mldQueryFrom(testerLL, 1, true, group, delay, q)
}

func mldQueryFrom(src ipv6.Addr, hops uint8, alert bool, group ipv6.Addr, delay uint16, q *icmpv6.Query2) []byte {
	dst := group
	if group.IsUnspecified() {
		dst = ipv6.AllNodes
	}
	m := icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerQuery, MaxDelay: delay, Group: group})
	if q != nil {
		m = icmpv6.AppendQuery2(m, *q)
	}
	return mld6(src, dst, hops, alert, m)
}

func mld6(src, dst ipv6.Addr, hops uint8, alert bool, m []byte) []byte {
	icmpv6.Seal(m, ipv6.Pseudo(src, dst, codec.ICMPv6))
	h := ipv6.Header{NextHeader: codec.ICMPv6, HopLimit: hops, Src: src, Dst: dst, PayloadLen: uint16(len(m))}
	if alert {
		m = append(ipv6.AppendOptions(nil, ipv6.OptionsHeader{Next: codec.ICMPv6, Options: ipv6.Options(nil).AppendRouterAlert(0).Pad()}), m...)
		h.NextHeader, h.PayloadLen = codec.HopByHop, uint16(len(m))
	}
	return frameFrom6(testerMAC, h, m)
}

const report6 = "33:33:00:00:00:16 fe80::ff:fe00:2 > ff02::16 hlim 1 [router-alert 0000] ICMP6 listener-report-2"

// within steps to the next frame, which must come within (least, most] of now.
func (k *kit) within(why string, most time.Duration, frame string) {
	k.t.Helper()
	until := k.loop.Now() + most
	for len(k.frames) == 0 {
		if ran, err := k.loop.Step(until); !ran || err != nil {
			k.t.Fatalf("%s: nothing came within %v", why, most)
		}
	}
	k.want(why, frame)
}

func TestReportsOfChanges6(t *testing.T) { // RFC 3810, 6.1
	k := listener(t, config.Config{})
	k.member6(ip.Filter{Exclude: true})
	k.want("at once", report6+" to-ex ff05::1:3()")
	k.within("and once more", time.Second, report6+" to-ex ff05::1:3()")
	k.advance(time.Minute)
	k.quiet("robustness is 2")
	a, b := netip.MustParseAddr("2001:db8::a"), netip.MustParseAddr("2001:db8::b")
	k.member6(ip.Filter{Sources: []netip.Addr{a}})
	k.want("another mode", report6+" to-in ff05::1:3( 2001:db8::a)")
	k.within("again", time.Second, report6+" to-in ff05::1:3( 2001:db8::a)")
	k.member6(ip.Filter{Sources: []netip.Addr{b}})
	k.want("other sources", report6+" allow ff05::1:3( 2001:db8::b) block ff05::1:3( 2001:db8::a)")
	k.within("again", time.Second, report6+" allow ff05::1:3( 2001:db8::b) block ff05::1:3( 2001:db8::a)")
	k.member6(ip.Filter{})
	k.want("leaving", report6+" block ff05::1:3( 2001:db8::b)")
	k.within("again", time.Second, report6+" block ff05::1:3( 2001:db8::b)")
	k.advance(time.Minute)
	k.quiet("nothing is left")
}

func TestAnswersToQueries6(t *testing.T) { // RFC 3810, 6.2
	k := listener(t, config.Config{})
	k.member6(ip.Filter{Exclude: true})
	k.advance(time.Minute)
	k.frames = nil
	v2 := &icmpv6.Query2{QRV: 2, QQIC: 125}
	k.send(mldQuery(ipv6.Addr{}, 10000, v2))
	k.within("a general query: all groups", 10*time.Second, report6+" is-ex ff02::1:ff00:2() is-ex ff05::1:3()")
	k.send(mldQuery(group6.As16(), 1000, v2))
	k.within("one for a group", time.Second, report6+" is-ex ff05::1:3()")
	sources := icmpv6.Sources(nil).Append(tester6)
	k.send(mldQuery(group6.As16(), 1000, &icmpv6.Query2{Sources: sources}))
	k.within("one for sources", time.Second, report6+" is-in ff05::1:3( 2001:db8::1)")
	k.send(mld6(testerLL, group6.As16(), 1, true, icmpv6.AppendQuery2(icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerQuery, MaxDelay: 1000}), *v2)))
	k.within("a general query to another address of the interface (5.1.15)", time.Second, report6+" is-ex ff02::1:ff00:2() is-ex ff05::1:3()")
	for _, tt := range []struct {
		name  string
		frame []byte
	}{
		{"not from a link-local address", mldQueryFrom(tester6, 1, true, ipv6.Addr{}, 100, v2)},
		{"hop limit 2", mldQueryFrom(testerLL, 2, true, ipv6.Addr{}, 100, v2)},
		{"without a router alert", mldQueryFrom(testerLL, 1, false, ipv6.Addr{}, 100, v2)},
		{"for what is no group", mld6(testerLL, ipv6.AllNodes, 1, true, icmpv6.AppendQuery2(icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerQuery, Group: tester6}), *v2))},
		{"of 26 octets", mld6(testerLL, ipv6.AllNodes, 1, true, icmpv6.AppendQuery2(icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerQuery}), *v2)[:26])},
		{"for another group", mld6(testerLL, ipv6.AllNodes, 1, true, icmpv6.AppendQuery2(icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerQuery, Group: ipv6.MustParseAddr("ff05::9")}), *v2))},
	} {
		k.send(tt.frame)
		k.advance(time.Minute)
		k.quiet(tt.name)
	}
}

func TestOlderQuerier6(t *testing.T) { // RFC 3810, 8.2.1, 9.12; RFC 2710
	k := listener(t, config.Config{})
	k.member6(ip.Filter{Exclude: true})
	k.advance(time.Minute)
	k.frames = nil
	k.send(mldQuery(ipv6.Addr{}, 1000, nil))
	const report = "33:33:00:01:00:03 fe80::ff:fe00:2 > ff05::1:3 hlim 1 [router-alert 0000] ICMP6 listener-report ff05::1:3 delay 0"
	const node = "33:33:ff:00:00:02 fe80::ff:fe00:2 > ff02::1:ff00:2 hlim 1 [router-alert 0000] ICMP6 listener-report ff02::1:ff00:2 delay 0"
	k.advance(time.Second)
	var got []string
	for range 2 {
		got = append(got, show(k.next("a report for each group, in version 1")))
	}
	if all := strings.Join(got, "\n"); !strings.Contains(all, report) || !strings.Contains(all, node) {
		t.Errorf("reports:\n%s", all)
	}
	k.send(mldQuery(group6.As16(), 10000, nil))
	k.send(mld6(testerLL, group6.As16(), 1, true, icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerReport, Group: group6.As16()})))
	k.advance(11 * time.Second)
	k.quiet("another listener has answered")
	k.member6(ip.Filter{})
	k.quiet("and so this one, which was not the last to report, says nothing when it leaves")
	k.member6(ip.Filter{Exclude: true})
	k.want("joining in version 1", report)
	k.within("again", 10*time.Second, report)
	k.member6(ip.Filter{})
	k.want("leaving", "33:33:00:00:00:02 fe80::ff:fe00:2 > ff02::2 hlim 1 [router-alert 0000] ICMP6 listener-done ff05::1:3 delay 0")
	k.send(mldQuery(ipv6.Addr{}, 0, nil))
	k.advance(1)
	k.frames = nil
	k.advance(260*time.Second - 2) // 2 x 125 s + 10 s
	k.member6(ip.Filter{Exclude: true})
	k.want("a nanosecond before it is forgotten", report)
	k.advance(1)
	k.member6(ip.Filter{})
	k.want("then it is version 2 again", report6+" to-in ff05::1:3()")
	k.within("with its repeats", time.Second, report6+" to-in ff05::1:3()")
}

func TestReportsBeforeThereIsAnAddress(t *testing.T) { // RFC 3590, 4; RFC 3810, 5.2.13; RFC 4862, 5.4.2
	c := config.Config{IPv6: config.IPv6{RSDelay: -1, RouterSolicit: config.Off}}
	k := newKit6(t, c)
	const early = "33:33:00:00:00:16 :: > ff02::16 hlim 1 [router-alert 0000] ICMP6 listener-report-2 to-ex ff02::1:ff00:2()"
	k.advance(0)
	k.want("the solicited-node group is joined first", early)
	k.want("then duplicates are looked for", dadLL)
	k.within("the report is repeated", time.Second, early)
	k.advance(time.Second - k.loop.Now())
	k.want("and made anew from the address", report6+" to-ex ff02::1:ff00:2()")
	k.within("as often", time.Second, report6+" to-ex ff02::1:ff00:2()")
	k.advance(time.Minute)
	k.quiet("that is all")
}

func TestManySources6(t *testing.T) { // RFC 3810, 5.2.15
	k := listener(t, config.Config{})
	var all []netip.Addr
	for n := range 200 {
		all = append(all, netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", n+1)))
	}
	k.member6(ip.Filter{Sources: all})
	count := 0
	for _, f := range k.frames {
		if len(f) > 14+1500 {
			t.Errorf("a report of %d octets", len(f)-14)
		}
		count += strings.Count(show(f), " 2001:db8::")
	}
	if count != 200 || len(k.frames) != 3 {
		t.Errorf("%d sources in %d reports", count, len(k.frames))
	}
	k.frames = nil
	k.member6(ip.Filter{})
	k.advance(time.Minute)
	k.frames = nil
}

func TestMLDVersion1(t *testing.T) { // RFC 2710
	c := config.Config{}
	c.IPv6.MLDVersion = 1
	k := listener(t, c)
	k.member6(ip.Filter{Exclude: true})
	const report = "33:33:00:01:00:03 fe80::ff:fe00:2 > ff05::1:3 hlim 1 [router-alert 0000] ICMP6 listener-report ff05::1:3 delay 0"
	k.want("a report to the group", report)
	k.within("once more", 10*time.Second, report)
	k.send(mldQuery(group6.As16(), 2000, &icmpv6.Query2{}))
	k.within("octets behind the first 24 are nothing", 2*time.Second, report)
}
