// Package target says what the harness asks of a network stack under test.
//
// A Target makes worlds. A World is the target as one check sees it: a link that carries frames, addresses, a clock,
// perhaps an agent. Nobody else is in it: the reference is a fresh node, Linux a fresh network namespace; a target of
// which there is one gives each world a tester with addresses of its own.
//
// Time passes in one place, World.Next. Sending takes none, and neither does starting an operation of the agent.
package target

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/agent"
)

// LinkType is the capture link type (LINKTYPE_ of the pcap registry) of the frames on a link.
type LinkType uint16

const (
	Ethernet        LinkType = 1
	IEEE802154      LinkType = 195 // with FCS
	IEEE802154NoFCS LinkType = 230
	IEEE802154TAP   LinkType = 283 // behind a header of type-length-value fields
)

func (t LinkType) String() string {
	switch t {
	case Ethernet:
		return "ethernet"
	case IEEE802154, IEEE802154NoFCS, IEEE802154TAP:
		return "ieee802154"
	}
	return "unknown link type"
}

// A Target is a stack under test.
type Target interface {
	Info() Info
	// New makes a world of its own for one run of one check. Spec.Needs holds only features that Info declares.
	New(ctx context.Context, spec Spec) (World, error)
	// Close releases what the worlds shared.
	Close() error
}

// Spec is what a check asks of its world.
type Spec struct {
	Check string    // its id, for messages
	Seed  uint64    // every random choice of the world follows from it
	Link  LinkType  // of the first link; one of Info.Links
	Needs []Feature // what the check declared
	// Config is what the check wants the stack configured to: lines of Kconfig such as CONFIG_NET_TC_RX_COUNT=4. It takes
	// the feature Kconfig.
	Config []string
	// BitRate is that of the first link, in both directions, in bits a second; 0 means the target's own, on a virtual one
	// infinite. It takes the feature LinkRate.
	BitRate int64
	// Security is how frames of IEEE 802.15.4 are to be secured; nil: as the target likes. Its keys are the target's own
	// choice. It takes the feature Securing.
	Security *Security
	// Strangers wants testers of which the target has not heard. Where there are none left, New fails with ErrKnown.
	Strangers bool
	// Place is the first link as the target finds it: who it is there, who else is, and the subnets. Nil means a link of
	// the target's own choice. It takes the feature Placed.
	Place *Net
}

// A Feature is something that a target may have and a check may need. Features are declared, never guessed.
type Feature string

const (
	Agent      Feature = "agent"          // sockets can be opened, used and closed
	Packets    Feature = "packet-sockets" // beside Agent: sockets of AF_PACKET, which see and send whole frames
	UDPEcho    Feature = "udp-echo"       // a UDP echo service runs, or the agent can be one
	Forwarding Feature = "forwarding"     // the target can be a router between two links
	SecondLink Feature = "second-link"
	IPv6       Feature = "ipv6"
	SNAP       Feature = "rfc1042"    // RFC 1042 frames are received beside those of RFC 894
	Conflict   Feature = "ipv4-acd"   // RFC 5227 address conflict detection
	LinkLocal4 Feature = "ipv4-ll"    // RFC 3927
	Multicast4 Feature = "igmp"       // the target is an IGMP host
	Management Feature = "management" // addresses and interfaces can be changed through the agent
	Kconfig    Feature = "kconfig"    // worlds can be configured by lines of Kconfig, with Zephyr's names
	Gateway    Feature = "gateway"    // the target's default route goes by the first tester of the first link
	LinkRate   Feature = "link-rate"  // the first link can be made slow, so that queues fill
	Interfaces Feature = "interfaces" // state, addresses and carrier of the first link's interface, through the agent
	VLAN       Feature = "vlan"       // interfaces of IEEE 802.1Q tags, through the agent
	Statistics Feature = "statistics" // counters with Zephyr's names, through the agent
	Placed     Feature = "placed"     // the target can be given its addresses on the first link: it can be the peer of another target
	Days       Feature = "days"       // days of waiting cost nothing, for its clock is virtual
	Events     Feature = "events"     // events and requests of Zephyr's network management, through the agent
)

