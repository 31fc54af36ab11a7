package ipv4

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// SendHeader owns a datagram whose header a user has made, and sends it as it is, but for total length and checksum,
// which are filled in always, and source and identification, which are when they are zero. It is not fragmented.
func (y *Layer) SendHeader(p *packet.Packet, o *ip.Options) error {
	b := p.Bytes()
	h, _, err := ipv4.Parse(b)
	if err != nil {
		p.Free()
		y.stats.DropIPv4(stats.IPInvalid)
		return ip.ErrBadOptions
	}
	s := ip.Send{Dst: h.Dst.Netip(), Protocol: h.Protocol, Out: o.Out, OnLink: o.OnLink, AnySource: true, Priority: o.Priority}
	by, err := y.Path(&s)
	if err != nil {
		p.Free()
		return err
	}
	if p.Len() > by.Out.MTU() {
		drop(by.Out, p, stats.IPTooBig)
		return ip.ErrTooBig
	}
	if h.Src.IsUnspecified() {
		*(*ipv4.Addr)(b[12:]) = by.Src.As4()
	}
	if h.ID == 0 && h.Flags&ipv4.DF == 0 {
		id, ok := y.ids.next(h.Src, h.Dst, h.Protocol, y.loop.Now())
		if !ok {
			drop(by.Out, p, stats.IPIDExhausted)
			return ip.ErrNoBuffer
		}
		binary.BigEndian.PutUint16(b[4:], id)
	}
	ipv4.Seal(b)
	s.Mark(p)
	by.Out.Stats.IPv4.Sent++
	by.Out.Output(iface.IPv4, p, by.Hop)
	return nil
}
