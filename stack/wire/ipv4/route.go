package ipv4

import "github.com/conform-stack/conform/stack/wire"

// ErrRoute says that a route option is shorter than 3 octets, has a pointer below 4, or has some room left but not
// enough for an address (RFC 791, 3.1). It wraps wire.ErrInvalid.
var ErrRoute = wire.Invalid("ipv4: malformed route option")

// A Route is a record route or source route option: type, length, pointer, addresses. It aliases the header.
//
// The pointer counts from the type octet, from 1: the least is 4. Up to it addresses have been recorded; from it on are
// free slots, or, in a source route, the addresses that the datagram has yet to pass.
type Route []byte

// Route reads o, which is a RecordRoute, LSRR or SSRR. When it is malformed, pointer is what a Parameter Problem points
// at: the length or the pointer octet.
func (o Option) Route() (r Route, pointer int, err error) {
	n := len(o.Octets)
	switch {
	case n < 3:
		return nil, o.Offset + 1, ErrRoute
	case o.Octets[2] < 4:
		return nil, o.Offset + 2, ErrRoute
	case int(o.Octets[2]) <= n && int(o.Octets[2])+3 > n: // some room, but not enough
		return nil, o.Offset + 2, ErrRoute
	}
	return Route(o.Octets), 0, nil
}

// Full tells whether there is no room for an address at the pointer: the route is full, the source route completed.
func (r Route) Full() bool { return int(r[2])+3 > len(r) }

// Next is the address at the pointer: where a source route goes from here. The route must not be full.
func (r Route) Next() Addr { return Addr(r[r[2]-1:]) }

// Record writes a at the pointer and moves it to the next slot. The route must not be full. The header's checksum is
// then wrong until it is sealed.
func (r Route) Record(a Addr) {
	*(*Addr)(r[r[2]-1:]) = a
	r[2] += 4
}

// Len is the number of addresses recorded.
func (r Route) Len() int { return min(int(r[2])-4, len(r)-3) / 4 }

// Slots is the number of addresses that the option has room for.
func (r Route) Slots() int { return (len(r) - 3) / 4 }

// At is the address in slot i, recorded or not.
func (r Route) At(i int) Addr { return Addr(r[3+4*i:]) }

// AppendRecordRoute adds an empty record route option with room for some addresses, at most 9.
func (o Options) AppendRecordRoute(slots int) Options {
	o = append(o, byte(RecordRoute), byte(3+4*slots), 4)
	return append(o, make([]byte, 4*slots)...)
}

// AppendSourceRoute adds a source route of type LSRR or SSRR through addresses: those after the first hop, which is the
// datagram's destination, up to the final destination.
func (o Options) AppendSourceRoute(t OptionType, through ...Addr) Options {
	o = append(o, byte(t), byte(3+4*len(through)), 4)
	for _, a := range through {
		o = append(o, a[:]...)
	}
	return o
}
