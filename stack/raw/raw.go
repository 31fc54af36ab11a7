// Package raw gives users whole datagrams of a protocol, header and all, beside whoever else handles it: raw sockets.
package raw

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/inbox"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
)

// Any is the protocol of an endpoint that gets datagrams of every protocol.
const Any wire.Protocol = 0

// Raw is the service on a node.
type Raw struct {
	demux     *ip.Demux
	pool      *packet.Pool
	stats     *stats.Node
	buffer    int
	headers   HeaderSender
	endpoints []*Endpoint
}

// A HeaderSender sends datagrams of IPv4 whose header the user made.
type HeaderSender interface {
	// SendHeader owns p, a datagram with its header.
	SendHeader(p *packet.Packet, o *ip.Options) error
}

// New makes the service for a node. The configuration is resolved. headers may be nil when there is none.
func New(c config.Config, x *ip.Demux, headers HeaderSender, pool *packet.Pool, s *stats.Node) *Raw {
	r := &Raw{demux: x, pool: pool, stats: s, buffer: c.SocketBuffer, headers: headers}
	x.AddTap(r)
	return r
}

// Tap implements ip.Tap: every endpoint that fits gets a copy. With IPv4 the header of IP comes with it, with IPv6 it does
// not (RFC 3542, 3).
func (r *Raw) Tap(b []byte, d *ip.Datagram) (wanted bool) {
	if len(r.endpoints) == 0 {
		return false
	}
	header := d.Header
	if ip.FamilyOf(d.Dst) == ip.V6 {
		header = nil
	}
	for _, e := range r.endpoints {
		if !e.fits(d.Protocol, d.Dst, d.Src) || e.Options.Out != nil && e.Options.Out != d.In || !e.passes(b, d) {
			continue
		}
		wanted = true
		p := d.In.RxPool.Get(0, len(header)+len(b))
		if p == nil {
			d.In.Stats.Drop(stats.NoBuffer)
			continue
		}
		d.In.Stats.Raw.Received++
		d.In.Stats.Raw.ReceivedBytes += uint64(p.Len())
		p.Arrived = d.In.Loop.Now()
		if d.Packet != nil { // the copy has come the way of the datagram
			p.Priority, p.Times = d.Packet.Priority, d.Packet.Times
		}
		copy(p.Bytes()[copy(p.Bytes(), header):], b)
		e.Put(inbox.Received{Packet: p, From: netip.AddrPortFrom(d.Src, 0), To: d.Dst, In: d.In, TTL: d.TTL, TOS: d.TOS})
	}
	return wanted
}

// passes tells whether a datagram that fits gets by the filter of ICMP types and, with IPv6, has a good checksum where
// its endpoint says that there is one (RFC 3542, 3.1, 3.2).
func (e *Endpoint) passes(b []byte, d *ip.Datagram) bool {
	if len(b) > 0 && (d.Protocol == wire.ICMPv4 || d.Protocol == wire.ICMPv6) && e.Blocked[b[0]>>5]&(1<<(b[0]&31)) != 0 {
		return false
	}
	if e.family == ip.V4 || e.ChecksumAt < 0 {
		return true
	}
	return len(b) >= e.ChecksumAt+2 && d.Pseudo.AddUint16(uint16(len(b))).Add(b).Valid()
}

// Error implements ip.Tap.
func (r *Raw) Error(x *ip.Error) {
	for _, e := range r.endpoints {
		if e.fits(x.Protocol, x.Src, x.Dst) && (e.peer.IsValid() || e.AllErrors) {
			e.Fail(x, netip.AddrPortFrom(x.Dst, 0), x.Quote)
		}
	}
}

// Sent implements ip.Recaller: who could have sent a datagram is an endpoint of its protocol, or one whose user writes
// headers, and with them any protocol.
func (r *Raw) Sent(x *ip.Error) bool {
	for _, e := range r.endpoints {
		if e.fits(x.Protocol, x.Src, x.Dst) || e.HeaderWritten && e.family == ip.FamilyOf(x.Dst) {
			return true
		}
	}
	return false
}

// Open makes an endpoint for a protocol over a version of IP.
func (r *Raw) Open(f ip.Family, proto wire.Protocol) *Endpoint {
	e := &Endpoint{raw: r, family: f, proto: proto, ChecksumAt: -1}
	if f == ip.V6 && proto == wire.ICMPv6 { // RFC 3542, 3.1
		e.ChecksumAt = 2
	}
	e.Init(r.buffer, r.stats)
	e.Full = stats.RawFull
	r.endpoints = append(r.endpoints, e)
	return e
}

// An Endpoint is one user.
type Endpoint struct {
	inbox.Inbox
	Options       ip.Options
	AllErrors     bool
	HeaderWritten bool      // the user writes the header (IP_HDRINCL)
	ChecksumAt    int       // with IPv6, where the checksum is that is filled in and verified; negative: none (IPV6_CHECKSUM)
	Blocked       [8]uint32 // types of ICMP that are not received, a bit each (ICMP_FILTER, ICMP6_FILTER)

	raw         *Raw
	family      ip.Family
	proto       wire.Protocol
	local, peer netip.Addr // the zero Addr: any
	send        ip.Send
}

