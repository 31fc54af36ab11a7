package stack_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/radio"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/l2/ieee802154"
	"github.com/conform-stack/conform/stack/mgmt"
	codec "github.com/conform-stack/conform/stack/wire/ieee802154"
)

// A device finds a network, joins it and leaves it, all by requests of network management, and is told by events.
func TestNetworkByManagement(t *testing.T) {
	a := newAir(t, radio.Config{})
	at := func(x float64) *radio.Station { return a.medium.Station(x, 0) }
	coordinator, device := a.add(config.Config{}, at(0), codec.Unassigned), a.add(config.Config{}, at(1), codec.Unassigned)
	var told []string
	device.Mgmt.Subscribe(event.Mask(event.L2, event.GroupIEEE802154, 0xffff), func(e event.Event) {
		s := e.Code.String()
		if e.Code == event.IEEE802154ScanResult {
			s += " " + e.Link.String()
		}
		told = append(told, s)
	})
	ask := func(m *mote, c event.Code, data any, want error) {
		t.Helper()
		if err := m.Mgmt.Request(c, m.wpan.Iface, data); !errors.Is(err, want) {
			t.Fatalf("%v: %v, want %v", c, err, want)
		}
	}
	expect := func(what string, want ...string) {
		t.Helper()
		a.run(3 * time.Second)
		if !slices.Equal(told, want) {
			t.Fatalf("%s: told %q, want %q", what, told, want)
		}
		told = nil
	}
	const channel, pan = 15, 0x1234
	ask(coordinator, mgmt.StartCoordinator, ieee802154.Network{PAN: pan, Short: 0, Channel: channel, Permit: true, First: 7}, nil)

	ask(device, mgmt.ActiveScan, ieee802154.Scan{Channels: 1 << channel, Duration: 100 * time.Millisecond}, nil)
	ask(device, mgmt.PassiveScan, ieee802154.Scan{Channels: 1 << channel, Duration: 100 * time.Millisecond}, errno.EBUSY)
	expect("an active scan", "IEEE802154_SCAN_RESULT 00:00", "IEEE802154_SCAN_DONE")

	ask(device, mgmt.Disassociate, nil, errno.ENOTCONN)
	there := ieee802154.Association{Channel: channel, PAN: pan, Coordinator: extended(1), Capability: codec.CapabilityAllocate | codec.CapabilityReceives}
	ask(device, mgmt.Associate, there, nil)
	expect("an association", "IEEE802154_ASSOCIATED")
	var short uint16
	ask(device, mgmt.GetShortAddr, &short, nil)
	if short != 7 {
		t.Errorf("the short address is %d, want 7, the first that the coordinator gives", short)
	}
	ask(device, mgmt.SetPANID, uint16(1), errno.EBUSY)
	ask(device, mgmt.GetPANID, 1, errno.EINVAL)

	ask(device, mgmt.Disassociate, nil, nil)
	expect("the end of it", "IEEE802154_DISASSOCIATED")

	there.Coordinator = extended(9)
	ask(device, mgmt.Associate, there, nil)
	expect("an association with nobody", "IEEE802154_ASSOCIATION_FAILED")
}
