package crosscheck

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/llc"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/target"
)

// readHarness reads an Ethernet frame with the harness's tables over gopacket. It verifies no checksum, which is the
// judge's, and has no table of tags.
func readHarness(frame []byte) reading {
	r := reading{}
	f := packet.Dissect(target.Ethernet, frame)
	take(r, "eth.dst", f, ethernet.Dst)
	take(r, "eth.src", f, ethernet.Src)
	if t, ok := ethernet.Type.Of(f); ok && t <= 1500 {
		take(r, "eth.len", f, ethernet.Type)
	} else {
		take(r, "eth.type", f, ethernet.Type)
	}
	take(r, "llc.type", f, llc.Type)
	harnessARP(r, f)
	harnessIPv4(r, f)
	return r
}

// harnessReads leaves out what the harness has no opinion on.
func harnessReads(field string) bool {
	return !strings.HasSuffix(field, ".checksum.status") && !strings.HasPrefix(field, "vlan.") && field != "igmp.max_resp"
}

// take notes the value of a field, if the frame has it.
func take[V any](r reading, name string, f *packet.Frame, field packet.Field[V]) {
	if v, ok := field.Of(f); ok {
		r[name] = append(r[name], fmt.Sprint(v))
	}
}

func harnessARP(r reading, f *packet.Frame) {
	take(r, "arp.hw.type", f, arp.HType)
	take(r, "arp.proto.type", f, arp.PType)
	take(r, "arp.hw.size", f, arp.HLen)
	take(r, "arp.proto.size", f, arp.PLen)
	take(r, "arp.opcode", f, arp.Op)
	take(r, "arp.src.hw_mac", f, arp.SenderMAC)
	take(r, "arp.dst.hw_mac", f, arp.TargetMAC)
	take(r, "arp.src.proto_ipv4", f, arp.SenderIP)
	take(r, "arp.dst.proto_ipv4", f, arp.TargetIP)
}

func harnessIPv4(r reading, f *packet.Frame) {
	if !f.Has(ipv4.Proto) {
		return
	}
	take(r, "ip.version", f, ipv4.Version)
	take(r, "ip.dsfield", f, ipv4.TOS)
	take(r, "ip.len", f, ipv4.TotalLength)
	take(r, "ip.id", f, ipv4.ID)
	take(r, "ip.flags.rb", f, ipv4.Reserved)
	take(r, "ip.flags.df", f, ipv4.DF)
	take(r, "ip.flags.mf", f, ipv4.MF)
	take(r, "ip.ttl", f, ipv4.TTL)
	take(r, "ip.proto", f, ipv4.Protocol)
	take(r, "ip.checksum", f, ipv4.Checksum)
	take(r, "ip.src", f, ipv4.Src)
	take(r, "ip.dst", f, ipv4.Dst)
	ihl, _ := ipv4.IHL.Of(f)
	r.num("ip.hdr_len", uint64(4*ihl))
	offset, _ := ipv4.Offset.Of(f)
	r.num("ip.frag_offset", uint64(8*offset))
	octets, _ := ipv4.Options.Of(f)
	options, _ := ipv4.SplitOptions(octets)
	for _, o := range options {
		if len(o) == 1 { // No Operation
			continue
		}
		r.num("ip.opt.type", uint64(o[0]))
		r.num("ip.opt.len", uint64(len(o)))
		switch {
		case len(o) > 2 && (o[0] == ipv4.RecordRouteType || o[0] == ipv4.LooseRouteType || o[0] == ipv4.StrictRouteType):
			r.num("ip.opt.ptr", uint64(o[2]))
		case len(o) > 3 && o[0] == ipv4.TimestampType:
			r.num("ip.opt.ptr", uint64(o[2]))
			r.num("ip.opt.overflow", uint64(o[3]>>4))
			r.num("ip.opt.flag", uint64(o[3]&15))
		}
	}
	if mf, _ := ipv4.MF.Of(f); mf != 0 && offset == 0 && f.Link == target.Ethernet {
		// gopacket calls the data of a first fragment a fragment and stops there. Without the flag it goes on.
		f = packet.Dissect(target.Ethernet, f.Rewrite(ipv4.MF.Is(0)))
	}
	harnessUpper(r, f)
}

