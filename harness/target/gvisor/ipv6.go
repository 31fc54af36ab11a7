package gvisor

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// protocol6 is IPv6 as a check needs it. It tells routes of what routers advertise. Routers are asked for in a world of SLAAC
// alone, as in those of other targets.
func protocol6(needs func(target.Feature) bool, routes *routes, seed uint64) stack.NetworkProtocolFactory {
	ndp := ipv6.DefaultNDPConfigurations()
	if !needs(target.SLAAC) {
		ndp.MaxRtrSolicitations = 0
	}
	ndp.AutoGenAddressConflictRetries = idgenRetries
	routes.temps = needs(target.TempAddrs)
	ndp.AutoGenTempGlobalAddresses = routes.temps
	ndp.MaxTempAddrValidLifetime, ndp.MaxTempAddrPreferredLifetime = tempValid, tempPreferred
	o := ipv6.Options{NDPConfigs: ndp, NDPDisp: routes, AutoGenLinkLocal: true, MLD: ipv6.MLDOptions{Enabled: needs(target.Multicast6)}}
	secret := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, seed), ^seed) // no world has that of another
	if routes.temps {
		o.TempIIDSeed = secret
	}
	if needs(target.StableIID) {
		o.OpaqueIIDOpts = ipv6.OpaqueInterfaceIdentifierOptions{
			NICNameFromID: func(id tcpip.NICID, _ string) string { return fmt.Sprintf("eth%d", id-1) }, SecretKey: secret,
		}
	}
	if needs(target.DAD) {
		o.DADConfigs = stack.DADConfigurations{DupAddrDetectTransmits: 1, RetransmitTimer: time.Second}
	}
	return ipv6.NewProtocolWithOptions(o)
}

// attach6 gives a device its global address. The stack has made the link-local one.
func (w *world) attach6(l *link) tcpip.Error {
	return w.stack.AddProtocolAddress(l.nic, tcpip.ProtocolAddress{
		Protocol: ipv6.ProtocolNumber,
		AddressWithPrefix: tcpip.AddressWithPrefix{
			Address: tcpip.AddrFrom16(l.net.Target.IP6.As16()), PrefixLen: l.net.Prefix6.Bits(),
		},
	}, stack.AddressProperties{Disp: w.addresses.hold(l.nic, tcpip.AddrFrom16(l.net.Target.IP6.As16()), false)})
}

// setUp6 gives all links addresses of IPv6, and makes the routes that go with them. A world of SLAAC has to find its own.
func (w *world) setUp6(place *target.Net, needs func(target.Feature) bool) error {
	for n, l := range w.links {
		if place == nil || n > 0 {
			l.net.Give6(n)
		}
		known := []netip.Prefix{netip.MustParsePrefix("fe80::/64"), netip.MustParsePrefix("ff00::/8")}
		if needs(target.StableIID) {
			l.net.Target.LinkLocal = netip.Addr{}
		}
		if needs(target.SLAAC) {
			l.net.Target.IP6 = netip.Addr{}
		} else {
			if err := w.attach6(l); err != nil {
				return fmt.Errorf("link %d of the new stack, IPv6: %s", n, err)
			}
			known = append(known, l.net.Prefix6)
		}
		for _, in := range known {
			to := tcpip.AddressWithPrefix{Address: tcpip.AddrFrom16(in.Addr().As16()), PrefixLen: in.Bits()}
			w.routes.fixed = append(w.routes.fixed, tcpip.Route{Destination: to.Subnet(), NIC: l.nic})
		}
	}
	if needs(target.Gateway) {
		first := w.links[0]
		w.routes.fixed = append(w.routes.fixed, tcpip.Route{
			Destination: header.IPv6EmptySubnet, NIC: first.nic, Gateway: tcpip.AddrFrom16(first.net.Testers[0].LinkLocal.As16()),
		})
	}
	if needs(target.Forwarding6) {
		if err := w.stack.SetForwardingDefaultAndAllNICs(ipv6.ProtocolNumber, true); err != nil {
			return fmt.Errorf("forwarding of IPv6 cannot be switched on: %s", err)
		}
	}
	return nil
}

// membership6 is a group of IPv6, on the device that Iface names.
func membership6(r agent.Request) (tcpip.MembershipOption, tcpip.Error) {
	if !r.Group.Is6() {
		return tcpip.MembershipOption{}, &tcpip.ErrInvalidOptionValue{}
	}
	return tcpip.MembershipOption{NIC: tcpip.NICID(r.Iface), MulticastAddr: tcpip.AddrFrom16(r.Group.As16())}, nil
}
