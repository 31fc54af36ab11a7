// Package rfc6775 checks Neighbor Discovery of 6LoWPAN, RFC 6775 with RFC 8505: hosts that register their addresses, routers
// that keep them, border routers that know them all.
//
// A target is asked to be one of them by a feature, and to know RFC 8505 by another: without it, checks are about RFC 6775
// alone. The testers are what the target is not: a router that a host registers with, a border router and hosts for a
// router. They do nothing by themselves, so that each answer is the check's.
package rfc6775

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("rfc6775", "RFC 6775, 8505: registration of addresses in 6LoWPAN").On(target.IEEE802154).Needing(target.IPv6)
