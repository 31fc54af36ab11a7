package gvisor

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
)

// addressOf is what the target says of an address of its first link.
func (k *kit) addressOf(a netip.Addr) (x agent.Address, ok bool) {
	k.Helper()
	for _, x := range k.do(agent.Request{Do: agent.Addrs}).Addrs {
		if x.Addr == a {
			return x, true
		}
	}
	return x, false
}

func (k *kit) do(r agent.Request) agent.Reply {
	k.Helper()
	reply, done := k.Agent().Start(r).Done()
	if !done {
		k.Fatalf("%s does not return", r.Do)
	}
	return reply
}

func TestAddressesComeAndGo(t *testing.T) {
	for _, a := range []string{"192.0.2.77", "2001:db8:1::77"} {
		t.Run(a, func(t *testing.T) {
			k, at := newKit(t, target.IPv6, target.DAD, target.Management6), netip.MustParseAddr(a)
			local := netip.AddrPortFrom(at, 0)
			if r := k.do(agent.Request{Do: agent.DelAddr, Local: local}); r.Errno != "EADDRNOTAVAIL" {
				t.Errorf("removing an address that is not there: %q", r.Errno)
			}
			if r := k.do(agent.Request{Do: agent.AddAddr, Local: local, Value: 64 - 40*btoi(at.Is4())}); r.Errno != "" {
				t.Fatal(r.Errno)
			}
			x, ok := k.addressOf(at)
			if want := map[bool]string{true: "preferred", false: "tentative"}[at.Is4()]; !ok || x.State != want {
				t.Errorf("at first it is %+v, want %s: netstack probes for addresses of IPv6 alone", x, want)
			}
			k.pass(1500 * time.Millisecond)
			if x, _ = k.addressOf(at); x.State != "preferred" || x.Lifetimes.Valid != -1 {
				t.Errorf("then it is %+v, want it preferred, for ever", x)
			}
			if r := k.do(agent.Request{Do: agent.DelAddr, Local: local}); r.Errno != "" {
				t.Error(r.Errno)
			}
			if x, ok = k.addressOf(at); ok {
				t.Errorf("it is there when it was removed: %+v", x)
			}
		})
	}
}

func TestAWorldOfSLAACAsksForRouters(t *testing.T) {
	k := newKit(t, target.IPv6, target.SLAAC)
	if a := k.Nets()[0].Target.IP6; a.IsValid() {
		t.Errorf("the target has %s, want no global address", a)
	}
	if n := solicits(k, 20*time.Second); n != 3 {
		t.Errorf("it asks %d times, want 3", n)
	}
	if n := solicits(newKit(t, target.IPv6), 20*time.Second); n != 0 {
		t.Errorf("without SLAAC it asks %d times", n)
	}
}

// solicits counts router solicitations, whose type is 133, behind an Ethernet and an IPv6 header.
func solicits(k *kit, d time.Duration) (n int) {
	k.Helper()
	for until := k.Now() + d; ; {
		ev, err := k.Next(until)
		if err != nil {
			k.Fatal(err)
		}
		if ev.Frame == nil {
			return n
		}
		if len(ev.Frame) > 54 && ev.Frame[12] == 0x86 && ev.Frame[20] == 58 && ev.Frame[54] == 133 {
			n++
		}
	}
}

// pass lets time pass.
func (k *kit) pass(d time.Duration) {
	k.Helper()
	for until := k.Now() + d; ; {
		ev, err := k.Next(until)
		if err != nil {
			k.Fatal(err)
		}
		if ev.Frame == nil && ev.Op == nil {
			return
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
