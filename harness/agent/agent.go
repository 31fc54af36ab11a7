// Package agent is the control channel to a target: it opens, uses and closes sockets there.
//
// A request starts an operation and returns at once; the operation ends when the socket call would have returned. A
// virtual target ends most operations inside Start, a live one later: the world reports each end as an event.
//
// Accept, dial on a stream, send, recv and poll may wait; several may wait on one socket, and those of one kind end in
// the order of their start. MSG_DONTWAIT makes one of them end with EAGAIN instead, on dial with EINPROGRESS. Send on a
// stream ends when all was taken, as a blocking send(2) does; when the connection breaks before, it gives what was taken,
// and the next call the error. A recv on a stream that meets its end has neither Data nor Errno. Closing a socket ends what
// waits on it with ECANCELED.
package agent

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// A Verb is a socket call.
type Verb string

const (
	Open     Verb = "open"     // Family, Type, Protocol -> Socket
	Bind     Verb = "bind"     // Socket, Local (port 0 asks for any) -> Local; of a packet socket Link -> Link
	Listen   Verb = "listen"   // Socket, Value the backlog -> Local
	Accept   Verb = "accept"   // Socket -> Socket, Local, Remote; waits for a connection
	Dial     Verb = "dial"     // Socket, Remote (connect; the zero address is AF_UNSPEC) -> Local; on a stream it waits for the outcome
	Send     Verb = "send"     // Socket, Data, Remote (zero on a connected socket), Flags, Control -> Value, octets taken; waits for room
	Recv     Verb = "recv"     // Socket, Max, Flags -> Data, Flags, Control, Remote, Local (the destination address, where the target can tell); waits
	Shutdown Verb = "shutdown" // Socket, Value: 0 read, 1 write, 2 both
	Close    Verb = "close"    // Socket
	Poll     Verb = "poll"     // Polls, Value in ms (-1 for ever) -> Polls with what is ready, Value how many
	SockName Verb = "sockname" // Socket -> Local
	PeerName Verb = "peername" // Socket -> Remote
	SetOpt   Verb = "setopt"   // Socket, Option, Value, Data, Group, Local, Iface, Sources
	GetOpt   Verb = "getopt"   // Socket, Option -> Value, or Data for what is no number
)

// SO_LINGER is a number of seconds here; -1 is off.
const NoLinger = -1

// Management of a target that declares it. The interface is that of the world's first link, or what Iface says.
const (
	AddAddr   Verb = "addr-add"   // Local, Value the prefix length, Option what it is: deprecated, home (RFC 6275), or nothing; the address may become usable later, or never
	DelAddr   Verb = "addr-del"   // Local
	Addrs     Verb = "addrs"      // -> Addrs
	LinkUp    Verb = "link-up"    // administratively
	LinkDown  Verb = "link-down"  // administratively
	LinkLocal Verb = "link-local" // begins to configure an IPv4 link-local address (RFC 3927)
)

// An Address is one that the target has, or is about to have.
type Address struct {
	Addr      netip.Addr `json:"addr"`
	State     string     `json:"state"` // tentative, preferred, deprecated, or conflict
	Temporary bool       `json:"temporary,omitempty"`
	Lifetimes *Lifetimes `json:"lifetimes,omitempty"` // nil where the target does not tell
}

// Lifetimes are how much longer an address is preferred and valid (RFC 4862, 5.5.4); negative is for ever. A target may tell
// whole seconds.
type Lifetimes struct {
	Preferred time.Duration `json:"preferred"`
	Valid     time.Duration `json:"valid"`
}

// A LinkAddr is an address of a packet socket (struct sockaddr_ll).
type LinkAddr struct {
	Protocol int    `json:"protocol,omitempty"` // EtherType, in the order of the host; AllProtocols is every one
	Ifindex  int    `json:"ifindex,omitempty"`  // of the interface; 0 is every one, or the one that the socket is bound to
	Kind     string `json:"kind,omitempty"`     // of a frame that was received: host, broadcast, multicast, other, outgoing
	Addr     []byte `json:"addr,omitempty"`     // of the station
}

// AllProtocols is the protocol of packet sockets that get every frame (ETH_P_ALL).
const AllProtocols = 3

