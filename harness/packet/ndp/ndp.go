// Package ndp is the tables of Neighbor Discovery (RFC 4861): what its messages have behind the ICMPv6 header, and their
// options.
//
// A message to send has the defaults of a host or router that knows what it does: hop limit 255, the destination that the
// message usually goes to, a link-address option. Options are octets, each a multiple of 8: Option makes any, SourceLink,
// Prefix and others the known ones; a list of them replaces the default. The link address is a field of its own, which a
// message may lack: ndp.NSLink.None() asks for a solicitation without, ndp.NALink.Is(mac) for an advertisement with it, and
// a mutation adds, changes or takes it out.
package ndp

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
)

// The messages: Router Solicitation, Router Advertisement, Neighbor Solicitation, Neighbor Advertisement, Redirect.
var (
	RS = packet.Define("router solicitation", rsLayer, 4)
	RA = packet.Define("router advertisement", raLayer, 12)
	NS = packet.Define("neighbor solicitation", nsLayer, 20)
	NA = packet.Define("neighbor advertisement", naLayer, 20)
	RD = packet.Define("redirect", rdLayer, 36)
)

var (
	RSReserved = packet.Uint(RS, "reserved", 0, 32, packet.Hex())
	RSOptions  = options(RS, 4)
	RSLink     = linkOption(RS, "source link-layer address", 4, SourceLinkType)

	CurHopLimit = packet.Uint(RA, "cur hop limit", 0, 8)
	Managed     = packet.Uint(RA, "M flag", 8, 1)
	OtherConfig = packet.Uint(RA, "O flag", 9, 1)
	HomeAgent   = packet.Uint(RA, "H flag", 10, 1)
	Preference  = packet.Uint(RA, "preference", 11, 2) // RFC 4191: 1 high, 0 medium, 3 low
	RAReserved  = packet.Uint(RA, "reserved", 13, 3)
	Lifetime    = packet.Uint(RA, "router lifetime", 16, 16) // seconds
	Reachable   = packet.Uint(RA, "reachable time", 32, 32)  // ms
	Retrans     = packet.Uint(RA, "retrans timer", 64, 32)   // ms
	RAOptions   = options(RA, 12)
	RALink      = linkOption(RA, "source link-layer address", 12, SourceLinkType)

	NSReserved = packet.Uint(NS, "reserved", 0, 32, packet.Hex())
	NSTarget   = packet.IP(NS, "target address", 32, 128)
	NSOptions  = options(NS, 20)
	NSLink     = linkOption(NS, "source link-layer address", 20, SourceLinkType)

	Router     = packet.Uint(NA, "R flag", 0, 1)
	Solicited  = packet.Uint(NA, "S flag", 1, 1)
	Override   = packet.Uint(NA, "O flag", 2, 1)
	NAReserved = packet.Uint(NA, "reserved", 3, 29, packet.Printed(func(v uint) string { return fmt.Sprintf("%#x", v) }))
	NATarget   = packet.IP(NA, "target address", 32, 128)
	NAOptions  = options(NA, 20)
	NALink     = linkOption(NA, "target link-layer address", 20, TargetLinkType)

	RDReserved = packet.Uint(RD, "reserved", 0, 32, packet.Hex())
	RDTarget   = packet.IP(RD, "target address", 32, 128)
	RDDst      = packet.IP(RD, "destination address", 160, 128)
	RDOptions  = options(RD, 36)
	RDLink     = linkOption(RD, "target link-layer address", 36, TargetLinkType)
)

// Solicit is any Neighbor Solicitation for an address; sent, it goes to the solicited-node group and says where the sender
// is. Conditions may be on the message and on its ICMPv6 header.
func Solicit(target netip.Addr, conds ...packet.Cond) packet.Template {
	return icmpv6.With(icmpv6.TypeNeighborSolicit, NS, append([]packet.Cond{NSTarget.Is(target)}, conds...)...)
}

// Solicitation is any Neighbor Solicitation; sent, it is for the peer.
func Solicitation(conds ...packet.Cond) packet.Template {
	return icmpv6.With(icmpv6.TypeNeighborSolicit, NS, conds...)
}

// Probe is a Neighbor Solicitation for duplicate address detection (RFC 4862, section 5.4.2): from the unspecified address
// to the solicited-node group, without a link address.
func Probe(target netip.Addr, conds ...packet.Cond) packet.Template {
	return ipv6.Header(ipv6.Src.Is(ipv6.Unspecified), ipv6.Dst.Is(ipv6.SolicitedNode(target))).
		Then(Solicit(target, append([]packet.Cond{NSLink.None()}, conds...)...))
}

// Advert is any Neighbor Advertisement; sent, it answers a solicitation for the tester's address.
func Advert(conds ...packet.Cond) packet.Template {
	return icmpv6.With(icmpv6.TypeNeighborAdvert, NA, conds...)
}

// Unsolicited is a Neighbor Advertisement for all nodes that nobody asked for.
func Unsolicited(target netip.Addr, conds ...packet.Cond) packet.Template {
	return ipv6.Header(ipv6.Dst.Is(ipv6.AllNodes)).Then(Advert(append([]packet.Cond{NATarget.Is(target), Solicited.Is(0)}, conds...)...))
}

