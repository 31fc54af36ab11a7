package tcp

import (
	"slices"

	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// replySourceRoute has a connection that a SYN opened answer by the source route by which the SYN came, turned round,
// unless the user has given a route (3.9.2.1, MUST-51 to MUST-53). IPv6 has no such thing.
func (c *conn) replySourceRoute(s *segment) {
	if len(s.d.Options) == 0 || c.out.options.IP != nil {
		return
	}
	for it := ipv4.Options(s.d.Options).Iter(); it.Next(); {
		o := it.Option()
		if o.Type != ipv4.LSRR && o.Type != ipv4.SSRR {
			continue
		}
		r, _, err := o.Route()
		if err != nil || r.Len() == 0 {
			return
		}
		var back []ipv4.Addr
		for i := range r.Len() {
			back = append(back, r.At(i))
		}
		slices.Reverse(back)
		if back[len(back)-1] == s.from.Addr().As4() { // the source has recorded itself
			back = back[:len(back)-1]
		}
		if len(back) > 0 {
			c.out.options.IP = ipv4.Options(nil).AppendSourceRoute(o.Type, back...).Pad()
		}
		return
	}
}
