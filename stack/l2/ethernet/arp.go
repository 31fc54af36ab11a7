package ethernet

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/arp"
	wire "github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/link"
)

// WatchARP has f see every acceptable ARP packet before anything else happens with it. f returns true to end its
// processing: address conflict detection does so with packets whose sender uses an address of ours.
func (l *Link) WatchARP(f func(arp.Header) bool) { l.watch = append(l.watch, f) }

// arpInput is "Packet Reception" of RFC 826, with the optional tests of lengths.
func (l *Link) arpInput(p *packet.Packet, format wire.Format) {
	h, _, err := arp.Parse(p.Bytes())
	p.Free()
	s := l.iface.Stats
	switch {
	case err != nil,
		h.Hardware != arp.HardwareEthernet && !(h.Hardware == arp.HardwareIEEE802 && format == wire.SNAP),
		h.SenderHW.Len() != len(wire.MAC{}),
		h.Protocol != wire.TypeIPv4:
		s.Drop(stats.ARPInvalid)
		return
	case !l.canBeNeighbour(h):
		s.Drop(stats.ARPSource)
		return
	}
	switch h.Op {
	case arp.Request:
		s.ARP.RequestsReceived++
	case arp.Reply:
		s.ARP.RepliesReceived++
	}
	for _, f := range l.watch {
		if f(h) {
			return
		}
	}
	if l.iface.Holds(h.SenderIP.Netip()) { // RFC 5227, 2.4; nothing is to be learned about an address of ours
		s.ARP.Conflicts++
		s.Drop(stats.ARPConflict)
		return
	}
	target := l.iface.Holds(h.TargetIP.Netip())
	if !h.SenderIP.IsUnspecified() { // a probe (RFC 5227, 1.1) tells nothing
		// RFC 826 believes every packet: what is known is updated, and the sender is there.
		l.cache.Heard(h.SenderIP.Netip(), neigh.Report{Addr: h.SenderHW, Create: target, Solicited: true, Override: true})
	}
	if target && h.Op == arp.Request {
		l.reply(h)
	}
}

// canBeNeighbour tells whether the sender of a packet can be a station with that address.
func (l *Link) canBeNeighbour(h arp.Header) bool {
	mac, _ := wire.MACFrom(h.SenderHW)
	if mac.IsGroup() || mac.IsZero() || mac == l.mac {
		return false
	}
	ip := h.SenderIP
	if ip.IsMulticast() || ip.IsLoopback() || ip.IsClassE() {
		return false
	}
	return !l.isBroadcast(ip)
}

// isBroadcast tells whether an address is the broadcast address of a subnet of the interface.
func (l *Link) isBroadcast(ip ipv4.Addr) bool {
	for _, a := range l.iface.Addresses() {
		if bits := a.Prefix.Bits(); a.Addr().Is4() && bits < 31 {
			host := ^uint32(0) >> bits
			net := ipv4.Addr(a.Addr().As4()).Uint32() &^ host
			if ip.Uint32() == net|host {
				return true
			}
		}
	}
	return false
}

// reply answers a request: sender and target change places. From a link-local address it is broadcast (RFC 3927, 2.5).
func (l *Link) reply(h arp.Header) {
	dst, _ := wire.MACFrom(h.SenderHW)
	if h.TargetIP.IsLinkLocal() {
		dst = wire.Broadcast
	}
	l.sendARP(arp.Header{
		Hardware: h.Hardware, Protocol: h.Protocol, Op: arp.Reply,
		SenderHW: l.mac.Addr(), SenderIP: h.TargetIP,
		TargetHW: h.SenderHW, TargetIP: h.SenderIP,
	}, dst)
}

// SendARP sends an ARP packet from this station. Without a target hardware address the field is zero.
func (l *Link) SendARP(op arp.Op, sender ipv4.Addr, targetHW link.Addr, target ipv4.Addr, dst wire.MAC) {
	l.sendARP(arp.Header{
		Hardware: arp.HardwareEthernet, Protocol: wire.TypeIPv4, Op: op,
		SenderHW: l.mac.Addr(), SenderIP: sender,
		TargetHW: targetHW, TargetIP: target,
	}, dst)
}

// Probe asks whether anybody uses an address, without claiming one (RFC 5227, 1.1).
func (l *Link) Probe(target ipv4.Addr) {
	l.SendARP(arp.Request, ipv4.Addr{}, link.Addr{}, target, wire.Broadcast)
}

// Announce claims an address (RFC 5227, 1.1).
func (l *Link) Announce(addr ipv4.Addr) {
	l.SendARP(arp.Request, addr, link.Addr{}, addr, wire.Broadcast)
}

func (l *Link) sendARP(h arp.Header, dst wire.MAC) {
	s := l.iface.Stats
	p := l.iface.TxPool.Get(iface.Headroom, h.Len())
	if p == nil {
		s.Drop(stats.NoBuffer)
		return
	}
	if h.Op == arp.Request {
		s.ARP.RequestsSent++
	} else {
		s.ARP.RepliesSent++
	}
	arp.Put(p.Bytes(), h)
	l.frame(p, dst, wire.TypeARP)
}
