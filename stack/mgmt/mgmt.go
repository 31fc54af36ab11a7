// Package mgmt is network management: requests, which a handler of the node answers at once, and events, which the node
// tells to whoever asked to be told.
//
// Both are named by an event.Code. A request has one handler. An event goes to every subscription whose mask selects it;
// since masks select by bits that numbers have in common, a subscriber looks at the code of what it gets.
//
// Events wait in a queue and are delivered on the loop, one at a time, after what raised them is done: a subscriber may
// do anything, also what raises more of them. The queue is bounded. When it is full the oldest event gives way, which is
// counted and told to nobody: what happened last matters most. With Config.Direct there is no queue, and subscribers are
// called within the call that raises, in which the layer is in the middle of something.
package mgmt

import (
	"slices"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/stats"
)

// Config says how events are delivered.
type Config struct {
	Queue  int  // events that wait; at least 1
	Direct bool // do not queue
}

// A Handler answers a request about an interface, or about the node when that is nil. What data is, the request says: the
// handler reads it or fills it in. Its error is an errno.Errno.
type Handler func(about *iface.Iface, data any) error

// A Manager is network management on a node. It implements event.Sink.
type Manager struct {
	config   Config
	stats    *stats.Events
	handlers map[event.Code]Handler
	users    []*Subscription // replaced and not written when it changes: somebody may be going through it

	queue  []event.Event // a ring
	oldest int
	count  int
	on     clock.Timer // delivers
}

// New makes the management of a node.
func New(l *clock.Loop, c Config, s *stats.Events) *Manager {
	m := &Manager{config: c, stats: s, handlers: map[event.Code]Handler{}, queue: make([]event.Event, max(1, c.Queue))}
	m.on.Init(l, m.deliver)
	return m
}

// Handle says who answers a request. There is one for each: another one takes its place.
func (m *Manager) Handle(request event.Code, h Handler) { m.handlers[request] = h }

// Request makes a request. Its error is an errno.Errno: EOPNOTSUPP when nobody answers it, and EINVAL when data is not
// what it takes.
func (m *Manager) Request(request event.Code, about *iface.Iface, data any) error {
	h := m.handlers[request]
	if h == nil {
		return errno.EOPNOTSUPP
	}
	return h(about, data)
}

// A Subscription is somebody who wants to be told of events.
type Subscription struct {
	manager *Manager
	mask    event.Code
	tell    func(event.Event)
}

// Subscribe has f called with every event that the mask selects (see event.Mask).
func (m *Manager) Subscribe(mask event.Code, f func(event.Event)) *Subscription {
	s := &Subscription{m, mask, f}
	m.users = append(slices.Clone(m.users), s)
	return s
}

// Cancel ends the subscription. Events that wait are not told to it any more.
func (s *Subscription) Cancel() {
	m := s.manager
	m.users = slices.DeleteFunc(slices.Clone(m.users), func(x *Subscription) bool { return x == s })
	s.tell = nil
}

// Raise implements event.Sink. An event that nobody has asked for is not even counted.
func (m *Manager) Raise(e event.Event) {
	if !m.wanted(e.Code) {
		return
	}
	m.stats.Raised++
	if m.config.Direct {
		m.tell(e)
		return
	}
	if m.count == len(m.queue) {
		m.oldest = (m.oldest + 1) % len(m.queue)
		m.count--
		m.stats.Lost++
	}
	m.queue[(m.oldest+m.count)%len(m.queue)] = e
	m.count++
	m.on.Post()
}

// Waiting is the number of events that are still to be delivered.
func (m *Manager) Waiting() int { return m.count }

// Close forgets what waits.
func (m *Manager) Close() {
	m.on.Stop()
	m.count, m.users = 0, nil
}

func (m *Manager) wanted(c event.Code) bool {
	for _, s := range m.users {
		if s.mask.Selects(c) {
			return true
		}
	}
	return false
}

// deliver tells the oldest event, and comes back for the next one behind whatever that brought about.
func (m *Manager) deliver() {
	if m.count == 0 {
		return
	}
	e := m.queue[m.oldest]
	m.queue[m.oldest] = event.Event{}
	m.oldest = (m.oldest + 1) % len(m.queue)
	if m.count--; m.count > 0 {
		m.on.Post()
	}
	m.tell(e)
}

func (m *Manager) tell(e event.Event) {
	for _, s := range m.users {
		if s.tell != nil && s.mask.Selects(e.Code) { // it may have been cancelled by the one before
			s.tell(e)
		}
	}
}
