package board

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/target"
)

func TestDefaults(t *testing.T) {
	c, err := Options{}.config("tap", "tap:board0")
	if err != nil {
		t.Fatal(err)
	}
	if c.Target.String() != "192.0.2.1" || c.Prefix.String() != "192.0.2.0/24" || c.Unused.String() != "192.0.2.254" || c.MTU != 1500 {
		t.Errorf("%+v", c)
	}
	if n := len(c.Testers); n != 252 || c.Testers[0].String() != "192.0.2.2" || c.Testers[n-1].String() != "192.0.2.253" {
		t.Errorf("%d testers: %v", n, c.Testers)
	}
	if c.Info.Kind != "tap" || c.Info.Name != "tap:board0" || len(c.Info.Features) != 0 {
		t.Errorf("%+v", c.Info)
	}

	small, err := Options{Target: netip.MustParseAddr("10.0.0.9"), Prefix: netip.MustParsePrefix("10.0.0.0/28"), PerWorld: 1,
		Service: netip.MustParseAddrPort("10.0.0.9:7")}.config("tap", "x")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(small.Testers); n != 4 || small.Testers[3].String() != "10.0.0.13" || small.Unused.String() != "10.0.0.14" {
		t.Errorf("in a small subnet: unused %s, testers %v", small.Unused, small.Testers)
	}
	if !small.Info.Has(target.UDPEcho) {
		t.Error("an echo service declares no feature")
	}
}

func TestRefusalsNameTheField(t *testing.T) {
	ip := netip.MustParseAddr
	for _, row := range []struct {
		options Options
		want    []string
	}{
		{Options{Target: ip("2001:db8::1")}, []string{"Target is 2001:db8::1; it takes an IPv4 address"}},
		{Options{Target: ip("192.0.2.255")}, []string{"Target is 192.0.2.255; it takes a host address of the subnet 192.0.2.0/24", "Testers has 0"}},
		{Options{Unused: ip("192.0.3.1")}, []string{"Unused is 192.0.3.1; it takes a host address of the subnet 192.0.2.0/24"}},
		{Options{Unused: ip("192.0.2.1")}, []string{"Unused is 192.0.2.1, which is Target already"}},
		{Options{PerWorld: 1, Testers: []netip.Addr{ip("192.0.2.2"), ip("192.0.2.3"), ip("192.0.2.2")}}, []string{"Testers[2] is 192.0.2.2, which is Testers[0] already"}},
		{Options{Testers: []netip.Addr{ip("192.0.2.2")}, MTU: 67}, []string{
			"Testers has 1 addresses; PerWorld 4 takes one more than that", "MTU is 67; it takes 68 to 65535 octets"}},
		{Options{PerWorld: -1, AliveWithin: -1}, []string{"PerWorld is -1; a world takes at least one tester", "AliveWithin is -1ns; it takes a positive duration"}},
		{Options{Prefix6: netip.MustParsePrefix("2001:db8::/64")}, []string{"Target6 is not there; a target with IPv6 takes an address of global scope"}},
		{Options{Target6: ip("fe80::1")}, []string{"Target6 is fe80::1; it takes an IPv6 address of global scope"}},
		{Options{Target6: ip("2001:db8::1"), LinkLocal: ip("2001:db8::2"), MTU: 1279}, []string{
			"LinkLocal is 2001:db8::2; it takes an address in fe80::/64", "MTU is 1279; on a link with IPv6 it takes 1280 to 65535 octets"}},
		{Options{Target6: ip("2001:db8::1"), Prefix6: netip.MustParsePrefix("2001:db8::/60"), PerWorld: -1}, []string{
			"Prefix6 is 2001:db8::/60; it takes a subnet of 64 bits around Target6, 2001:db8::1", "PerWorld is -1"}},
		{Options{Target6: ip("2001:db8::1"), Unused6: ip("2001:db8::1")}, []string{"Unused6 is 2001:db8::1; it takes an address of the subnet 2001:db8::/64"}},
		{Options{Link: target.IEEE802154, Target6: ip("2001:db8::1"), LinkLocal: ip("fe80::ff:fe00:1")}, []string{"LinkLocal is fe80::ff:fe00:1; on IEEE 802.15.4"}},
		{Options{Link: target.IEEE802154, Target: ip("192.0.2.1"), Target6: ip("2001:db8::1"), LinkLocal: ip("fe80::1")}, []string{"Target is 192.0.2.1; there is no IPv4"}},
	} {
		_, err := row.options.config("tap", "x")
		if err == nil {
			t.Errorf("%+v is accepted, want %q", row.options, row.want)
			continue
		}
		lines := strings.Split(err.Error(), "\n")
		if len(lines) != len(row.want) {
			t.Errorf("%q, want %q", lines, row.want)
			continue
		}
		for i, want := range row.want {
			if !strings.HasPrefix(lines[i], want) {
				t.Errorf("%q, want %q", lines[i], want)
			}
		}
	}
}

// A target with IPv6 beside or without IPv4, and one on a radio.
func TestTargetsOfIPv6(t *testing.T) {
	ip := netip.MustParseAddr
	both, err := Options{Target: ip("192.0.2.1"), Target6: ip("2001:db8:1::1")}.config("tap", "x")
	if err != nil || !both.Info.Has(target.IPv6) || both.Prefix6.String() != "2001:db8:1::/64" || both.Unused6 != ip("2001:db8:1:0:ffff:ffff:ffff:fffe") || len(both.Testers) == 0 {
		t.Errorf("%+v, %v", both, err)
	}
	alone, err := Options{Target6: ip("2001:db8:1::1")}.config("tap", "x")
	if err != nil || alone.Target.IsValid() || alone.Number == 0 || len(alone.Testers) > 0 {
		t.Errorf("%+v, %v", alone, err)
	}
	radio, err := Options{Link: target.IEEE802154, Target6: ip("2001:db8:1::2"), LinkLocal: ip("fe80::2"), Short: 0x1234}.config("zep", "x")
	if err != nil || radio.MAC.String() != "02:00:00:00:00:00:00:02" || radio.Short.String() != "12:34" || radio.MTU != 1280 || radio.PAN != 0x23 || !radio.Info.Has(target.ShortAddress) {
		t.Errorf("%+v, %v", radio, err)
	}
}
