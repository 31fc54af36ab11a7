package neigh_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/wire/link"
)

// enter brings the neighbour, at mac, into a state.
func (k *kit) enter(s neigh.State) {
	switch s {
	case neigh.None:
		return
	case neigh.Static:
		k.cache.Set(peer, mac)
		return
	case neigh.Incomplete:
		k.send("x")
		k.want("asked", toAll)
		return
	}
	k.cache.Heard(peer, answer)
	if s != neigh.Reachable {
		k.advance(reachable)
	}
	if s == neigh.Delay || s == neigh.Probe {
		k.send("x")
		k.want("used", "send x to "+mac.String())
	}
	if s == neigh.Probe {
		k.advance(5 * time.Second)
		k.want("nobody confirmed it", toMAC)
	}
	k.wantState("to begin with", s)
}

const reachable = time.Second

func TestHeard(t *testing.T) { // RFC 4861, 7.2.3 and 7.2.5
	var untold link.Addr
	for _, tt := range []struct {
		name                        string
		from                        neigh.State
		at                          link.Addr
		create, solicited, override bool
		want                        neigh.State
		wantAt                      link.Addr
	}{
		{"unknown, not to create", neigh.None, mac, false, true, true, neigh.None, untold},
		{"unknown, to create", neigh.None, mac, true, false, true, neigh.Stale, mac},
		{"unknown, to create, without override", neigh.None, mac, true, false, false, neigh.Stale, mac},
		{"unknown, to create, solicited", neigh.None, mac, true, true, true, neigh.Reachable, mac},
		{"unknown, to create, without an address", neigh.None, untold, true, true, true, neigh.None, untold},

		{"incomplete, solicited", neigh.Incomplete, mac, false, true, true, neigh.Reachable, mac},
		{"incomplete, override does not matter", neigh.Incomplete, mac, false, true, false, neigh.Reachable, mac},
		{"incomplete, unsolicited", neigh.Incomplete, mac, false, false, false, neigh.Stale, mac},
		{"incomplete, without an address", neigh.Incomplete, untold, false, true, true, neigh.Incomplete, untold},

		{"reachable, another address, no override", neigh.Reachable, mac2, false, true, false, neigh.Stale, mac},
		{"stale, another address, no override", neigh.Stale, mac2, false, true, false, neigh.Stale, mac},
		{"delay, another address, no override", neigh.Delay, mac2, false, true, false, neigh.Delay, mac},
		{"probe, another address, no override", neigh.Probe, mac2, false, true, false, neigh.Probe, mac},

		{"reachable, same address", neigh.Reachable, mac, false, false, false, neigh.Reachable, mac},
		{"reachable, another address", neigh.Reachable, mac2, false, false, true, neigh.Stale, mac2},
		{"reachable, another address, solicited", neigh.Reachable, mac2, false, true, true, neigh.Reachable, mac2},
		{"stale, same address", neigh.Stale, mac, false, false, true, neigh.Stale, mac},
		{"stale, same address, solicited, no override", neigh.Stale, mac, false, true, false, neigh.Reachable, mac},
		{"stale, without an address, solicited", neigh.Stale, untold, false, true, false, neigh.Reachable, mac},
		{"stale, without an address", neigh.Stale, untold, false, false, true, neigh.Stale, mac},
		{"delay, another address", neigh.Delay, mac2, false, false, true, neigh.Stale, mac2},
		{"probe, same address", neigh.Probe, mac, false, false, true, neigh.Probe, mac},
		{"probe, same address, solicited", neigh.Probe, mac, false, true, true, neigh.Reachable, mac},

		{"static", neigh.Static, mac2, true, true, true, neigh.Static, mac},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, neigh.Config{ReachableTime: reachable})
			k.enter(tt.from)
			r := neigh.Report{Addr: tt.at, Create: tt.create, Solicited: tt.solicited, Override: tt.override}
			if got, want := k.cache.Heard(peer, r), tt.want != neigh.None; got != want {
				t.Errorf("Heard = %v, want %v", got, want)
			}
			k.wantState("after it", tt.want)
			if _, at := k.cache.State(peer); at != tt.wantAt {
				t.Errorf("link address %v, want %v", at, tt.wantAt)
			}
			if tt.from == neigh.Incomplete && tt.want != neigh.Incomplete {
				k.want("what has waited is sent", "send x to "+mac.String())
			}
		})
	}
}

func TestRoleOfNeighbour(t *testing.T) { // RFC 4861, 7.2.5: IsRouter
	k := newKit(t, neigh.Config{})
	for _, tt := range []struct {
		why  string
		r    neigh.Report
		want bool
	}{
		{"unknown", neigh.Report{Addr: mac, Role: neigh.RoleRouter}, false},
		{"who does not say is a host", neigh.Report{Addr: mac, Create: true}, false},
		{"says that it is a router", neigh.Report{Addr: mac, Role: neigh.RoleRouter}, true},
		{"does not say", neigh.Report{Addr: mac, Solicited: true}, true},
		{"somebody else, who may not override", neigh.Report{Addr: mac2, Role: neigh.RoleHost}, true},
		{"is a router no longer", neigh.Report{Role: neigh.RoleHost}, false},
	} {
		k.cache.Heard(peer, tt.r)
		if got := k.cache.IsRouter(peer); got != tt.want {
			t.Errorf("%s: router %v, want %v", tt.why, got, tt.want)
		}
	}
	k.cache.Heard(peer, neigh.Report{Role: neigh.RoleRouter})
	k.cache.Remove(peer)
	k.cache.Heard(peer, answer)
	if k.cache.IsRouter(peer) {
		t.Error("a new entry remembers the role of one that was forgotten")
	}
}

func TestSetTimes(t *testing.T) { // RFC 4861, 6.3.4
	k := newKit(t, neigh.Config{})
	k.cache.SetTimes(10*time.Second, 2*time.Second)
	k.cache.SetTimes(0, 0) // unspecified: nothing changes
	k.send("x")
	k.want("asked", toAll)
	k.advance(2*time.Second - 1)
	k.want("the RetransTimer is longer now")
	k.advance(1)
	k.want("asked again", toAll)
	k.cache.Heard(peer, answer)
	k.want("what has waited is sent", "send x to "+mac.String())
	k.advance(10*time.Second - 1)
	k.wantState("the ReachableTime is shorter now", neigh.Reachable)
	k.advance(1)
	k.wantState("and over", neigh.Stale)
}
