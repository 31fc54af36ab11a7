package mgmt

import "github.com/conform-stack/conform/stack/event"

// Requests about an interface of IEEE 802.15.4, in Zephyr's order. EOPNOTSUPP is for another one, EBUSY while a scan or an
// association is under way, ENETDOWN while it is down. Scans and associations are begun by their requests: what comes of
// them is told as events.
const (
	SetAck              event.Code = ieee802154Requests + 1 + iota // no data: data frames ask for acknowledgements
	UnsetAck                                                       // no data: they do not
	PassiveScan                                                    // ieee802154.Scan; whether it is Active is not looked at
	ActiveScan                                                     // likewise
	CancelScan                                                     // no data; ENOENT when there is none
	Associate                                                      // ieee802154.Association
	Disassociate                                                   // no data; ENOTCONN when the station is not associated
	SetChannel                                                     // int
	GetChannel                                                     // *int
	SetPANID                                                       // uint16
	GetPANID                                                       // *uint16
	SetExtAddr                                                     // link.Addr, of 8 octets; EACCES while the interface is up
	GetExtAddr                                                     // *link.Addr
	SetShortAddr                                                   // uint16; EBUSY when the coordinator has given one
	GetShortAddr                                                   // *uint16
	GetTxPower                                                     // *int, in dBm
	SetTxPower                                                     // int
	SetSecuritySettings                                            // ieee802154.Security; EOPNOTSUPP when it is configured off
	GetSecuritySettings                                            // *ieee802154.Security
)

// StartCoordinator has no number in Zephyr, which is no coordinator: the station becomes one. ieee802154.Network.
const StartCoordinator event.Code = ieee802154Requests + 0x100

const ieee802154Requests = event.Code(1)<<30 | event.L2<<28 | event.GroupIEEE802154<<16
