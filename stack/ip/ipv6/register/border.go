package register

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

// border is what a border router has beyond a router: the table of all addresses (RFC 6775, 8.2.2), and the contexts.
type border struct {
	l        *Link
	table    map[Addr]*binding
	timer    clock.Timer // of the first binding
	version  uint32      // of what is advertised (7)
	contexts []*offered
	told     struct { // that was advertised last, to know a change
		ever     bool
		prefixes []icmpv6.Prefix
		contexts []icmpv6.Context
	}
	list struct { // of prefixes and offers, to be used again
		prefixes []icmpv6.Prefix
		contexts []icmpv6.Context
	}
	changes clock.Timer // of the contexts
}

// binding is an address of the network and whose it is.
type binding struct {
	rovr     icmpv6.ROVR
	extended bool
	tid      uint8
	from     Addr // the router that registered it; :: for this one
	until    time.Duration
	removed  bool // it is kept for a while, in case it shows up elsewhere (RFC 8505, 5.7)
}

// offered is a context that the border router tells of (7.2): first that it exists, then that it may be used, and, when it
// goes, that it may not.
type offered struct {
	context icmpv6.Context
	leaving bool
	due     time.Duration // of its next stage
}

func newBorder(l *Link) *border {
	b := &border{l: l, table: map[Addr]*binding{}}
	b.timer.Init(l.r.loop, b.expire)
	b.changes.Init(l.r.loop, b.change)
	return b
}

// claim and release keep this node's own addresses in the table.
func (b *border) claim(a Addr) {
	if !a.IsLinkLocal() {
		b.table[a] = &binding{rovr: b.l.id, until: forever}
		b.l.r.Addresses.Registered(b.l.Iface, a)
	}
}

func (b *border) release(a Addr) { delete(b.table, a) }

// decide is the answer to a request about an address, which a router, or this one, wants to register (RFC 6775, 8.2.4; RFC
// 8505, 5.7), and keeps what it says.
func (b *border) decide(m icmpv6.Duplicate, from Addr) icmpv6.Status {
	l := b.l
	x := b.table[m.Addr]
	if x != nil && x.rovr != m.ROVR {
		if !x.removed {
			return icmpv6.DuplicateAddress
		}
		delete(b.table, m.Addr)
		x = nil
	}
	if x != nil && x.extended {
		if !m.Extended { // RFC 8505, 6.3: whoever knows no order does not change it
			return icmpv6.Moved
		}
		if a := compareTID(m.TID, x.tid); a == older || a == unknown {
			return icmpv6.Moved
		}
	}
	switch {
	case m.Lifetime == 0 && x == nil:
		return icmpv6.Registered
	case m.Lifetime == 0 && m.Extended:
		x.removed, x.tid, x.until = true, m.TID, l.now()+l.r.config.NeighDelay
		b.arm()
		return icmpv6.Registered
	case m.Lifetime == 0:
		delete(b.table, m.Addr)
		return icmpv6.Registered
	case x == nil:
		if len(b.table) >= l.r.c.DuplicateTable {
			if m.Extended || l.extended() {
				return icmpv6.Saturated
			}
			return icmpv6.CacheFull
		}
		x = &binding{rovr: m.ROVR, from: from}
		b.table[m.Addr] = x
	}
	if was := x.from; was != from && !x.removed && m.Extended && x.extended && compareTID(m.TID, x.tid) == newer {
		b.moved(m, was)
	}
	x.extended, x.tid, x.from, x.removed = m.Extended, m.TID, from, false
	x.until = l.now() + time.Duration(m.Lifetime)*time.Minute
	b.arm()
	return icmpv6.Registered
}

// moved tells the router where an address was before that it is there no more (RFC 8505, 5.7).
func (b *border) moved(m icmpv6.Duplicate, was Addr) {
	l := b.l
	m.Type, m.Status = icmpv6.DuplicateConfirm, icmpv6.Moved
	if was.IsUnspecified() {
		if n := l.nodes[m.Addr]; n != nil {
			l.removeNode(n)
			l.unasked(n, icmpv6.Moved)
			l.arm()
		}
		return
	}
	if src, ok := l.global(); ok {
		l.sendDuplicate(src, was, m)
	}
}

