package ipv6

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// walk owns a packet for this host and goes through its extension headers, strictly in their order (RFC 8200, 4): next is
// at an offset of the packet and was named by the Next Header field at another one. Headers come in any order and any
// number of times, but for Hop-by-Hop Options, which is first or nowhere (4.1).
func (y *Layer) walk(in *iface.Iface, p *packet.Packet, h *ipv6.Header, k kind, next wire.Protocol, named, at int) {
	for {
		switch next {
		case wire.HopByHop, wire.DestOpts, wire.Routing, wire.Fragment:
		case wire.NoNext: // 4.7: nothing follows, and what does is ignored
			in.Stats.IPv6.Delivered++
			p.Free()
			return
		default:
			y.deliver(in, p, h, k, next, named, at)
			return
		}
		if y.arrived.headers++; y.arrived.headers > y.c.MaxHeaders { // RFC 8504, 5.3
			in.Drop(p, stats.ExtHeader)
			return
		}
		b := p.Bytes()[at:]
		switch next {
		case wire.HopByHop:
			if at != ipv6.HeaderLen { // 4: as if it were not known
				y.refuse(in, p, stats.ExtHeader, icmpv6.BadParameter(icmpv6.UnknownNextHeader, named))
				return
			}
			fallthrough
		case wire.DestOpts:
			o, _, err := ipv6.ParseOptions(b)
			if err != nil {
				in.Drop(p, stats.ExtHeader)
				return
			}
			if !y.acceptOptions(in, p, k, o.Options, at, next == wire.HopByHop) {
				return
			}
			next, named, at = o.Next, at, at+o.Len()
		case wire.Routing:
			r, _, err := ipv6.ParseRouting(b)
			if err != nil {
				in.Drop(p, stats.ExtHeader)
				return
			}
			if r.SegsLeft != 0 { // 4.4; RFC 5095, 3: of any type, as none is known
				y.refuse(in, p, stats.ExtRouting, icmpv6.BadParameter(icmpv6.ErroneousField, at+2))
				return
			}
			next, named, at = r.Next, at, at+r.Len()
		case wire.Fragment:
			f, _, err := ipv6.ParseFragment(b)
			if err != nil {
				in.Drop(p, stats.ExtHeader)
				return
			}
			y.arrived.fragmented = true
			if !f.IsAtomic() {
				in.Stats.IPv6.FragmentsReceived++
				y.reasm.input(in, p, h, k, f, named, at)
				return
			}
			next, named, at = f.Next, at, at+ipv6.FragmentLen // RFC 6946: whatever else there is of its identification
		}
	}
}

// hopByHop looks at the options that a router looks at. It is false when the packet is gone.
func (y *Layer) hopByHop(in *iface.Iface, p *packet.Packet, h *ipv6.Header, k kind) bool {
	o, _, err := ipv6.ParseOptions(p.Bytes()[ipv6.HeaderLen:])
	if err != nil {
		in.Drop(p, stats.ExtHeader)
		return false
	}
	return y.acceptOptions(in, p, k, o.Options, ipv6.HeaderLen, true)
}

// acceptOptions acts on the options of a header at an offset of the packet (RFC 8200, 4.2). It is false when the packet is
// gone.
func (y *Layer) acceptOptions(in *iface.Iface, p *packet.Packet, k kind, options ipv6.Options, at int, hopByHop bool) bool {
	it := options.Iter()
	for it.Next() {
		o := it.Option()
		switch {
		case o.Type == ipv6.Pad1, o.Type == ipv6.PadN:
			continue
		case o.Type == ipv6.RouterAlert && hopByHop && len(o.Data) == 2:
			y.arrived.alert = true
		case o.Type.Action() == ipv6.Discard:
			in.Drop(p, stats.ExtOption)
			return false
		case o.Type.Action() == ipv6.DiscardTell, o.Type.Action() == ipv6.DiscardTellIf && k != group:
			y.refuse(in, p, stats.ExtOption, icmpv6.BadParameter(icmpv6.UnknownOption, at+o.Offset))
			return false
		case o.Type.Action() == ipv6.DiscardTellIf:
			in.Drop(p, stats.ExtOption)
			return false
		}
		if y.arrived.options++; y.arrived.options > y.c.MaxOptions { // RFC 8504, 5.3
			in.Drop(p, stats.ExtOption)
			return false
		}
	}
	if fault, err := it.Err(); err != nil {
		y.refuse(in, p, stats.ExtOption, icmpv6.BadParameter(icmpv6.ErroneousField, at+fault))
		return false
	}
	return true
}

// refuse drops a packet and tells its source.
func (y *Layer) refuse(in *iface.Iface, p *packet.Packet, why stats.Drop, m icmpv6.Header) {
	y.sendError(in, p, m)
	in.Drop(p, why)
}
