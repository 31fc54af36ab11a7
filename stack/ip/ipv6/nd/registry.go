package nd

import (
	"time"

	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// A Registry takes the place of what is multicast in RFC 4861, on a link on which addresses are registered with routers
// (RFC 6775): nobody is asked where a neighbour is, routers answer one host at a time, and hosts refresh what they know.
// It is told of messages that are valid.
type Registry interface {
	// Solicited is told of a neighbor solicitation; true: nothing else is to be done about it.
	Solicited(h *Heard, target Addr) bool
	// Advertised is told of a neighbor advertisement, likewise.
	Advertised(h *Heard, target Addr) bool
	// RouterSolicited is told of a router solicitation, and does all there is to do.
	RouterSolicited(h *Heard)
	// RouterAdvertised is told of a router advertisement; false: nothing in it is to be believed.
	RouterAdvertised(h *Heard, ra icmpv6.RouterAdvertisement) bool
	// RouterChanged is told that a default router came, or went.
	RouterChanged(a Addr, known bool)
	// SolicitRouters begins to ask for routers.
	SolicitRouters()
	// Reset forgets what was learned: the link went away.
	Reset()
}

// Heard is a message, with the link addresses that it tells.
type Heard struct {
	*ipv6.Message
	Source, Target link.Addr
	Options        []byte
}

// SetRegistry has the addresses of a link be registered from now on.
func (l *Link) SetRegistry(r Registry) { l.registry = r }

// heard is a message as a Registry sees it; one at a time.
func (m *message) heard(l *Link) *Heard {
	h := &l.nd.heard
	*h = Heard{m.Message, m.options.source, m.options.target, m.options.all}
	return h
}

// Send sends a message of Neighbor Discovery. to may be the zero address: it is found out, or follows from a group.
func (l *Link) Send(src, dst Addr, to link.Addr, m []byte) {
	n := l.nd
	if n.ipv6.SendMessage(ipv6.Raw{Out: l.Iface, Src: src, Dst: dst, Link: to, HopLimit: hopLimit}, m) {
		l.Stats.ND.Sent++
	}
}

// LinkOf is the link address that this station gives with an address of its own: the one that the address was made of, if
// it has several (RFC 4944, 6), else the lasting one.
func (l *Link) LinkOf(own Addr) link.Addr {
	all := l.Iface.Link().Addrs()
	_, id := own.Halves()
	for _, a := range all {
		if x, ok := wire6.Identifier(a); ok && x == id {
			return a
		}
	}
	return l.own()
}

// resolve is where a neighbour is, without asking: as it said, or by the identifier of a link-local address (RFC 6775, 5.6).
func (l *Link) resolve(to Addr) (at link.Addr, ok bool) {
	if s, at := l.cache.State(to.Netip()); s != neigh.None && !at.IsZero() {
		return at, true
	}
	if !to.IsLinkLocal() {
		return link.Addr{}, false
	}
	_, id := to.Halves()
	return wire6.LinkOf(id, l.own().Len())
}

// ForgetRouter takes a router from the list of default routers, and its routes from theirs.
func (l *Link) ForgetRouter(a Addr) {
	if k := l.findRouter(a); k >= 0 {
		l.removeRouter(k)
		l.nd.ipv6.ForgetHop(l.Iface, a)
	}
	l.removeWays(a)
}

// lost is told that a neighbour no longer answers. A router that does not is none any more (RFC 6775, 5.5.3).
func (l *Link) lost(a Addr) {
	if l.registry != nil {
		l.ForgetRouter(a)
	}
}

// RouterUntil is until when a router is one; ok is false when it is none.
func (l *Link) RouterUntil(a Addr) (until time.Duration, ok bool) {
	if k := l.findRouter(a); k >= 0 {
		return l.routers[k].until, true
	}
	return 0, false
}

// RandomDelay draws a delay of at most so long.
func (l *Link) RandomDelay(most time.Duration) time.Duration { return l.nd.within(most) }
