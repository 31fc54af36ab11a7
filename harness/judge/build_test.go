package judge

import (
	"encoding/binary"
	"net/netip"
)

// The frames of the tests are built here from fields, so that a spoiled frame is its good one with one field changed
// and everything else mended.

var (
	macA = [6]byte{2, 0, 0, 0, 0, 1} // the target
	macB = [6]byte{2, 0, 0, 0, 0, 2} // the tester
)

const ipA, ipB = "192.0.2.1", "192.0.2.2"

func addr(s string) []byte { a := netip.MustParseAddr(s).As4(); return a[:] }

func be16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// slowSum is the ones' complement sum, slow and plain, in the tests' own words.
func slowSum(b []byte) uint16 {
	if len(b)%2 == 1 {
		b = append(append([]byte(nil), b...), 0)
	}
	total := 0
	for i := 0; i < len(b); i += 2 {
		total += int(b[i])*256 + int(b[i+1])
	}
	for total > 0xffff {
		total = total%0x10000 + total/0x10000
	}
	return uint16(total)
}

func seal(b []byte, at int, prefix ...byte) []byte {
	b = append([]byte(nil), b...)
	b[at], b[at+1] = 0, 0
	copy(b[at:], be16(^slowSum(join(prefix, b))))
	return b
}

type frame struct {
	dst, src [6]byte
	kind     int    // EtherType; -1: a length and SNAP
	snap     []byte // the LLC and SNAP header
	body     []byte
	pad      []byte
	length   int // of the 802.3 field; 0 is right
}

func (f frame) bytes() []byte {
	b := join(f.dst[:], f.src[:])
	if f.kind >= 0 {
		return join(b, be16(uint16(f.kind)), f.body, f.pad)
	}
	n := f.length
	if n == 0 {
		n = len(f.snap) + len(f.body)
	}
	return join(b, be16(uint16(n)), f.snap, f.body, f.pad)
}

var snapIP = []byte{0xaa, 0xaa, 3, 0, 0, 0, 8, 0}

type header struct {
	first     byte // version and IHL; 0 is right
	tos       byte
	total     int // 0 is right
	id        uint16
	frag      uint16 // flags and offset
	ttl       byte
	proto     byte
	checksum  int // -1 is right
	src, dst  string
	options   []byte
	body      func(h *header) []byte
	cut       int // octets of body left out at the end
	linkDst   [6]byte
	pad       []byte
	snap      []byte // nil: Ethernet II
	lengthFld int
}

func (h *header) pseudo(n int) []byte {
	return join(addr(h.src), addr(h.dst), []byte{0, h.proto}, be16(uint16(n)))
}

func (h *header) bytes() []byte {
	body := h.body(h)
	first := h.first
	if first == 0 {
		first = 0x45 + byte(len(h.options)/4)
	}
	total := h.total
	if total == 0 {
		total = 20 + len(h.options) + len(body)
	}
	b := join([]byte{first, h.tos}, be16(uint16(total)), be16(h.id), be16(h.frag), []byte{h.ttl, h.proto, 0, 0}, addr(h.src), addr(h.dst), h.options)
	if h.checksum >= 0 {
		copy(b[10:], be16(uint16(h.checksum)))
	} else {
		b = seal(b, 10)
	}
	b = append(b, body...)
	return b[:len(b)-h.cut]
}

// ip builds the frame of a datagram from the target to the tester; change spoils it.
func ip(proto byte, body func(h *header) []byte, change ...func(h *header)) []byte {
	h := &header{id: 7, frag: 0x4000, ttl: 64, proto: proto, checksum: -1, src: ipA, dst: ipB, body: body, linkDst: macB}
	for _, c := range change {
		c(h)
	}
	f := frame{dst: h.linkDst, src: macA, kind: typeIPv4, body: h.bytes(), pad: h.pad, length: h.lengthFld}
	if d := netip.MustParseAddr(h.dst); d.IsMulticast() && h.linkDst == macB {
		b := d.As4()
		f.dst = [6]byte{1, 0, 0x5e, b[1] & 0x7f, b[2], b[3]}
	}
	if h.snap != nil {
		f.kind, f.snap = -1, h.snap
	}
	return f.bytes()
}

