package judge

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// nd is a message of Neighbor Discovery (RFC 4861, section 4).
type nd struct {
	*icmpv6
	target    netip.Addr // of solicitations, advertisements and redirects
	opts      []ndOption
	malformed int // offset of options that cannot be told apart; 0 for none
}

type ndOption struct {
	at int // in the frame
	b  []byte
}

const (
	ndSourceLink   = 1
	ndTargetLink   = 2
	ndPrefix       = 3
	ndRegistration = 33 // RFC 6775, section 4.1
)

// ndFixed are the octets of the messages before their options.
var ndFixed = map[uint8]int{icmp6RS: 8, icmp6RA: 16, icmp6NS: 24, icmp6NA: 24, icmp6Redirect: 40} // never written

func readND(m *icmpv6) {
	n := &nd{icmpv6: m}
	fixed := ndFixed[m.m[0]]
	if len(m.m) < fixed {
		if !m.whole {
			m.skip("messages of Neighbor Discovery cut off")
			return
		}
		apply(m.scene, ndShape, n)
		return
	}
	if fixed >= 24 {
		n.target = netip.AddrFrom16([16]byte(m.m[8:24]))
	}
	for at := fixed; at < len(m.m); {
		if len(m.m) < at+8 || m.m[at+1] == 0 || at+8*int(m.m[at+1]) > len(m.m) {
			if m.whole {
				n.malformed = m.base + at
			}
			break
		}
		end := at + 8*int(m.m[at+1])
		n.opts = append(n.opts, ndOption{m.base + at, m.m[at:end]})
		at = end
	}
	apply(m.scene, ndRules, n)
}

func (n *nd) option(kind uint8) *ndOption {
	for i := range n.opts {
		if n.opts[i].b[0] == kind {
			return &n.opts[i]
		}
	}
	return nil
}

func (n *nd) hop(kind uint8) *fault {
	if !n.is(kind) {
		return nil
	}
	return differs(n.at+7, n.hops, 255)
}

// reserved is the fault that bits that mean nothing are set in the 4 octets behind the checksum.
func (n *nd) reserved(kind uint8, mask uint32) *fault {
	v := binary.BigEndian.Uint32(n.m[4:]) & mask
	return when(n.is(kind) && v != 0, n.base+4, fmt.Sprintf("%#x", v), "0")
}

