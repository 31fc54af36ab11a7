package live

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	_ "github.com/conform-stack/conform/harness/packet/ethernet" // carries what is asked
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

// ethernet asks by ARP (RFC 826), and for addresses of IPv6 by Neighbor Discovery (RFC 4861).
type ethernet struct{ Config }

// The few octets of ARP that a sign of life takes, by hand: a target that is asked whether it lives is asked by as little
// code as possible.

const arpFrameLen = 14 + 28

var (
	broadcast  = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	arpEther4  = []byte{0x08, 0x06, 0, 1, 0x08, 0, 6, 4} // EtherType, ar$hrd Ethernet, ar$pro IPv4, ar$hln, ar$pln
	opRequest  = []byte{0, 1}
	opReply    = []byte{0, 2}
	unknownMAC = make(net.HardwareAddr, 6)
)

func (e *ethernet) question(asker target.Host, of netip.Addr) []byte {
	if of.Is4() {
		return arpRequest(asker.MAC, asker.IP4, of)
	}
	if of.IsLinkLocalUnicast() {
		asker.IP6 = asker.LinkLocal
	}
	return ndp.Solicit(of).Build(packet.Env{Local: asker, Peer: target.Host{IP6: of}, Network: ipv6.Proto})
}

func (e *ethernet) addresses() (all []netip.Addr) {
	for _, a := range []netip.Addr{e.Target, e.Target6, e.LinkLocal} {
		if a.IsValid() {
			all = append(all, a)
		}
	}
	return all
}

// arpRequest is a frame that asks everybody for the link address of target.
func arpRequest(mac net.HardwareAddr, ip, target netip.Addr) []byte {
	return bytes.Join([][]byte{broadcast, mac, arpEther4, opRequest, mac, ip.AsSlice(), unknownMAC, target.AsSlice()}, nil)
}

const (
	ndFrameLen    = 14 + 40 + 24 // with a target address, without options
	solicitation  = 135
	advertisement = 136
)

func (*ethernet) read(frame []byte) (r reading) {
	if len(frame) >= 6 && frame[0]&1 == 0 {
		r.to = frame[:6]
	}
	if len(frame) < 14 {
		return r
	}
	kind, ip := binary.BigEndian.Uint16(frame[12:]), frame[14:]
	switch {
	case len(frame) >= arpFrameLen && bytes.Equal(frame[12:20], arpEther4):
		r.reply = bytes.Equal(frame[20:22], opReply)
		r.from, r.of = frame[22:28], netip.AddrFrom4([4]byte(frame[28:32]))
		if bytes.Equal(frame[20:22], opRequest) {
			r.about = netip.AddrFrom4([4]byte(frame[38:42]))
		}
	case kind == 0x86dd && len(frame) >= ndFrameLen && ip[6] == 58 && ip[40] == solicitation:
		r.about = netip.AddrFrom16([16]byte(ip[48:64]))
	case kind == 0x86dd && len(frame) >= ndFrameLen && ip[6] == 58 && ip[40] == advertisement:
		r.reply, r.from, r.of = true, frame[6:12], netip.AddrFrom16([16]byte(ip[48:64]))
	}
	return r
}

// testerMAC is a locally administered address.
func (*ethernet) testerMAC(n int) net.HardwareAddr {
	n++
	return net.HardwareAddr{0x02, 0, 0, 0x01, byte(n >> 8), byte(n)}
}

func (*ethernet) octets(mac net.HardwareAddr) []byte { return mac }