// raw is a payload as it stands.
func raw(b []byte) func(*header) []byte { return func(*header) []byte { return b } }

type segment struct {
	sport, dport uint16
	length       int // 0 is right
	checksum     int // -1 is right
	data         []byte
	extra        []byte // behind the length
}

func (s segment) body(h *header) []byte {
	n := 8 + len(s.data)
	length := s.length
	if length == 0 {
		length = n
	}
	b := join(be16(s.sport), be16(s.dport), be16(uint16(length)), []byte{0, 0}, s.data)
	if s.checksum >= 0 {
		copy(b[6:], be16(uint16(s.checksum)))
	} else {
		b = seal(b, 6, h.pseudo(length)...)
	}
	return join(b, s.extra)
}

// udpOf builds the payload of a UDP datagram; change spoils it.
func udpOf(change ...func(s *segment)) func(*header) []byte {
	s := segment{sport: 1000, dport: 2000, checksum: -1, data: []byte("twenty-two octets long")}
	for _, c := range change {
		c(&s)
	}
	return s.body
}

// icmpOf builds an ICMP message.
func icmpOf(kind, code byte, rest, data []byte) func(*header) []byte {
	return raw(seal(join([]byte{kind, code, 0, 0}, rest, data), 2))
}

// from turns a frame round: from the tester to the target.
func from(b []byte) []byte {
	b = append([]byte(nil), b...)
	copy(b[0:], macA[:])
	copy(b[6:], macB[:])
	return b
}

// sent is a datagram from the tester to the target.
func sent(proto byte, body func(h *header) []byte, change ...func(h *header)) []byte {
	all := append([]func(*header){func(h *header) { h.src, h.dst = ipB, ipA }}, change...)
	return from(ip(proto, body, all...))
}

// datagramOf is the datagram in an Ethernet II frame.
func datagramOf(frame []byte) []byte { return frame[14:] }

type arpPacket struct {
	dst, src      [6]byte
	hrd, pro      uint16
	hln, pln      byte
	op            uint16
	sha, tha      [6]byte
	spa, tpa      string
	cut           int
	behindTheData []byte
}

func arpOf(op uint16, change ...func(p *arpPacket)) []byte {
	p := arpPacket{dst: broadcastMAC, src: macA, hrd: 1, pro: typeIPv4, hln: 6, pln: 4, op: op, sha: macA, spa: ipA, tpa: ipB}
	if op == arpAnswer {
		p.dst, p.tha = macB, macB
	}
	for _, c := range change {
		c(&p)
	}
	body := join(be16(p.hrd), be16(p.pro), []byte{p.hln, p.pln}, be16(p.op), p.sha[:], addr(p.spa), p.tha[:], addr(p.tpa))
	return frame{dst: p.dst, src: p.src, kind: typeARP, body: body[:len(body)-p.cut], pad: p.behindTheData}.bytes()
}

// igmpOf builds an IGMP message in the header that its version asks for.
func igmpOf(message []byte, dst string, change ...func(h *header)) []byte {
	all := append([]func(*header){func(h *header) {
		h.dst, h.ttl, h.frag = dst, 1, 0x4000
		if v := message[0]; v == igmpV3Report || v == igmpQuery && len(message) >= 12 {
			h.tos = 0xc0
		}
		if message[0] != igmpV1Report {
			h.options = []byte{optAlert, 4, 0, 0}
		}
	}}, change...)
	return ip(protoIGMP, raw(message), all...)
}

func igmpMessage(kind, second byte, rest ...[]byte) []byte {
	return seal(join([]byte{kind, second, 0, 0}, join(rest...)), 2)
}
