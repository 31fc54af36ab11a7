package register

import (
	"cmp"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// A node is what has been registered with this router: an address and where it is (RFC 6775, 3.5; RFC 8505, 5.7).
type node struct {
	l         *Link
	addr      Addr
	at        link.Addr
	option    icmpv6.Registration // as it was registered last
	tentative bool                // the border router has not said yet that it is nobody else's
	until     time.Duration
	used      uint64 // when it was registered

	// While the border router is asked.
	question question
	reply    request // that waits for it
}

// request is a solicitation that registers something, as far as its answer needs it.
type request struct {
	src, dst Addr // of the solicitation
	target   Addr
	source   link.Addr
	option   icmpv6.Registration
	byTarget bool // as RFC 8505 has it
	addr     Addr // registered
}

// Solicited implements nd.Registry: a router checks and takes in a registration (RFC 6775, 6.5; RFC 8505, 5.6). Any other
// solicitation is answered as always.
func (l *Link) Solicited(h *nd.Heard, target Addr) bool {
	b := findOption(h.Options, icmpv6.RegistrationOption)
	if b == nil || !l.isRouter() || h.Src.IsUnspecified() || h.Source.IsZero() {
		return false
	}
	o, _, err := icmpv6.ParseRegistration(b)
	if err != nil || o.Status != 0 || !l.extended() && o.ROVR.Len() != 8 { // 6.5: silently
		l.invalid()
		return true
	}
	o.Rest = 0
	q := request{src: h.Src, dst: h.Dst, target: target, source: h.Source, option: o, addr: h.Src}
	ours := l.r.ipv6.Has(l.Iface, target)
	switch {
	case l.extended() && o.Extended && !ours:
		q.byTarget, q.addr = true, target
	case !ours: // it is about somebody else
		return false
	}
	if s, bad := l.judge(&q); bad {
		l.answer(&q, s)
		return true
	}
	l.register(&q)
	return true
}

// judge looks at what RFC 8505 has a status for: the source, and whether the address is of the network.
func (l *Link) judge(q *request) (s icmpv6.Status, bad bool) {
	if !q.byTarget {
		return 0, false
	}
	if !q.src.IsLinkLocal() {
		return icmpv6.InvalidSource, true
	}
	if n := l.nodes[q.src]; q.src != q.addr && n != nil && n.option.ROVR != q.option.ROVR {
		return icmpv6.DuplicateSource, true
	}
	if q.addr.IsUnspecified() || q.addr.IsLoopback() || !q.addr.IsLinkLocal() && !l.belongs(q.addr) {
		return icmpv6.Incorrect, true
	}
	return 0, false
}

// register takes in a registration.
func (l *Link) register(q *request) {
	n, o := l.nodes[q.addr], q.option
	switch {
	case n != nil && n.option.ROVR != o.ROVR:
		if !n.tentative { // RFC 6775, 8.2: while the other one is being asked for, it waits
			l.answer(q, icmpv6.DuplicateAddress)
		}
		return
	case n != nil && !n.tentative && stale(n.option, o):
		l.answer(q, icmpv6.Moved)
		return
	case o.Lifetime == 0:
		if n != nil {
			l.removeNode(n)
			l.report(q)
		}
		l.answer(q, icmpv6.Registered)
		return
	case n == nil:
		if n = l.newNode(q); n == nil {
			l.answer(q, icmpv6.CacheFull)
			return
		}
	}
	fresh := n.until == 0
	n.at, n.option, n.reply = q.source, o, *q
	l.uses++
	n.used = l.uses
	switch {
	case fresh && l.asksBorder(q.addr):
		n.tentative, n.until = true, l.now()+tentativeLifetime
		n.ask()
	case n.tentative: // asked for already
	case fresh && l.border != nil && !q.addr.IsLinkLocal():
		s := l.border.decide(duplicateOf(q), Addr{})
		if s != icmpv6.Registered {
			l.forgetNode(n)
			l.answer(q, s)
			return
		}
		l.accept(n)
	default:
		if !fresh && l.border != nil && !q.addr.IsLinkLocal() {
			l.border.decide(duplicateOf(q), Addr{})
		}
		l.accept(n)
		if !fresh && l.asksBorder(q.addr) { // RFC 8505, 5.7: it is told, while the host has its answer
			n.ask()
		}
	}
	l.arm()
}

// stale tells whether a registration is not the latest (RFC 8505, 5.2.1): what cannot be told apart changes nothing.
func stale(known, o icmpv6.Registration) bool {
	if !known.Extended || !o.Extended {
		return false
	}
	a := compareTID(o.TID, known.TID)
	return a == older || a == unknown
}

// newNode makes an entry; nil when there is no room (RFC 6775, 6.5.3). A node that has too many loses the one that it
// registered longest ago, but not its last link-local one (RFC 8505, 7).
func (l *Link) newNode(q *request) *node {
	if most := l.r.c.PerNode; most > 0 {
		var mine []*node
		linkLocals := 0
		for _, n := range l.nodes {
			if n.at == q.source {
				mine = append(mine, n)
				if n.addr.IsLinkLocal() {
					linkLocals++
				}
			}
		}
		if len(mine) >= most {
			slices.SortFunc(mine, func(a, b *node) int { return cmp.Compare(a.used, b.used) })
			for _, n := range mine {
				if !n.addr.IsLinkLocal() || linkLocals > 1 {
					l.removeNode(n)
					break
				}
			}
		}
	}
	if len(l.nodes) >= l.r.c.Neighbors {
		return nil
	}
	n := &node{l: l, addr: q.addr}
	n.question.init(n)
	l.nodes[q.addr] = n
	return n
}

// accept makes a registration count, and says so.
func (l *Link) accept(n *node) {
	n.tentative = false
	n.until = l.now() + time.Duration(n.option.Lifetime)*time.Minute
	l.nd.Cache().Pin(n.addr.Netip(), n.at)
	if !n.addr.IsLinkLocal() {
		l.r.ipv6.Routes.Add(l.onLink(n.addr))
	}
	l.tell(n, true)
	l.answer(&n.reply, icmpv6.Registered)
	l.arm()
}

// removeNode ends a registration.
func (l *Link) removeNode(n *node) {
	counted := !n.tentative && n.until != 0
	l.forgetNode(n)
	if !counted {
		return
	}
	l.nd.Cache().Remove(n.addr.Netip())
	if !n.addr.IsLinkLocal() {
		l.r.ipv6.Routes.Remove(l.onLink(n.addr))
	}
	l.tell(n, false)
}

func (l *Link) forgetNode(n *node) {
	n.question.timer.Stop()
	delete(l.nodes, n.addr)
}

func (l *Link) tell(n *node, known bool) {
	if f := l.r.OnEvent; f != nil {
		f(Event{Iface: l.Iface, Addr: n.addr.Netip(), Link: n.at, Known: known, Reach: n.option.Reach || !n.option.Extended})
	}
}

// sorted is the nodes in the order of their addresses, so that what is done about them is done alike each time.
func (l *Link) sorted() []*node {
	all := make([]*node, 0, len(l.nodes))
	for _, n := range l.nodes {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b *node) int { return slices.Compare(a.addr[:], b.addr[:]) })
	return all
}

