package crosscheck

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// tshark6Fields are all fields of IPv6 that are compared, of the outermost packet and of ICMPv6 that is in no error.
var tshark6Fields = strings.Fields(`
	ipv6.tclass ipv6.flow ipv6.plen ipv6.nxt ipv6.hlim ipv6.src ipv6.dst ipv6.opt.type ipv6.opt.length
	ipv6.fraghdr.nxt ipv6.fraghdr.offset ipv6.fraghdr.more ipv6.fraghdr.ident ipv6.routing.type ipv6.routing.segleft
	icmpv6.type icmpv6.code icmpv6.checksum icmpv6.checksum.status icmpv6.echo.identifier icmpv6.echo.sequence_number
	icmpv6.mtu icmpv6.pointer icmpv6.nd.ra.cur_hop_limit icmpv6.nd.ra.flag.m icmpv6.nd.ra.flag.o icmpv6.nd.ra.flag.prf
	icmpv6.nd.ra.router_lifetime icmpv6.nd.ra.reachable_time icmpv6.nd.ra.retrans_timer
	icmpv6.nd.ns.target_address icmpv6.nd.na.target_address icmpv6.nd.na.flag.r icmpv6.nd.na.flag.s icmpv6.nd.na.flag.o
	icmpv6.nd.rd.target_address icmpv6.rd.na.destination_address
	icmpv6.opt.type icmpv6.opt.length icmpv6.opt.src_linkaddr icmpv6.opt.target_linkaddr icmpv6.opt.mtu
	icmpv6.opt.prefix.length icmpv6.opt.prefix.flag.l icmpv6.opt.prefix.flag.a icmpv6.opt.prefix.valid_lifetime
	icmpv6.opt.prefix.preferred_lifetime icmpv6.opt.prefix icmpv6.opt.rdnss
	icmpv6.mld.maximum_response_delay icmpv6.mld.maximum_response_code icmpv6.mld.multicast_address icmpv6.mld.flag.s
	icmpv6.mld.flag.qrv icmpv6.mld.qqi icmpv6.mld.nb_sources icmpv6.mld.source_address
	icmpv6.mldr.nb_mcast_records icmpv6.mldr.mar.record_type icmpv6.mldr.mar.nb_sources icmpv6.mldr.mar.multicast_address
	icmpv6.mldr.mar.source_address`)

// readStack6 reads a frame of IPv6 with the stack's codecs.
func readStack6(frame []byte) reading {
	r := reading{}
	e, b, err := ethernet.Parse(frame)
	if err != nil || e.Type != ethernet.TypeIPv6 {
		return r
	}
	h, rest, err := ipv6.Parse(b)
	if err != nil {
		return r
	}
	r.num("ipv6.tclass", uint64(h.TrafficClass))
	r.num("ipv6.flow", uint64(h.FlowLabel))
	r.num("ipv6.plen", uint64(h.PayloadLen))
	r.num("ipv6.nxt", uint64(h.NextHeader))
	r.num("ipv6.hlim", uint64(h.HopLimit))
	r.str("ipv6.src", h.Src)
	r.str("ipv6.dst", h.Dst)
	next, part := h.NextHeader, false
	for {
		switch next {
		case wire.HopByHop, wire.DestOpts:
			o, payload, err := ipv6.ParseOptions(rest)
			if err != nil {
				return r
			}
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
				return r
			}
			r.num("ipv6.routing.type", uint64(x.Type))
			r.num("ipv6.routing.segleft", uint64(x.SegsLeft))
			next, rest = x.Next, payload
		case wire.Fragment:
			x, payload, err := ipv6.ParseFragment(rest)
			if err != nil {
				return r
			}
			r.num("ipv6.fraghdr.nxt", uint64(x.Next))
			r.num("ipv6.fraghdr.offset", uint64(x.Offset/8))
			r.flag("ipv6.fraghdr.more", x.More)
			r.num("ipv6.fraghdr.ident", uint64(x.ID))
			next, rest, part = x.Next, payload, part || !x.IsAtomic()
		case wire.ICMPv6:
			if !part {
				stackICMP6(r, h, rest)
			}
			return r
		default:
			return r
		}
	}
}

