package lowpan

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
)

// A piece is a header of an encoded packet: its table, its octets, and how many octets of the packet it stands for.
type piece struct {
	proto   *packet.Proto
	octets  []byte
	covered int
}

// Encode gives the shortest legal encoding of an IPv6 packet.
func Encode(ip []byte, a Around) []byte {
	pieces, covered := compress(ip, a, nil, 0)
	var out []byte
	for _, p := range pieces {
		out = append(out, p.octets...)
	}
	return append(out, ip[covered:]...)
}

// compress encodes the headers of a packet. forced are the layers that a template puts outside it: what they say is done,
// the rest is the shortest that is legal. covered is how many octets of the packet the pieces stand for; what follows goes
// as it is. There are no more pieces than most, unless that is 0.
func compress(ip []byte, a Around, forced packet.Template, most int) (pieces []piece, covered int) {
	if len(ip) < 40 || ip[0]>>4 != 6 && forced == nil {
		return []piece{{DispatchProto, []byte{DispatchIPv6}, 0}}, 0
	}
	e := &encoder{ip: ip, around: a, forced: forced, most: most}
	e.header(0, IID(a.Src), IID(a.Dst))
	return e.pieces, e.at
}

type encoder struct {
	ip     []byte
	around Around
	forced packet.Template
	pieces []piece
	at     int  // how far the packet is encoded
	most   int  // pieces; 0 is any number
	part   bool // behind the header of a later fragment, which no header follows
}

// take gives the next layer of a template if it is of p.
func (e *encoder) take(p *packet.Proto) *packet.Layer {
	if len(e.forced) == 0 || e.forced[0].Proto() != p {
		return nil
	}
	l := &e.forced[0]
	e.forced = e.forced[1:]
	return l
}

// pick is what a layer sets a field to, else what is best.
func pick(l *packet.Layer, f packet.Field[uint], best byte) byte {
	if l != nil {
		if v, ok := packet.Get(l, f); ok {
			return byte(v)
		}
	}
	return best
}

// header encodes the IPv6 header at an offset.
func (e *encoder) header(at int, src, dst [8]byte) {
	h := e.ip[at : at+40]
	l := e.take(IPHCProto)
	next := h[6]
	nh := byte(0)
	if l != nil && len(e.forced) > 0 || e.compressible(at+40, next) {
		nh = 1
	}
	nh = pick(l, NH, nh)
	tc, flow := h[0]<<4|h[1]>>4, [3]byte{h[1] & 15, h[2], h[3]}
	rotated := tc<<6 | tc>>2 // ECN first (RFC 6282, section 3.2.1)
	tf := byte(0)
	switch {
	case tc == 0 && flow == [3]byte{}:
		tf = 3
	case flow == [3]byte{}:
		tf = 2
	case tc>>2 == 0:
		tf = 1
	}
	tf = pick(l, TF, tf)
	hlim := pick(l, HLIM, map[byte]byte{1: 1, 64: 2, 255: 3}[h[7]])
	s, d := e.addresses([16]byte(h[8:24]), [16]byte(h[24:40]), src, dst, l)

	b := []byte{DispatchIPHC | tf<<3 | nh<<2 | hlim, s.stateful<<6 | s.mode<<4 | d.multicast<<3 | d.stateful<<2 | d.mode}
	if cids := s.cid<<4 | d.cid; cids != 0 || pick(l, CID, 0) == 1 {
		b[1] |= 0x80
		b = append(b, cids)
	}
	switch tf {
	case 0:
		b = append(b, rotated, flow[0], flow[1], flow[2])
	case 1:
		b = append(b, rotated&0xc0|flow[0], flow[1], flow[2])
	case 2:
		b = append(b, rotated)
	}
	if nh == 0 {
		b = append(b, next)
	}
	if hlim == 0 {
		b = append(b, h[7])
	}
	b = append(append(b, s.inline...), d.inline...)
	e.add(l, IPHCProto, b, 40)
	if nh == 1 {
		e.next(at, next)
	}
}

func (e *encoder) add(l *packet.Layer, p *packet.Proto, b []byte, covered int) {
	if l != nil {
		b = l.Apply(b)
	}
	e.pieces = append(e.pieces, piece{p, b, covered})
	e.at += covered
}

// An address is one way to encode an address.
type address struct {
	multicast, stateful, mode, cid byte
	inline                         []byte
}

