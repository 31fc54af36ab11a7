package crosscheck

import (
	"encoding/binary"
	"net"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// readGopacket reads an Ethernet frame with gopacket. It verifies no checksum.
func readGopacket(frame []byte) reading {
	r := reading{}
	gopacketLayers(r, gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.NoCopy))
	return r
}

func gopacketLayers(r reading, p gopacket.Packet) {
	for _, layer := range p.Layers() {
		switch l := layer.(type) {
		case *layers.Ethernet:
			r.str("eth.dst", l.DstMAC)
			r.str("eth.src", l.SrcMAC)
			if l.EthernetType == layers.EthernetTypeLLC {
				r.num("eth.len", uint64(l.Length))
			} else {
				r.num("eth.type", uint64(l.EthernetType))
			}
		case *layers.Dot1Q:
			r.num("vlan.priority", uint64(l.Priority))
			r.flag("vlan.dei", l.DropEligible)
			r.num("vlan.id", uint64(l.VLANIdentifier))
			r.num("vlan.etype", uint64(l.Type))
		case *layers.SNAP:
			r.num("llc.type", uint64(l.Type))
		case *layers.ARP:
			gopacketARP(r, l)
		case *layers.IPv4:
			gopacketIPv4(r, l)
		case *layers.ICMPv4:
			gopacketICMP(r, l)
		case *layers.UDP:
			r.num("udp.srcport", uint64(l.SrcPort))
			r.num("udp.dstport", uint64(l.DstPort))
			r.num("udp.length", uint64(l.Length))
			r.num("udp.checksum", uint64(l.Checksum))
		case *layers.IGMPv1or2:
			r.num("igmp.type", uint64(l.Type))
			r.num("igmp.checksum", uint64(l.Checksum))
			r.str("igmp.maddr", l.GroupAddress)
		case *layers.IGMP:
			gopacketIGMP(r, l)
		}
	}
}

func gopacketARP(r reading, l *layers.ARP) {
	r.num("arp.hw.type", uint64(l.AddrType))
	r.num("arp.proto.type", uint64(l.Protocol))
	r.num("arp.hw.size", uint64(l.HwAddressSize))
	r.num("arp.proto.size", uint64(l.ProtAddressSize))
	r.num("arp.opcode", uint64(l.Operation))
	if l.HwAddressSize == 6 {
		r.str("arp.src.hw_mac", net.HardwareAddr(l.SourceHwAddress))
		r.str("arp.dst.hw_mac", net.HardwareAddr(l.DstHwAddress))
	}
	r.str("arp.src.proto_ipv4", net.IP(l.SourceProtAddress))
	r.str("arp.dst.proto_ipv4", net.IP(l.DstProtAddress))
}

func gopacketIPv4(r reading, l *layers.IPv4) {
	r.num("ip.version", uint64(l.Version))
	r.num("ip.hdr_len", uint64(l.IHL)*4)
	r.num("ip.dsfield", uint64(l.TOS))
	r.num("ip.len", uint64(l.Length))
	r.num("ip.id", uint64(l.Id))
	r.flag("ip.flags.rb", l.Flags&layers.IPv4EvilBit != 0)
	r.flag("ip.flags.df", l.Flags&layers.IPv4DontFragment != 0)
	r.flag("ip.flags.mf", l.Flags&layers.IPv4MoreFragments != 0)
	r.num("ip.frag_offset", uint64(l.FragOffset)*8)
	r.num("ip.ttl", uint64(l.TTL))
	r.num("ip.proto", uint64(l.Protocol))
	r.num("ip.checksum", uint64(l.Checksum))
	r.str("ip.src", l.SrcIP)
	r.str("ip.dst", l.DstIP)
	for _, o := range l.Options {
		if o.OptionType > 1 { // neither EOL nor NOP
			r.num("ip.opt.type", uint64(o.OptionType))
			r.num("ip.opt.len", uint64(o.OptionLength))
		}
		switch o.OptionType {
		case 7, 131, 137:
			r.num("ip.opt.ptr", uint64(o.OptionData[0]))
		case 68:
			r.num("ip.opt.ptr", uint64(o.OptionData[0]))
			r.num("ip.opt.overflow", uint64(o.OptionData[1]>>4))
			r.num("ip.opt.flag", uint64(o.OptionData[1]&15))
		}
	}
	// gopacket calls the data of a first fragment a fragment and stops there; the codecs below read its header.
	if l.Flags&layers.IPv4MoreFragments != 0 && l.FragOffset == 0 {
		switch l.Protocol {
		case layers.IPProtocolICMPv4:
			gopacketLayers(r, gopacket.NewPacket(l.Payload, layers.LayerTypeICMPv4, gopacket.NoCopy))
		case layers.IPProtocolUDP:
			gopacketLayers(r, gopacket.NewPacket(l.Payload, layers.LayerTypeUDP, gopacket.NoCopy))
		}
	}
}

