package radio

import (
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
)

// A Station is a radio on a medium, and a driver.Device. A wire end for a tester is one as well: it is started with
// driver.Frames.
type Station struct {
	medium  *Medium
	index   int
	x, y    float64
	channel int
	power   int
	paths   []*Path // by index of the sender
	handler driver.Handler
	closed  bool

	onAir     int           // frames of others that are on the air here
	lastHeard time.Duration // when one was last; negative: never
	receiving *Station      // whose frame is being received, whole so far
	lqi       uint8

	frames  [2][MaxFrame]byte // the one on the air, and the one before it, which may still be looked at
	which   int
	n       int
	sending bool
	refused bool
	until   time.Duration
	heard   []*Station // by whom the frame on the air can be heard
	whole   []*Station // of those, who has received it
	done    clock.Timer
}

// Start implements driver.Device.
func (s *Station) Start(h driver.Handler) { s.handler = h }

// Send implements driver.Device: the frame is on the air from now on. It is false while another one of this station is.
// One that is too long for the length field of the PHY is lost.
func (s *Station) Send(frame []byte) bool {
	switch {
	case s.sending:
		s.refused = true
		return false
	case s.closed || len(frame) > MaxFrame || len(frame) == 0:
		return true
	}
	m := s.medium
	s.which ^= 1
	s.n = copy(s.frames[s.which][:], frame)
	s.sending, s.until = true, m.loop.Now()+m.config.airtime(s.n)
	s.receiving = nil // it hears itself alone
	s.heard = s.heard[:0]
	for _, o := range m.stations {
		if !m.hears(s, o) {
			continue
		}
		s.heard = append(s.heard, o)
		o.onAir++
		switch {
		case o.onAir == 1 && !o.sending:
			o.receiving = s
		case o.receiving != nil: // two frames, and both are gone
			o.receiving = nil
		}
	}
	m.counts.Sent++
	s.done.Set(s.until)
	return true
}

// sent is the end of a frame. All that are to have it are found before anyone gets it: what it causes one station to send
// does not disturb the next.
func (s *Station) sent() {
	m := s.medium
	s.sending = false
	frame := s.frames[s.which][:s.n:s.n]
	s.whole = s.whole[:0]
	for _, o := range s.heard {
		o.onAir--
		o.lastHeard = m.loop.Now()
		if o.receiving == s {
			o.receiving = nil
			s.whole = append(s.whole, o)
		} else {
			m.counts.Collided++
		}
	}
	for _, f := range m.watchers {
		f(s, frame)
	}
	for _, o := range s.whole {
		o.arrives(s, frame)
	}
	if s.refused && s.handler != nil && !s.sending {
		s.refused = false
		s.handler.Ready()
	}
}

// arrives gives a frame that was received whole to its handler, unless chance has it otherwise.
func (s *Station) arrives(from *Station, frame []byte) {
	m := s.medium
	p := m.path(from, s)
	if m.chance(m.config.Loss) || m.chance(p.Loss) {
		m.counts.Lost++
		return
	}
	if s.handler == nil {
		return
	}
	m.counts.Received++
	s.lqi = p.LQI
	if !m.chance(m.config.Damage) {
		s.handler.Receive(frame)
		return
	}
	m.counts.Damaged++
	k, bit := m.config.Random.IntN(len(frame)), byte(1)<<m.config.Random.IntN(8)
	frame[k] ^= bit
	s.handler.Receive(frame)
	frame[k] ^= bit // the next receiver has luck of its own
}

func (m *Medium) chance(p float64) bool {
	return p > 0 && (p >= 1 || m.config.Random.Float64() < p)
}

// Airtime is how long an MPDU of some octets is on the air.
func (s *Station) Airtime(octets int) time.Duration { return s.medium.config.airtime(octets) }

// Busy is clear channel assessment: something was on the air here during the last time d, this station's own frames
// among it.
func (s *Station) Busy(d time.Duration) bool {
	now := s.medium.loop.Now()
	return s.sending || s.onAir > 0 || s.lastHeard >= 0 && s.lastHeard > now-d || s.until > now-d && s.until > 0
}

// Tune chooses a channel, 11 to 26. What was on the air there before is not received, but assessed.
func (s *Station) Tune(channel int) error {
	switch {
	case channel < 11 || channel > 26:
		return ErrChannel
	case channel == s.channel:
		return nil
	}
	s.settle(channel)
	return nil
}

// settle has the station on another channel; 0 is none. A frame that it is sending is cut off.
func (s *Station) settle(channel int) {
	m := s.medium
	if s.sending {
		s.done.Stop()
		s.sending = false
		for _, o := range s.heard {
			o.onAir--
			o.lastHeard = m.loop.Now()
			if o.receiving == s {
				o.receiving = nil
			}
		}
	}
	for _, o := range m.stations { // of those that it hears now it does not hear the end, and of others it does
		if !o.sending || o == s {
			continue
		}
		o.forget(s)
		if o.channel == channel && !m.path(o, s).Off {
			o.heard = append(o.heard, s)
		}
	}
	s.channel, s.receiving, s.onAir = channel, nil, 0
	for _, o := range m.stations {
		if o.sending && m.hears(o, s) {
			s.onAir++
		}
	}
}

// forget takes a station out of those that can hear the frame on the air.
func (s *Station) forget(o *Station) {
	for k, x := range s.heard {
		if x == o {
			s.heard = append(s.heard[:k], s.heard[k+1:]...)
			return
		}
	}
}

// SetPower chooses the transmit power, -40 to 20 dBm. With Config.Range, which is for 0 dBm, 6 dB more reach twice as far.
func (s *Station) SetPower(dBm int) error {
	if dBm < -40 || dBm > 20 {
		return ErrPower
	}
	s.power = dBm
	return nil
}

// LQI is the quality of the frame that is being received, 0 to 255; it is asked within Receive.
func (s *Station) LQI() uint8 { return s.lqi }

// Move puts the station elsewhere. Frames that are on the air are heard, or not, as they were when they began.
func (s *Station) Move(x, y float64) { s.x, s.y = x, y }

// Close implements driver.Device. What the station was sending is cut off.
func (s *Station) Close() error {
	if !s.closed {
		s.settle(0)
		s.closed, s.handler = true, nil
	}
	return nil
}
