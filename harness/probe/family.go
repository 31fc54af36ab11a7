package probe

import (
	"fmt"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/target"
)

// A Family is a version of IP. What differs between them stands in one line of networks, so that a body about a transport
// protocol is written once: it asks for IP, TargetIP and Listen of its tester, and never for IPv4.
type Family int

const (
	IPv4 Family = 4
	IPv6 Family = 6
)

func (f Family) String() string { return fmt.Sprintf("ipv%d", int(f)) }

// network is what a tester of one family speaks.
type network struct {
	proto      *packet.Proto
	socket     string // the family of its sockets on the target
	header     int    // octets of a header without options
	defaultMSS int    // of a peer that says none (RFC 9293, 3.7.1)
	of         func(target.Host) netip.Addr
	unused     func(target.Net) netip.Addr
	any        netip.Addr
	set        func(h *target.Host, a netip.Addr)
	src, dst   packet.Field[netip.Addr]
	answer     func(*Tester) // makes the tester a host: who asks for its link address is answered
}

// networks are the families that there are. Never written.
var networks = map[Family]network{
	IPv4: {
		proto: ipv4.Proto, socket: "inet", header: 20, defaultMSS: 536, any: netip.IPv4Unspecified(), src: ipv4.Src, dst: ipv4.Dst,
		of:     func(h target.Host) netip.Addr { return h.IP4 },
		unused: func(n target.Net) netip.Addr { return n.Unused4 },
		set:    func(h *target.Host, a netip.Addr) { h.IP4 = a },
		answer: (*Tester).AnswerARP,
	},
	IPv6: {
		proto: ipv6.Proto, socket: "inet6", header: 40, defaultMSS: 1220, any: netip.IPv6Unspecified(), src: ipv6.Src, dst: ipv6.Dst,
		of:     func(h target.Host) netip.Addr { return h.IP6 },
		unused: func(n target.Net) netip.Addr { return n.Unused6 },
		set:    func(h *target.Host, a netip.Addr) { h.IP6 = a },
		answer: (*Tester).AnswerND,
	},
}

func (f Family) networkOf() network {
	n, ok := networks[f]
	if !ok {
		panic(fmt.Errorf("the probe does not speak %s", f))
	}
	return n
}

// Of is the host's address of the family.
func (f Family) Of(h target.Host) netip.Addr { return f.networkOf().of(h) }

// Host is the first tester as a host of a family.
func (p *P) Host(f Family) *Tester {
	n := f.networkOf()
	t := &Tester{P: p, env: p.env(0, n.proto), family: f}
	n.answer(t)
	return t
}

// Any is the unspecified address of the tester's family: a socket bound to it has all addresses of the target.
func (t *Tester) Any() netip.Addr { return t.family.networkOf().any }
