package register

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// own is an address of this station.
type own struct {
	addr Addr
	tid  uint8 // of the latest transaction, the same with all routers (RFC 8505, 5.2)
	used bool  // tid was
	sure bool  // nobody else has it: it is made of the EUI-64, or somebody says so
}

// registrar is a default router, with which addresses are registered.
type registrar struct {
	addr    Addr
	caps    icmpv6.Capability // as its last advertisement says
	regs    []*registration
	asking  *registration // that it has not answered yet; one at a time, since an error does not name the address
	leaving bool          // it answers, but is used no more
	known   bool          // as a default router

	lifetime time.Duration // as its last advertisement says
	refresh  time.Duration // when it is asked anew
	asked    int           // how often it was, by unicast
}

// registration is an address at a router.
type registration struct {
	own   *own
	state regState
	tries int
	tid   uint8         // of the transaction that it was last asked for in
	sent  bool          // it was asked for: the router may have it, though its answer got lost
	due   time.Duration // when there is something to do
	until time.Duration // it lasts
}

type regState uint8

const (
	wanted regState = iota // to be registered, at due
	asked                  // and not answered yet
	held                   // registered: due is when it is done anew
	failed                 // the router refuses it: due is when it is tried anew
)

// retryRefused is how long an address waits that the network had no room for (RFC 8505, 5.7: "retry later").
const retryRefused = time.Minute

// Claim implements slaac.Registrar.
func (l *Link) Claim(a Addr, sure bool) {
	if l.findOwn(a) != nil {
		return
	}
	o := &own{addr: a, sure: sure}
	l.own = append(l.own, o)
	for _, g := range l.with {
		l.add(g, o)
	}
	l.work.Post()
	if l.isBorder() { // it is its own router
		l.border.claim(a)
	}
	l.advertise.ready()
}

// Release implements slaac.Registrar: the registrations of an address are ended (RFC 6775, 5.5; RFC 8505, 5.7).
func (l *Link) Release(a Addr) {
	k := slices.IndexFunc(l.own, func(o *own) bool { return o.addr == a })
	if k < 0 {
		return
	}
	o := l.own[k]
	l.own = slices.Delete(l.own, k, k+1)
	o.next()
	for _, g := range l.with {
		g.drop(l, o)
	}
	if l.isBorder() {
		l.border.release(a)
	}
}

func (l *Link) findOwn(a Addr) *own {
	for _, o := range l.own {
		if o.addr == a {
			return o
		}
	}
	return nil
}

func (o *own) next() {
	if o.used {
		o.tid = nextTID(o.tid)
	} else {
		o.tid, o.used = firstTID, true
	}
}

// add has an address be registered with a router, in a transaction with all the others (RFC 8505, 5.2).
func (l *Link) add(g *registrar, o *own) {
	if o.sure && o.addr.IsLinkLocal() && !l.speaks(g) { // RFC 6775, 3.3: the others are
		return
	}
	g.regs = append(g.regs, &registration{own: o, due: l.now()})
}

// drop ends a registration without waiting for an answer.
func (g *registrar) drop(l *Link, o *own) {
	k := slices.IndexFunc(g.regs, func(r *registration) bool { return r.own == o })
	if k < 0 {
		return
	}
	r := g.regs[k]
	g.regs = slices.Delete(g.regs, k, k+1)
	if g.asking == r {
		g.asking = nil
	}
	if r.until > l.now() || r.state == asked {
		r.tid = o.tid
		l.sendRegistration(g, r, 0)
	}
}

// speaks tells whether a router knows RFC 8505, and this node as well.
func (l *Link) speaks(g *registrar) bool { return l.extended() && g.caps&icmpv6.CanRegister != 0 }

// RouterChanged implements nd.Registry.
func (l *Link) RouterChanged(a Addr, known bool) {
	k := slices.IndexFunc(l.with, func(g *registrar) bool { return g.addr == a })
	if k < 0 {
		return
	}
	g := l.with[k]
	if known {
		g.known = true
		l.work.Post()
		return
	}
	l.with = slices.Delete(l.with, k, k+1)
	if s, _ := l.nd.Cache().State(a.Netip()); s != neigh.None && s != neigh.Unreachable && g.leaving { // RFC 6775, 5.5
		for _, r := range g.regs {
			if r.until > l.now() {
				l.sendRegistration(g, r, 0)
			}
		}
	}
	if !g.leaving && len(l.lost) < l.r.config.IPv6.Routers {
		l.lost = append(l.lost, g)
	}
	l.work.Post()
	switch {
	case l.hasWay():
	case l.isRouter(): // those who go by this router should know before they answer it
		l.advertise.news()
		l.asking.begin(minBetweenAdverts + maxAdvertDelay)
	default:
		l.asking.begin(0)
	}
}

