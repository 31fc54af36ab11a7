package ipv6

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// policies are the default policy table (RFC 6724, 2.1), the longest prefix first. RFC 6724 prints 3ffe::/16 and fec0::/10
// in it, too.
var policies = []Policy{ // never written
	{netip.MustParsePrefix("::1/128"), 50, 0},
	{netip.MustParsePrefix("::ffff:0:0/96"), 35, 4},
	{netip.MustParsePrefix("::/96"), 1, 3},
	{netip.MustParsePrefix("2001::/32"), 5, 5},
	{netip.MustParsePrefix("2002::/16"), 30, 2},
	{netip.MustParsePrefix("3ffe::/16"), 1, 12},
	{netip.MustParsePrefix("fec0::/10"), 1, 11},
	{netip.MustParsePrefix("fc00::/7"), 3, 13},
	{netip.MustParsePrefix("::/0"), 40, 1},
}

// A Policy is what is to be done with addresses of a prefix (RFC 6724, 2.1).
type Policy struct {
	Prefix            netip.Prefix
	Precedence, Label int
}

// SetPolicies sets the policy table; nil for the one of RFC 6724.
func (y *Layer) SetPolicies(p []Policy) {
	y.policies = slices.Clone(p)
	slices.SortStableFunc(y.policies, func(a, b Policy) int { return b.Prefix.Bits() - a.Prefix.Bits() })
	y.chose = chosen{}
}

func (y *Layer) policyOf(a Addr) Policy {
	n := a.Netip()
	if y.policies != nil {
		for _, p := range y.policies {
			if p.Prefix.Contains(n) {
				return p
			}
		}
		return Policy{}
	}
	hi, _ := a.Halves()
	if top := hi >> 48; top != 0 && top != 0x2001 && top != 0x2002 && top != 0x3ffe && top>>9 != 0xfc>>1 && top>>6 != 0xfec0>>6 {
		return policies[len(policies)-1] // nearly all
	}
	for _, p := range policies {
		if p.Prefix.Contains(n) {
			return p
		}
	}
	return policies[len(policies)-1]
}

// chosen is the source chosen last, nearly always the one for the next packet.
type chosen struct {
	out      *link
	dst, src Addr
}

// source chooses the source address for a destination, of those of the interface that leads there (RFC 6724, 4 and 5).
func (y *Layer) source(out *link, dst Addr) (src Addr, ok bool) {
	if c := &y.chose; c.out == out && c.dst == dst && out != nil {
		return c.src, true
	}
	var best *local
	label := y.policyOf(dst).Label
	for i := range y.locals {
		l := &y.locals[i]
		if l.in != out || l.tentative || l.flags&Anycast != 0 {
			continue
		}
		if best == nil || y.betterSource(l, best, dst, label) {
			best = l
		}
	}
	if best == nil || out.Loopback {
		return y.elsewhere(out, dst, label, best)
	}
	y.chose = chosen{out, dst, best.addr}
	return best.addr, true
}

// elsewhere looks at addresses of other interfaces, when the one that leads to a destination has none of its own
// (RFC 6724, 4: a router may); not for a destination that is within a link.
func (y *Layer) elsewhere(out *link, dst Addr, label int, best *local) (Addr, bool) {
	if best == nil && dst.Scope() > ipv6.ScopeLink {
		for i := range y.locals {
			l := &y.locals[i]
			if l.tentative || l.flags&Anycast != 0 || l.in.Loopback || l.addr.IsLinkLocal() {
				continue
			}
			if best == nil || y.betterSource(l, best, dst, label) {
				best = l
			}
		}
	}
	if best == nil {
		return Addr{}, false
	}
	return best.addr, true
}

// betterSource tells whether a is better than b, which was found before it, by the rules of RFC 6724, 5. Rules 4, 5.5 (home
// addresses, prefixes of the next hop) need what is not known here; 5 is met, as all are of the outgoing interface.
func (y *Layer) betterSource(a, b *local, dst Addr, label int) bool {
	if (a.addr == dst) != (b.addr == dst) { // 1
		return a.addr == dst
	}
	if x, y, d := a.addr.Scope(), b.addr.Scope(), dst.Scope(); x != y { // 2
		if x < y {
			return x >= d
		}
		return y < d
	}
	if x, y := a.flags&avoided == 0, b.flags&avoided == 0; x != y { // 3; RFC 4429, 2.1: so are optimistic ones
		return x
	}
	if m, n := y.policyOf(a.addr).Label == label, y.policyOf(b.addr).Label == label; m != n { // 6
		return m
	}
	if x, y := a.flags&Temporary, b.flags&Temporary; x != y { // 7
		return x != 0
	}
	return common(a, dst) > common(b, dst) // 8
}

// avoided are addresses that are taken when there is no other of their scope.
const avoided = Deprecated | Optimistic

// common is how many bits a source shares with a destination, of its prefix (RFC 6724, 2.2).
func common(l *local, dst Addr) int { return min(l.addr.CommonPrefixLen(dst), l.bits) }

// SortDestinations puts the addresses of a peer into the order in which they should be tried (RFC 6724, 6): of either
// family, if v4 tells the source for one of IPv4; the zero Addr for none.
func (y *Layer) SortDestinations(dsts []netip.Addr, v4 func(netip.Addr) netip.Addr) {
	type candidate struct {
		dst        netip.Addr
		d, s       Addr
		usable     bool
		deprecated bool
		bits       int
	}
	all := make([]candidate, len(dsts))
	for i, dst := range dsts {
		c := candidate{dst: dst, d: dst.As16(), bits: 128}
		if dst.Is4() {
			if src := v4(dst); src.IsValid() {
				c.s, c.usable = src.As16(), true
			}
		} else if by, err := y.Path(&ip.Send{Dst: dst}); err == nil {
			c.s, c.usable = by.Src.As16(), true
			if l := y.find(c.s, nil); l != nil {
				c.deprecated, c.bits = l.flags&Deprecated != 0, l.bits
			}
		}
		all[i] = c
	}
	slices.SortStableFunc(all, func(a, b candidate) int {
		prefer := func(x, y bool) int {
			switch {
			case x == y:
				return 0
			case x:
				return -1
			}
			return 1
		}
		scope := func(a Addr) ipv6.Scope { // 3.2: of IPv4
			if a.IsMapped() && (a[12] == 127 || a[12] == 169 && a[13] == 254) {
				return ipv6.ScopeLink
			}
			return a.Scope()
		}
		if n := prefer(a.usable, b.usable); n != 0 { // 1
			return n
		}
		if n := prefer(scope(a.d) == scope(a.s), scope(b.d) == scope(b.s)); n != 0 { // 2
			return n
		}
		if n := prefer(!a.deprecated, !b.deprecated); n != 0 { // 3
			return n
		}
		p, q := y.policyOf(a.d), y.policyOf(b.d)
		if n := prefer(p.Label == y.policyOf(a.s).Label, q.Label == y.policyOf(b.s).Label); n != 0 { // 5
			return n
		}
		if p.Precedence != q.Precedence { // 6
			return q.Precedence - p.Precedence
		}
		if x, y := scope(a.d), scope(b.d); x != y { // 8
			return int(x) - int(y)
		}
		if a.dst.Is4() == b.dst.Is4() && !a.dst.Is4() { // 9
			return min(b.s.CommonPrefixLen(b.d), b.bits) - min(a.s.CommonPrefixLen(a.d), a.bits)
		}
		return 0 // 10: the order given
	})
	for i := range all {
		dsts[i] = all[i].dst
	}
}
