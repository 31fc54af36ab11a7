// Package register is Neighbor Discovery for links on which nothing should be multicast, of 6LoWPAN: hosts register their
// addresses with routers (RFC 6775, RFC 8505).
//
// Three roles, by configuration. A host asks for routers, registers each of its addresses with some of them and does so
// anew well before the registration ends (host, solicit). A router keeps what is registered with it, which is what is on
// its link, and answers hosts one by one (router, advertise); before it accepts an address it asks the border router
// whether somebody else has it (duplicate). A border router is the authority on prefixes and contexts, and knows all
// addresses (border). A router that is not the border begins as a host: it advertises what the border routers said, once
// it has an address itself (multihop).
//
// Two RFCs differ in what is registered: the source of a solicitation whose target is the router (RFC 6775), or its target,
// from a link-local source (RFC 8505). A host does the latter with routers that said they know it. A router tells the two
// apart by the target: is it the router's own, the source is registered.
//
// What surprises people: a registration is no cache. A neighbour that does not answer stays until its lifetime ends
// (RFC 6775, 6), and nobody who has not registered is on the link, link-local addresses apart.
//
// Package nd calls this one as its Registry; what is learned of routers and prefixes stays there.
package register

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// An Addr is an address without a zone.
type Addr = wire6.Addr

const forever = time.Duration(1<<63 - 1)

// Of RFC 6775, 9, and of RFC 4861, 10, what is not configured.
const (
	solicitInterval    = 10 * time.Second // RTR_SOLICITATION_INTERVAL
	maxSolicits        = 3                // MAX_RTR_SOLICITATIONS
	maxSolicitInterval = time.Minute      // MAX_RTR_SOLICITATION_INTERVAL
	maxUnicastSolicit  = 3
	tentativeLifetime  = 20 * time.Second // TENTATIVE_NCE_LIFETIME
	multihopHopLimit   = 64               // MULTIHOP_HOPLIMIT
	maxAdverts         = 3                // MAX_RTR_ADVERTISEMENTS
	minBetweenAdverts  = 10 * time.Second // MIN_DELAY_BETWEEN_RAS
	maxAdvertDelay     = 2 * time.Second  // MAX_RA_DELAY_TIME
	defaultABROMinutes = 10000            // that lifetime 0 of a border router stands for (4.3)
)

// Addresses is whoever configures addresses.
type Addresses interface {
	// Registered is told that an address is this station's alone.
	Registered(i *iface.Iface, a Addr)
	// Refused is told that somebody else has an address.
	Refused(i *iface.Iface, a Addr)
}

// An Event tells of a registration that came, was changed or went: what a routing protocol wants to know (RFC 6775, 6.5.3).
type Event struct {
	Iface *iface.Iface
	Addr  netip.Addr
	Link  link.Addr // where the station is that registered it
	Known bool
	Reach bool // the station does not see to it itself that it is reached (RFC 8505, 5.1)
}

// Register is the registration of addresses on a node.
type Register struct {
	Addresses Addresses
	OnEvent   func(Event) // on a router; may be nil

	loop   *clock.Loop
	ipv6   *ipv6.Layer
	nd     *nd.ND
	config config.Config
	c      config.Registration
	links  []*Link
	buf    []byte
}

// New makes the registration of a node and tells IPv6 of it. The configuration is resolved.
func New(l *clock.Loop, c config.Config, y *ipv6.Layer, n *nd.ND) *Register {
	r := &Register{loop: l, ipv6: y, nd: n, config: c, c: c.Registration}
	y.Registering = r
	return r
}

// A Link is an interface on which addresses are registered.
type Link struct {
	*iface.Iface
	r        *Register
	nd       *nd.Link
	contexts Contexts // nil for none
	id       icmpv6.ROVR

	// As a host.
	own    []*own
	with   []*registrar
	lost   []*registrar                       // that did not answer any more
	list   struct{ chosen, all []*registrar } // of doWork, to be used again
	work   clock.Timer                        // the next thing to do about registrations
	asking solicitation

	// As a router.
	nodes     map[Addr]*node
	uses      uint64
	expiry    clock.Timer // of the first node
	advertise advertiser
	borders   []*record // what border routers said
	border    *border   // on the border router
}

// Attach has the addresses of an interface be registered. It comes before anything else is done about IPv6 there. The
// interface has link addresses of six or eight octets.
func (r *Register) Attach(i *iface.Iface, contexts Contexts) *Link {
	if l := r.Link(i); l != nil {
		return l
	}
	l := &Link{Iface: i, r: r, nd: r.nd.Attach(i), contexts: contexts, nodes: map[Addr]*node{}}
	l.id = identity(i)
	l.work.Init(r.loop, l.doWork)
	l.expiry.Init(r.loop, l.expire)
	l.asking.init(l)
	l.advertise.init(l)
	if l.isBorder() {
		l.border = newBorder(l)
	}
	r.links = append(r.links, l)
	l.nd.SetRegistry(l)
	return l
}

