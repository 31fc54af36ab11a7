package ipv4

import (
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// icmp is the Layer, as the demultiplexer sees its ICMP.
type icmp struct{ y *Layer }

// Input implements ip.Upper.
func (c icmp) Input(p *packet.Packet, d *ip.Datagram) ip.Verdict {
	y := c.y
	d.In.Stats.ICMP.Received++
	m, body, err := icmpv4.Parse(p.Bytes())
	switch {
	case err != nil:
		d.In.Drop(p, stats.ICMPInvalid)
		return ip.Accepted
	case icmpv4.Verify(p.Bytes()) != nil:
		d.In.Drop(p, stats.ICMPChecksum)
		return ip.Accepted
	}
	switch m.Type {
	case icmpv4.EchoRequest:
		y.echo(p, d, m)
	case icmpv4.TimestampRequest:
		y.timestamp(p, d, m, body)
	case icmpv4.Unreachable, icmpv4.TimeExceeded, icmpv4.ParameterProblem, icmpv4.Redirect:
		d.In.Stats.ICMP.ErrorsReceived++
		y.errorInput(d, m, body)
	case icmpv4.EchoReply, icmpv4.TimestampReply: // for whoever asked: raw sockets have seen it
	case icmpv4.SourceQuench, // RFC 6633, 3
		icmpv4.InformationRequest, icmpv4.InformationReply, // RFC 1122, 3.2.2.7
		icmpv4.AddressMaskRequest, icmpv4.AddressMaskReply, // 3.2.2.9: no agent, and the mask is configured
		icmpv4.RouterAdvertisement, icmpv4.RouterSolicitation:
		d.In.Stats.Drop(stats.ICMPIgnored)
	default:
		d.In.Stats.Drop(stats.ICMPUnknown) // 3.2.2: silently
	}
	p.Free()
	return ip.Accepted
}

// Error implements ip.Upper: nobody is told that an ICMP message did not arrive but raw sockets, and those were.
func (icmp) Error(*ip.Error) {}

// errorInput acts on an error and passes it on to the protocol of the datagram that it quotes (RFC 1122, 3.2.2).
func (y *Layer) errorInput(d *ip.Datagram, m icmpv4.Header, body []byte) {
	about, quote, err := ipv4.Parse(body)
	if err != nil {
		d.In.Stats.Drop(stats.ICMPInvalid)
		return
	}
	if !y.isOwn(about.Src) || d.Cast != packet.Unicast { // not about a datagram of this host
		d.In.Stats.Drop(stats.ICMPIgnored)
		return
	}
	if m.Type == icmpv4.Redirect {
		y.redirect(d.In, d.Src.As4(), m, &about)
		return
	}
	e := &y.fate
	*e = ip.Error{
		Type: uint8(m.Type), Code: uint8(m.Code), From: d.Src,
		Src: about.Src.Netip(), Dst: about.Dst.Netip(), Protocol: about.Protocol, Quote: quote,
	}
	switch m.Type {
	case icmpv4.TimeExceeded:
		e.Fate = ip.TimeExceeded
	case icmpv4.ParameterProblem:
		e.Fate = ip.ParameterProblem
	default:
		e.Fate = fateOf(m.Code)
	}
	if e.Fate == ip.TooBig {
		d.In.Stats.PathMTU4.Received++
		if !y.config.PathMTU.On() {
			d.In.Stats.Drop(stats.ICMPIgnored)
			return
		}
		by, err := y.Path(&ip.Send{Dst: e.Dst})
		if err != nil {
			return
		}
		e.MTU = int(m.NextHopMTU())
		if !y.demux.Sent(e) { // RFC 5927, 4.1: somebody has made it up
			d.In.Stats.Drop(stats.ICMPIgnored)
			return
		}
		d.In.Stats.PathMTU4.Believed++
		var lower bool
		e.MTU, lower = y.pmtu.tooBig(about.Dst, int(m.NextHopMTU()), int(about.TotalLen), about.Len(), by.Out.MTU())
		if lower {
			event.Raise(y.Events, event.Event{Code: event.IPv4PMTUChanged, Iface: by.Out.Index, Addr: e.Dst, MTU: e.MTU})
		}
	}
	y.demux.Error(e)
}

// fateOf reads the code of an Unreachable (RFC 1122, 3.2.2.1; RFC 1812, 5.2.7.1).
func fateOf(c icmpv4.Code) ip.Fate {
	switch c {
	case icmpv4.HostUnreachable, icmpv4.HostUnknown, icmpv4.HostIsolated, icmpv4.HostTOS:
		return ip.HostUnreachable
	case icmpv4.ProtocolUnreachable:
		return ip.ProtocolUnreachable
	case icmpv4.PortUnreachable:
		return ip.PortUnreachable
	case icmpv4.FragmentationNeeded:
		return ip.TooBig
	case icmpv4.SourceRouteFailed:
		return ip.SourceRouteFailed
	case icmpv4.NetProhibited, icmpv4.HostProhibited, icmpv4.AdminProhibited, icmpv4.PrecedenceViolation, icmpv4.PrecedenceCutoff:
		return ip.Prohibited
	}
	return ip.NetUnreachable
}
