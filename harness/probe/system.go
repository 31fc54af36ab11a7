package probe

import (
	"net/netip"
	"strings"

	"github.com/conform-stack/conform/harness/agent"
)

// IfaceState is that of an interface of the target; 0 is the first link's.
func (p *P) IfaceState(index int) agent.IfaceState {
	r := p.manage(agent.Request{Do: agent.State, Iface: index})
	if r.State == nil {
		return agent.IfaceState{}
	}
	return *r.State
}

// Ifaces are the target's interfaces, but for the loopback one.
func (p *P) Ifaces() []agent.Iface { return p.manage(agent.Request{Do: agent.Ifaces}).Ifaces }

// Pull takes the cable out of the target's first link, Plug puts it in.
func (p *P) Pull() { p.manage(agent.Request{Do: agent.Carrier}) }

// Plug puts the cable in again.
func (p *P) Plug() { p.manage(agent.Request{Do: agent.Carrier, Value: 1}) }

// SetDormant has an interface wait for something before packets may pass, or wait no longer.
func (p *P) SetDormant(on bool) error {
	return p.Manage(agent.Request{Do: agent.Dormant, Value: number(on)})
}

// SetPromiscuous has the first link's interface accept all frames, or its own only.
func (p *P) SetPromiscuous(on bool) error {
	return p.Manage(agent.Request{Do: agent.Promiscuous, Value: number(on)})
}

// Manage makes a call of management whose error is what the check is about, or which cannot fail.
func (p *P) Manage(r agent.Request) error {
	_, err := p.call(r)
	return err
}

// AddAddressTo gives an interface an address.
func (p *P) AddAddressTo(index int, a netip.Prefix) error {
	return p.Manage(agent.Request{Do: agent.AddAddr, Iface: index, Local: netip.AddrPortFrom(a.Addr(), 0), Value: a.Bits()})
}

// Refuse has a packet filter drop all that passes a hook, or nothing: recv, ipv4, ipv6, local, send.
func (p *P) Refuse(hook string, on bool) error {
	return p.Manage(agent.Request{Do: agent.Refuse, Option: hook, Value: number(on)})
}

func number(on bool) int {
	if on {
		return 1
	}
	return 0
}

// Counters are statistics of the target, by Zephyr's names.
type Counters map[string]uint64

// Counters are those of an interface; 0 is the first link's, agent.Node the sum of all.
func (p *P) Counters(index int) Counters {
	return p.manage(agent.Request{Do: agent.Stats, Iface: index}).Counters
}

// Since is what has moved after an earlier snapshot, and by how much.
func (c Counters) Since(earlier Counters) Counters {
	moved := Counters{}
	for name, v := range c {
		if d := v - earlier[name]; d != 0 {
			moved[name] = d
		}
	}
	return moved
}

// Without is c without the counters of which a name begins with one of prefixes.
func (c Counters) Without(prefixes ...string) Counters {
	left := Counters{}
	for name, v := range c {
		keep := true
		for _, p := range prefixes {
			keep = keep && !strings.HasPrefix(name, p)
		}
		if keep {
			left[name] = v
		}
	}
	return left
}

// ResetCounters sets the counters of an interface to zero, or all of them.
func (p *P) ResetCounters(index int) { p.manage(agent.Request{Do: agent.ResetStats, Iface: index}) }

// CountersText is what the target prints of them.
func (p *P) CountersText(index int) string {
	return string(p.manage(agent.Request{Do: agent.StatsText, Iface: index}).Data)
}

// Prometheus is the same for that.
func (p *P) Prometheus() string { return string(p.manage(agent.Request{Do: agent.Prometheus}).Data) }

// A Subscription is to events of the target.
type Subscription struct {
	p  *P
	id int
}

// Subscribe asks for events whose code a mask selects.
func (p *P) Subscribe(mask uint32) *Subscription {
	return &Subscription{p, p.manage(agent.Request{Do: agent.Subscribe, Value: int(mask)}).Socket}
}

// Events are those that have come since the last call, in order. No time passes.
func (s *Subscription) Events() []agent.Event {
	return s.p.manage(agent.Request{Do: agent.Events, Socket: s.id}).Events
}

// Names are those of events, in order.
func Names(events []agent.Event) (names []string) {
	for _, e := range events {
		names = append(names, e.Name)
	}
	return names
}

// Cancel ends the subscription.
func (s *Subscription) Cancel() { s.p.manage(agent.Request{Do: agent.Unsubscribe, Socket: s.id}) }
