package event_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/event"
)

func ExampleMask() {
	joins := event.Mask(event.L3, event.GroupIPv4, event.IPv4McastJoin.Command())
	fmt.Println(joins.Selects(event.IPv4McastJoin), joins.Selects(event.IPv6McastJoin))
	// Commands are numbers: 10, a join, has a bit in common with 11, which is a leave.
	fmt.Println(joins.Selects(event.IPv4McastLeave))
	// Output:
	// true false
	// true
}

// The numbers are Zephyr's; who has written down a code finds the same event behind it.
func TestCodes(t *testing.T) {
	for _, tt := range []struct {
		code                  event.Code
		layer, group, command int
		name                  string
	}{
		{event.IfaceDown, event.L2, 0x001, 1, "IF_DOWN"},
		{event.IfaceAdminUp, event.L2, 0x001, 4, "IF_ADMIN_UP"},
		{event.VLANDisabled, event.L2, 0x208, 4, "ETHERNET_VLAN_TAG_DISABLED"},
		{event.IEEE802154ScanResult, event.L2, 0x154, 1, "IEEE802154_SCAN_RESULT"},
		{event.IPv4AddrAdd, event.L3, 0x004, 1, "IPV4_ADDR_ADD"},
		{event.IPv4McastJoin, event.L3, 0x004, 10, "IPV4_MCAST_JOIN"},
		{event.IPv4PMTUChanged, event.L3, 0x004, 15, "IPV4_PMTU_CHANGED"},
		{event.IPv6AddrAdd, event.L3, 0x060, 1, "IPV6_ADDR_ADD"},
		{event.IPv6DADSucceed, event.L3, 0x060, 13, "IPV6_DAD_SUCCEED"},
		{event.IPv6PMTUChanged, event.L3, 0x060, 25, "IPV6_PMTU_CHANGED"},
		{event.Connected, event.L4, 0x114, 1, "L4_CONNECTED"},
		{event.CaptureStopped, event.L4, 0x114, 7, "CAPTURE_STOPPED"},
	} {
		c := tt.code
		if c.Layer() != tt.layer || c.Group() != tt.group || c.Command() != tt.command || c.String() != tt.name || !c.IsEvent() {
			t.Errorf("%v: layer %d group %#x command %d; want %s: %d %#x %d", c, c.Layer(), c.Group(), c.Command(), tt.name, tt.layer, tt.group, tt.command)
		}
	}
	if got := event.Request(event.L3, event.GroupStats, 5).String(); got != "request L3 0x101 5" {
		t.Errorf("a request reads %q", got)
	}
}

func TestEveryEventHasANameOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range event.All() {
		if name := c.String(); seen[name] || strings.HasPrefix(name, "event ") {
			t.Errorf("%#x is called %q", uint32(c), name)
		} else {
			seen[name] = true
		}
	}
	if len(seen) != 4+4+5+15+25+7 {
		t.Errorf("%d events", len(seen))
	}
}

func TestMaskStaysInItsGroup(t *testing.T) {
	for _, c := range event.All() {
		all := event.Mask(c.Layer(), c.Group(), 0xffff)
		one := event.Mask(c.Layer(), c.Group(), c.Command())
		for _, e := range event.All() {
			same := e.Layer() == c.Layer() && e.Group() == c.Group()
			if all.Selects(e) != same {
				t.Errorf("all of the group of %v: selects %v: %v", c, e, !same)
			}
			if got, want := one.Selects(e), same && e.Command()&c.Command() != 0; got != want {
				t.Errorf("%v selects %v: %v", c, e, got)
			}
		}
		if one.Selects(event.Request(c.Layer(), c.Group(), c.Command())) {
			t.Errorf("%v selects a request", c)
		}
	}
}

type counter struct{ n int }

func (c *counter) Raise(event.Event) { c.n++ }

func TestRaisingAllocatesNothing(t *testing.T) {
	var c counter
	e := event.Event{Code: event.IPv4AddrAdd, Iface: 1, Prefix: netip.MustParsePrefix("192.0.2.1/24")}
	if n := testing.AllocsPerRun(100, func() {
		event.Raise(nil, e)
		event.Raise(&c, e)
	}); n != 0 || c.n == 0 {
		t.Errorf("%v allocations, %d events", n, c.n)
	}
}
