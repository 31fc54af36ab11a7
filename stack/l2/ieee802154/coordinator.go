package ieee802154

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	wire "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// maxBeaconPayload is aMaxBeaconPayloadLength.
const maxBeaconPayload = 52

// persistence is macTransactionPersistenceTime: how long a frame waits for a station that polls.
const persistence = 500 * baseSuperframe

// A Network is what a coordinator starts (8.2): one without regular beacons.
type Network struct {
	PAN     uint16
	Short   uint16 // of the coordinator; wire.Unassigned: it goes by its extended address
	Channel int
	Permit  bool   // stations may associate
	First   uint16 // short address of the first station that associates; 0 means 1
	Beacon  []byte // payload of its beacons, at most 52 octets
}

// coordinator runs a network: it answers those who ask for beacons, takes in stations, and keeps frames for those of them
// that poll (6.3, 6.4, 6.7.3). All that it keeps is bounded: a station is a member when it has acknowledged the answer, so
// that requests of stations that are not there fill nothing but the frames that wait, and those for a while.
type coordinator struct {
	link *Link
	Network
	members     []member
	waiting     []kept
	expiry      clock.Timer
	beaconWaits bool // one is on its way: it answers all who ask meanwhile
}

type member struct {
	extended, short link.Addr // short: none for one that goes by its extended address
	capability      wire.Capability
}

// kept is a frame that waits until its station polls: a data frame, or the answer to a request to associate.
type kept struct {
	dst    link.Addr
	p      *packet.Packet // of a data frame
	answer wire.Response
	member member // that the answer makes
	asked  bool   // it is on its way
	until  time.Duration
}

// Start makes the station the coordinator of a network. It replaces one that it ran before.
func (l *Link) Start(n Network) error {
	m := l.mac
	switch {
	case m.scanning || l.join.step != notJoining:
		return ErrBusy
	case n.PAN == wire.Broadcast || n.Short == wire.Broadcast || len(n.Beacon) > maxBeaconPayload:
		return ErrParameter
	}
	if err := m.radio.Tune(n.Channel); err != nil {
		return err
	}
	if n.First == 0 {
		n.First = 1
	}
	n.Beacon = slices.Clone(n.Beacon)
	if l.coordinator != nil {
		l.coordinator.close()
	}
	c := &coordinator{link: l, Network: n}
	c.expiry.Init(l.iface.Loop, c.expire)
	l.coordinator = c
	m.channel, m.pan, m.coordinator = n.Channel, n.PAN, true
	l.parent, l.parent8 = link.Addr{}, link.Addr{}
	l.setShort(n.Short)
	return nil
}

// Members are the stations that have associated: their extended and their short addresses.
func (l *Link) Members() (all [][2]link.Addr) {
	if l.coordinator != nil {
		for _, m := range l.coordinator.members {
			all = append(all, [2]link.Addr{m.extended, m.short})
		}
	}
	return all
}

func (c *coordinator) close() {
	c.expiry.Stop()
	for i := range c.waiting {
		c.waiting[i].p.Free()
	}
	c.waiting = nil
}

// command does what a command asks of a coordinator.
func (c *coordinator) command(h *wire.Header, id wire.CommandID, rest []byte) {
	switch id {
	case wire.BeaconRequest:
		c.beacon()
	case wire.AssociationRequest:
		if h.Src.Len() == 8 && len(rest) > 0 && !everybody(h) {
			c.asked(h.Src, wire.Capability(rest[0]))
		}
	case wire.DataRequest:
		c.polled(h.Src)
	case wire.Disassociation:
		c.members = slices.DeleteFunc(c.members, func(m member) bool { return m.extended == h.Src })
		c.drop(func(k *kept) bool { return k.dst == h.Src || k.member.extended == h.Src })
	case wire.OrphanNotification:
		c.realign(h.Src)
	}
}

// beacon answers a beacon request (6.3.2): by CSMA-CA, to everybody.
func (c *coordinator) beacon() {
	l := c.link
	if c.beaconWaits {
		return
	}
	s := wire.NoBeacons | wire.SuperframeCoordinator
	if c.Permit {
		s |= wire.SuperframePermit
	}
	h := wire.Header{Type: wire.Beacon, Seq: l.bsn, SrcPAN: c.PAN, Src: l.source()}
	c.beaconWaits = l.own(&h, forBeacon, append(wire.AppendBeacon(nil, wire.BeaconInfo{Superframe: s}), c.Beacon...)...)
	if c.beaconWaits {
		l.bsn++
	}
}

// source is the address that the station goes by: the short one if it has one.
func (l *Link) source() link.Addr {
	if l.addrs[1].IsZero() {
		return l.addrs[0]
	}
	return l.addrs[1]
}

// asked decides on a request to associate. The answer waits until it is fetched (6.4.1); one that waits already is
// replaced.
func (c *coordinator) asked(from link.Addr, capability wire.Capability) {
	if !c.Permit {
		return // 6.4.1: as if it had not come
	}
	c.drop(func(k *kept) bool { return k.dst == from && k.p == nil && !k.asked })
	k := kept{dst: from, member: member{extended: from, capability: capability}}
	switch short, ok := c.address(from); {
	case !ok:
		k.answer = wire.Response{Short: wire.Broadcast, Status: wire.AtCapacity}
	case capability&wire.CapabilityAllocate == 0:
		k.answer = wire.Response{Short: wire.Unassigned}
	default:
		k.answer, k.member.short = wire.Response{Short: short}, wire.Short(short)
	}
	c.wait(k)
}

