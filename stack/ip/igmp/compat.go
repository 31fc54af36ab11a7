package igmp

import "time"

// mode is the version that is spoken on the interface (RFC 3376, 7.2.1; RFC 2236, 4).
func (m *member) mode() int {
	now := m.host.loop.Now()
	switch {
	case now < m.version1:
		return 1
	case now < m.version2:
		return min(2, m.host.version)
	}
	return m.host.version
}

// heard takes in that a querier of some version is about. general tells whether its query was a general one.
func (m *member) heard(version int, general bool) {
	until := m.host.loop.Now() + m.olderPresent()
	switch {
	case version == 1:
		m.version1 = until
	case version == 2 && general && m.host.version > 2:
		m.version2 = until
	}
	m.settle()
}

// olderPresent is how long an older querier counts as present after its last query (RFC 3376, 8.12; RFC 2236, 8.11).
func (m *member) olderPresent() time.Duration {
	if m.host.version < 3 {
		return version1Present
	}
	return time.Duration(m.robustness)*m.interval + queryResponse
}

// settle acts on a change of version: what was pending is void. It sets the timer for the next change.
func (m *member) settle() {
	if v := m.mode(); v != m.was {
		m.was = v
		m.cancel()
	}
	now := m.host.loop.Now()
	switch {
	case now < m.version1:
		m.compat.Set(m.version1)
	case now < m.version2:
		m.compat.Set(m.version2)
	default:
		m.compat.Stop()
	}
}
