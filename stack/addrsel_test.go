package stack_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/ipv6"
)

// The examples of RFC 6724, 10.1, and what they leave out. "!" in front of an address: it is deprecated, "?": temporary.
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
			if mark == '!' || mark == '?' {
				s = s[1:]
			}
			a := netip.MustParseAddr(s)
			if mark == '?' {
				k.node.IPv6.SetFlags(k.eth.Iface, a.As16(), ipv6.Temporary)
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
