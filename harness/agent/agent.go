// Package agent is the control channel to a target: it opens, uses and closes sockets there.
//
// A request starts an operation and returns at once; the operation ends when the socket call would have returned. A
// virtual target ends most operations inside Start, a live one later: the world reports each end as an event.
package agent

import (
	"fmt"
	"net/netip"
	"sync/atomic"
)

// A Verb is a socket call.
type Verb string

const (
	Open   Verb = "open"   // Family, Type, Protocol -> Socket
	Bind   Verb = "bind"   // Socket, Local (port 0 asks for any) -> Local
	Dial   Verb = "dial"   // Socket, Remote (connect) -> Local
	Send   Verb = "send"   // Socket, Data, Remote (zero on a connected socket) -> Value, octets sent
	Recv   Verb = "recv"   // Socket, Max -> Data, Remote, Local (the destination address, where the target can tell)
	Close  Verb = "close"  // Socket
	SetOpt Verb = "setopt" // Socket, Option, Value, Group
	GetOpt Verb = "getopt" // Socket, Option -> Value
)

// Management of a target that declares it. The interface is that of the world's first link.
const (
	AddAddr   Verb = "addr-add"   // Local, Value the prefix length; the address may become usable later, or never
	DelAddr   Verb = "addr-del"   // Local
	Addrs     Verb = "addrs"      // -> Addrs
	LinkUp    Verb = "link-up"    // administratively
	LinkDown  Verb = "link-down"  // administratively
	LinkLocal Verb = "link-local" // begins to configure an IPv4 link-local address (RFC 3927)
)

// An Address is one that the target has, or is about to have.
type Address struct {
	Addr  netip.Addr `json:"addr"`
	State string     `json:"state"` // tentative, preferred, deprecated, or conflict
}

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
}

// Reply is what a call returned. Errno is the POSIX name of its error, empty without one.
type Reply struct {
	Socket int            `json:"socket,omitempty"`
	Local  netip.AddrPort `json:"local,omitzero"`
	Remote netip.AddrPort `json:"remote,omitzero"`
	Data   []byte         `json:"data,omitempty"`
	Value  int            `json:"value,omitempty"`
	Addrs  []Address      `json:"addrs,omitempty"`
	Errno  string         `json:"errno,omitempty"`
}

// Err is nil or names the call's error.
func (r Reply) Err() error {
	if r.Errno == "" {
		return nil
	}
	return fmt.Errorf("%s", r.Errno)
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