// addresses are the encodings that are shortest together. Modes that a template names are taken, whatever they give.
func (e *encoder) addresses(src, dst [16]byte, around, aroundDst [8]byte, l *packet.Layer) (s, d address) {
	srcContexts, dstContexts := everyContext, everyContext
	if l != nil {
		if v, ok := packet.Get(l, CIDs); ok {
			srcContexts, dstContexts = []byte{byte(v >> 4)}, []byte{byte(v & 15)}
		} else if v, ok := packet.Get(l, CID); ok && v == 0 {
			srcContexts, dstContexts = []byte{0}, []byte{0}
		}
	}
	best := 1 << 10
	to := e.ways(dst, aroundDst, false, dstContexts, l)
	for _, a := range e.ways(src, around, true, srcContexts, l) {
		for _, b := range to {
			n := len(a.inline) + len(b.inline)
			if a.cid|b.cid != 0 {
				n++
			}
			if n < best {
				best, s, d = n, a, b
			}
		}
	}
	return s, d
}

var everyContext = []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} // never written

// ways are all encodings of an address that give it back; where a template names the mode, that one.
func (e *encoder) ways(a [16]byte, around [8]byte, source bool, contexts []byte, l *packet.Layer) []address {
	fs, fa, group := SAC, SAM, byte(0)
	if !source {
		fs, fa, group = DAC, DAM, pick(l, M, b2b(a[0] == 0xff))
	}
	const any = 9
	mode, stateful := pick(l, fa, any), pick(l, fs, any)
	x := &expander{around: e.around}
	var all, right []address
	for st := range byte(2) {
		for m := range byte(4) {
			if mode != any && mode != m || stateful != any && stateful != st {
				continue
			}
			for _, cid := range contexts {
				w := address{group, st, m, cid * st, inline(a, group, st, m, source)}
				all = append(all, w)
				var got [16]byte
				var err error
				if group == 1 {
					got, err = x.multicast(st, m, cid, w.inline)
				} else {
					got, err = x.unicast(st, m, cid, w.inline, around, source)
				}
				if err == nil && got == a {
					right = append(right, w)
				}
				if st == 0 || m == 0 && group == 0 {
					break
				}
			}
		}
	}
	if len(right) == 0 { // the template wants to see what happens
		return all
	}
	return right
}