// Request is one call. Fields that a verb does not name are ignored. It travels as JSON on a remote control channel.
type Request struct {
	Do       Verb           `json:"do"`
	Socket   int            `json:"socket,omitempty"`
	Family   string         `json:"family,omitempty"` // inet, inet6, packet
	Type     string         `json:"type,omitempty"`   // dgram, stream, raw
	Protocol int            `json:"protocol,omitempty"`
	Local    netip.AddrPort `json:"local,omitzero"`
	Remote   netip.AddrPort `json:"remote,omitzero"`
	Data     []byte         `json:"data,omitempty"`
	Max      int            `json:"max,omitempty"`
	Option   string         `json:"option,omitempty"` // by its POSIX or Linux name: IP_TTL, IP_ADD_MEMBERSHIP, ...
	Value    int            `json:"value,omitempty"`
	Group    netip.Addr     `json:"group,omitzero"`
	Sources  []netip.Addr   `json:"sources,omitempty"`
	Flags    []string       `json:"flags,omitempty"` // MSG_PEEK, MSG_OOB, MSG_DONTWAIT, MSG_MORE, ...
	Control  []Control      `json:"control,omitempty"`
	Polls    []PollFor      `json:"polls,omitempty"`
	Policies []Policy       `json:"policies,omitempty"`
	Link     *LinkAddr      `json:"link,omitempty"`  // of a packet socket, instead of Local and Remote
	Iface    int            `json:"iface,omitempty"` // of the verbs about an interface, and of options about groups of IPv6 and of packet sockets: its index; 0 is the first link's, the system's choice
}

// Control is ancillary data of a message: IP_TTL, IP_TOS with a Value; IP_PKTINFO with an Addr and an Ifindex; SO_TIMESTAMP,
// SO_TIMESTAMPNS with a Value in nanoseconds, by the target's clock.
type Control struct {
	Type    string     `json:"type"`
	Value   int        `json:"value,omitempty"`
	Addr    netip.Addr `json:"addr,omitzero"`
	Ifindex int        `json:"ifindex,omitempty"`
}

// PollFor is a socket and what is wanted of it, or what it is ready for: "in", "out", "pri"; "err" and "hup" are told
// whether wanted or not.
type PollFor struct {
	Socket int      `json:"socket"`
	Events []string `json:"events,omitempty"`
}

// Reply is what a call returned. Errno is the POSIX name of its error, empty without one.
type Reply struct {
	Socket int            `json:"socket,omitempty"`
	Local  netip.AddrPort `json:"local,omitzero"`
	Remote netip.AddrPort `json:"remote,omitzero"`
	Link   *LinkAddr      `json:"link,omitempty"` // of a packet socket
	Data   []byte         `json:"data,omitempty"`
	Value  int            `json:"value,omitempty"`
	Addrs  []Address      `json:"addrs,omitempty"`
	Errno  string         `json:"errno,omitempty"`
	// Flags are those of a message received: MSG_TRUNC, MSG_OOB, ...
	Flags   []string  `json:"flags,omitempty"`
	Control []Control `json:"control,omitempty"`
	Polls   []PollFor `json:"polls,omitempty"`
	System
}

// EOF tells whether a receive on a stream met its end: no data and no error.
func (r Reply) EOF() bool { return r.Errno == "" && len(r.Data) == 0 }

// An Errno is a call's error by its POSIX name.
type Errno string

func (e Errno) Error() string { return string(e) }

// NoOption is the error of an option that the target's sockets do not have.
const NoOption Errno = "ENOPROTOOPT"

// Err is nil or names the call's error, an Errno.
func (r Reply) Err() error {
	if r.Errno == "" {
		return nil
	}
	return Errno(r.Errno)
}

// An Op is a call under way.
type Op struct {
	Request Request
	reply   atomic.Pointer[Reply]
}

// Done gives the reply once the call has returned.
func (o *Op) Done() (Reply, bool) {
	if r := o.reply.Load(); r != nil {
		return *r, true
	}
	return Reply{}, false
}

// End is called once by the agent when the call has returned.
func (o *Op) End(r Reply) { o.reply.Store(&r) }

// An Agent starts calls on a target. It never blocks. Its world ends what is still open when it is closed.
type Agent interface {
	Start(Request) *Op
}
