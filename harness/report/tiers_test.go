package report

import (
	"fmt"
	"testing"
)

func TestTiers(t *testing.T) {
	r := &Report{Target: Target{Features: []string{"udp-echo", "igmp"}}}
	for i, k := range []struct {
		outcome Outcome
		needs   []string
	}{
		{Pass, nil},
		{Fail, []string{"igmp"}},
		{NotApplicable, []string{"ipv6"}},
		{NotApplicable, []string{"ipv6", "dad"}},
		{NotApplicable, nil}, // for another kind of link
		{Pass, []string{"udp-echo"}},
		{NotApplicable, []string{"udp-echo", "ipv6"}},
		{NotApplicable, []string{"igmp", "agent"}},
		{NotApplicable, []string{"vlan"}}, // through an agent, which it does not say
	} {
		r.Checks = append(r.Checks, Check{ID: fmt.Sprint(i), Outcome: k.outcome, Needs: k.needs})
	}
	want := []string{
		"frames: 2 of 5 checks run; others need ipv6 2, dad 1; 1 for another kind of link",
		"frames and services: 1 of 2 checks run; others need ipv6 1",
		"frames and agent: 0 of 2 checks run; others need agent 1, vlan 1",
	}
	for i, tier := range r.Tiers() {
		if got := tier.Name + ": " + tier.String(); got != want[i] {
			t.Errorf("%s\nwant %s", got, want[i])
		}
	}
}
