package stack_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	ipv6wire "github.com/conform-stack/conform/stack/wire/ipv6"
)

// The examples of RFC 6724, 10.1, and what they leave out. "!" in front of an address: it is deprecated, "?": temporary, "^": a
// home address.
func TestSourceSelection(t *testing.T) {
	for _, tt := range []struct {
		dst     string
		sources []string
		want    string
		rule    string
	}{
		{"2001:db8:1::1", []string{"2001:db8:3::1", "fe80::1"}, "2001:db8:3::1", "2: scope"},
		{"ff05::1", []string{"2001:db8:3::1", "fe80::1"}, "2001:db8:3::1", "2: scope"},
		{"ff02::1", []string{"2001:db8:3::1", "fe80::1"}, "fe80::1", "2: the smallest that reaches"},
		{"2001:db8:1::1", []string{"!2001:db8:1::2", "2001:db8:3::1"}, "2001:db8:3::1", "3: deprecated addresses last"},
		{"fe80::2", []string{"!fe80::1", "2001:db8:3::1"}, "fe80::1", "2 goes before 3"},
		{"2001:db8:1::1", []string{"2001:db8:1::2", "^2001:db8:3::2"}, "2001:db8:3::2", "4: home addresses"},
		{"fd00:1::9", []string{"fd00:2::1", "^2001:db8:3::1"}, "2001:db8:3::1", "4 goes before 6"},
		{"2002:c633:6401::1", []string{"2002:c633:6401::d5e3:7953:13eb:22e8", "2001:db8:1::2"}, "2002:c633:6401::d5e3:7953:13eb:22e8", "6: label"},
		{"fd00:1::1", []string{"2001:db8:1::2", "fd00:2::1"}, "fd00:2::1", "6: label"},
		{"2001:db8:1::d5e3:0:0:1", []string{"2001:db8:1::2", "?2001:db8:1::d5e3:7953:13eb:22e8"}, "2001:db8:1::d5e3:7953:13eb:22e8", "7: temporary ones first"},
		{"2001:db8:1::1", []string{"2001:db8:3::2", "2001:db8:1::2"}, "2001:db8:1::2", "8: longest prefix"},
		{"2001:db8:1::1", []string{"2001:db8:1:0:8000::2", "2001:db8:1::2"}, "2001:db8:1:0:8000::2", "8 looks at the prefix only: the first"},
	} {
		k := newKit6(t, still())
		k.node.RemoveAddress(k.eth, nodeLL.Netip())
		k.node.AddRoute(netip.MustParsePrefix("::/0"), netip.MustParseAddr("fe80::a"), k.eth)
		for _, s := range tt.sources {
			mark := s[0]
			if mark == '!' || mark == '?' || mark == '^' {
				s = s[1:]
			}
			a := netip.MustParseAddr(s)
			switch mark {
			case '?':
				k.node.IPv6.SetFlags(k.eth.Iface, a.As16(), ipv6.Temporary)
			case '^':
				k.node.IPv6.SetFlags(k.eth.Iface, a.As16(), ipv6.Home)
			}
			k.eth.SetAddress(iface.Address{Prefix: netip.PrefixFrom(a, 64), Deprecated: mark == '!'})
		}
		by, err := k.node.IPv6.Path(&ip.Send{Dst: netip.MustParseAddr(tt.dst)})
		if err != nil || by.Src.WithZone("") != netip.MustParseAddr(tt.want) {
			t.Errorf("%s: to %s from %v, %v; want %s", tt.rule, tt.dst, by.Src, err, tt.want)
		}
	}
}

// The examples of RFC 6724, 10.2, as far as there are such addresses.
func TestDestinationOrder(t *testing.T) {
	for _, tt := range []struct {
		sources []string
		v4      string // the source to destinations of IPv4
		dsts    []string
		want    string
		rule    string
	}{
		{[]string{"2001:db8:1::2", "fe80::1"}, "169.254.13.78", []string{"198.51.100.121", "2001:db8:1::1"}, "[2001:db8:1::1 198.51.100.121]", "2: matching scope"},
		{[]string{"fe80::1"}, "198.51.100.117", []string{"2001:db8:1::1", "198.51.100.121"}, "[198.51.100.121 2001:db8:1::1]", "2: matching scope"},
		{[]string{"2001:db8:1::2", "fe80::1"}, "10.1.2.4", []string{"10.1.2.3", "2001:db8:1::1"}, "[2001:db8:1::1 10.1.2.3]", "6: higher precedence"},
		{[]string{"2001:db8:1::2", "fe80::2"}, "", []string{"2001:db8:1::1", "fe80::1%eth0"}, "[fe80::1%eth0 2001:db8:1::1]", "8: smaller scope"},
		{[]string{"2001:db8:1::2", "2001:db8:3f44::2", "fe80::2"}, "", []string{"2001:db8:3ffe::1", "2001:db8:1::1"}, "[2001:db8:1::1 2001:db8:3ffe::1]", "9: longest prefix"},
		{[]string{"2002:c633:6401::2", "fe80::2"}, "", []string{"2001:db8:1::1", "2002:c633:6401::1"}, "[2002:c633:6401::1 2001:db8:1::1]", "5: matching label"},
		{[]string{"2001:db8:1::2"}, "", []string{"198.51.100.1", "2001:db8:1::1"}, "[2001:db8:1::1 198.51.100.1]", "1: usable ones"},
		{[]string{"2001:db8:1::2"}, "", []string{"2001:db8:1::9", "2001:db8:1::8"}, "[2001:db8:1::9 2001:db8:1::8]", "10: as given"},
	} {
		k := newKit6(t, still())
		k.node.RemoveAddress(k.eth, nodeLL.Netip())
		k.node.AddRoute(netip.MustParsePrefix("::/0"), netip.MustParseAddr("fe80::a"), k.eth)
		for _, s := range tt.sources {
			k.eth.SetAddress(iface.Address{Prefix: netip.PrefixFrom(netip.MustParseAddr(s), 64)})
		}
		var dsts []netip.Addr
		for _, d := range tt.dsts {
			dsts = append(dsts, netip.MustParseAddr(d))
		}
		k.node.IPv6.SortDestinations(dsts, func(netip.Addr) netip.Prefix {
			if tt.v4 == "" {
				return netip.Prefix{}
			}
			return netip.PrefixFrom(netip.MustParseAddr(tt.v4), 24)
		})
		if got := fmt.Sprint(dsts); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.rule, got, tt.want)
		}
	}
}

