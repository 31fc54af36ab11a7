package lowpan

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
)

// dispatchIPv6 is in front of a header that is not compressed (RFC 4944, 5.1).
const dispatchIPv6 = 0x41

// Output owns a packet of IPv6 for a station, or for all of them (Broadcast).
func (a *Adapter) Output(p *packet.Packet, dst link.Addr) {
	b := p.Bytes()
	if len(b) < ipv6.HeaderLen || ipv6.HeaderLen+int(binary.BigEndian.Uint16(b[4:])) > len(b) {
		a.drop(p, stats.IPInvalid)
		return
	}
	p.SetLen(ipv6.HeaderLen + int(binary.BigEndian.Uint16(b[4:])))
	if b = p.Bytes(); len(b) > MTU {
		a.drop(p, stats.IPTooBig)
		return
	}
	src, ok := a.source(b)
	if !ok || dst.IsZero() {
		a.drop(p, stats.NoLinkAddr)
		return
	}
	w := a.mesh.way(src, dst)
	room := a.link.Room(w.from, w.next) - w.len()
	s := &a.around
	*s = lowpan.Surroundings{Src: src, Dst: dst, PAN: a.link.PAN(), Contexts: &a.contexts.wire}
	o := lowpan.Options{GHC: a.generic.towards(a, dst)}
	if a.mayElide(p, b, dst) {
		if !checksumRight(b) { // RFC 6282, 4.3.2
			a.drop(p, stats.UDPChecksum)
			return
		}
		o.Elide = true
	}
	n, took := a.compress(b, s, o)
	if n+len(b)-took > room {
		if a.recover.output(p, s, o, w, room) {
			return
		}
		a.fragment(p, s, o, w, room)
		return
	}
	p.TrimFront(took)
	a.env.Stats.Lowpan.Sent++
	if p = a.withHeadroom(p, n+w.len()); p != nil {
		copy(p.Prepend(n), a.room[:n])
		a.send(p, w)
	}
}

// source is the address that a packet is sent from: the short one if its source address was made from that, else the
// extended one.
func (a *Adapter) source(b []byte) (_ link.Addr, ok bool) {
	own := a.link.Addrs()
	if len(own) == 0 {
		return link.Addr{}, false
	}
	if len(own) > 1 {
		if iid, _ := lowpan.InterfaceID(own[1]); iid == binary.BigEndian.Uint64(b[16:]) {
			return own[1], true
		}
	}
	return own[0], true
}

// compress puts the headers of a packet into room. They are as they were where compression is off.
func (a *Adapter) compress(b []byte, s *lowpan.Surroundings, o lowpan.Options) (n, took int) {
	if a.c.Compression.On() {
		n, took = lowpan.Compress(a.room[:], b, s, o)
	}
	if n == 0 {
		a.room[0] = dispatchIPv6
		n = 1
	}
	return n, took
}

// mayElide tells whether the UDP checksum of a packet may be left out (RFC 6282, 4.3.2): the user said so, the packet was
// made here, and the link protects what it carries.
func (a *Adapter) mayElide(p *packet.Packet, b []byte, dst link.Addr) bool {
	return a.c.ElideChecksum.On() && wire.Protocol(b[6]) == wire.UDP && len(b) >= ipv6.HeaderLen+8 &&
		p.Arrived == 0 && p.LinkSrc.IsZero() && a.link.Protects(dst)
}

// checksumRight judges the checksum of a UDP datagram right behind its IPv6 header.
func checksumRight(b []byte) bool {
	u := b[ipv6.HeaderLen:]
	return binary.BigEndian.Uint16(u[6:]) != 0 &&
		wire.Pseudo6([16]byte(b[8:24]), [16]byte(b[24:40]), wire.UDP).AddUint32(uint32(len(u))).Add(u).Valid()
}

// withHeadroom gives a packet with n octets for headers of this layer in front, and what the link wants: p, or a copy of it.
// Without memory for that, p is dropped and nil is returned.
func (a *Adapter) withHeadroom(p *packet.Packet, n int) *packet.Packet {
	if p.Headroom() >= n+a.env.Headroom {
		return p
	}
	q := a.env.Tx.Copy(n+a.env.Headroom, p.Bytes())
	if q == nil {
		a.drop(p, stats.NoBuffer)
		return nil
	}
	q.Inherit(p)
	p.Free()
	return q
}

