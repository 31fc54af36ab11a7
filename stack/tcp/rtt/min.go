package rtt

import "time"

// period is how long one half of the filter lasts. The path of a connection seldom changes; when it does, a minimum of
// the old one is forgotten after one to two periods.
const period = 30 * time.Second

// A minimum is the least of the samples of the last one to two periods: that of this period, and that of the one before.
type minimum struct {
	began     time.Duration
	now, last time.Duration // 0: none
}

func (m *minimum) add(at, r time.Duration) {
	m.turn(at)
	r = max(r, 1) // 0 stands for none
	if m.now == 0 || r < m.now {
		m.now = r
	}
}

func (m *minimum) get(at time.Duration) time.Duration {
	if m.now != 0 && (m.last == 0 || m.now < m.last || at-m.began >= period) {
		return m.now
	}
	return m.last // nothing newer is known, however old it is
}

func (m *minimum) turn(at time.Duration) {
	switch since := at - m.began; {
	case since >= 2*period:
		m.last, m.now, m.began = 0, 0, at
	case since >= period && m.now != 0:
		m.last, m.now, m.began = m.now, 0, at
	case since >= period:
		m.began = at
	}
}