func TestPolicyTable(t *testing.T) { // RFC 6724, 2.1 and 10.3
	k := newKit6(t, still())
	k.node.AddRoute(netip.MustParsePrefix("::/0"), netip.MustParseAddr("fe80::a"), k.eth)
	for _, a := range []string{"2001:db8:1::1/64", "2001:db8:2::1/64"} {
		k.eth.SetAddress(iface.Address{Prefix: netip.MustParsePrefix(a)})
	}
	from := func() string {
		t.Helper()
		by, err := k.node.IPv6.Path(&ip.Send{Dst: netip.MustParseAddr("2001:db8:1:99::1")})
		if err != nil {
			t.Fatal(err)
		}
		return by.Src.String()
	}
	if got := from(); got != "2001:db8:1::1" {
		t.Errorf("by default from %s", got)
	}
	k.node.IPv6.SetPolicies([]ipv6.Policy{
		{Prefix: netip.MustParsePrefix("::/0"), Precedence: 40, Label: 1},
		{Prefix: netip.MustParsePrefix("2001:db8:1:99::/64"), Precedence: 40, Label: 7},
		{Prefix: netip.MustParsePrefix("2001:db8:2::/48"), Precedence: 40, Label: 7},
	})
	if got := from(); got != "2001:db8:2::1" {
		t.Errorf("with labels that say so, from %s", got)
	}
}

// What a sender prefers turns rules 4 and 7 round, and what another prefers does not change it.
func TestSenderPrefers(t *testing.T) { // RFC 6724, 5; RFC 5014
	k := newKit6(t, still())
	k.node.AddRoute(netip.MustParsePrefix("::/0"), netip.MustParseAddr("fe80::a"), k.eth)
	public, temporary, home := netip.MustParseAddr("2001:db8:1::1"), netip.MustParseAddr("2001:db8:1::2"), netip.MustParseAddr("2001:db8:1::3")
	for a, f := range map[netip.Addr]ipv6.Flags{public: 0, temporary: ipv6.Temporary, home: ipv6.Home} {
		k.node.IPv6.SetFlags(k.eth.Iface, a.As16(), f)
		k.eth.SetAddress(iface.Address{Prefix: netip.PrefixFrom(a, 64)})
	}
	for range 2 { // the choice that was remembered is not taken for another sender
		for _, tt := range []struct {
			prefer ip.Preference
			want   netip.Addr
		}{
			{0, home},
			{ip.PreferCareOf, temporary},
			{ip.PreferCareOf | ip.PreferPublic, public},
			{ip.PreferCareOf | ip.PreferTemporary, temporary},
			{ip.PreferPublic, home},
		} {
			by, err := k.node.IPv6.Path(&ip.Send{Dst: netip.MustParseAddr("2001:db8:9::1"), Prefer: tt.prefer})
			if err != nil || by.Src != tt.want {
				t.Errorf("preferring %b: from %v, %v; want %v", tt.prefer, by.Src, err, tt.want)
			}
		}
	}
}

// An address that the next hop assigned is preferred (RFC 6724, 5, rule 5.5), as long as it does.
func TestSourceOfTheNextHop(t *testing.T) {
	c := still()
	c.IPv6.Autoconf = config.On
	k := newKit6(t, c)
	other := ipv6wire.MustParseAddr("fe80::b")
	from := func(src ipv6wire.Addr, lifetime uint16, prefix string) {
		b := icmpv6.AppendRouterAdvertisement(nil, icmpv6.RouterAdvertisement{Lifetime: lifetime})
		k.send(nd6(src, ipv6wire.AllNodes, append(b, prefix6(prefix, 7200, 3600)...)))
	}
	want := func(why, in string) {
		t.Helper()
		by, err := k.node.IPv6.Path(&ip.Send{Dst: netip.MustParseAddr("2001:db8:b:1::1")})
		if err != nil || !netip.MustParsePrefix(in).Contains(by.Src) {
			t.Errorf("%s: from %v, %v; want one in %s", why, by.Src, err, in)
		}
	}
	from(testerLL, 1800, "2001:db8:a::/64")
	from(other, 0, "2001:db8:b::/64")
	want("the router's prefix, though the other is longer a match", "2001:db8:a::/64")
	from(testerLL, 0, "2001:db8:a::/64")
	from(other, 1800, "2001:db8:b::/64")
	want("the other router", "2001:db8:b::/64")
	from(other, 1800, "2001:db8:a::/64")
	want("one that assigned both: rule 8", "2001:db8:b::/64")
}
