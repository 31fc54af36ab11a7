package socket

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/inbox"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/link"
)

// EtherTypeAll is the protocol of a Packet socket that gets all frames (ETH_P_ALL).
const EtherTypeAll = 0x0003

// A LinkAddr is an address on a link (struct sockaddr_ll). To bind, it says the protocol, 0 for that of Open, and the
// interface, 0 for all; to send, the interface, and of a Dgram the protocol and the station.
type LinkAddr struct {
	Protocol uint16     // EtherType, in the order of this host
	Index    int        // of the interface
	Kind     inbox.Kind // of a frame that was received
	Addr     link.Addr  // the station
}

// linkEndpoint is a Packet socket: a tap on interfaces. One of Raw has whole frames, one of Dgram what is behind the link
// header. Frames that this host sends are seen by sockets of EtherTypeAll only, and not by the one that sent them, as on Linux.
type linkEndpoint struct {
	mailbox
	box     inbox.Inbox
	socket  *Socket
	bound   LinkAddr
	tapped  []*iface.Iface
	ignores bool // frames that this host sends
	origin  uint32
	members []linkMembership // of PACKET_ADD_MEMBERSHIP
}

func (s *Socket) openPacket() {
	s.system.origins++
	e := &linkEndpoint{socket: s, bound: LinkAddr{Protocol: uint16(s.protocol)}, origin: s.system.origins}
	e.box.Init(s.system.room, &s.system.counters)
	e.box.Full = stats.RawFull
	e.inbox = &e.box
	s.endpoint, s.link, s.mail = e, e, &e.mailbox
	e.tap()
}

// BindLink sets the protocol and the interface of a Packet socket.
func (s *Socket) BindLink(a LinkAddr) error {
	e := s.link
	switch {
	case s.closed:
		return errno.EBADF
	case e == nil:
		return errno.EAFNOSUPPORT
	case a.Index != 0 && s.system.byIndex(a.Index) == nil:
		return errno.ENODEV
	}
	if a.Protocol == 0 {
		a.Protocol = e.bound.Protocol
	}
	e.bound = LinkAddr{Protocol: a.Protocol, Index: a.Index}
	e.tap()
	return nil
}

// LocalLink is what a Packet socket is bound to, with the address of the station.
func (s *Socket) LocalLink() (LinkAddr, error) {
	if s.link == nil {
		return LinkAddr{}, errno.EAFNOSUPPORT
	}
	a := s.link.bound
	if in := s.system.byIndex(a.Index); in != nil {
		if all := in.Link().Addrs(); len(all) > 0 {
			a.Addr = all[0]
		}
	}
	return a, nil
}

// tap looks at the interfaces bound to, and at no others; without a protocol at none.
func (e *linkEndpoint) tap() {
	e.untap()
	if e.bound.Protocol == 0 {
		return
	}
	for _, in := range e.socket.system.ifaces {
		if e.bound.Index == 0 || e.bound.Index == in.Index {
			e.add(in)
		}
	}
}

func (e *linkEndpoint) add(in *iface.Iface) {
	if !slices.Contains(e.tapped, in) {
		in.AddTap(e)
		e.tapped = append(e.tapped, in)
	}
}

func (e *linkEndpoint) untap() {
	for _, in := range e.tapped {
		in.RemoveTap(e)
	}
	e.tapped = e.tapped[:0]
}

var kinds = [...]inbox.Kind{ // never written
	packet.Unicast: inbox.ToHost, packet.Multicast: inbox.ToGroup, packet.Broadcast: inbox.ToAll,
	packet.Other: inbox.ToOther, packet.Outgoing: inbox.Outgoing,
}

// Tap implements iface.Tap.
func (e *linkEndpoint) Tap(s *iface.Seen) {
	if s.Packet.Origin == e.origin {
		return
	}
	kind := kinds[s.Cast]
	all := e.bound.Protocol == EtherTypeAll
	if !all && (uint16(s.Protocol) != e.bound.Protocol || kind == inbox.Outgoing) || e.ignores && kind == inbox.Outgoing {
		return
	}
	b := s.Frame
	if e.socket.typ == Dgram {
		b = b[s.Header:]
	}
	p := s.Iface.RxPool.Copy(0, b)
	if p == nil {
		s.Iface.Stats.Drop(stats.NoBuffer)
		return
	}
	p.Arrived, p.Priority, p.Times = s.At, s.Priority, s.Packet.Times
	e.box.Put(inbox.Received{Packet: p, In: s.Iface, Link: inbox.Link{Protocol: uint16(s.Protocol), Kind: kind, Source: s.Src}})
}

// send sends a whole frame, or the content of one, with nobody's help: not by ARP, and not in fragments.
func (e *linkEndpoint) send(b []byte, o *outgoing) (int, error) {
	if o.flags&OOB != 0 {
		return 0, errno.EOPNOTSUPP
	}
	to := o.link
	if to.Index == 0 {
		to.Index = e.bound.Index
	}
	if to.Protocol == 0 {
		to.Protocol = e.bound.Protocol
	}
	in := e.socket.system.byIndex(to.Index)
	switch {
	case in == nil:
		return 0, errno.ENXIO
	case !in.Up():
		return 0, errno.ENETDOWN
	}
	l2, raw := in.Link(), e.socket.typ == Raw
	limit := in.MTU()
	if raw {
		if limit += l2.Headroom(); isTagged(b) {
			limit += ethernet.TagLen // the tag is not counted (IEEE 802.1Q)
		}
	}
	switch {
	case len(b) > limit || len(b) > e.socket.sndbuf:
		return 0, errno.EMSGSIZE
	case raw && len(b) < l2.Headroom(): // not even a header
		return 0, errno.EINVAL
	case !raw && len(l2.Addrs()) > 0 && to.Addr.Len() != l2.Addrs()[0].Len():
		return 0, errno.EINVAL
	}
	p := in.TxPool.Copy(iface.Headroom, b)
	if p == nil {
		in.Stats.Drop(stats.NoBuffer)
		return 0, errno.ENOBUFS
	}
	p.Origin = e.origin
	if e.socket.priority != 0 {
		p.Priority = e.socket.priority & 7
	}
	if raw {
		in.Transmit(p)
	} else {
		in.Output(iface.Protocol(to.Protocol), p, iface.Hop{Link: to.Addr})
	}
	return len(b), nil
}

// isTagged tells whether a frame of Ethernet has a tag of IEEE 802.1Q.
func isTagged(b []byte) bool {
	h, _, err := ethernet.Parse(b)
	return err == nil && h.Tagged
}

func (e *linkEndpoint) close() {
	e.untap()
	e.leave(func(linkMembership) bool { return true })
	e.box.Close()
}

func (*linkEndpoint) bind(netip.AddrPort) error    { return errno.EINVAL }
func (*linkEndpoint) connect(netip.AddrPort) error { return errno.EOPNOTSUPP }
func (*linkEndpoint) shutdown(How) error           { return errno.EOPNOTSUPP }
func (*linkEndpoint) local() netip.AddrPort        { return netip.AddrPort{} }
func (*linkEndpoint) peer() netip.AddrPort         { return netip.AddrPort{} }