func gopacketICMP(r reading, l *layers.ICMPv4) {
	kind, code := l.TypeCode.Type(), l.TypeCode.Code()
	r.num("icmp.type", uint64(kind))
	r.num("icmp.code", uint64(code))
	r.num("icmp.checksum", uint64(l.Checksum))
	word := uint64(l.Id)<<16 | uint64(l.Seq) // gopacket splits the second word in two for every type
	quote := false
	switch kind {
	case layers.ICMPv4TypeEchoRequest, layers.ICMPv4TypeEchoReply:
		r.num("icmp.ident", uint64(l.Id))
		r.num("icmp.seq", uint64(l.Seq))
	case layers.ICMPv4TypeTimestampRequest, layers.ICMPv4TypeTimestampReply:
		r.num("icmp.ident", uint64(l.Id))
		r.num("icmp.seq", uint64(l.Seq))
		if p := l.Payload; len(p) >= 12 {
			r.num("icmp.originate_timestamp", uint64(binary.BigEndian.Uint32(p)))
			r.num("icmp.receive_timestamp", uint64(binary.BigEndian.Uint32(p[4:])))
			r.num("icmp.transmit_timestamp", uint64(binary.BigEndian.Uint32(p[8:])))
		}
	case layers.ICMPv4TypeAddressMaskRequest, layers.ICMPv4TypeAddressMaskReply:
		r.num("icmp.ident", uint64(l.Id))
		r.num("icmp.seq", uint64(l.Seq))
		if p := l.Payload; len(p) >= 4 {
			r.str("icmp.address_mask", net.IP(p[:4]))
		}
	case layers.ICMPv4TypeRedirect:
		r.str("icmp.redir_gw", net.IPv4(byte(word>>24), byte(word>>16), byte(word>>8), byte(word)))
		quote = true
	case layers.ICMPv4TypeParameterProblem:
		if code == layers.ICMPv4CodePointerIndicatesError {
			r.num("icmp.pointer", word>>24)
		}
		quote = true
	case layers.ICMPv4TypeDestinationUnreachable:
		if code == layers.ICMPv4CodeFragmentationNeeded {
			r.num("icmp.mtu", word&0xffff)
		}
		quote = true
	case layers.ICMPv4TypeTimeExceeded, layers.ICMPv4TypeSourceQuench:
		quote = true
	}
	if quote {
		gopacketLayers(r, gopacket.NewPacket(l.Payload, layers.LayerTypeIPv4, gopacket.NoCopy))
	}
}

func gopacketIGMP(r reading, l *layers.IGMP) {
	r.num("igmp.type", uint64(l.Type))
	r.num("igmp.checksum", uint64(l.Checksum))
	if l.Type == layers.IGMPMembershipReportV3 {
		r.num("igmp.num_grp_recs", uint64(l.NumberOfGroupRecords))
		for _, rec := range l.GroupRecords {
			r.num("igmp.record_type", uint64(rec.Type))
			r.num("igmp.aux_data_len", uint64(rec.AuxDataLen))
			r.num("igmp.num_src", uint64(rec.NumberOfSources))
			r.str("igmp.maddr", rec.MulticastAddress)
			for _, a := range rec.SourceAddresses {
				r.str("igmp.saddr", a)
			}
		}
		return
	}
	r.str("igmp.maddr", l.GroupAddress)
	r.flag("igmp.s", l.SupressRouterProcessing)
	r.num("igmp.qrv", uint64(l.RobustnessValue))
	r.num("igmp.num_src", uint64(l.NumberOfSources))
	for _, a := range l.SourceAddresses {
		r.str("igmp.saddr", a)
	}
}
