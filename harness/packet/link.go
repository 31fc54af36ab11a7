package packet

import (
	"net"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/target"
)

// A LinkLayer says how frames of a link type are read and made, where that is not as on Ethernet: there a packet stands in
// its frame as it is, here it may be compressed, or in several frames.
type LinkLayer struct {
	// First is the layer that a frame begins with.
	First gopacket.LayerType
	// Carrier is the protocol that carries network packets when a template does not say.
	Carrier *Proto
	// Trailer is what stands behind everything else, such as a check sequence; nil for none.
	Trailer *Proto
	// Open lifts the protection of a frame: it gives the frame as it would be without, of the same length, and what
	// it begins with; nil for a frame that is not protected or whose key nobody knows. An error says that it is not authentic.
	Open func(s target.Security, b []byte) (plain []byte, first gopacket.LayerType, err error)
	// Secure is the reverse, of a frame that has room octets for the code already. how are the conditions of Sealer.
	Secure func(s target.Security, plain []byte, room int, how []Cond) []byte
	// Sealer is a layer that a template has only to say how it is secured.
	Sealer *Proto
	// Room is how many octets of a frame that Open gave are the code.
	Room func(plain []byte) int
	// Group is the link address of a group.
	Group func(netip.Addr) net.HardwareAddr
	// Packet gives the network packet that a frame carries in another form, nil for none. An error says why there is none
	// though there should be one.
	Packet func(r *Reader, f *Frame) ([]byte, error)
	// Wrap makes templates of the frames that carry a network packet. outer are the layers that the template has outside
	// it, inner is its outermost one.
	Wrap func(env Env, outer Template, inner *Layer, packet []byte) []Template
	// Rewrap is Wrap for a packet that stands in place of the one in f.
	Rewrap func(f *Frame, packet []byte, conds []Cond) [][]byte
}

// links are those that say more than gopacket knows. Written only while packages initialise.
var links = map[target.LinkType]*LinkLayer{}

// RegisterLink brings in a link layer. It is called while packages initialise.
func RegisterLink(t target.LinkType, l *LinkLayer) { links[t] = l }

// link is the link layer that env speaks on, nil for Ethernet.
func (env Env) link() *LinkLayer { return links[env.Link] }

// Under is the protocol that carries network packets on the link of env; ethernet is the one for Ethernet.
func (env Env) Under(ethernet *Proto) *Proto {
	if l := env.link(); l != nil {
		return l.Carrier
	}
	return ethernet
}

// Group is the link address of a group on the link of env; ethernet is the one for Ethernet.
func (env Env) Group(ip netip.Addr, ethernet net.HardwareAddr) net.HardwareAddr {
	if l := env.link(); l != nil {
		return l.Group(ip)
	}
	return ethernet
}

// A Reader dissects the frames of one link in order. It remembers what one frame alone does not tell: the contexts by
// which addresses are compressed, and the fragments of a packet that is not whole yet. The frame that completes a packet
// has its layers.
type Reader struct {
	Link     target.LinkType
	Contexts target.Contexts // RFC 6282, section 3.1.2
	Security target.Security // by which frames are opened
	State    any             // of the link layer
}

// NewReader is a reader for the link of a world.
func NewReader(n target.Net) *Reader {
	return &Reader{Link: n.Link, Contexts: n.Contexts, Security: n.Security}
}

// Dissect reads the next frame. b must not change afterwards.
func (r *Reader) Dissect(b []byte) *Frame {
	l := links[r.Link]
	switch {
	case l != nil:
	case r.Link == target.Ethernet:
		return dissect(layers.LayerTypeEthernet, r.Link, b)
	default:
		return &Frame{Link: r.Link, Bytes: b}
	}
	f := r.opened(l, b)
	f.contexts = r.Contexts
	if l.Packet == nil {
		return f
	}
	p, err := l.Packet(r, f)
	if err != nil && f.Err == nil {
		f.Err = err
	}
	if p != nil {
		f.derive(p)
	}
	return f
}

// opened dissects a frame without its protection, if it has one that can be lifted.
func (r *Reader) opened(l *LinkLayer, b []byte) *Frame {
	if l.Open == nil || !r.Security.On() {
		return dissect(l.First, r.Link, b)
	}
	plain, first, err := l.Open(r.Security, b)
	if plain == nil {
		f := dissect(l.First, r.Link, b)
		f.security = r.Security
		if err != nil {
			f.Err = err
		}
		return f
	}
	f := dissect(first, r.Link, plain)
	f.Bytes, f.plain, f.security = b, plain, r.Security
	return f
}

// Plain is the frame's octets without the protection that was lifted, or as they are. Every layer stands where it stood.
func (f *Frame) Plain() []byte {
	if f.plain != nil {
		return f.plain
	}
	return f.Bytes
}

// Opened tells whether f was protected, and the protection was lifted.
func (f *Frame) Opened() bool { return f.plain != nil }

// Security is what f was read with.
func (f *Frame) Security() target.Security { return f.security }

// derive adds the layers of a network packet that does not stand in the frame's octets. What stands there in its place is
// no payload of anybody.
func (f *Frame) derive(p []byte) {
	in := dissect(layers.LayerTypeIPv6, f.Link, p)
	for i, l := range f.layers {
		if l.proto == payload {
			f.layers = append(f.layers[:i:i], f.layers[i+1:]...)
			break
		}
	}
	f.own, f.derived = len(f.layers), p
	f.layers = append(f.layers, in.layers...)
	if f.Err == nil {
		f.Err = in.Err
	}
}

// Packet is the network packet in f, whole, also where the frame has it compressed or only a part of it; nil without one.
func (f *Frame) Packet() []byte {
	if f.derived != nil {
		return f.derived
	}
	for _, l := range f.layers {
		if l.proto.EtherType != 0 {
			return append(append([]byte(nil), l.header...), l.body...)
		}
	}
	return nil
}

// Derived tells whether the network packet of f does not stand in the frame as it is.
func (f *Frame) Derived() bool { return f.derived != nil }

// Again dissects other octets on the same link, as if they had come in the place of f.
func (f *Frame) Again(b []byte) *Frame {
	g := (&Reader{Link: f.Link, Contexts: f.contexts, Security: f.security}).Dissect(b)
	g.At, g.On = f.At, f.On
	return g
}

// Contexts are those that f was read with.
func (f *Frame) Contexts() target.Contexts { return f.contexts }

// Layers calls visit with each layer that stands in the frame's own octets, outermost first.
func (f *Frame) Layers(visit func(p *Proto, at int, header, body []byte)) {
	own := f.layers
	if f.derived != nil {
		own = own[:f.own]
	}
	for _, l := range own {
		visit(l.proto, l.at, l.header, l.body)
	}
}

// Mended is f with all lengths and checksums as they have to be.
func (f *Frame) Mended() *Frame {
	if f.derived == nil {
		return f.Again(f.Rewrite())
	}
	in := Frame{Link: f.Link, Bytes: f.derived, layers: f.layers[f.own:]}
	g := &Frame{At: f.At, Link: f.Link, On: f.On, Bytes: f.Bytes, plain: f.plain, contexts: f.contexts, security: f.security}
	g.layers = append(g.layers, f.layers[:f.own]...)
	g.derive(in.rewrite(nil))
	return g
}
