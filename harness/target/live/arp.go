package live

import (
	"bytes"
	"net"
	"net/netip"
)

// The few octets of ARP (RFC 826) that a sign of life takes, by hand: a target that is asked whether it lives is asked
// by as little code as possible.

const arpFrameLen = 14 + 28

var (
	broadcast  = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	arpEther4  = []byte{0x08, 0x06, 0, 1, 0x08, 0, 6, 4} // EtherType, ar$hrd Ethernet, ar$pro IPv4, ar$hln, ar$pln
	opRequest  = []byte{0, 1}
	opReply    = []byte{0, 2}
	unknownMAC = make(net.HardwareAddr, 6)
)

// arpRequest is a frame that asks everybody for the link address of target.
func arpRequest(mac net.HardwareAddr, ip, target netip.Addr) []byte {
	return bytes.Join([][]byte{broadcast, mac, arpEther4, opRequest, mac, ip.AsSlice(), unknownMAC, target.AsSlice()}, nil)
}

// An arpPacket is ARP for Ethernet and IPv4.
type arpPacket struct {
	reply              bool
	senderMAC          net.HardwareAddr
	senderIP, targetIP netip.Addr
}

// parseARP reads a request or a reply; ok is false for every other frame.
func parseARP(frame []byte) (p arpPacket, ok bool) {
	if len(frame) < arpFrameLen || !bytes.Equal(frame[12:20], arpEther4) {
		return arpPacket{}, false
	}
	p.reply = bytes.Equal(frame[20:22], opReply)
	if !p.reply && !bytes.Equal(frame[20:22], opRequest) {
		return arpPacket{}, false
	}
	p.senderMAC = bytes.Clone(frame[22:28])
	p.senderIP = netip.AddrFrom4([4]byte(frame[28:32]))
	p.targetIP = netip.AddrFrom4([4]byte(frame[38:42]))
	return p, true
}
