package gvisor

import (
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

// protocol6 is IPv6 as a check needs it. It tells routes of what routers advertise.
func protocol6(needs func(target.Feature) bool, routes *routes) stack.NetworkProtocolFactory {
	ndp := ipv6.DefaultNDPConfigurations()
	ndp.MaxRtrSolicitations = 0
	o := ipv6.Options{NDPConfigs: ndp, NDPDisp: routes, AutoGenLinkLocal: true, MLD: ipv6.MLDOptions{Enabled: needs(target.Multicast6)}}
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
	}, stack.AddressProperties{})
}

// setUp6 gives all links addresses of IPv6, and makes the routes that go with them.
func (w *world) setUp6(place *target.Net, needs func(target.Feature) bool) error {
	for n, l := range w.links {
		if place == nil || n > 0 {
			l.net.Give6(n)
		}
		if err := w.attach6(l); err != nil {
			return fmt.Errorf("link %d of the new stack, IPv6: %s", n, err)
		}
		for _, in := range []netip.Prefix{l.net.Prefix6, netip.MustParsePrefix("fe80::/64"), netip.MustParsePrefix("ff00::/8")} {
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
