package judge

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// ipv6 is a packet of RFC 8200, section 3.
type ipv6 struct {
	*scene
	eth      *ethernet // nil on links without addresses
	at       int       // offset in the frame
	b        []byte    // from the version to the end of what the link delivered
	plen     int       // payload length
	hops     uint8
	src, dst netip.Addr
	payload  []byte // behind the IPv6 header, as far as it was captured
	whole    bool   // and that is all of it
	chain    []extension
	upper    uint8 // what is behind the last extension header
	data     []byte
	base     int // offset of data in the frame
	cutShort bool
	fragment *extension // nil without
	routed   bool       // a routing header is not used up
}

// extension is an extension header in the chain.
type extension struct {
	kind uint8
	at   int // in the frame
	b    []byte
}

const (
	protoHopByHop    = 0
	protoRouting     = 43
	protoFragment    = 44
	protoICMPv6      = 58
	protoNone        = 59
	protoDestination = 60
)

// readIPv6 reads a packet, judges it and what it carries, and remembers it. It returns the length of the packet, -1 when
// its header makes no sense.
func readIPv6(s *scene, e *ethernet, at int, b []byte) int {
	p := &ipv6{scene: s, eth: e, at: at, b: b}
	before := len(s.found)
	ok := p.parse()
	apply(s, ipv6Shape, p)
	if !ok || len(s.found) > before {
		return -1
	}
	if p.passedOn() {
		s.skip("IPv6 packets that were forwarded")
		p.remember()
		return 40 + p.plen
	}
	apply(s, ipv6Rules, p)
	p.readUpper()
	p.remember()
	return 40 + p.plen
}

func (p *ipv6) parse() bool {
	if len(p.b) < 40 {
		if p.f.Truncated {
			p.skip("IPv6 headers cut off")
		}
		return false
	}
	p.plen, p.hops = int(binary.BigEndian.Uint16(p.b[4:])), p.b[7]
	p.src, p.dst = netip.AddrFrom16([16]byte(p.b[8:24])), netip.AddrFrom16([16]byte(p.b[24:40]))
	if p.b[0]>>4 != 6 {
		return false
	}
	if p.plen == 0 && len(p.b) > 1280 {
		p.skip("segments merged by a network card, and jumbograms")
		p.plen = len(p.b) - 40
	}
	p.payload = p.b[40:min(40+p.plen, len(p.b))]
	p.whole = len(p.b) >= 40+p.plen
	p.walk()
	return p.whole || p.f.Truncated
}

// walk reads the chain of headers. What stands behind the Fragment header of a later fragment is none.
func (p *ipv6) walk() {
	next, rest, at := p.b[6], p.payload, p.at+40
	for {
		n := 8
		switch next {
		case protoHopByHop, protoRouting, protoDestination:
			if len(rest) >= 2 {
				n = 8 + 8*int(rest[1])
			}
		case protoFragment:
		default:
			p.upper, p.data, p.base = next, rest, at
			return
		}
		if len(rest) < n {
			p.upper, p.data, p.base, p.cutShort = next, rest, at, true
			return
		}
		p.chain = append(p.chain, extension{next, at, rest[:n]})
		x := &p.chain[len(p.chain)-1]
		if next == protoRouting {
			p.routed = p.routed || x.b[3] > 0
		}
		next, rest, at = x.b[0], rest[n:], at+n
		if x.kind == protoFragment && p.fragment == nil {
			y := *x
			p.fragment = &y
			if y.offset() > 0 {
				p.upper, p.data, p.base = next, rest, at
				return
			}
		}
	}
}

// Of a Fragment header.
func (x *extension) offset() int { return int(binary.BigEndian.Uint16(x.b[2:]) &^ 7) }
func (x *extension) more() bool  { return x.b[3]&1 != 0 }

// inParts tells whether the packet is a fragment of a larger one.
func (p *ipv6) inParts() bool {
	return p.fragment != nil && (p.fragment.offset() > 0 || p.fragment.more())
}

// passedOn tells whether the packet is another host's, which the target forwards.
func (p *ipv6) passedOn() bool {
	t := p.j.opts.Target
	return t != nil && t.Router && len(t.Addrs6) > 0 && !p.src.IsLinkLocalUnicast() && !p.src.IsUnspecified() && !slices.Contains(t.Addrs6, p.src)
}

func (p *ipv6) readUpper() {
	switch {
	case p.cutShort:
		if !p.whole {
			p.skip("IPv6 extension headers cut off")
		}
	case p.inParts():
		p.skip("the upper layers of fragments")
	case p.upper == protoICMPv6:
		readICMPv6(p)
	case p.upper == protoUDP:
		readUDP6(p)
	case p.upper == protoTCP:
		length := p.at + 40 + p.plen - p.base
		readTCP(&upper{
			scene: p.scene, base: p.base, b: p.data, length: length, whole: p.whole, src: p.src, dst: p.dst, pseudo: p.pseudo(length),
			sum: !p.routed, ecn: p.b[1] >> 4 & 3, header: p.at + 1, options: p.base - p.at - 40, noMSS: 1220,
		})
	case p.upper == protoNone:
	default:
		p.skip(fmt.Sprintf("IP protocol %d", p.upper))
	}
}