// send owns a payload that is complete but for the headers of the mesh.
func (a *Adapter) send(p *packet.Packet, w way) {
	if w.broadcast {
		lowpan.PutBroadcast(p.Prepend(lowpan.BroadcastLen), lowpan.Broadcast{Seq: a.mesh.nextSeq()})
	}
	if w.meshed {
		lowpan.PutMesh(p.Prepend(w.header.Len()), w.header)
	}
	a.link.Send(p, w.from, w.next)
}

// fragment owns a packet that does not fit into a frame, and sends it in several (RFC 4944, 5.3). They are sent all or none.
func (a *Adapter) fragment(p *packet.Packet, s *lowpan.Surroundings, o lowpan.Options, w way, room int) {
	b := p.Bytes()
	first, later := room-lowpan.Frag1Len, (room-lowpan.FragNLen)&^7
	if !a.c.Fragmentation.On() || first <= 0 || later <= 0 {
		a.drop(p, stats.IPTooBig)
		return
	}
	o.Limit = min(first, len(a.room)) // what does not fit whole is not compressed (RFC 6282, 2)
	if o.GHC != nil {
		o.GHC.Fragment = true
		defer func() { o.GHC.Fragment = false }()
	}
	n, took := a.compress(b, s, o)
	data := min((took+first-n)&^7, len(b)) - took // of the first fragment: it ends at a multiple of 8
	if first < n || data < 0 || took+data == 0 {
		a.drop(p, stats.IPTooBig)
		return
	}
	var all packet.Queue
	f := lowpan.Fragment{First: true, Size: uint16(len(b)), Tag: a.tag}
	for at := 0; at < len(b); {
		from, to := at, min(at+later, len(b))
		if f.First {
			from, to = took, took+data
		} else {
			n = 0
		}
		if !f.First && to == len(b) {
			all.Push(a.lastFragment(p, from, f, w))
			p = nil
			break
		}
		q := a.env.Tx.Get(a.env.Headroom+w.len(), f.Len()+n+to-from)
		if q == nil {
			all.Clear()
			a.drop(p, stats.NoBuffer)
			return
		}
		q.Inherit(p)
		frame := q.Bytes()
		lowpan.PutFragment(frame, f)
		copy(frame[f.Len():], a.room[:n])
		copy(frame[f.Len()+n:], b[from:to])
		all.Push(q)
		at = to
		f.First, f.Offset = false, uint16(at)
	}
	if p != nil {
		p.Free()
	}
	a.tag++
	a.env.Stats.Lowpan.Sent++
	a.env.Stats.Lowpan.Fragmented++
	a.env.Stats.Lowpan.FragmentsSent += uint64(all.Len())
	for q := all.Pop(); q != nil; q = all.Pop() {
		a.send(q, w)
	}
}

// lastFragment makes the last fragment of a packet of the packet itself, from an offset on, so that a pool that holds all
// fragments but no more is enough. What it carries goes to the front of its storage, as far as headers leave it.
func (a *Adapter) lastFragment(p *packet.Packet, from int, f lowpan.Fragment, w way) *packet.Packet {
	b := p.Bytes()
	at := min(max(0, a.env.Headroom+w.len()+f.Len()-p.Headroom()), from)
	n := copy(b[at:], b[from:])
	p.SetLen(at + n)
	p.TrimFront(at)
	lowpan.PutFragment(p.Prepend(f.Len()), f)
	return p
}

// PartOf tells which packet a payload is part of, 0 for one that is not cut, and whether it is its first part. Behind a mesh
// header the packets are their originators'.
func (a *Adapter) PartOf(payload []byte) (id uint64, first bool) {
	var from uint64
	if h, rest, err := lowpan.ParseMesh(payload); err == nil {
		from, payload = h.Originator.Uint64(), rest
		if _, rest, err := lowpan.ParseBroadcast(payload); err == nil {
			payload = rest
		}
	}
	f, _, err := lowpan.ParseFragment(payload)
	if err != nil {
		return 0, false
	}
	const spread = 0x9e3779b97f4a7c15 // so that originators and tags do not meet
	return from*spread ^ (1<<63 | uint64(f.Size)<<16 | uint64(f.Tag)), f.First
}
