package gvisor

import (
	"fmt"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/loopback"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

const loopbackNIC tcpip.NICID = 100

// addLoopback makes the device that every host has, with its addresses (RFC 1122, 3.2.1.3; RFC 4291, 2.5.3).
func (w *world) addLoopback(of6 bool) error {
	if err := w.stack.CreateNICWithOptions(loopbackNIC, loopback.New(), stack.NICOptions{Name: "lo"}); err != nil {
		return fmt.Errorf("the loopback device: %s", err)
	}
	addresses := []tcpip.ProtocolAddress{
		{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: tcpip.AddressWithPrefix{Address: header.IPv4Loopback, PrefixLen: 8}},
	}
	if of6 {
		addresses = append(addresses, tcpip.ProtocolAddress{
			Protocol: ipv6.ProtocolNumber, AddressWithPrefix: tcpip.AddressWithPrefix{Address: header.IPv6Loopback, PrefixLen: 128},
		})
	}
	for _, a := range addresses {
		if err := w.stack.AddProtocolAddress(loopbackNIC, a, stack.AddressProperties{}); err != nil {
			return fmt.Errorf("the loopback address %s: %s", a.AddressWithPrefix, err)
		}
		w.routes.fixed = append(w.routes.fixed, tcpip.Route{Destination: a.AddressWithPrefix.Subnet(), NIC: loopbackNIC})
	}
	return nil
}
