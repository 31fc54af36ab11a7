package judge

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// ipv4 is a datagram of RFC 791, section 3.1.
type ipv4 struct {
	*scene
	eth      *ethernet // nil on links without addresses
	at       int       // offset in the frame
	b        []byte    // from the version to the end of what the link delivered
	header   []byte    // with options; nil when it is not all there
	total    int
	id       uint16
	df, mf   bool
	reserved bool
	offset   int // of the fragment, in octets
	ttl      uint8
	proto    uint8
	src, dst netip.Addr
	payload  []byte // as far as it was captured
	whole    bool   // and that is all of it
}

const (
	protoICMP = 1
	protoIGMP = 2
	protoTCP  = 6
	protoUDP  = 17
	protoESP  = 50
	protoAH   = 51
)

// readIPv4 reads a datagram, judges it and what it carries, and remembers it. It returns nil when the header makes no
// sense.
func readIPv4(s *scene, e *ethernet, at int, b []byte) *ipv4 {
	p := &ipv4{scene: s, eth: e, at: at, b: b}
	before := len(s.found)
	ok := p.parse()
	apply(s, ipv4Shape, p)
	if !ok || len(s.found) > before {
		return nil
	}
	apply(s, ipv4Rules, p)
	readOptions(p)
	p.readPayload()
	p.remember()
	return p
}

// parse reads the fields. It returns false when they do not make a datagram.
func (p *ipv4) parse() bool {
	if len(p.b) < 20 {
		if p.f.Truncated {
			p.skip("IPv4 headers cut off")
		}
		return false
	}
	c := cursor{b: p.b[2:]}
	total, id, flags := c.u16(), c.u16(), c.u16()
	p.total, p.id = int(total), id
	p.reserved, p.df, p.mf = flags&0x8000 != 0, flags&0x4000 != 0, flags&0x2000 != 0
	p.offset = int(flags&0x1fff) * 8
	p.ttl, p.proto = c.u8(), c.u8()
	c.u16()
	p.src, p.dst = c.ip(), c.ip()
	if p.merged() {
		p.skip("segments merged by a network card")
		p.total = len(p.b)
	}
	if p.b[0]>>4 != 4 || p.ihl() < 20 || p.total < p.ihl() {
		return false
	}
	if p.ihl() > len(p.b) {
		if p.f.Truncated {
			p.skip("IPv4 headers cut off")
		}
		return false
	}
	p.header = p.b[:p.ihl()]
	p.payload = p.b[p.ihl():min(p.total, len(p.b))]
	p.whole = len(p.b) >= p.total
	return p.whole || p.f.Truncated
}

// merged tells whether the datagram is a train of TCP segments on its way to or from a network card: those are longer
// than any frame, and their total length may be 0.
func (p *ipv4) merged() bool { return p.total == 0 && p.proto == protoTCP && len(p.b) > 1500 }

func (p *ipv4) ihl() int       { return int(first(p.b)&0xf) * 4 }
func (p *ipv4) fragment() bool { return p.mf || p.offset > 0 }

// unicast tells whether an address is certainly that of one host. A directed broadcast ends in at least two equal
// bits, whatever the prefix.
func (p *ipv4) unicast(a netip.Addr) bool {
	if a.IsMulticast() || a == limitedBroadcast || a.IsUnspecified() {
		return false
	}
	b := a.As4()
	if t := p.j.opts.Target; t != nil && t.Prefix.IsValid() && t.Prefix.Contains(a) {
		return !p.directedBroadcast(a)
	}
	return b[3]&3 == 1 || b[3]&3 == 2
}

// directedBroadcast tells whether an address is the broadcast address of the target's link.
func (p *ipv4) directedBroadcast(a netip.Addr) bool {
	t := p.j.opts.Target
	if t == nil || !t.Prefix.IsValid() || !t.Prefix.Contains(a) || t.Prefix.Bits() > 30 {
		return false
	}
	b := a.As4()
	host := uint32(1)<<(32-t.Prefix.Bits()) - 1
	n := binary.BigEndian.Uint32(b[:]) & host
	return n == host || n == 0
}