// harnessUpper reads what a datagram carries, and the datagram that an ICMP error quotes.
func harnessUpper(r reading, f *packet.Frame) {
	take(r, "udp.srcport", f, udp.SrcPort)
	take(r, "udp.dstport", f, udp.DstPort)
	take(r, "udp.length", f, udp.Length)
	take(r, "udp.checksum", f, udp.Checksum)
	harnessICMP(r, f)
	harnessIGMP(r, f)
}

func harnessICMP(r reading, f *packet.Frame) {
	take(r, "icmp.type", f, icmpv4.Type)
	take(r, "icmp.code", f, icmpv4.Code)
	take(r, "icmp.checksum", f, icmpv4.Checksum)
	kind, ok := icmpv4.Type.Of(f)
	if !ok {
		return
	}
	code, _ := icmpv4.Code.Of(f)
	data := f.Body(icmpv4.Proto)
	switch kind {
	case icmpv4.TypeEcho, icmpv4.TypeEchoReply, icmpv4.TypeTimestamp, icmpv4.TypeTimestampReply,
		icmpv4.TypeMaskRequest, icmpv4.TypeMaskReply:
		take(r, "icmp.ident", f, icmpv4.ID)
		take(r, "icmp.seq", f, icmpv4.Seq)
	}
	switch kind {
	case icmpv4.TypeTimestamp, icmpv4.TypeTimestampReply:
		if len(data) >= 12 {
			r.num("icmp.originate_timestamp", uint64(binary.BigEndian.Uint32(data)))
			r.num("icmp.receive_timestamp", uint64(binary.BigEndian.Uint32(data[4:])))
			r.num("icmp.transmit_timestamp", uint64(binary.BigEndian.Uint32(data[8:])))
		}
	case icmpv4.TypeMaskRequest, icmpv4.TypeMaskReply:
		if len(data) >= 4 {
			r.str("icmp.address_mask", netip.AddrFrom4([4]byte(data)))
		}
	case icmpv4.TypeRedirect:
		take(r, "icmp.redir_gw", f, icmpv4.Gateway)
	case icmpv4.TypeParameterProblem:
		if code == 0 {
			take(r, "icmp.pointer", f, icmpv4.Pointer)
		}
	case icmpv4.TypeUnreachable:
		if code == icmpv4.CodeFragNeeded {
			take(r, "icmp.mtu", f, icmpv4.MTU)
		}
	}
	switch kind {
	case icmpv4.TypeUnreachable, icmpv4.TypeSourceQuench, icmpv4.TypeRedirect, icmpv4.TypeTimeExceeded, icmpv4.TypeParameterProblem:
		if q := f.Quoted(); q != nil {
			harnessIPv4(r, q)
		}
	}
}

func harnessIGMP(r reading, f *packet.Frame) {
	switch {
	case f.Has(igmp.Report3Proto):
		take(r, "igmp.type", f, igmp.Report3Type)
		take(r, "igmp.checksum", f, igmp.Report3Checksum)
		take(r, "igmp.num_grp_recs", f, igmp.NumRecords)
		for _, rec := range igmp.RecordsOf(f) {
			r.num("igmp.record_type", uint64(rec.Type))
			r.num("igmp.aux_data_len", uint64(len(rec.Aux)/4))
			r.num("igmp.num_src", uint64(len(rec.Sources)))
			r.str("igmp.maddr", rec.Group)
			for _, s := range rec.Sources {
				r.str("igmp.saddr", s)
			}
		}
	case f.Has(igmp.Query3):
		take(r, "igmp.type", f, igmp.Query3Type)
		take(r, "igmp.checksum", f, igmp.Query3Checksum)
		take(r, "igmp.maddr", f, igmp.Query3Group)
		take(r, "igmp.s", f, igmp.S)
		take(r, "igmp.qrv", f, igmp.QRV)
		take(r, "igmp.qqic", f, igmp.QQIC)
		take(r, "igmp.num_src", f, igmp.NumSources)
		sources, _ := igmp.Sources.Of(f)
		for ; len(sources) >= 4; sources = sources[4:] {
			r.str("igmp.saddr", netip.AddrFrom4([4]byte(sources)))
		}
	default:
		switch kind, _ := igmp.Type.Of(f); kind {
		case igmp.TypeQuery, igmp.TypeV1Report, igmp.TypeV2Report, igmp.TypeLeave:
			take(r, "igmp.type", f, igmp.Type)
			take(r, "igmp.checksum", f, igmp.Checksum)
			take(r, "igmp.maddr", f, igmp.Group)
		}
	}
}
