package reference

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/config"
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
func (w *world) addIPv6(n int, needs func(target.Feature) bool) error {
	l := w.links[n]
	l.net.Give6(n)
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
	if needs(target.Gateway) && n == 0 {
		w.node.AddRoute(netip.MustParsePrefix("::/0"), l.net.Testers[0].LinkLocal, l.iface)
	}
	if needs(target.Advertises) {
		return w.node.Advertise(l.iface, nd.Advertisement{})
	}
	return nil
}

// addresses6 are those of IPv6 that an interface has, by their states.
func addresses6(n *stack.Node, i *stack.Interface) map[netip.Addr]string {
	states := map[netip.Addr]string{}
	for _, a := range n.Addresses6(i) {
		state := "preferred"
		switch {
		case a.Tentative:
			state = "tentative"
		case a.Deprecated:
			state = "deprecated"
		}
		states[a.Prefix.Addr()] = state
	}
	return states
}