// passedOn tells whether the datagram is another host's, which the target forwards: what its sender did is not its fault.
func (p *ipv4) passedOn() bool {
	t := p.j.opts.Target
	return t != nil && t.Router && len(t.Addrs) > 0 && !slices.Contains(t.Addrs, p.src)
}

func (p *ipv4) readPayload() {
	switch {
	case p.passedOn():
		p.skip("the upper layers of forwarded datagrams")
	case p.proto == protoTCP && (p.mf || p.offset > 0):
		p.j.forgetFlows(p.src, p.dst) // what was said in it is not known
		p.skip("the upper layers of fragments")
	case p.offset > 0:
		p.skip("the upper layers of fragments")
	case p.proto == protoICMP:
		readICMPv4(p)
	case p.mf:
		p.skip("the upper layers of fragments")
	case p.proto == protoUDP:
		readUDP(p)
	case p.proto == protoIGMP:
		readIGMP(p)
	case p.proto == protoTCP:
		readTCP4(p)
	default:
		p.skip(fmt.Sprintf("IP protocol %d", p.proto))
	}
}

// ipv4Shape are the rules without which the rest cannot be read.
var ipv4Shape = []rule[ipv4]{
	{Rule{"ipv4.version", "RFC791:3.1-HF-1", "version", "the version is 4"},
		func(p *ipv4) *fault {
			if len(p.b) == 0 {
				return nil
			}
			return differs(p.at, p.b[0]>>4, 4)
		}},
	{Rule{"ipv4.short", "RFC791:3.2-RB-1", "header", "a datagram has a whole header"},
		func(p *ipv4) *fault {
			short := len(p.b) < 20 || p.b[0]>>4 == 4 && p.total >= p.ihl() && p.ihl() > len(p.b)
			return when(short && !p.f.Truncated && (len(p.b) == 0 || p.b[0]>>4 == 4), p.at, fmt.Sprintf("%d octets", len(p.b)), "a whole header")
		}},
	{Rule{"ipv4.ihl", "RFC791:3.1-HF-2", "IHL", "the header length is at least 5 words"},
		func(p *ipv4) *fault {
			return when(p.readable() && p.ihl() < 20, p.at, p.ihl()/4, "5 or more")
		}},
	{Rule{"ipv4.total-length", "RFC791:3.1-HF-7", "total length", "the total length counts header and data"},
		func(p *ipv4) *fault {
			if !p.readable() || p.ihl() < 20 || p.ihl() > len(p.b) {
				return nil
			}
			if p.total < p.ihl() {
				return &fault{p.at + 2, fmt.Sprint(p.total), fmt.Sprintf("at least the header's %d", p.ihl())}
			}
			return when(p.total > len(p.b) && !p.f.Truncated, p.at+2, p.total, fmt.Sprintf("at most the %d octets there are", len(p.b)))
		}},
	{Rule{"ipv4.checksum", "RFC791:3.1-HF-22", "header checksum", "the header checksum is the ones' complement of the ones' complement sum of the header"},
		func(p *ipv4) *fault {
			if p.header == nil || p.f.ChecksumNotReady && p.header[10]|p.header[11] == 0 {
				return nil
			}
			return badChecksum(p.at, p.header, 10)
		}},
}

func (p *ipv4) readable() bool { return len(p.b) >= 20 && p.b[0]>>4 == 4 }

