// Package nd is Neighbor Discovery (RFC 4861): where neighbours are on the link, which routers there are, what they
// advertise; and, on a router, the advertisements.
//
// Messages come from package ipv6 with their checksum right; each is validated (message) before anything is believed. What
// is known of neighbours is in a cache of package neigh for each interface, for which this package asks (neighbour).
// Routers and prefixes are lists with lifetimes (router, prefix). A host solicits routers (solicit); a router advertises
// itself (advertise).
//
// Not here: addresses, their configuration and the detection of duplicates. Whoever does that is told of messages that
// concern it (Addresses).
package nd

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// An Addr is an address without a zone.
type Addr = wire6.Addr

// Of RFC 4861, 10, what is not configured.
const (
	maxRandomFactor = 1.5
	minRandomFactor = 0.5
	reachableRenew  = 2 * time.Hour // after which a new ReachableTime is drawn (6.3.4: "a few hours")
	hopLimit        = 255           // of every message
)

// Addresses is whoever configures addresses.
type Addresses interface {
	// Solicited is told of a solicitation for an address. It is true when the address is tentative: then nothing else is to
	// be done about it (RFC 4862, 5.4.3). dad says that it came from ::.
	Solicited(i *iface.Iface, target Addr, dad bool, nonce []byte) (tentative bool)
	// Advertised is told of an advertisement for an address, and true in the same case (RFC 4862, 5.4.4).
	Advertised(i *iface.Iface, target Addr) (tentative bool)
	// Prefix is told of a prefix from which addresses are to be formed (RFC 4862, 5.5.3).
	Prefix(i *iface.Iface, p icmpv6.Prefix)
}

// ND is Neighbor Discovery on a node.
type ND struct {
	Addresses Addresses  // nil for nobody
	Events    event.Sink // is told of routers, prefixes, servers; may be nil

	loop   *clock.Loop
	ipv6   *ipv6.Layer
	config config.Config
	c      config.IPv6
	random *rand.Rand // of delays and times
	links  []*Link
	last   *Link
	prompt Addr   // the source of the packet that asks for a neighbour now
	buf    []byte // for messages being made
	opts   options
	heard  Heard
}

// New makes Neighbor Discovery for a node and tells IPv6 of it. The configuration is resolved.
func New(l *clock.Loop, c config.Config, y *ipv6.Layer) *ND {
	n := &ND{loop: l, ipv6: y, config: c, c: c.IPv6, random: random.New(c.Seed, "nd")}
	y.Neighbours = n
	return n
}

// A Link is an interface with Neighbor Discovery.
type Link struct {
	*iface.Iface
	nd    *ND
	cache *neigh.Cache

	base, retrans time.Duration // ReachableTime as told, RetransTimer
	renew         time.Duration // when another ReachableTime is drawn

	routers  []router // in the order in which they came
	turn     int      // of routers of which none is reachable (6.3.6)
	prefixes []prefix
	ways     []way // longest prefixes first, of equals the higher preference
	assigned []assignment
	servers  repository[Addr]
	domains  repository[string]
	expiry   clock.Timer // of the first of all these

	Managed, Other bool // as the last advertisement says: RFC 4861, 4.2

	solicits  clock.Timer // to the next router solicitation
	asked     int
	answered  bool
	interval  time.Duration
	advertise *advertiser // on a router
	registry  Registry    // nil: as RFC 4861 says
	later     []delayed   // answers of anycast addresses
	laterOn   clock.Timer // to the first of them
}

// Attach begins Neighbor Discovery on an interface, which IPv6 is attached to.
func (n *ND) Attach(i *iface.Iface) *Link {
	if l := n.Link(i); l != nil {
		return l
	}
	l := &Link{Iface: i, nd: n, base: n.c.ReachableTime, retrans: n.c.RetransTimer}
	l.cache = neigh.New(n.loop, prober{l}, i.Stats, neigh.Config{
		Entries: n.entries(), Pending: n.config.NeighPending,
		ReachableTime: l.base, DelayFirstProbe: n.config.NeighDelay, RetransTimer: l.retrans,
		MulticastSolicit: n.config.NeighRequests, UnicastSolicit: n.config.NeighRequests,
		Patient: n.c.NeighborUnreachable.On(), Watch: l.neighbour,
		Lost: func(a netip.Addr) { l.lost(a.As16()) },
	})
	l.expiry.Init(n.loop, l.expire)
	l.solicits.Init(n.loop, l.solicit)
	l.laterOn.Init(n.loop, l.sendLater)
	l.drawReachable()
	n.links = append(n.links, l)
	return l
}

