package reference

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
)

// settle6 turns off what a check does not need of IPv6, and on what it needs. What the target's fragments say stays.
func settle6(c *config.Config, needs func(target.Feature) bool) {
	if c.IPv6.Enabled == config.Default && !needs(target.IPv6) {
		c.IPv6 = config.IPv6{Enabled: config.Off} // with all that a fragment says of it
		return
	}
	for _, s := range []struct {
		feature target.Feature
		to      *config.Switch
	}{
		{target.DAD, &c.IPv6.DAD},
		{target.EnhancedDAD, &c.IPv6.EnhancedDAD},
		{target.SLAAC, &c.IPv6.RouterSolicit},
		{target.Multicast6, &c.IPv6.MLD},
		{target.StableIID, &c.IPv6.StableIID},
		{target.TempAddrs, &c.IPv6.TempAddresses},
		{target.Forwarding6, &c.IPv6.Forwarding},
		{target.Advertises, &c.IPv6.RouterAdvertise},
	} {
		switch {
		case needs(s.feature):
			*s.to = config.On
		case *s.to == config.Default:
			*s.to = config.Off
		}
	}
	if c.IPv6.ICMPRate == 0 && !needs(target.ErrorRate) {
		c.IPv6.ICMPRate = -1
	}
}

// addIPv6 brings IPv6 up on the n-th link. A world of SLAAC has to find its address itself.
func (w *world) addIPv6(n int, place *target.Net, needs func(target.Feature) bool) error {
	l := w.links[n]
	if l.tester == nil && (place == nil || n > 0) {
		l.net.Give6(n)
	}
	ip := l.net.Target.IP6
	if needs(target.SLAAC) {
		l.net.Target.IP6 = netip.Addr{}
	}
	if needs(target.StableIID) {
		l.net.Target.LinkLocal = netip.Addr{}
	}
	if err := w.node.EnableIPv6(l.iface); err != nil {
		return err
	}
	if !needs(target.SLAAC) {
		if err := w.node.KeepAddress(l.iface, netip.PrefixFrom(ip, l.net.Prefix6.Bits())); err != nil {
			return err
		}
	}
	for _, a := range l.more {
		if err := w.node.KeepAddress(l.iface, netip.PrefixFrom(a, 128)); err != nil {
			return err
		}
	}
	// On a 6LoWPAN no prefix is on the link (RFC 6775, 5.4): all but link-local addresses are behind a router.
	lowpan := l.tester != nil && !needs(target.SLAAC)
	if (needs(target.Gateway) || lowpan) && n == 0 {
		w.node.AddRoute(netip.MustParsePrefix("::/0"), l.net.Testers[0].LinkLocal, l.iface)
	}
	if needs(target.Advertises) {
		return w.node.Advertise(l.iface, nd.Advertisement{})
	}
	return nil
}

// addresses6 are those of IPv6 that an interface has, by their states.
func addresses6(n *stack.Node, i *stack.Interface) map[netip.Addr]agent.Address {
	all := map[netip.Addr]agent.Address{}
	left := func(until time.Duration) time.Duration {
		if until == math.MaxInt64 {
			return -1
		}
		return max(0, until-n.Loop.Now())
	}
	for _, a := range n.Addresses6(i) {
		x := agent.Address{Addr: a.Prefix.Addr(), State: "preferred", Temporary: a.Temporary}
		switch {
		case a.Tentative:
			x.State = "tentative"
		case a.Deprecated:
			x.State = "deprecated"
		}
		x.Lifetimes = &agent.Lifetimes{Preferred: left(a.Preferred), Valid: left(a.Valid)}
		all[x.Addr] = x
	}
	return all
}

// added gives an interface an address, and makes it what a request wants it to be.
func (w *world) added(r agent.Request, i *stack.Interface, p netip.Prefix) error {
	if err := w.node.AddAddress(i, p); err != nil {
		return err
	}
	made := true
	switch r.Option {
	case "deprecated":
		made = w.node.SetLifetimes(i, p.Addr(), 0, -1)
	case "home":
		made = w.node.SetHome(i, p.Addr(), true)
	case "":
	default:
		made = false
	}
	if !made {
		return errno.EINVAL
	}
	return nil
}

// names serves the verbs of a resolver.
func (m *management) names(r agent.Request) (reply agent.Reply, ok bool) {
	n := m.world.node
	switch r.Do {
	case agent.Resolver:
		reply.Servers, reply.Domains = n.NameServers(), n.SearchList()
	case agent.Order:
		reply.Ordered = slices.Clone(r.Sources)
		n.SortDestinations(reply.Ordered)
	case agent.SetTable:
		var all []ipv6.Policy
		for _, p := range r.Policies {
			all = append(all, ipv6.Policy{Prefix: p.Prefix, Precedence: p.Precedence, Label: p.Label})
		}
		n.SetPolicies(all)
	default:
		return reply, false
	}
	return reply, true
}
