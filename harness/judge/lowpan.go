package judge

import (
	"encoding/binary"
	"fmt"
)

// lowpan is what a data frame carries: the headers of RFC 4944 in front of a packet, or of a part of it. All of them are
// judged only where one target is known to speak 6LoWPAN: other protocols share the dispatch octet with it, and do not know.
type lowpan struct {
	*scene
	mac      *mac
	at       int // of b in the frame
	b        []byte
	mesh     int // offset of the mesh header in b; -1 without
	fragment int // likewise
	hops     int
	size     int // of the fragment's datagram
	offset   int
	first    bool
	dispatch int    // offset of what the headers in front announce; -1 without
	body     []byte // from there on
	behind   bool   // a mesh or broadcast header stands behind a fragment header
	page     uint8
	cut      bool // the frame ends inside the headers in front
	iphc     int  // offset of a compressed header; -1 without
	udp      int  // of a UDP header in NHC form; -1 without
}

func readLowpan(m *mac) {
	if m.j.opts.Target == nil {
		m.skip("headers of 6LoWPAN between stations that nobody knows")
		return
	}
	p := &lowpan{scene: m.scene, mac: m, at: m.at, b: m.payload, mesh: -1, fragment: -1, dispatch: -1, iphc: -1, udp: -1}
	p.parse()
	apply(m.scene, lowpanRules, p)
}

// parse reads the headers in front, in whatever order they stand.
func (p *lowpan) parse() {
	for at := 0; at < len(p.b); {
		b, n := p.b[at:], 0
		switch d := b[0]; {
		case d>>6 == 2:
			p.behind = p.behind || p.fragment >= 0
			p.mesh, n = at, 1
			p.hops = int(d & 15)
			if d&15 == 15 {
				if n++; len(b) > 1 {
					p.hops = int(b[1])
				}
			}
			n += [2]int{8, 2}[d>>5&1] + [2]int{8, 2}[d>>4&1]
		case d == 0x50:
			p.behind, n = p.behind || p.fragment >= 0, 2
		case d&0xf8 == 0xc0 || d&0xf8 == 0xe0:
			p.first, n = d&0x20 == 0, 4
			if !p.first {
				n = 5
			}
			if len(b) >= n {
				p.fragment, p.size = at, int(binary.BigEndian.Uint16(b)&0x7ff)
				if !p.first {
					p.offset = 8 * int(b[4])
				}
			}
		case d>>4 == 15:
			p.page, n = d&15, 1
		}
		switch {
		case n > len(b):
			p.cut = true
			return
		case n == 0 || p.fragment == at && !p.first:
			p.dispatch, p.body = at+n, b[n:]
			if n == 0 {
				p.packet()
			}
			return
		}
		at += n
	}
}

// packet looks at the headers of a packet.
func (p *lowpan) packet() {
	if p.page > 1 || len(p.body) < 2 || p.body[0]>>5 != 3 {
		return
	}
	p.iphc = p.dispatch
	at := p.dispatch
	for at+2 <= len(p.b) {
		n := iphcOctets(p.b[at], p.b[at+1])
		nhc := p.b[at]&4 != 0
		if at += n; !nhc {
			return
		}
		for at < len(p.b) && p.b[at]>>4 == 14 { // extension headers
			d := p.b[at]
			if d>>1&7 == 7 { // another compressed header
				at++
				break
			}
			next := at + 1 + int(1-d&1)
			switch {
			case d>>1&7 == 2:
				at = next + 7
			case next < len(p.b):
				at = next + 1 + int(p.b[next])
			default:
				return
			}
			if d&1 == 0 {
				return
			}
		}
		if at < len(p.b) && (p.b[at]>>3 == 0x1e || p.b[at]>>3 == 0x1a) {
			p.udp = at
			return
		}
		if at+1 >= len(p.b) || p.b[at]>>5 != 3 {
			return
		}
	}
}

// iphcOctets is how long a compressed header is (RFC 6282, section 3.1.1).
func iphcOctets(a, b byte) (n int) {
	n = 2 + int(b>>7) + [4]int{4, 3, 1, 0}[a>>3&3] + int(1-a>>2&1)
	if a&3 == 0 {
		n++
	}
	mode := func(context, mode byte) int {
		if mode == 0 {
			return [2]int{16, 0}[context]
		}
		return [4]int{0, 8, 2, 0}[mode]
	}
	n += mode(b>>6&1, b>>4&3)
	switch {
	case b&8 == 0:
		n += mode(b>>2&1, b&3)
	case b&4 == 0:
		n += [4]int{16, 6, 4, 1}[b&3]
	case b&3 == 0:
		n += 6
	}
	return n
}

// assigned tells whether an octet is a dispatch of page 0 that somebody has defined.
func assigned(d byte) bool {
	switch {
	case d>>6 == 0, d>>6 == 2, d>>5 == 3, d&0xf8 == 0xc0, d&0xf8 == 0xe0, d>>4 == 15:
		return true
	case d&0xfc == 0xe8: // fragments that are recovered (RFC 8931, section 5)
		return true
	}
	return d >= 0x40 && d <= 0x43 || d == 0x50 // ESC, IPv6, HC1, DFF (RFC 6971); BC0
}