// asked answers a router (RFC 6775, 8.2.4).
func (b *border) asked(src, dst Addr, m icmpv6.Duplicate) {
	if src.IsLinkLocal() || m.Status != 0 { // 4.4
		b.l.invalid()
		return
	}
	status := b.decide(m, src)
	m.Type, m.Status, m.Prefix = icmpv6.DuplicateConfirm, status, 0
	if !m.Extended {
		m.TID = 0 // reserved
	}
	b.l.sendDuplicate(dst, src, m)
}

func (b *border) arm() {
	first := forever
	for _, x := range b.table {
		first = min(first, x.until)
	}
	if first == forever {
		b.timer.Stop()
		return
	}
	b.timer.Set(first)
}

func (b *border) expire() {
	now := b.l.now()
	for a, x := range b.table { // in any order: each is decided by itself
		if now >= x.until {
			delete(b.table, a)
		}
	}
	b.arm()
}

// prefixes are those that are advertised: never as on the link (RFC 6775, 6.1). The list is good until the next one.
func (b *border) prefixes() []icmpv6.Prefix {
	what := b.l.advertise.what
	all := append(b.list.prefixes[:0], what.Prefixes...)
	if what.More != nil {
		all = append(all, what.More()...)
	}
	for k := range all {
		all[k].OnLink = false
	}
	b.list.prefixes = all
	return all
}

// OfferContext has the border router tell all of a context for header compression, in time to be used (RFC 6775, 7.2). One
// of another prefix under the same number is taken out of use first. It is false when this is no border router, or the
// number is in use still.
func (l *Link) OfferContext(c icmpv6.Context) bool {
	if l.border == nil || c.ID > 15 || c.Bits > 128 || c.Lifetime == 0 {
		return false
	}
	b := l.border
	if slices.ContainsFunc(b.contexts, func(o *offered) bool { return o.context.ID == c.ID }) {
		return false
	}
	c.Compress = false
	b.contexts = append(b.contexts, &offered{context: c, due: l.now() + l.r.c.ContextDelay})
	b.install(c)
	b.armChanges()
	l.advertise.news()
	return true
}

// WithdrawContext takes a context out of use, and, when all can be expected to know that, away.
func (l *Link) WithdrawContext(id uint8) bool {
	if l.border == nil {
		return false
	}
	for _, o := range l.border.contexts {
		if o.context.ID == id && !o.leaving {
			o.leaving, o.context.Compress, o.due = true, false, l.now()+l.r.c.ContextDelay
			l.border.install(o.context)
			l.border.armChanges()
			l.advertise.news()
			return true
		}
	}
	return false
}

func (b *border) install(c icmpv6.Context) { b.l.setContext(c, -1, 0) }

// change brings contexts to their next stage.
func (b *border) change() {
	now, changed := b.l.now(), false
	b.contexts = slices.DeleteFunc(b.contexts, func(o *offered) bool {
		if now < o.due {
			return false
		}
		changed = true
		if o.leaving {
			b.l.removeContext(o.context.ID)
			return true
		}
		o.context.Compress, o.due = true, forever
		b.install(o.context)
		return false
	})
	b.armChanges()
	if changed {
		b.l.advertise.news()
	}
}

func (b *border) armChanges() {
	next := forever
	for _, o := range b.contexts {
		next = min(next, o.due)
	}
	if next == forever {
		b.changes.Stop()
		return
	}
	b.changes.Set(next)
}

// SetVersion says with which version of its information the border router begins: one more than it had told before it was
// started anew (RFC 6775, 7).
func (l *Link) SetVersion(v uint32) {
	if l.border != nil {
		l.border.version = v
	}
}

// Bindings is how many addresses the border router knows.
func (l *Link) Bindings() int {
	if l.border == nil {
		return 0
	}
	return len(l.border.table)
}

// Binds tells whether the border router knows an address.
func (l *Link) Binds(a netip.Addr) bool { return l.border != nil && l.border.table[a.As16()] != nil }