// solicitedNode is the group of an address (RFC 4291, section 2.7.1).
func solicitedNode(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom16([16]byte{0xff, 2, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}

var allRouters6 = netip.MustParseAddr("ff02::2") // never written

var ndShape = []rule[nd]{
	{Rule{"nd.short", "RFC4861:4.6-1", "length", "a message has all its fields, and its options begin behind them"},
		func(n *nd) *fault {
			return &fault{n.base, fmt.Sprintf("%d octets", len(n.m)), fmt.Sprintf("%d or more", ndFixed[n.m[0]])}
		}},
}

var ndRules = []rule[nd]{
	{Rule{"nd.rs.hop-limit", "RFC4861:4.1-3", "hop limit", "a Router Solicitation has hop limit 255"}, func(n *nd) *fault { return n.hop(icmp6RS) }},
	{Rule{"nd.ra.hop-limit", "RFC4861:4.2-3", "hop limit", "a Router Advertisement has hop limit 255"}, func(n *nd) *fault { return n.hop(icmp6RA) }},
	{Rule{"nd.ns.hop-limit", "RFC4861:4.3-4", "hop limit", "a Neighbor Solicitation has hop limit 255"}, func(n *nd) *fault { return n.hop(icmp6NS) }},
	{Rule{"nd.na.hop-limit", "RFC4861:4.4-4", "hop limit", "a Neighbor Advertisement has hop limit 255"}, func(n *nd) *fault { return n.hop(icmp6NA) }},
	{Rule{"nd.redirect.hop-limit", "RFC4861:4.5-3", "hop limit", "a Redirect has hop limit 255"}, func(n *nd) *fault { return n.hop(icmp6Redirect) }},
	{Rule{"nd.rs.code", "RFC4861:4.1-4", "code", "the code is 0"}, func(n *nd) *fault { return n.code(0, icmp6RS) }},
	{Rule{"nd.ra.code", "RFC4861:4.2-4", "code", "the code is 0"}, func(n *nd) *fault { return n.code(0, icmp6RA) }},
	{Rule{"nd.ns.code", "RFC4861:4.3-5", "code", "the code is 0"}, func(n *nd) *fault { return n.code(0, icmp6NS) }},
	{Rule{"nd.na.code", "RFC4861:4.4-5", "code", "the code is 0"}, func(n *nd) *fault { return n.code(0, icmp6NA) }},
	{Rule{"nd.redirect.code", "RFC4861:4.5-4", "code", "the code is 0"}, func(n *nd) *fault { return n.code(0, icmp6Redirect) }},
	{Rule{"nd.rs.reserved", "RFC4861:4.1-5", "reserved", "the reserved field is zero"}, func(n *nd) *fault { return n.reserved(icmp6RS, 0xffffffff) }},
	{Rule{"nd.ra.reserved", "RFC4861:4.2-10", "reserved", "the reserved bits are zero, those aside that later RFCs define"}, func(n *nd) *fault { return n.reserved(icmp6RA, 0x00030000) }},
	{Rule{"nd.ns.reserved", "RFC4861:4.3-6", "reserved", "the reserved field is zero"}, func(n *nd) *fault { return n.reserved(icmp6NS, 0xffffffff) }},
	{Rule{"nd.na.reserved", "RFC4861:4.4-16", "reserved", "the reserved bits are zero"}, func(n *nd) *fault { return n.reserved(icmp6NA, 0x1fffffff) }},
	{Rule{"nd.redirect.reserved", "RFC4861:4.5-5", "reserved", "the reserved field is zero"}, func(n *nd) *fault { return n.reserved(icmp6Redirect, 0xffffffff) }},
	{Rule{"nd.options", "RFC4861:4.6-2", "options", "options end on a boundary of 8 octets, with the message, and none has length 0"},
		func(n *nd) *fault {
			return when(n.malformed > 0, n.malformed, "an option of length 0 or beyond the end", "options to the end of the message")
		}},
	{Rule{"nd.option.link", "RFC4861:4.6.1-1", "length", "a link-layer address option on Ethernet has length 1"},
		func(n *nd) *fault {
			for _, o := range n.opts {
				if (o.b[0] == ndSourceLink || o.b[0] == ndTargetLink) && n.eth != nil && o.b[1] != 1 {
					return &fault{o.at + 1, fmt.Sprint(o.b[1]), "1"}
				}
			}
			return nil
		}},
	{Rule{"nd.option.source-link", "RFC4861:4.6.1-2", "source link-layer address", "it is the address of the sender"},
		func(n *nd) *fault {
			return n.otherLink(n.option(ndSourceLink), n.is(icmp6NS, icmp6RS, icmp6RA))
		}},
	{Rule{"nd.option.target-link", "RFC4861:4.6.1-3", "target link-layer address", "it is the address of the target, which is the sender's where it advertises itself"},
		func(n *nd) *fault { return n.otherLink(n.option(ndTargetLink), n.is(icmp6NA)) }},
	{Rule{"nd.rs.destination", "RFC4861:4.1-2", "destination address", "a Router Solicitation goes to all routers"},
		func(n *nd) *fault {
			refreshes := n.f.Lowpan && !n.dst.IsMulticast() // RFC 6775, section 5.4.3
			return when(n.is(icmp6RS) && n.dst != allRouters6 && !refreshes, n.at+24, n.dst, allRouters6.String())
		}},
	{Rule{"nd.rs.unspecified", "RFC4861:4.1-7", "options", "a Router Solicitation from the unspecified address has no link-layer address"},
		func(n *nd) *fault {
			return when(n.is(icmp6RS) && n.src.IsUnspecified() && n.option(ndSourceLink) != nil, n.base+8, "a source link-layer address", "no such option")
		}},
	{Rule{"nd.ra.source", "RFC4861:4.2-1", "source address", "a Router Advertisement comes from a link-local address"},
		func(n *nd) *fault {
			return when(n.is(icmp6RA) && !n.src.IsLinkLocalUnicast(), n.at+8, n.src, "a link-local address")
		}},
	{Rule{"nd.ra.prefix.lifetimes", "RFC4861:4.6.2-11", "preferred lifetime", "it is not above the valid lifetime"},
		func(n *nd) *fault {
			return n.prefixes(func(o ndOption) *fault {
				valid, preferred := binary.BigEndian.Uint32(o.b[4:]), binary.BigEndian.Uint32(o.b[8:])
				return when(preferred > valid, o.at+8, preferred, fmt.Sprintf("at most %d", valid))
			})
		}},
	{Rule{"nd.ra.prefix.bits", "RFC4861:4.6.2-14", "prefix", "bits behind the length of the prefix are zero"},
		func(n *nd) *fault {
			return n.prefixes(func(o ndOption) *fault {
				a := netip.AddrFrom16([16]byte(o.b[16:32]))
				p, err := a.Prefix(int(min(o.b[2], 128)))
				router := o.b[3]&0x20 != 0 // RFC 6275: the address of the router
				return when(err == nil && p.Addr() != a && !router, o.at+16, a, p.Addr().String())
			})
		}},
	{Rule{"nd.ns.target", "RFC4861:4.3-8", "target address", "it is no group"},
		func(n *nd) *fault {
			return when(n.is(icmp6NS) && n.target.IsMulticast(), n.base+8, n.target, "an address of one host")
		}},
	{Rule{"nd.ns.destination", "RFC4861:4.3-2", "destination address", "a Neighbor Solicitation goes to the solicited-node group of its target or to the target"},
		func(n *nd) *fault {
			registers := n.f.Lowpan && n.option(ndRegistration) != nil // RFC 8505, section 5.5: with a router
			bad := n.is(icmp6NS) && !n.target.IsMulticast() && !n.src.IsUnspecified() && n.dst != n.target && n.dst != solicitedNode(n.target) && !registers
			return when(bad, n.at+24, n.dst, solicitedNode(n.target).String())
		}},
	{Rule{"nd.dad.destination", "RFC4862:5.4.2-6", "destination address", "a solicitation from the unspecified address goes to the solicited-node group of its target"},
		func(n *nd) *fault {
			bad := n.is(icmp6NS) && !n.target.IsMulticast() && n.src.IsUnspecified() && n.dst != solicitedNode(n.target)
			return when(bad, n.at+24, n.dst, solicitedNode(n.target).String())
		}},
	{Rule{"nd.dad.link", "RFC4861:4.3-9", "options", "a solicitation from the unspecified address has no link-layer address"},
		func(n *nd) *fault {
			return when(n.is(icmp6NS) && n.src.IsUnspecified() && n.option(ndSourceLink) != nil, n.base+24, "a source link-layer address", "no such option")
		}},
	{Rule{"nd.ns.link", "RFC4861:4.3-10", "options", "a multicast solicitation from an address has a link-layer address"},
		func(n *nd) *fault {
			bad := n.is(icmp6NS) && n.whole && n.eth != nil && n.dst.IsMulticast() && !n.src.IsUnspecified() && n.option(ndSourceLink) == nil && n.malformed == 0
			return when(bad, n.base+24, "no such option", "a source link-layer address")
		}},
	{Rule{"nd.na.target", "RFC4861:4.4-20", "target address", "it is no group"},
		func(n *nd) *fault {
			return when(n.is(icmp6NA) && n.target.IsMulticast(), n.base+8, n.target, "an address of one host")
		}},
	{Rule{"nd.na.solicited", "RFC4861:4.4-8", "S flag", "an advertisement to a group has no S flag"},
		func(n *nd) *fault {
			return when(n.is(icmp6NA) && n.dst.IsMulticast() && n.m[4]&0x40 != 0, n.base+4, "1", "0")
		}},
	{Rule{"nd.na.router", "RFC4861:7.2.4-5", "R flag", "a host clears the R flag"},
		func(n *nd) *fault {
			return when(n.is(icmp6NA) && n.host() != nil && n.m[4]&0x80 != 0, n.base+4, "1", "0")
		}},
	{Rule{"nd.redirect.source", "RFC4861:4.5-1", "source address", "a Redirect comes from a link-local address"},
		func(n *nd) *fault {
			return when(n.is(icmp6Redirect) && !n.src.IsLinkLocalUnicast(), n.at+8, n.src, "a link-local address")
		}},
	{Rule{"nd.redirect.target", "RFC4861:4.5-8", "target address", "it is a router's link-local address, or the destination that is redirected"},
		func(n *nd) *fault {
			bad := n.is(icmp6Redirect) && !n.target.IsLinkLocalUnicast() && !bytes.Equal(n.m[8:24], n.m[24:40])
			return when(bad, n.base+8, n.target, "a link-local address")
		}},
}

// otherLink is the fault that a link address is not that of the target under test.
func (n *nd) otherLink(o *ndOption, mine bool) *fault {
	t := n.j.opts.Target
	if o == nil || !mine || t == nil || len(t.MAC) != 6 || o.b[1] != 1 {
		return nil
	}
	return when(!slices.Equal(o.b[2:8], t.MAC), o.at+2, fmt.Sprintf("% x", o.b[2:8]), fmt.Sprintf("% x", t.MAC))
}

func (n *nd) prefixes(judge func(ndOption) *fault) *fault {
	for _, o := range n.opts {
		if n.is(icmp6RA) && o.b[0] == ndPrefix && len(o.b) == 32 {
			if f := judge(o); f != nil {
				return f
			}
		}
	}
	return nil
}
