package packet

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// A Field is one field of a protocol header, with values of type V: uint for numbers and flags, netip.Addr,
// net.HardwareAddr, or []byte.
type Field[V any] struct{ *spec }

// spec is the untyped part of a field.
type spec struct {
	proto  *Proto
	name   string
	bit    int                                     // its first bit, from the start of the header
	width  int                                     // in bits; 0 for a field of variable length
	find   func(hdr []byte) (from, to int)         // where a variable field stands
	splice func(hdr, value []byte) (newHdr []byte) // sets a variable field, the header grows or shrinks
	size   int                                     // of a number that may be absent, in bits
	format func(raw []byte) string                 // a value for people
	little bool                                    // least significant octet first on the wire
}

// Name is the field's name in the RFC that defines it.
func (s *spec) Name() string { return s.name }

// FieldOption refines a field in its table.
type FieldOption func(*spec)

// Named prints known values by name: 1 as "request".
func Named(names map[uint]string) FieldOption {
	return func(s *spec) {
		number := s.format
		s.format = func(raw []byte) string {
			if n, ok := names[uint(number64(raw))]; ok {
				return n + " (" + number(raw) + ")"
			}
			return number(raw)
		}
	}
}

// Hex prints a number in hexadecimal.
func Hex() FieldOption {
	return func(s *spec) {
		s.format = func(raw []byte) string { return fmt.Sprintf("%#0*x", (s.width+s.size)/4, number64(raw)) }
	}
}

// Printed prints a number in words of its own.
func Printed(print func(v uint) string) FieldOption {
	return func(s *spec) { s.format = func(raw []byte) string { return print(uint(number64(raw))) } }
}

// Uint adds a number of width bits, at the given bit of the header, to p.
func Uint(p *Proto, name string, bit, width int, opts ...FieldOption) Field[uint] {
	s := &spec{proto: p, name: name, bit: bit, width: width}
	s.format = func(raw []byte) string { return fmt.Sprint(number64(raw)) }
	return Field[uint]{p.add(s, opts)}
}

// IP adds an IPv4 or IPv6 address, by its width (32 or 128), to p.
func IP(p *Proto, name string, bit, width int) Field[netip.Addr] {
	s := &spec{proto: p, name: name, bit: bit, width: width}
	s.format = func(raw []byte) string {
		a, _ := netip.AddrFromSlice(raw)
		return a.String()
	}
	return Field[netip.Addr]{p.add(s, nil)}
}

// LinkAddr adds a link address of width bits to p.
func LinkAddr(p *Proto, name string, bit, width int) Field[net.HardwareAddr] {
	s := &spec{proto: p, name: name, bit: bit, width: width}
	s.format = func(raw []byte) string { return net.HardwareAddr(raw).String() }
	return Field[net.HardwareAddr]{p.add(s, nil)}
}

// Variable adds a field of variable length to p: find says where it stands, splice replaces it.
func Variable(p *Proto, name string, find func(hdr []byte) (from, to int), splice func(hdr, value []byte) []byte) Field[[]byte] {
	s := &spec{proto: p, name: name, find: find, splice: splice, format: formatOctets}
	return Field[[]byte]{p.add(s, nil)}
}

// OptionalUint adds a number of width bits, whole octets, that a header may lack, such as one in an option: find says
// where it stands, from > to for nowhere; splice sets it, adding what holds it where that is missing, and takes it out
// when value is nil.
func OptionalUint(p *Proto, name string, width int, find func(hdr []byte) (from, to int), splice func(hdr, value []byte) []byte, opts ...FieldOption) Field[uint] {
	s := &spec{proto: p, name: name, size: width, find: find, splice: splice}
	s.format = func(raw []byte) string { return fmt.Sprint(number64(raw)) }
	return Field[uint]{p.add(s, opts)}
}

// Optional adds octets that a header may lack, with find and splice as those of OptionalUint. Their own length may be 0.
func Optional(p *Proto, name string, find func(hdr []byte) (from, to int), splice func(hdr, value []byte) []byte, print func(raw []byte) string) Field[[]byte] {
	s := &spec{proto: p, name: name, size: 8, find: find, splice: splice, format: print}
	return Field[[]byte]{p.add(s, nil)}
}

