package register

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/lowpan"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

// Contexts are those of header compression on a link: an adaptation layer.
type Contexts interface {
	// SetContext makes a context known, or another one of its number; one of lifetime 0 is removed.
	SetContext(c lowpan.Context) bool
	RemoveContext(id uint8)
}

// contextTold takes in a context that a router tells of (RFC 6775, 5.4.2). When its time is over, it is good for what comes
// in only, for twice the lifetime of the router, and then gone (5.4.3).
func (l *Link) contextTold(c icmpv6.Context, lifetime time.Duration) {
	l.setContext(c, time.Duration(c.Lifetime)*time.Minute, 2*lifetime)
}

func (l *Link) setContext(c icmpv6.Context, lasts, hold time.Duration) {
	if l.contexts != nil {
		l.contexts.SetContext(lowpan.Context{
			ID: c.ID, Prefix: netip.PrefixFrom(c.Prefix.Netip(), int(c.Bits)), Compress: c.Compress, Lifetime: lasts, Hold: hold,
		})
	}
}

func (l *Link) removeContext(id uint8) {
	if l.contexts != nil {
		l.contexts.RemoveContext(id)
	}
}
