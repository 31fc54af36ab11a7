package ieee802154

import (
	"time"

	"github.com/conform-stack/conform/stack/event"
	wire "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// An Association says which network to join, and as what (8.2).
type Association struct {
	Channel     int
	PAN         uint16
	Coordinator link.Addr
	Capability  wire.Capability
}

// joining is how far an association is (6.4.1).
type joining uint8

const (
	notJoining joining = iota
	asking             // the request is under way
	waiting            // it was acknowledged; the coordinator has macResponseWaitTime to decide
	polling            // the answer is being fetched
	fetching           // the coordinator has said that it comes
)

type join struct {
	Association
	step    joining
	pending bool // the acknowledgement of the data request said that there is something
}

// responseWait is macResponseWaitTime: 32 times aBaseSuperframeDuration.
const responseWait = 32 * baseSuperframe

// totalWait is macMaxFrameTotalWaitTime: how long a frame may take to come after the acknowledgement that announces it.
func (c *Config) totalWait() time.Duration {
	m := min(c.maxBE()-c.minBE(), c.maxBackoffs())
	periods := (1<<c.maxBE() - 1) * (c.maxBackoffs() - m)
	for k := range m {
		periods += 1 << (c.minBE() + k)
	}
	return time.Duration(periods)*unitBackoff + 266*symbol
}

// Associate begins to join a network. How it ends is told as an event.
func (l *Link) Associate(a Association) error {
	m := l.mac
	switch {
	case m.scanning || l.join.step != notJoining || l.coordinator != nil:
		return ErrBusy
	case a.Coordinator.Len() != 2 && a.Coordinator.Len() != 8 || a.PAN == wire.Broadcast || m.extended.Len() != 8:
		return ErrParameter
	case !l.iface.Up():
		return ErrDown
	}
	if err := m.radio.Tune(a.Channel); err != nil {
		return err
	}
	m.channel, m.pan = a.Channel, a.PAN
	l.setShort(wire.Broadcast)
	l.parent, l.parent8 = link.Addr{}, link.Addr{}
	l.join = join{Association: a, step: asking}
	h := wire.Header{Type: wire.Command, Seq: l.sequence(), AckRequest: true,
		Dst: a.Coordinator, DstPAN: a.PAN, Src: m.extended, SrcPAN: wire.Broadcast}
	if !l.own(&h, forAssociation, byte(wire.AssociationRequest), byte(a.Capability)) {
		l.joinFails(wire.Status(0xe9)) // NO_ACK: it will not be sent
	}
	return nil
}

// joinSent is told what became of the request and of the data request.
func (l *Link) joinSent(p purpose, delivered bool) {
	j := &l.join
	switch {
	case j.step == notJoining: // a data request by Poll, or the answer was here first
	case !delivered:
		l.joinFails(0xe9) // NO_ACK
	case p == forAssociation:
		j.step = waiting
		l.timer.After(responseWait)
	case !j.pending:
		l.joinFails(0xeb) // NO_DATA
	default:
		j.step = fetching
		l.timer.After(l.mac.config.totalWait())
	}
}

// joinDue is the end of a wait.
func (l *Link) joinDue() {
	switch j := &l.join; j.step {
	case waiting:
		j.step, j.pending = polling, false
		if !l.poll(j.Coordinator) {
			l.joinFails(0xe9)
		}
	case fetching:
		l.joinFails(0xeb)
	}
}

// more is told that the coordinator has something for this station.
func (l *Link) more() { l.join.pending = true }

// Poll asks the coordinator for a frame that waits there for this station. It is for one whose receiver is off when idle.
func (l *Link) Poll() error {
	if l.parent.IsZero() {
		return ErrNoPAN
	}
	if !l.poll(l.parent) {
		return ErrBusy
	}
	return nil
}

// poll sends a data request (7.5.5).
func (l *Link) poll(coordinator link.Addr) bool {
	src := l.addrs[1]
	if src.IsZero() {
		src = l.addrs[0]
	}
	h := wire.Header{Type: wire.Command, Seq: l.sequence(), AckRequest: true, Compressed: true,
		Dst: coordinator, DstPAN: l.mac.pan, Src: src}
	return l.own(&h, forPoll, byte(wire.DataRequest))
}

// associated takes in the coordinator's answer.
func (l *Link) associated(h *wire.Header, rest []byte) {
	j := &l.join
	r, _, err := wire.ParseResponse(rest)
	if err != nil || j.step == notJoining || j.step == asking || h.Src.Len() != 8 || h.Dst != l.addrs[0] ||
		j.Coordinator.Len() == 8 && h.Src != j.Coordinator {
		return
	}
	if r.Status != wire.Associated {
		l.joinFails(r.Status)
		return
	}
	l.timer.Stop()
	j.step = notJoining
	l.setShort(r.Short)
	l.parent, l.parent8 = j.Coordinator, h.Src
	if l.parent.Len() == 2 {
		l.mac.keys.know(l.parent, l.parent8)
	}
	event.Raise(l.sink, event.Event{Code: event.IEEE802154Associated, Iface: l.iface.Index, Link: l.parent,
		PAN: &event.PAN{ID: l.mac.pan, Channel: l.mac.channel, Short: r.Short}})
}

// joinFails gives an association up: the station is in no network.
func (l *Link) joinFails(why wire.Status) {
	l.timer.Stop()
	l.join.step = notJoining
	l.mac.pan = wire.Broadcast
	event.Raise(l.sink, event.Event{Code: event.IEEE802154AssociationFailed, Iface: l.iface.Index, Link: l.join.Coordinator,
		PAN: &event.PAN{ID: l.join.PAN, Channel: l.join.Channel, Status: uint8(why)}})
}

// Disassociate tells the coordinator that this station leaves, and leaves when that is out, whether it was heard or not
// (6.4.2).
func (l *Link) Disassociate() error {
	switch {
	case l.parent.IsZero():
		return ErrNoPAN
	case l.mac.scanning:
		return ErrBusy
	}
	h := wire.Header{Type: wire.Command, Seq: l.sequence(), AckRequest: true, Compressed: true,
		Dst: l.parent, DstPAN: l.mac.pan, Src: l.mac.extended}
	if !l.own(&h, forDisassociation, byte(wire.Disassociation), byte(wire.DeviceWishes)) {
		return ErrBusy
	}
	return nil
}

// left is the end of an association.
func (l *Link) left() {
	if l.parent.IsZero() {
		return
	}
	was := event.Event{Code: event.IEEE802154Disassociated, Iface: l.iface.Index, Link: l.parent,
		PAN: &event.PAN{ID: l.mac.pan, Channel: l.mac.channel}}
	l.parent, l.parent8 = link.Addr{}, link.Addr{}
	l.mac.pan = wire.Broadcast
	l.setShort(wire.Broadcast)
	event.Raise(l.sink, was)
}

// Parent is the coordinator that the station is associated with; the zero Addr when it is with none.
func (l *Link) Parent() link.Addr { return l.parent }
