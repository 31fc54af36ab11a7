package crosscheck

import (
	"strconv"
	"strings"
	"testing"

	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// Every number that the codecs name, with gopacket's, where it has one, and the words with which tshark names it under
// a field of its own. A number retyped wrong from a registry shows here and nowhere else.
func TestConstants(t *testing.T) {
	const none = -1
	rows := []struct {
		name             string
		ours             int
		gopacket         int
		tsharkField      string
		tsharkWords      string
		tsharkSubtracted int // what tshark keeps in other fields: copied flag and class of an option
	}{
		{"ARP request", int(arp.Request), layers.ARPRequest, "", "", 0},
		{"ARP reply", int(arp.Reply), layers.ARPReply, "", "", 0},
		{"hardware Ethernet", int(arp.HardwareEthernet), int(layers.LinkTypeEthernet), "arp.hw.type", "Ethernet", 0},
		{"hardware IEEE 802", int(arp.HardwareIEEE802), none, "arp.hw.type", "IEEE 802", 0},
		{"type IPv4", int(ethernet.TypeIPv4), int(layers.EthernetTypeIPv4), "eth.type", "IPv4", 0},
		{"type ARP", int(ethernet.TypeARP), int(layers.EthernetTypeARP), "eth.type", "ARP", 0},
		{"type VLAN", int(ethernet.TypeVLAN), int(layers.EthernetTypeDot1Q), "eth.type", "802.1Q Virtual LAN", 0},
		{"type IPv6", int(ethernet.TypeIPv6), int(layers.EthernetTypeIPv6), "eth.type", "IPv6", 0},
		{"type LLDP", int(ethernet.TypeLLDP), int(layers.EthernetTypeLinkLayerDiscovery), "eth.type", "Link Layer Discovery Protocol", 0},
		{"type loopback", int(ethernet.TypeLoop), int(layers.EthernetTypeEthernetCTP), "eth.type", "Loopback", 0},
		{"protocol hop-by-hop", int(wire.HopByHop), int(layers.IPProtocolIPv6HopByHop), "", "", 0},
		{"protocol ICMP", int(wire.ICMPv4), int(layers.IPProtocolICMPv4), "", "", 0},
		{"protocol IGMP", int(wire.IGMP), int(layers.IPProtocolIGMP), "", "", 0},
		{"protocol TCP", int(wire.TCP), int(layers.IPProtocolTCP), "", "", 0},
		{"protocol UDP", int(wire.UDP), int(layers.IPProtocolUDP), "", "", 0},
		{"protocol IPv6", int(wire.IPv6), int(layers.IPProtocolIPv6), "", "", 0},
		{"protocol routing", int(wire.Routing), int(layers.IPProtocolIPv6Routing), "", "", 0},
		{"protocol fragment", int(wire.Fragment), int(layers.IPProtocolIPv6Fragment), "", "", 0},
		{"protocol ICMPv6", int(wire.ICMPv6), int(layers.IPProtocolICMPv6), "", "", 0},
		{"protocol no next", int(wire.NoNext), int(layers.IPProtocolNoNextHeader), "", "", 0},
		{"protocol destination options", int(wire.DestOpts), int(layers.IPProtocolIPv6Destination), "", "", 0},
		{"option EOL", int(ipv4.EOL), none, "ip.opt.type.number", "End of Option", 0},
		{"option NOP", int(ipv4.NOP), none, "ip.opt.type.number", "No-Operation", 0},
		{"option record route", int(ipv4.RecordRoute), none, "ip.opt.type.number", "Record route", 0},
		{"option timestamp", int(ipv4.TimestampType), none, "ip.opt.type.number", "Time stamp", 2 << 5},
		{"option LSRR", int(ipv4.LSRR), none, "ip.opt.type.number", "Loose source route", 1 << 7},
		{"option SSRR", int(ipv4.SSRR), none, "ip.opt.type.number", "Strict source route", 1 << 7},
		{"option router alert", int(ipv4.RouterAlert), none, "ip.opt.type.number", "Router Alert", 1 << 7},
		{"option stream id", int(ipv4.StreamID), none, "ip.opt.type.number", "Stream identifier", 1 << 7},
		{"option security", int(ipv4.SecurityOption), none, "ip.opt.type.number", "Security", 1 << 7},
		{"IGMP query", int(igmp.Query), int(layers.IGMPMembershipQuery), "igmp.type", "Membership Query", 0},
		{"IGMP v1 report", int(igmp.V1Report), int(layers.IGMPMembershipReportV1), "igmp.type", "Membership Report", 0},
		{"IGMP v2 report", int(igmp.V2Report), int(layers.IGMPMembershipReportV2), "igmp.type", "Membership Report", 0},
		{"IGMP leave", int(igmp.V2Leave), int(layers.IGMPLeaveGroup), "igmp.type", "Leave Group", 0},
		{"IGMP v3 report", int(igmp.V3Report), int(layers.IGMPMembershipReportV3), "igmp.type", "Membership Report", 0},
		{"record is-in", int(igmp.ModeIsInclude), int(layers.IGMPIsIn), "igmp.record_type", "Mode Is Include", 0},
		{"record is-ex", int(igmp.ModeIsExclude), int(layers.IGMPIsEx), "igmp.record_type", "Mode Is Exclude", 0},
		{"record to-in", int(igmp.ChangeToInclude), int(layers.IGMPToIn), "igmp.record_type", "Change To Include", 0},
		{"record to-ex", int(igmp.ChangeToExclude), int(layers.IGMPToEx), "igmp.record_type", "Change To Exclude", 0},
		{"record allow", int(igmp.AllowNew), int(layers.IGMPAllow), "igmp.record_type", "Allow New Sources", 0},
		{"record block", int(igmp.BlockOld), int(layers.IGMPBlock), "igmp.record_type", "Block Old Sources", 0},
	}
	for _, r := range rows {
		if r.gopacket != none && r.gopacket != r.ours {
			t.Errorf("%s is %d, gopacket says %d", r.name, r.ours, r.gopacket)
		}
	}
	t.Run("tshark", func(t *testing.T) {
		needTshark(t)
		names := tsharkNames(t)
		for _, r := range rows {
			if r.tsharkField == "" {
				continue
			}
			if got := names[r.tsharkField][r.ours-r.tsharkSubtracted]; !strings.Contains(got, r.tsharkWords) {
				t.Errorf("%s is %d, which tshark calls %q, want %q", r.name, r.ours, got, r.tsharkWords)
			}
		}
	})
}

// tsharkNames is its table of names for the values of fields.
func tsharkNames(t *testing.T) map[string]map[int]string {
	t.Helper()
	out, err := tshark("-G", "values")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]map[int]string{}
	for line := range strings.Lines(out) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(cells) != 4 || cells[0] != "V" {
			continue
		}
		v, err := strconv.ParseInt(cells[2], 0, 64)
		if err != nil {
			continue
		}
		if names[cells[1]] == nil {
			names[cells[1]] = map[int]string{}
		}
		names[cells[1]][int(v)] = cells[3]
	}
	return names
}