// Features of TCP that are off unless a check needs them, or may be.
const (
	WindowScale Feature = "tcp-window-scale"   // RFC 7323, 2
	Timestamps  Feature = "tcp-timestamps"     // RFC 7323, 3
	ECN         Feature = "ecn"                // RFC 3168: the target asks for it, and agrees to it
	FastOpen    Feature = "tcp-fast-open"      // RFC 7413, at both ends; a socket still has to ask for it
	SynCookies  Feature = "syn-cookies"        // RFC 4987, 3.6: what a backlog has no room for is answered by a cookie
	ZeroBuffer  Feature = "tcp-zero-buffer"    // a socket takes SO_RCVBUF=0 as it stands: its connections begin with a window of 0
	PLPMTUD     Feature = "plpmtud"            // RFC 4821: TCP finds the path MTU by itself; the target may be made to probe from the first segment on
	Doubts      Feature = "tcp-doubts-too-big" // RFC 5927, 7.2: a Packet Too Big against what was acknowledged waits until what it quotes times out
)

// Features of links of IEEE 802.15.4 with 6LoWPAN.
const (
	Contexts6     Feature = "6lowpan-contexts"       // the contexts of Net.Contexts are known from the beginning (RFC 6282, 3.1.2)
	HC1           Feature = "6lowpan-hc1"            // the compression of RFC 4944, section 10, is read
	GHC           Feature = "6lowpan-ghc"            // RFC 7400
	Recovers      Feature = "6lowpan-recovery"       // fragments are recovered, and what is for one station is sent in such (RFC 8931)
	MeshUnder     Feature = "6lowpan-mesh"           // frames of a link-layer mesh are forwarded (RFC 4944, section 11)
	MeshForwarder Feature = "6lowpan-mesh-forwarder" // the second tester is the target's default forwarder in such a mesh
	TrustElided   Feature = "6lowpan-elided"         // UDP datagrams without checksum are taken (RFC 6282, section 4.3.2)
	Secured       Feature = "ieee802154-secure"      // frames are secured, as Net.Security says
	Securing      Feature = "ieee802154-securing"    // beside Secured: the target takes any Spec.Security, has heard of no frame counters, and knows the testers' short addresses
	ShortAddress  Feature = "ieee802154-short"       // the target has a short address, too

	// Addresses are registered with routers (RFC 6775): the target is a host, beside SLAAC; a router that learns from a
	// border router, beside SLAAC; or the border router. One that knows RFC 8505 is asked to by a feature of its own.
	Registers    Feature = "6lowpan-nd"
	Registrar    Feature = "6lowpan-nd-router"
	BorderRouter Feature = "6lowpan-nd-border"
	Registers2   Feature = "6lowpan-nd-extended"
)

// Algorithms of TCP that a stack may do without. Their effects show on the wire, but not surely who caused them.
const (
	RACK      Feature = "rack-tlp"  // RFC 8985, on connections with SACK
	PRR       Feature = "prr"       // RFC 6937
	FRTO      Feature = "f-rto"     // RFC 5682
	CUBIC     Feature = "cubic"     // RFC 8312 or 9438, chosen by the socket option TCP_CONGESTION
	Validates Feature = "validates" // RFC 7661: windows that are not used are kept, and reduced after minutes
)

// Features of IPv6. A check that needs one needs IPv6, too. What it does not need is quiet: addresses are in use when the
// world begins and are not probed for, nobody asks for routers or reports groups, and nothing that the check did not
// cause comes from the target.
const (
	SLAAC       Feature = "slaac"                // the world begins without a global address, and asks for routers as it likes (RFC 4862)
	DAD         Feature = "dad"                  // addresses are probed for: the link-local one when the world begins, others when they come
	Multicast6  Feature = "mld"                  // the target is an MLD host
	Forwarding6 Feature = "ipv6-forwarding"      // the target can be a router of IPv6 between two links
	Advertises  Feature = "router-advertisement" // beside Forwarding6: it advertises itself on its links
	Management6 Feature = "ipv6-management"      // addresses of IPv6 and the interface can be changed through the agent
	StableIID   Feature = "stable-iid"           // interface identifiers by RFC 7217: the link-local address is not known before
	TempAddrs   Feature = "temporary-addresses"  // RFC 8981, beside SLAAC
	EnhancedDAD Feature = "enhanced-dad"         // RFC 7527, beside DAD
	Resolver    Feature = "resolver"             // what routers tell of DNS is kept, and told by the agent (RFC 8106)
	Ordering    Feature = "address-order"        // destinations are ordered, and the policy table is set, through the agent (RFC 6724)
	Mobile      Feature = "mobile-ipv6"          // beside Management6: an address may be the home address of a mobile node (RFC 6275)
	RouteInfo   Feature = "route-information"    // a host of type C: routes and preferences that routers advertise are used (RFC 4191)
	ErrorRate   Feature = "icmpv6-rate"          // ICMPv6 errors are limited as they are when nobody turns that off (RFC 4443, 2.4 (f))
)