// address finds a short address: the one that the station has, or the lowest that nobody has. ok is false when there is no
// room for another station.
func (c *coordinator) address(of link.Addr) (short uint16, ok bool) {
	for _, m := range c.members {
		if m.extended == of && !m.short.IsZero() {
			return wire.AsShort(m.short)
		}
	}
	if len(c.members) >= c.link.mac.config.members() {
		return 0, false
	}
	taken := func(a uint16) bool {
		w := wire.Short(a)
		return a == c.Short || slices.ContainsFunc(c.members, func(m member) bool { return m.short == w }) ||
			slices.ContainsFunc(c.waiting, func(k kept) bool { return k.p == nil && k.member.short == w })
	}
	for a := c.First; a < wire.Unassigned; a++ {
		if !taken(a) {
			return a, true
		}
	}
	return 0, false
}

// keep owns a frame for a station that polls.
func (c *coordinator) keep(dst link.Addr, p *packet.Packet) {
	if !c.wait(kept{dst: dst, p: p}) {
		c.link.iface.Drop(p, stats.TxQueueFull)
		return
	}
	c.link.iface.Stats.MAC.Kept++
}

// wait puts a frame behind those that wait; false when there is no room.
func (c *coordinator) wait(k kept) bool {
	if len(c.waiting) >= c.link.mac.config.pending() {
		return false
	}
	k.until = c.link.iface.Loop.Now() + persistence
	c.waiting = append(c.waiting, k)
	if len(c.waiting) == 1 {
		c.expiry.Set(k.until)
	}
	return true
}

// expire gives up what has waited too long (6.7.3).
func (c *coordinator) expire() {
	now := c.link.iface.Loop.Now()
	c.drop(func(k *kept) bool {
		if k.until > now {
			return false
		}
		c.link.iface.Stats.Drop(stats.FrameExpired)
		if k.p != nil {
			c.link.mac.undelivered(k.dst, TransactionOver)
		}
		return true
	})
}

// drop forgets frames that wait.
func (c *coordinator) drop(which func(*kept) bool) {
	left := c.waiting[:0]
	for i := range c.waiting {
		if which(&c.waiting[i]) {
			c.waiting[i].p.Free()
			continue
		}
		left = append(left, c.waiting[i])
	}
	clear(c.waiting[len(left):])
	c.waiting = left
	c.expiry.Stop()
	if len(left) > 0 {
		c.expiry.Set(left[0].until)
	}
}

// waits tells whether a frame waits for a station: its acknowledgement of a data request says so.
func (l *Link) waits(a link.Addr) bool {
	return l.coordinator != nil && l.coordinator.first(a) >= 0
}

// first is the frame that waits longest for a station; -1 when none does.
func (c *coordinator) first(a link.Addr) int {
	return slices.IndexFunc(c.waiting, func(k kept) bool { return k.dst == a && !k.asked })
}

// polled sends the frame that waits longest for a station.
func (c *coordinator) polled(from link.Addr) {
	i := c.first(from)
	if i < 0 {
		return
	}
	k := &c.waiting[i]
	l := c.link
	if k.p == nil {
		h := wire.Header{Type: wire.Command, Seq: l.sequence(), AckRequest: true, Compressed: true,
			Dst: k.dst, DstPAN: c.PAN, Src: l.addrs[0]}
		k.asked = l.own(&h, forResponse, wire.AppendResponse([]byte{byte(wire.AssociationResponse)}, k.answer)...)
		return
	}
	p := k.p
	k.p = nil
	c.waiting = slices.Delete(c.waiting, i, i+1)
	c.drop(func(*kept) bool { return false }) // for the timer
	if c.first(from) >= 0 {
		p.Bytes()[0] |= 1 << 4 // Frame Pending: there is more
	}
	p.Priority = 7 // the station listens for a moment only
	l.iface.Transmit(p)
}

// answered is told whether an answer was acknowledged: then the station is a member. Else it may ask for it again.
func (c *coordinator) answered(dst link.Addr, delivered bool) {
	i := slices.IndexFunc(c.waiting, func(k kept) bool { return k.dst == dst && k.asked })
	if i < 0 {
		return
	}
	k := &c.waiting[i]
	if k.asked = false; !delivered {
		return
	}
	m, status := k.member, k.answer.Status
	c.waiting = slices.Delete(c.waiting, i, i+1)
	c.drop(func(*kept) bool { return false }) // for the timer
	if status != wire.Associated {
		return
	}
	c.members = slices.DeleteFunc(c.members, func(o member) bool { return o.extended == m.extended })
	if len(c.members) < c.link.mac.config.members() {
		c.members = append(c.members, m)
		if !m.short.IsZero() {
			c.link.mac.keys.know(m.short, m.extended)
		}
	}
}

// sleeps tells whether frames for a station wait until it polls.
func (c *coordinator) sleeps(a link.Addr) bool {
	for i := range c.members {
		if m := &c.members[i]; m.extended == a || m.short == a {
			return m.capability&wire.CapabilityReceives == 0
		}
	}
	return false
}

// realign tells a member that has lost its network where it is (6.3.3).
func (c *coordinator) realign(orphan link.Addr) {
	l := c.link
	for _, m := range c.members {
		if m.extended != orphan {
			continue
		}
		r := wire.Realign{PAN: c.PAN, Coordinator: c.Short, Channel: uint8(c.Channel), Short: wire.Unassigned}
		if n, ok := wire.AsShort(m.short); ok {
			r.Short = n
		}
		h := wire.Header{Type: wire.Command, Seq: l.sequence(), AckRequest: true,
			Dst: orphan, DstPAN: wire.Broadcast, Src: l.addrs[0], SrcPAN: c.PAN}
		l.own(&h, forData, wire.AppendRealign([]byte{byte(wire.Realignment)}, r)...)
		return
	}
}
