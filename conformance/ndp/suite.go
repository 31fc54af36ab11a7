// Package ndp checks Neighbor Discovery as a host has to do it: RFC 4861, RFC 5942 and RFC 7048. Duplicate addresses and
// autoconfiguration are the suite slaac, reports of groups the suite mld.
//
// What a target knows of a neighbour shows in how it answers an echo from there: at once and where to, after asking for
// it, with doubts 5 s later, or not at all. So the checks need no more of a target than that it answers echoes. The
// neighbour they are about is nobody at first: it has the link's unused address, for which no tester answers by itself.
package ndp

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("ndp", "RFC 4861, 5942, 7048: Neighbor Discovery of hosts").On(target.Ethernet).Needing(target.IPv6)
