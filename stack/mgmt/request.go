package mgmt

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// Requests for statistics, in Zephyr's order. Each fills in what data points to: the type of netstats that is named
// behind it. About nil, they are the node's. GetEthernet is about an Ethernet interface. Reset takes no data and sets
// the counters of the interface, or of the node and all its interfaces, to zero.
const (
	GetAll             event.Code = statsRequests + 1 + iota // *netstats.Counters
	GetProcessingError                                       // *uint64
	GetBytes                                                 // *netstats.Bytes
	GetIPErrors                                              // *netstats.IPErrors
	GetIPv4                                                  // *netstats.IP
	GetIPv6                                                  // *netstats.IP
	GetIPv6ND                                                // *netstats.Messages
	GetIPv6PMTU                                              // *netstats.Messages
	GetIPv4PMTU                                              // *netstats.Messages
	GetICMP                                                  // *netstats.ICMP
	GetUDP                                                   // *netstats.UDP
	GetTCP                                                   // *netstats.TCP
	GetEthernet                                              // *netstats.Eth
	GetPPP                                                   // nobody answers: there is no PPP
	GetPM                                                    // likewise: nothing is suspended
	GetWiFi                                                  // likewise
	ResetWiFi                                                // likewise
	Reset
)

// Requests about an interface. They have no number in Zephyr, which has functions for them.
const (
	SetUp      event.Code = ifaceRequests + 1 + iota // bool: wanted up or not; EALREADY when it is so
	GetState                                         // *iface.State
	SetDormant                                       // bool
)

// Requests about an Ethernet interface, or a VLAN on one. EOPNOTSUPP is for another one.
const (
	SetMAC         event.Code = ethernetRequests + 1 + iota // ethernet.MAC, of a station; EACCES while it is up
	GetMAC                                                  // *ethernet.MAC
	SetPromiscuous                                          // bool; EALREADY when it is so
	GetPromiscuous                                          // *bool
	SetCarrier                                              // bool: as if the medium came or went
	GetCarrier                                              // *bool
)

// Requests about VLANs on an Ethernet interface.
const (
	EnableVLAN  event.Code = vlanRequests + 1 + iota // *VLAN: Tag is read, and Index set to the new interface's; EALREADY
	DisableVLAN                                      // *VLAN: Tag is read; ENODEV when it has none
)

// Requests about addresses and routes.
const (
	AddAddress    event.Code = addressRequests + 1 + iota // netip.Prefix: an address, with the length of its subnet
	RemoveAddress                                         // netip.Addr; EADDRNOTAVAIL when it is not there
	AddRoute                                              // Route
	RemoveRoute                                           // Route; ENXIO when it is not there
)

const (
	statsRequests    = event.Code(1)<<30 | event.L3<<28 | event.GroupStats<<16
	ifaceRequests    = event.Code(1)<<30 | event.L2<<28 | event.GroupIface<<16
	ethernetRequests = event.Code(1)<<30 | event.L2<<28 | event.GroupEthernet<<16
	vlanRequests     = event.Code(1)<<30 | event.L2<<28 | event.GroupVLAN<<16
	addressRequests  = event.Code(1)<<30 | event.L3<<28 | event.GroupIPv4<<16
)

// A VLAN is a tag and the interface that has it.
type VLAN struct {
	Tag   uint16
	Index int
}

// A Route leads to a prefix by a gateway; without one the destinations are neighbours.
type Route struct {
	Prefix  netip.Prefix
	Gateway netip.Addr
}

// MAC is the address of an Ethernet station, as requests take it.
type MAC = ethernet.MAC
