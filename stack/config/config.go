// Package config says how a node behaves where the RFCs leave it a choice: timings, sizes, what is on.
//
// There are two ways to say it, and one table (symbols_*.go) behind both.
//
// For programs, a Config is a plain struct. Zero in a field means the profile's value; a negative value means none or
// off, where a field says that it has such a meaning. The struct is only read: Resolve gives a copy in which nothing is
// left open, or all that is wrong with it at once.
//
// For people, symbols carry the names that they have in Zephyr's Kconfig, and CONFIG_CONFORM_* where Zephyr has none.
// Fragments (fragment.go) set them; in a fragment 0 is a number like any other. Load puts fragments over a Config and
// refuses what is unknown, out of range, or lacks what it needs; Text writes a Config as a fragment.
//
// A profile is a fragment, too, below all others and above the table's defaults, which are Zephyr's: rfc.conf, the
// default, is what the RFCs say, zephyr.conf what an Ethernet board on Zephyr sets.
//
// A new field takes a symbol in the table, and a line in rfc.conf where the RFCs want another value than Zephyr. A test
// names the fields that have no symbol.
package config

import "time"

// A Profile is a set of defaults.
type Profile string

const (
	RFC    Profile = "rfc"
	Zephyr Profile = "zephyr"
)

// A Switch is on, off, or as the profile says.
type Switch int8

const (
	Default Switch = 0
	On      Switch = 1
	Off     Switch = -1
)

// On tells whether the switch is on. A resolved Config has no switch left at Default.
func (s Switch) On() bool { return s == On }

// Config configures a node.
type Config struct {
	Profile Profile // "" means rfc
	Seed    uint64  // every random choice of the node follows from it; 0 is a seed like any other
	Have    Have    // which protocols there are

	// Packets.
	RxPackets, TxPackets int // packets in use at a time, for each direction
	RxBuffers, TxBuffers int // buffers charged at a time, for each direction
	BufferSize           int // octets a buffer

	// Queues of an interface.
	RxClasses, TxClasses int           // traffic classes, 1 to 8; negative: none, so that packets are not queued by class
	QueueSlots           int           // packets that one class holds; negative: those of the pool, divided among the classes
	Data                 DataPath      // what else there is to say of them
	PacketCost           time.Duration // processing time of a received packet, in virtual time; negative: none

	// Neighbours. ARP speaks of requests where RFC 4861 speaks of solicitations.
	NeighEntries    int           // addresses known at a time on an interface
	NeighPending    int           // packets that wait for one address; the oldest gives way
	NeighReachable  time.Duration // how long an address is trusted after it was confirmed
	NeighDelay      time.Duration // from the use of a doubtful address to the first probe (DELAY_FIRST_PROBE_TIME)
	NeighRetry      time.Duration // between two requests for one address
	NeighRequests   int           // broadcast requests before giving up, and unicast ones
	GratuitousARP   Switch        // announce an address when it is added
	ConflictDetect  Switch        // RFC 5227: probe before an address is used, and defend it
	LinkLocal4      Switch        // RFC 3927: an interface without address gives itself one of 169.254/16
	AcceptMismatch  Switch        // accept link broadcasts with a unicast destination, against RFC 1122, 3.3.6
	EchoBroadcast   Switch        // answer echo requests to broadcast and multicast addresses (RFC 1122, 3.2.2.6)
	DefaultTTL      int           // of datagrams, 1 to 255
	MulticastTTL    int           // of datagrams to groups, unless the socket says otherwise
	MulticastLoop   Switch        // deliver datagrams to a group to members on this host as well
	IPOptions       Switch        // act on record route and timestamp in echoes
	Forwarding      Switch        // be a router (RFC 1812)
	Fragmentation   Switch        // fragment and reassemble
	Reassemblies    int           // datagrams in reassembly at a time; the oldest gives way
	ReassemblyBytes int           // memory for them together
	ReassemblyParts int           // fragments of one of them, beyond which it is given up; negative: not limited
	ReassemblyTime  time.Duration // how long fragments are kept (RFC 1122, 3.3.2)
	PathMTU         Switch        // RFC 1191
	PathMTUEntries  int           // destinations whose path MTU is kept
	PathMTUAge      time.Duration // after which a lowered path MTU is forgotten; negative: never
	IDLifetime      time.Duration // within which no identification is used again (RFC 6864, 4.3); negative: not limited
	ICMPRate        int           // errors a second; negative: not limited
	ICMPBurst       int           // errors at once
	ICMPUnreachable Switch        // send Destination Unreachable
	Multicast4      Switch        // IGMP: report groups
	IGMPVersion     int           // 1 to 3, the highest that is spoken

	UDP          UDP
	TCP          TCP
	IPv6         IPv6
	IEEE802154   IEEE802154
	Registration Registration

	Lowpan Lowpan

	TimeOfDay time.Duration // since midnight UT, when the node's loop stood at 0; timestamps are made of it

	// Management.
	EventQueue   int    // events that wait to be delivered; the oldest gives way (NET_MGMT_EVENT_QUEUE_SIZE)
	EventsDirect Switch // deliver events within the call that raises them (NET_MGMT_EVENT_DIRECT)

	// Sockets.
	Sockets      int // open at a time
	PollMax      int // that poll and select take at a time
	SocketBuffer int // octets that a socket keeps until they are read
}
