package ipv6

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// candidate is an address of a peer, and what is known of it.
type candidate struct {
	dst        netip.Addr
	d, s       Addr // as addresses of IPv6; s is the source
	usable     bool
	deprecated bool // the source is, and
	home       bool // so on
	bits       int  // of the source's prefix
}

// SortDestinations puts the addresses of a peer into the order in which they should be tried (RFC 6724, 6): of either
// family, if v4 tells the source for one of IPv4, with its prefix; the zero Prefix for none.
func (y *Layer) SortDestinations(dsts []netip.Addr, v4 func(netip.Addr) netip.Prefix) {
	all := make([]candidate, len(dsts))
	for i, dst := range dsts {
		c := candidate{dst: dst, d: dst.As16(), bits: 128}
		if dst.Is4() {
			if src := v4(dst); src.IsValid() {
				c.s, c.usable, c.bits = src.Addr().As16(), true, 96+src.Bits()
			}
		} else if by, err := y.Path(&ip.Send{Dst: dst}); err == nil {
			c.s, c.usable = by.Src.As16(), true
			if l := y.find(c.s, nil); l != nil {
				c.deprecated, c.home, c.bits = l.flags&Deprecated != 0, l.flags&Home != 0, l.bits
			}
		}
		all[i] = c
	}
	slices.SortStableFunc(all, y.compare) // 10: what no rule decides stays in order
	for i := range all {
		dsts[i] = all[i].dst
	}
}

// compare tells which of two destinations comes first, by the rules of RFC 6724, 6: negative for a, 0 for neither. Rule 7
// has nothing to decide: no interface tunnels.
func (y *Layer) compare(a, b candidate) int {
	if n := prefer(a.usable, b.usable); n != 0 { // 1
		return n
	}
	if n := prefer(scopeOf(a.d) == scopeOf(a.s), scopeOf(b.d) == scopeOf(b.s)); n != 0 { // 2
		return n
	}
	if n := prefer(!a.deprecated, !b.deprecated); n != 0 { // 3
		return n
	}
	if n := prefer(a.home, b.home); n != 0 { // 4
		return n
	}
	p, q := y.policyOf(a.d), y.policyOf(b.d)
	if n := prefer(p.Label == y.policyOf(a.s).Label, q.Label == y.policyOf(b.s).Label); n != 0 { // 5
		return n
	}
	if p.Precedence != q.Precedence { // 6
		return q.Precedence - p.Precedence
	}
	if x, y := scopeOf(a.d), scopeOf(b.d); x != y { // 8
		return int(x) - int(y)
	}
	if a.dst.Is4() == b.dst.Is4() { // 9
		return b.common() - a.common()
	}
	return 0
}

// common is how many bits a destination shares with its source, of the source's prefix (2.2).
func (c candidate) common() int { return min(c.s.CommonPrefixLen(c.d), c.bits) }

func prefer(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	}
	return 1
}

// scopeOf is the scope of an address, of IPv4 by RFC 6724, 3.2.
func scopeOf(a Addr) ipv6.Scope {
	if a.IsMapped() && (a[12] == 127 || a[12] == 169 && a[13] == 254) {
		return ipv6.ScopeLink
	}
	return a.Scope()
}
