package socket

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	wire "github.com/conform-stack/conform/stack/wire/ipv4"
)

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255}) // never written

// setIPOptions takes the options that all datagrams are to carry, if they can be read, with at most one source route
// (RFC 1122, 3.2.1.8). A source route lists the hops from the first one on, without the destination.
func (s *Socket) setIPOptions(b []byte) error {
	if len(b) > wire.MaxOptions {
		return errno.EINVAL
	}
	options := wire.Options(append([]byte(nil), b...))
	routes := 0
	it := options.Iter()
	for it.Next() {
		switch o := it.Option(); o.Type {
		case wire.LSRR, wire.SSRR:
			routes++
			r, _, err := o.Route()
			if err != nil || r.Slots() == 0 || r.Len() > 0 {
				return errno.EINVAL
			}
			for i := range r.Slots() {
				if a := r.At(i).Netip(); a.IsMulticast() || a == limitedBroadcast { // RFC 1112, 6.2
					return errno.EINVAL
				}
			}
		case wire.RecordRoute:
			r, _, err := o.Route()
			if err != nil || r.Len() > 0 {
				return errno.EINVAL
			}
			clear(r[3:]) // RFC 791, 3.1: the originator leaves zeros for those on the way
		case wire.TimestampType:
			t, _, err := o.Timestamp()
			if err != nil {
				return errno.EINVAL
			}
			if t.Flag() != wire.TimestampPrespecified && t.Len() == 0 {
				clear(t[4:])
			}
		case wire.StreamID: // not sent (3.2.1.8 (b))
			return errno.EINVAL
		}
	}
	if _, err := it.Err(); err != nil || routes > 1 {
		return errno.EINVAL
	}
	s.options.IP = nil
	if len(options) > 0 {
		s.options.IP = options.Pad()
	}
	return nil
}