var lowpanRules = []rule[lowpan]{
	{Rule{"lowpan.dispatch", "RFC4944:5.1-10", "dispatch", "a dispatch value that is reserved is not sent"},
		func(p *lowpan) *fault {
			if p.dispatch < 0 || p.page > 0 || p.fragment >= 0 && !p.first || len(p.body) == 0 {
				return nil
			}
			return when(!assigned(p.body[0]), p.at+p.dispatch, fmt.Sprintf("%#02x", p.body[0]), "a dispatch that has a meaning")
		}},
	{Rule{"lowpan.order", "RFC4944:5-1", "LoWPAN headers", "headers come in the order mesh, broadcast, fragment"},
		func(p *lowpan) *fault {
			return when(p.behind, p.at+p.fragment, "a mesh or broadcast header behind that of a fragment", "the fragment header last")
		}},
	{Rule{"lowpan.mesh.hops", "RFC4944:5.2-4", "Hops Left", "a packet with no hop left is not sent on"},
		func(p *lowpan) *fault { return when(p.mesh >= 0 && p.hops == 0, p.at+p.mesh, 0, "1 or more") }},
	{Rule{"lowpan.fragment.multiple", "RFC4944:5.3-3", "fragment", "all fragments but the last are multiples of 8 octets long"},
		func(p *lowpan) *fault {
			n := len(p.body)
			bad := p.fragment >= 0 && !p.first && !p.f.Truncated && n%8 != 0 && p.offset+n < p.size
			return when(bad, p.at+p.fragment, fmt.Sprintf("%d octets at %d of %d", n, p.offset, p.size), "a multiple of 8")
		}},
	{Rule{"lowpan.fragment.beyond", "RFC4944:5.3-11", "datagram_offset", "a fragment ends within its datagram"},
		func(p *lowpan) *fault {
			n := len(p.body)
			return when(p.fragment >= 0 && !p.first && p.offset+n > p.size, p.at+p.fragment, fmt.Sprintf("%d octets at %d", n, p.offset), fmt.Sprintf("no more than the %d that there are", p.size))
		}},
	{Rule{"lowpan.fragment.size", "RFC4944:5.3-7", "datagram_size", "datagram_size is that of a packet of IPv6: 40 octets of header and more, and at most the MTU of 1280"},
		func(p *lowpan) *fault {
			return when(p.fragment >= 0 && (p.size < 40 || p.size > 1280), p.at+p.fragment, p.size, "40 to 1280")
		}},
	{Rule{"lowpan.recovery.size", "RFC8931:5.1-8", "Fragment_Size", "a recoverable fragment has as many octets as it says"},
		func(p *lowpan) *fault {
			b := p.recovery(0xe8)
			if len(b) < 6 || b[4] == 0 && b[5] == 0 { // a reset has none
				return nil
			}
			says := int(binary.BigEndian.Uint16(b[2:]) & 0x3ff)
			return when(says != len(b)-6, p.at+p.dispatch+2, says, fmt.Sprintf("the %d octets that follow", len(b)-6))
		}},
	{Rule{"lowpan.recovery.alone", "RFC8931:6-1", "RFRAG-ACK", "an acknowledgment of fragments is 6 octets, and nothing follows it"},
		func(p *lowpan) *fault {
			b := p.recovery(0xea)
			return when(b != nil && len(b) != 6, p.at+p.dispatch, fmt.Sprintf("%d octets", len(b)), "6 octets")
		}},
	{Rule{"lowpan.iphc.destination", "RFC6282:3.1.1-27", "DAC, DAM", "M=0 DAC=1 DAM=00 is reserved"},
		func(p *lowpan) *fault { return p.mode(0x0f, 0x04, "M=0 DAC=1 DAM=00") }},
	{Rule{"lowpan.iphc.group", "RFC6282:3.1.1-36", "DAC, DAM", "M=1 DAC=1 DAM=01, 10 and 11 are reserved"},
		func(p *lowpan) *fault {
			for _, dam := range []byte{1, 2, 3} {
				if f := p.mode(0x0f, 0x0c|dam, fmt.Sprintf("M=1 DAC=1 DAM=%02b", dam)); f != nil {
					return f
				}
			}
			return nil
		}},
	{Rule{"lowpan.hc1", "RFC6282:2-3", "dispatch", "packets are not compressed as in RFC 4944, section 10"},
		func(p *lowpan) *fault {
			bad := p.dispatch >= 0 && p.page == 0 && (p.fragment < 0 || p.first) && len(p.body) > 0 && p.body[0] == 0x42
			return when(bad, p.at+p.dispatch, "HC1", "IPHC, or no compression")
		}},
	{Rule{"lowpan.udp.checksum", "RFC6282:4.3.2-5", "C", "a checksum is elided only in frames with an integrity check of their own"},
		func(p *lowpan) *fault {
			return when(p.udp >= 0 && p.b[max(p.udp, 0)]&4 != 0 && (p.mac.security == nil || p.mac.security.code() == 0), p.at+p.udp, "C=1 in a frame without a message integrity code", "C=0")
		}},
}

// recovery is a payload of RFC 8931 from its dispatch on, the last bit of which is E; nil for any other.
func (p *lowpan) recovery(dispatch byte) []byte {
	if p.dispatch < 0 || p.page > 0 || p.fragment >= 0 || p.f.Truncated || len(p.body) == 0 || p.body[0]&0xfe != dispatch {
		return nil
	}
	return p.body
}

// mode is the fault that the second octet of a compressed header has these bits.
func (p *lowpan) mode(mask, bits byte, name string) *fault {
	if p.iphc < 0 || p.b[p.iphc+1]&mask != bits {
		return nil
	}
	return &fault{p.at + p.iphc + 1, name, "an encoding that has a meaning"}
}