// pseudo is the pseudo-header of RFC 8200, section 8.1.
func (p *ipv6) pseudo(length int) []byte {
	b := append(make([]byte, 0, 40), p.b[8:40]...)
	b = binary.BigEndian.AppendUint32(b, uint32(length))
	return append(b, 0, 0, 0, p.upper)
}

// badSum is the fault of the checksum at an offset of the upper layer's message; nil when it is right or cannot be told.
func (p *ipv6) badSum(at int) *fault {
	if !p.whole || p.routed || len(p.data) < at+2 {
		return nil
	}
	if p.f.ChecksumNotReady {
		p.skip("checksums left to a network card")
		return nil
	}
	pseudo := p.pseudo(len(p.data))
	if sum16(pseudo, p.data) == 0xffff {
		return nil
	}
	return differsHex(p.base+at, binary.BigEndian.Uint16(p.data[at:]), ^sum16(pseudo, p.data[:at], p.data[at+2:]))
}

// remember keeps the packet for the messages to come that are about it.
func (p *ipv6) remember() {
	if p.j.opts.Target != nil && p.f.FromTarget {
		return
	}
	const enough = 2048
	b := p.b[:min(40+p.plen, len(p.b), enough)]
	p.j.packets.add(datagram{at: p.f.Time, b: append([]byte(nil), b...), whole: len(b) == 40+p.plen, notReady: p.f.ChecksumNotReady})
}

var ipv6Shape = []rule[ipv6]{
	{Rule{"ipv6.version", "RFC8200:3-1", "version", "the version is 6"},
		func(p *ipv6) *fault {
			if len(p.b) == 0 {
				return nil
			}
			return differs(p.at, p.b[0]>>4, 6)
		}},
	{Rule{"ipv6.length", "RFC8200:3-4", "payload length", "the payload length counts what follows the header"},
		func(p *ipv6) *fault {
			if p.f.Truncated || len(p.b) == 0 || p.b[0]>>4 != 6 {
				return nil
			}
			if len(p.b) < 40 {
				return &fault{p.at, fmt.Sprintf("%d octets", len(p.b)), "a whole header"}
			}
			return when(p.plen > len(p.b)-40, p.at+4, p.plen, fmt.Sprintf("at most the %d octets there are", len(p.b)-40))
		}},
}

