package ieee802154

import (
	"math/rand/v2"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/stats"
	wire "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// A MAC is the lower half: a driver.Device between an interface and a radio.
//
// It sends one frame at a time, by the steps of csma.go; others wait in two rings, of which that with the MLME's own frames
// goes first. Acknowledgements of what it receives go out beside that, when their time comes.
type MAC struct {
	loop    *clock.Loop
	radio   Radio
	config  Config
	random  *rand.Rand
	handler driver.Handler
	link    *Link
	stats   *stats.Node // the interface's, from New on
	closed  bool

	// Attributes of the PIB.
	extended    link.Addr
	short       uint16
	pan         uint16
	channel     int
	power       int
	coordinator bool // of the PAN
	promiscuous bool
	scanning    bool // nothing but beacons is received, and nothing but the MLME's frames is sent

	send   sender
	acks   acker
	seen   []heard // by whom, the last frame that was taken from each
	seenAt int     // the entry that gives way next
	keys   keys

	scratch [wire.MaxFrame]byte
}

// NewMAC makes the device of an interface. Frames come and go after New has put a Link on it and the interface is up.
func NewMAC(l *clock.Loop, r Radio, c Config) *MAC {
	m := &MAC{
		loop: l, radio: r, config: c, random: c.Random, stats: new(stats.Node),
		extended: c.Extended, short: c.Short, pan: c.PAN, channel: c.channel(), power: c.Power,
	}
	if m.random == nil {
		m.random = rand.New(rand.NewPCG(0, 0))
	}
	if m.short == 0 {
		m.short = wire.Broadcast
	}
	if c.AckWait == 0 {
		m.config.AckWait = c.ackWait() + 2*latency(r)
	}
	m.send.init(m)
	m.acks.timer.Init(l, m.sendAck)
	m.keys.init(c.Security)
	return m
}

// Radio is the radio.
func (m *MAC) Radio() Radio { return m.radio }

// Start implements driver.Device. The radio has the channel and the power of the configuration if it has them at all;
// what it refuses, Link.SetChannel and SetPower tell.
func (m *MAC) Start(h driver.Handler) {
	m.handler = h
	m.radio.Start(m)
	_, _ = m.radio.Tune(m.channel), m.radio.SetPower(m.power)
}

// HasCarrier implements driver.Carrier.
func (m *MAC) HasCarrier() bool { return driver.CarrierOf(m.radio) }

// Carrier implements driver.CarrierHandler for the radio.
func (m *MAC) Carrier(on bool) { driver.TellCarrier(m.handler, on) }

// SetPromiscuous implements driver.Promiscuous: every frame with a good FCS passes, acknowledgements too (6.7.2).
func (m *MAC) SetPromiscuous(on bool) error {
	m.promiscuous = on
	return driver.SetPromiscuous(m.radio, on)
}

// Close implements driver.Device.
func (m *MAC) Close() error {
	m.closed = true
	m.send.timer.Stop()
	m.acks.timer.Stop()
	return m.radio.Close()
}

// Receive implements driver.Handler for the radio: what is damaged, a duplicate or not for this station goes no further,
// what asks for an acknowledgement gets one, and the rest is the interface's.
func (m *MAC) Receive(mpdu []byte) {
	if m.closed || m.handler == nil {
		return
	}
	frame, err := wire.Check(mpdu)
	if err != nil {
		m.stats.Drop(stats.FrameChecksum)
		return
	}
	h, payload, err := wire.Parse(frame)
	switch {
	case err != nil:
		m.stats.Drop(stats.FrameInvalid)
		return
	case h.Type == wire.Ack:
		m.acknowledged(&h, frame, payload)
		if m.promiscuous {
			m.handler.Receive(mpdu)
		}
		return
	case m.scanning:
		if h.Type == wire.Beacon {
			m.link.scanned(&h, payload, m.radio.LQI())
		}
		if m.promiscuous {
			m.handler.Receive(mpdu)
		}
		return
	case !m.accepts(&h):
		if m.promiscuous {
			m.handler.Receive(mpdu)
		} else {
			m.stats.Drop(stats.OtherStation)
		}
		return
	}
	if m.wantsAck(&h) {
		m.acknowledge(&h, payload)
	}
	if m.repeated(&h, mpdu) {
		m.stats.Drop(stats.FrameDuplicate)
		return
	}
	m.handler.Receive(mpdu)
}

// accepts is the third level of filtering (6.7.2): whether a frame is for this station.
func (m *MAC) accepts(h *wire.Header) bool {
	dst, _ := h.PANs()
	if dst && h.DstPAN != m.pan && h.DstPAN != wire.Broadcast {
		return false
	}
	switch h.Dst.Len() {
	case 8:
		return h.Dst == m.extended
	case 2:
		n, _ := wire.AsShort(h.Dst)
		return n == wire.Broadcast || n == m.short && n != wire.Unassigned
	}
	pan, ok := h.Source()
	if h.Type == wire.Beacon { // of the own PAN; of any while there is none
		return m.pan == wire.Broadcast || !ok || pan == m.pan
	}
	return m.coordinator && ok && pan == m.pan // a frame that names its source only is for the PAN coordinator
}

// everybody tells whether a frame is for all.
func everybody(h *wire.Header) bool {
	n, short := wire.AsShort(h.Dst)
	return short && n == wire.Broadcast
}

// repeatTime is how long a frame may be told from one before it with the same octets.
const repeatTime = time.Second

// heard is the last frame of a station that was taken.
type heard struct {
	src link.Addr
	pan uint16
	fcs uint16 // of the whole frame, its sequence number among it
	len int
	at  time.Duration
}

// repeated tells whether a frame is the one before it of the same sender, which did not get the acknowledgement
// (6.7.4.3). Without a sequence number nobody can say.
func (m *MAC) repeated(h *wire.Header, mpdu []byte) bool {
	if h.NoSeq || h.Src.IsZero() || h.Type == wire.Beacon {
		return false
	}
	n := len(mpdu)
	pan, _ := h.Source()
	is := heard{h.Src, pan, uint16(mpdu[n-2]) | uint16(mpdu[n-1])<<8, n, m.loop.Now()}
	for k := range m.seen {
		if o := &m.seen[k]; o.src == is.src && o.pan == is.pan {
			same := o.fcs == is.fcs && o.len == is.len && is.at-o.at < repeatTime
			*o = is
			return same
		}
	}
	if len(m.seen) < m.config.senders() {
		m.seen = append(m.seen, is)
		return false
	}
	m.seen[m.seenAt] = is
	m.seenAt = (m.seenAt + 1) % len(m.seen)
	return false
}
