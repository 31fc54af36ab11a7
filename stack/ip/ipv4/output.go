package ipv4

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// Output implements ip.Network.
func (y *Layer) Output(p *packet.Packet, s *ip.Send, by ip.Path) error {
	h := ipv4.Header{
		TOS: s.TOS, TTL: s.TTL, Protocol: s.Protocol,
		Src: by.Src.As4(), Dst: s.Dst.As4(), Options: s.Options,
	}
	if h.Options != nil {
		if len(h.Options) > ipv4.MaxOptions {
			p.Free()
			return ip.ErrBadOptions
		}
		h.Options = append(y.options[:0], h.Options...) // written below, and the user's to keep
		sendBySourceRoute(&h)
	}
	total := h.Len() + p.Len()
	if total > ipv4.MaxLen {
		drop(by.Out, p, stats.IPTooBig)
		return ip.ErrTooBig
	}
	if h.TTL == 0 { // never sent (RFC 1122, 3.2.1.7): it means the default
		h.TTL = uint8(y.config.DefaultTTL)
		if by.Hop.Cast == packet.Multicast {
			h.TTL = uint8(y.config.MulticastTTL)
		}
	}
	mtu := by.MTU
	switch s.Fragment {
	case ip.FragmentWanted:
		if y.config.PathMTU.On() && total <= mtu && by.Hop.Cast == packet.Unicast {
			h.Flags = ipv4.DF
		}
	case ip.FragmentNever:
		h.Flags = ipv4.DF
	case ip.FragmentProbe:
		h.Flags, mtu = ipv4.DF, by.Out.MTU()
	}
	if total > mtu && (h.Flags&ipv4.DF != 0 || !y.config.Fragmentation.On()) {
		drop(by.Out, p, stats.IPTooBig)
		return ip.ErrTooBig
	}
	if h.Flags&ipv4.DF == 0 { // RFC 6864, 4.1: an atomic datagram needs no identification
		var ok bool
		if h.ID, ok = y.ids.next(h.Src, h.Dst, h.Protocol, y.loop.Now()); !ok {
			drop(by.Out, p, stats.IPIDExhausted)
			return ip.ErrNoBuffer
		}
	}
	s.Mark(p)
	h.TotalLen = uint16(total)
	b := p.Prepend(h.Len())
	ipv4.Put(b, h)
	ipv4.SealChecksum(b)
	if by.Hop.Cast == packet.Multicast && s.Loop && y.groups.wants(by.Out, h.Dst) {
		y.loopBack(by.Out, p.Bytes())
	}
	by.Out.Stats.IPv4.Sent++
	if total > mtu {
		return y.fragment(p, &h, mtu, by)
	}
	by.Out.Output(iface.IPv4, p, by.Hop)
	return nil
}

// send sends a datagram that is complete, header and all, to a hop, in fragments if it must be.
func (y *Layer) send(p *packet.Packet, h *ipv4.Header, by ip.Path) error {
	if int(h.TotalLen) > by.MTU {
		return y.fragment(p, h, by.MTU, by)
	}
	by.Out.Output(iface.IPv4, p, by.Hop)
	return nil
}
