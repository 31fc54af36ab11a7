// Package ethernet is the link layer of Ethernet interfaces: frames of RFC 894, those of RFC 1042 received as well, and
// ARP (RFC 826) as the prober of IPv4 neighbours.
package ethernet

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/arp"
	wire "github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/link"
)

// A Link is Ethernet on one interface.
type Link struct {
	NoARP  bool // there is no ARP: its frames are of an unknown type, and no neighbour of IPv4 is found
	NoVLAN bool // there is no IEEE 802.1Q: tagged frames are of an unknown type

	iface  *iface.Iface
	mac    wire.MAC
	mtu    int
	addrs  [1]link.Addr // mac
	cache  *neigh.Cache
	groups map[wire.MAC]int // how often each was joined
	vlans  []*VLAN          // above this interface
	watch  []func(arp.Header) bool
}

// New makes the link layer of an interface whose station is mac, and sets it there.
func New(i *iface.Iface, mac wire.MAC, c neigh.Config) *Link {
	l := &Link{iface: i, mac: mac, mtu: wire.MTU, addrs: [1]link.Addr{mac.Addr()}, groups: map[wire.MAC]int{}}
	l.cache = neigh.New(i.Loop, prober{l}, i.Stats, c)
	if i.Kind == iface.KindOther {
		i.Kind = iface.KindEthernet
	}
	i.SetLink(l)
	return l
}

// Neighbours is the cache of IPv4 neighbours.
func (l *Link) Neighbours() *neigh.Cache { return l.cache }

// SetLargest says how large packets are that the device carries, in octets, where that is not what IEEE 802.3 has: jumbo
// frames. It undoes SetMTU of the interface.
func (l *Link) SetLargest(octets int) {
	l.mtu = octets
	l.iface.SetMTU(0)
}

// Doubt is told that an IPv4 neighbour may no longer be where it was: it is asked.
func (l *Link) Doubt(neighbour netip.Addr) { l.cache.Doubt(neighbour) }

// MAC is the station's address.
func (l *Link) MAC() wire.MAC { return l.mac }

// Headroom implements iface.L2.
func (*Link) Headroom() int { return wire.HeaderLen }

// MTU implements iface.L2.
func (l *Link) MTU() int { return l.mtu }

// Addrs implements iface.L2.
func (l *Link) Addrs() []link.Addr { return l.addrs[:] }

// Close implements iface.L2.
func (l *Link) Close() { l.cache.Clear() }

// Priority implements iface.L2: that of an IEEE 802.1Q tag, if there is one.
func (l *Link) Priority(frame []byte) uint8 {
	if len(frame) > 14 && frame[12] == byte(wire.TypeVLAN>>8) && frame[13] == byte(wire.TypeVLAN&0xff) {
		return frame[14] >> 5
	}
	return l.iface.RxPriority()
}

// Look implements iface.L2. A frame of LLC has protocol 0.
func (l *Link) Look(frame []byte) (look iface.Look, ok bool) {
	h, _, err := wire.Parse(frame)
	if err != nil {
		return look, false
	}
	look = iface.Look{Header: h.Len(), Protocol: iface.Protocol(h.Type), Src: h.Src.Addr(), Dst: h.Dst.Addr()}
	switch {
	case h.Dst == l.mac:
	case h.Dst.IsBroadcast():
		look.Cast = packet.Broadcast
	case h.Dst.IsGroup() && l.groups[h.Dst] > 0:
		look.Cast = packet.Multicast
	default:
		look.Cast = packet.Other
		if h.Dst.IsGroup() && l.anyVLANWants(h) {
			look.Cast = packet.Multicast
		}
	}
	return look, true
}

// Join implements iface.L2.
func (l *Link) Join(group netip.Addr) { l.groups[groupMAC(group)]++ }

// Leave implements iface.L2.
func (l *Link) Leave(group netip.Addr) {
	mac := groupMAC(group)
	if l.groups[mac]--; l.groups[mac] <= 0 {
		delete(l.groups, mac)
	}
}

func groupMAC(group netip.Addr) wire.MAC {
	if group.Is4() {
		return wire.Multicast4(group.As4())
	}
	return wire.Multicast6(group.As16())
}

