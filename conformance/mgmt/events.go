package mgmt

import (
	"net/netip"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A cause is something that happens to a target, with the events that it raises, each as often as it stands there.
type cause struct {
	id, title string
	needs     []target.Feature
	config    []string
	prepare   func(*probe.Tester)
	do        func(*probe.Tester)
	events    []string
	also      []string // that may be raised, as a new interface has its groups
}

var (
	more       = netip.MustParsePrefix("192.0.2.77/24")
	group      = netip.MustParseAddr("239.1.2.3")
	everywhere = netip.MustParsePrefix("0.0.0.0/0")
)

// route asks for a route by a tester, or takes it away.
func route(t *probe.Tester, do agent.Verb, to netip.Prefix) error {
	return t.Manage(agent.Request{Do: do, Local: netip.AddrPortFrom(to.Addr(), 0), Value: to.Bits(), Remote: netip.AddrPortFrom(t.IP(), 0)})
}

// claim says that somebody else has an address.
func claim(t *probe.Tester, a netip.Addr) {
	t.Claiming(a).Send(arp.Packet(arp.Op.Is(arp.OpReply), arp.SenderIP.Is(a), arp.TargetIP.Is(t.TargetIP())))
}

// narrow tells the target that a datagram that it sends to the tester is too big for the path.
func narrow(t *probe.Tester, mtu uint) {
	s := t.UDP(0)
	if err := s.SendTo(make([]byte, 1000), netip.AddrPortFrom(t.IP(), 9)); err != nil {
		t.Inconclusive("the target refused to send: %v", err)
	}
	f := t.Expect(ipv4.Header(ipv4.Protocol.Is(17), ipv4.Offset.Is(0)), probe.For()) // or its first fragment
	quote := slices.Concat(f.Header(ipv4.Proto), f.Body(ipv4.Proto)[:8])
	t.Send(icmpv4.Unreachable(icmpv4.CodeFragNeeded).With(icmpv4.MTU.Is(mtu)).Then(packet.Payload(quote)))
}

var causes = []cause{
	{
		id: "down", title: "an interface is switched off",
		do:     func(t *probe.Tester) { t.LinkDown() },
		events: []string{"IF_ADMIN_DOWN", "IF_DOWN", "L4_DISCONNECTED"},
	},
	{
		id: "up", title: "an interface is switched on",
		prepare: func(t *probe.Tester) { t.LinkDown() },
		do:      func(t *probe.Tester) { t.LinkUp() },
		events:  []string{"IF_ADMIN_UP", "IF_UP", "L4_CONNECTED"},
	},
	{
		id: "carrier", title: "a cable is pulled and plugged in again",
		do:     func(t *probe.Tester) { t.Pull(); t.Wait(time.Second); t.Plug() },
		events: []string{"ETHERNET_CARRIER_OFF", "IF_DOWN", "L4_DISCONNECTED", "ETHERNET_CARRIER_ON", "IF_UP", "L4_CONNECTED"},
	},
	{
		id: "dormant", title: "an interface becomes dormant",
		do:     func(t *probe.Tester) { _ = t.SetDormant(true) },
		events: []string{"IF_DOWN", "L4_DISCONNECTED"},
	},
	{
		id: "address", title: "an address is added and removed",
		do:     func(t *probe.Tester) { t.AddAddress(more); t.Wait(time.Second); t.RemoveAddress(more.Addr()) },
		events: []string{"IPV4_ADDR_ADD", "IPV4_ADDR_DEL"},
	},
	{
		id: "last-address", title: "the only address is removed, and comes back",
		do: func(t *probe.Tester) {
			t.RemoveAddress(t.TargetIP())
			t.AddAddress(netip.PrefixFrom(t.TargetIP(), 24))
		},
		events: []string{"IPV4_ADDR_DEL", "L4_DISCONNECTED", "IPV4_ADDR_ADD", "L4_CONNECTED"},
	},
	{
		id: "address-free", title: "an address is found to be free", needs: []target.Feature{target.Conflict},
		prepare: func(t *probe.Tester) { t.Wait(time.Minute) },
		do:      func(t *probe.Tester) { t.AddAddress(more); t.Wait(time.Minute) },
		events:  []string{"IPV4_ADDR_ADD", "IPV4_ACD_SUCCEED"},
	},
	{
		id: "address-taken", title: "an address is found to be somebody else's", needs: []target.Feature{target.Conflict},
		prepare: func(t *probe.Tester) { t.Wait(time.Minute) },
		do:      func(t *probe.Tester) { t.AddAddress(more); claim(t, more.Addr()); t.Wait(time.Second) },
		events:  []string{"IPV4_ADDR_ADD", "IPV4_ACD_FAILED", "IPV4_ADDR_DEL"},
	},
	{
		id: "address-lost", title: "an address is contested and given up", needs: []target.Feature{target.Conflict},
		prepare: func(t *probe.Tester) { t.AddAddress(more); t.Wait(time.Minute) },
		do: func(t *probe.Tester) {
			claim(t, more.Addr())
			t.Wait(time.Second)
			claim(t, more.Addr())
			t.Wait(time.Second)
		},
		events: []string{"IPV4_ACD_CONFLICT", "IPV4_ADDR_DEL"},
	},
	{
		id: "router", title: "a default router comes and goes, and a route that makes none",
		do: func(t *probe.Tester) {
			other := netip.MustParsePrefix("198.51.100.0/24")
			for _, to := range []netip.Prefix{everywhere, other} {
				_ = route(t, agent.AddRoute, to)
				_ = route(t, agent.DelRoute, to)
			}
		},
		events: []string{"IPV4_ROUTER_ADD", "IPV4_ROUTER_DEL"},
	},
	{
		id: "group", title: "two sockets join a group and leave it", needs: []target.Feature{target.Agent, target.Multicast4},
		do: func(t *probe.Tester) {
			a, b := t.UDP(4001), t.UDP(4002)
			for _, s := range []*probe.Socket{a, b} {
				if err := s.Join(group); err != nil {
					t.Inconclusive("the target does not join %s: %v", group, err)
				}
			}
			t.Wait(time.Second)
			_, _ = a.Close(), b.Close()
			t.Wait(time.Minute)
		},
		events: []string{"IPV4_MADDR_ADD", "IPV4_MCAST_JOIN", "IPV4_MADDR_DEL", "IPV4_MCAST_LEAVE"},
	},
	{
		id: "path", title: "a path becomes narrow", needs: []target.Feature{target.Agent}, config: []string{"CONFIG_NET_IPV4_PMTU=y", "CONFIG_NET_IPV4_FRAGMENT=y"},
		do: func(t *probe.Tester) {
			narrow(t, 600)
			t.Wait(time.Second)
			narrow(t, 600) // which is nothing new
			t.Wait(time.Second)
		},
		events: []string{"IPV4_PMTU_CHANGED"},
	},
	{
		id: "vlan", title: "a VLAN is enabled and disabled", needs: []target.Feature{target.VLAN},
		do: func(t *probe.Tester) {
			if _, err := t.AddVLAN(7); err != nil {
				t.Inconclusive("the target refused VLAN 7: %v", err)
			}
			t.Wait(time.Second)
			_ = t.RemoveVLAN(7)
		},
		events: []string{
			"ETHERNET_VLAN_TAG_ENABLED", "ETHERNET_VLAN_TAG_DISABLED", "IF_ADMIN_UP", "IF_UP", "IF_ADMIN_DOWN", "IF_DOWN",
		},
		also: []string{"IPV4_MADDR_ADD", "IPV4_MCAST_JOIN", "IPV4_MADDR_DEL", "IPV4_MCAST_LEAVE"},
	},
}

// roomy holds the events of any cause, in any profile.
const roomy = "CONFIG_NET_MGMT_EVENT_QUEUE_SIZE=64"

func init() {
	for _, c := range causes {
		names := slices.Compact(slices.Sorted(slices.Values(c.events)))
		claims := check.Proves("ZEPHYR:MG-1", mutate.Twice(names[0]))
		for _, name := range names {
			claims = claims.And("ZEPHYR:EV-"+name, mutate.Mute(name))
		}
		claims = claims.Needs(target.Events, target.Interfaces).Needs(c.needs...).Configured(roomy).Configured(c.config...)
		suite.It("mgmt.event."+c.id, c.title+": each of its events is raised once", claims, func(p *probe.P) {
			lan := p.IPv4()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(), probe.For())
			if c.prepare != nil {
				c.prepare(lan)
			}
			l := listen(p)
			c.do(lan)
			p.Wait(time.Second)
			got := l.events()
			for _, name := range names {
				want := 0
				for _, e := range c.events {
					if e == name {
						want++
					}
				}
				p.That("ZEPHYR:EV-"+name, "how often "+name+" is raised", count(got, name), gomega.Equal(want))
			}
			rest := slices.DeleteFunc(probe.Names(got), func(name string) bool { return slices.Contains(c.also, name) })
			p.That("ZEPHYR:MG-1", "all that is raised", rest, gomega.ConsistOf(c.events))
		})
	}
}
