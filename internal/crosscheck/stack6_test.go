package crosscheck

import (
	"encoding/hex"
	"time"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/tcp"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// readStack6 reads a frame of IPv6 with the stack's codecs.
func readStack6(frame []byte) reading {
	r := reading{}
	if e, b, err := ethernet.Parse(frame); err == nil && e.Type == ethernet.TypeIPv6 {
		stackIPv6(r, b)
	}
	return r
}

// stackIPv6 reads a packet. One that is cut, as those are that errors quote, has no verdicts on checksums.
func stackIPv6(r reading, b []byte) {
	h, rest, err := ipv6.Parse(b)
	if err != nil {
		return
	}
	r.num("ipv6.tclass", uint64(h.TrafficClass))
	r.num("ipv6.flow", uint64(h.FlowLabel))
	r.num("ipv6.plen", uint64(h.PayloadLen))
	r.num("ipv6.nxt", uint64(h.NextHeader))
	r.num("ipv6.hlim", uint64(h.HopLimit))
	r.str("ipv6.src", h.Src)
	r.str("ipv6.dst", h.Dst)
	whole := ipv6.HeaderLen+int(h.PayloadLen) <= len(b)
	next := h.NextHeader
	for {
		switch next {
		case wire.HopByHop, wire.DestOpts:
			o, payload, err := ipv6.ParseOptions(rest)
			if err != nil {
				return
			}
			name := "ipv6.hopopts."
			if next == wire.DestOpts {
				name = "ipv6.dstopts."
			}
			r.num(name+"nxt", uint64(o.Next))
			r.num(name+"len", uint64(o.Len()/8-1))
			for it := o.Options.Iter(); it.Next(); {
				x := it.Option()
				r.num("ipv6.opt.type", uint64(x.Type))
				if x.Type != ipv6.Pad1 {
					r.num("ipv6.opt.length", uint64(len(x.Data)))
				}
			}
			next, rest = o.Next, payload
		case wire.Routing:
			x, payload, err := ipv6.ParseRouting(rest)
			if err != nil {
				return
			}
			r.num("ipv6.routing.nxt", uint64(x.Next))
			r.num("ipv6.routing.len", uint64(x.Len()/8-1))
			r.num("ipv6.routing.type", uint64(x.Type))
			r.num("ipv6.routing.segleft", uint64(x.SegsLeft))
			next, rest = x.Next, payload
		case wire.Fragment:
			x, payload, err := ipv6.ParseFragment(rest)
			if err != nil {
				return
			}
			r.num("ipv6.fraghdr.nxt", uint64(x.Next))
			r.num("ipv6.fraghdr.reserved_octet", uint64(x.Reserved))
			r.num("ipv6.fraghdr.offset", uint64(x.Offset/8))
			r.num("ipv6.fraghdr.reserved_bits", uint64(x.Reserved2))
			r.flag("ipv6.fraghdr.more", x.More)
			r.num("ipv6.fraghdr.ident", uint64(x.ID))
			if !x.IsAtomic() {
				return
			}
			next, rest = x.Next, payload
		case wire.ICMPv6:
			stackICMP6(r, h, rest, whole)
			return
		case wire.UDP:
			stackUDP6(r, h, rest, whole)
			return
		case wire.TCP:
			stackTCP6(r, h, rest, whole)
			return
		case wire.IPv6: // a tunnel (RFC 2473)
			stackIPv6(r, rest)
			return
		default:
			return
		}
	}
}

func stackUDP6(r reading, h ipv6.Header, b []byte, whole bool) {
	u, _, err := udp.Parse(b)
	if err != nil {
		return
	}
	r.num("udp.srcport", uint64(u.SrcPort))
	r.num("udp.dstport", uint64(u.DstPort))
	r.num("udp.length", uint64(u.Length))
	r.num("udp.checksum", uint64(u.Checksum))
	switch {
	case !whole && int(u.Length) > len(b): // a quote may say of itself that it is longer than it is
	case u.Checksum == 0: // none may be left out (RFC 8200, 8.1), which Verify leaves to the layer above
		r.num("udp.checksum.status", bad)
	default:
		verdict(r, "udp.checksum.status", udp.Verify(b, u, ipv6.Pseudo(h.Src, h.Dst, wire.UDP)))
	}
}

func stackTCP6(r reading, h ipv6.Header, b []byte, whole bool) {
	x, _, err := tcp.Parse(b)
	if err != nil {
		return
	}
	r.num("tcp.srcport", uint64(x.SrcPort))
	r.num("tcp.dstport", uint64(x.DstPort))
	r.num("tcp.seq_raw", uint64(x.Seq))
	r.num("tcp.ack_raw", uint64(x.Ack))
	r.num("tcp.hdr_len", uint64(x.Len()))
	r.num("tcp.flags", uint64(x.Flags&0xff))
	r.num("tcp.window_size_value", uint64(x.Window))
	r.num("tcp.checksum", uint64(x.Checksum))
	r.num("tcp.urgent_pointer", uint64(x.Urgent))
	for it := x.Options.Iter(); it.Next(); {
		r.num("tcp.option_kind", uint64(it.Kind))
		r.num("tcp.option_len", uint64(2+len(it.Data)))
	}
	if whole {
		verdict(r, "tcp.checksum.status", tcp.Verify(b, ipv6.Pseudo(h.Src, h.Dst, wire.TCP)))
	}
}

func stackICMP6(r reading, h ipv6.Header, b []byte, whole bool) {
	m, rest, err := icmpv6.Parse(b)
	if err != nil {
		return
	}
	r.num("icmpv6.type", uint64(m.Type))
	r.num("icmpv6.code", uint64(m.Code))
	r.num("icmpv6.checksum", uint64(m.Checksum))
	if whole {
		verdict(r, "icmpv6.checksum.status", icmpv6.Verify(b, ipv6.Pseudo(h.Src, h.Dst, wire.ICMPv6)))
	}
	var options []byte
	switch m.Type {
	case icmpv6.EchoRequest, icmpv6.EchoReply:
		r.num("icmpv6.echo.identifier", uint64(m.ID()))
		r.num("icmpv6.echo.sequence_number", uint64(m.Seq()))
	case icmpv6.PacketTooBig:
		r.num("icmpv6.mtu", uint64(m.MTU()))
	case icmpv6.ParameterProblem:
		r.num("icmpv6.pointer", uint64(m.Pointer()))
	case icmpv6.RouterSolicit:
		options = b[icmpv6.SolicitLen:]
	case icmpv6.RouterAdvert:
		a, rest, err := icmpv6.ParseRouterAdvertisement(b)
		if err != nil {
			return
		}
		r.num("icmpv6.nd.ra.cur_hop_limit", uint64(a.HopLimit))
		r.flag("icmpv6.nd.ra.flag.m", a.Managed)
		r.flag("icmpv6.nd.ra.flag.o", a.Other)
		r.num("icmpv6.nd.ra.flag.prf", uint64(a.Preference))
		r.num("icmpv6.nd.ra.router_lifetime", uint64(a.Lifetime))
		r.num("icmpv6.nd.ra.reachable_time", uint64(a.Reachable))
		r.num("icmpv6.nd.ra.retrans_timer", uint64(a.Retrans))
		options = rest
	case icmpv6.NeighborSolicit, icmpv6.NeighborAdvert:
		n, rest, err := icmpv6.ParseNeighbor(b)
		if err != nil {
			return
		}
		if m.Type == icmpv6.NeighborSolicit {
			r.str("icmpv6.nd.ns.target_address", n.Target)
		} else {
			r.str("icmpv6.nd.na.target_address", n.Target)
			r.flag("icmpv6.nd.na.flag.r", n.Router)
			r.flag("icmpv6.nd.na.flag.s", n.Solicited)
			r.flag("icmpv6.nd.na.flag.o", n.Override)
		}
		options = rest
	case icmpv6.Redirect:
		d, rest, err := icmpv6.ParseRedirection(b)
		if err != nil {
			return
		}
		r.str("icmpv6.nd.rd.target_address", d.Target)
		r.str("icmpv6.rd.na.destination_address", d.Dst)
		options = rest
	case icmpv6.ListenerQuery, icmpv6.ListenerReport, icmpv6.ListenerDone, icmpv6.ListenerReport2:
		stackMLD(r, m, b)
	}
	stackND(r, options)
	if m.Type >= icmpv6.Unreachable && m.Type <= icmpv6.ParameterProblem {
		stackIPv6(r, rest)
	}
}

func stackND(r reading, options []byte) {
	for len(options) > 0 {
		o, rest, err := icmpv6.ParseOption(options)
		if err != nil {
			return
		}
		r.num("icmpv6.opt.type", uint64(o.Type))
		r.num("icmpv6.opt.length", uint64(o.Len()/8))
		switch o.Type {
		case icmpv6.SourceLinkAddr, icmpv6.TargetLinkAddr:
			field := "icmpv6.opt.src_linkaddr"
			if o.Type == icmpv6.TargetLinkAddr {
				field = "icmpv6.opt.target_linkaddr"
			}
			if a, ok := o.LinkAddr(6); ok && o.Len() == 8 {
				r.str(field, a)
			}
		case icmpv6.MTUOption:
			if mtu, ok := o.MTU(); ok {
				r.num("icmpv6.opt.mtu", uint64(mtu))
			}
		case icmpv6.PrefixOption:
			if p, _, err := icmpv6.ParsePrefix(options); err == nil {
				r.num("icmpv6.opt.prefix.length", uint64(p.Bits))
				r.flag("icmpv6.opt.prefix.flag.l", p.OnLink)
				r.flag("icmpv6.opt.prefix.flag.a", p.Autonomous)
				r.num("icmpv6.opt.prefix.valid_lifetime", uint64(p.Valid))
				r.num("icmpv6.opt.prefix.preferred_lifetime", uint64(p.Preferred))
				r.str("icmpv6.opt.prefix", p.Prefix)
			}
		case icmpv6.Nonce:
			r["icmpv6.opt.nonce"] = append(r["icmpv6.opt.nonce"], hex.EncodeToString(o.Data))
		case icmpv6.RouteOption:
			if p, ok := o.Route(); ok {
				r.num("icmpv6.opt.prefix.length", uint64(p.Bits))
				r.num("icmpv6.opt.route_info.flag.route_preference", uint64(p.Preference))
				r.num("icmpv6.opt.route_lifetime", uint64(p.Lifetime))
				if o.Len() > 8 {
					r.str("icmpv6.opt.prefix", p.Prefix)
				}
			}
		case icmpv6.RDNSS:
			if lifetime, servers, ok := o.Servers(); ok {
				r.num("icmpv6.opt.rdnss.lifetime", uint64(lifetime))
				for ; len(servers) > 0; servers = servers[16:] {
					r.str("icmpv6.opt.rdnss", ipv6.Addr(servers))
				}
			}
		case icmpv6.DNSSL:
			if lifetime, list, ok := o.SearchList(); ok {
				r.num("icmpv6.opt.dnssl.lifetime", uint64(lifetime))
				if names, ok := icmpv6.Domains(list); ok {
					r["icmpv6.opt.dnssl"] = append(r["icmpv6.opt.dnssl"], names...)
				}
			}
		}
		options = rest
	}
}

func stackMLD(r reading, m icmpv6.Header, b []byte) {
	if m.Type == icmpv6.ListenerReport2 {
		r.num("icmpv6.mldr.nb_mcast_records", uint64(m.Word&0xffff))
		rest := b[icmpv6.HeaderLen:]
		for range m.Word & 0xffff {
			rec, more, err := icmpv6.ParseRecord(rest)
			if err != nil {
				return
			}
			r.num("icmpv6.mldr.mar.record_type", uint64(rec.Type))
			r.num("icmpv6.mldr.mar.nb_sources", uint64(rec.Sources.Len()))
			r.str("icmpv6.mldr.mar.multicast_address", rec.Group)
			for i := range rec.Sources.Len() {
				r.str("icmpv6.mldr.mar.source_address", rec.Sources.At(i))
			}
			rest = more
		}
		return
	}
	l, rest, err := icmpv6.ParseListener(b)
	if err != nil {
		return
	}
	r.str("icmpv6.mld.multicast_address", l.Group)
	q, _, err := icmpv6.ParseQuery2(rest)
	if err != nil || m.Type != icmpv6.ListenerQuery {
		r.num("icmpv6.mld.maximum_response_delay", uint64(l.MaxDelay))
		return
	}
	r.num("icmpv6.mld.maximum_response_code", uint64(icmpv6.MaxResp(l.MaxDelay)/time.Millisecond)) // it prints the time
	r.flag("icmpv6.mld.flag.s", q.Suppress)
	r.num("icmpv6.mld.flag.qrv", uint64(q.QRV))
	r.num("icmpv6.mld.qqi", uint64(icmpv6.QueryInterval(q.QQIC)/time.Second))
	r.num("icmpv6.mld.nb_sources", uint64(q.Sources.Len()))
	for i := range q.Sources.Len() {
		r.str("icmpv6.mld.source_address", q.Sources.At(i))
	}
}
