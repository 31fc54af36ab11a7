// Package mgmt checks network management as Zephyr has it: the events that things raise, masks and the queue of events, and
// requests.
//
// It is asked of a target whose agent tells its events, with Zephyr's names and numbers.
package mgmt

import (
	"slices"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("mgmt", "Network management: Zephyr's events and requests").On(target.Ethernet)

// mask selects events by layer, layer code and commands, as Zephyr lays them out in 32 bits.
func mask(layer, code, commands uint32) uint32 {
	return 1<<31 | 1<<30 | layer<<28 | code<<16 | commands
}

// The layers and their codes that events are of, and the commands of some.
const (
	all = 0xffff

	ifaceLayer, ifaceCode       = 1, 0x001
	ethernetLayer, ethernetCode = 1, 0x208
	ipv4Layer, ipv4Code         = 2, 0x004
	ipv6Layer, ipv6Code         = 2, 0x060
	l4Layer, l4Code             = 3, 0x114

	commandIfDown = 1 // that of IF_ADMIN_DOWN is 3, and has a bit in common
)

var (
	ifaceEvents    = mask(ifaceLayer, ifaceCode, all)
	ethernetEvents = mask(ethernetLayer, ethernetCode, all)
	ipv4Events     = mask(ipv4Layer, ipv4Code, all)
	ipv6Events     = mask(ipv6Layer, ipv6Code, all)
	l4Events       = mask(l4Layer, l4Code, all)
)

// A listener is told the events of every layer.
type listener []*probe.Subscription

func listen(p *probe.P) listener {
	var l listener
	for _, m := range []uint32{ifaceEvents, ethernetEvents, ipv4Events, ipv6Events, l4Events} {
		l = append(l, p.Subscribe(m))
	}
	return l
}

// events are those since the last call, layer by layer.
func (l listener) events() (events []agent.Event) {
	for _, s := range l {
		events = append(events, s.Events()...)
	}
	return events
}

// count tells how often a name is among events.
func count(events []agent.Event, name string) (n int) {
	for _, e := range events {
		if e.Name == name {
			n++
		}
	}
	return n
}

// find gives the first event of a name; the zero Event when there is none.
func find(events []agent.Event, name string) agent.Event {
	if i := slices.IndexFunc(events, func(e agent.Event) bool { return e.Name == name }); i >= 0 {
		return events[i]
	}
	return agent.Event{}
}

// tells is a target whose agent gives other events.
func tells(how string, change func([]agent.Event) []agent.Event) mutate.Mutation {
	return mutate.Tells(how, func(r agent.Request, reply *agent.Reply) {
		if r.Do == agent.Events {
			reply.Events = change(reply.Events)
		}
	})
}
