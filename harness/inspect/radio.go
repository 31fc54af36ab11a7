package inspect

import (
	"fmt"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/judge"
	frames "github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	datagram "github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/packet/zep"
	"github.com/conform-stack/conform/harness/target"
)

// A radio finds frames of IEEE 802.15.4 in a capture, by themselves, behind a TAP header, or in datagrams of ZEP, and reads
// them in order: those that complete a packet of IPv6 have it.
type radio struct {
	with, without frames.Reader // frames with a check sequence, and those without
}

func newRadio(s target.Security) *radio {
	return &radio{
		with:    frames.Reader{Link: target.IEEE802154, Security: s},
		without: frames.Reader{Link: target.IEEE802154NoFCS, Security: s},
	}
}

// A radioFrame is a frame that was found.
type radioFrame struct {
	*frames.Frame
	link    capture.LinkType // of the frame by itself
	outside string           // what it was in: zep, or nothing
}

// read gives the frame in a packet; nil when there is none.
func (r *radio) read(link capture.LinkType, b []byte) *radioFrame {
	switch link {
	case capture.IEEE802154:
		return r.frame(b, 2, "")
	case capture.IEEE802154NoFCS:
		return r.frame(b, 0, "")
	case capture.IEEE802154TAP:
		if n, sum, err := ieee802154.TAP(b); err == nil {
			return r.frame(b[n:], sum, "")
		}
	case capture.Ethernet:
		if frame, sum := inZEP(b); frame != nil {
			return r.frame(frame, sum, "zep/")
		}
	}
	return nil
}

// frame reads a frame with so many octets of check sequence. One of 4, of other radios, is left out.
func (r *radio) frame(b []byte, sum int, outside string) *radioFrame {
	switch sum {
	case 2:
		return &radioFrame{r.with.Dissect(b), capture.IEEE802154, outside}
	case 4:
		b = b[:max(0, len(b)-4)]
	}
	return &radioFrame{r.without.Dissect(b), capture.IEEE802154NoFCS, outside}
}

// inZEP is the frame in a datagram of ZEP on Ethernet, and how long its check sequence is; nil without one. In mode 0 the
// last two octets are not that, but what the chip says of the signal (CC24xx).
func inZEP(b []byte) (frame []byte, sum int) {
	if len(b) < 42 {
		return nil, 0
	}
	f := frames.Dissect(target.Ethernet, b)
	src, ok := datagram.SrcPort.Of(f)
	dst, _ := datagram.DstPort.Of(f)
	if !ok || src != zep.Port && dst != zep.Port {
		return nil, 0
	}
	d := f.Body(datagram.Proto)
	frame, err := zep.Frame(d)
	if err != nil || len(frame) < 2 {
		return nil, 0
	}
	mode := d[7]
	if d[2] == 1 {
		mode = d[6]
	}
	if mode == 0 {
		return frame[:len(frame)-2], 0
	}
	return frame, 2
}

// identity says who sent the frame, by the link address and the PAN, and what is in it.
func (f *radioFrame) identity() identity {
	id := identity{sender: "a station without address", protocol: f.outside + f.protocol()}
	src, ok := ieee802154.Src.Of(f.Frame)
	if !ok || len(src) == 0 {
		return id
	}
	id.sender = src.String()
	if len(src) == 2 {
		id.sender = fmt.Sprintf("%#04x", uint(src[0])<<8|uint(src[1]))
	}
	pan, ok := ieee802154.SrcPAN.Of(f.Frame)
	if !ok {
		pan, ok = ieee802154.DstPAN.Of(f.Frame)
	}
	if ok {
		id.sender += fmt.Sprintf(" in PAN %#04x", pan)
	}
	return id
}

func (f *radioFrame) protocol() string {
	kind, ok := ieee802154.Type.Of(f.Frame)
	on, _ := ieee802154.SecurityOn.Of(f.Frame)
	names := map[uint]string{ieee802154.TypeBeacon: "beacon", ieee802154.TypeAck: "acknowledgement", ieee802154.TypeCommand: "command"}
	switch {
	case !ok:
		return "802.15.4, broken"
	case on == 1 && !f.Opened():
		return "802.15.4, secured"
	case kind != ieee802154.TypeData && names[kind] != "":
		return "802.15.4/" + names[kind]
	case kind != ieee802154.TypeData:
		return fmt.Sprintf("802.15.4/type %d", kind)
	}
	if ip := f.Packet(); len(ip) >= 40 {
		return transport("6lowpan", upper(ip))
	}
	switch {
	case f.Has(lowpan.Frag1Proto), f.Has(lowpan.FragNProto), f.Has(lowpan.RFragProto), f.Has(lowpan.RFragAckProto):
		return "6lowpan/fragment"
	case f.Has(lowpan.IPHCProto), f.Has(lowpan.HC1Proto), f.Has(lowpan.DispatchProto):
		return "6lowpan, unreadable"
	}
	return "802.15.4/data"
}

// upper is what is in a packet of IPv6 behind the options that every hop reads.
func upper(ip []byte) uint8 {
	if next := ip[6]; next != 0 || len(ip) < 42 {
		return next
	}
	return ip[40]
}

// judged has the frame judged, and the packet of IPv6 in it unless the frame is damaged or was cut.
func (f *radioFrame) judged(j *judge.Judge, of judge.Frame) []judge.Finding {
	of.Link, of.Data = f.link, f.Bytes
	if f.Opened() {
		of.Opened = f.Plain()
	}
	found := j.Frame(of)
	if ip := f.Packet(); f.Derived() && f.Err == nil && !of.Truncated && f.undamaged() {
		of.Link, of.Data, of.Opened, of.Lowpan = capture.RawIP, ip, nil, true
		found = append(found, j.Frame(of)...)
	}
	return found
}

// undamaged tells whether the check sequence is right, where there is one.
func (f *radioFrame) undamaged() bool {
	sum, ok := ieee802154.FCS.Of(f.Frame)
	return !ok || sum == uint(ieee802154.Sum(f.Bytes[:len(f.Bytes)-2]))
}
