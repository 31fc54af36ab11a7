// Package lowpantest makes datagrams of IPv6 for tests of 6LoWPAN: of such shapes that each way to compress them comes up,
// and of others.
package lowpantest

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
)

// A Context is one that a Network has.
type Context struct {
	ID       uint8
	Prefix   ipv6.Addr
	Bits     uint8
	Compress bool
}

// A Network is what two stations know of each other.
type Network struct {
	Src, Dst link.Addr
	Contexts []Context
}

// Surroundings are those of a frame from Src to Dst.
func (n *Network) Surroundings() lowpan.Surroundings {
	var c lowpan.Contexts
	for _, x := range n.Contexts {
		c.Set(x.ID, x.Prefix, x.Bits, x.Compress)
	}
	return lowpan.Surroundings{Src: n.Src, Dst: n.Dst, Contexts: &c}
}

// Random makes a network with up to 16 contexts.
func Random(r *rand.Rand) *Network {
	n := &Network{Src: Addr(r), Dst: Addr(r)}
	for id := range uint8(lowpan.NumContexts) {
		if r.IntN(3) == 0 {
			continue
		}
		c := Context{ID: id, Prefix: prefix(r), Bits: [...]uint8{16, 32, 48, 56, 60, 64, 64, 64, 64, 72, 96, 112, 120, 128, uint8(r.IntN(129))}[r.IntN(15)], Compress: r.IntN(4) != 0}
		for i := range c.Prefix {
			if r.IntN(3) == 0 && i >= 8 {
				c.Prefix[i] = byte(r.Uint32())
			}
		}
		for i := int(c.Bits); i < 128; i++ {
			c.Prefix[i/8] &^= 0x80 >> (i % 8)
		}
		n.Contexts = append(n.Contexts, c)
	}
	return n
}

// Addr makes a link address, short or extended.
func Addr(r *rand.Rand) link.Addr {
	if r.IntN(2) == 0 {
		return link.AddrFrom2([2]byte{byte(r.Uint32()) & 0x7f, byte(r.Uint32())})
	}
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], r.Uint64()&^(1<<56))
	return link.AddrFrom8(b)
}

func prefix(r *rand.Rand) (a ipv6.Addr) {
	a = ipv6.MustParseAddr([...]string{"2001:db8::", "2001:db8:1::", "fd00::", "2001:db8:ffff:1::", "fe80::", "2001:db8:0:1::"}[r.IntN(6)])
	if r.IntN(3) == 0 {
		a[7] = byte(r.Uint32())
	}
	return a
}

// Unicast makes an address that can be abbreviated in some way, or not at all: near the link address a, the prefixes of the
// network, or neither.
func (n *Network) Unicast(r *rand.Rand, a link.Addr) (x ipv6.Addr) {
	x = prefix(r)
	if r.IntN(2) == 0 {
		x = ipv6.LinkLocal
	}
	bits := uint8(64)
	if len(n.Contexts) > 0 && r.IntN(3) != 0 {
		c := n.Contexts[r.IntN(len(n.Contexts))]
		x, bits = c.Prefix, c.Bits
	}
	iid, _ := lowpan.InterfaceID(a)
	switch r.IntN(6) {
	case 0, 1:
	case 2:
		iid = 0x000000fffe000000 | uint64(r.Uint32N(1<<16))
	case 3:
		iid = uint64(r.Uint32N(1 << 16))
	case 4:
		iid = r.Uint64()
	case 5:
		iid ^= 1 << r.IntN(64)
	}
	var id ipv6.Addr
	binary.BigEndian.PutUint64(id[8:], iid)
	for i := max(int(bits), 64); i < 128; i++ {
		x[i/8] |= id[i/8] & (0x80 >> (i % 8))
	}
	if r.IntN(30) == 0 {
		x[r.IntN(16)] ^= 1
	}
	return x
}

