package bench

import (
	"bytes"
	"fmt"
	"net"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// Numbers of headers (RFC 8200, section 4).
const (
	hopByHop = 0
	routing  = 43
	fragment = 44
	destOpts = 60
	padding  = 4 // octets of a PadN that fills the smallest header of options
)

func tester6() net.IP { return net6.host(1).AsSlice() }
func node6() net.IP   { return net6.host(2).AsSlice() }

// to6 is a frame of the tester's with an ICMPv6 message behind headers, which begin with the one numbered first.
func to6(dst net.IP, mac net.HardwareAddr, hops uint8, first layers.IPProtocol, headers []byte, kind uint8, rest ...gopacket.SerializableLayer) []byte {
	ip := &layers.IPv6{Version: 6, HopLimit: hops, NextHeader: first, SrcIP: tester6(), DstIP: dst}
	icmp := &layers.ICMPv6{TypeCode: layers.CreateICMPv6TypeCode(kind, 0)}
	if err := icmp.SetNetworkLayerForChecksum(ip); err != nil {
		panic(err)
	}
	message := frame(append([]gopacket.SerializableLayer{icmp}, rest...)...)
	return frame(&layers.Ethernet{SrcMAC: testerMAC, DstMAC: mac, EthernetType: layers.EthernetTypeIPv6}, ip,
		gopacket.Payload(append(bytes.Clone(headers), message...)))
}

func echoRequest6() []byte {
	return to6(node6(), nodeMAC, 64, layers.IPProtocolICMPv6, nil, layers.ICMPv6TypeEchoRequest,
		&layers.ICMPv6Echo{Identifier: 7, SeqNumber: 1}, gopacket.Payload(pinged))
}

// chainRequest6 is the same behind every header that a node may meet, in the order of RFC 8200, section 4.1.
func chainRequest6() []byte {
	options := func(next byte) []byte { return []byte{next, 0, 1, padding, 0, 0, 0, 0} }
	headers := bytes.Join([][]byte{
		options(destOpts), // hop-by-hop
		options(routing),
		{fragment, 0, 253, 0, 0, 0, 0, 0}, // no segments left; a type for experiments
		{destOpts, 0, 0, 0, 0, 0, 0, 9},   // atomic (RFC 6946)
		options(byte(layers.IPProtocolICMPv6)),
	}, nil)
	return to6(node6(), nodeMAC, 64, hopByHop, headers, layers.ICMPv6TypeEchoRequest,
		&layers.ICMPv6Echo{Identifier: 7, SeqNumber: 1}, gopacket.Payload(pinged))
}

func solicitation() []byte {
	group := net.ParseIP("ff02::1:ff00:2")
	return to6(group, net.HardwareAddr{0x33, 0x33, 0xff, 0, 0, 2}, 255, layers.IPProtocolICMPv6, nil, layers.ICMPv6TypeNeighborSolicitation,
		&layers.ICMPv6NeighborSolicitation{TargetAddress: node6(), Options: layers.ICMPv6Options{{Type: layers.ICMPv6OptSourceAddress, Data: testerMAC}}})
}

// answered6 gives the ICMPv6 message that the node sent to the tester.
func answered6(b []byte) (*layers.ICMPv6, error) {
	p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
	ip, _ := p.Layer(layers.LayerTypeIPv6).(*layers.IPv6)
	icmp, ok := p.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
	if ip == nil || !ok {
		return nil, fmt.Errorf("the answer is no ICMPv6 message: %x", b)
	}
	pseudo := bytes.Join([][]byte{ip.SrcIP, ip.DstIP, {0, 0, byte(len(ip.Payload) >> 8), byte(len(ip.Payload)), 0, 0, 0, 58}, ip.Payload}, nil)
	if !ip.SrcIP.Equal(node6()) || !ip.DstIP.Equal(tester6()) || sum(pseudo) != 0xffff {
		return nil, fmt.Errorf("wrong addresses, or a wrong checksum: %x", b)
	}
	return icmp, nil
}

func checkEchoReply6(b []byte) error {
	icmp, err := answered6(b)
	if err != nil {
		return err
	}
	want := append([]byte{0, 7, 0, 1}, pinged...)
	if icmp.TypeCode.Type() != layers.ICMPv6TypeEchoReply || !bytes.Equal(icmp.Payload, want) {
		return fmt.Errorf("not the reply to the tester's echo: %x", b)
	}
	return nil
}

func checkAdvertisement(b []byte) error {
	icmp, err := answered6(b)
	if err != nil {
		return err
	}
	const flags = 0x60 // solicited, override
	if icmp.TypeCode.Type() != layers.ICMPv6TypeNeighborAdvertisement || len(icmp.Payload) < 28 || icmp.Payload[0] != flags ||
		!bytes.Equal(icmp.Payload[4:20], node6()) || !bytes.Equal(icmp.Payload[22:28], nodeMAC) {
		return fmt.Errorf("not the advertisement of the node's address: %x", b)
	}
	return nil
}
