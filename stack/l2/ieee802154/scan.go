package ieee802154

import (
	"errors"
	"math/bits"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/event"
	wire "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// What requests of the MLME are answered with.
var (
	ErrBusy      = errors.New("ieee802154: a scan or an association is under way")
	ErrParameter = errors.New("ieee802154: invalid parameter")
	ErrDown      = errors.New("ieee802154: the interface is down")
	ErrNoPAN     = errors.New("ieee802154: not associated")
)

// A Scan says where to look for networks (8.2).
type Scan struct {
	Channels uint32        // a bit for each channel, by its number
	Duration time.Duration // on each of them
	Active   bool          // ask for beacons; else wait for them
}

// maxFound is how many networks of a scan are told, each once.
const maxFound = 64

// scan is the one that is under way.
type scan struct {
	Scan
	channel int // that is being scanned; 0: none yet
	found   []found
}

type found struct {
	channel int
	pan     uint16
	addr    link.Addr
}

// scanPoll is how often it is asked whether the frame that is being sent is out, before the first channel.
const scanPoll = time.Millisecond

// Scan begins a scan. What it finds is told as events, and that it is over. Meanwhile nothing else is sent or received
// (6.3.1).
func (l *Link) Scan(s Scan) error {
	switch {
	case l.mac.scanning || l.join.step != notJoining:
		return ErrBusy
	case s.Channels == 0 || s.Duration <= 0:
		return ErrParameter
	case !l.iface.Up():
		return ErrDown
	}
	l.scan = scan{Scan: s, found: l.scan.found[:0]}
	l.mac.scanning = true
	l.timer.After(0)
	return nil
}

// CancelScan ends a scan before its time, and tells whether there was one.
func (l *Link) CancelScan() bool {
	if !l.mac.scanning {
		return false
	}
	l.timer.Stop()
	l.endScan()
	return true
}

// due is the timer of the MLME: scan and association are never at once.
func (l *Link) due() {
	switch {
	case !l.mac.scanning:
		l.joinDue()
	case l.scan.channel == 0 && l.mac.send.step != idle:
		l.timer.After(scanPoll)
	default:
		l.nextChannel()
	}
}

// nextChannel goes on to the next channel of the scan.
func (l *Link) nextChannel() {
	s := &l.scan
	for {
		left := s.Channels >> (s.channel + 1) << (s.channel + 1)
		if left == 0 {
			l.endScan()
			return
		}
		s.channel = bits.TrailingZeros32(left)
		if l.mac.radio.Tune(s.channel) == nil {
			break
		}
	}
	l.timer.After(s.Duration)
	if s.Active {
		request := wire.Header{Type: wire.Command, Seq: l.sequence(), Dst: wire.Short(wire.Broadcast), DstPAN: wire.Broadcast}
		l.own(&request, forScan, byte(wire.BeaconRequest))
	}
}

// endScan returns to the channel that the station was on.
func (l *Link) endScan() {
	m := l.mac
	m.scanning = false
	_ = m.radio.Tune(m.channel) // it was there before
	event.Raise(l.sink, event.Event{Code: event.IEEE802154ScanDone, Iface: l.iface.Index})
	m.next()
}

// scanned takes in a beacon of a scan. The radio has it still: nothing of it is kept but by copy.
func (l *Link) scanned(h *wire.Header, payload []byte, lqi uint8) {
	s := &l.scan
	pan, ok := h.Source()
	is := found{s.channel, pan, h.Src}
	if s.channel == 0 || !ok || h.Src.IsZero() || slices.Contains(s.found, is) || len(s.found) == maxFound {
		return
	}
	l.iface.Stats.MAC.BeaconsReceived++
	told := &event.PAN{ID: pan, Channel: s.channel, LQI: lqi}
	if h.Version < wire.V2015 {
		info, rest, err := wire.ParseBeacon(payload)
		if err != nil {
			return
		}
		told.Permit = info.Superframe&wire.SuperframePermit != 0
		if !h.Secured {
			told.Payload = slices.Clone(rest)
		}
	}
	s.found = append(s.found, is)
	event.Raise(l.sink, event.Event{Code: event.IEEE802154ScanResult, Iface: l.iface.Index, Link: h.Src, PAN: told})
}

// sequence is the next number of a frame that is no beacon.
func (l *Link) sequence() uint8 {
	l.dsn++
	return l.dsn - 1
}

// own sends a frame of the MLME. It is false when too many wait.
func (l *Link) own(h *wire.Header, p purpose, payload ...byte) bool {
	if !l.mac.own(h, payload, p) {
		return false
	}
	if h.Type == wire.Command {
		l.iface.Stats.MAC.CommandsSent++
	}
	return true
}

// sent is told what became of a frame of the MLME.
func (l *Link) sent(p purpose, dst link.Addr, delivered bool) {
	switch p {
	case forAssociation, forPoll:
		l.joinSent(p, delivered)
	case forDisassociation:
		l.left()
	case forBeacon:
		l.iface.Stats.MAC.BeaconsSent++
		if l.coordinator != nil {
			l.coordinator.beaconWaits = false
		}
	case forResponse:
		if l.coordinator != nil {
			l.coordinator.answered(dst, delivered)
		}
	}
}

// command does what a command frame asks for.
func (l *Link) command(h *wire.Header, payload []byte) {
	if len(payload) == 0 {
		return
	}
	id, rest := wire.CommandID(payload[0]), payload[1:]
	switch {
	case id == wire.AssociationResponse:
		l.associated(h, rest)
	case id == wire.Disassociation && h.Src == l.parent8 && !l.parent8.IsZero():
		l.left()
	case l.coordinator != nil:
		l.coordinator.command(h, id, rest)
	}
}
