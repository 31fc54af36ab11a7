package ipv4

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// fragment sends a datagram, or a fragment, in pieces that fit (RFC 791, 3.2: fragmentation procedure). Data is cut at
// multiples of 8 octets; only the first piece has all options, the others those that are copied.
func (y *Layer) fragment(p *packet.Packet, h *ipv4.Header, mtu int, by ip.Path) error {
	defer p.Free()
	by.Out.Stats.IPv4.Fragmented++
	var copied [ipv4.MaxOptions]byte
	rest := *h
	if h.Options != nil {
		rest.Options = h.Options.AppendCopied(copied[:0])
		if len(rest.Options) == 0 {
			rest.Options = nil
		}
	}
	data := p.Bytes()[h.Len():]
	now := *h
	for at := 0; at < len(data); {
		n := (mtu - now.Len()) &^ 7
		if n <= 0 {
			by.Out.Stats.DropIPv4(stats.IPTooBig)
			return ip.ErrTooBig
		}
		now.FragOffset = h.FragOffset + uint16(at)
		now.Flags = h.Flags | ipv4.MF
		if n >= len(data)-at { // the last piece is the end of the datagram only if what was cut was
			n, now.Flags = len(data)-at, h.Flags
		}
		now.TotalLen = uint16(now.Len() + n)
		f := y.pool.Get(ip.Headroom, int(now.TotalLen))
		if f == nil {
			by.Out.Stats.Drop(stats.NoBuffer)
			return ip.ErrNoBuffer
		}
		f.Priority = p.Priority
		b := f.Bytes()
		ipv4.Put(b, now)
		ipv4.SealChecksum(b)
		copy(b[now.Len():], data[at:at+n])
		by.Out.Stats.IPv4.FragmentsSent++
		by.Out.Output(iface.IPv4, f, by.Hop)
		at += n
		now = rest
	}
	return nil
}