// ICMP types and codes: gopacket has numbers, tshark says them in words in its summary of a packet.
func TestICMPConstants(t *testing.T) {
	rows := []struct {
		kind           icmpv4.Type
		code           icmpv4.Code
		gopacketType   int
		gopacketCode   int
		tsharkMentions string
	}{
		{icmpv4.EchoReply, 0, layers.ICMPv4TypeEchoReply, 0, "Echo (ping) reply"},
		{icmpv4.EchoRequest, 0, layers.ICMPv4TypeEchoRequest, 0, "Echo (ping) request"},
		{icmpv4.Unreachable, icmpv4.NetUnreachable, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeNet, "(Network unreachable)"},
		{icmpv4.Unreachable, icmpv4.HostUnreachable, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeHost, "(Host unreachable)"},
		{icmpv4.Unreachable, icmpv4.ProtocolUnreachable, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeProtocol, "(Protocol unreachable)"},
		{icmpv4.Unreachable, icmpv4.PortUnreachable, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodePort, "(Port unreachable)"},
		{icmpv4.Unreachable, icmpv4.FragmentationNeeded, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeFragmentationNeeded, "(Fragmentation needed)"},
		{icmpv4.Unreachable, icmpv4.SourceRouteFailed, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeSourceRoutingFailed, "(Source route failed)"},
		{icmpv4.Unreachable, icmpv4.NetUnknown, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeNetUnknown, "(Destination network unknown)"},
		{icmpv4.Unreachable, icmpv4.HostUnknown, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeHostUnknown, "(Destination host unknown)"},
		{icmpv4.Unreachable, icmpv4.HostIsolated, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeSourceIsolated, "(Source host isolated)"},
		{icmpv4.Unreachable, icmpv4.NetProhibited, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeNetAdminProhibited, "(Network administratively prohibited)"},
		{icmpv4.Unreachable, icmpv4.HostProhibited, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeHostAdminProhibited, "(Host administratively prohibited)"},
		{icmpv4.Unreachable, icmpv4.NetTOS, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeNetTOS, "(Network unreachable for TOS)"},
		{icmpv4.Unreachable, icmpv4.HostTOS, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeHostTOS, "(Host unreachable for TOS)"},
		{icmpv4.Unreachable, icmpv4.AdminProhibited, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeCommAdminProhibited, "(Communication administratively filtered)"},
		{icmpv4.Unreachable, icmpv4.PrecedenceViolation, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeHostPrecedence, "(Host precedence violation)"},
		{icmpv4.Unreachable, icmpv4.PrecedenceCutoff, layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodePrecedenceCutoff, "(Precedence cutoff in effect)"},
		{icmpv4.SourceQuench, 0, layers.ICMPv4TypeSourceQuench, 0, "Source quench"},
		{icmpv4.Redirect, icmpv4.RedirectNet, layers.ICMPv4TypeRedirect, layers.ICMPv4CodeNet, "(Redirect for network)"},
		{icmpv4.Redirect, icmpv4.RedirectHost, layers.ICMPv4TypeRedirect, layers.ICMPv4CodeHost, "(Redirect for host)"},
		{icmpv4.Redirect, icmpv4.RedirectNetTOS, layers.ICMPv4TypeRedirect, layers.ICMPv4CodeTOSNet, "(Redirect for TOS and network)"},
		{icmpv4.Redirect, icmpv4.RedirectHostTOS, layers.ICMPv4TypeRedirect, layers.ICMPv4CodeTOSHost, "(Redirect for TOS and host)"},
		{icmpv4.RouterAdvertisement, 0, layers.ICMPv4TypeRouterAdvertisement, 0, "outer advertisement"},
		{icmpv4.RouterSolicitation, 0, layers.ICMPv4TypeRouterSolicitation, 0, "Router solicitation"},
		{icmpv4.TimeExceeded, icmpv4.TTLExceeded, layers.ICMPv4TypeTimeExceeded, layers.ICMPv4CodeTTLExceeded, "(Time to live exceeded in transit)"},
		{icmpv4.TimeExceeded, icmpv4.ReassemblyExceeded, layers.ICMPv4TypeTimeExceeded, layers.ICMPv4CodeFragmentReassemblyTimeExceeded, "(Fragment reassembly time exceeded)"},
		{icmpv4.ParameterProblem, icmpv4.PointerGiven, layers.ICMPv4TypeParameterProblem, layers.ICMPv4CodePointerIndicatesError, "(Pointer indicates the error)"},
		{icmpv4.ParameterProblem, icmpv4.OptionMissing, layers.ICMPv4TypeParameterProblem, layers.ICMPv4CodeMissingOption, "(Required option missing)"},
		{icmpv4.ParameterProblem, icmpv4.BadLength, layers.ICMPv4TypeParameterProblem, layers.ICMPv4CodeBadLength, "(Bad length)"},
		{icmpv4.TimestampRequest, 0, layers.ICMPv4TypeTimestampRequest, 0, "Timestamp request"},
		{icmpv4.TimestampReply, 0, layers.ICMPv4TypeTimestampReply, 0, "Timestamp reply"},
		{icmpv4.InformationRequest, 0, layers.ICMPv4TypeInfoRequest, 0, "Information request"},
		{icmpv4.InformationReply, 0, layers.ICMPv4TypeInfoReply, 0, "Information reply"},
		{icmpv4.AddressMaskRequest, 0, layers.ICMPv4TypeAddressMaskRequest, 0, "Address mask request"},
		{icmpv4.AddressMaskReply, 0, layers.ICMPv4TypeAddressMaskReply, 0, "Address mask reply"},
	}
	var frames [][]byte
	for _, r := range rows {
		if int(r.kind) != r.gopacketType || int(r.code) != r.gopacketCode {
			t.Errorf("%v code %d is %d, %d; gopacket says %d, %d", r.kind, r.code, r.kind, r.code, r.gopacketType, r.gopacketCode)
		}
		m := append(icmpv4.Append(nil, icmpv4.Header{Type: r.kind, Code: r.code}), datagram(ipv4.Header{Protocol: wire.UDP}, make([]byte, 8))...)
		icmpv4.Seal(m)
		frames = append(frames, frame(ethernet.Header{Type: ethernet.TypeIPv4}, datagram(ipv4.Header{Protocol: wire.ICMPv4}, m)))
	}
	t.Run("tshark", func(t *testing.T) {
		needTshark(t)
		out, err := tshark("-n", "-r", captureOf(t, frames), "-T", "fields", "-e", "_ws.col.Info")
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(out, "\n"), "\n")
		if len(lines) != len(rows) {
			t.Fatalf("tshark printed %d lines for %d frames", len(lines), len(rows))
		}
		for i, r := range rows {
			if !strings.Contains(lines[i], r.tsharkMentions) {
				t.Errorf("%v code %d: tshark says %q, want %q", r.kind, r.code, lines[i], r.tsharkMentions)
			}
		}
	})
}
