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
