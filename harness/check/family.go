package check

import (
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Families adds a check for IPv4 and, with [ipv6] behind its id, for IPv6: one body, which is given the tester as a host of
// the family. claims says what the check proves for a family, as mutations and requirements may differ; a family without a
// claim is left out.
func (s *Suite) Families(id, title string, claims func(probe.Family) Claims, body func(p *probe.P, lan *probe.Tester)) {
	for _, f := range families {
		if c := claims(f); len(c.claims) > 0 {
			s.add(id+suffix[f], title, c.of(f), []Case{{Body: func(p *probe.P) { body(p, p.Host(f)) }}})
		}
	}
}

// GridFamilies is Grid for both families, as Families is It.
func GridFamilies[T any](s *Suite, id, title string, claims func(probe.Family) Claims, axis []T, body func(p *probe.P, lan *probe.Tester, v T)) {
	for _, f := range families {
		if c := claims(f); len(c.claims) > 0 {
			cases, c := casesOf(c.of(f), axis, func(p *probe.P, v T) { body(p, p.Host(f), v) })
			s.add(id+suffix[f], title, c, cases)
		}
	}
}

// Both is the claims of Families that are the same for both.
func Both(c Claims) func(probe.Family) Claims { return func(probe.Family) Claims { return c } }

var (
	families = []probe.Family{probe.IPv4, probe.IPv6}        // never written
	suffix   = map[probe.Family]string{probe.IPv6: "[ipv6]"} // of ids; never written
)

// of adds what a check of a family needs.
func (c Claims) of(f probe.Family) Claims {
	if f == probe.IPv6 {
		return c.Needs(target.IPv6)
	}
	return c
}
