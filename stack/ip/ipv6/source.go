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
	dst, hop Addr
	prefer   ip.Preference
	src      Addr
}

// Reconsider forgets which source was chosen last: something that the choice depends on has changed.
func (y *Layer) Reconsider() { y.chose = chosen{} }

// A choice is what sources are chosen for.
type choice struct {
	dst, hop Addr // hop is the next one
	label    int  // of dst
	out      *link
	prefer   ip.Preference
}

// source chooses the source address for a destination, of those of the interface that leads there (RFC 6724, 4 and 5).
func (y *Layer) source(out *link, dst, hop Addr, prefer ip.Preference) (src Addr, ok bool) {
	if c := &y.chose; c.out == out && c.dst == dst && c.hop == hop && c.prefer == prefer && out != nil {
		return c.src, true
	}
	var best *local
	x := choice{dst, hop, y.policyOf(dst).Label, out, prefer}
	for i := range y.locals {
		l := &y.locals[i]
		if l.in != out || l.tentative || l.flags&Anycast != 0 {
			continue
		}
		if best == nil || y.betterSource(l, best, &x) {
			best = l
		}
	}
	if best == nil || out.Loopback {
		return y.elsewhere(&x, best)
	}
	y.chose = chosen{out, dst, hop, prefer, best.addr}
	return best.addr, true
}

// elsewhere looks at addresses of other interfaces, when the one that leads to a destination has none of its own
// (RFC 6724, 4: a router may); not for a destination that is within a link.
func (y *Layer) elsewhere(x *choice, best *local) (Addr, bool) {
	if best == nil && x.dst.Scope() > ipv6.ScopeLink && !x.dst.IsMulticast() {
		for i := range y.locals {
			l := &y.locals[i]
			if l.tentative || l.flags&Anycast != 0 || l.in.Loopback || l.addr.IsLinkLocal() {
				continue
			}
			if best == nil || y.betterSource(l, best, x) {
				best = l
			}
		}
	}
	if best == nil {
		return Addr{}, false
	}
	return best.addr, true
}

// betterSource tells whether a is better than b, which was found before it, by the rules of RFC 6724, 5. Rule 5 is met: the
// candidates are of the outgoing interface, or none is.
func (y *Layer) betterSource(a, b *local, x *choice) bool {
	if (a.addr == x.dst) != (b.addr == x.dst) { // 1
		return a.addr == x.dst
	}
	if s, t, d := a.addr.Scope(), b.addr.Scope(), x.dst.Scope(); s != t { // 2
		if s < t {
			return s >= d
		}
		return t < d
	}
	if s, t := a.flags&avoided == 0, b.flags&avoided == 0; s != t { // 3; RFC 4429, 2.1: so are optimistic ones
		return s
	}
	if s, t := a.flags&Home, b.flags&Home; s != t { // 4: what is no home address of a mobile node is a care-of address
		return (s != 0) != (x.prefer&ip.PreferCareOf != 0)
	}
	if y.Neighbours != nil && x.hop != x.dst { // 5.5
		s, byA := y.Neighbours.Assigned(a.in.Iface, a.addr, x.hop)
		t, byB := y.Neighbours.Assigned(b.in.Iface, b.addr, x.hop)
		if s && t && byA != byB {
			return byA
		}
	}
	if s, t := y.policyOf(a.addr).Label == x.label, y.policyOf(b.addr).Label == x.label; s != t { // 6
		return s
	}
	if s, t := a.flags&Temporary, b.flags&Temporary; s != t { // 7
		return (s != 0) != (x.prefer&ip.PreferPublic != 0 || x.prefer&ip.PreferTemporary == 0 && y.c.PreferPublic.On())
	}
	return common(a, x.dst) > common(b, x.dst) // 8
}

// avoided are addresses that are taken when there is no other of their scope.
const avoided = Deprecated | Optimistic

// common is how many bits a source shares with a destination, of its prefix (RFC 6724, 2.2).
func common(l *local, dst Addr) int { return min(l.addr.CommonPrefixLen(dst), l.bits) }