// hasWay tells whether there is a default router.
func (l *Link) hasWay() bool {
	return slices.ContainsFunc(l.with, func(g *registrar) bool { return g.known })
}

// leave ends what is registered with routers that were lost, now that there is another one (RFC 8505, 5.7): they may have
// missed a few messages, no more. It is done in the transaction of then, so that nobody takes it for news.
func (l *Link) leave() {
	for _, g := range l.lost {
		for _, r := range g.regs {
			if r.sent && l.findOwn(r.own.addr) == r.own && l.registrarOf(g.addr, false) == nil {
				l.sendRegistration(g, r, 0)
			}
		}
	}
	l.lost = nil
}

// registrarOf is that of a router; it is made if create is true and there is room.
func (l *Link) registrarOf(a Addr, create bool) *registrar {
	for _, g := range l.with {
		if g.addr == a {
			return g
		}
	}
	if !create || len(l.with) >= l.r.config.IPv6.Routers {
		return nil
	}
	g := &registrar{addr: a, refresh: forever}
	l.with = append(l.with, g)
	return g
}

// chosen are the routers that are registered with: the first ones, those before others that know RFC 8505 (RFC 8505, 5). The
// list is good until the next one is asked for.
func (l *Link) chosen() []*registrar {
	all := l.list.chosen[:0]
	for _, good := range []bool{true, false} {
		for _, g := range l.with {
			if g.known && l.speaks(g) == good && len(all) < l.r.c.Registrars {
				all = append(all, g)
			}
		}
	}
	l.list.chosen = all
	return all
}

// doWork does what is due, and sets the timer for the next thing.
func (l *Link) doWork() {
	now := l.now()
	l.with = slices.DeleteFunc(l.with, func(g *registrar) bool { return !g.known }) // those for which there was no room
	chosen := l.chosen()
	for _, g := range chosen {
		for _, o := range l.own {
			if !slices.ContainsFunc(g.regs, func(r *registration) bool { return r.own == o }) {
				l.add(g, o)
			}
		}
	}
	l.transactions(chosen)
	for _, g := range chosen {
		l.pump(g)
	}
	next := forever
	for _, g := range l.with {
		next = min(next, g.refresh)
		if !slices.Contains(chosen, g) {
			continue
		}
		if g.asking != nil {
			next = min(next, g.asking.due)
			continue
		}
		for _, r := range g.regs {
			if r.state == held || r.state == failed {
				next = min(next, r.due)
			}
		}
	}
	l.list.all = append(l.list.all[:0], l.with...) // which changes meanwhile
	for _, g := range l.list.all {
		if now >= g.refresh {
			l.refreshRouter(g)
			next = min(next, g.refresh)
		}
	}
	if next == forever {
		l.work.Stop()
		return
	}
	l.work.Set(next)
}

// transactions begins one for each address of which a registration is due: with all routers (RFC 8505, 5.2).
func (l *Link) transactions(chosen []*registrar) {
	now := l.now()
	for _, o := range l.own {
		begin := false
		for _, g := range chosen {
			for _, r := range g.regs {
				begin = begin || r.own == o && now >= r.due && (r.state == held || r.state == failed || r.state == wanted && r.tries == 0)
			}
		}
		if !begin {
			continue
		}
		o.next()
		for _, g := range chosen {
			for _, r := range g.regs {
				if r.own != o || r.state == failed && now < r.due {
					continue
				}
				if g.asking == r {
					g.asking = nil
				}
				r.state, r.tries, r.due = wanted, 1, now // of this transaction
			}
		}
	}
}

// pump asks a router for the next registration, or once more for one that it has not answered.
func (l *Link) pump(g *registrar) {
	now := l.now()
	if r := g.asking; r != nil {
		if now < r.due {
			return
		}
		if r.tries >= maxUnicastSolicit { // as with Neighbor Unreachability Detection (RFC 6775, 5.5.3)
			g.asking = nil
			l.nd.ForgetRouter(g.addr)
			return
		}
		r.tries++
		l.ask(g, r)
		return
	}
	source, ok := l.source()
	if !ok {
		return
	}
	var next *registration
	for _, r := range g.regs {
		if r.state != wanted {
			continue
		}
		if l.speaks(g) && r.own.addr == source { // RFC 8505, 5.6: first, since the others are registered from it
			next = r
			break
		}
		if next == nil && (!l.speaks(g) || g.holds(source, now)) {
			next = r
		}
	}
	if next == nil {
		return
	}
	next.state, next.tries = asked, 1
	g.asking = next
	l.ask(g, next)
}

