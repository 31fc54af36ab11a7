package udp

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/inbox"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire"
)

// An Endpoint is one user of UDP.
type Endpoint struct {
	inbox.Inbox
	Options    ip.Options // may be changed at any time
	NoChecksum bool       // RFC 1122, 4.1.3.4
	ReuseAddr  bool       // others that say so as well may have the same port
	ReusePort  bool       // the same, and datagrams to one host are shared out among them by flow
	Dual       bool       // of IPv6, and speaks IPv4 as well; not to be changed once it is bound
	Ports      ip.Ports   // from which one is chosen
	AllErrors  bool       // learn of the fate of datagrams without being connected
	// Wants tells whether a datagram to a group is wanted; nil wants none but those to all hosts.
	Wants func(in *iface.Iface, group, source netip.Addr) bool

	udp    *UDP
	family ip.Family
	local  netip.AddrPort // without port: not bound
	bound  netip.Addr     // as Bind made it; Connect may have chosen another address since
	only4  bool           // bound to all addresses of IPv4, though it is of IPv6
	peer   netip.AddrPort // invalid: not connected
	send   ip.Send
	closed bool
}

// Local is what the endpoint is bound to; its address is the zero Addr when it is bound to all.
func (e *Endpoint) Local() netip.AddrPort { return e.outsidePort(e.local) }

// Peer is what the endpoint is connected to; invalid when it is not.
func (e *Endpoint) Peer() netip.AddrPort { return e.outsidePort(e.peer) }

// network is the version of IP for an address, and the address as it is there; nil when the endpoint does not speak it,
// or IP is not there.
func (e *Endpoint) network(a netip.Addr) (ip.Network, netip.Addr) {
	a, f, ok := e.inside(a)
	if !ok {
		return nil, a
	}
	return e.udp.demux.Network(f), a
}

// Bind gives the endpoint a local port, 0 for any that is free, and a local address of its family, the zero Addr for all.
// It takes addresses of this host, groups and broadcast addresses.
func (e *Endpoint) Bind(a netip.AddrPort) error {
	u := e.udp
	if e.local.Port() != 0 {
		return errno.EINVAL
	}
	addr := a.Addr()
	if addr.IsValid() {
		n, inside := e.network(addr)
		if n == nil {
			return errno.EAFNOSUPPORT
		}
		addr = inside
	}
	only4 := false
	if addr.IsUnspecified() {
		only4 = e.family == ip.V6 && addr.Is4() // ::ffff:0.0.0.0
		addr = netip.Addr{}
	}
	port := a.Port()
	if port == 0 {
		var err error
		if port, err = u.ephemeral(e.Ports); err != nil {
			return err
		}
	}
	for _, x := range u.ports[port] {
		if e.overlaps(x, addr, only4) && !(e.ReuseAddr && x.ReuseAddr || e.ReusePort && x.ReusePort) {
			return errno.EADDRINUSE
		}
	}
	e.local, e.bound, e.only4 = netip.AddrPortFrom(addr, port), addr, only4
	u.take(port, e)
	return nil
}

// Connect sets the peer: datagrams go there and are taken from there only. The invalid AddrPort undoes it, and brings
// back the local address that was bound.
func (e *Endpoint) Connect(peer netip.AddrPort) error {
	if !peer.IsValid() {
		e.peer, e.local = peer, netip.AddrPortFrom(e.bound, e.local.Port())
		return nil
	}
	n, to := e.network(peer.Addr())
	if n == nil {
		return errno.EAFNOSUPPORT
	}
	if !e.speaks(ip.FamilyOf(to)) { // bound to an address of the other version
		return errno.EADDRNOTAVAIL
	}
	e.Options.Fill(&e.send, wire.UDP, e.source(n), to)
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
	e.peer = netip.AddrPortFrom(to, peer.Port())
	return nil
}

// source is the local address for sending by a version of IP; the zero Addr when the path chooses.
func (e *Endpoint) source(n ip.Network) netip.Addr {
	src := e.local.Addr()
	if src.IsValid() && !n.Holds(src) && !src.IsLoopback() { // bound to a group or a broadcast address
		return netip.Addr{}
	}
	return src
}

// Close gives the port back and drops what waits.
func (e *Endpoint) Close() {
	u := e.udp
	if e.closed {
		return
	}
	e.closed = true
	if port := e.local.Port(); port != 0 {
		u.giveBack(port, e)
	}
	e.Inbox.Close()
}
