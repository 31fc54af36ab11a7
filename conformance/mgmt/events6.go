package mgmt

import (
	"net/netip"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var (
	more6       = netip.MustParsePrefix("2001:db8::77/64")
	group6      = netip.MustParseAddr("ff05::77")
	everywhere6 = netip.MustParsePrefix("2001:db8:77::/48")
	advertised  = netip.MustParsePrefix("2001:db8:88::/64")
)

// A cause6 is something that happens to a target with IPv6: it raises at least these events, each as often as it stands
// here. Others come with them (the groups of an address, neighbours that are met), so that they are no subject.
type cause6 struct {
	id, title string
	needs     []target.Feature
	config    []string
	do        func(*probe.Tester)
	events    []string
}

var causes6 = []cause6{
	{
		id: "address", title: "an address of IPv6 is added, and removed", needs: []target.Feature{target.Management6},
		do:     func(t *probe.Tester) { t.AddAddress(more6); t.Wait(time.Minute); t.RemoveAddress(more6.Addr()) },
		events: []string{"IPV6_ADDR_ADD", "IPV6_ADDR_DEL", "IPV6_MADDR_ADD", "IPV6_MADDR_DEL"},
	},
	{
		id: "unique", title: "an address of IPv6 is found to be unique", needs: []target.Feature{target.Management6, target.DAD},
		do:     func(t *probe.Tester) { t.AddAddress(more6); t.Wait(time.Minute) },
		events: []string{"IPV6_ADDR_ADD", "IPV6_DAD_SUCCEED"},
	},
	{
		id: "duplicate", title: "an address of IPv6 is found to be a duplicate", needs: []target.Feature{target.Management6, target.DAD},
		do: func(t *probe.Tester) {
			t.Owns(more6.Addr())
			t.AddAddress(more6)
			t.Wait(time.Minute)
		},
		events: []string{"IPV6_ADDR_ADD", "IPV6_DAD_FAILED"},
	},
	{
		id: "group", title: "a group of IPv6 is joined and left", needs: []target.Feature{target.Agent, target.Multicast6},
		do: func(t *probe.Tester) {
			s := t.UDP(4001)
			if err := s.Join(group6); err != nil {
				t.Inconclusive("the target does not join %s: %v", group6, err)
			}
			t.Wait(time.Minute)
			_ = s.Close()
			t.Wait(time.Second)
		},
		events: []string{"IPV6_MADDR_ADD", "IPV6_MCAST_JOIN", "IPV6_MADDR_DEL", "IPV6_MCAST_LEAVE"},
	},
	{
		id: "router", title: "a router advertises itself and a prefix, and both expire", needs: []target.Feature{target.SLAAC},
		do: func(t *probe.Tester) {
			r := t.Router(ndp.Lifetime.Is(1800))
			r.Advertise(r.Prefixes(ndp.Advertised(advertised)), ndp.Lifetime.Is(1800))
			t.Wait(60 * 24 * time.Hour)
		},
		events: []string{"IPV6_ROUTER_ADD", "IPV6_PREFIX_ADD", "IPV6_ADDR_ADD", "IPV6_ADDR_DEPRECATED", "IPV6_ROUTER_DEL", "IPV6_PREFIX_DEL", "IPV6_ADDR_DEL"},
	},
	{
		id: "route", title: "a route of IPv6 is added and removed", needs: []target.Feature{target.Interfaces},
		do: func(t *probe.Tester) {
			_ = route(t, agent.AddRoute, everywhere6)
			_ = route(t, agent.DelRoute, everywhere6)
		},
		events: []string{"IPV6_ROUTE_ADD", "IPV6_ROUTE_DEL"},
	},
	{
		id: "neighbour", title: "a neighbour is met, and forgotten when the interface goes down", needs: []target.Feature{target.Interfaces},
		do:     func(t *probe.Tester) { t.Ping(probe.For()); t.Wait(time.Second); t.LinkDown() },
		events: []string{"IPV6_NBR_ADD", "IPV6_NBR_DEL"},
	},
	{
		id: "path", title: "a path of IPv6 becomes narrow", needs: []target.Feature{target.Agent}, config: []string{"CONFIG_NET_IPV6_PMTU=y"},
		do: func(t *probe.Tester) {
			_ = t.UDP(0).SendTo(make([]byte, 1400), netip.AddrPortFrom(t.IP(), 9))
			f := t.Expect(udp.Datagram(udp.DstPort.Is(9)), probe.For())
			for range 2 { // which is nothing new the second time
				t.Send(icmpv6.PacketTooBig(icmpv6.MTU.Is(1300)).Then(icmpv6.About(f)))
				t.Wait(time.Second)
			}
		},
		events: []string{"IPV6_PMTU_CHANGED"},
	},
}

func init() {
	for _, c := range causes6 {
		names := slices.Sorted(slices.Values(c.events))
		claims := check.Proves("ZEPHYR:MG-1", mutate.Twice(names[0]))
		for _, name := range names {
			claims = claims.And("ZEPHYR:EV-"+name, mutate.Mute(name))
		}
		claims = claims.Needs(target.Events, target.IPv6).Needs(c.needs...).Configured(roomy, "CONFIG_NET_IF_UNICAST_IPV6_ADDR_COUNT=8", "CONFIG_NET_IF_MCAST_IPV6_ADDR_COUNT=16").Configured(c.config...)
		suite.It("mgmt.event6."+c.id, c.title+": each of its events is raised once", claims, func(p *probe.P) {
			host := p.IPv6()
			p.Wait(10 * time.Second) // for what the target does at its start
			l := listen(p)
			c.do(host)
			p.Wait(time.Second)
			got := l.events()
			for _, name := range names {
				p.That("ZEPHYR:EV-"+name, "how often "+name+" is raised", count(got, name), gomega.Equal(1))
				p.That("ZEPHYR:MG-1", "how often "+name+" is raised", count(got, name), gomega.Equal(1))
			}
		})
	}
}