var ipv6Rules = []rule[ipv6]{
	{Rule{"ipv6.source.multicast", "RFC4291:2.7-7", "source address", "a group is never the source of a packet"},
		func(p *ipv6) *fault { return when(p.src.IsMulticast(), p.at+8, p.src, "an address of one host") }},
	{Rule{"ipv6.source.loopback", "RFC4291:2.5.3-3", "source address", "no packet leaves a node with the loopback address as source"},
		func(p *ipv6) *fault {
			return when(p.src.IsLoopback() && p.onLink(), p.at+8, p.src, "an address of the sender")
		}},
	{Rule{"ipv6.destination.loopback", "RFC4291:2.5.3-4", "destination address", "no packet leaves a node with the loopback address as destination"},
		func(p *ipv6) *fault {
			return when(p.dst.IsLoopback() && p.onLink(), p.at+24, p.dst, "an address on the link")
		}},
	{Rule{"ipv6.destination.unspecified", "RFC4291:2.5.2-2", "destination address", "the unspecified address is no destination"},
		func(p *ipv6) *fault { return when(p.dst.IsUnspecified(), p.at+24, p.dst, "an address") }},
	{Rule{"ipv6.destination.scope", "RFC4291:2.7-10", "destination address", "no packet goes to a group of scope 0"},
		func(p *ipv6) *fault {
			return when(p.dst.IsMulticast() && p.b[25]&15 == 0, p.at+24, p.dst, "a group of scope 1 or more")
		}},
	{Rule{"ipv6.source.own", "RFC8200:3-11", "source address", "the source is an address of the sender, the unspecified one only where the protocol asks for it"}, (*ipv6).foreignSource},
	{Rule{"ipv6.hop-by-hop.first", "RFC8200:4-6", "next header", "the Hop-by-Hop Options header follows the IPv6 header"},
		func(p *ipv6) *fault {
			for i, x := range p.chain {
				if x.kind == protoHopByHop && i > 0 {
					return &fault{x.at, "a Hop-by-Hop Options header behind another one", "right behind the IPv6 header"}
				}
			}
			return nil
		}},
	{Rule{"ipv6.headers.once", "RFC8200:4.1-4", "next header", "each extension header is there at most once, Destination Options twice"},
		func(p *ipv6) *fault {
			seen := map[uint8]int{}
			for _, x := range p.chain {
				most := 1
				if x.kind == protoDestination {
					most = 2
				}
				if seen[x.kind]++; seen[x.kind] > most {
					return &fault{x.at, fmt.Sprintf("header %d once more", x.kind), fmt.Sprintf("at most %d", most)}
				}
			}
			return nil
		}},
	{Rule{"ipv6.options", "RFC8200:4.2-1", "options", "options fill their header"},
		func(p *ipv6) *fault {
			return p.eachOption(func(at int, o []byte) *fault {
				return when(o == nil, at, "an option that runs beyond its header", "one within it")
			})
		}},
	{Rule{"ipv6.options.padding", "RFC8200:4.2-23", "PadN", "the data of PadN is zero"},
		func(p *ipv6) *fault {
			return p.eachOption(func(at int, o []byte) *fault {
				return when(len(o) > 2 && o[0] == 1 && slices.ContainsFunc(o[2:], func(b byte) bool { return b != 0 }), at, fmt.Sprintf("% x", o), "zeros")
			})
		}},
	{Rule{"ipv6.fragment.reserved", "RFC8200:4.5-3", "reserved", "the reserved octet of a Fragment header is zero"},
		func(p *ipv6) *fault {
			if p.fragment == nil {
				return nil
			}
			return differs(p.fragment.at+1, p.fragment.b[1], 0)
		}},
	{Rule{"ipv6.fragment.res", "RFC8200:4.5-5", "res", "the Res bits of a Fragment header are zero"},
		func(p *ipv6) *fault {
			if p.fragment == nil {
				return nil
			}
			return differs(p.fragment.at+3, p.fragment.b[3]>>1&3, 0)
		}},
	{Rule{"ipv6.fragment.multiple", "RFC8200:4.5-17", "payload length", "the data of all fragments but the last is a multiple of 8 octets"},
		func(p *ipv6) *fault {
			if p.fragment == nil || !p.fragment.more() {
				return nil
			}
			n := p.at + 40 + p.plen - p.fragment.at - 8
			return when(n%8 != 0, p.at+4, fmt.Sprintf("%d octets of data", n), "a multiple of 8")
		}},
	{Rule{"ipv6.fragment.atomic", "RFC8200:4.5-23", "M flag", "a packet that is whole has no Fragment header"},
		func(p *ipv6) *fault {
			return when(p.fragment != nil && !p.inParts(), p.at+40, "a Fragment header in a whole packet", "no such header")
		}},
	{Rule{"ipv6.fragment.chain", "RFC7112:5-1", "headers", "the first fragment holds all headers, that of the upper layer included"}, (*ipv6).halfChain},
}

func (p *ipv6) onLink() bool { return p.eth != nil && !p.eth.loopback() }

func (p *ipv6) foreignSource() *fault {
	if p.src.IsUnspecified() {
		may := p.upper == protoICMPv6 && (len(p.data) == 0 || slices.Contains([]byte{131, 132, 133, 135, 143}, p.data[0])) || p.inParts() || p.cutShort
		return when(!may, p.at+8, p.src, "an address of the sender")
	}
	t := p.host()
	if t == nil || len(t.Addrs6) == 0 || p.src.IsMulticast() || p.src.IsLoopback() { // the latter have rules of their own
		return nil
	}
	return when(!slices.Contains(t.Addrs6, p.src), p.at+8, p.src, "an address of the sender")
}

// eachOption gives the options of all headers that hold some until one is faulty; nil for one that is malformed.
func (p *ipv6) eachOption(judge func(at int, o []byte) *fault) *fault {
	for _, x := range p.chain {
		if x.kind != protoHopByHop && x.kind != protoDestination {
			continue
		}
		for at := 2; at < len(x.b); {
			n := 1
			if x.b[at] != 0 {
				if at+2 > len(x.b) || at+2+int(x.b[at+1]) > len(x.b) {
					return judge(x.at+at, nil)
				}
				n = 2 + int(x.b[at+1])
			}
			if f := judge(x.at+at, x.b[at:at+n]); f != nil {
				return f
			}
			at += n
		}
	}
	return nil
}

func (p *ipv6) halfChain() *fault {
	if p.fragment == nil || !p.fragment.more() || p.fragment.offset() > 0 || !p.whole {
		return nil
	}
	least := map[uint8]int{protoTCP: 20, protoUDP: 8, protoICMPv6: 4}[p.upper]
	return when(p.cutShort || len(p.data) < least, p.base, fmt.Sprintf("%d octets of header %d", len(p.data), p.upper), "all of it")
}
