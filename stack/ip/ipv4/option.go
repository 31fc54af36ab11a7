package ipv4

import (
	"slices"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// acceptOptions judges the options of a datagram. It is false when they are malformed, or ask for a way that the datagram
// cannot go; the packet is gone then, and its source has been told (RFC 1122, 3.2.1.8 and 3.2.2.5). Unknown options are
// ignored.
func (y *Layer) acceptOptions(in *iface.Iface, p *packet.Packet, h *ipv4.Header) bool {
	var seen uint8 // route, record route, timestamp: each at most once (RFC 791, 3.1)
	it := h.Options.Iter()
	for it.Next() {
		o := it.Option()
		var bit uint8
		at, err := 0, error(nil)
		switch o.Type {
		case ipv4.RecordRoute:
			bit = 1
			_, at, err = o.Route()
		case ipv4.TimestampType:
			bit = 2
			_, at, err = o.Timestamp()
		case ipv4.LSRR, ipv4.SSRR: // one of both together (RFC 1122, 3.2.1.8 (c))
			bit = 4
			var r ipv4.Route
			if r, at, err = o.Route(); err == nil && seen&bit == 0 && !r.Full() && y.isOwn(h.Dst) {
				return y.sourceRouteInput(in, p)
			}
		}
		if err == nil && seen&bit != 0 {
			at, err = o.Offset, ipv4.ErrOption
		}
		if err != nil {
			return y.badOption(in, p, at)
		}
		seen |= bit
	}
	if at, err := it.Err(); err != nil {
		return y.badOption(in, p, at)
	}
	return true
}

func (y *Layer) badOption(in *iface.Iface, p *packet.Packet, at int) bool {
	y.sendError(in, p, icmpv4.BadParameter(uint8(at)))
	drop(in, p, stats.IPOption)
	return false
}

// sourceRouteInput refuses a datagram that wants to go on from here: source routes are not forwarded (RFC 1122, 3.3.5;
// RFC 7126, 4.3 and 4.4).
func (y *Layer) sourceRouteInput(in *iface.Iface, p *packet.Packet) bool {
	y.sendError(in, p, icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.SourceRouteFailed})
	drop(in, p, stats.IPSourceRoute)
	return false
}

// echoOptions adds to b the options of the answer to a request (RFC 1122, 3.2.2.6): record route and timestamp with this
// host in them, a source route turned round; others are not repeated. When a timestamp cannot be made, at is the octet
// to complain of.
func (y *Layer) echoOptions(b ipv4.Options, d *ip.Datagram) (_ ipv4.Options, at int, err error) {
	self := ipv4.Addr(d.Dst.As4())
	if d.Cast != packet.Unicast {
		self, _ = y.primary(d.In)
	}
	for it := ipv4.Options(d.Options).Iter(); it.Next(); {
		o := it.Option()
		start := len(b)
		switch o.Type {
		case ipv4.RecordRoute:
			b = append(b, o.Octets...)
			if r := ipv4.Route(b[start:]); !r.Full() {
				r.Record(self)
			}
		case ipv4.TimestampType:
			b = append(b, o.Octets...)
			if err := ipv4.Timestamp(b[start:]).Record(y.timeOfDay(), self, y.isOwn); err != nil {
				return nil, o.Offset + 3, err
			}
		case ipv4.LSRR, ipv4.SSRR:
			b = appendReversed(b, o, d.Src.As4())
		}
	}
	return b.Pad(), 0, nil
}

// appendReversed adds the way back of a datagram that came by a source route to its end (RFC 1122, 3.2.1.8 (c)): the
// route recorded, backwards. The source, where it ends, may have recorded itself at the front and is not passed twice.
func appendReversed(b ipv4.Options, o ipv4.Option, src ipv4.Addr) ipv4.Options {
	r, _, err := o.Route()
	if err != nil || r.Len() == 0 {
		return b
	}
	var hops []ipv4.Addr
	for i := range r.Len() {
		hops = append(hops, r.At(i))
	}
	slices.Reverse(hops)
	if hops[len(hops)-1] == src {
		hops = hops[:len(hops)-1]
	}
	if len(hops) == 0 {
		return b
	}
	return b.AppendSourceRoute(o.Type, hops...)
}

// firstHop is where a datagram that is sent with a source route goes first: the first address of the route. As users
// give it, the route does not hold the destination (BSD; RFC 1122, 3.2.1.8 (c)).
func firstHop(options ipv4.Options) (ipv4.Addr, bool) {
	for it := options.Iter(); it.Next(); {
		if o := it.Option(); o.Type == ipv4.LSRR || o.Type == ipv4.SSRR {
			if r, _, err := o.Route(); err == nil && !r.Full() {
				return r.Next(), true
			}
			return ipv4.Addr{}, false
		}
	}
	return ipv4.Addr{}, false
}

// singleHosts tells whether a source route to a destination leads over hosts alone: a group's address is never in one that
// is sent (RFC 1112, 6.2), nor a broadcast address.
func singleHosts(options ipv4.Options, dst ipv4.Addr) bool {
	bad := func(a ipv4.Addr) bool { return a.IsMulticast() || a.IsLimitedBroadcast() }
	if bad(dst) {
		return false
	}
	for it := options.Iter(); it.Next(); {
		o := it.Option()
		if o.Type != ipv4.LSRR && o.Type != ipv4.SSRR {
			continue
		}
		if r, _, err := o.Route(); err == nil {
			for i := range r.Slots() {
				if bad(r.At(i)) {
					return false
				}
			}
		}
	}
	return true
}

// sendBySourceRoute turns the user's form of a source route into that of the wire: the first hop becomes the header's
// destination, the others move up, and the destination is the last (RFC 791, 3.1). Options are written.
func sendBySourceRoute(h *ipv4.Header) {
	first, ok := firstHop(h.Options)
	if !ok {
		return
	}
	for it := h.Options.Iter(); it.Next(); {
		o := it.Option()
		if o.Type != ipv4.LSRR && o.Type != ipv4.SSRR {
			continue
		}
		route := o.Octets[3:]
		copy(route, route[4:])
		copy(route[len(route)-4:], h.Dst[:])
		h.Dst = first
		return
	}
}
