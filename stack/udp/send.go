package udp

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// Send sends a datagram to a peer; the invalid AddrPort means the one connected to.
func (e *Endpoint) Send(b []byte, to netip.AddrPort) error { return e.SendFrom(b, netip.Addr{}, to) }

// SendFrom is Send with the source address for this datagram; the zero Addr means that of the endpoint.
func (e *Endpoint) SendFrom(b []byte, from netip.Addr, to netip.AddrPort) error {
	u := e.udp
	if e.closed {
		return errno.EBADF
	}
	var n ip.Network
	var dst netip.Addr
	switch {
	case to.IsValid():
		n, dst = e.network(to.Addr())
	case e.peer.IsValid():
		to, dst = e.peer, e.peer.Addr()
		n = u.demux.Network(ip.FamilyOf(dst))
	default:
		return errno.EDESTADDRREQ
	}
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
	if from.IsValid() {
		src, _, _ = e.inside(from)
	}
	if !e.speaks(ip.FamilyOf(dst)) || src.IsValid() && src.Is4() != dst.Is4() { // bound to an address of the other version
		return errno.ENETUNREACH
	}
	e.Options.Fill(&e.send, wire.UDP, src, dst)
	by, err := n.Path(&e.send)
	if err == ip.ErrBadSource && !from.IsValid() { // bound to a group or a broadcast address
		e.Options.Fill(&e.send, wire.UDP, netip.Addr{}, dst)
		by, err = n.Path(&e.send)
	}
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
	if !e.NoChecksum || dst.Is6() { // RFC 8200, 8.1
		udp.Seal(m, n.Pseudo(by.Src, dst, wire.UDP))
	}
	if err := n.Output(p, &e.send, by); err != nil {
		return errno.Of(err)
	}
	by.Out.Stats.UDP.Sent++
	return nil
}
