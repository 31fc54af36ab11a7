package replay

import (
	"fmt"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

// routersAligner is router discovery (RFC 4861, section 6). A host solicits when it likes: it need not once it has heard an
// advertisement. What an advertisement does shows in what the host says later.
//
// A router advertises when it likes, to all nodes; a solicitation it has to answer, to all nodes or to who asked. What it says
// of itself and of its link is its own: compared is what a host needs to take it in and to be a host on the link.
var routersAligner = &aligner{
	kind: "router discovery",
	event: func(f *packet.Frame) (string, bool) {
		from, _ := ends(f)
		switch {
		case f.Has(ndp.RS):
			return fmt.Sprintf("router solicitation of %s", from), true
		case f.Has(ndp.RA):
			return fmt.Sprintf("router advertisement of %s", from), true
		}
		return "", false
	},
	begins: func(f *packet.Frame) bool { return f.Has(ndp.RS) },
	comes: func(f *packet.Frame) []string {
		if f.Has(ndp.RS) {
			return []string{"RFC4861:6.3.7-1"}
		}
		return []string{"RFC4861:6.2.6-2"}
	},
	fields: func(f *packet.Frame) []field {
		if f.Has(ndp.RA) {
			return routerAdvertisementFields
		}
		return routerSolicitationFields
	},
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
	again:  func(f *packet.Frame, _ []*packet.Frame) bool { return f.Has(ndp.RA) },
	fresh:  true,
	// The random delay, and the time between two advertisements to all nodes (RFC 4861, section 6.2.6).
	within: func(f *packet.Frame) time.Duration {
		if f.Has(ndp.RA) {
			return 3500 * time.Millisecond
		}
		return 0
	},
}

var routerAdvertisementFields = []field{
	same(ipv6.Proto, ipv6.HopLimit, "RFC4861:4.2-3"),
	same(ipv6.Proto, ipv6.Src, "RFC4861:4.2-1"),
	of(ndp.RA, "destination", func(want, got *packet.Frame) (string, bool) {
		_, to := ends(got)
		_, asker := ends(want)
		return to.String(), to == asker || to == ipv6.AllNodes
	}, "all nodes, or who asked", "RFC4861:4.2-2"),
	same(icmpv6.Proto, icmpv6.Code, "RFC4861:4.2-4"),
	fits(icmpv6.Proto, icmpv6.Checksum, "RFC4443:2.3-1"),
	same(ndp.RA, ndp.RAReserved, "RFC4861:4.2-10"),
	of(ndp.RA, "router lifetime", func(want, got *packet.Frame) (string, bool) {
		wanted, _ := ndp.Lifetime.Of(want)
		lifetime, _ := ndp.Lifetime.Of(got)
		return fmt.Sprint(lifetime), (lifetime == 0) == (wanted == 0)
	}, "0 or another as in the capture", "RFC4861:6.2.3-1"),
	same(ndp.RA, ndp.RALink, "RFC4861:6.2.3-6"),
	of(ndp.RA, "prefixes", func(want, got *packet.Frame) (string, bool) {
		wanted, told := prefixFlags(want), prefixFlags(got)
		return fmt.Sprint(told), !slices.ContainsFunc(wanted, func(f string) bool { return !slices.Contains(told, f) })
	}, "one with each set of flags of the capture", "RFC4861:6.2.3-8", "RFC4861:6.2.3-9"),
}

// prefixFlags are the lengths and flags of the prefixes that an advertisement tells, and whether they are valid.
func prefixFlags(f *packet.Frame) (all []string) {
	for _, o := range ndp.Find(f, ndp.PrefixType) {
		if p, ok := ndp.PrefixOf(o); ok {
			all = append(all, fmt.Sprintf("/%d on link %t autonomous %t valid %t", p.Prefix.Bits(), p.OnLink, p.Autonom, p.Valid > 0))
		}
	}
	return all
}

var routerSolicitationFields = []field{
	same(ethernet.Proto, ethernet.Dst, "RFC4861:4.1-2"),
	same(ipv6.Proto, ipv6.HopLimit, "RFC4861:4.1-3"),
	same(ipv6.Proto, ipv6.Src, "RFC4861:4.1-1"),
	same(ipv6.Proto, ipv6.Dst, "RFC4861:4.1-2"),
	same(icmpv6.Proto, icmpv6.Code, "RFC4861:4.1-4"),
	fits(icmpv6.Proto, icmpv6.Checksum, "RFC4443:2.3-1"),
}
