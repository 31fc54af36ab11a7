// Package arp reads and writes ARP packets (RFC 826) that resolve IPv4 addresses, on links of any address length.
package arp

import (
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/link"
)

// Why a packet cannot be read. Both wrap wire.ErrInvalid.
var (
	// ErrHardwareLen: ar$hln is above 8. Addresses are not cut to fit.
	ErrHardwareLen = wire.Invalid("arp: hardware address longer than 8 octets")
	// ErrProtocolLen: ar$pln is not 4, so the packet is not about IPv4 addresses.
	ErrProtocolLen = wire.Invalid("arp: protocol address is not of 4 octets")
)

// A HardwareType is ar$hrd (IANA, ARP Parameters).
type HardwareType uint16

const (
	HardwareEthernet HardwareType = 1
	HardwareIEEE802  HardwareType = 6 // RFC 1042; Ethernet sends 1 (RFC 1122, 2.3.3)
)

// An Op is ar$op, the opcode.
type Op uint16

const (
	Request Op = 1
	Reply   Op = 2
)

func (o Op) String() string {
	switch o {
	case Request:
		return "request"
	case Reply:
		return "reply"
	}
	return fmt.Sprintf("op %d", uint16(o))
}

// A Header is a whole ARP packet. The length of hardware addresses, ar$hln, is that of SenderHW; ar$pln is 4.
type Header struct {
	Hardware HardwareType
	Protocol ethernet.Type // ar$pro; TypeIPv4, unless somebody else uses four octets
	Op       Op
	SenderHW link.Addr
	SenderIP ipv4.Addr
	TargetHW link.Addr // as long as SenderHW; when appended, no address stands for zero octets
	TargetIP ipv4.Addr
}

// Len is the length of the packet in octets.
func (h Header) Len() int { return 8 + 2*h.SenderHW.Len() + 8 }

// Parse reads a packet. The payload is what follows it: padding.
func Parse(b []byte) (h Header, payload []byte, err error) {
	r := wire.NewReader(b)
	h.Hardware, h.Protocol = HardwareType(r.U16()), ethernet.Type(r.U16())
	hln, pln := r.U8(), r.U8()
	h.Op = Op(r.U16())
	switch {
	case r.Short():
		return Header{}, nil, wire.ErrShort
	case hln > link.MaxLen:
		return Header{}, nil, ErrHardwareLen
	case pln != 4:
		return Header{}, nil, ErrProtocolLen
	}
	h.SenderHW, _ = link.AddrFrom(r.Bytes(int(hln))) // not longer than MaxLen, as tested
	h.SenderIP = r.Four()
	h.TargetHW, _ = link.AddrFrom(r.Bytes(int(hln)))
	h.TargetIP = r.Four()
	if r.Short() {
		return Header{}, nil, wire.ErrShort
	}
	return h, r.Rest(), nil
}

// Append adds the packet to b. It panics when TargetHW is an address of another length than SenderHW.
func Append(b []byte, h Header) []byte {
	b = append(b, byte(h.Hardware>>8), byte(h.Hardware), byte(h.Protocol>>8), byte(h.Protocol),
		byte(h.SenderHW.Len()), 4, byte(h.Op>>8), byte(h.Op))
	b = append(h.SenderHW.Append(b), h.SenderIP[:]...)
	switch h.TargetHW.Len() {
	case h.SenderHW.Len():
		b = h.TargetHW.Append(b)
	case 0:
		var zero [link.MaxLen]byte
		b = append(b, zero[:h.SenderHW.Len()]...)
	default:
		panic("arp: hardware addresses of two lengths in one packet")
	}
	return append(b, h.TargetIP[:]...)
}

// Put writes the packet into the first h.Len() octets of b.
func Put(b []byte, h Header) {
	_ = b[h.Len()-1]
	Append(b[:0], h)
}

func (h Header) String() string {
	if h.Protocol != ethernet.TypeIPv4 {
		return fmt.Sprintf("ARP %v for %v", h.Op, h.Protocol)
	}
	switch h.Op {
	case Request:
		return fmt.Sprintf("ARP who-has %v tell %v (%v)", h.TargetIP, h.SenderIP, h.SenderHW)
	case Reply:
		return fmt.Sprintf("ARP %v is-at %v (to %v)", h.SenderIP, h.SenderHW, h.TargetIP)
	}
	return fmt.Sprintf("ARP %v from %v (%v)", h.Op, h.SenderIP, h.SenderHW)
}
