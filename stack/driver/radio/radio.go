// Package radio is a virtual medium that stations share, as IEEE 802.15.4 at 2450 MHz has it: what one sends all in range
// hear, and two at a time nobody.
//
// A frame takes its airtime: 32 us an octet, and six octets of preamble, delimiter and length in front. It arrives at its
// end, at the stations that heard it whole: in range, on its channel, sending nothing themselves, with no other frame on
// the air there at any time of it, the hidden station's among them. Nothing tells the sender. Loss and damage come on top,
// for each receiver by itself.
//
// Who hears whom is one of three: all do; with Config.Range those within a distance of each other; and a Path says so for
// one direction of one pair, whatever else holds.
package radio

import (
	"cmp"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
)

// MaxFrame is the longest frame in octets, FCS included (aMaxPHYPacketSize).
const MaxFrame = 127

// Config describes a medium.
type Config struct {
	BitRate int64 // bits a second; 0 means 250000
	Range   float64
	Loss    float64 // of all frames, 0 to 1, that a receiver misses
	Damage  float64 // likewise that arrive with an octet changed
	Random  *rand.Rand
}

func (c *Config) bitRate() int64 { return cmp.Or(c.BitRate, 250000) }

// A Path is how a station hears another one.
type Path struct {
	Off  bool    // it does not, and is not disturbed by it either
	Loss float64 // of its frames; with 1 it is only disturbed
	LQI  uint8   // 0 means 255
}

// A Medium is one place where stations are. It belongs to a loop.
type Medium struct {
	loop     *clock.Loop
	config   Config
	stations []*Station
	watchers []func(from *Station, frame []byte)
	counts   Counts
}

// Counts are frames, and what became of them at each station that could have heard them.
type Counts struct {
	Sent     uint64
	Received uint64
	Collided uint64 // another frame was on the air, or the station sent itself
	Lost     uint64 // Config.Loss and Path.Loss
	Damaged  uint64 // received, with an octet changed
}

// New makes a medium without stations. Loss and damage need Config.Random.
func New(l *clock.Loop, c Config) *Medium { return &Medium{loop: l, config: c} }

// Counts is what has happened so far.
func (m *Medium) Counts() Counts { return m.counts }

// Watch has f see every frame at its end, whoever hears it. The octets are good during the call.
func (m *Medium) Watch(f func(from *Station, frame []byte)) { m.watchers = append(m.watchers, f) }

// Station adds a station at a place. It is on channel 26, and a device without handler until it is started.
func (m *Medium) Station(x, y float64) *Station {
	s := &Station{medium: m, index: len(m.stations), x: x, y: y, channel: 26, lastHeard: -1}
	s.done.Init(m.loop, s.sent)
	m.stations = append(m.stations, s)
	for _, o := range m.stations {
		o.paths = append(o.paths, nil)
		if o != s {
			s.paths = append(s.paths, nil)
		}
	}
	s.paths = s.paths[:len(m.stations)]
	return s
}

// SetPath says how to hears from, one direction of the two. nil is what the rest of the medium says.
func (m *Medium) SetPath(from, to *Station, p *Path) { to.paths[from.index] = p }

// path is how to hears from.
func (m *Medium) path(from, to *Station) Path {
	if p := to.paths[from.index]; p != nil {
		return Path{Off: p.Off, Loss: p.Loss, LQI: cmp.Or(p.LQI, 255)}
	}
	if m.config.Range <= 0 {
		return Path{LQI: 255}
	}
	reach := m.config.Range * math.Pow(10, float64(from.power)/20) // twice the amplitude, twice the way
	d := math.Hypot(from.x-to.x, from.y-to.y)
	if d > reach {
		return Path{Off: true}
	}
	return Path{LQI: uint8(255 - 200*d/reach)}
}

// hears tells whether a frame of from is on the air at to.
func (m *Medium) hears(from, to *Station) bool {
	return from != to && from.channel == to.channel && !to.closed && !m.path(from, to).Off
}

// What a radio refuses.
var (
	ErrChannel = errors.New("radio: there are channels 11 to 26")
	ErrPower   = errors.New("radio: there are -40 to 20 dBm")
)

// Close takes all stations off.
func (m *Medium) Close() error {
	for _, s := range slices.Clone(m.stations) {
		_ = s.Close() // never fails
	}
	return nil
}

// Airtime is how long a frame is on the air.
func (c *Config) airtime(octets int) time.Duration {
	return time.Duration(int64(octets+6) * 8 * int64(time.Second) / c.bitRate())
}