// ask sends a registration. The answer may take a while, since the router may have to ask the border router first: RETRANS_TIMER
// is the least that is waited (RFC 6775, 5.5), and each time it is twice as long.
func (l *Link) ask(g *registrar, r *registration) {
	r.due, r.tid, r.sent = l.now()+l.nd.RetransTimer()<<r.tries, r.own.tid, true
	l.sendRegistration(g, r, uint16(min(l.r.c.Lifetime/time.Minute, 0xffff)))
}

// sendRegistration sends a neighbor solicitation that registers an address, or ends its registration.
func (l *Link) sendRegistration(g *registrar, r *registration, minutes uint16) {
	o := icmpv6.Registration{Lifetime: minutes, ROVR: l.id}
	if l.extended() { // RFC 8505, 6.3: to either kind of router
		o.Extended, o.TID = true, r.tid
		o.Reach = !l.isRouter() // 5.1
	}
	src, target := r.own.addr, g.addr
	if l.speaks(g) { // 5.5, 5.6
		source, ok := l.source()
		if !ok {
			source = r.own.addr
		}
		src, target = source, r.own.addr
	}
	m := icmpv6.AppendNeighbor(l.r.buf[:0], icmpv6.Neighbor{Type: icmpv6.NeighborSolicit, Target: target})
	m = icmpv6.AppendLinkAddr(m, icmpv6.SourceLinkAddr, l.nd.LinkOf(r.own.addr))
	m = icmpv6.AppendRegistration(m, o)
	l.r.buf = m[:0]
	l.nd.Send(src, g.addr, link.Addr{}, m)
}

// source is the link-local address from which others are registered: the first.
func (l *Link) source() (Addr, bool) { return l.r.ipv6.LinkLocal(l.Iface) }

// holds tells whether a router has the registration of an address.
func (g *registrar) holds(a Addr, now time.Duration) bool {
	return slices.ContainsFunc(g.regs, func(r *registration) bool { return r.own.addr == a && r.until > now })
}

// Advertised implements nd.Registry: a router has answered, or tells what became of a registration (RFC 6775, 5.5.2).
func (l *Link) Advertised(h *nd.Heard, target Addr) bool {
	b := findOption(h.Options, icmpv6.RegistrationOption)
	if b == nil {
		return false
	}
	o, _, err := icmpv6.ParseRegistration(b)
	if err != nil || o.ROVR != l.id { // ignored, and so is what it would be told about an address of ours
		return l.findOwn(target) != nil
	}
	g := l.registrarOf(h.Src, false)
	if g == nil {
		l.ignored()
		return true
	}
	r := g.regOf(l, h, target)
	if r == nil || l.speaks(g) && o.Extended && o.TID != r.own.tid {
		l.ignored()
		return true
	}
	answer := r == g.asking
	if answer {
		g.asking = nil
	}
	if answer {
		l.nd.Cache().Confirm(g.addr.Netip())
	}
	l.result(g, r, o)
	l.work.Post()
	return true
}

// regOf is which registration an answer is about.
func (g *registrar) regOf(l *Link, h *nd.Heard, target Addr) *registration {
	if !l.speaks(g) {
		return g.asking
	}
	for _, r := range g.regs {
		if r.own.addr == target {
			return r
		}
	}
	return nil
}

// result acts on the status of a registration (RFC 6775, 5.5.3; RFC 8505, 4.1).
func (l *Link) result(g *registrar, r *registration, o icmpv6.Registration) {
	now := l.now()
	switch o.Status {
	case icmpv6.Registered:
		lasts := time.Duration(o.Lifetime) * time.Minute
		r.state, r.until, r.due = held, now+lasts, now+lasts*3/4
		if lasts == 0 {
			r.state, r.due = failed, now+retryRefused
			return
		}
		l.r.Addresses.Registered(l.Iface, r.own.addr)
		if !r.own.addr.IsLinkLocal() {
			l.leave()
		}
		l.advertise.ready()
	case icmpv6.DuplicateAddress:
		g.forget(r) // Release does not end what was refused
		l.r.Addresses.Refused(l.Iface, r.own.addr)
	case icmpv6.CacheFull:
		g.forget(r)
		g.leaving = true
		l.nd.ForgetRouter(g.addr)
	case icmpv6.Moved, icmpv6.Removed: // of this place only: it is registered anew, as the newest
		r.state, r.due = failed, now+l.nd.RetransTimer()
	default: // nothing that another router would do better (RFC 8505, 5.7)
		r.state, r.due = failed, now+retryRefused
	}
}

func (g *registrar) forget(r *registration) {
	g.regs = slices.DeleteFunc(g.regs, func(x *registration) bool { return x == r })
	if g.asking == r {
		g.asking = nil
	}
}
