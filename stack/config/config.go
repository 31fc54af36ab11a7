// Package config says how a node behaves where the RFCs leave it a choice: timings, sizes, what is on.
//
// A Config is a plain struct. Zero in a field means the profile's value; of two profiles, rfc, the default, is what the
// RFCs say, and zephyr what Zephyr does by default. A negative value means none or off, where a field says that it has
// such a meaning. The struct is only read: Resolve gives a copy in which nothing is left open, or all that is wrong
// with it at once.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

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

	TCP  TCP
	IPv6 IPv6

	TimeOfDay time.Duration // since midnight UT, when the node's loop stood at 0; timestamps are made of it

	// Sockets.
	Sockets      int // open at a time
	SocketBuffer int // octets that a socket keeps until they are read
}

// A limit is the range of a number in a Config.
type limit struct {
	name     string
	get      func(*Config) int64
	min, max int64
}

var limits = []limit{ // never written
	{"RxPackets", func(c *Config) int64 { return int64(c.RxPackets) }, 1, 1 << 20},
	{"TxPackets", func(c *Config) int64 { return int64(c.TxPackets) }, 1, 1 << 20},
	{"RxBuffers", func(c *Config) int64 { return int64(c.RxBuffers) }, 1, 1 << 24},
	{"TxBuffers", func(c *Config) int64 { return int64(c.TxBuffers) }, 1, 1 << 24},
	{"BufferSize", func(c *Config) int64 { return int64(c.BufferSize) }, 1, 65535},
	{"RxClasses", func(c *Config) int64 { return int64(c.RxClasses) }, -1, 8},
	{"TxClasses", func(c *Config) int64 { return int64(c.TxClasses) }, -1, 8},
	{"QueueSlots", func(c *Config) int64 { return int64(c.QueueSlots) }, -1, 1 << 20},
	{"NeighEntries", func(c *Config) int64 { return int64(c.NeighEntries) }, 1, 1 << 20},
	{"NeighPending", func(c *Config) int64 { return int64(c.NeighPending) }, 1, 1 << 20},
	{"NeighReachable", func(c *Config) int64 { return int64(c.NeighReachable) }, 1, 1 << 62},
	{"NeighDelay", func(c *Config) int64 { return int64(c.NeighDelay) }, 1, 1 << 62},
	{"NeighRetry", func(c *Config) int64 { return int64(c.NeighRetry) }, 1, 1 << 62},
	{"NeighRequests", func(c *Config) int64 { return int64(c.NeighRequests) }, 1, 100},
	{"DefaultTTL", func(c *Config) int64 { return int64(c.DefaultTTL) }, 1, 255},
	{"MulticastTTL", func(c *Config) int64 { return int64(c.MulticastTTL) }, 1, 255},
	{"Reassemblies", func(c *Config) int64 { return int64(c.Reassemblies) }, 1, 1 << 16},
	{"ReassemblyBytes", func(c *Config) int64 { return int64(c.ReassemblyBytes) }, 576, 1 << 30},
	{"ReassemblyTime", func(c *Config) int64 { return int64(c.ReassemblyTime) }, 1, 1 << 62},
	{"PathMTUEntries", func(c *Config) int64 { return int64(c.PathMTUEntries) }, 1, 1 << 20},
	{"ICMPBurst", func(c *Config) int64 { return int64(c.ICMPBurst) }, 1, 1 << 30},
	{"IGMPVersion", func(c *Config) int64 { return int64(c.IGMPVersion) }, 1, 3},
	{"Sockets", func(c *Config) int64 { return int64(c.Sockets) }, 1, 1 << 20},
	{"SocketBuffer", func(c *Config) int64 { return int64(c.SocketBuffer) }, 1, 1 << 30},
}

// Resolve gives the configuration with the profile's values in place of zeros. The error names every field that is out
// of its range, or is nil.
func (c Config) Resolve() (Config, error) {
	c.Profile = cmp.Or(c.Profile, RFC)
	var d Config
	switch c.Profile {
	case RFC:
		d = rfc()
	case Zephyr:
		d = zephyr()
	default:
		return c, fmt.Errorf("config: profile is %q; it takes rfc or zephyr", c.Profile)
	}
	fill(&c, d)
	var errs []error
	for _, limits := range [][]limit{limits, dataLimits, tcpLimits, ipv6Limits} {
		for _, l := range limits {
			if v := l.get(&c); v < l.min || v > l.max {
				errs = append(errs, fmt.Errorf("config: %s is %d; it takes %d to %d", l.name, v, l.min, l.max))
			}
		}
	}
	return c, errors.Join(append(errs, c.checkData()...)...)
}