// identity is the EUI-64 of an interface, unmodified (RFC 6775, 4.1).
func identity(i *iface.Iface) icmpv6.ROVR {
	var b [8]byte
	if all := i.Link().Addrs(); len(all) > 0 {
		if x, ok := wire6.Identifier(all[0]); ok {
			a := Addr{}.WithIdentifier(x)
			copy(b[:], a[8:])
			b[0] ^= 2
		}
	}
	v, _ := icmpv6.ROVRFrom(b[:])
	return v
}

// Link is an interface's; nil for one on which nothing is registered.
func (r *Register) Link(i *iface.Iface) *Link {
	for _, l := range r.links {
		if l.Iface == i {
			return l
		}
	}
	return nil
}

// Detach ends the registration on an interface.
func (r *Register) Detach(i *iface.Iface) {
	if l := r.Link(i); l != nil {
		l.stop()
		l.nd.SetRegistry(nil)
		r.links = slices.DeleteFunc(r.links, func(x *Link) bool { return x == l })
	}
}

// Close stops all timers.
func (r *Register) Close() {
	for _, l := range r.links {
		l.stop()
	}
}

func (l *Link) stop() {
	l.work.Stop()
	l.expiry.Stop()
	l.asking.stop()
	l.advertise.stop()
	if l.border != nil {
		l.border.timer.Stop()
		l.border.changes.Stop()
	}
}

// Reset implements nd.Registry: the link may be another one when it comes back.
func (l *Link) Reset() {
	l.stop()
	l.with, l.lost = nil, nil
	l.borders = nil
	for _, n := range l.sorted() {
		l.removeNode(n)
	}
	for id := range uint8(16) {
		l.removeContext(id)
	}
	l.advertise.begun = false
}

// isRouter tells whether the node forwards, isBorder whether it is the border router, extended whether it knows RFC 8505.
func (l *Link) isRouter() bool { return l.r.config.IPv6.Forwarding.On() }
func (l *Link) isBorder() bool { return l.isRouter() && l.r.c.BorderRouter.On() }
func (l *Link) extended() bool { return l.r.c.Extended.On() }
func (l *Link) now() time.Duration {
	return l.r.loop.Now()
}

// capabilities is what this node tells of itself.
func (l *Link) capabilities() (c icmpv6.Capability) {
	if l.r.config.Lowpan.GHC.On() {
		c |= icmpv6.CanGHC
	}
	if !l.isRouter() {
		return c
	}
	c |= icmpv6.CanRegister | icmpv6.IsRouter
	if l.isBorder() {
		c |= icmpv6.IsBorderRouter | icmpv6.CanExtendDuplicate
	}
	for _, b := range l.borders {
		c |= b.caps & icmpv6.CanExtendDuplicate // RFC 8505, 4.3: learned, and passed on
	}
	return c
}

// global is an address of the interface that is not link-local, in use; ok is false without one.
func (l *Link) global() (Addr, bool) {
	for _, a := range l.Iface.Addresses() {
		if x, ok := wire6.AddrFrom(a.Addr()); ok && !a.Tentative && !x.IsLinkLocal() {
			return x, true
		}
	}
	return Addr{}, false
}

// onLink is the route to a station that registered.
func (l *Link) onLink(a Addr) ip.Route {
	return ip.Route{Prefix: netip.PrefixFrom(a.Netip(), 128), Out: l.Iface}
}

func (l *Link) ignored() { l.Iface.Stats.Drop(stats.NDIgnored) }
func (l *Link) invalid() { l.Iface.Stats.Drop(stats.NDInvalid) }

// eachOption calls f with the octets of each option; they were parsed before.
func eachOption(b []byte, f func(t icmpv6.OptionType, b []byte)) {
	for len(b) > 0 {
		o, rest, err := icmpv6.ParseOption(b)
		if err != nil {
			return
		}
		f(o.Type, b[:o.Len()])
		b = rest
	}
}

// findOption is the first option of a type; nil for none.
func findOption(b []byte, t icmpv6.OptionType) []byte {
	for len(b) > 0 {
		o, rest, err := icmpv6.ParseOption(b)
		if err != nil {
			return nil
		}
		if o.Type == t {
			return b[:o.Len()]
		}
		b = rest
	}
	return nil
}