// entries is how many neighbours are known at a time. Those that register are beside the others, which they never push out.
func (n *ND) entries() int {
	if r := &n.config.Registration; r.Enabled.On() && n.c.Forwarding.On() {
		return n.c.Neighbors + r.Neighbors
	}
	return n.c.Neighbors
}

// Detach ends Neighbor Discovery on an interface.
func (n *ND) Detach(i *iface.Iface) {
	l := n.Link(i)
	if l == nil {
		return
	}
	l.Reset()
	l.stopAdvertiser()
	n.links = slices.DeleteFunc(n.links, func(x *Link) bool { return x == l })
	n.last = nil
}

// Link is an interface's; nil for one that is not attached.
func (n *ND) Link(i *iface.Iface) *Link {
	if n.last != nil && n.last.Iface == i {
		return n.last
	}
	for _, l := range n.links {
		if l.Iface == i {
			n.last = l
			return l
		}
	}
	return nil
}

// Cache is what is known of neighbours on the link.
func (l *Link) Cache() *neigh.Cache { return l.cache }

// RetransTimer is the time between two solicitations (RFC 4861, 6.3.2).
func (l *Link) RetransTimer() time.Duration { return l.retrans }

// Reset forgets all that was learned on a link: it may be another one now.
func (l *Link) Reset() {
	l.solicits.Stop()
	l.dropLater()
	if l.registry != nil {
		l.registry.Reset()
	}
	l.cache.Clear()
	for len(l.routers) > 0 {
		l.removeRouter(0)
	}
	for len(l.prefixes) > 0 {
		l.removePrefix(0)
	}
	for len(l.ways) > 0 {
		l.removeWay(0)
	}
	l.servers.expire(forever, l.serverGone)
	l.domains, l.assigned = nil, nil
	l.expiry.Stop()
	l.base, l.retrans = l.nd.c.ReachableTime, l.nd.c.RetransTimer
	l.drawReachable()
	l.nd.ipv6.SetHopLimit(l.Iface, 0)
	l.nd.ipv6.SetMTU(l.Iface, 0)
}

// Close stops all timers and frees packets.
func (n *ND) Close() {
	for _, l := range n.links {
		l.solicits.Stop()
		l.dropLater()
		l.expiry.Stop()
		l.cache.Clear()
		l.stopAdvertiser()
	}
}

// drawReachable draws the time for which a neighbour is trusted: half to one and a half of what was told (RFC 4861, 6.3.2).
func (l *Link) drawReachable() {
	n := l.nd
	f := minRandomFactor + (maxRandomFactor-minRandomFactor)*n.random.Float64()
	l.cache.SetTimes(time.Duration(f*float64(l.base)), l.retrans)
	l.renew = n.loop.Now() + reachableRenew
}

// own is the link address that messages tell; the zero Addr on a link without addresses.
func (l *Link) own() link.Addr {
	if a := l.Iface.Link().Addrs(); len(a) > 0 {
		return a[0]
	}
	return link.Addr{}
}

// neighbour raises the events of a neighbour.
func (l *Link) neighbour(a netip.Addr, at link.Addr, known bool) {
	c := event.IPv6NbrDel
	if known {
		c = event.IPv6NbrAdd
	}
	event.Raise(l.nd.Events, event.Event{Code: c, Iface: l.Index, Addr: a, Link: at})
}

// tell raises an event of a router or a server. until is when it is over.
func (n *ND) tell(l *Link, c event.Code, a Addr, until time.Duration) {
	event.Raise(n.Events, event.Event{Code: c, Iface: l.Index, Addr: a.Netip(), Lifetime: n.lasts(until)})
}

// lasts is how long from now something lasts; negative for ever.
func (n *ND) lasts(until time.Duration) time.Duration {
	if until == forever {
		return -1
	}
	return max(0, until-n.loop.Now())
}

// send sends a message of Neighbor Discovery.
func (n *ND) send(l *Link, src, dst Addr, to link.Addr, m []byte) {
	n.buf = m[:0]
	if n.ipv6.SendMessage(ipv6.Raw{Out: l.Iface, Src: src, Dst: dst, Link: to, HopLimit: hopLimit}, m) {
		l.Stats.ND.Sent++
	}
}

// within draws a delay in [0, most].
func (n *ND) within(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(n.random.Int64N(int64(most) + 1))
}