// arm sets the timer for the first end of a registration.
func (l *Link) arm() {
	first := forever
	for _, n := range l.nodes {
		first = min(first, n.until)
	}
	if first == forever {
		l.expiry.Stop()
		return
	}
	l.expiry.Set(first)
}

// expire removes what has ended (RFC 6775, 6.5.3).
func (l *Link) expire() {
	now := l.now()
	for _, n := range l.sorted() {
		if now >= n.until {
			l.removeNode(n)
		}
	}
	l.arm()
}

// answer sends the advertisement that tells how a registration went. An error about the source of a solicitation does not
// go back there, where somebody else may be, but to the link-local address of the EUI-64 (RFC 6775, 6.5.2).
func (l *Link) answer(q *request, s icmpv6.Status) {
	o := q.option
	o.Status = s
	src, dst, at := q.dst, q.src, q.source
	if src.IsMulticast() || !l.r.ipv6.Has(l.Iface, src) {
		var ok bool
		if src, ok = l.r.ipv6.LinkLocal(l.Iface); !ok {
			return
		}
	}
	if s != icmpv6.Registered && !q.byTarget && o.ROVR.Len() == 8 {
		dst, at = l.errorTo(o.ROVR)
	}
	l.sendAnswer(src, dst, at, q.target, o)
}

// errorTo is the link-local address of an EUI-64, and where it is.
func (l *Link) errorTo(r icmpv6.ROVR) (Addr, link.Addr) {
	var a Addr
	b := r.First64()
	b[0] ^= 2
	copy(a[8:], b[:])
	_, id := a.Halves()
	n := 8
	if own := l.Iface.Link().Addrs(); len(own) > 0 {
		n = own[0].Len()
	}
	at, _ := wire6.LinkOf(id, n)
	return wire6.LinkLocal.WithIdentifier(id), at
}

func (l *Link) sendAnswer(src, dst Addr, at link.Addr, target Addr, o icmpv6.Registration) {
	m := icmpv6.AppendNeighbor(l.r.buf[:0], icmpv6.Neighbor{Type: icmpv6.NeighborAdvert, Router: true, Solicited: true, Target: target})
	m = icmpv6.AppendRegistration(m, o)
	l.r.buf = m[:0]
	l.nd.Send(src, dst, at, m)
}

// unasked tells a node that its registration is over, though it did not ask (RFC 8505, 5.7).
func (l *Link) unasked(n *node, s icmpv6.Status) {
	src, ok := l.r.ipv6.LinkLocal(l.Iface)
	if !ok {
		return
	}
	o := n.option
	o.Status = s
	l.sendAnswer(src, n.reply.src, n.at, n.addr, o)
}

// Registrations are the addresses that are registered, in their order.
func (l *Link) Registrations() (all []Event) {
	for _, n := range l.sorted() {
		if !n.tentative {
			all = append(all, Event{Iface: l.Iface, Addr: n.addr.Netip(), Link: n.at, Known: true, Reach: n.option.Reach || !n.option.Extended})
		}
	}
	return all
}