func b2b(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// inline is what a mode has of an address in line.
func inline(a [16]byte, group, stateful, mode byte, source bool) []byte {
	switch {
	case group == 1 && stateful == 1 && mode == 0:
		return slices.Concat(a[1:3], a[12:])
	case group == 1 && stateful == 1:
		return nil
	case group == 1 && mode == 1:
		return slices.Concat(a[1:2], a[11:])
	case group == 1 && mode == 2:
		return slices.Concat(a[1:2], a[13:])
	case group == 1 && mode == 3:
		return bytes.Clone(a[15:])
	case mode == 0 && (stateful == 0 || group == 1):
		return bytes.Clone(a[:])
	case mode == 1:
		return bytes.Clone(a[8:])
	case mode == 2:
		return bytes.Clone(a[14:])
	}
	return nil
}

// compressible tells whether the header at an offset can be in NHC form.
func (e *encoder) compressible(at int, protocol byte) bool {
	rest := e.ip[min(at, len(e.ip)):]
	if e.part {
		return false
	}
	pieces := len(e.pieces) + 2 // with the one that asks, and the next one
	if protocol == 41 {
		pieces++
	}
	if e.most > 0 && pieces > e.most {
		return false
	}
	switch protocol {
	case 17:
		return len(rest) >= 8 && int(binary.BigEndian.Uint16(rest[4:])) == len(rest)
	case 0, 43, 60, 135:
		return len(rest) >= 8 && 8+8*int(rest[1]) <= len(rest) && 6+8*int(rest[1]) <= 255
	case 44:
		return len(rest) >= 8
	case 41:
		return len(rest) >= 40 && rest[0]>>4 == 6 && 40+int(binary.BigEndian.Uint16(rest[4:])) == len(rest)
	}
	return false
}

// next encodes the headers behind an IPv6 header in NHC form.
func (e *encoder) next(ip int, protocol byte) {
	for {
		at := e.at
		rest := e.ip[min(at, len(e.ip)):]
		switch {
		case len(e.forced) > 0 && e.forced[0].Proto() == ICMPProto:
			code := Deflate(rest, e.dictionary(ip))
			e.add(e.take(ICMPProto), ICMPProto, []byte{0xdf}, 0)
			e.pieces = append(e.pieces, piece{nil, code, len(rest)})
			e.at = len(e.ip)
			return
		case protocol == 17 || len(e.forced) > 0 && e.forced[0].Proto() == UDPProto:
			e.udp(ip, rest)
			return
		case protocol == 41 && len(rest) >= 40:
			l := e.take(ExtProto)
			e.add(l, ExtProto, []byte{0xe0 | eidIPv6<<1}, 0)
			e.header(at, [8]byte(e.ip[ip+16:ip+24]), [8]byte(e.ip[ip+32:ip+40]))
			return
		}
		eid, known := map[byte]byte{0: 0, 43: 1, 44: 2, 60: 3, 135: 4}[protocol]
		l := e.take(ExtProto)
		if !known && l == nil || len(rest) < 8 {
			return // a template asks for NH=1 before what has no NHC form
		}
		n := 8 + 8*int(rest[1])
		if eid == eidFragment {
			n = 8
			e.part = e.part || binary.BigEndian.Uint16(rest[2:])&^7 != 0
		}
		n = min(n, len(rest))
		nh := pick(l, ExtNH, b2b(e.compressible(at+n, rest[0]) || len(e.forced) > 0))
		b := []byte{0xe0 | eid<<1 | nh}
		if nh == 0 {
			b = append(b, rest[0])
		}
		switch {
		case pick(l, NHCID, 0xe) == 0xb:
			b[0] = 0xb0 | b[0]&15
			b = append(append(b, Deflate(rest[2:n], e.dictionary(ip))...), 0x90)
		case eid == eidFragment:
			b = append(b, rest[1:8]...)
		default:
			data := rest[2:n]
			if eid == 0 || eid == 3 {
				data = withoutPadding(data)
			}
			b = append(append(b, byte(len(data))), data...)
		}
		e.add(l, ExtProto, b, n)
		if protocol = rest[0]; nh == 0 {
			return
		}
	}
}

// withoutPadding takes a single option of padding of at most 7 octets off the end of options that fill their header (RFC
// 6282, section 4.2).
func withoutPadding(options []byte) []byte {
	last, before := -1, false
	for at := 0; at < len(options); {
		n := 1
		if options[at] != 0 {
			if at+2 > len(options) {
				return options
			}
			n = 2 + int(options[at+1])
		}
		pad := options[at] <= 1
		if at+n > len(options) {
			return options
		}
		if at+n == len(options) && pad && n <= 7 && !before {
			last = at
		}
		before, at = pad, at+n
	}
	if last < 0 || slices.ContainsFunc(options[min(last+2, len(options)):], func(b byte) bool { return b != 0 }) {
		return options
	}
	return options[:last]
}

// udp encodes a UDP header. The checksum is elided only if a template says so.
func (e *encoder) udp(ip int, rest []byte) {
	l := e.take(UDPProto)
	if len(rest) < 8 {
		return
	}
	src, dst := binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
	p := byte(0)
	switch {
	case src>>4 == 0xf0b && dst>>4 == 0xf0b:
		p = 3
	case src>>8 == 0xf0:
		p = 2
	case dst>>8 == 0xf0:
		p = 1
	}
	p, c := pick(l, P, p), pick(l, C, 0)
	b := []byte{0xf0 | c<<2 | p}
	switch p {
	case 0:
		b = append(b, rest[:4]...)
	case 1:
		b = append(b, rest[0], rest[1], rest[3])
	case 2:
		b = append(b, rest[1], rest[2], rest[3])
	case 3:
		b = append(b, rest[1]<<4|rest[3]&15)
	}
	if c == 0 {
		b = append(b, rest[6:8]...)
	}
	generic := pick(l, UDPID, 0x1e) == 0x1a
	if generic {
		b[0] &^= 0x20
	}
	e.add(l, UDPProto, b, 8)
	if generic {
		e.pieces = append(e.pieces, piece{nil, Deflate(rest[8:], e.dictionary(ip)), len(rest) - 8})
		e.at = len(e.ip)
	}
}

func (e *encoder) dictionary(ip int) []byte {
	return Dictionary(netip.AddrFrom16([16]byte(e.ip[ip+8:ip+24])), netip.AddrFrom16([16]byte(e.ip[ip+24:ip+40])))
}