// Info describes a target. It goes into the report.
type Info struct {
	Kind     string // reference, linux, tap, ...
	Name     string // as the user named it: linux:rfc
	Version  string
	Links    []LinkType
	Virtual  bool // its clock is virtual: waiting costs nothing, timers are exact
	Features []Feature
	Params   Params
	Settings []Setting // what was set on the target for the run, printed with the report
}

// Has tells whether the target declares a feature.
func (i Info) Has(f Feature) bool {
	for _, g := range i.Features {
		if g == f {
			return true
		}
	}
	return false
}

// A Setting is one line of the table of what a target was set to, such as a sysctl.
type Setting struct{ Name, Value, Why string }

// Params are timings and sizes that the RFCs leave to the stack. Zero means unknown: the check uses the RFC's bound.
type Params struct {
	ARPTimeout    time.Duration // how long an unused entry is trusted
	ARPRetry      time.Duration // between two requests for one address
	ARPRequests   int           // requests before giving up
	ReassemblyFor time.Duration // how long fragments are kept
	DefaultTTL    uint8
	SACKRoom      int // octets that a full segment of TCP leaves for blocks of SACK, where SACK was agreed on

	// Of IPv6, until a router says otherwise.
	Retrans        time.Duration // between two solicitations for a neighbour
	ReachableTime  time.Duration // the base of RFC 4861, 6.3.2
	Reassembly6For time.Duration // how long fragments are kept
	HopLimit       uint8
}

// A Host is one party on the link.
type Host struct {
	MAC       net.HardwareAddr // its link address; 0 to 8 octets
	ShortAddr net.HardwareAddr // a second, shorter one, where a link has such (IEEE 802.15.4); empty without
	IP4       netip.Addr
	IP6       netip.Addr // of global scope; the zero Addr without IPv6
	LinkLocal netip.Addr // of IPv6; the zero Addr without it
}

// Net is what a world looks like before the first frame.
type Net struct {
	Link    LinkType
	MTU     int // of the network layer
	Target  Host
	Testers []Host       // the tester may be any of them; at least one, most targets allow several
	Prefix4 netip.Prefix // the subnet of the link
	Prefix6 netip.Prefix
	Unused4 netip.Addr // an address of the subnet that nobody has
	Unused6 netip.Addr // the same of IPv6; the zero Addr without it
	PAN     uint16     // identifier of an IEEE 802.15.4 network
	// Contexts are those that both sides of a 6LoWPAN have from the beginning.
	Contexts Contexts
	// Security is how frames of IEEE 802.15.4 are secured.
	Security Security
	Ifindex  int            // of the target's interface on the link: the zone of its link-local addresses; 0 is unknown
	Service  netip.AddrPort // the UDP echo service, if the target runs one; the zero value otherwise
}

// Contexts are the prefixes by which addresses are compressed on a 6LoWPAN (RFC 6282, section 3.1.2), by their
// identifiers; the zero Prefix is none.
type Contexts [16]netip.Prefix

// A World is one target, as one check sees it. It belongs to one goroutine.
type World interface {
	// Nets are the links between the harness and the target, which is a host on each; most targets have one. A second one
	// is there only for a check that needs it.
	Nets() []Net
	// Now is the time since the world was made.
	Now() time.Duration
	// Send puts a frame on a link, an index of Nets. It takes no time; the frame is the caller's again when Send returns.
	Send(link int, frame []byte) error
	// Next lets time pass until the target has sent a frame, an operation of the agent has ended, or until is reached,
	// which gives the zero Event. A past until asks only for what is there already.
	Next(until time.Duration) (Event, error)
	// Agent is nil on a target without one.
	Agent() agent.Agent
	// Close ends the world. It reports what the target lost or left behind.
	Close() error
}

// A Radio is a world with a link of IEEE 802.15.4, on which the testers' radio acknowledges by itself what asks for it.
type Radio interface {
	// Acknowledge says whether it does, on a link; it is false where that cannot be chosen.
	Acknowledge(link int, on bool) bool
}

// An Event is one thing that happened. Exactly one of Frame and Op is set; neither is at the deadline.
type Event struct {
	At    time.Duration
	Link  int       // that the frame was sent on, an index of Nets
	Frame []byte    // sent by the target; the receiver's to keep
	Op    *agent.Op // has ended
}

// ErrRunaway says that a virtual target used up its bound on events without time passing.
var ErrRunaway = errors.New("the target is busy without end: event bound reached")