var ipv4Rules = []rule[ipv4]{
	{Rule{"ipv4.ttl", "RFC1122:3.2.1.7-1", "time to live", "a datagram with TTL 0 is not sent"},
		func(p *ipv4) *fault { return when(p.ttl == 0, p.at+8, p.ttl, "1 or more") }},
	{Rule{"ipv4.reserved-flag", "RFC791:3.1-HF-14", "flags", "bit 0 of the flags is zero"},
		func(p *ipv4) *fault { return when(p.reserved && !p.passedOn(), p.at+6, "1", "0") }},
	{Rule{"ipv4.fragment.multiple", "RFC791:3.2-FR-3", "total length", "the data of all fragments but the last is a multiple of 8 octets"},
		func(p *ipv4) *fault {
			n := p.total - p.ihl()
			return when(p.mf && n%8 != 0, p.at+2, fmt.Sprintf("%d octets of data", n), "a multiple of 8")
		}},
	{Rule{"ipv4.fragment.df", "RFC791:3.2-FR-7", "flags", "a datagram with DF is not fragmented"},
		func(p *ipv4) *fault { return when(p.df && p.fragment(), p.at+6, "DF in a fragment", "DF 0") }},
	{Rule{"ipv4.fragment.end", "RFC791:3.1-HF-17", "fragment offset", "a fragment ends within 65535 octets"},
		func(p *ipv4) *fault {
			end := p.offset + p.total
			return when(end > 65535, p.at+6, fmt.Sprintf("an end at octet %d", end), "65535 or less")
		}},
	{Rule{"ipv4.source.broadcast", "RFC1122:3.2.1.3-5", "source address", "no datagram has a broadcast address as source"},
		func(p *ipv4) *fault {
			return when(p.src == limitedBroadcast || p.directedBroadcast(p.src), p.at+12, p.src, "an address of one host")
		}},
	{Rule{"ipv4.source.multicast", "RFC1112:6.2-4", "source address", "no datagram has a group address as source"},
		func(p *ipv4) *fault { return when(p.src.IsMulticast(), p.at+12, p.src, "an address of one host") }},
	{Rule{"ipv4.source.own", "RFC1122:3.2.1.3-2", "source address", "a datagram has an address of its sender as source: never loopback on a link, 0 only while the host has none"},
		(*ipv4).foreignSource},
	{Rule{"ipv4.destination.zero", "RFC1122:3.3.6-3", "destination address", "a broadcast is sent with all ones, not with all zeros"},
		func(p *ipv4) *fault { return when(p.dst.IsUnspecified(), p.at+16, p.dst, "255.255.255.255") }},
	{Rule{"ipv4.id.reuse", "RFC6864:4.3-1", "identification", "a source repeats no identification of a datagram without DF for the same destination and protocol within two minutes"},
		(*ipv4).repeatsIdent},
}

func (p *ipv4) foreignSource() *fault {
	want := "an address of the sender"
	switch {
	case p.src.IsLoopback():
		return when(p.eth != nil && !p.eth.loopback(), p.at+12, p.src, want)
	case p.src.IsUnspecified():
		return when(!p.mayHaveNoSource(), p.at+12, p.src, want)
	case p.src.IsMulticast() || p.src == limitedBroadcast || p.directedBroadcast(p.src): // other rules
		return nil
	}
	t := p.host()
	return when(t != nil && len(t.Addrs) > 0 && !contains(t.Addrs, p.src), p.at+12, p.src, want)
}

// mayHaveNoSource tells whether the datagram may be part of how a host learns its address (RFC 1122, 3.2.1.3 (a)), or
// cannot be told. UDP has a rule of its own; IGMP may be sent without an address (RFC 3376, 4.2.13).
func (p *ipv4) mayHaveNoSource() bool {
	switch {
	case p.proto == protoTCP:
		return false
	case p.proto != protoICMP || p.offset > 0 || len(p.payload) == 0:
		return true
	}
	switch p.payload[0] {
	case icmpRouterSolicitation, icmpInfoRequest, icmpMaskRequest:
		return true
	}
	return false
}

// A datagram that was seen: what ICMP messages may be about.
type datagram struct {
	at        time.Duration
	b         []byte // its first octets
	whole     bool   // they are all
	broadcast bool   // it came as link-layer broadcast
	notReady  bool   // its checksums were not yet in it
}

// remember keeps the datagram for the ICMP messages to come. Those of a known target are not kept: it does not
// answer itself.
func (p *ipv4) remember() {
	if p.j.opts.Target != nil && p.f.FromTarget {
		return
	}
	const enough = 2048
	b := p.b[:min(p.total, len(p.b), enough)]
	p.j.datagrams.add(datagram{
		at:        p.f.Time,
		b:         append([]byte(nil), b...),
		whole:     len(b) == p.total,
		broadcast: p.eth != nil && p.eth.dst == broadcastMAC,
		notReady:  p.f.ChecksumNotReady,
	})
}