func stackICMP6(r reading, h ipv6.Header, b []byte) {
	m, _, err := icmpv6.Parse(b)
	if err != nil {
		return
	}
	r.num("icmpv6.type", uint64(m.Type))
	r.num("icmpv6.code", uint64(m.Code))
	r.num("icmpv6.checksum", uint64(m.Checksum))
	verdict(r, "icmpv6.checksum.status", icmpv6.Verify(b, ipv6.Pseudo(h.Src, h.Dst, wire.ICMPv6)))
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
		case icmpv6.RDNSS:
			if _, servers, ok := o.Servers(); ok {
				for ; len(servers) > 0; servers = servers[16:] {
					r.str("icmpv6.opt.rdnss", ipv6.Addr(servers))
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
	r.num("icmpv6.mld.qqi", uint64(q.QQIC))
	r.num("icmpv6.mld.nb_sources", uint64(q.Sources.Len()))
	for i := range q.Sources.Len() {
		r.str("icmpv6.mld.source_address", q.Sources.At(i))
	}
}

// samples6 are frames with every message and header that the stack's codecs write.
func samples6() (frames [][]byte) {
	src, dst := ipv6.MustParseAddr("fe80::1"), ipv6.MustParseAddr("2001:db8::2")
	frame := func(h ipv6.Header, payload []byte) {
		h.Src, h.Dst, h.PayloadLen = src, dst, uint16(len(payload))
		b := ethernet.Append(nil, ethernet.Header{Dst: ethernet.MAC{2, 0, 0, 0, 0, 2}, Src: ethernet.MAC{2, 0, 0, 0, 0, 1}, Type: ethernet.TypeIPv6})
		frames = append(frames, append(ipv6.Append(b, h), payload...))
	}
	message := func(m []byte) []byte {
		icmpv6.Seal(m, ipv6.Pseudo(src, dst, wire.ICMPv6))
		return m
	}
	icmp := func(m []byte) { frame(ipv6.Header{NextHeader: wire.ICMPv6, HopLimit: 255}, message(m)) }
	quote := ipv6.Append(nil, ipv6.Header{NextHeader: wire.NoNext, HopLimit: 1, Src: dst, Dst: src})
	mac := link.MustParseAddr("02:00:00:00:00:01")
	echo := append(icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoRequest, 0x1234, 0xfedc)), "data"...)

	frame(ipv6.Header{TrafficClass: 0xb9, FlowLabel: 0xabcde, NextHeader: wire.ICMPv6, HopLimit: 7}, message(echo))
	icmp(append(icmpv6.Append(nil, icmpv6.TooBig(1400)), quote...))
	icmp(append(icmpv6.Append(nil, icmpv6.BadParameter(icmpv6.UnknownOption, 42)), quote...))
	icmp(append(icmpv6.Append(nil, icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.PortUnreachable}), quote...))
	icmp(icmpv6.AppendLinkAddr(icmpv6.Append(nil, icmpv6.Header{Type: icmpv6.RouterSolicit}), icmpv6.SourceLinkAddr, mac))
	ra := icmpv6.AppendRouterAdvertisement(nil, icmpv6.RouterAdvertisement{
		HopLimit: 64, Managed: true, Preference: icmpv6.High, Lifetime: 1800, Reachable: 30000, Retrans: 1000})
	ra = icmpv6.AppendMTU(icmpv6.AppendLinkAddr(ra, icmpv6.SourceLinkAddr, mac), 1480)
	ra = icmpv6.AppendPrefix(ra, icmpv6.Prefix{Bits: 64, OnLink: true, Autonomous: true, Valid: 3600, Preferred: 1800, Prefix: ipv6.MustParseAddr("2001:db8:5::")})
	icmp(icmpv6.AppendOption(ra, icmpv6.Option{Type: icmpv6.RDNSS, Data: append(make([]byte, 6), dst[:]...)}))
	icmp(icmpv6.AppendLinkAddr(icmpv6.AppendNeighbor(nil, icmpv6.Neighbor{Type: icmpv6.NeighborSolicit, Target: dst}), icmpv6.SourceLinkAddr, mac))
	for _, n := range []icmpv6.Neighbor{{Router: true}, {Solicited: true}, {Override: true}} {
		n.Type, n.Target = icmpv6.NeighborAdvert, src
		icmp(icmpv6.AppendLinkAddr(icmpv6.AppendNeighbor(nil, n), icmpv6.TargetLinkAddr, mac))
	}
	icmp(icmpv6.AppendLinkAddr(icmpv6.AppendRedirection(nil, icmpv6.Redirection{Target: src, Dst: dst}), icmpv6.TargetLinkAddr, mac))
	for _, t := range []icmpv6.Type{icmpv6.ListenerQuery, icmpv6.ListenerReport, icmpv6.ListenerDone} {
		icmp(icmpv6.AppendListener(nil, icmpv6.Listener{Type: t, MaxDelay: 1000, Group: ipv6.AllRouters}))
	}
	sources := icmpv6.Sources(nil).Append(src).Append(dst)
	icmp(icmpv6.AppendQuery2(icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerQuery, MaxDelay: 0x8123, Group: ipv6.AllRouters}),
		icmpv6.Query2{Suppress: true, QRV: 2, QQIC: 125, Sources: sources}))
	report := icmpv6.AppendRecord(icmpv6.Append(nil, icmpv6.Report2(2)), icmpv6.Record{Type: icmpv6.ChangeToExclude, Group: ipv6.AllRouters})
	icmp(icmpv6.AppendRecord(report, icmpv6.Record{Type: icmpv6.AllowNew, Group: ipv6.MLDv2Routers, Sources: sources}))

	chain := ipv6.AppendOptions(nil, ipv6.OptionsHeader{Next: wire.DestOpts, Options: ipv6.Options(nil).AppendRouterAlert(0).Pad()})
	chain = ipv6.AppendOptions(chain, ipv6.OptionsHeader{Next: wire.Routing, Options: ipv6.Options{0}.Append(0x1e, make([]byte, 3)).Pad()})
	chain = ipv6.AppendRouting(chain, ipv6.RoutingHeader{Next: wire.Fragment, Type: 0, Data: make([]byte, 20)})
	chain = ipv6.AppendFragment(chain, ipv6.FragmentHeader{Next: wire.ICMPv6, Offset: 1448, More: true, ID: 0xdeadbeef})
	frame(ipv6.Header{NextHeader: wire.HopByHop, HopLimit: 64}, append(chain, make([]byte, 16)...))
	return frames
}

