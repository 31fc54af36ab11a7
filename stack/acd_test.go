package stack_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

const (
	probeFrame    = "all ARP who-has 192.0.2.2 tell 0.0.0.0 (02:00:00:00:00:02)"
	announceFrame = "all ARP who-has 192.0.2.2 tell 192.0.2.2 (02:00:00:00:00:02)"
)

// watchAddresses keeps what the node tells of addresses.
func (k *kit) watchAddresses() *[]string {
	var told []string
	k.node.OnAddress = func(_ *stack.Interface, p netip.Prefix, e stack.AddressEvent) {
		told = append(told, fmt.Sprintf("%v %v", p, e))
	}
	return &told
}

// until lets time pass until a frame comes, and claims it.
func (k *kit) until(limit time.Duration, why, frame string) time.Duration {
	k.t.Helper()
	end := k.loop.Now() + limit
	for len(k.frames) == 0 {
		if ran, err := k.loop.Step(end); err != nil || !ran {
			k.t.Fatalf("%s: nothing came in %v (%v)", why, limit, err)
		}
	}
	k.want(why, frame)
	return k.loop.Now()
}

// probed goes through the procedure up to the last probe.
func (k *kit) probed() time.Duration {
	k.t.Helper()
	at := k.until(time.Second, "the first probe within PROBE_WAIT", probeFrame)
	for range 2 {
		next := k.until(2*time.Second, "the next probe within PROBE_MAX", probeFrame)
		if next-at < time.Second {
			k.t.Errorf("a probe %v after the last, before PROBE_MIN", next-at)
		}
		at = next
	}
	return at
}

// won goes through the procedure to its end.
func (k *kit) won() {
	k.t.Helper()
	k.probed()
	k.advance(2*time.Second - 1)
	k.quiet("a nanosecond before ANNOUNCE_WAIT is over")
	k.send(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP))
	k.quiet("requests are not answered yet")
	k.advance(1)
	k.want("the first announcement", announceFrame)
	k.send(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP))
	k.want("requests are answered", "00:01 ARP 192.0.2.2 is-at 02:00:00:00:00:02 (to 192.0.2.1)")
	k.advance(2*time.Second - 1)
	k.quiet("a nanosecond before ANNOUNCE_INTERVAL is over")
	k.advance(1)
	k.want("the second announcement", announceFrame)
	k.advance(time.Hour)
	k.quiet("that is all")
}

func TestAddressIsProbedAndAnnounced(t *testing.T) { // RFC 5227, 2.1 and 2.3
	for seed := range uint64(20) {
		k := newKit(t, config.Config{ConflictDetect: config.On, Seed: seed})
		told := k.watchAddresses()
		k.won()
		if want := []string{"192.0.2.2/24 ready"}; !slices.Equal(*told, want) {
			t.Errorf("told %q, want %q", *told, want)
		}
	}
}

func TestConflictWhileProbing(t *testing.T) { // RFC 5227, 2.1.1
	nobody := ipv4.Addr{}
	for _, tt := range []struct {
		name     string
		frame    []byte
		conflict bool
	}{
		{"a reply from the address", arpFrame(arp.Reply, testerMAC, nodeIP, nodeMAC, nobody), true},
		{"a request from the address", arpFrame(arp.Request, testerMAC, nodeIP, ethernet.MAC{}, testerIP), true},
		{"a probe for it", arpFrame(arp.Request, testerMAC, nobody, ethernet.MAC{}, nodeIP), true},
		{"a probe for it with a target hardware address", arpFrame(arp.Request, testerMAC, nobody, nodeMAC, nodeIP), true},
		{"the node's own probe, repeated", arpFrame(arp.Request, nodeMAC, nobody, ethernet.MAC{}, nodeIP), false},
		{"a request for it", arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP), false},
		{"a probe for another", arpFrame(arp.Request, testerMAC, nobody, ethernet.MAC{}, testerIP), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, config.Config{ConflictDetect: config.On})
			told := k.watchAddresses()
			k.probed()
			k.advance(2*time.Second - 1)
			frame := slices.Clone(tt.frame)
			if ethernet.MAC(frame[22:]) == nodeMAC {
				copy(frame[6:], testerMAC[:]) // so that the link takes it
			}
			k.send(frame)
			k.quiet("no answer")
			want := "192.0.2.2/24 ready"
			if tt.conflict {
				want = "192.0.2.2/24 conflict"
			}
			k.advance(time.Hour)
			if !slices.Equal(*told, []string{want}) {
				t.Errorf("told %q, want %q", *told, want)
			}
			if tt.conflict {
				k.quiet("the address is given up")
			}
			k.frames = nil
		})
	}
}

