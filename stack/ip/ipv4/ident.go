package ipv4

import (
	"math/rand/v2"
	"time"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// idents hands out identifications. Those of datagrams that may be fragmented are not used again for the same source,
// destination and protocol within a lifetime (RFC 6864, 4.3); rather, none is given (5.2). Several such triples may
// share a counter, which only makes them wait more.
type idents struct {
	random   *rand.Rand
	counters [256]*identCounter
	seed     uint32
	lifetime time.Duration // negative: no limit
}

// identCounter counts up. It knows when the values of each segment were used last.
type identCounter struct {
	next uint16
	used [16]time.Duration
}

const identSegment = 65536 / 16

func (d *idents) init(r *rand.Rand, lifetime time.Duration) {
	d.random, d.seed, d.lifetime = r, r.Uint32()|1, lifetime
}

// next draws an identification for a datagram that is not atomic; ok is false when none is free yet.
func (d *idents) next(src, dst ipv4.Addr, proto wire.Protocol, now time.Duration) (id uint16, ok bool) {
	h := (src.Uint32()*31 + dst.Uint32() + uint32(proto)) * d.seed
	slot := &d.counters[(h^h>>16)&0xff^h>>24]
	c := *slot
	if c == nil {
		c = &identCounter{next: uint16(d.random.Uint32())}
		for i := range c.used {
			c.used[i] = -1 << 62
		}
		*slot = c
	}
	id = c.next
	segment := id / identSegment
	if d.lifetime > 0 {
		if id%identSegment == 0 && now < c.used[segment]+d.lifetime {
			return 0, false
		}
		c.used[segment] = now
	}
	c.next++
	return id, true
}
