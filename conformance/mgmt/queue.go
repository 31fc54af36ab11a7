package mgmt

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// room is a size of the queue, with what is left of the three events of an interface that is switched off, which are raised
// at one instant: IF_ADMIN_DOWN, IF_DOWN, L4_DISCONNECTED.
type room struct {
	size  int
	iface []string
	l4    []string
}

func (r room) String() string { return fmt.Sprint(r.size) }

// Config implements check.Configured.
func (r room) Config() []string {
	return []string{fmt.Sprintf("CONFIG_NET_MGMT_EVENT_QUEUE_SIZE=%d", r.size)}
}

func init() {
	suite.It("mgmt.mask.command", "a mask selects commands that have a bit in common with its own",
		check.Proves("ZEPHYR:MG-2", tells("tells what nobody asked for", func(e []agent.Event) []agent.Event {
			return append(slices.Clone(e), agent.Event{Name: "IF_UP"})
		})).Needs(target.Events, target.Interfaces),
		func(p *probe.P) {
			p.IPv4()
			s := p.Subscribe(mask(ifaceLayer, ifaceCode, commandIfDown))
			ethernet := p.Subscribe(ethernetEvents)
			p.LinkDown()
			p.Wait(time.Second)
			p.That("ZEPHYR:MG-2", "events of a command that 1 has a bit in common with", probe.Names(s.Events()), gomega.Equal([]string{"IF_ADMIN_DOWN", "IF_DOWN"}))
			p.LinkUp()
			p.Wait(time.Second)
			p.That("ZEPHYR:MG-2", "events of other commands", probe.Names(s.Events()), gomega.BeEmpty())
			p.That("ZEPHYR:MG-2", "events of another layer code", probe.Names(ethernet.Events()), gomega.BeEmpty())
		})

	check.Grid(suite, "mgmt.queue.overflow", "when the queue is full the oldest event is dropped",
		check.Proves("ZEPHYR:MG-3", tells("drops the newest", func(e []agent.Event) []agent.Event {
			return slices.DeleteFunc(slices.Clone(e), func(e agent.Event) bool { return e.Name == "L4_DISCONNECTED" })
		})).Needs(target.Events, target.Interfaces),
		[]room{
			{1, nil, []string{"L4_DISCONNECTED"}},
			{2, []string{"IF_DOWN"}, []string{"L4_DISCONNECTED"}},
			{3, []string{"IF_ADMIN_DOWN", "IF_DOWN"}, []string{"L4_DISCONNECTED"}},
		},
		func(p *probe.P, r room) {
			p.IPv4()
			iface, l4 := p.Subscribe(ifaceEvents), p.Subscribe(l4Events)
			p.LinkDown()
			p.Wait(time.Second)
			p.That("ZEPHYR:MG-3", "events of the interface", probe.Names(iface.Events()), gomega.Equal(r.iface))
			p.That("ZEPHYR:MG-3", "events of layer 4", probe.Names(l4.Events()), gomega.Equal(r.l4))
		})

	suite.It("mgmt.queue.direct", "delivered directly, no event is dropped",
		check.Proves("ZEPHYR:MG-7", mutate.Mute("IF_ADMIN_DOWN")).Needs(target.Events, target.Interfaces).
			Configured("CONFIG_NET_MGMT_EVENT_QUEUE_SIZE=1", "CONFIG_NET_MGMT_EVENT_DIRECT=y"),
		func(p *probe.P) {
			p.IPv4()
			iface, l4 := p.Subscribe(ifaceEvents), p.Subscribe(l4Events)
			p.LinkDown()
			p.That("ZEPHYR:MG-7", "events of the interface, at once", probe.Names(iface.Events()), gomega.Equal([]string{"IF_ADMIN_DOWN", "IF_DOWN"}))
			p.That("ZEPHYR:MG-7", "events of layer 4", probe.Names(l4.Events()), gomega.Equal([]string{"L4_DISCONNECTED"}))
		})

	suite.It("mgmt.event.order", "events are told in the order in which they were raised",
		check.Proves("ZEPHYR:MG-4", tells("tells the newest first", func(e []agent.Event) []agent.Event {
			e = slices.Clone(e)
			slices.Reverse(e)
			return e
		})).Needs(target.Events, target.Interfaces).Configured(roomy),
		func(p *probe.P) {
			p.IPv4()
			s := p.Subscribe(ifaceEvents)
			p.LinkDown()
			p.LinkUp()
			p.Pull()
			p.LinkDown()
			p.Plug()
			p.LinkUp()
			p.Wait(time.Second)
			p.That("ZEPHYR:MG-4", "the events", probe.Names(s.Events()), gomega.Equal([]string{
				"IF_ADMIN_DOWN", "IF_DOWN", "IF_ADMIN_UP", "IF_UP", "IF_DOWN", "IF_ADMIN_DOWN", "IF_ADMIN_UP", "IF_UP",
			}))
		})

	suite.It("mgmt.event.payload", "an event names its interface, and has the payload of its kind",
		check.Proves("ZEPHYR:MG-5", tells("leaves payloads out", func(e []agent.Event) []agent.Event {
			e = slices.Clone(e)
			for i := range e {
				e[i] = agent.Event{Name: e[i].Name, Iface: e[i].Iface}
			}
			return e
		})).Needs(target.Events, target.Interfaces, target.VLAN, target.Agent).Configured(roomy, "CONFIG_NET_IPV4_PMTU=y"),
		func(p *probe.P) {
			lan := p.IPv4()
			index := p.Ifaces()[0].Index
			l := listen(p)
			p.AddAddress(more)
			_ = route(lan, agent.AddRoute, everywhere)
			if _, err := p.AddVLAN(7); err != nil {
				p.Inconclusive("the target refused VLAN 7: %v", err)
			}
			narrow(lan, 600)
			p.Wait(time.Second)
			got := l.events()
			for _, name := range []string{"IPV4_ADDR_ADD", "IPV4_ROUTER_ADD", "ETHERNET_VLAN_TAG_ENABLED", "IPV4_PMTU_CHANGED"} {
				p.That("ZEPHYR:MG-5", "the interface of "+name, find(got, name).Iface, gomega.Equal(index))
			}
			p.That("ZEPHYR:MG-5", "the address that was added", find(got, "IPV4_ADDR_ADD").Prefix, gomega.Equal(more))
			p.That("ZEPHYR:MG-5", "the router that was added", find(got, "IPV4_ROUTER_ADD").Addr, gomega.Equal(lan.IP()))
			p.That("ZEPHYR:MG-5", "the tag that was enabled", find(got, "ETHERNET_VLAN_TAG_ENABLED").Tag, gomega.Equal(7))
			p.That("ZEPHYR:MG-5", "the destination of the path", find(got, "IPV4_PMTU_CHANGED").Addr, gomega.Equal(lan.IP()))
			p.That("ZEPHYR:MG-5", "the MTU of the path", find(got, "IPV4_PMTU_CHANGED").MTU, gomega.Equal(600))
		})

	suite.It("mgmt.subscribers", "all subscribers are told, and one that has cancelled is told no more",
		check.Proves("ZEPHYR:MG-6", mutate.Unheeded("does not cancel", mutate.Verb(agent.Unsubscribe))).Needs(target.Events, target.Interfaces),
		func(p *probe.P) {
			p.IPv4()
			a, b := p.Subscribe(ifaceEvents), p.Subscribe(ifaceEvents)
			p.LinkDown()
			p.Wait(time.Second)
			for _, s := range []*probe.Subscription{a, b} {
				p.That("ZEPHYR:MG-6", "what each is told", probe.Names(s.Events()), gomega.Equal([]string{"IF_ADMIN_DOWN", "IF_DOWN"}))
			}
			a.Cancel()
			p.LinkUp()
			p.Wait(time.Second)
			p.That("ZEPHYR:MG-6", "what the one that has cancelled is told", probe.Names(a.Events()), gomega.BeEmpty())
			p.That("ZEPHYR:MG-6", "what the other is told", probe.Names(b.Events()), gomega.Equal([]string{"IF_ADMIN_UP", "IF_UP"}))
		})

	check.Grid(suite, "mgmt.request.unknown", "a request about an interface that is not there fails",
		check.Proves("ZEPHYR:MG-8", mutate.Tells("agrees to all", func(_ agent.Request, r *agent.Reply) { r.Errno = "" })).
			Needs(target.Events, target.Interfaces),
		[]agent.Verb{agent.State, agent.Stats, agent.ResetStats, agent.Dormant, agent.AddVLAN, agent.AddAddr, agent.LinkUp},
		func(p *probe.P, v agent.Verb) {
			const nowhere = 99
			err := p.Manage(agent.Request{Do: v, Iface: nowhere, Value: 7, Local: netip.AddrPortFrom(more.Addr(), 0)})
			p.That("ZEPHYR:MG-8", "what it says", fmt.Sprint(err), gomega.Equal("ENODEV"))
		})

	suite.It("mgmt.request.nothing", "a request that changes nothing raises no event",
		check.Proves("ZEPHYR:MG-9", tells("raises an event each time", func(e []agent.Event) []agent.Event {
			return append(slices.Clone(e), agent.Event{Name: "IF_UP"})
		})).Needs(target.Events, target.Interfaces, target.Kconfig),
		func(p *probe.P) {
			lan := p.IPv4()
			l := listen(p)
			p.LinkUp()
			p.Plug()
			_ = p.SetDormant(false)
			_ = p.SetPromiscuous(false)
			p.AddAddress(netip.PrefixFrom(lan.TargetIP(), 24))
			_ = p.Manage(agent.Request{Do: agent.DelAddr, Local: netip.AddrPortFrom(more.Addr(), 0)})
			_ = route(lan, agent.DelRoute, everywhere)
			_ = p.RemoveVLAN(7)
			p.Wait(time.Second)
			p.That("ZEPHYR:MG-9", "events", probe.Names(l.events()), gomega.BeEmpty())
		})
}