// Input implements iface.L2.
func (l *Link) Input(p *packet.Packet) {
	i := l.iface
	h, payload, err := wire.Parse(p.Bytes())
	switch {
	case err != nil || wire.Verify(p.Bytes(), h) != nil:
		i.Drop(p, stats.FrameInvalid)
		return
	case h.Tagged && (h.TCI.VLAN() != 0 || i.Lower() != nil): // tag 0 is a priority only, and no second tag
		l.vlanInput(p, h)
		return
	case h.Dst == l.mac:
	case h.Dst.IsBroadcast():
		p.Cast = packet.Broadcast
		i.Stats.Link.Broadcast++
	case h.Dst.IsGroup() && l.groups[h.Dst] > 0:
		p.Cast = packet.Multicast
		i.Stats.Link.Multicast++
	default:
		i.Drop(p, stats.OtherStation)
		return
	}
	switch {
	case h.Src.IsGroup():
		i.Drop(p, stats.BadLinkSource)
		return
	case h.Src == l.mac && (h.Type != wire.TypeIPv6 || p.Cast == packet.Unicast): // a repeater or a station that took our address
		i.Drop(p, stats.OwnFrame)
		return
	case h.Format == wire.LLC, h.Tagged && l.NoVLAN: // no such protocol here
		i.Drop(p, stats.UnknownType)
		return
	}
	p.LinkSrc = h.Src.Addr()
	p.TrimFront(h.Len())
	p.SetLen(len(payload)) // padding of 802.3 formats is gone; that of Ethernet II is the network protocol's to tell
	if h.Type == wire.TypeARP && !l.NoARP {
		l.arpInput(p, h.Format)
		return
	}
	i.Deliver(iface.Protocol(h.Type), p)
}

// Output implements iface.L2. ARP is asked for neighbours of IPv4 only; those of IPv6 are resolved above, by ND.
func (l *Link) Output(proto iface.Protocol, p *packet.Packet, to iface.Hop) {
	switch {
	case !to.Link.IsZero():
		l.frameTo(p, to.Link, wire.Type(proto))
	case to.Cast == packet.Broadcast:
		l.frame(p, wire.Broadcast, wire.Type(proto))
	case to.Cast == packet.Multicast:
		l.frame(p, groupMAC(to.Addr), wire.Type(proto))
	case proto == iface.IPv4 && !l.NoARP:
		if mac, ok := l.cache.Resolve(to.Addr, p); ok {
			l.frameTo(p, mac, wire.Type(proto))
		}
	default:
		l.iface.Drop(p, stats.NoLinkAddr)
	}
}

// frame puts the header in front and sends.
func (l *Link) frame(p *packet.Packet, dst wire.MAC, t wire.Type) {
	wire.Put(p.Prepend(wire.HeaderLen), wire.Header{Dst: dst, Src: l.mac, Type: t})
	if dst.IsGroup() {
		if s := &l.iface.Stats.Link; dst.IsBroadcast() {
			s.BroadcastSent++
		} else {
			s.MulticastSent++
		}
	}
	l.iface.Transmit(p)
}

func (l *Link) frameTo(p *packet.Packet, dst link.Addr, t wire.Type) {
	mac, ok := wire.MACFrom(dst)
	if !ok {
		l.iface.Drop(p, stats.NoLinkAddr)
		return
	}
	l.frame(p, mac, t)
}

// prober is the Link, as the cache of IPv4 neighbours sees it.
type prober struct{ l *Link }

func (r prober) Send(p *packet.Packet, to link.Addr) { r.l.frameTo(p, to, wire.TypeIPv4) }

func (r prober) Unreachable(p *packet.Packet) {
	r.l.iface.Stats.ARP.Failed++
	r.l.iface.Unreachable(iface.IPv4, p)
}

// Solicit sends an ARP request: by broadcast, or to one station to see whether it is still there (RFC 1122, 2.3.2.1 (2)).
func (r prober) Solicit(target netip.Addr, to link.Addr) {
	src, ok := r.l.source(target)
	if !ok { // no address to ask with: the neighbour is given up in its time
		return
	}
	dst := wire.Broadcast
	if mac, ok := wire.MACFrom(to); ok && !src.IsLinkLocal() { // RFC 3927, 2.5: those are always broadcast
		dst = mac
	}
	r.l.SendARP(arp.Request, src, to, ipv4.Addr(target.As4()), dst)
}

// source picks the sender address of a request: one whose subnet the target is in, else the first (RFC 826 asks for the
// sender's own address, RFC 1122, 3.3.4.3 for the one that fits).
func (l *Link) source(target netip.Addr) (src ipv4.Addr, ok bool) {
	for _, a := range l.iface.Addresses() {
		if !a.Addr().Is4() || a.Tentative {
			continue
		}
		if a.Prefix.Contains(target) {
			return a.Addr().As4(), true
		}
		if !ok {
			src, ok = a.Addr().As4(), true
		}
	}
	return src, ok
}