// mayLack tells whether a well-formed header may be without the field.
func (s *spec) mayLack() bool { return s.size > 0 }

// OptionalLinkAddr adds a link address that a header may lack, such as one in an option, with find and splice as those of
// OptionalUint.
func OptionalLinkAddr(p *Proto, name string, find func(hdr []byte) (from, to int), splice func(hdr, value []byte) []byte, opts ...FieldOption) Field[net.HardwareAddr] {
	s := &spec{proto: p, name: name, size: 48, find: find, splice: splice}
	s.format = func(raw []byte) string { return net.HardwareAddr(raw).String() }
	return Field[net.HardwareAddr]{p.add(s, opts)}
}

func formatOctets(raw []byte) string {
	if len(raw) == 0 {
		return "empty"
	}
	const most = 24
	if len(raw) > most {
		return fmt.Sprintf("%s... (%d octets)", hex.EncodeToString(raw[:most]), len(raw))
	}
	return hex.EncodeToString(raw)
}

// raw encodes v as the field holds it.
func (f Field[V]) raw(v V) []byte {
	switch v := any(v).(type) {
	case uint:
		return bits64(uint64(v), f.width+f.size)
	case netip.Addr:
		return v.AsSlice()
	case net.HardwareAddr:
		return v
	case []byte:
		return append([]byte{}, v...) // never nil: no octets are a value, too
	}
	panic(fmt.Sprintf("packet: field %s has values of type %T, which no table line makes", f.name, v))
}

// value decodes what the field holds.
func (f Field[V]) value(raw []byte) (v V) {
	switch p := any(&v).(type) {
	case *uint:
		*p = uint(number64(raw))
	case *netip.Addr:
		*p, _ = netip.AddrFromSlice(raw)
	case *net.HardwareAddr:
		*p = net.HardwareAddr(bytes.Clone(raw))
	case *[]byte:
		*p = bytes.Clone(raw)
	}
	return v
}

// Of reads the field from the first layer of its protocol in f. ok is false when f has no such layer.
func (f Field[V]) Of(fr *Frame) (v V, ok bool) {
	l := fr.layer(f.proto)
	if l == nil {
		return v, false
	}
	raw, ok := f.read(l.header)
	if !ok {
		return v, false
	}
	return f.value(raw), true
}

// Is sets the field to v in a frame to send, and asks for v in a frame received.
func (f Field[V]) Is(v V) Cond {
	raw := f.raw(v)
	return Cond{field: f.spec, set: raw, holds: func(got []byte) bool { return bytes.Equal(got, raw) }, want: f.format(raw)}
}

// None asks for a header without the field, and takes it out of one that is mutated.
func (f Field[V]) None() Cond { return Cond{field: f.spec, want: "absent", none: true} }

// In asks for one of several values. It cannot be sent.
func (f Field[V]) In(vs ...V) Cond {
	var raws [][]byte
	var texts []string
	for _, v := range vs {
		raws = append(raws, f.raw(v))
		texts = append(texts, f.format(f.raw(v)))
	}
	return Cond{field: f.spec, want: strings.Join(texts, " or "), holds: func(got []byte) bool {
		for _, r := range raws {
			if bytes.Equal(got, r) {
				return true
			}
		}
		return false
	}}
}

// Not asks for any value but v. It cannot be sent.
func (f Field[V]) Not(v V) Cond {
	raw := f.raw(v)
	return Cond{field: f.spec, want: "anything but " + f.format(raw), holds: func(got []byte) bool { return !bytes.Equal(got, raw) }}
}

// Where asks for a value that holds; want says in words what that is. It cannot be sent.
func (f Field[V]) Where(want string, holds func(V) bool) Cond {
	return Cond{field: f.spec, want: want, holds: func(got []byte) bool { return holds(f.value(got)) }}
}

