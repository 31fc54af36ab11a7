package replay

import (
	"fmt"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

// routersAligner is router discovery (RFC 4861, section 6). A host solicits when it likes: it need not once it has heard an
// advertisement. What an advertisement does shows in what the host says later.
var routersAligner = &aligner{
	kind: "router discovery",
	event: func(f *packet.Frame) (string, bool) {
		from, to := ends(f)
		switch {
		case f.Has(ndp.RS):
			return fmt.Sprintf("router solicitation of %s", from), true
		case f.Has(ndp.RA):
			return fmt.Sprintf("router advertisement of %s to %s", from, to), true
		}
		return "", false
	},
	begins: always,
	comes: func(f *packet.Frame) []string {
		if f.Has(ndp.RS) {
			return []string{"RFC4861:6.3.7-1"}
		}
		return []string{"RFC4861:4.2-2"}
	},
	fields:  func(*packet.Frame) []field { return routerSolicitationFields },
	unasked: noRule,
	leaves: func(f *packet.Frame, h Host) []string {
		if f.Has(ndp.RS) && !slices.Contains(h.Needs, target.Forwarding6) { // a host
			return []string{"RFC4861:6.2.6-1"}
		}
		return nil
	},
	aside: func(f *packet.Frame, _ []target.Host, _ packet.Env) ([]byte, bool) {
		return nil, f.Has(ndp.RS)
	},
	serves: func(*packet.Frame, *packet.Frame) bool { return false },
}

var routerSolicitationFields = []field{
	same(ethernet.Proto, ethernet.Dst, "RFC4861:4.1-2"),
	same(ipv6.Proto, ipv6.HopLimit, "RFC4861:4.1-3"),
	same(ipv6.Proto, ipv6.Src, "RFC4861:4.1-1"),
	same(ipv6.Proto, ipv6.Dst, "RFC4861:4.1-2"),
	same(icmpv6.Proto, icmpv6.Code, "RFC4861:4.1-4"),
	fits(icmpv6.Proto, icmpv6.Checksum, "RFC4443:2.3-1"),
}
