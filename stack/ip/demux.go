package ip

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire"
)

// A Demux knows who is above and below IP.
type Demux struct {
	uppers   [families][256]Upper // the numbers are one registry, yet some are of one family only, such as ICMP's
	taps     []Tap
	networks [families]Network
}

// A Tap sees every datagram that is delivered on this host, before its protocol does: a raw socket. It copies what it
// wants to keep.
type Tap interface {
	// Tap tells whether it wanted the datagram; b is its content.
	Tap(b []byte, d *Datagram) bool
	Error(e *Error)
}

// Handle says who takes datagrams of a protocol that come by a version of IP; nil for nobody. What runs over both is
// named twice.
func (x *Demux) Handle(f Family, proto wire.Protocol, u Upper) { x.uppers[f][proto] = u }

// AddTap adds one that sees all datagrams.
func (x *Demux) AddTap(t Tap) { x.taps = append(x.taps, t) }

// SetNetwork says who is a version of IP; nil for nobody.
func (x *Demux) SetNetwork(f Family, n Network) { x.networks[f] = n }

// Network is a version of IP; nil if the node does not have it.
func (x *Demux) Network(f Family) Network { return x.networks[f] }

// Deliver gives a datagram to its protocol. The packet is the caller's again unless the verdict is Accepted.
func (x *Demux) Deliver(p *packet.Packet, d *Datagram) Verdict {
	if d.In != nil && d.In.Filtered(iface.OnLocal) {
		n := max(len(d.Header), d.Front)
		p.Prepend(n) // the headers stand there
		if !d.In.Passes(iface.OnLocal, p) {
			return Accepted
		}
		p.TrimFront(n)
	}
	tapped := false
	d.Packet = p
	for _, t := range x.taps {
		if t.Tap(p.Bytes(), d) {
			tapped = true
		}
	}
	if u := x.uppers[FamilyOf(d.Dst)][d.Protocol]; u != nil {
		return u.Input(p, d)
	}
	if !tapped {
		return NoProtocol
	}
	p.Free()
	return Accepted
}

// Error tells the protocol of a datagram what became of it.
func (x *Demux) Error(e *Error) {
	for _, t := range x.taps {
		t.Error(e)
	}
	if u := x.uppers[FamilyOf(e.Dst)][e.Protocol]; u != nil {
		u.Error(e)
	}
}

// Sent tells whether the datagram that an error quotes may be one that was sent here. A protocol that cannot tell is
// believed; of one that nobody has, only a tap may have sent something (RFC 8201, 4).
func (x *Demux) Sent(e *Error) bool {
	if u := x.uppers[FamilyOf(e.Dst)][e.Protocol]; u != nil {
		r, ok := u.(Recaller)
		return !ok || r.Sent(e)
	}
	for _, t := range x.taps {
		if r, ok := t.(Recaller); ok && r.Sent(e) {
			return true
		}
	}
	return false
}