// Group makes a group.
func (n *Network) Group(r *rand.Rand) (x ipv6.Addr) {
	x[0], x[1] = 0xff, byte(r.Uint32())
	switch r.IntN(6) {
	case 0:
		x[1], x[15] = 2, byte(r.Uint32())
	case 1:
		binary.BigEndian.PutUint32(x[12:], r.Uint32N(1<<24))
	case 2:
		binary.BigEndian.PutUint64(x[8:], r.Uint64N(1<<40))
	case 3:
		x[1] = 2
		copy(x[11:], []byte{1, 0xff, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
	case 4:
		if len(n.Contexts) > 0 {
			c := n.Contexts[r.IntN(len(n.Contexts))]
			x[2], x[3] = byte(r.Uint32()), c.Bits
			copy(x[4:12], c.Prefix[:8])
		}
		binary.BigEndian.PutUint32(x[12:], r.Uint32())
	case 5:
		for i := range x[2:] {
			x[2+i] = byte(r.Uint32())
		}
	}
	return x
}

// Packet makes a datagram of up to about max octets, with a chain of headers. Lengths and checksums are right more often
// than not.
func (n *Network) Packet(r *rand.Rand, max int) []byte {
	return n.packet(r, max, n.Src, n.Dst, 0)
}

func (n *Network) packet(r *rand.Rand, max int, src, dst link.Addr, depth int) []byte {
	h := ipv6.Header{
		HopLimit: [...]uint8{1, 64, 255, 63, byte(r.Uint32())}[r.IntN(5)],
		Src:      n.Unicast(r, src), Dst: n.Unicast(r, dst),
	}
	if r.IntN(3) == 0 {
		h.FlowLabel = r.Uint32N(1 << 20)
	}
	if r.IntN(3) == 0 {
		h.TrafficClass = byte(r.Uint32())
		if r.IntN(2) == 0 {
			h.TrafficClass &= 3
		}
	}
	if r.IntN(8) == 0 {
		h.Src = ipv6.Addr{}
	}
	if r.IntN(3) == 0 {
		h.Dst = n.Group(r)
	}
	b := ipv6.Append(nil, h)
	named := 6
	extensions := 0
	if r.IntN(3) == 0 {
		extensions = 1 + r.IntN(4)
	}
	for range extensions {
		at := len(b)
		var p wire.Protocol
		p, b = extension(r, b)
		b[named], named = byte(p), at
		if p == wire.Fragment && r.IntN(2) == 0 { // a later fragment: any octets
			b[at], b[at+3] = byte(wire.UDP), b[at+3]|8
			return n.seal(r, data(r, b, max-len(b)))
		}
	}
	at := len(b)
	switch r.IntN(6) {
	case 0, 1, 2:
		b[named] = byte(wire.UDP)
		b = append(b, ports(r)...)
		b = append(b, 0, 0, byte(r.Uint32()), byte(r.Uint32()))
		b = data(r, b, max-len(b))
		binary.BigEndian.PutUint16(b[at+4:], uint16(len(b)-at))
		if r.IntN(20) == 0 {
			b[at+5] ^= 1
		}
	case 3:
		b[named] = byte(wire.ICMPv6)
		b = data(r, append(b, 128, 0, 0, 0, 0, 1, 0, 1), max-len(b)-8)
	case 4:
		b[named] = byte(r.Uint32())
		b = data(r, b, max-len(b))
	case 5:
		if depth < 2 && max-len(b) > 100 {
			b[named] = byte(wire.IPv6)
			b = append(b, n.packet(r, max-len(b), src, dst, depth+1)...)
		} else {
			b[named] = byte(wire.NoNext)
		}
	}
	return n.seal(r, b)
}

func (n *Network) seal(r *rand.Rand, b []byte) []byte {
	ipv6.Seal(b)
	return b
}

// data adds up to max octets, which repeat themselves more often than random ones would.
func data(r *rand.Rand, b []byte, max int) []byte {
	if max <= 0 {
		return b
	}
	for k := r.IntN(max + 1); k > 0; {
		m := min(k, 1+r.IntN(20))
		for range m {
			switch len(b) % 3 {
			case 0:
				b = append(b, 0)
			case 1:
				b = append(b, b[len(b)-1-r.IntN(40)])
			default:
				b = append(b, byte(r.Uint32()))
			}
		}
		k -= m
	}
	return b
}

func ports(r *rand.Rand) []byte {
	port := func() uint16 {
		return [...]uint16{0xf0b0 | uint16(r.Uint32N(16)), 0xf000 | uint16(r.Uint32N(256)), uint16(r.Uint32()), 5683}[r.IntN(4)]
	}
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, port()), port())
}

// extension adds a header of which the first octet is still to be said.
func extension(r *rand.Rand, b []byte) (wire.Protocol, []byte) {
	options := func() ipv6.Options {
		var o ipv6.Options
		for range r.IntN(3) {
			o = o.Append(ipv6.OptionType(2+r.IntN(100)), make([]byte, r.IntN(12)))
		}
		switch r.IntN(4) {
		case 0:
			o = append(o, 0)
		case 1:
			o = o.Append(ipv6.PadN, make([]byte, r.IntN(5)))
		}
		if o = o.Pad(); r.IntN(6) == 0 {
			o[len(o)-1] = byte(r.Uint32()) // perhaps in the padding
		}
		for len(o) == 0 || (len(o)+2)%8 != 0 {
			o = append(o, 0)
		}
		return o
	}
	switch r.IntN(5) {
	case 0:
		return wire.HopByHop, ipv6.AppendOptions(b, ipv6.OptionsHeader{Options: options()})
	case 1:
		return wire.DestOpts, ipv6.AppendOptions(b, ipv6.OptionsHeader{Options: options()})
	case 2:
		return wire.Routing, ipv6.AppendRouting(b, ipv6.RoutingHeader{Type: byte(r.IntN(5)), SegsLeft: byte(r.IntN(2)), Data: make([]byte, 4+8*r.IntN(5))})
	case 3:
		return wire.Fragment, ipv6.AppendFragment(b, ipv6.FragmentHeader{Reserved: byte(r.IntN(2)), More: true, ID: r.Uint32()})
	default:
		at := len(b)
		b = append(b, 0, byte(r.IntN(3)), 1, 0, 0, 0, byte(r.Uint32()), 1)
		return 135, append(b, make([]byte, 8*int(b[at+1]))...)
	}
}
