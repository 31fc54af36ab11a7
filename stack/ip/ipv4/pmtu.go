package ipv4

import (
	"cmp"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// plateaus are common MTUs below which a path may lie whose router does not tell (RFC 1191, 7).
var plateaus = [...]int{32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, ipv4.MinMTU} // never written

// pathMTU keeps what is known of paths whose MTU is below that of the first hop (RFC 1191). An estimate is only ever
// lowered by a message; it is forgotten some time after the last one, which is how an increase is looked for (6.3).
type pathMTU struct {
	loop    *clock.Loop
	max     int
	age     time.Duration
	entries []pathEntry // few: bounded by the configuration
}

type pathEntry struct {
	dst   ipv4.Addr
	mtu   int
	until time.Duration
}

func (m *pathMTU) init(y *Layer) {
	m.loop, m.max, m.age = y.loop, y.config.PathMTUEntries, y.config.PathMTUAge
}

// of is the MTU of the path to a destination, whose first hop has the MTU given.
func (m *pathMTU) of(dst ipv4.Addr, first int) int {
	for i := range m.entries {
		if e := &m.entries[i]; e.dst == dst {
			if m.loop.Now() >= e.until {
				m.entries = slices.Delete(m.entries, i, i+1)
				return first
			}
			return min(first, e.mtu)
		}
	}
	return first
}

// tooBig takes in that a datagram of some total length, with a header of some length, did not pass, and what the router
// says would: 0 from one that does not tell. first is the MTU of the first hop. It gives the estimate, and whether that
// is lower than before.
func (m *pathMTU) tooBig(dst ipv4.Addr, says, total, header, first int) (mtu int, lower bool) {
	before := m.of(dst, first)
	if says == 0 {
		if total >= before { // RFC 1191, 5: a 4.2BSD router gives the length with the header counted twice
			total -= header
		}
		says = plateauBelow(min(total, before))
	}
	mtu = max(says, ipv4.MinMTU) // 3: never below 68
	if mtu >= before {           // 3: never raised by a message
		return before, false
	}
	until := m.loop.Now() + m.age
	if m.age < 0 {
		until = 1<<63 - 1
	}
	m.entries = slices.DeleteFunc(m.entries, func(e pathEntry) bool { return e.dst == dst })
	if len(m.entries) >= m.max {
		oldest := slices.IndexFunc(m.entries, func(e pathEntry) bool {
			return e == slices.MinFunc(m.entries, func(a, b pathEntry) int { return cmp.Compare(a.until, b.until) })
		})
		m.entries = slices.Delete(m.entries, oldest, oldest+1)
	}
	m.entries = append(m.entries, pathEntry{dst, mtu, until})
	return mtu, true
}

func (m *pathMTU) clear() { m.entries = nil }

func plateauBelow(n int) int {
	for _, p := range plateaus {
		if p < n {
			return p
		}
	}
	return ipv4.MinMTU
}