// RouterSolicit is any Router Solicitation; sent, it goes to all routers.
func RouterSolicit(conds ...packet.Cond) packet.Template {
	return icmpv6.With(icmpv6.TypeRouterSolicit, RS, conds...)
}

// RouterAdvert is any Router Advertisement; sent, it comes from the link-local address and goes to all nodes, with a lifetime
// of 1800 s.
func RouterAdvert(conds ...packet.Cond) packet.Template {
	return icmpv6.With(icmpv6.TypeRouterAdvert, RA, conds...)
}

// Redirect is any Redirect; sent, it comes from the link-local address and says that dst is reached by target, which is dst
// itself when it is on the link.
func Redirect(target, dst netip.Addr, conds ...packet.Cond) packet.Template {
	return icmpv6.With(icmpv6.TypeRedirect, RD, append([]packet.Cond{RDTarget.Is(target), RDDst.Is(dst)}, conds...)...)
}

const hopLimit = 255 // RFC 4861, section 4

// from gives the conditions of a message from the link-local address, if there is one.
func from(h packet.Env, conds ...packet.Cond) []packet.Cond {
	conds = append(conds, ipv6.HopLimit.Is(hopLimit))
	if h.Local.LinkLocal.IsValid() {
		conds = append(conds, ipv6.Src.Is(h.Local.LinkLocal))
	}
	return conds
}

func link(f packet.Field[net.HardwareAddr], env packet.Env) []packet.Cond {
	if len(env.Local.MAC) == 0 {
		return nil
	}
	return []packet.Cond{f.Is(env.Local.MAC)}
}

func init() {
	RS.Rules = packet.Rules{
		Below:    icmpv6.Below,
		Defaults: func(env packet.Env, _ *packet.Layer) []packet.Cond { return link(RSLink, env) },
		Carrier: func(env packet.Env, _ *packet.Layer) []packet.Cond {
			return from(env, ipv6.Dst.Is(ipv6.AllRouters))
		},
		Summary: func(h, _ []byte) string { return summarise(h, 4) },
	}
	RA.Rules = packet.Rules{
		Below: icmpv6.Below,
		Defaults: func(env packet.Env, _ *packet.Layer) []packet.Cond {
			return append(link(RALink, env), CurHopLimit.Is(64), Lifetime.Is(1800))
		},
		Carrier: func(env packet.Env, _ *packet.Layer) []packet.Cond { return from(env, ipv6.Dst.Is(ipv6.AllNodes)) },
		Summary: func(h, _ []byte) string {
			return fmt.Sprintf("hlim %d flags %#02x lifetime %d%s", h[0], h[1], uint(h[2])<<8|uint(h[3]), summarise(h, 12))
		},
	}
	NS.Rules = packet.Rules{
		Below: icmpv6.Below,
		Defaults: func(env packet.Env, _ *packet.Layer) []packet.Cond {
			conds := link(NSLink, env)
			if env.Peer.IP6.IsValid() {
				conds = append(conds, NSTarget.Is(env.Peer.IP6))
			}
			return conds
		},
		Carrier: func(env packet.Env, l *packet.Layer) []packet.Cond {
			conds := []packet.Cond{ipv6.HopLimit.Is(hopLimit)}
			target, ok := packet.Get(l, NSTarget)
			if !ok {
				target = env.Peer.IP6
			}
			if target.IsValid() {
				conds = append(conds, ipv6.Dst.Is(ipv6.SolicitedNode(target)))
			}
			return conds
		},
		Summary: func(h, _ []byte) string { return "who has " + address(h, 4) + summarise(h, 20) },
	}
	NA.Rules = packet.Rules{
		Below: icmpv6.Below,
		Defaults: func(env packet.Env, _ *packet.Layer) []packet.Cond {
			conds := append(link(NALink, env), Solicited.Is(1), Override.Is(1))
			if env.Local.IP6.IsValid() {
				conds = append(conds, NATarget.Is(env.Local.IP6))
			}
			return conds
		},
		Carrier: func(packet.Env, *packet.Layer) []packet.Cond { return []packet.Cond{ipv6.HopLimit.Is(hopLimit)} },
		Summary: func(h, _ []byte) string {
			flags := ""
			for i, f := range []string{"R", "S", "O"} {
				if h[0]&(0x80>>i) != 0 {
					flags += f
				}
			}
			return address(h, 4) + " flags [" + flags + "]" + summarise(h, 20)
		},
	}
	RD.Rules = packet.Rules{
		Below:    icmpv6.Below,
		Defaults: func(env packet.Env, _ *packet.Layer) []packet.Cond { return nil },
		Carrier:  func(env packet.Env, _ *packet.Layer) []packet.Cond { return from(env) },
		Summary:  func(h, _ []byte) string { return address(h, 20) + " by " + address(h, 4) + summarise(h, 36) },
	}
}

func address(h []byte, at int) string {
	if len(h) < at+16 {
		return "?"
	}
	return netip.AddrFrom16([16]byte(h[at : at+16])).String()
}
