package packet

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/target"
)

// A Frame is a frame that was seen, dissected.
type Frame struct {
	At    time.Duration // since the world was made
	Link  target.LinkType
	On    int // the link of the world that it was on, from 0
	Bytes []byte
	Err   error  // why the dissection stopped early, nil when it did not
	Gloss string // what whoever follows a conversation has to say about it, printed behind it

	layers   []seen
	derived  []byte          // the network packet, where the frame has it in another form
	own      int             // how many layers stand in Bytes; the others in derived
	contexts target.Contexts // that it was read with
	plain    []byte          // the frame's octets, in which its layers stand, where those in Bytes are encrypted
	security target.Security // that it was read with
}

type seen struct {
	proto  *Proto
	at     int // of the header in Bytes
	header []byte
	body   []byte // the layer's payload
}

// Dissect reads a frame of the given link type by itself; a Reader reads those of a link in order. b must not change
// afterwards.
func Dissect(link target.LinkType, b []byte) *Frame {
	return (&Reader{Link: link}).Dissect(b)
}

func dissect(first gopacket.LayerType, link target.LinkType, b []byte) *Frame {
	f := &Frame{Link: link, Bytes: b}
	p := gopacket.NewPacket(b, first, gopacket.DecodeOptions{NoCopy: true})
	for _, l := range p.Layers() {
		proto := protos[l.LayerType()]
		if proto == nil {
			continue
		}
		hdr := l.LayerContents()
		if len(hdr) < proto.octets {
			f.Err = fmt.Errorf("the frame ends inside its %s header", proto.name)
			break
		}
		at, ok := offset(b, hdr)
		if !ok { // gopacket hands out octets that it made up
			f.Err = fmt.Errorf("the %s layer is malformed", proto.name)
			break
		}
		f.layers = append(f.layers, seen{proto: proto, at: at, header: hdr, body: l.LayerPayload()})
	}
	if e := p.ErrorLayer(); e != nil && f.Err == nil {
		f.Err = e.Error()
	}
	return f
}

// offset is where part, a slice of whole, begins in it.
func offset(whole, part []byte) (at int, ok bool) {
	at = cap(whole) - cap(part)
	if at < 0 || at+len(part) > len(whole) {
		return 0, false
	}
	return at, len(part) == 0 || &whole[at] == &part[0]
}

// Quoted dissects the IPv4 or IPv6 packet that an ICMP error quotes, nil when f holds none. It may be cut.
func (f *Frame) Quoted() *Frame {
	d, ok := Data.Of(f)
	if !ok || len(d) == 0 {
		return nil
	}
	first := layers.LayerTypeIPv4
	if d[0]>>4 == 6 {
		first = layers.LayerTypeIPv6
	}
	q := dissect(first, f.Link, d)
	q.At = f.At
	return q
}

// Has tells whether f has a layer of p.
func (f *Frame) Has(p *Proto) bool { return f.layer(p) != nil }

func (f *Frame) layer(p *Proto) *seen {
	for i := range f.layers {
		if f.layers[i].proto == p {
			return &f.layers[i]
		}
	}
	return nil
}

// Header is the raw header of the layer of p, Body what it carries; nil without such a layer.
func (f *Frame) Header(p *Proto) []byte {
	if l := f.layer(p); l != nil {
		return l.header
	}
	return nil
}

// Body is what the layer of p carries.
func (f *Frame) Body(p *Proto) []byte {
	if l := f.layer(p); l != nil {
		return l.body
	}
	return nil
}

// String is one line, like tcpdump's.
func (f *Frame) String() string {
	var parts []string
	for _, l := range f.layers {
		if l.proto.Summary == nil {
			parts = append(parts, l.proto.name)
		} else if s := l.proto.Summary(l.header, l.body); s != "" {
			parts = append(parts, s)
		}
	}
	if f.Err != nil {
		parts = append(parts, "malformed: "+f.Err.Error())
	}
	if len(parts) == 0 {
		return formatOctets(f.Bytes)
	}
	if f.Gloss != "" {
		parts = append(parts, f.Gloss)
	}
	return strings.Join(parts, ", ")
}

// GomegaString keeps Gomega's messages on one line.
func (f *Frame) GomegaString() string { return f.String() }

// Rewrite is f's bytes with fields set to other values and lengths and checksums mended around them, as a stack with
// that one fault would have sent it. Fields of protocols that f does not have are left out. It panics where that takes
// several frames; see Rewrites.
func (f *Frame) Rewrite(conds ...Cond) []byte {
	frames := f.Rewrites(conds...)
	if len(frames) != 1 {
		panic(fmt.Sprintf("packet: %v with other fields takes %d frames", f, len(frames)))
	}
	return frames[0]
}

// Rewrites is Rewrite for a link on which the packet may take several frames. A packet that came in fragments is in as many
// again, as another packet: the fragments that were before f are worth nothing to it.
func (f *Frame) Rewrites(conds ...Cond) [][]byte {
	if f.derived == nil {
		return [][]byte{f.rewrite(conds)}
	}
	in := Frame{Link: f.Link, Bytes: f.derived, layers: f.layers[f.own:]}
	if !in.concerns(conds) {
		own := Frame{Link: f.Link, Bytes: f.Bytes, plain: f.plain, security: f.security, layers: f.layers[:f.own]}
		return [][]byte{own.rewrite(conds)}
	}
	return links[f.Link].Rewrap(f, in.rewrite(conds), conds)
}

// concerns tells whether one of the conditions is on a layer of f.
func (f *Frame) concerns(conds []Cond) bool {
	for _, c := range conds {
		if f.Has(c.field.proto) {
			return true
		}
	}
	return false
}

func (f *Frame) rewrite(conds []Cond) []byte {
	b := append([]byte(nil), f.Plain()...)
	shift := 0
	locs := make([]located, len(f.layers))
	for i, l := range f.layers {
		locs[i] = located{proto: l.proto, at: l.at + shift, octets: len(l.header)}
		for _, c := range conds {
			if c.field.proto != l.proto || !c.sendable() {
				continue
			}
			hdr := append([]byte(nil), b[locs[i].at:locs[i].at+locs[i].octets]...)
			if _, ok := c.field.read(hdr); !ok && (c.none || !c.field.mayLack()) {
				continue
			}
			hdr = c.field.write(hdr, c.set)
			b = append(b[:locs[i].at:locs[i].at], append(hdr, b[locs[i].at+locs[i].octets:]...)...)
			shift += len(hdr) - locs[i].octets
			locs[i].octets = len(hdr)
			locs[i].explicit = append(locs[i].explicit, c.field)
		}
	}
	b = sealWithin(b, locs, f, shift)
	if f.plain != nil {
		l := links[f.Link]
		var how []Cond
		for _, c := range conds {
			if c.field.proto == l.Sealer {
				how = append(how, c)
			}
		}
		b = l.Secure(f.security, b, l.Room(f.plain), how)
	}
	return b
}

// sealWithin seals a received frame, whose padding is not part of any layer's payload.
func sealWithin(b []byte, locs []located, f *Frame, shift int) []byte {
	if len(f.layers) == 0 {
		return b
	}
	last := f.layers[len(f.layers)-1]
	end := last.at + len(last.header) + len(last.body) + shift
	end = min(end, len(b))
	padding := append([]byte(nil), b[end:]...)
	sealed := seal(b[:end:end], locs)
	if shift == 0 {
		return append(sealed[:end:end], padding...)
	}
	return sealed
}
