package udp

import (
	"bytes"
	"math/bits"
	"net/netip"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// best is the endpoint that a datagram to this host is for: of those that fit, the one that says most. Of several that
// say as much, those with ReusePort share the datagrams by flow; without it the one bound last gets all (as on Linux;
// POSIX leaves it open).
func (u *UDP) best(d *ip.Datagram, from netip.AddrPort, port uint16) (best *Endpoint) {
	all := u.at(port)
	if len(all) == 1 && all[0].fit(d, from) >= 0 {
		return all[0]
	}
	most, sharers := -1, 0
	for _, e := range all {
		n := e.fit(d, from)
		switch {
		case n < 0 || n < most:
		case n > most, !e.ReusePort || !best.ReusePort:
			best, most, sharers = e, n, 1
		default:
			sharers++
		}
	}
	if sharers < 2 {
		return best
	}
	k := u.flow(d, from, port, sharers)
	for _, e := range u.at(port) {
		if e.ReusePort && e.fit(d, from) == most {
			if k == 0 {
				return e
			}
			k--
		}
	}
	return best
}

// flow maps the addresses and ports of a datagram to one of n, with a secret, so that a flow stays where it is and nobody
// outside can choose.
func (u *UDP) flow(d *ip.Datagram, from netip.AddrPort, port uint16, n int) int {
	h := u.secret ^ uint64(from.Port())<<16 ^ uint64(port)
	for _, a := range [...]netip.Addr{d.Src, d.Dst} {
		b := a.As16()
		for i := 0; i < len(b); i += 8 {
			var w uint64
			for _, c := range b[i : i+8] {
				w = w<<8 | uint64(c)
			}
			high, low := bits.Mul64(h^w, 0x9e3779b97f4a7c15) // the golden ratio: an odd number without pattern
			h = high ^ low ^ w
		}
	}
	high, low := bits.Mul64(h, 0xd6e8feb86659fd93)
	high, _ = bits.Mul64(high^low, uint64(n))
	return int(high)
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
				q.Arrived = p.Arrived
				last.receive(q, d, from, bytes.Clone(d.Options)) // those of p go with p
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
	last.receive(p, d, from, d.Options)
	return ip.Accepted
}

// receive owns the content of a datagram.
func (e *Endpoint) receive(p *packet.Packet, d *ip.Datagram, from netip.AddrPort, options []byte) {
	r := e.Reserve(p, d.In)
	if r == nil {
		return
	}
	if e.family == ip.V6 {
		from = e.outsidePort(from)
	}
	r.From, r.To, r.TTL, r.TOS, r.Options = from, e.outside(d.Dst), d.TTL, d.TOS, options
	e.Arrived(r)
}

// fit tells how much of a datagram the endpoint has asked for: more is better; negative, it is not for this one.
func (e *Endpoint) fit(d *ip.Datagram, from netip.AddrPort) int {
	n := 0
	f := ip.FamilyOf(d.Dst)
	if !e.speaks(f) {
		return -1
	}
	if e.family == f { // it speaks this version only, or this one first
		n++
	}
	if a := e.local.Addr(); a.IsValid() {
		if a != d.Dst {
			return -1
		}
		n += 2
	}
	if e.peer.IsValid() {
		if e.peer != from {
			return -1
		}
		n += 4
	}
	if out := e.Options.Out; out != nil {
		if out != d.In {
			return -1
		}
		n += 8
	}
	if d.Cast == packet.Multicast && !e.member(d, f) {
		return -1
	}
	return n
}

func (e *Endpoint) member(d *ip.Datagram, f ip.Family) bool {
	return e.udp.demux.Network(f).AllHosts(d.Dst) || e.Wants != nil && e.Wants(d.In, d.Dst, d.Src)
}
