package tcp

import (
	"bytes"
	"slices"

	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// replySourceRoute has a connection that a SYN opened answer by the source route by which the SYN came, turned round,
// unless the user has given a route (3.9.2.1, MUST-51 to MUST-53). A segment that comes by another route replaces it
// (SHLD-24). IPv6 has no such thing.
func (c *conn) replySourceRoute(s *segment) {
	if len(s.d.Options) == 0 || !c.mayLearnRoute() {
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
			c.learnRoute(ipv4.Options(nil).AppendSourceRoute(o.Type, back...).Pad())
		}
		return
	}
}

// mayLearnRoute tells whether there is no route, or one that was learned, which the user has left as it was.
func (c *conn) mayLearnRoute() bool {
	if c.user != nil {
		return bytes.Equal(c.user.Options.IP, c.learned)
	}
	return bytes.Equal(c.out.options.IP, c.learned)
}

func (c *conn) learnRoute(route ipv4.Options) {
	if bytes.Equal(route, c.learned) {
		return
	}
	c.learned, c.out.options.IP = route, route
	if c.user != nil {
		c.user.Options.IP = route
	}
	c.forgetPath()
}