// A Cond is one field with the value to send or to ask for.
type Cond struct {
	field *spec
	set   []byte // nil when the condition cannot be sent, or takes the field out
	none  bool   // the field is absent
	holds func(got []byte) bool
	want  string
}

// Called is c with other words for what it wants.
func (c Cond) Called(want string) Cond { c.want = want; return c }

// On tells whether c is on a field of p.
func (c Cond) On(p *Proto) bool { return c.field.proto == p }

// sendable tells whether c says what to send.
func (c Cond) sendable() bool { return c.set != nil || c.none }

// fails compares the field in hdr; nil when it is as wanted.
func (c Cond) fails(hdr []byte) *Diff {
	raw, ok := c.field.read(hdr)
	switch {
	case c.none && !ok, ok && !c.none && c.holds(raw):
		return nil
	case ok:
		return &Diff{c.field.name, c.want, c.field.format(raw)}
	case c.field.mayLack():
		return &Diff{c.field.name, c.want, "absent"}
	}
	return &Diff{c.field.name, c.want, "absent, the header is too short"}
}

func (c Cond) String() string { return c.field.name + "=" + c.want }

// LittleEndian says that the least significant octet is first on the wire. Values are given as everywhere.
func LittleEndian() FieldOption { return func(s *spec) { s.little = true } }

// read gives the field's octets in hdr, the most significant first; ok is false when the header is too short to have it.
func (s *spec) read(hdr []byte) (raw []byte, ok bool) {
	raw, ok = s.readWire(hdr)
	if ok && s.little {
		raw = slices.Clone(raw)
		slices.Reverse(raw)
	}
	return raw, ok
}

func (s *spec) readWire(hdr []byte) (raw []byte, ok bool) {
	if s.width == 0 {
		from, to := s.find(hdr)
		if from > to || to > len(hdr) {
			return nil, false
		}
		return hdr[from:to], true
	}
	if s.bit+s.width > 8*len(hdr) {
		return nil, false
	}
	if s.bit%8 == 0 && s.width%8 == 0 {
		return hdr[s.bit/8 : (s.bit+s.width)/8], true
	}
	return bits64(getBits(hdr, s.bit, s.width), s.width), true
}

// write sets the field in hdr and returns the header, which is another slice when a variable field changed its length.
func (s *spec) write(hdr, raw []byte) []byte {
	if s.little && raw != nil {
		raw = slices.Clone(raw)
		slices.Reverse(raw)
	}
	if s.width == 0 {
		return s.splice(hdr, raw)
	}
	if len(raw) != (s.width+7)/8 {
		panic(fmt.Sprintf("packet: %s.%s takes %d octets, the template gives %d", s.proto.name, s.name, (s.width+7)/8, len(raw)))
	}
	if s.bit%8 == 0 && s.width%8 == 0 {
		copy(hdr[s.bit/8:], raw)
		return hdr
	}
	putBits(hdr, s.bit, s.width, number64(raw))
	return hdr
}

// number64 reads raw as a number in network order.
func number64(raw []byte) (n uint64) {
	for _, b := range raw {
		n = n<<8 | uint64(b)
	}
	return n
}

// bits64 writes n as the octets of a field of width bits. A value too large is cut, as the wire would.
func bits64(n uint64, width int) []byte {
	raw := make([]byte, (width+7)/8)
	if width < 64 {
		n &= 1<<width - 1
	}
	for i := len(raw) - 1; i >= 0; i-- {
		raw[i], n = byte(n), n>>8
	}
	return raw
}

func getBits(b []byte, bit, width int) (n uint64) {
	for i := bit; i < bit+width; i++ {
		n = n<<1 | uint64(b[i/8]>>(7-i%8)&1)
	}
	return n
}

func putBits(b []byte, bit, width int, n uint64) {
	for i := bit + width - 1; i >= bit; i-- {
		mask := byte(1) << (7 - i%8)
		b[i/8] &^= mask
		if n&1 == 1 {
			b[i/8] |= mask
		}
		n >>= 1
	}
}
