package crosscheck

import (
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// readStack reads an Ethernet frame with the stack's codecs, as far as they go.
func readStack(frame []byte) reading {
	r := reading{}
	h, payload, err := ethernet.Parse(frame)
	if err != nil {
		return r
	}
	r.str("eth.dst", h.Dst)
	r.str("eth.src", h.Src)
	if h.Tagged {
		r.num("vlan.priority", uint64(h.TCI.Priority()))
		r.flag("vlan.dei", h.TCI.DropEligible())
		r.num("vlan.id", uint64(h.TCI.VLAN()))
	}
	switch {
	case h.Format == ethernet.Ethernet2 && h.Tagged:
		r.num("eth.type", uint64(ethernet.TypeVLAN))
		r.num("vlan.etype", uint64(h.Type))
	case h.Format == ethernet.Ethernet2:
		r.num("eth.type", uint64(h.Type))
	case h.Format == ethernet.SNAP:
		r.num("llc.type", uint64(h.Type))
	}
	if h.Format != ethernet.Ethernet2 && !h.Tagged {
		r.num("eth.len", uint64(h.Length))
	}
	switch h.Type {
	case ethernet.TypeARP:
		stackARP(r, payload)
	case ethernet.TypeIPv4:
		stackIPv4(r, payload, false)
	}
	return r
}

func stackARP(r reading, b []byte) {
	h, _, err := arp.Parse(b)
	if err != nil {
		return
	}
	r.num("arp.hw.type", uint64(h.Hardware))
	r.num("arp.proto.type", uint64(h.Protocol))
	r.num("arp.hw.size", uint64(h.SenderHW.Len()))
	r.num("arp.proto.size", 4)
	r.num("arp.opcode", uint64(h.Op))
	if h.SenderHW.Len() == 6 {
		r.str("arp.src.hw_mac", h.SenderHW)
		r.str("arp.dst.hw_mac", h.TargetHW)
	}
	r.str("arp.src.proto_ipv4", h.SenderIP)
	r.str("arp.dst.proto_ipv4", h.TargetIP)
}

func stackIPv4(r reading, b []byte, quoted bool) {
	h, payload, err := ipv4.Parse(b)
	if err != nil {
		return
	}
	r.num("ip.version", 4)
	r.num("ip.hdr_len", uint64(h.Len()))
	r.num("ip.dsfield", uint64(h.TOS))
	r.num("ip.len", uint64(h.TotalLen))
	r.num("ip.id", uint64(h.ID))
	r.flag("ip.flags.rb", h.Flags&ipv4.Reserved != 0)
	r.flag("ip.flags.df", h.Flags&ipv4.DF != 0)
	r.flag("ip.flags.mf", h.Flags&ipv4.MF != 0)
	r.num("ip.frag_offset", uint64(h.FragOffset))
	r.num("ip.ttl", uint64(h.TTL))
	r.num("ip.proto", uint64(h.Protocol))
	r.num("ip.checksum", uint64(h.Checksum))
	r.str("ip.src", h.Src)
	r.str("ip.dst", h.Dst)
	for it := h.Options.Iter(); it.Next(); {
		o := it.Option()
		r.num("ip.opt.type", uint64(o.Type))
		r.num("ip.opt.len", uint64(len(o.Octets)))
		if route, _, err := o.Route(); err == nil && (o.Type == ipv4.RecordRoute || o.Type == ipv4.LSRR || o.Type == ipv4.SSRR) {
			r.num("ip.opt.ptr", uint64(route[2]))
		}
		if ts, _, err := o.Timestamp(); err == nil && o.Type == ipv4.TimestampType {
			r.num("ip.opt.ptr", uint64(ts[2]))
			r.num("ip.opt.overflow", uint64(ts.Overflow()))
			r.num("ip.opt.flag", uint64(ts.Flag()))
		}
	}
	if !quoted {
		err := ipv4.Verify(b, h)
		if err == wire.ErrLength { // which is looked at when the checksum was found good
			err = nil
		}
		verdict(r, "ip.checksum.status", err)
	}
	if h.FragOffset != 0 {
		return
	}
	whole := !quoted && !h.IsFragment()
	switch h.Protocol {
	case wire.ICMPv4:
		stackICMP(r, payload, whole)
	case wire.UDP:
		stackUDP(r, payload, h, whole)
	case wire.IGMP:
		if whole {
			stackIGMP(r, payload)
		}
	}
}

func stackICMP(r reading, b []byte, whole bool) {
	h, payload, err := icmpv4.Parse(b)
	if err != nil {
		return
	}
	r.num("icmp.type", uint64(h.Type))
	r.num("icmp.code", uint64(h.Code))
	r.num("icmp.checksum", uint64(h.Checksum))
	if whole {
		verdict(r, "icmp.checksum.status", icmpv4.Verify(b))
	}
	switch h.Type {
	case icmpv4.EchoRequest, icmpv4.EchoReply, icmpv4.TimestampRequest, icmpv4.TimestampReply,
		icmpv4.AddressMaskRequest, icmpv4.AddressMaskReply:
		r.num("icmp.ident", uint64(h.ID()))
		r.num("icmp.seq", uint64(h.Seq()))
	case icmpv4.Redirect:
		r.str("icmp.redir_gw", h.Gateway())
	case icmpv4.ParameterProblem:
		if h.Code == icmpv4.PointerGiven {
			r.num("icmp.pointer", uint64(h.Pointer()))
		}
	case icmpv4.Unreachable:
		if h.Code == icmpv4.FragmentationNeeded {
			r.num("icmp.mtu", uint64(h.NextHopMTU()))
		}
	}
	switch h.Type {
	case icmpv4.TimestampRequest, icmpv4.TimestampReply:
		if ts, _, err := icmpv4.ParseTimestamps(payload); err == nil {
			r.num("icmp.originate_timestamp", uint64(ts.Originate))
			r.num("icmp.receive_timestamp", uint64(ts.Receive))
			r.num("icmp.transmit_timestamp", uint64(ts.Transmit))
		}
	case icmpv4.AddressMaskRequest, icmpv4.AddressMaskReply:
		if mask, _, err := icmpv4.ParseMask(payload); err == nil {
			r.str("icmp.address_mask", mask)
		}
	}
	if h.Type.IsError() {
		stackIPv4(r, payload, true)
	}
}

func stackUDP(r reading, b []byte, ip ipv4.Header, whole bool) {
	h, _, err := udp.Parse(b)
	if err != nil {
		return
	}
	r.num("udp.srcport", uint64(h.SrcPort))
	r.num("udp.dstport", uint64(h.DstPort))
	r.num("udp.length", uint64(h.Length))
	r.num("udp.checksum", uint64(h.Checksum))
	switch {
	case !whole:
	case h.Checksum == 0:
		r.num("udp.checksum.status", notPresent)
	default:
		verdict(r, "udp.checksum.status", udp.Verify(b, h, ip.Pseudo()))
	}
}

func stackIGMP(r reading, b []byte) {
	if p, _, err := igmp.ParseReport(b); err == nil {
		r.num("igmp.type", uint64(igmp.V3Report))
		r.num("igmp.checksum", uint64(p.Checksum))
		r.num("igmp.num_grp_recs", uint64(p.Records.Len()))
		for rest := p.Records; len(rest) > 0; {
			var rec igmp.Record
			rec, rest = rest.Next()
			r.num("igmp.record_type", uint64(rec.Type))
			r.num("igmp.aux_data_len", uint64(len(rec.Aux)/4))
			r.num("igmp.num_src", uint64(rec.SourceSet.Len()))
			r.str("igmp.maddr", rec.Group)
			stackSources(r, rec.SourceSet)
		}
		verdict(r, "igmp.checksum.status", igmp.Verify(b))
		return
	}
	h, _, err := igmp.Parse(b)
	if err != nil {
		return
	}
	switch h.Type {
	case igmp.Query, igmp.V1Report, igmp.V2Report, igmp.V2Leave:
	default: // another protocol under IGMP's number: DVMRP, PIM version 1
		return
	}
	r.num("igmp.type", uint64(h.Type))
	r.num("igmp.checksum", uint64(h.Checksum))
	r.str("igmp.maddr", h.Group)
	if h.Type == igmp.Query && h.Version(len(b)) == 2 {
		r.num("igmp.max_resp", uint64(h.MaxResp))
	}
	if h.Type == igmp.Query && h.Version(len(b)) == 3 {
		if q, _, err := igmp.ParseQuery(b); err == nil {
			r.num("igmp.max_resp", uint64(q.MaxResp.Value()))
			r.flag("igmp.s", q.Suppress)
			r.num("igmp.qrv", uint64(q.QRV))
			r.num("igmp.qqic", uint64(q.QQIC)) // the code, not its value
			r.num("igmp.num_src", uint64(q.SourceSet.Len()))
			stackSources(r, q.SourceSet)
		}
	}
	verdict(r, "igmp.checksum.status", igmp.Verify(b))
}

func stackSources(r reading, s igmp.Sources) {
	for i := range s.Len() {
		r.str("igmp.saddr", s.At(i))
	}
}

// verdict says what a Verify found of the checksum: nothing, when lengths did not let it be summed up.
func verdict(r reading, field string, err error) {
	switch err {
	case nil:
		r.num(field, good)
	case wire.ErrChecksum:
		r.num(field, bad)
	}
}
