package lowpan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/target"
)

// Around is what stands around an encoded packet and is needed to read it.
type Around struct {
	Src, Dst net.HardwareAddr // link addresses: of the mesh header if there is one, else of the frame
	PAN      uint16
	Contexts target.Contexts
	// Size is that of the whole packet when only its beginning is there, as in a first fragment; 0 when all of it is.
	Size int
}

// ErrContext says that an address is compressed by a context that nobody has.
var ErrContext = errors.New("the context is not known")

// ErrReserved says that an encoding has no meaning.
var ErrReserved = errors.New("the encoding is reserved")

// IID is the interface identifier that a link address gives in compressed headers (RFC 6282, section 3.2.2).
func IID(a net.HardwareAddr) (iid [8]byte) {
	switch len(a) {
	case 8:
		copy(iid[:], a)
		iid[0] ^= 2
	case 2:
		iid = [8]byte{3: 0xff, 4: 0xfe, 6: a[0], 7: a[1]}
	}
	return iid
}

// oldIID is the same as RFC 4944, section 6, has it: that of a short address contains the PAN.
func oldIID(a net.HardwareAddr, pan uint16) (iid [8]byte) {
	if len(a) == 2 {
		return [8]byte{byte(pan>>8) &^ 2, byte(pan), 0, 0xff, 0xfe, 0, a[0], a[1]}
	}
	return IID(a)
}

// Expand gives the IPv6 packet that encoded octets stand for: those of a frame, or of a datagram whose fragments were put
// together, from the last dispatch on. With a Size it gives the packet as far as it is there.
func Expand(b []byte, a Around) ([]byte, error) {
	x, err := expand(b, a)
	if err != nil {
		return nil, err
	}
	n := a.Size
	if n == 0 {
		n = len(x.out)
	}
	return x.finish(n), nil
}

// expander makes a packet out of compressed headers, outermost first.
type expander struct {
	around  Around
	out     []byte
	lengths []fixup // numbers that depend on where the packet ends
	sums    []fixup // UDP checksums to be made when all is there
	routed  bool    // the innermost IPv6 header does not have the destination that a checksum covers
}

// fixup is a field of 16 bits at an offset of the packet that counts or sums up from another one; ip is where the IPv6
// header outside begins.
type fixup struct{ at, from, ip int }

func expand(b []byte, a Around) (*expander, error) {
	x := &expander{around: a}
	if len(b) == 0 {
		return nil, errors.New("there is no dispatch")
	}
	switch d := b[0]; {
	case d == DispatchIPv6:
		x.out = append(x.out, b[1:]...)
		return x, nil
	case d == DispatchHC1:
		return x, x.hc1(b)
	case d&0xe0 == DispatchIPHC:
		return x, x.iphc(b, IID(a.Src), IID(a.Dst))
	}
	return nil, fmt.Errorf("dispatch %#02x: %w", b[0], ErrReserved)
}

// finish sets what depends on the end of the packet, at octet end, and gives it as far as it is there.
func (x *expander) finish(end int) []byte {
	for _, l := range x.lengths {
		binary.BigEndian.PutUint16(x.out[l.at:], uint16(max(0, end-l.from)))
	}
	for _, s := range x.sums {
		if len(x.out) < end {
			continue
		}
		pseudo := append([]byte(nil), x.out[s.ip+8:s.ip+40]...)
		pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(end-s.from))
		sum := packet.Checksum(append(pseudo, 0, 0, 0, 17), x.out[s.from:end])
		if sum == 0 {
			sum = 0xffff
		}
		binary.BigEndian.PutUint16(x.out[s.at:], uint16(sum))
	}
	return x.out
}