// The stack and tshark agree on every message and header of IPv6 that the stack's codecs write. What others wrote is
// TestTsharkReadsIPv6's.
func TestIPv6(t *testing.T) {
	needTshark(t)
	all := samples6()
	theirs := readTshark6(t, captureOf(t, all))
	if len(theirs) != len(all) {
		t.Fatalf("tshark read %d of %d frames", len(theirs), len(all))
	}
	for i, frame := range all {
		compare(t, fmt.Sprintf("frame %d", i), frame, "stack", readStack6(frame), "tshark", theirs[i])
	}
}

func readTshark6(t *testing.T, name string) []reading {
	t.Helper()
	args := []string{"-n", "-r", name, "-o", "ipv6.defragment:FALSE", "-T", "fields", "-E", "separator=|", "-E", "aggregator=;", "-E", "occurrence=a"}
	for _, f := range tshark6Fields {
		args = append(args, "-e", f)
	}
	out, err := tshark(args...)
	if err != nil {
		t.Fatal(err)
	}
	var all []reading
	for line := range strings.Lines(out) {
		r := reading{}
		for i, cell := range strings.Split(strings.TrimSuffix(line, "\n"), "|") {
			if cell == "" {
				continue
			}
			for v := range strings.SplitSeq(cell, ";") {
				r[tshark6Fields[i]] = append(r[tshark6Fields[i]], normal(v))
			}
		}
		for f, v := range r { // the others are of what an error quotes, or of a tunnel
			if strings.HasPrefix(f, "ipv6.") && !strings.HasPrefix(f, "ipv6.opt") && !strings.HasPrefix(f, "ipv6.fraghdr") && !strings.HasPrefix(f, "ipv6.routing") {
				r[f] = v[:1]
			}
		}
		if s := r["icmpv6.checksum.status"]; len(s) > 0 && s[0] == "2" {
			delete(r, "icmpv6.checksum.status")
		}
		all = append(all, r)
	}
	return slices.Clip(all)
}