func (e *Endpoint) fits(proto wire.Protocol, local, peer netip.Addr) bool {
	return e.family == ip.FamilyOf(local) && (e.proto == Any || e.proto == proto) &&
		(!e.local.IsValid() || e.local == local) && (!e.peer.IsValid() || e.peer == peer)
}

// network is the endpoint's version of IP, for an address; nil when the address is of the other one, or IP is not there.
func (e *Endpoint) network(a netip.Addr) ip.Network {
	if ip.FamilyOf(a) != e.family {
		return nil
	}
	return e.raw.demux.Network(e.family)
}

// Local is the address bound to, without a port.
func (e *Endpoint) Local() netip.AddrPort { return netip.AddrPortFrom(e.local, 0) }

// Peer is the address connected to, without a port.
func (e *Endpoint) Peer() netip.AddrPort { return netip.AddrPortFrom(e.peer, 0) }

// Bind sets the local address; ports are not looked at.
func (e *Endpoint) Bind(a netip.AddrPort) error {
	addr := a.Addr()
	if addr.IsUnspecified() {
		addr = netip.Addr{}
	}
	if n := e.network(addr); addr.IsValid() && (n == nil || !n.Holds(addr)) {
		return errno.EADDRNOTAVAIL
	}
	e.local = addr
	return nil
}

// Connect sets the peer; the invalid AddrPort undoes it.
func (e *Endpoint) Connect(peer netip.AddrPort) error {
	if peer.Addr().IsValid() && e.network(peer.Addr()) == nil {
		return errno.EAFNOSUPPORT
	}
	e.peer = peer.Addr()
	return nil
}

// Send sends the content of a datagram, or a datagram with its header; the invalid AddrPort means the peer.
func (e *Endpoint) Send(b []byte, to netip.AddrPort) error { return e.SendFrom(b, netip.Addr{}, to) }

// SendFrom is Send with the source address for this datagram; the zero Addr means that of the endpoint.
func (e *Endpoint) SendFrom(b []byte, from netip.Addr, to netip.AddrPort) error {
	r, dst := e.raw, to.Addr()
	if !dst.IsValid() {
		if dst = e.peer; !dst.IsValid() && !e.HeaderWritten {
			return errno.EDESTADDRREQ
		}
	}
	if len(b) > 65535 {
		return errno.EMSGSIZE
	}
	if e.HeaderWritten {
		if r.headers == nil || e.family != ip.V4 { // RFC 3542, 3: not with IPv6
			return errno.EOPNOTSUPP
		}
		p := r.pool.Copy(ip.Headroom, b)
		if p == nil {
			r.stats.Drop(stats.NoBuffer)
			return errno.ENOBUFS
		}
		r.stats.Raw.Sent++ // by which interface is not known yet
		r.stats.Raw.SentBytes += uint64(len(b))
		return toErrno(r.headers.SendHeader(p, &e.Options))
	}
	n := e.network(dst)
	if n == nil {
		return errno.EAFNOSUPPORT
	}
	if !from.IsValid() {
		from = e.local
	}
	if from.IsValid() && from.Is4() != dst.Is4() {
		return errno.ENETUNREACH
	}
	e.Options.Fill(&e.send, e.proto, from, dst)
	by, err := n.Path(&e.send)
	if err != nil {
		return toErrno(err)
	}
	if by.Hop.Cast == packet.Broadcast && !e.Options.Broadcast {
		return errno.EACCES
	}
	p := r.pool.Copy(ip.Headroom, b)
	if p == nil {
		by.Out.Stats.Drop(stats.NoBuffer)
		return errno.ENOBUFS
	}
	if e.family == ip.V6 && e.ChecksumAt >= 0 {
		if !seal(p.Bytes(), e.ChecksumAt, n.Pseudo(by.Src, dst, e.proto)) {
			p.Free()
			return errno.EINVAL
		}
	}
	by.Out.Stats.Raw.Sent++
	by.Out.Stats.Raw.SentBytes += uint64(len(b))
	return toErrno(n.Output(p, &e.send, by))
}

// seal fills in the checksum of a message; ok is false when the message ends before it.
func seal(m []byte, at int, pseudo wire.Sum) (ok bool) {
	if len(m) < at+2 {
		return false
	}
	m[at], m[at+1] = 0, 0
	sum := pseudo.AddUint16(uint16(len(m))).Add(m).Checksum()
	m[at], m[at+1] = byte(sum>>8), byte(sum)
	return true
}

// toErrno keeps nil nil.
func toErrno(err error) error {
	if err == nil {
		return nil
	}
	return errno.Of(err)
}

// Close ends the endpoint.
func (e *Endpoint) Close() {
	r := e.raw
	r.endpoints = slices.DeleteFunc(r.endpoints, func(x *Endpoint) bool { return x == e })
	e.Inbox.Close()
}
