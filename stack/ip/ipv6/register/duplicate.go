package register

import (
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

// question is one to the border router, whether somebody else has an address (RFC 6775, 8.2).
type question struct {
	n     *node
	timer clock.Timer
	asked int
}

// askAgain is how long a border router is left alone that did not answer.
const askAgain = time.Minute

func (x *question) init(n *node) {
	x.n = n
	x.timer.Init(n.l.r.loop, x.timeout)
}

// asksBorder tells whether the border router has a say: not about link-local addresses (RFC 8505, 5.6).
func (l *Link) asksBorder(a Addr) bool {
	return l.border == nil && l.r.c.Duplicates.On() && !a.IsLinkLocal() && l.borderOf(a) != nil
}

// ask begins to ask.
func (n *node) ask() {
	n.question.asked = 0
	n.question.send()
}

func (x *question) send() {
	l := x.n.l
	x.asked++
	l.sendRequest(&x.n.reply)
	x.timer.After(l.nd.RetransTimer())
}

// timeout asks once more; a border router that does not answer has nothing against the address (8.2.6). It is told later
// all the same: others may want it.
func (x *question) timeout() {
	if x.asked < maxUnicastSolicit {
		x.send()
		return
	}
	if x.n.tentative {
		x.n.l.accept(x.n)
	}
	x.asked = 0
	x.timer.After(askAgain)
}

// duplicateOf is what a registration is to the border router (RFC 6775, 8.2.3; RFC 8505, 5.4).
func duplicateOf(q *request) icmpv6.Duplicate {
	m := icmpv6.Duplicate{Type: icmpv6.DuplicateRequest, Lifetime: q.option.Lifetime, ROVR: q.option.ROVR, Addr: q.addr}
	if q.option.Extended {
		m.Extended, m.TID = true, q.option.TID
	}
	return m
}

// sendRequest asks the border router. One that knows RFC 6775 only gets the leftmost 64 bits (RFC 8505, 6.4).
func (l *Link) sendRequest(q *request) {
	b := l.borderOf(q.addr)
	if b == nil {
		return
	}
	src, ok := l.global()
	if !ok {
		return
	}
	m := duplicateOf(q)
	if b.caps&icmpv6.CanExtendDuplicate == 0 {
		m.ROVR = m.ROVR.Short()
	}
	l.sendDuplicate(src, b.addr, m)
}

// report tells the border router that a registration has ended (RFC 6775, 8.2.3; RFC 8505, 5.7).
func (l *Link) report(q *request) {
	switch {
	case q.addr.IsLinkLocal():
	case l.border != nil:
		l.border.decide(duplicateOf(q), Addr{})
	case l.r.c.Duplicates.On():
		l.sendRequest(q)
	}
}

func (l *Link) sendDuplicate(src, dst Addr, m icmpv6.Duplicate) {
	b := icmpv6.AppendDuplicate(l.r.buf[:0], m)
	l.r.buf = b[:0]
	if l.r.ipv6.SendFar(src, dst, multihopHopLimit, b) {
		l.Stats.ND.Sent++
	}
}

// Message implements ipv6.Handler: Duplicate Address messages, which come from afar, so that no hop limit is looked at
// (RFC 6775, 8.2.1).
func (r *Register) Message(raw *ipv6.Message) {
	l := r.Link(raw.In)
	if l == nil || !l.isRouter() { // RFC 6775, 11
		raw.In.Stats.Drop(stats.NDIgnored)
		return
	}
	m, rest, err := icmpv6.ParseDuplicate(raw.Bytes)
	if err != nil || !l.extended() && (m.Extended || m.Prefix != 0) || m.Addr.IsMulticast() || raw.Src.IsUnspecified() || !whole(rest) {
		l.invalid()
		return
	}
	switch {
	case m.Type == icmpv6.DuplicateRequest && l.border != nil:
		l.border.asked(raw.Src, raw.Dst, m)
	case m.Type == icmpv6.DuplicateConfirm && l.border == nil:
		l.confirmed(m)
	default:
		l.ignored()
	}
}

// whole tells whether options can be read: none has length 0 or is cut short.
func whole(b []byte) bool {
	for len(b) > 0 {
		_, rest, err := icmpv6.ParseOption(b)
		if err != nil {
			return false
		}
		b = rest
	}
	return true
}

// confirmed acts on the border router's answer. Only what is being asked for may change by it (RFC 6775, 8.2.5), and what
// has moved, as RFC 8505, 5.7 has it.
func (l *Link) confirmed(m icmpv6.Duplicate) {
	n := l.nodes[m.Addr]
	if n == nil || n.option.ROVR != m.ROVR && n.option.ROVR.Short() != m.ROVR || m.Extended && n.option.Extended && compareTID(m.TID, n.option.TID) == older {
		l.ignored()
		return
	}
	_, waiting := n.question.timer.When()
	n.question.timer.Stop()
	switch {
	case n.tentative && m.Status == icmpv6.Registered:
		l.accept(n)
	case n.tentative:
		l.forgetNode(n)
		l.answer(&n.reply, m.Status)
		l.arm()
	case m.Extended && (m.Status == icmpv6.Moved || m.Status == icmpv6.Removed):
		l.removeNode(n)
		l.unasked(n, m.Status)
		l.arm()
	case !waiting:
		l.ignored()
	}
}
