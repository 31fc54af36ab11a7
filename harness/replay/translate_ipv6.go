package replay

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

// liveAddr is a host's address of the family of its address in the capture.
func liveAddr(captured netip.Addr, live target.Host) netip.Addr {
	switch {
	case captured.Is4():
		return live.IP4
	case captured.IsLinkLocalUnicast():
		return live.LinkLocal
	}
	return live.IP6
}

// group is a solicited-node group in the live world: that of the host whose address it is made of.
func (t *translation) group(a netip.Addr) (netip.Addr, bool) {
	for _, p := range t.hosts {
		if p.host.IP.Is6() && ipv6.SolicitedNode(p.host.IP) == a {
			return ipv6.SolicitedNode(liveAddr(p.host.IP, p.live)), true
		}
	}
	return a, false
}

func translateIPv6(t *translation, f *packet.Frame) []packet.Cond {
	src, dst := ends(f)
	length, _ := ipv6.PayloadLength.Of(f)
	return []packet.Cond{ipv6.PayloadLength.Is(length), ipv6.Src.Is(t.ip(src)), ipv6.Dst.Is(t.ip(dst))}
}

// translateICMPv6 moves the checksum by what the addresses make, and by what translateND changes.
func translateICMPv6(t *translation, f *packet.Frame) []packet.Cond {
	src, dst := ends(f)
	sum, _ := icmpv6.Checksum.Of(f)
	body := f.Body(icmpv6.Proto)
	live := body
	if conds := translateND(t, f); len(conds) > 0 {
		live = packet.Dissect(f.Link, f.Rewrite(conds...)).Body(icmpv6.Proto)
	}
	before, after := slices.Concat(addresses(src, dst), body), slices.Concat(addresses(t.ip(src), t.ip(dst)), live)
	return []packet.Cond{icmpv6.Checksum.Is(adjust(sum, before, after))}
}

// translateND translates the address that a message of Neighbor Discovery is about, and the link address of who has it or
// asks for it.
func translateND(t *translation, f *packet.Frame) (conds []packet.Cond) {
	src, _ := ends(f)
	if of, ok := ndp.NSTarget.Of(f); ok {
		conds = append(conds, ndp.NSTarget.Is(t.ip(of)))
		if mac, ok := ndp.NSLink.Of(f); ok {
			conds = append(conds, ndp.NSLink.Is(t.mac(mac, src)))
		}
	}
	if of, ok := ndp.NATarget.Of(f); ok {
		conds = append(conds, ndp.NATarget.Is(t.ip(of)))
		if mac, ok := ndp.NALink.Of(f); ok {
			conds = append(conds, ndp.NALink.Is(t.mac(mac, of)))
		}
	}
	return conds
}

// network is the protocol of a datagram's header, nil for a frame without one.
func network(f *packet.Frame) *packet.Proto {
	for _, p := range ipProtos {
		if f.Has(p) {
			return p
		}
	}
	return nil
}
