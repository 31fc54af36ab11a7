package mgmt_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/mgmt"
	"github.com/conform-stack/conform/stack/stats"
)

func Example() {
	loop := clock.New()
	m := mgmt.New(loop, mgmt.Config{Queue: 5}, new(stats.Events))
	m.Subscribe(event.Mask(event.L2, event.GroupIface, event.IfaceUp.Command()), func(e event.Event) {
		if e.Code == event.IfaceUp { // another event of the group may have the bit as well
			fmt.Println(e.Code, e.Iface)
		}
	})
	m.Raise(event.Event{Code: event.IfaceAdminDown, Iface: 2})
	m.Raise(event.Event{Code: event.IfaceUp, Iface: 3})
	loop.Run(0)
	// Output: IF_UP 3
}

// kit is a manager with one subscriber to some events.
type kit struct {
	*mgmt.Manager
	loop  *clock.Loop
	stats stats.Events
	got   []event.Event
}

func newKit(c mgmt.Config, mask event.Code) *kit {
	k := &kit{loop: clock.New()}
	k.Manager = mgmt.New(k.loop, c, &k.stats)
	if mask != 0 {
		k.Subscribe(mask, func(e event.Event) { k.got = append(k.got, e) })
	}
	return k
}

func (k *kit) raise(codes ...event.Code) {
	for i, c := range codes {
		k.Raise(event.Event{Code: c, Iface: i + 1})
	}
}

func (k *kit) codes() (codes []event.Code) {
	k.loop.Run(0)
	for _, e := range k.got {
		codes = append(codes, e.Code)
	}
	k.got = nil
	return codes
}

var ipv4 = event.Mask(event.L3, event.GroupIPv4, 0xffff)

func TestMasks(t *testing.T) {
	all := []event.Code{event.IfaceUp, event.IPv4AddrAdd, event.IPv4AddrDel, event.IPv4MaddrAdd, event.IPv6AddrAdd, event.Connected}
	for _, tt := range []struct {
		name string
		mask event.Code
		want []event.Code
	}{
		{"all of a group", ipv4, []event.Code{event.IPv4AddrAdd, event.IPv4AddrDel, event.IPv4MaddrAdd}},
		{"command 1: 3 has that bit, too", event.Mask(event.L3, event.GroupIPv4, 1), []event.Code{event.IPv4AddrAdd, event.IPv4MaddrAdd}},
		{"command 2", event.Mask(event.L3, event.GroupIPv4, 2), []event.Code{event.IPv4AddrDel, event.IPv4MaddrAdd}},
		{"no command", event.Mask(event.L3, event.GroupIPv4, 0), nil},
		{"the group of another layer", event.Mask(event.L2, event.GroupIPv4, 0xffff), nil},
		{"another group", event.Mask(event.L4, event.GroupL4, 0xffff), []event.Code{event.Connected}},
	} {
		for _, direct := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/direct=%v", tt.name, direct), func(t *testing.T) {
				k := newKit(mgmt.Config{Queue: 10, Direct: direct}, tt.mask)
				k.raise(all...)
				if got := k.codes(); !slices.Equal(got, tt.want) {
					t.Errorf("told %v, want %v", got, tt.want)
				}
				if k.stats.Raised != uint64(len(tt.want)) {
					t.Errorf("%d raised, want those that somebody asked for: %d", k.stats.Raised, len(tt.want))
				}
			})
		}
	}
}

func TestPayloadArrivesWhole(t *testing.T) {
	k := newKit(mgmt.Config{Queue: 1}, ipv4)
	e := event.Event{
		Code: event.IPv4PMTUChanged, Iface: 2, Prefix: netip.MustParsePrefix("192.0.2.0/24"), Addr: netip.MustParseAddr("192.0.2.1"),
		Lifetime: 5, MTU: 576, Tag: 7,
	}
	k.Raise(e)
	k.delivers(t, e)
}

func (k *kit) delivers(t *testing.T, want event.Event) {
	t.Helper()
	k.loop.Run(0)
	if len(k.got) != 1 || k.got[0] != want {
		t.Errorf("got %+v, want %+v", k.got, want)
	}
}