// iphc reads a packet that begins with an IPHC header; src and dst are the identifiers of the header around it.
func (x *expander) iphc(b []byte, src, dst [8]byte) error {
	n := iphcLen(b)
	if len(b) < 2 || n > len(b) {
		return errors.New("the packet ends inside its IPHC header")
	}
	part := func(i int) []byte {
		from, to := iphcSpan(b, i)
		return b[from:to]
	}
	h := make([]byte, 40)
	h[0] = 6 << 4
	switch tf := part(tfPart); b[0] >> 3 & 3 {
	case 0: // ECN, DSCP, 4 bits of padding, flow label
		class(h, tf[0]<<2|tf[0]>>6)
		h[1] |= tf[1] & 15
		h[2], h[3] = tf[2], tf[3]
	case 1: // ECN, 2 bits of padding, flow label
		class(h, tf[0]>>6)
		h[1] |= tf[0] & 15
		h[2], h[3] = tf[1], tf[2]
	case 2: // ECN, DSCP
		class(h, tf[0]<<2|tf[0]>>6)
	}
	h[7] = [4]byte{0, 1, 64, 255}[b[0]&3]
	if hops := part(hopsPart); len(hops) == 1 {
		h[7] = hops[0]
	}
	var sci, dci byte
	if c := part(cidPart); len(c) == 1 {
		sci, dci = c[0]>>4, c[0]&15
	}
	from, err := x.unicast(b[1]>>6&1, b[1]>>4&3, sci, part(srcPart), src, true)
	if err != nil {
		return fmt.Errorf("source address: %w", err)
	}
	var to [16]byte
	if b[1]&8 == 0 {
		to, err = x.unicast(b[1]>>2&1, b[1]&3, dci, part(dstPart), dst, false)
	} else {
		to, err = x.multicast(b[1]>>2&1, b[1]&3, dci, part(dstPart))
	}
	if err != nil {
		return fmt.Errorf("destination address: %w", err)
	}
	copy(h[8:], from[:])
	copy(h[24:], to[:])
	at := len(x.out)
	x.lengths = append(x.lengths, fixup{at: at + 4, from: at + 40})
	x.out = append(x.out, h...)
	rest := b[n:]
	if b[0]&4 == 0 {
		x.out[at+6] = part(nextPart)[0]
		x.out = append(x.out, rest...)
		return nil
	}
	return x.nhc(rest, at, at+6)
}

// class sets the traffic class.
func class(h []byte, c byte) {
	h[0] |= c >> 4
	h[1] |= c << 4
}

// unicast makes an address of RFC 6282, section 3.1.1. What the context covers comes from it, the identifier from what is
// in line or from the header around, and the rest is zero.
func (x *expander) unicast(stateful, mode, cid byte, inline []byte, around [8]byte, source bool) (a [16]byte, err error) {
	if mode == 0 {
		switch {
		case stateful == 0:
			return [16]byte(inline), nil
		case source:
			return a, nil // unspecified
		}
		return a, ErrReserved
	}
	switch mode {
	case 1:
		copy(a[8:], inline)
	case 2:
		iid := IID(inline)
		copy(a[8:], iid[:])
	case 3:
		copy(a[8:], around[:])
	}
	if stateful == 0 {
		a[0], a[1] = 0xfe, 0x80
		return a, nil
	}
	p := x.around.Contexts[cid]
	if !p.IsValid() {
		return a, fmt.Errorf("context %d: %w", cid, ErrContext)
	}
	prefix := p.Addr().As16()
	for bit := range p.Bits() {
		mask := byte(0x80) >> (bit % 8)
		a[bit/8] = a[bit/8]&^mask | prefix[bit/8]&mask
	}
	return a, nil
}

func (x *expander) multicast(stateful, mode, cid byte, inline []byte) (a [16]byte, err error) {
	switch {
	case stateful == 1 && mode != 0:
		return a, ErrReserved
	case stateful == 1: // ffXX:XXLL:PPPP:PPPP:PPPP:PPPP:XXXX:XXXX
		p := x.around.Contexts[cid]
		if !p.IsValid() {
			return a, fmt.Errorf("context %d: %w", cid, ErrContext)
		}
		prefix := p.Masked().Addr().As16()
		a[0], a[1], a[2], a[3] = 0xff, inline[0], inline[1], byte(min(p.Bits(), 64)) // no more of a prefix is in it (RFC 3306, 4)
		copy(a[4:12], prefix[:8])
		copy(a[12:], inline[2:])
	case mode == 0:
		copy(a[:], inline)
	case mode == 3:
		a[0], a[1], a[15] = 0xff, 0x02, inline[0]
	default:
		a[0], a[1] = 0xff, inline[0]
		copy(a[16-len(inline)+1:], inline[1:])
	}
	return a, nil
}

// nhcProtocol is the number of the header that an NHC octet stands for.
func nhcProtocol(d byte) (byte, error) {
	switch {
	case d&0xf0 == 0xe0 || d&0xf0 == 0xb0:
		eid := d >> 1 & 7
		if eid == 5 || eid == 6 || d&0xf0 == 0xb0 && eid > 3 {
			return 0, fmt.Errorf("EID %d: %w", eid, ErrReserved)
		}
		return [8]byte{0, 43, 44, 60, 135, 0, 0, 41}[eid], nil
	case d&0xf8 == 0xf0 || d&0xf8 == 0xd0:
		return 17, nil
	case d == 0xdf:
		return 58, nil
	}
	return 0, fmt.Errorf("NHC octet %#02x: %w", d, ErrReserved)
}

