// Package inbox keeps what has come for a user of datagrams until it is read: the datagrams themselves, and the fate of
// those that the user sent. Both are bounded; what does not fit is dropped.
package inbox

import (
	"bytes"
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
)

const (
	maxWaiting  = 4096 // datagrams, since empty ones take no room
	maxFailures = 16
)

// A Received is a datagram that waits to be read. Its packet is the reader's, who frees it; Options alias it.
type Received struct {
	Packet   *packet.Packet
	From     netip.AddrPort
	To       netip.Addr // the specific-destination address (RFC 1122, 4.1.3.5)
	In       *iface.Iface
	TTL, TOS uint8
	Options  []byte // of IPv4 (RFC 1122, 4.1.3.2)
	Link     Link   // of a frame
}

// A Link is what a frame's user learns of it beside its content; of a datagram it is zero.
type Link struct {
	Protocol uint16    // EtherType
	Kind     Kind      // whom it was to
	Source   link.Addr // the station that sent it
}

// A Kind is whom a frame was to, as Linux numbers it (PACKET_HOST and so on).
type Kind uint8

const (
	ToHost Kind = iota
	ToAll
	ToGroup
	ToOther  // to another station, seen in promiscuous mode
	Outgoing // sent by this host
)

// arrived tells whether it came in by an interface, other than a frame that was sent.
func (r *Received) arrived() bool { return r.In != nil && r.Link.Kind != Outgoing }

// A Failure is the fate of a datagram that was sent.
type Failure struct {
	Err        errno.Errno
	Peer       netip.AddrPort // whom it was sent to
	From       netip.Addr     // who says so
	Type, Code uint8          // of ICMP; both 0 when this host found out by itself
	MTU        int            // with EMSGSIZE
	Data       []byte         // the datagram's content, as much of it as was quoted; only in a record
}

// An Inbox belongs to one user.
type Inbox struct {
	// Ready is called when there is something new to read or to learn of. It may be nil.
	Ready func()
	// Recording keeps a record of each failure, beside the failure itself (IP_RECVERR).
	Recording bool
	// Full is the reason to drop what there is no room for.
	Full stats.Drop

	stats  *stats.Node
	queue  []Received // a ring
	oldest int
	count  int
	room   int
	held   int
	failed []Failure
	record []Failure
	closed bool
}

// Init makes an empty inbox with room for some octets.
func (b *Inbox) Init(room int, s *stats.Node) {
	*b = Inbox{Full: stats.SocketFull, room: room, stats: s}
}

// SetRoom bounds the octets that wait to be read. One datagram always has room.
func (b *Inbox) SetRoom(octets int) { b.room = octets }

// Room is that bound.
func (b *Inbox) Room() int { return b.room }

// Waiting is the number of datagrams that can be read.
func (b *Inbox) Waiting() int { return b.count }

// Put owns a datagram and keeps it until it is read, or drops it when there is no room.
func (b *Inbox) Put(r Received) {
	if slot := b.Reserve(r.Packet, r.In); slot != nil {
		*slot = r
		b.Arrived(slot)
	}
}

// Reserve is Put in two steps, for a datagram whose description is written where it will stay. It owns the packet and
// gives the description, with Packet and In set and Link zero, to be filled in and handed to Arrived before anything
// else is done with the inbox; nil when there is no room, and the packet has been dropped.
func (b *Inbox) Reserve(p *packet.Packet, in *iface.Iface) *Received {
	if b.closed || b.held+p.Len() > b.room && b.count > 0 || b.count >= maxWaiting || p.Scarce() {
		b.drop(p, in, b.Full)
		return nil
	}
	if b.count == len(b.queue) {
		b.grow()
	}
	r := &b.queue[b.at(b.count)]
	r.Packet, r.In = p, in
	return r
}

// Arrived ends what Reserve began.
func (b *Inbox) Arrived(r *Received) {
	if r.arrived() {
		r.In.Waits(r.Packet)
	}
	b.count++
	b.held += r.Packet.Len()
	if b.Ready != nil {
		b.Ready()
	}
}

// First is the datagram that waits longest; nil when none does. It stays where it is, and is the inbox's.
func (b *Inbox) First() *Received {
	if b.count == 0 {
		return nil
	}
	return &b.queue[b.oldest]
}