func TestTheOldestGivesWay(t *testing.T) {
	for _, tt := range []struct {
		queue, raised int
		first         int // of those that arrive
	}{
		{1, 1, 1}, {1, 3, 3}, {2, 2, 1}, {2, 3, 2}, {5, 5, 1}, {5, 13, 9},
	} {
		t.Run(fmt.Sprintf("queue=%d/raised=%d", tt.queue, tt.raised), func(t *testing.T) {
			k := newKit(mgmt.Config{Queue: tt.queue}, ipv4)
			for i := range tt.raised {
				k.Raise(event.Event{Code: event.IPv4AddrAdd, Iface: i + 1})
			}
			want := min(tt.queue, tt.raised)
			if k.Waiting() != want {
				t.Errorf("%d wait, want %d", k.Waiting(), want)
			}
			k.loop.Run(0)
			for i, e := range k.got {
				if e.Iface != tt.first+i {
					t.Errorf("event %d is the one raised as number %d, want %d", i, e.Iface, tt.first+i)
				}
			}
			if len(k.got) != want || k.stats.Lost != uint64(tt.raised-want) {
				t.Errorf("%d delivered and %d lost of %d; want %d", len(k.got), k.stats.Lost, tt.raised, want)
			}
		})
	}
}

// What is delivered waits for the loop, and events that it brings about come after all that wait.
func TestDeliveryIsOnTheLoop(t *testing.T) {
	k := newKit(mgmt.Config{Queue: 5}, 0)
	var got []event.Code
	k.Subscribe(ipv4, func(e event.Event) {
		got = append(got, e.Code)
		if e.Code == event.IPv4AddrAdd {
			k.Raise(event.Event{Code: event.IPv4RouterAdd})
		}
	})
	k.raise(event.IPv4AddrAdd, event.IPv4AddrDel)
	if len(got) != 0 {
		t.Errorf("told within the call: %v", got)
	}
	k.loop.Run(0)
	if want := []event.Code{event.IPv4AddrAdd, event.IPv4AddrDel, event.IPv4RouterAdd}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

func TestCancel(t *testing.T) {
	k := newKit(mgmt.Config{Queue: 5}, 0)
	var first, second int
	var other *mgmt.Subscription
	k.Subscribe(ipv4, func(event.Event) { first++; other.Cancel() })
	other = k.Subscribe(ipv4, func(event.Event) { second++ })
	k.raise(event.IPv4AddrAdd, event.IPv4AddrDel)
	k.loop.Run(0)
	if first != 2 || second != 0 {
		t.Errorf("the first was told %d events, the one that it cancelled %d; want 2 and 0", first, second)
	}
	k.Close()
	k.raise(event.IPv4AddrAdd)
	k.loop.Run(0)
	if first != 2 || k.Waiting() != 0 {
		t.Errorf("told after it was closed")
	}
}

func TestRequests(t *testing.T) {
	k := newKit(mgmt.Config{}, 0)
	i := &iface.Iface{Index: 4}
	if err := k.Request(mgmt.GetAll, i, nil); err != errno.EOPNOTSUPP {
		t.Errorf("without a handler: %v", err)
	}
	k.Handle(mgmt.GetAll, func(about *iface.Iface, data any) error {
		p, ok := data.(*int)
		if !ok {
			return errno.EINVAL
		}
		*p = about.Index
		return nil
	})
	var n int
	if err := k.Request(mgmt.GetAll, i, &n); err != nil || n != 4 {
		t.Errorf("%v, data %d; want 4", err, n)
	}
	if err := k.Request(mgmt.GetAll, i, "not that"); err != errno.EINVAL {
		t.Errorf("with other data: %v", err)
	}
}

// The numbers are Zephyr's: layer L3, code 0x101, and the order of the list.
func TestStatisticsRequests(t *testing.T) {
	for k, c := range []event.Code{
		mgmt.GetAll, mgmt.GetProcessingError, mgmt.GetBytes, mgmt.GetIPErrors, mgmt.GetIPv4, mgmt.GetIPv6, mgmt.GetIPv6ND,
		mgmt.GetIPv6PMTU, mgmt.GetIPv4PMTU, mgmt.GetICMP, mgmt.GetUDP, mgmt.GetTCP, mgmt.GetEthernet, mgmt.GetPPP,
		mgmt.GetPM, mgmt.GetWiFi, mgmt.ResetWiFi,
	} {
		if c.IsEvent() || c.Layer() != event.L3 || c.Group() != 0x101 || c.Command() != k+1 {
			t.Errorf("number %d is %v", k+1, c)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	e := event.Event{Code: event.IPv4AddrAdd, Iface: 1, Prefix: netip.MustParsePrefix("192.0.2.1/24")}
	told := 0
	for _, tt := range []struct {
		name   string
		direct bool
		listen bool
	}{
		{"nobody listens", false, false},
		{"queued", false, true},
		{"direct", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(mgmt.Config{Queue: 5, Direct: tt.direct}, 0)
			if tt.listen {
				k.Subscribe(ipv4, func(event.Event) { told++ })
			}
			before := told
			if n := testing.AllocsPerRun(100, func() {
				k.Raise(e)
				k.loop.Run(0)
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
			if tt.listen != (told > before) || k.stats.Lost != 0 {
				t.Errorf("%d events told, %d lost", told-before, k.stats.Lost)
			}
		})
	}
}
