package event

// The first command of each group of events; the others count from there.
const (
	ifaceEvents      = isEvent | onIface | L2<<28 | GroupIface<<16
	ethernetEvents   = isEvent | onIface | L2<<28 | GroupEthernet<<16
	ieee802154Events = isEvent | onIface | L2<<28 | GroupIEEE802154<<16
	ipv4Events       = isEvent | onIface | L3<<28 | GroupIPv4<<16
	ipv6Events       = isEvent | onIface | L3<<28 | GroupIPv6<<16
	l4Events         = isEvent | onIface | L4<<28 | GroupL4<<16
)

// Events of interfaces (RFC 2863): Up and Down tell of the operational state, the others of what an administrator wants.
const (
	IfaceDown Code = ifaceEvents + 1 + iota
	IfaceUp
	IfaceAdminDown
	IfaceAdminUp
	endIface
)

// Events of Ethernet. Those of a VLAN tell its Tag; their Iface is the one that carries it.
const (
	CarrierOn Code = ethernetEvents + 1 + iota
	CarrierOff
	VLANEnabled
	VLANDisabled
	endEthernet
)

// Events of IEEE 802.15.4. The first is Zephyr's, whose requests to scan and to associate return when they are done; the
// others tell how those ended.
const (
	IEEE802154ScanResult        Code = ieee802154Events + 1 + iota // Link: a coordinator; PAN
	IEEE802154ScanDone                                             //
	IEEE802154Associated                                           // Link: the coordinator; PAN
	IEEE802154AssociationFailed                                    // Link: the coordinator; PAN
	IEEE802154Disassociated                                        // Link: the coordinator; PAN
	endIEEE802154
)

// Events of IPv4. An address that was added may not be in use before it is known to be free.
const (
	IPv4AddrAdd     Code = ipv4Events + 1 + iota // Prefix: an address
	IPv4AddrDel                                  // Prefix
	IPv4MaddrAdd                                 // Addr: a group was added to the interface
	IPv4MaddrDel                                 // Addr
	IPv4RouterAdd                                // Addr: a default router
	IPv4RouterDel                                // Addr
	IPv4DHCPStart                                // the client began
	IPv4DHCPBound                                // Prefix
	IPv4DHCPStop                                 //
	IPv4McastJoin                                // Addr: the group was joined, and reported if groups are
	IPv4McastLeave                               // Addr
	IPv4ACDSucceed                               // Prefix: nobody else has the address (RFC 5227)
	IPv4ACDFailed                                // Prefix, Link: somebody has it, and it was never used here
	IPv4ACDConflict                              // Prefix, Link: it was in use here, and is given up
	IPv4PMTUChanged                              // Addr, MTU
	endIPv4
)

// Events of IPv6. Those of addresses, and of deprecation, are raised for both families by package stack, which sees all
// addresses of an interface change; the others are for who knows them.
const (
	IPv6AddrAdd          Code = ipv6Events + 1 + iota // Prefix
	IPv6AddrDel                                       // Prefix
	IPv6MaddrAdd                                      // Addr
	IPv6MaddrDel                                      // Addr
	IPv6PrefixAdd                                     // Prefix, Lifetime
	IPv6PrefixDel                                     // Prefix
	IPv6McastJoin                                     // Addr
	IPv6McastLeave                                    // Addr
	IPv6RouterAdd                                     // Addr, Lifetime
	IPv6RouterDel                                     // Addr
	IPv6RouteAdd                                      // Prefix; Addr: by which router
	IPv6RouteDel                                      // Prefix, Addr
	IPv6DADSucceed                                    // Prefix: nobody else has the address (RFC 4862, 5.4)
	IPv6DADFailed                                     // Prefix
	IPv6NbrAdd                                        // Addr, Link
	IPv6NbrDel                                        // Addr, Link
	IPv6DHCPStart                                     //
	IPv6DHCPBound                                     // Prefix
	IPv6DHCPStop                                      //
	IPv6AddrDeprecated                                // Prefix (RFC 4862, 5.5.4)
	IPv6PrivacyEnabled                                // RFC 8981
	IPv6PrivacyDisabled                               //
	IPv6PrivacyFilterAdd                              // Prefix
	IPv6PrivacyFilterDel                              // Prefix
	IPv6PMTUChanged                                   // Addr, MTU
	endIPv6
)

