// Package ipv6 is IPv6 on a node (RFC 8200) with ICMPv6 (RFC 4443).
//
// A packet that comes in passes: header checks and destination (input), its extension headers in their order (chain,
// option), reassembly, and then its protocol; or, on a router, forward. One that goes out passes: path, source selection
// (source), output, fragment. Errors leave by icmperror, which knows about which packets none may be sent.
//
// What is kept of a destination (destination) is only what differs from the usual: a lower path MTU, a redirect. Where
// neighbours are on the link, and which routers there are, Neighbor Discovery knows (package nd); which addresses this
// host has, address configuration decides (package slaac); and groups are reported by package mld. They stand beside each
// other above this package, which knows them as interfaces.
//
// Link-local addresses have a zone outside of this package: the name of the interface (RFC 4007).
package ipv6

import (
	"math/rand/v2"
	"slices"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	wirelink "github.com/conform-stack/conform/stack/wire/link"
)

// An Addr is an address without a zone.
type Addr = ipv6.Addr

// Neighbours finds neighbours and routers: Neighbor Discovery.
type Neighbours interface {
	// Send owns a packet for a neighbour. It leaves when the neighbour's link address is known.
	Send(out *iface.Iface, p *packet.Packet, to Addr)
	// Router is the router to use now for a destination, on an interface if out is not nil.
	Router(dst Addr, out *iface.Iface) (router Addr, on *iface.Iface, ok bool)
	// Usable tells whether a neighbour may be sent to: it is not known to be unreachable.
	Usable(on *iface.Iface, to Addr) bool
	// Failed is told that a neighbour did not answer.
	Failed(on *iface.Iface, to Addr)
	// Confirm is told that a neighbour is reachable, because an upper layer heard of it.
	Confirm(on *iface.Iface, to Addr)
	// Doubt is told that a neighbour may not be, because what was sent by it is not answered.
	Doubt(on *iface.Iface, to Addr)
	// Assigned tells whether an address is in a prefix that routers assigned, and whether by is one of them.
	Assigned(on *iface.Iface, a, by Addr) (assigned, yes bool)
	// Redirect owns nothing: a router tells the source of a packet of a better first hop.
	Redirect(in *iface.Iface, packet []byte, hop Addr)
	Handler
}

// A Handler takes messages of ICMPv6 that are for one concern.
type Handler interface {
	Message(m *Message)
}

// A Message is one of ICMPv6 whose checksum is right. It is good during the call.
type Message struct {
	In         *iface.Iface
	Src, Dst   Addr
	HopLimit   uint8
	LinkSrc    wirelink.Addr
	Fragmented bool // it came with a Fragment header
	Alert      bool // it came with a Router Alert
	Bytes      []byte
}

// A Layer is IPv6 on a node.
type Layer struct {
	Routes      ip.Table   // to prefixes on links and by gateways; what routers advertise comes from Neighbours
	Neighbours  Neighbours // nil: all neighbours are sent to without a link address
	Listening   Handler    // of MLD; nil for none
	Registering Handler    // of Duplicate Address messages (RFC 6775); nil for none
	Events      event.Sink // is told of groups and path MTUs; may be nil

	loop   *clock.Loop
	config config.Config // resolved
	c      config.IPv6
	demux  *ip.Demux
	pool   *packet.Pool // of packets made here
	stats  *stats.Node

	links  []*link
	last   *link // sought last
	locals []local
	flags  map[place]Flags
	groups memberships

	reasm    reassembly
	dests    destinations
	limit    ip.Bucket
	ids      *rand.Rand // identifications of fragments
	labels   labels
	chose    chosen
	policies []Policy // nil: those of RFC 6724

	arrived  arrival      // of the packet being processed
	message  Message      // given to handlers; one at a time
	datagram ip.Datagram  // given to upper layers; likewise
	fate     ip.Error     // likewise
	looped   packet.Queue // copies for members here
	loopedIn []*iface.Iface
	loopOn   clock.Timer
}

// A link is an interface that has IPv6.
type link struct {
	*iface.Iface
	hopLimit uint8 // that a router told; 0: none did
	mtu      int   // likewise
	disabled bool  // not used for IPv6, though it is up
	zoned    [4]zoned
}

// New makes IPv6 for a node. The configuration is resolved.
func New(l *clock.Loop, c config.Config, x *ip.Demux, pool *packet.Pool, s *stats.Node) *Layer {
	y := &Layer{loop: l, config: c, c: c.IPv6, demux: x, pool: pool, stats: s, flags: map[place]Flags{}}
	y.ids = random.New(c.Seed, "ipv6.id")
	y.labels.init(random.New(c.Seed, "ipv6.label"))
	y.reasm.init(y)
	y.dests.init(y)
	y.groups.init()
	y.limit = ip.NewBucket(y.c.ICMPRate, y.c.ICMPBurst)
	y.loopOn.Init(l, y.drainLooped)
	x.Handle(ip.V6, wire.ICMPv6, icmp{y})
	return y
}

