package ndp

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
)

// A Duplicate is a Duplicate Address Request or Confirmation as RFC 8505, section 4.2, has it, with a ROVR of any length. The
// fields of the layer (DADAddr and others) are those of a message with a ROVR of 64 bits.
type Duplicate struct {
	Code        byte // the lower half: how many times 64 bits the ROVR has; 0: one, without a TID
	Status, TID byte
	Lifetime    uint16 // minutes
	ROVR        []byte
	Addr        netip.Addr
	Options     []byte
}

// DuplicateOf reads a message of either type; ok is false for another one, and for one that is too short for its code.
func DuplicateOf(f *packet.Frame) (d Duplicate, ok bool) {
	code, there := icmpv6.Code.Of(f)
	eui, is := DADEUI64.Of(f)
	if !there || !is {
		return d, false
	}
	addr, _ := DADAddr.Of(f)
	rest, _ := DADOptions.Of(f)
	status, _ := DADStatus.Of(f)
	tid, _ := DADReserved.Of(f)
	life, _ := DADLifetime.Of(f)
	b := append(append(append([]byte(nil), eui...), addr.AsSlice()...), rest...)
	n := 8 * max(1, int(code&15))
	if len(b) < n+16 {
		return d, false
	}
	return Duplicate{
		Code: byte(code), Status: byte(status), TID: byte(tid), Lifetime: uint16(life), ROVR: b[:n],
		Addr: netip.AddrFrom16([16]byte(b[n : n+16])), Options: b[n+16:],
	}, true
}

// Conds are the fields of the layer, and the code, by which DAR and DAC make the message.
func (d Duplicate) Conds() []packet.Cond {
	b := append(append(append([]byte(nil), d.ROVR...), d.Addr.AsSlice()...), d.Options...)
	return []packet.Cond{
		icmpv6.Code.Is(uint(d.Code)), DADStatus.Is(uint(d.Status)), DADReserved.Is(uint(d.TID)), DADLifetime.Is(uint(d.Lifetime)),
		DADEUI64.Is(net.HardwareAddr(b[:8])), DADAddr.Is(netip.AddrFrom16([16]byte(b[8:24]))), DADOptions.Is(b[24:]),
	}
}

// EAROOf reads an (Extended) Address Registration Option.
func EAROOf(o []byte) (e EARO, ok bool) {
	if len(o) < 16 || o[0] != AROType {
		return e, false
	}
	return EARO{
		Status: o[2], Opaque: o[3], Flags: o[4], TID: o[5], Lifetime: binary.BigEndian.Uint16(o[6:]), ROVR: append([]byte(nil), o[8:]...),
	}, true
}
