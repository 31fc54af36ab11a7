package udp

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/inbox"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// An Endpoint is one user of UDP.
type Endpoint struct {
	inbox.Inbox
	Options    ip.Options // may be changed at any time
	NoChecksum bool       // RFC 1122, 4.1.3.4
	Reuse      bool       // others that say so as well may have the same port
	AllErrors  bool       // learn of the fate of datagrams without being connected
	// Wants tells whether a datagram to a group is wanted; nil wants none but those to all hosts.
	Wants func(in *iface.Iface, group, source netip.Addr) bool

	udp    *UDP
	family ip.Family
	local  netip.AddrPort // without port: not bound
	peer   netip.AddrPort // invalid: not connected
	send   ip.Send
	closed bool
}

// Local is what the endpoint is bound to; its address is the zero Addr when it is bound to all.
func (e *Endpoint) Local() netip.AddrPort { return e.local }

// Peer is what the endpoint is connected to; invalid when it is not.
func (e *Endpoint) Peer() netip.AddrPort { return e.peer }

// network is the endpoint's version of IP, for an address; nil when the address is of the other one, or IP is not there.
func (e *Endpoint) network(a netip.Addr) ip.Network {
	if ip.FamilyOf(a) != e.family {
		return nil
	}
	return e.udp.demux.Network(e.family)
}

// Bind gives the endpoint a local port, 0 for any that is free, and a local address of its family, the zero Addr for all.
// It takes addresses of this host, groups and broadcast addresses.
func (e *Endpoint) Bind(a netip.AddrPort) error {
	u := e.udp
	if e.local.Port() != 0 {
		return errno.EINVAL
	}
	addr := a.Addr()
	if addr.IsValid() && e.network(addr) == nil {
		return errno.EAFNOSUPPORT
	}
	if addr.IsUnspecified() {
		addr = netip.Addr{}
	}
	port := a.Port()
	if port == 0 {
		var err error
		if port, err = u.ephemeral(); err != nil {
			return err
		}
	}
	for _, x := range u.ports[port] {
		overlap := !addr.IsValid() || !x.local.Addr().IsValid() || x.local.Addr() == addr
		if x.family == e.family && overlap && !(e.Reuse && x.Reuse) {
			return errno.EADDRINUSE
		}
	}
	e.local = netip.AddrPortFrom(addr, port)
	u.ports[port] = append(u.ports[port], e)
	u.last.endpoints = nil
	return nil
}

// Connect sets the peer: datagrams go there and are taken from there only. The invalid AddrPort undoes it.
func (e *Endpoint) Connect(peer netip.AddrPort) error {
	if !peer.IsValid() {
		e.peer = peer
		return nil
	}
	n := e.network(peer.Addr())
	if n == nil {
		return errno.EAFNOSUPPORT
	}
	e.Options.Fill(&e.send, wire.UDP, e.local.Addr(), peer.Addr())
	by, err := n.Path(&e.send)
	if err != nil {
		return errno.Of(err)
	}
	if by.Hop.Cast == packet.Broadcast && !e.Options.Broadcast {
		return errno.EACCES
	}
	if e.local.Port() == 0 {
		if err := e.Bind(netip.AddrPortFrom(netip.Addr{}, 0)); err != nil {
			return err
		}
	}
	if !e.local.Addr().IsValid() {
		e.local = netip.AddrPortFrom(by.Src, e.local.Port())
	}
	e.peer = peer
	return nil
}

// Send sends a datagram to a peer; the invalid AddrPort means the one connected to.
func (e *Endpoint) Send(b []byte, to netip.AddrPort) error {
	u := e.udp
	if e.closed {
		return errno.EBADF
	}
	if !to.IsValid() {
		if to = e.peer; !to.IsValid() {
			return errno.EDESTADDRREQ
		}
	}
	n := e.network(to.Addr())
	if n == nil {
		return errno.EAFNOSUPPORT
	}
	if len(b) > 65535-udp.HeaderLen {
		return errno.EMSGSIZE
	}
	if to.Port() == 0 {
		return errno.EINVAL
	}
	if e.local.Port() == 0 {
		if err := e.Bind(netip.AddrPort{}); err != nil {
			return err
		}
	}
	src := e.local.Addr()
	if src.IsValid() && !n.Holds(src) && !src.IsLoopback() { // bound to a group or a broadcast address
		src = netip.Addr{}
	}
	e.Options.Fill(&e.send, wire.UDP, src, to.Addr())
	by, err := n.Path(&e.send)
	if err != nil {
		return errno.Of(err)
	}
	if by.Hop.Cast == packet.Broadcast && !e.Options.Broadcast {
		return errno.EACCES
	}
	p := u.pool.Get(ip.Headroom, udp.HeaderLen+len(b))
	if p == nil {
		by.Out.Stats.Drop(stats.NoBuffer)
		return errno.ENOBUFS
	}
	m := p.Bytes()
	copy(m[udp.HeaderLen:], b)
	udp.Put(m, udp.Header{SrcPort: e.local.Port(), DstPort: to.Port(), Length: uint16(len(m))})
	if !e.NoChecksum || e.family == ip.V6 { // RFC 8200, 8.1
		udp.Seal(m, n.Pseudo(by.Src, to.Addr(), wire.UDP))
	}
	if err := n.Output(p, &e.send, by); err != nil {
		return errno.Of(err)
	}
	by.Out.Stats.UDP.Sent++
	return nil
}

// Close gives the port back and drops what waits.
func (e *Endpoint) Close() {
	u := e.udp
	if e.closed {
		return
	}
	e.closed = true
	if port := e.local.Port(); port != 0 {
		u.ports[port] = slices.DeleteFunc(u.ports[port], func(x *Endpoint) bool { return x == e })
		if len(u.ports[port]) == 0 {
			delete(u.ports, port)
		}
		u.last.endpoints = nil
	}
	e.Inbox.Close()
}

// fit tells how much of a datagram the endpoint has asked for: more is better; negative, it is not for this one.
func (e *Endpoint) fit(d *ip.Datagram, from netip.AddrPort) int {
	n := 0
	if e.family != ip.FamilyOf(d.Dst) {
		return -1
	}
	if a := e.local.Addr(); a.IsValid() {
		if a != d.Dst {
			return -1
		}
		n++
	}
	if e.peer.IsValid() {
		if e.peer != from {
			return -1
		}
		n += 2
	}
	if out := e.Options.Out; out != nil {
		if out != d.In {
			return -1
		}
		n += 4
	}
	if d.Cast == packet.Multicast && !e.member(d) {
		return -1
	}
	return n
}

func (e *Endpoint) member(d *ip.Datagram) bool {
	return e.udp.demux.Network(e.family).AllHosts(d.Dst) || e.Wants != nil && e.Wants(d.In, d.Dst, d.Src)
}
