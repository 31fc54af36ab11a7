package live

import (
	"time"

	"github.com/conform-stack/conform/harness/target"
)

// The target remembers the frame counters of all testers, from one run to the next, and refuses what has a lower one. So they
// begin with the time: 64 a second, of which there are enough for two years under one key.
const countersInASecond = 64

// firstOfAll is when the first of them was.
var firstOfAll = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) // never written

// secure is how a world is secured that begins now.
func (c Config) secure() target.Security {
	s := c.Security
	if s.On() {
		s.Counter = uint32(max(0, time.Since(firstOfAll)/(time.Second/countersInASecond)))
	}
	return s
}

// secured is how a world is secured, with the stations that it has.
func (w *world) secured(host target.Host) target.Security {
	s := w.security
	if s.On() {
		s.Stations = append([]target.Host{host}, w.shared.pool.hosts(w.testers)...)
	}
	return s
}
