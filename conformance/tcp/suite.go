// Package tcp checks TCP: RFC 9293 and what extends it.
//
// A body speaks through a probe.Conn, the tester's end of a connection, and never names a version of IP: it runs over each
// family of which the probe has a tester.
package tcp

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("tcp", "TCP: RFC 9293 and its extensions")

// families are those over which the checks run. That of IPv4, which came first, adds nothing to a check's id.
var families = []struct { // never written
	family probe.Family
	suffix string
	needs  []target.Feature
}{
	{probe.IPv4, "", nil},
	{probe.IPv6, "[ipv6]", []target.Feature{target.IPv6}},
}

// it adds a check for each family. All checks of connections need the agent.
func it(id, title string, claims check.Claims, body func(host *probe.Tester)) {
	for _, f := range families {
		suite.It(id+f.suffix, title, claims.Needs(target.Agent).Needs(f.needs...), func(p *probe.P) { body(p.Host(f.family)) })
	}
}

// grid adds a check with a case for each value of an axis, for each family.
func grid[T any](id, title string, claims check.Claims, axis []T, body func(host *probe.Tester, v T)) {
	for _, f := range families {
		check.Grid(suite, id+f.suffix, title, claims.Needs(target.Agent).Needs(f.needs...), axis,
			func(p *probe.P, v T) { body(p.Host(f.family), v) })
	}
}

// from is a segment with exactly these flags of FIN, SYN, RST, ACK and URG, as mutations name those of the target.
func from(flags uint, conds ...packet.Cond) packet.Template {
	return tcp.Segment(append([]packet.Cond{tcp.Control(flags)}, conds...)...)
}

// ignoring is a target that takes no notice of segments of the tester with exactly these flags.
func ignoring(flags uint, conds ...packet.Cond) mutate.Mutation {
	return mutate.Ignores(from(flags, conds...))
}
