package ieee802154

import (
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/stats"
	wire "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// The steps of a frame on its way out (6.2.5.1, unslotted CSMA-CA; 6.7.4.3, repeats).
type step uint8

const (
	idle     step = iota
	backoff       // it waits some periods, by chance
	assess        // it listens
	turn          // the channel is clear, and the radio turns from listening to sending
	onAir         // it sends
	awaitAck      // it waits for the acknowledgement
)

// A purpose is what a frame is for, to who made it in the MLME.
type purpose uint8

const (
	forData purpose = iota
	forBeacon
	forScan
	forAssociation
	forPoll
	forResponse
	forDisassociation
)

// An outgoing frame.
type outgoing struct {
	octets  [wire.MaxFrame]byte
	n       int
	purpose purpose
	ack     bool // it asks for an acknowledgement
	version uint8
	noSeq   bool
	seq     uint8
	dst     link.Addr
	secured bool
	part    part
}

// A part is what a frame carries of a packet that goes in several; the zero part is a frame by itself.
type part struct {
	dst link.Addr
	id  uint64
}

// lostFor is how long a packet of which a part was given up is remembered: longer than its other parts are on their way
// through the queues, shorter than it takes until an id is used again.
const lostFor = 2 * time.Second

// sender is the state of sending.
type sender struct {
	step     step
	timer    clock.Timer
	current  *outgoing
	nb, be   int // of CSMA-CA: backoffs so far, and their exponent
	retries  int
	notUntil time.Duration // the space after the last frame

	data    ring // from the interface
	mlme    ring
	refused bool

	lost      part // of which a part was given up
	lostUntil time.Duration
}

// mlmeFrames is how many frames of the MLME wait at a time.
const mlmeFrames = 8

func (s *sender) init(m *MAC) {
	s.timer.Init(m.loop, m.proceed)
	s.data.frames = make([]outgoing, m.config.queue())
	s.mlme.frames = make([]outgoing, mlmeFrames)
}

// ring holds frames in the order in which they came.
type ring struct {
	frames        []outgoing
	oldest, count int
}

// push gives room for one frame; nil when there is none.
func (r *ring) push() *outgoing {
	if r.count == len(r.frames) {
		return nil
	}
	r.count++
	return &r.frames[(r.oldest+r.count-1)%len(r.frames)]
}

func (r *ring) pop() {
	r.oldest = (r.oldest + 1) % len(r.frames)
	r.count--
}

// Send implements driver.Device: it takes a frame of the interface, protects it if its header says so, and fills in the
// FCS, in the place where the frame is. It is false while as many wait as may.
func (m *MAC) Send(mpdu []byte) bool {
	if m.closed {
		return true
	}
	if len(mpdu) > wire.MaxFrame || len(mpdu) < wire.FCSLen {
		m.stats.Drop(stats.FrameInvalid)
		return true
	}
	if s := &m.send.data; s.count == len(s.frames) {
		m.send.refused = true
		return false
	}
	h, payload, err := wire.Parse(mpdu[:len(mpdu)-wire.FCSLen])
	if err != nil {
		m.stats.Drop(stats.FrameInvalid)
		return true
	}
	part := m.partOf(&h, payload)
	if h.MICLen() > 0 || h.Secured {
		if why := m.keys.seal(m.extended, &h, mpdu[:len(mpdu)-wire.FCSLen], payload); why != sealed {
			m.stats.Drop(stats.FrameSecurity)
			m.undelivered(h.Dst, CounterError)
			return true
		}
		m.stats.MAC.Secured++
	}
	wire.Seal(mpdu)
	m.queue(&m.send.data, &h, mpdu, forData, part)
	return true
}

// partOf tells which packet a frame carries a part of. The first part of a packet begins anew.
func (m *MAC) partOf(h *wire.Header, payload []byte) part {
	if m.link == nil || h.Type != wire.Data || h.Dst.IsZero() {
		return part{}
	}
	c, ok := m.link.above.(Cutter)
	if !ok {
		return part{}
	}
	id, first := c.PartOf(payload)
	p := part{h.Dst, id}
	if id == 0 {
		return part{}
	}
	if first && p == m.send.lost {
		m.send.lost = part{}
	}
	return p
}

// isLost tells whether a frame is of no use any more: another part of its packet was given up.
func (s *sender) isLost(o *outgoing, now time.Duration) bool {
	return o.part.id != 0 && o.part == s.lost && now < s.lostUntil
}

// queue copies a sealed frame into a ring that has room.
func (m *MAC) queue(r *ring, h *wire.Header, mpdu []byte, p purpose, of part) {
	o := r.push()
	o.n = copy(o.octets[:], mpdu)
	o.purpose, o.version, o.noSeq, o.seq, o.dst, o.secured = p, h.Version, h.NoSeq, h.Seq, h.Dst, h.Secured
	o.ack, o.part = h.AckRequest && !everybody(h), of
	m.next()
}

// own sends a frame of the MLME, which goes before those that wait. It is false when too many of them wait.
func (m *MAC) own(h *wire.Header, payload []byte, p purpose) bool {
	r := &m.send.mlme
	if r.count == len(r.frames) {
		return false
	}
	var b [wire.MaxFrame]byte
	n := h.Len() + len(payload) + wire.FCSLen
	wire.Put(b[:], *h)
	copy(b[h.Len():], payload)
	wire.Seal(b[:n])
	m.queue(r, h, b[:n], p, part{})
	return true
}

// next begins with the next frame, if none is under way.
func (m *MAC) next() {
	s := &m.send
	if s.step != idle {
		return
	}
	for s.data.count > 0 && s.isLost(&s.data.frames[s.data.oldest], m.loop.Now()) {
		s.data.pop()
		m.stats.Drop(stats.FrameUnacked)
	}
	switch {
	case s.mlme.count > 0:
		s.current = &s.mlme.frames[s.mlme.oldest]
	case s.data.count > 0 && !m.scanning:
		s.current = &s.data.frames[s.data.oldest]
	default:
		s.step = idle
		return
	}
	s.retries = 0
	m.attempt()
}

// attempt begins CSMA-CA for the current frame: NB is 0 and BE macMinBe. With Aloha the frame goes out as soon as the space
// after the last one is over; a repeat waits like a backoff, or two that collided would collide for ever.
func (m *MAC) attempt() {
	s := &m.send
	s.nb, s.be = 0, m.config.minBE()
	if m.config.Aloha && s.retries == 0 {
		s.step = turn
		s.timer.Set(max(m.loop.Now(), s.notUntil))
		return
	}
	m.delay()
}

// delay waits 0 to 2^BE - 1 backoff periods, after the space between frames.
func (m *MAC) delay() {
	s := &m.send
	s.step = backoff
	s.timer.Set(max(m.loop.Now(), s.notUntil) + time.Duration(m.random.IntN(1<<s.be))*unitBackoff)
}

// proceed is due at the end of each step.
func (m *MAC) proceed() {
	s := &m.send
	switch s.step {
	case backoff:
		if m.config.Aloha {
			m.transmit()
			return
		}
		s.step = assess
		s.timer.After(ccaTime)
	case assess:
		if m.radio.Busy(ccaTime) || m.acks.waiting > 0 {
			m.busy()
			return
		}
		s.step = turn
		s.timer.After(turnaround)
	case turn:
		m.transmit()
	case onAir:
		m.out()
	case awaitAck:
		if s.current.version >= wire.V2015 && m.radio.Busy(0) && !m.overdue() { // an enhanced one may be coming in
			s.timer.After(unitBackoff)
			return
		}
		m.unacknowledged()
	}
}

// overdue tells whether even the longest acknowledgement would have come.
func (m *MAC) overdue() bool {
	return m.loop.Now() >= m.send.notUntil+m.config.ackWait()+m.radio.Airtime(maxEnhAck)
}

// busy is a channel that is not clear.
func (m *MAC) busy() {
	s := &m.send
	m.stats.MAC.Busy++
	if s.nb++; s.nb > m.config.maxBackoffs() {
		m.finish(false, ChannelAccess)
		return
	}
	s.be = min(s.be+1, m.config.maxBE())
	m.delay()
}

func (m *MAC) transmit() {
	s := &m.send
	if !m.radio.Send(s.current.octets[:s.current.n]) { // an acknowledgement of ours is on the air
		m.busy()
		return
	}
	s.step = onAir
	s.timer.After(m.radio.Airtime(s.current.n))
}

// out is the end of a frame on the air.
func (m *MAC) out() {
	s := &m.send
	space := time.Duration(lifs)
	if s.current.n <= maxSIFSFrame {
		space = sifs
	}
	s.notUntil = m.loop.Now() + space
	if !s.current.ack {
		m.finish(true, 0)
		return
	}
	s.step = awaitAck
	s.timer.After(m.config.ackWait())
}

// unacknowledged sends the frame once more, unless that was done often enough (6.7.4.3).
func (m *MAC) unacknowledged() {
	s := &m.send
	if s.retries >= m.config.maxRetries() {
		m.finish(false, NoAck)
		return
	}
	s.retries++
	m.stats.MAC.Retries++
	m.attempt()
}

// finish is done with the current frame.
func (m *MAC) finish(delivered bool, why Failure) {
	s := &m.send
	s.timer.Stop()
	o := s.current
	s.step, s.current = idle, nil
	p, dst, of := o.purpose, o.dst, o.part
	if r := &s.mlme; r.count > 0 && o == &r.frames[r.oldest] {
		r.pop()
	} else {
		s.data.pop()
	}
	if !delivered {
		if why == NoAck {
			m.stats.Drop(stats.FrameUnacked)
		} else {
			m.stats.Drop(stats.ChannelBusy)
		}
		if of.id != 0 {
			s.lost, s.lostUntil = of, m.loop.Now()+lostFor
		}
		m.undelivered(dst, why)
	}
	if p != forData {
		m.link.sent(p, dst, delivered)
	}
	m.next()
	if s.refused && s.data.count < len(s.data.frames) && m.handler != nil {
		s.refused = false
		m.handler.Ready()
	}
}

// undelivered tells that a frame was given up.
func (m *MAC) undelivered(dst link.Addr, why Failure) {
	if m.config.Undelivered != nil && !dst.IsZero() {
		m.config.Undelivered(dst, why)
	}
}

// Ready implements driver.Handler for the radio. The MAC knows by the airtime when it has room.
func (m *MAC) Ready() {}
