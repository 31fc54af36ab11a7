package ip

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire"
)

// A Demux knows who is above and below IP.
type Demux struct {
	uppers [256]Upper
	taps   []Tap
	v4, v6 Network
}

// A Tap sees every datagram that is delivered on this host, before its protocol does: a raw socket. It copies what it
// wants to keep.
type Tap interface {
	// Tap tells whether it wanted the datagram; b is its content.
	Tap(b []byte, d *Datagram) bool
	Error(e *Error)
}

// Handle says who takes datagrams of a protocol; nil for nobody.
func (x *Demux) Handle(proto wire.Protocol, u Upper) { x.uppers[proto] = u }

// AddTap adds one that sees all datagrams.
func (x *Demux) AddTap(t Tap) { x.taps = append(x.taps, t) }

// SetNetworks says which versions of IP there are; nil for none.
func (x *Demux) SetNetworks(v4, v6 Network) { x.v4, x.v6 = v4, v6 }

// Network is the version of IP of an address; nil if there is none.
func (x *Demux) Network(a netip.Addr) Network {
	if a.Is4() {
		return x.v4
	}
	return x.v6
}

// Deliver gives a datagram to its protocol. The packet is the caller's again unless the verdict is Accepted.
func (x *Demux) Deliver(p *packet.Packet, d *Datagram) Verdict {
	tapped := false
	for _, t := range x.taps {
		if t.Tap(p.Bytes(), d) {
			tapped = true
		}
	}
	if u := x.uppers[d.Protocol]; u != nil {
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
	if u := x.uppers[e.Protocol]; u != nil {
		u.Error(e)
	}
}