// Attach puts IPv6 on an interface.
func (y *Layer) Attach(i *iface.Iface) {
	if y.link(i) != nil {
		return
	}
	y.links = append(y.links, &link{Iface: i})
	i.Handle(iface.IPv6, y)
	i.Watch(y.refresh)
	y.groups.hold(i, ipv6.AllNodesHere) // RFC 4291, 2.8
	y.groups.hold(i, ipv6.AllNodes)
	if y.c.Forwarding.On() && !i.Loopback {
		for _, g := range [...]Addr{ipv6.AllRouters, ipv6.AllRoutersSite} {
			y.SetFilter(routers{}, i, g.Netip(), ip.Filter{Exclude: true})
		}
	}
	y.refresh()
}

// Detach takes IPv6 off an interface that is down and has no addresses any more.
func (y *Layer) Detach(i *iface.Iface) {
	y.reasm.detach(i)
	y.dests.detach(i)
	y.groups.detach(y, i)
	y.links = slices.DeleteFunc(y.links, func(l *link) bool { return l.Iface == i })
	y.last = nil
	y.refresh()
}

// Attached tells whether an interface has IPv6.
func (y *Layer) Attached(i *iface.Iface) bool { return y.link(i) != nil }

// Close frees what is held.
func (y *Layer) Close() {
	y.reasm.clear()
	y.looped.Clear()
	y.loopedIn = nil
	y.loopOn.Stop()
}

// link is an interface's; nil when it has no IPv6.
func (y *Layer) link(i *iface.Iface) *link {
	if y.last != nil && y.last.Iface == i {
		return y.last
	}
	for _, l := range y.links {
		if l.Iface == i {
			y.last = l
			return l
		}
	}
	return nil
}

// SetHopLimit sets the hop limit that packets leave an interface with unless their sender says otherwise (RFC 4861, 6.3.4).
func (y *Layer) SetHopLimit(i *iface.Iface, n uint8) {
	if l := y.link(i); l != nil {
		l.hopLimit = n
	}
}

// SetDisabled takes an interface out of use for IPv6, or into it again (RFC 4862, 5.4.5).
func (y *Layer) SetDisabled(i *iface.Iface, disabled bool) {
	if l := y.link(i); l != nil {
		l.disabled = disabled
	}
}

// HopLimit is that of an interface.
func (y *Layer) HopLimit(i *iface.Iface) uint8 {
	if l := y.link(i); l != nil && l.hopLimit != 0 {
		return l.hopLimit
	}
	return uint8(y.c.HopLimit)
}

// SetMTU sets what a router says is the MTU of an interface's link; 0: none said.
func (y *Layer) SetMTU(i *iface.Iface, octets int) {
	if l := y.link(i); l != nil {
		l.mtu = octets
	}
}

// MTU is the largest packet that an interface sends.
func (y *Layer) MTU(i *iface.Iface) int {
	mtu := i.MTU()
	if l := y.link(i); l != nil && l.mtu >= ipv6.MinMTU {
		mtu = min(mtu, l.mtu)
	}
	return mtu
}

// Unreachable implements iface.L3: the next hop of a packet did not answer.
func (y *Layer) Unreachable(out *iface.Iface, p *packet.Packet) {
	h, payload, err := ipv6.Parse(p.Bytes())
	if err != nil {
		p.Free()
		return
	}
	y.unreachable(out, h.Dst)
	if !y.isOwn(h.Src) { // RFC 4861, 7.2.2; a router's hop limit has been taken off, which RFC 4443 does not mind
		y.sendError(out, p, addressUnreachable)
	} else if proto, at, fragment, ok := ipv6.Upper(h.NextHeader, payload); ok && !fragment {
		l := y.link(out)
		y.fate = ip.Error{
			Fate: ip.HostUnreachable, Src: l.netip(h.Src), Dst: l.netip(h.Dst), Protocol: proto, Quote: payload[at:],
		}
		y.demux.Error(&y.fate)
	}
	p.Free()
}

// unreachable takes in that the next hop to a destination did not answer: a redirect to it is forgotten, a gateway passed
// over for a while, and another default router has its turn.
func (y *Layer) unreachable(out *iface.Iface, dst Addr) {
	now := y.loop.Now()
	if x := y.dests.of(dst); x != nil && x.out == out {
		y.dests.forgetHop(dst)
	} else if r, ok := y.Routes.Lookup(dst.Netip(), out, now); ok {
		if r.Gateway.IsValid() {
			y.Routes.Dead(r.Gateway, now+gatewayDead, now)
		}
	} else if y.Neighbours != nil {
		if router, on, ok := y.Neighbours.Router(dst, out); ok {
			y.Neighbours.Failed(on, router)
		}
	}
}