// nhc reads the headers in NHC form in b. ip is where the IPv6 header stands, next the octet that names the first header.
func (x *expander) nhc(b []byte, ip, next int) error {
	x.routed = false
	for {
		if len(b) == 0 {
			return errors.New("the packet ends before a header in NHC form")
		}
		d := b[0]
		protocol, err := nhcProtocol(d)
		if err != nil {
			return err
		}
		x.out[next] = protocol
		switch {
		case protocol == 41:
			if d&1 != 0 { // RFC 6282, section 4.2: NH is zero
				return fmt.Errorf("NH is 1 before an IPv6 header: %w", ErrReserved)
			}
			if len(b) < 2 || b[1]&0xe0 != DispatchIPHC {
				return errors.New("no IPHC header follows the NHC octet of an IPv6 header")
			}
			return x.iphc(b[1:], [8]byte(x.out[ip+16:ip+24]), [8]byte(x.out[ip+32:ip+40]))
		case d&0xf0 == 0xe0 || d&0xf0 == 0xb0:
			s := extSpans(b)
			if s[3] > len(b) {
				return errors.New("the packet ends inside an extension header in NHC form")
			}
			at := len(x.out)
			if err := x.extension(b, s, ip); err != nil {
				return err
			}
			next, b = at, b[s[3]:]
			if d&1 == 0 {
				x.out = append(x.out, b...)
				return nil
			}
		case protocol == 17:
			return x.udp(b, ip)
		default:
			message, err := Inflate(b[1:], x.dictionary(ip))
			x.out = append(x.out, message...)
			return err
		}
	}
}

// extension restores an extension header: its length in units of 8 octets, and the padding that was elided.
func (x *expander) extension(b []byte, s [4]int, ip int) error {
	var next byte
	if s[1] == 2 {
		next = b[1]
	}
	eid := b[0] >> 1 & 7
	if b[0]&0xf0 == 0xe0 && eid == eidFragment {
		x.out = append(append(x.out, next), b[s[1]:s[3]]...)
		return nil
	}
	data := b[s[2]:s[3]]
	if b[0]&0xf0 == 0xb0 {
		var err error
		if data, err = Inflate(data, x.dictionary(ip)); err != nil {
			return err
		}
	}
	h := append([]byte{next, 0}, data...)
	if short := -len(h) & 7; short > 0 {
		if eid != 0 && eid != 3 {
			return fmt.Errorf("a header of %d octets cannot be padded: only options can", len(h))
		}
		if short == 1 {
			h = append(h, 0)
		} else {
			h = append(append(h, 1, byte(short-2)), make([]byte, short-2)...)
		}
	}
	h[1] = byte(len(h)/8 - 1)
	if eid == 1 && h[3] != 0 { // RFC 8200, section 8.1: the checksum covers the last destination
		x.routed = true
	}
	x.out = append(x.out, h...)
	return nil
}

// udp restores a UDP header and what it carries.
func (x *expander) udp(b []byte, ip int) error {
	s := udpSpans(b)
	if s[2] > len(b) {
		return errors.New("the packet ends inside a UDP header in NHC form")
	}
	h, p := make([]byte, 8), b[1:s[1]]
	switch b[0] & 3 {
	case 0:
		copy(h, p)
	case 1:
		h[0], h[1], h[2], h[3] = p[0], p[1], 0xf0, p[2]
	case 2:
		h[0], h[1], h[2], h[3] = 0xf0, p[0], p[1], p[2]
	case 3:
		h[0], h[1], h[2], h[3] = 0xf0, 0xb0|p[0]>>4, 0xf0, 0xb0|p[0]&15
	}
	copy(h[6:], b[s[1]:s[2]])
	at := len(x.out)
	x.lengths = append(x.lengths, fixup{at: at + 4, from: at})
	if b[0]&4 != 0 {
		if x.routed {
			return errors.New("the elided checksum covers a destination that the IPv6 header does not have")
		}
		x.sums = append(x.sums, fixup{at: at + 6, from: at, ip: ip})
	}
	x.out = append(x.out, h...)
	data := b[s[2]:]
	if b[0]&0xf8 == 0xd0 {
		var err error
		if data, err = Inflate(data, x.dictionary(ip)); err != nil {
			return err
		}
	}
	x.out = append(x.out, data...)
	return nil
}

// dictionary is what GHC may refer back to before there is any output (RFC 7400, section 2).
func (x *expander) dictionary(ip int) []byte {
	return Dictionary(netip.AddrFrom16([16]byte(x.out[ip+8:ip+24])), netip.AddrFrom16([16]byte(x.out[ip+24:ip+40])))
}
