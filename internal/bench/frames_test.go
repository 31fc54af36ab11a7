package bench

import (
	"bytes"
	"fmt"
	"net"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// Frames are written and read with gopacket, which neither subject uses.

var (
	testerMAC = net.HardwareAddr{2, 0, 0, 0, 0, 1}
	nodeMAC   = net.HardwareAddr{2, 0, 0, 0, 0, 2}
	testerIP  = net.IP{192, 0, 2, 1}
	nodeIP    = net.IP{192, 0, 2, 2}
	farMAC    = net.HardwareAddr{2, 0, 0, 0, 1, 1}
	farIP     = net.IP{198, 51, 100, 1}
	pinged    = []byte("abcdefghijklmnopqrstuvwabcdefghi") // 32 octets
)

func frame(ls ...gopacket.SerializableLayer) []byte {
	b := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, ls...); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func arpRequest() []byte {
	return frame(
		&layers.Ethernet{SrcMAC: testerMAC, DstMAC: layers.EthernetBroadcast, EthernetType: layers.EthernetTypeARP},
		&layers.ARP{
			AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
			Operation:         layers.ARPRequest,
			SourceHwAddress:   testerMAC,
			SourceProtAddress: testerIP,
			DstHwAddress:      make([]byte, 6),
			DstProtAddress:    nodeIP,
		})
}

func echoRequest() []byte {
	return frame(
		&layers.Ethernet{SrcMAC: testerMAC, DstMAC: nodeMAC, EthernetType: layers.EthernetTypeIPv4},
		&layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolICMPv4, SrcIP: testerIP, DstIP: nodeIP},
		&layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: 7, Seq: 1},
		gopacket.Payload(pinged))
}

// passing is a datagram for the host behind the router.
func passing() []byte {
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolUDP, SrcIP: testerIP, DstIP: farIP}
	udp := &layers.UDP{SrcPort: 4001, DstPort: 4002}
	if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
		panic(err)
	}
	return frame(&layers.Ethernet{SrcMAC: testerMAC, DstMAC: nodeMAC, EthernetType: layers.EthernetTypeIPv4}, ip, udp, gopacket.Payload(message(64)))
}

func checkPassed(b []byte) error {
	p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
	eth, _ := p.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
	ip, ok := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
	if !ok || eth == nil {
		return fmt.Errorf("what came out is no IPv4 datagram: %x", b)
	}
	if !bytes.Equal(eth.DstMAC, farMAC) || ip.TTL != 63 || !ip.DstIP.Equal(farIP) || sum(ip.Contents) != 0xffff {
		return fmt.Errorf("not passed on as it should be: %x", b)
	}
	return nil
}

func checkARPReply(b []byte) error {
	a, ok := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default).Layer(layers.LayerTypeARP).(*layers.ARP)
	if !ok {
		return fmt.Errorf("the answer is no ARP packet: %x", b)
	}
	if a.Operation != layers.ARPReply || !bytes.Equal(a.SourceHwAddress, nodeMAC) || !bytes.Equal(a.SourceProtAddress, nodeIP) ||
		!bytes.Equal(a.DstHwAddress, testerMAC) || !bytes.Equal(a.DstProtAddress, testerIP) {
		return fmt.Errorf("not the reply to the tester's request: %x", b)
	}
	return nil
}

func checkEchoReply(b []byte) error {
	p := gopacket.NewPacket(b, layers.LayerTypeEthernet, gopacket.Default)
	ip, _ := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
	icmp, ok := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4)
	if ip == nil || !ok {
		return fmt.Errorf("the answer is no ICMP message: %x", b)
	}
	if !ip.SrcIP.Equal(nodeIP) || !ip.DstIP.Equal(testerIP) || sum(ip.Contents) != 0xffff {
		return fmt.Errorf("a wrong IPv4 header: %x", b)
	}
	if icmp.TypeCode.Type() != layers.ICMPv4TypeEchoReply || icmp.Id != 7 || icmp.Seq != 1 || !bytes.Equal(icmp.Payload, pinged) ||
		sum(ip.Payload) != 0xffff {
		return fmt.Errorf("not the reply to the tester's echo: %x", b)
	}
	return nil
}

// message is what the client of the echo sends.
func message(size int) []byte {
	m := make([]byte, size)
	for i := range m {
		m[i] = byte(i)
	}
	return m
}

func checkMessage(b []byte, size int) error {
	if !bytes.Equal(b, message(size)) {
		return fmt.Errorf("the echo differs from what was sent: %x", b)
	}
	return nil
}

// sum is the Internet checksum's one's complement sum (RFC 1071): 0xffff over what carries a right checksum.
func sum(b []byte) uint16 {
	var s uint32
	for i, x := range b {
		if i%2 == 0 {
			s += uint32(x) << 8
		} else {
			s += uint32(x)
		}
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
