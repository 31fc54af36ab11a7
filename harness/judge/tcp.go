package judge

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// upper is what a transport protocol is told of the datagram that carries it, of either version of IP.
type upper struct {
	*scene
	base     int    // offset of the payload in the frame
	b        []byte // the payload, as far as it was captured
	length   int    // of the payload
	whole    bool   // all of it was captured
	src, dst netip.Addr
	pseudo   []byte // the pseudo header, with the length of the payload
	sum      bool   // the checksum can be computed: the destination is final, and no network card has to fill it in
	ecn      uint8  // the ECN field
	header   int    // offset of the octet that holds it
	options  int    // octets of IP options
	noMSS    int    // the MSS of a peer that says none
}

// tcp is a segment of RFC 9293, section 3.1.
type tcp struct {
	*upper
	sport, dport uint16
	seq, ack     uint32
	offset       int // of the data, in octets
	reserved     uint8
	flags        uint8
	window       uint16
	checksum     uint16
	urgent       uint16
	opts         []byte
	kinds        []tcpOption
	malformed    bool // the options cannot be told apart
	data         []byte
	dataLen      int
	end          uint32 // seq + SEG.LEN

	flow *tcpFlow
	me   *tcpSide // of the flow
	peer *tcpSide
}

const (
	tcpFIN = 1 << iota
	tcpSYN
	tcpRST
	tcpPSH
	tcpACK
	tcpURG
	tcpECE
	tcpCWR
)

// readTCP4 reads a segment in an IPv4 datagram.
func readTCP4(p *ipv4) {
	length := p.total - p.ihl()
	readTCP(&upper{
		scene: p.scene, base: p.at + p.ihl(), b: p.payload, length: length, whole: p.whole, src: p.src, dst: p.dst,
		pseudo: p.pseudo(length), sum: !p.underway(), ecn: p.header[1] & 3, header: p.at + 1, options: p.ihl() - 20, noMSS: 536,
	})
}

func readTCP(u *upper) {
	t := &tcp{upper: u}
	if u.whole || len(u.b) >= 20 {
		apply(u.scene, tcpShape, t)
	}
	if len(u.b) < 20 {
		if !u.whole {
			u.skip("TCP headers cut off")
		}
		return
	}
	t.parse()
	if t.offset < 20 || t.offset > t.length {
		return
	}
	if t.offset > len(u.b) {
		u.skip("TCP headers cut off")
		return
	}
	t.opts = u.b[20:t.offset]
	t.kinds, t.malformed = splitTCPOptions(t.opts)
	t.data, t.dataLen = u.b[t.offset:], u.length-t.offset
	t.end = t.seq + uint32(t.dataLen) + uint32(t.flags>>1&1) + uint32(t.flags&1)
	switch {
	case u.f.ChecksumNotReady:
		u.skip("checksums left to a network card")
		u.sum = false
	case !u.sum:
		u.skip("checksums of datagrams on a source route")
	}
	t.find()
	apply(u.scene, tcpRules, t)
	apply(u.scene, tcpOptionRules, t)
	apply(u.scene, tcpFlowRules, t)
	t.learn()
}

func (t *tcp) parse() {
	c := cursor{b: t.b}
	t.sport, t.dport = c.u16(), c.u16()
	t.seq, t.ack = uint32(c.u16())<<16|uint32(c.u16()), uint32(c.u16())<<16|uint32(c.u16())
	first := c.u8()
	t.offset, t.reserved = int(first>>4)*4, first&0xf
	t.flags, t.window, t.checksum, t.urgent = c.u8(), c.u16(), c.u16(), c.u16()
}

// has tells whether all of the flags are set.
func (t *tcp) has(flags uint8) bool { return t.flags&flags == flags }

// exact tells whether the judge sees each segment as its sender's stack made it: none is missing, none was merged.
func (t *tcp) exact() bool { return t.j.opts.Target != nil }

// tcpShape are the rules without which the rest cannot be read.
var tcpShape = []rule[tcp]{
	{Rule{"tcp.short", "RFC9293:3.1-1", "header", "the header has 20 octets or more"},
		func(t *tcp) *fault {
			return when(t.length < 20, t.base, fmt.Sprintf("%d octets", t.length), "20 or more")
		}},
	{Rule{"tcp.offset", "RFC9293:3.1-1", "data offset", "the data offset is 5 or more, and within the segment"},
		func(t *tcp) *fault {
			if len(t.b) < 20 {
				return nil
			}
			n := int(t.b[12]>>4) * 4
			return when(n < 20 || n > t.length, t.base+12, n/4, fmt.Sprintf("5 to %d", t.length/4))
		}},
}

var tcpRules = []rule[tcp]{
	{Rule{"tcp.checksum", "RFC9293:MUST-2", "checksum", "the checksum is the ones' complement of the ones' complement sum of pseudo header, header and data"},
		func(t *tcp) *fault {
			if !t.sum || !t.whole {
				return nil
			}
			segment := t.b[:t.length]
			if sum16(t.pseudo, segment) == 0xffff {
				return nil
			}
			return differsHex(t.base+16, t.checksum, ^sum16(t.pseudo, segment[:16], segment[18:]))
		}},
	{Rule{"tcp.reserved", "RFC9293:3.1-2", "reserved bits", "reserved bits are zero"},
		func(t *tcp) *fault { return when(t.reserved&^1 != 0, t.base+12, fmt.Sprintf("%#x", t.reserved), "0") }}, // the last one is AE of RFC 9768
	{Rule{"tcp.ack-bit", "RFC9293:3.1-3", "flags", "every segment but a first SYN and RST has ACK"},
		func(t *tcp) *fault { return when(t.flags&(tcpACK|tcpSYN|tcpRST) == 0, t.base+13, "no ACK", "ACK") }},
	{Rule{"tcp.syn.ect", "RFC3168:6.1.1-14", "ECN field", "a SYN is sent without ECT"},
		func(t *tcp) *fault { return when(t.has(tcpSYN) && t.ecn != 0, t.header, t.ecn, "0") }},
	{Rule{"tcp.ack.ect", "RFC3168:6.1.4-1", "ECN field", "a segment that only acknowledges is sent without ECT"},
		func(t *tcp) *fault {
			return when(t.flags&(tcpSYN|tcpFIN|tcpRST) == 0 && t.has(tcpACK) && t.dataLen == 0 && t.ecn != 0, t.header, t.ecn, "0")
		}},
}

// number32 reads a number from option octets.
func number32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
