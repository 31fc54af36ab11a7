// Package loop is the link layer of a loopback interface: frames begin with the protocol, two octets, and there is
// nobody else.
package loop

import (
	"encoding/binary"
	"net/netip"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
)

const (
	headerLen = 2
	mtu       = 65535
)

// Link is the link layer of one interface.
type Link struct{ iface *iface.Iface }

// New sets the link layer of a loopback interface.
func New(i *iface.Iface) *Link {
	l := &Link{i}
	i.Loopback, i.Kind = true, iface.KindLoopback
	i.SetLink(l)
	return l
}

// Input implements iface.L2.
func (l *Link) Input(p *packet.Packet) {
	if p.Len() < headerLen {
		l.iface.Drop(p, stats.FrameInvalid)
		return
	}
	proto := iface.Protocol(binary.BigEndian.Uint16(p.Bytes()))
	p.TrimFront(headerLen)
	l.iface.Deliver(proto, p)
}

// Output implements iface.L2.
func (l *Link) Output(proto iface.Protocol, p *packet.Packet, _ iface.Hop) {
	binary.BigEndian.PutUint16(p.Prepend(headerLen), uint16(proto))
	l.iface.Transmit(p)
}

// Priority implements iface.L2.
func (l *Link) Priority([]byte) uint8 { return l.iface.RxPriority() }

// Look implements iface.L2.
func (*Link) Look(frame []byte) (iface.Look, bool) {
	if len(frame) < headerLen {
		return iface.Look{}, false
	}
	return iface.Look{Header: headerLen, Protocol: iface.Protocol(binary.BigEndian.Uint16(frame))}, true
}

// Headroom implements iface.L2.
func (*Link) Headroom() int { return headerLen }

// MTU implements iface.L2.
func (*Link) MTU() int { return mtu }

// Addrs implements iface.L2: there are none.
func (*Link) Addrs() []link.Addr { return nil }

// Join implements iface.L2.
func (*Link) Join(netip.Addr) {}

// Leave implements iface.L2.
func (*Link) Leave(netip.Addr) {}

// Close implements iface.L2.
func (*Link) Close() {}
