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

// inPrefixOf is the address in the prefix of the first that has the interface identifier of the second, as autoconfiguration
// makes it (RFC 4862, section 5.5.3 (d)).
func inPrefixOf(prefix, identifier netip.Addr) netip.Addr {
	a, id := prefix.As16(), identifier.As16()
	copy(a[8:], id[8:])
	return netip.AddrFrom16(a)
}

// group is a solicited-node group in the live world: that of the host whose address it is made of.
func (t *translation) group(a netip.Addr) (netip.Addr, bool) {
	for _, p := range t.hosts {
		for _, ip := range []netip.Addr{p.host.IP, p.host.LinkLocal} {
			if ip.Is6() && ipv6.SolicitedNode(ip) == a {
				return ipv6.SolicitedNode(liveAddr(ip, p.live)), true
			}
		}
	}
	return a, false
}

func translateIPv6(t *translation, f *packet.Frame) []packet.Cond {
	src, dst := ends(f)
	length, _ := ipv6.PayloadLength.Of(f)
	return []packet.Cond{ipv6.PayloadLength.Is(length), ipv6.Src.Is(t.ip(src)), ipv6.Dst.Is(t.ip(dst))}
}

// translateICMPv6 moves the checksum by what the addresses make, by what translateND changes, and by what the packet that
// an error quotes does: it is as the target said it if it was the target's.
func translateICMPv6(t *translation, f *packet.Frame) []packet.Cond {
	src, dst := ends(f)
	sum, _ := icmpv6.Checksum.Of(f)
	body := f.Body(icmpv6.Proto)
	live := body
	if conds := translateND(t, f); len(conds) > 0 {
		live = packet.Dissect(f.Link, f.Rewrite(conds...)).Body(icmpv6.Proto)
	}
	var conds []packet.Cond
	if q := f.Quoted(); isError6(f) && q != nil {
		quote := t.rewrite(q)
		if said := t.said[saidKeyOf(q)]; len(said) >= len(quote) { // shorter, it is another packet than the one of the capture
			quote = said[:len(quote)]
		}
		body, live = q.Bytes, quote
		conds = append(conds, packet.Data.Is(quote))
	}
	before, after := slices.Concat(addresses(src, dst), body), slices.Concat(addresses(t.ip(src), t.ip(dst)), live)
	return append(conds, icmpv6.Checksum.Is(adjust(sum, before, after)))
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
	if mac, ok := ndp.RSLink.Of(f); ok {
		conds = append(conds, ndp.RSLink.Is(t.mac(mac, src)))
	}
	if mac, ok := ndp.RALink.Of(f); ok {
		conds = append(conds, ndp.RALink.Is(t.mac(mac, src)))
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