func TestDefence(t *testing.T) { // RFC 5227, 2.4 (b)
	k := newKit(t, config.Config{ConflictDetect: config.On})
	told := k.watchAddresses()
	k.won()
	conflict := arpFrame(arp.Request, testerMAC, nodeIP, ethernet.MAC{}, testerIP)
	k.send(conflict)
	k.want("one defence", announceFrame)
	k.advance(10 * time.Second)
	k.send(conflict)
	k.want("after DEFEND_INTERVAL another one", announceFrame)
	k.meet() // in use all the time
	k.advance(10*time.Second - 1)
	k.send(conflict)
	k.quiet("a nanosecond before it is over: no defence")
	if want := []string{"192.0.2.2/24 ready", "192.0.2.2/24 conflict"}; !slices.Equal(*told, want) {
		t.Errorf("told %q, want %q", *told, want)
	}
	k.send(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP))
	k.send(echoRequest("x"))
	k.quiet("the address is not used any more")
}

func TestKeptAddressIsDefended(t *testing.T) {
	k := newKit(t, config.Config{ConflictDetect: config.On})
	k.node.RemoveAddress(k.eth, netipOf(nodeIP))
	if err := k.node.KeepAddress(k.eth, subnet); err != nil {
		t.Fatal(err)
	}
	k.meet() // in use at once
	k.advance(time.Hour)
	k.quiet("without a word")
	k.send(arpFrame(arp.Request, testerMAC, nodeIP, ethernet.MAC{}, testerIP))
	k.want("and defended", announceFrame)
	if err := k.node.KeepAddress(k.eth, subnetOf("224.0.0.1/4")); err == nil || err.Error() != "stack: 224.0.0.1/4 is no address of a host" {
		t.Errorf("a group: %v", err)
	}
}

func TestLinkThatComesBackIsProbedAgain(t *testing.T) { // RFC 5227, 2.1
	k := newKit(t, config.Config{ConflictDetect: config.On})
	k.won()
	k.eth.SetUp(false)
	k.advance(time.Second)
	k.eth.SetUp(true)
	k.won()
}

func TestConflictsLimitTheRate(t *testing.T) { // RFC 5227, 2.1.1
	k := newKit(t, config.Config{ConflictDetect: config.On})
	var at []time.Duration
	k.node.OnAddress = func(i *stack.Interface, p netip.Prefix, e stack.AddressEvent) {
		if e == stack.AddressConflict {
			if err := k.node.AddAddress(i, p); err != nil { // the user insists
				t.Error(err)
			}
		}
	}
	for range 13 {
		at = append(at, k.until(2*time.Minute, "a first probe", probeFrame))
		k.send(arpFrame(arp.Reply, testerMAC, nodeIP, nodeMAC, ipv4.Addr{}))
	}
	for i := range at[1:] {
		gap := at[i+1] - at[i]
		if limited := i+1 >= 10; limited && gap < 59*time.Second || !limited && gap > time.Second {
			t.Errorf("%v between candidates %d and %d", gap, i+1, i+2)
		}
	}
}

func TestLinkLocalAddress(t *testing.T) { // RFC 3927
	k := newKit(t, config.Config{LinkLocal4: config.On})
	told := k.watchAddresses()
	k.node.RemoveAddress(k.eth, netipOf(nodeIP))
	seen := map[netip.Addr]bool{}
	probe := func() ipv4.Addr {
		t.Helper()
		for len(k.frames) == 0 {
			if ran, _ := k.loop.Step(k.loop.Now() + time.Minute); !ran {
				t.Fatal("no probe")
			}
		}
		h, _, err := arp.Parse(k.next("a probe")[14:])
		a := h.TargetIP
		if err != nil || !a.IsLinkLocal() || a[2] == 0 || a[2] == 255 || !h.SenderIP.IsUnspecified() {
			t.Fatalf("%v is no probe for a link-local address", h)
		}
		return a
	}
	for range 3 {
		a := probe()
		if seen[a.Netip()] {
			t.Errorf("%v a second time", a)
		}
		seen[a.Netip()] = true
		k.send(arpFrame(arp.Reply, testerMAC, a, nodeMAC, ipv4.Addr{}))
	}
	a := probe()
	probe()
	probe()
	k.advance(2 * time.Second)
	k.want("announced", fmt.Sprintf("all ARP who-has %v tell %v (02:00:00:00:00:02)", a, a))
	k.send(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, a))
	k.want("replies are broadcast (2.5)", fmt.Sprintf("all ARP %v is-at 02:00:00:00:00:02 (to 192.0.2.1)", a))
	k.advance(2 * time.Second)
	k.next("the second announcement")
	conflict := arpFrame(arp.Request, testerMAC, a, ethernet.MAC{}, testerIP)
	k.send(conflict)
	k.next("one defence")
	k.send(conflict)
	if b := probe(); b == a {
		t.Error("the address that was lost is claimed again")
	}
	want := []string{fmt.Sprintf("%v/16 ready", a), fmt.Sprintf("%v/16 conflict", a)}
	if !slices.Equal(*told, want) {
		t.Errorf("told %q, want %q", *told, want)
	}
	if err := k.node.AddAddress(k.eth, subnet); err != nil {
		t.Fatal(err)
	}
	k.advance(time.Hour)
	k.quiet("a routable address ends it (1.9)")
}
