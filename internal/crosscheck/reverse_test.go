package crosscheck

import (
	"net"
	"strings"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// Frames that gopacket builds are read alike by stack and harness, their checksums and lengths are right in the stack's eyes, and the
// stack's codecs write the same headers, octet for octet.
func TestStackReadsWhatGopacketBuilds(t *testing.T) {
	us, peer := net.HardwareAddr{2, 0, 0, 0, 0, 1}, net.HardwareAddr{2, 0, 0, 0, 0, 2}
	eth := func(kind layers.EthernetType) *layers.Ethernet {
		return &layers.Ethernet{SrcMAC: us, DstMAC: peer, EthernetType: kind}
	}
	ip := func(proto layers.IPProtocol) *layers.IPv4 {
		return &layers.IPv4{Version: 4, TOS: 0x2e, Id: 0x1234, Flags: layers.IPv4DontFragment, TTL: 3, Protocol: proto,
			SrcIP: net.IP{192, 0, 2, 1}, DstIP: net.IP{192, 0, 2, 2}}
	}
	icmp := func(kind, code uint8, id, seq uint16) *layers.ICMPv4 {
		return &layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, code), Id: id, Seq: seq}
	}
	datagram := &layers.UDP{SrcPort: 4000, DstPort: 7}
	datagramIP := ip(layers.IPProtocolUDP)
	if err := datagram.SetNetworkLayerForChecksum(datagramIP); err != nil {
		t.Fatal(err)
	}
	quote := gopacket.Payload{0x45, 0, 0, 60, 0, 7, 0x40, 0, 9, 17, 0xab, 0xcd, 192, 0, 2, 2, 198, 51, 100, 1, 0, 9, 0, 53, 0, 40, 1, 2}
	options := ip(layers.IPProtocolICMPv4)
	options.Options = []layers.IPv4Option{
		{OptionType: 7, OptionLength: 7, OptionData: []byte{4, 0, 0, 0, 0}}, {OptionType: 1, OptionLength: 1},
		{OptionType: 148, OptionLength: 4, OptionData: []byte{0, 0}},
	}
	part := ip(layers.IPProtocolUDP)
	part.Flags, part.FragOffset = layers.IPv4MoreFragments, 3

	for _, tt := range []struct {
		name  string
		built []gopacket.SerializableLayer
		must  string
	}{
		{"arp", []gopacket.SerializableLayer{eth(layers.EthernetTypeARP), &layers.ARP{
			AddrType: 1, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4, Operation: 2,
			SourceHwAddress: us, SourceProtAddress: []byte{192, 0, 2, 1}, DstHwAddress: peer, DstProtAddress: []byte{192, 0, 2, 2}}},
			"arp.opcode"},
		{"tagged", []gopacket.SerializableLayer{eth(layers.EthernetTypeDot1Q),
			&layers.Dot1Q{Priority: 3, DropEligible: true, VLANIdentifier: 0xabc, Type: layers.EthernetTypeIPv4},
			ip(layers.IPProtocolICMPv4), icmp(8, 0, 1, 2), gopacket.Payload("data")}, "icmp.seq"},
		{"echo", []gopacket.SerializableLayer{eth(layers.EthernetTypeIPv4), ip(layers.IPProtocolICMPv4), icmp(0, 0, 0xfffe, 0x102),
			gopacket.Payload("odd")}, "icmp.seq"},
		{"redirect", []gopacket.SerializableLayer{eth(layers.EthernetTypeIPv4), ip(layers.IPProtocolICMPv4),
			icmp(5, 1, 0xc000, 0x0209), quote}, "icmp.redir_gw"},
		{"options", []gopacket.SerializableLayer{eth(layers.EthernetTypeIPv4), options, icmp(8, 0, 1, 2)}, "ip.opt.type"},
		{"udp", []gopacket.SerializableLayer{eth(layers.EthernetTypeIPv4), datagramIP, datagram, gopacket.Payload("hello")}, "udp.checksum"},
		{"fragment", []gopacket.SerializableLayer{eth(layers.EthernetTypeIPv4), part, gopacket.Payload("12345678")}, "ip.frag_offset"},
	} {
		buf := gopacket.NewSerializeBuffer()
		opts := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
		if err := gopacket.SerializeLayers(buf, opts, tt.built...); err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		b := buf.Bytes()
		ours := readStack(b)
		if len(ours[tt.must]) == 0 {
			t.Errorf("%s: the stack does not read %s\nframe %x", tt.name, tt.must, b)
		}
		for field, v := range ours {
			if strings.HasSuffix(field, ".checksum.status") && v[0] == "0" {
				t.Errorf("%s: the stack finds %s bad\nframe %x", tt.name, field, b)
			}
		}
		compare(t, tt.name, b, "stack", ours.only(harnessReads), "harness", readHarness(b))
		if got := rebuild(b); string(got) != string(b) {
			t.Errorf("%s: headers read and written again\nstack    %x\ngopacket %x", tt.name, got, b)
		}
	}
}

// rebuild reads each header of a frame and writes it again.
func rebuild(b []byte) []byte {
	h, payload, err := ethernet.Parse(b)
	if err != nil {
		return nil
	}
	out := ethernet.Append(nil, h)
	switch h.Type {
	case ethernet.TypeARP:
		a, rest, err := arp.Parse(payload)
		if err != nil {
			return nil
		}
		return append(arp.Append(out, a), rest...)
	case ethernet.TypeIPv4:
		ip, data, err := ipv4.Parse(payload)
		if err != nil {
			return nil
		}
		padding := payload[ip.Len()+len(data):]
		out = ipv4.Append(out, ip)
		if ip.FragOffset == 0 {
			out, data = rebuildUpper(out, ip, data)
		}
		return append(append(out, data...), padding...)
	}
	return append(out, payload...)
}

func rebuildUpper(out []byte, ip ipv4.Header, data []byte) ([]byte, []byte) {
	switch ip.Protocol {
	case wire.ICMPv4:
		if m, rest, err := icmpv4.Parse(data); err == nil {
			return icmpv4.Append(out, m), rest
		}
	case wire.UDP:
		if d, rest, err := udp.Parse(data); err == nil {
			return udp.Append(out, d), rest
		}
	}
	return out, data
}
