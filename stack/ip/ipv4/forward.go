package ipv4

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// forward sends a datagram on, as a router does (RFC 1812, 5.2 and 5.3). Its options have been judged. Errors quote it as
// it was received, so that nothing is written before all tests are made.
func (y *Layer) forward(in *iface.Iface, p *packet.Packet, h *ipv4.Header) {
	switch {
	case h.Dst[0] == 0, h.Dst.IsLoopback(), h.Dst.IsClassE(), // 5.3.7
		h.Src.IsUnspecified(),
		h.Src.IsLinkLocal(), h.Dst.IsLinkLocal(): // RFC 3927, 2.7
		drop(in, p, stats.ForwardRefused)
		return
	case h.TTL <= 1: // 5.3.1
		y.refuse(in, p, stats.IPTTL, icmpv4.Header{Type: icmpv4.TimeExceeded, Code: icmpv4.TTLExceeded})
		return
	}
	by, err := y.Path(&ip.Send{Dst: h.Dst.Netip()})
	if err != nil {
		y.refuse(in, p, stats.IPNoRoute, icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.NetUnreachable}) // 5.2.7.1
		return
	}
	if mtu := by.Out.MTU(); int(h.TotalLen) > mtu && h.Flags&ipv4.DF != 0 { // RFC 1191, 4
		y.refuse(in, p, stats.IPTooBig, icmpv4.FragNeeded(uint16(mtu)))
		return
	}
	if by.Out == in && !hasSourceRoute(h) {
		if l := y.subnet(h.Src, in); l != nil { // 5.2.7.2: the source could have sent it to the next hop itself
			y.sendError(in, p, icmpv4.Redirected(icmpv4.RedirectHost, ipv4.Addr(by.Hop.Addr.As4())))
		}
	}
	if h.Options != nil {
		if at, err := y.record(h, by); err != nil {
			y.refuse(in, p, stats.IPOption, icmpv4.BadParameter(uint8(at)))
			return
		}
	}
	b := p.Bytes()
	h.TTL--
	b[8] = h.TTL
	if h.Options != nil {
		ipv4.SealChecksum(b)
	} else { // RFC 1624
		word := uint16(h.TTL)<<8 | uint16(h.Protocol)
		binary.BigEndian.PutUint16(b[10:], wire.UpdateChecksum(h.Checksum, word+1<<8, word))
	}
	by.Out.Stats.IPv4.Forwarded++
	by.MTU = by.Out.MTU()
	_ = y.send(p, h, by) // counted there
}

// refuse drops a datagram and tells its source.
func (y *Layer) refuse(in *iface.Iface, p *packet.Packet, why stats.Drop, m icmpv4.Header) {
	y.sendError(in, p, m)
	drop(in, p, why)
}

// record puts this router into the options that ask for it (RFC 1812, 5.2.4.1): by the address of the way out. at is the
// octet to complain of when that cannot be done.
func (y *Layer) record(h *ipv4.Header, by ip.Path) (at int, err error) {
	self := ipv4.Addr(by.Src.As4())
	for it := h.Options.Iter(); it.Next(); {
		switch o := it.Option(); o.Type {
		case ipv4.RecordRoute:
			if r, _, err := o.Route(); err == nil && !r.Full() {
				r.Record(self)
			}
		case ipv4.TimestampType:
			if t, _, err := o.Timestamp(); err == nil {
				if err := t.Record(y.timeOfDay(), self, y.isOwn); err != nil {
					return o.Offset + 3, err
				}
			}
		}
	}
	return 0, nil
}

func hasSourceRoute(h *ipv4.Header) bool {
	_, loose := h.Options.Find(ipv4.LSRR)
	_, strict := h.Options.Find(ipv4.SSRR)
	return loose || strict
}
