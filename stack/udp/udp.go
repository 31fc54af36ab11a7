// Package udp is UDP (RFC 768, RFC 1122, 4.1) over either version of IP.
//
// An Endpoint is one user, of one version of IP: it has a local port, perhaps a local address, perhaps a peer. The ports of
// both versions are apart. A datagram to one host goes to
// the endpoint that fits it best; one to a group or to all goes to every endpoint that fits.
package udp

import (
	"bytes"
	"math/rand/v2"
	"net/netip"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/inbox"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// Ports from which one is chosen when none is asked for (RFC 6335, 6).
const (
	firstEphemeral = 49152
	lastEphemeral  = 65535
)

// UDP is the protocol on a node.
type UDP struct {
	demux  *ip.Demux
	pool   *packet.Pool
	stats  *stats.Node
	ports  map[uint16][]*Endpoint
	random *rand.Rand // of ports
	buffer int
	last   struct { // the port sought last
		port      uint16
		endpoints []*Endpoint
	}
}

// New makes UDP for a node. The configuration is resolved.
func New(c config.Config, x *ip.Demux, pool *packet.Pool, s *stats.Node) *UDP {
	u := &UDP{
		demux: x, pool: pool, stats: s, ports: map[uint16][]*Endpoint{},
		random: random.New(c.Seed, "udp.port"), buffer: c.SocketBuffer,
	}
	x.Handle(ip.V4, wire.UDP, u)
	x.Handle(ip.V6, wire.UDP, u)
	return u
}

// Input implements ip.Upper.
func (u *UDP) Input(p *packet.Packet, d *ip.Datagram) ip.Verdict {
	d.In.Stats.UDP.Received++
	b := p.Bytes()
	h, payload, err := udp.Parse(b)
	if err == nil {
		err = udp.Verify(b, h, d.Pseudo)
	}
	if err != nil || h.Checksum == 0 && d.Src.Is6() { // RFC 8200, 8.1
		why := stats.UDPInvalid
		if err == wire.ErrChecksum {
			why = stats.UDPChecksum // RFC 1122, 4.1.3.4: silently
		}
		p.Free()
		d.In.Stats.Drop(why)
		return ip.Accepted
	}
	from := netip.AddrPortFrom(d.Src, h.SrcPort)
	if d.Cast != packet.Unicast {
		return u.toAll(p, d, from, h.DstPort, len(payload))
	}
	e := u.best(d, from, h.DstPort)
	if e == nil {
		d.In.Stats.Drop(stats.UDPNoPort)
		return ip.NoPort
	}
	p.TrimFront(udp.HeaderLen)
	p.SetLen(len(payload)) // octets behind Length are no data
	e.Put(received(p, d, from, d.Options))
	return ip.Accepted
}

func received(p *packet.Packet, d *ip.Datagram, from netip.AddrPort, options []byte) inbox.Received {
	return inbox.Received{Packet: p, From: from, To: d.Dst, In: d.In, TTL: d.TTL, TOS: d.TOS, Options: options}
}

// best is the endpoint that a datagram to this host is for: of those that fit, the one that says most.
func (u *UDP) best(d *ip.Datagram, from netip.AddrPort, port uint16) (best *Endpoint) {
	most := -1
	for _, e := range u.at(port) {
		if n := e.fit(d, from); n > most {
			best, most = e, n
		}
	}
	return best
}

// toAll copies a datagram to every endpoint that fits; the last one gets the packet itself.
func (u *UDP) toAll(p *packet.Packet, d *ip.Datagram, from netip.AddrPort, port uint16, n int) ip.Verdict {
	var last *Endpoint
	for _, e := range u.at(port) {
		if e.fit(d, from) < 0 {
			continue
		}
		if last != nil {
			if q := d.In.RxPool.Copy(0, p.Bytes()[udp.HeaderLen:udp.HeaderLen+n]); q != nil {
				last.Put(received(q, d, from, bytes.Clone(d.Options))) // those of p go with p
			} else {
				d.In.Stats.Drop(stats.NoBuffer)
			}
		}
		last = e
	}
	if last == nil {
		d.In.Stats.Drop(stats.UDPNoPort)
		return ip.NoPort
	}
	p.TrimFront(udp.HeaderLen)
	p.SetLen(n)
	last.Put(received(p, d, from, d.Options))
	return ip.Accepted
}

// Error implements ip.Upper: the endpoint that sent the datagram learns of its fate (RFC 1122, 4.1.3.3).
func (u *UDP) Error(e *ip.Error) {
	h, _, err := udp.Parse(e.Quote)
	if err != nil {
		return
	}
	local, peer := netip.AddrPortFrom(e.Src, h.SrcPort), netip.AddrPortFrom(e.Dst, h.DstPort)
	var sender *Endpoint
	for _, x := range u.at(h.SrcPort) {
		switch {
		case x.family != ip.FamilyOf(e.Dst):
		case x.local.Addr().IsValid() && x.local != local:
		case x.peer == peer:
			sender = x
		case !x.peer.IsValid() && sender == nil:
			sender = x
		}
	}
	// Of which of its datagrams an error tells, an unconnected user cannot know unless it asks.
	if sender != nil && (sender.peer == peer || sender.AllErrors) {
		sender.Fail(e, peer)
	}
}

func (u *UDP) at(port uint16) []*Endpoint {
	if u.last.port != port || u.last.endpoints == nil {
		u.last.port, u.last.endpoints = port, u.ports[port]
	}
	return u.last.endpoints
}

// ephemeral picks a port at random that nobody has (RFC 6056, 3.3.1).
func (u *UDP) ephemeral() (uint16, error) {
	const n = lastEphemeral - firstEphemeral + 1
	start := u.random.IntN(n)
	for i := range n {
		if port := uint16(firstEphemeral + (start+i)%n); len(u.ports[port]) == 0 {
			return port, nil
		}
	}
	return 0, errno.EADDRINUSE
}

// Open makes an endpoint that has no port yet. It sends and receives by one version of IP.
func (u *UDP) Open(f ip.Family) *Endpoint {
	e := &Endpoint{udp: u, family: f}
	e.Init(u.buffer, u.stats)
	return e
}