// Events of what is above IP. The node is connected while an interface, other than the loopback, is up and has an
// address that reaches beyond its link.
const (
	Connected    Code = l4Events + 1 + iota // Iface: the first that is
	Disconnected                            // Iface: the last that was
	DNSServerAdd                            // Addr
	DNSServerDel                            // Addr
	HostnameChanged
	CaptureStarted
	CaptureStopped
	endL4
)

// groups has the names of events, by group in order of commands.
var groups = []struct { // never written
	first, end Code
	names      []string
}{
	{ifaceEvents + 1, endIface, []string{"IF_DOWN", "IF_UP", "IF_ADMIN_DOWN", "IF_ADMIN_UP"}},
	{ethernetEvents + 1, endEthernet, []string{
		"ETHERNET_CARRIER_ON", "ETHERNET_CARRIER_OFF", "ETHERNET_VLAN_TAG_ENABLED", "ETHERNET_VLAN_TAG_DISABLED",
	}},
	{ieee802154Events + 1, endIEEE802154, []string{
		"IEEE802154_SCAN_RESULT", "IEEE802154_SCAN_DONE", "IEEE802154_ASSOCIATED", "IEEE802154_ASSOCIATION_FAILED",
		"IEEE802154_DISASSOCIATED",
	}},
	{ipv4Events + 1, endIPv4, []string{
		"IPV4_ADDR_ADD", "IPV4_ADDR_DEL", "IPV4_MADDR_ADD", "IPV4_MADDR_DEL", "IPV4_ROUTER_ADD", "IPV4_ROUTER_DEL",
		"IPV4_DHCP_START", "IPV4_DHCP_BOUND", "IPV4_DHCP_STOP", "IPV4_MCAST_JOIN", "IPV4_MCAST_LEAVE",
		"IPV4_ACD_SUCCEED", "IPV4_ACD_FAILED", "IPV4_ACD_CONFLICT", "IPV4_PMTU_CHANGED",
	}},
	{ipv6Events + 1, endIPv6, []string{
		"IPV6_ADDR_ADD", "IPV6_ADDR_DEL", "IPV6_MADDR_ADD", "IPV6_MADDR_DEL", "IPV6_PREFIX_ADD", "IPV6_PREFIX_DEL",
		"IPV6_MCAST_JOIN", "IPV6_MCAST_LEAVE", "IPV6_ROUTER_ADD", "IPV6_ROUTER_DEL", "IPV6_ROUTE_ADD", "IPV6_ROUTE_DEL",
		"IPV6_DAD_SUCCEED", "IPV6_DAD_FAILED", "IPV6_NBR_ADD", "IPV6_NBR_DEL", "IPV6_DHCP_START", "IPV6_DHCP_BOUND",
		"IPV6_DHCP_STOP", "IPV6_ADDR_DEPRECATED", "IPV6_PE_ENABLED", "IPV6_PE_DISABLED", "IPV6_PE_FILTER_ADD",
		"IPV6_PE_FILTER_DEL", "IPV6_PMTU_CHANGED",
	}},
	{l4Events + 1, endL4, []string{
		"L4_CONNECTED", "L4_DISCONNECTED", "DNS_SERVER_ADD", "DNS_SERVER_DEL", "HOSTNAME_CHANGED", "CAPTURE_STARTED",
		"CAPTURE_STOPPED",
	}},
}

// name is Zephyr's, without its prefix; "" for a code that is no event's.
func (c Code) name() string {
	for _, g := range groups {
		if c >= g.first && c < g.end {
			return g.names[c-g.first]
		}
	}
	return ""
}

// All are the codes of all events there are.
func All() (all []Code) {
	for _, g := range groups {
		for c := g.first; c < g.end; c++ {
			all = append(all, c)
		}
	}
	return all
}
