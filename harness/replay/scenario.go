package replay

import (
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/target"
)

// A Scenario is a capture that can be replayed.
type Scenario struct {
	Name    string // of its file, without folder and extension
	Title   string
	Capture string // the capture's file, for messages
	Hosts   []Host
	Roles   []string // the hosts that the target plays, one after the other
	Flows   []Flow   // empty: everything between the hosts
	Sockets []Socket
	Assigns []Assignment
	Omit    []Omission
	Masks   []Mask
	Shows   []string   // requirements
	Assumed []string   // what was found out without a scenario file, a sentence each
	Unused  netip.Addr // an address of the capture that nobody has; the zero Addr for none

	packets []*captured
}

// A Host is a party in the capture.
type Host struct {
	Name string
	MAC  net.HardwareAddr // that its frames come from: a router's for a host behind one
	IP   netip.Addr
	// LinkLocal is its other address, of IPv6; the zero Addr when the scenario has nothing to do with it.
	LinkLocal netip.Addr
	Needs     []target.Feature // what a target has to have to play it
	// Behind is the router that the host is behind, with a link of its own; empty for a host on the link of the capture.
	// When the target plays the router, the host is on its second link.
	Behind string
	MTU    int // of the link behind the router; 0 when nothing depends on it
}

// has tells whether an address is the host's.
func (h Host) has(a netip.Addr) bool { return a.IsValid() && (h.IP == a || h.LinkLocal == a) }

// A Flow is messages of one kind between two hosts.
type Flow struct {
	Kind  string // the name of an aligner
	Hosts [2]string
}

// A Socket is opened on the target through the agent when it plays Host.
type Socket struct {
	Host  string
	Type  string // udp, tcp, or icmp for a raw one
	Port  uint16 // udp: the local port; 0 for a socket that sends nothing
	Sends []int  // the packets of the capture whose data it sends
	// Receives are the packets whose data it is to be given; udp.
	Receives []int
	// Of TCP: the packets for which it connects, begins to read, ends its stream and aborts; 0 for none. A socket that does
	// not connect listens. Each of Sends is the first of what it writes up to the next of them.
	Connects, Reads, Closes, Aborts int
	// Joins and Leaves are what it does to the memberships of the host.
	Joins, Leaves []Membership
}

// A Membership is a group that a socket joins or leaves, and the packets that report it: the first comes because of it,
// the others repeat that.
type Membership struct {
	Group   netip.Addr
	Packets []int
}

// An Omission leaves packets of the capture out.
type Omission struct {
	First, Last int
	Role        string // only when the target plays it; empty for all roles
	Why         string
}

// A Mask leaves a field out of the comparison.
type Mask struct {
	Field string // with its protocol: "ICMP code"
	Role  string // only when the target plays it; empty for all roles
	Why   string
}

// host gives the host of that name.
func (s *Scenario) host(name string) (Host, bool) {
	for _, h := range s.Hosts {
		if h.Name == name {
			return h, true
		}
	}
	return Host{}, false
}

// omitted gives the reason for which a packet is left out in a role.
func (s *Scenario) omitted(number int, role string) (why string, ok bool) {
	for _, o := range s.Omit {
		if number >= o.First && number <= o.Last && (o.Role == "" || o.Role == role) {
			return o.Why, true
		}
	}
	return "", false
}

// masked tells whether a field is left out of the comparison in a role.
func (s *Scenario) masked(field, role string) bool {
	for _, m := range s.Masks {
		if m.Field == field && (m.Role == "" || m.Role == role) {
			return true
		}
	}
	return false
}