// Recv takes the datagram that waits longest; ok is false when none does.
func (b *Inbox) Recv() (r Received, ok bool) {
	if r, ok = b.take(); ok && r.arrived() {
		r.In.Given(r.Packet)
	}
	return r, ok
}

// Read ends the use of First, which has been read.
func (b *Inbox) Read() {
	slot := &b.queue[b.oldest]
	p := slot.Packet
	if slot.arrived() {
		slot.In.Given(p)
	}
	slot.Packet, slot.In, slot.Options, slot.Link = nil, nil, nil, Link{}
	b.oldest = b.at(1)
	b.count--
	b.held -= p.Len()
	p.Free()
}

func (b *Inbox) take() (r Received, ok bool) {
	if b.count == 0 {
		return Received{}, false
	}
	slot := &b.queue[b.oldest]
	r, *slot = *slot, Received{}
	b.oldest = b.at(1)
	b.count--
	b.held -= r.Packet.Len()
	return r, true
}

// Fail keeps the fate of a datagram, whose content is data as far as it is known, until the user asks; the latest ones
// are forgotten when there are too many.
func (b *Inbox) Fail(e *ip.Error, peer netip.AddrPort, data []byte) {
	code := errno.OfFate(e.Fate)
	if b.closed || code == 0 {
		return
	}
	f := Failure{Err: code, Peer: peer, From: e.From, Type: e.Type, Code: e.Code, MTU: e.MTU}
	told := false
	if len(b.failed) < maxFailures {
		b.failed, told = append(b.failed, f), true
	}
	if b.note(f, data) {
		told = true
	}
	if told && b.Ready != nil {
		b.Ready()
	}
}

// Note records a failure that the user has learned of already: of a datagram that was not sent.
func (b *Inbox) Note(f Failure, data []byte) {
	if b.note(f, data) && b.Ready != nil {
		b.Ready()
	}
}

func (b *Inbox) note(f Failure, data []byte) (done bool) {
	if b.closed || !b.Recording || len(b.record) == maxFailures {
		return false
	}
	f.Data = bytes.Clone(data)
	b.record = append(b.record, f)
	return true
}

// Failure takes the failure that was learned of first; ok is false when there is none.
func (b *Inbox) Failure() (f Failure, ok bool) { return takeFirst(&b.failed) }

// Failed tells whether there is a failure to learn of.
func (b *Inbox) Failed() bool { return len(b.failed) > 0 }

// Record takes the record that was made first; ok is false when there is none.
func (b *Inbox) Record() (f Failure, ok bool) { return takeFirst(&b.record) }

// Recorded tells whether there is a record to read.
func (b *Inbox) Recorded() bool { return len(b.record) > 0 }

func takeFirst(all *[]Failure) (f Failure, ok bool) {
	q := *all
	if len(q) == 0 {
		return Failure{}, false
	}
	f = q[0]
	*all = append(q[:0], q[1:]...)
	return f, true
}

// Close drops what waits, and all that is still to come. Ready is called once more, so that whoever waits learns of it.
func (b *Inbox) Close() {
	ready := b.Ready
	b.Ready, b.closed, b.failed, b.record = nil, true, nil, nil
	if ready != nil {
		defer ready()
	}
	for r, ok := b.take(); ok; r, ok = b.take() {
		b.drop(r.Packet, r.In, stats.SocketClose)
	}
}

// drop frees a datagram and counts why, at the interface by which it came.
func (b *Inbox) drop(p *packet.Packet, in *iface.Iface, why stats.Drop) {
	p.Free()
	if in != nil {
		in.Stats.Drop(why)
	} else {
		b.stats.Drop(why)
	}
}

// at is the index into the ring of the i-th oldest.
func (b *Inbox) at(i int) int {
	if i += b.oldest; i >= len(b.queue) {
		i -= len(b.queue)
	}
	return i
}

func (b *Inbox) grow() {
	more := make([]Received, max(4, 2*len(b.queue)))
	for i := range b.count {
		more[i] = b.queue[b.at(i)]
	}
	b.queue, b.oldest = more, 0
}
