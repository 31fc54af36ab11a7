// Package udp is UDP (RFC 768, RFC 1122, 4.1) over either version of IP.
//
// An Endpoint is one user, of one version of IP: it has a local port, perhaps a local address, perhaps a peer. The ports of
// both versions are apart, but an endpoint of IPv6 may be dual and speak IPv4 as well. A datagram to one host goes to the
// endpoint that fits it best; one to a group or to all goes to every endpoint that fits.
package udp

import (
	"math/rand/v2"
	"net/netip"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// UDP is the protocol on a node.
type UDP struct {
	demux  *ip.Demux
	pool   *packet.Pool
	stats  *stats.Node
	ports  map[uint16][]*Endpoint
	random *rand.Rand // of ports
	secret uint64     // by which flows are shared out
	buffer int
	config config.UDP
	last   struct { // the port sought last
		port      uint16
		endpoints []*Endpoint
	}
}

// New makes UDP for a node. The configuration is resolved.
func New(c config.Config, x *ip.Demux, pool *packet.Pool, s *stats.Node) *UDP {
	u := &UDP{
		demux: x, pool: pool, stats: s, ports: map[uint16][]*Endpoint{},
		random: random.New(c.Seed, "udp.port"), secret: random.New(c.Seed, "udp.flow").Uint64(), buffer: c.SocketBuffer,
		config: c.UDP,
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
	if err == wire.ErrChecksum && !u.config.Checksum.On() {
		err = nil
	}
	if err != nil || h.Checksum == 0 && (d.Src.Is6() || !u.config.Unchecked.On()) { // RFC 8200, 8.1; RFC 768
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
	e.receive(p, d, from, d.Options)
	return ip.Accepted
}

// Error implements ip.Upper: the endpoint that sent the datagram learns of its fate (RFC 1122, 4.1.3.3).
func (u *UDP) Error(e *ip.Error) {
	h, data, err := udp.Parse(e.Quote)
	if err != nil {
		return
	}
	peer := netip.AddrPortFrom(e.Dst, h.DstPort)
	sender := u.sender(e, &h)
	// Of which of its datagrams an error tells, an unconnected user cannot know unless it asks.
	if sender != nil && (sender.peer == peer || sender.AllErrors) {
		sender.Fail(e, sender.outsidePort(peer), data)
	}
}

// Sent implements ip.Recaller. No datagram is remembered, but who could have sent it is known: an endpoint of its port
// that has sent before, and to no other peer if it is connected.
func (u *UDP) Sent(e *ip.Error) bool {
	h, _, err := udp.Parse(e.Quote)
	if err != nil {
		return false
	}
	x := u.sender(e, &h)
	return x != nil && x.send.Dst.IsValid()
}

// sender is the endpoint that sent the datagram which an error quotes; nil if there is none that can have done so.
func (u *UDP) sender(e *ip.Error, h *udp.Header) (sender *Endpoint) {
	local, peer := netip.AddrPortFrom(e.Src, h.SrcPort), netip.AddrPortFrom(e.Dst, h.DstPort)
	for _, x := range u.at(h.SrcPort) {
		switch {
		case !x.speaks(ip.FamilyOf(e.Dst)):
		case x.local.Addr().IsValid() && x.local != local:
		case x.peer == peer:
			sender = x
		case !x.peer.IsValid() && sender == nil:
			sender = x
		}
	}
	return sender
}

// Open makes an endpoint that has no port yet. It sends and receives by one version of IP.
func (u *UDP) Open(f ip.Family) *Endpoint {
	e := &Endpoint{udp: u, family: f}
	e.Init(u.buffer, u.stats)
	return e
}
