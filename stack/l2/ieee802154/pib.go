package ieee802154

import (
	wire "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// Channel is the channel that the station is on; during a scan, that to which it returns.
func (l *Link) Channel() int { return l.mac.channel }

// SetChannel has the station on another channel. The error is the radio's, or ErrBusy.
func (l *Link) SetChannel(channel int) error {
	if l.mac.scanning || l.join.step != notJoining {
		return ErrBusy
	}
	if err := l.mac.radio.Tune(channel); err != nil {
		return err
	}
	l.mac.channel = channel
	return nil
}

// Power is the transmit power in dBm.
func (l *Link) Power() int { return l.mac.power }

// SetPower sets the transmit power in dBm. The error is the radio's.
func (l *Link) SetPower(dBm int) error {
	if err := l.mac.radio.SetPower(dBm); err != nil {
		return err
	}
	l.mac.power = dBm
	return nil
}

// SetPAN puts the station into a network that it knows of by other means; wire.Broadcast: into none.
func (l *Link) SetPAN(pan uint16) error {
	if l.join.step != notJoining {
		return ErrBusy
	}
	l.mac.pan = pan
	return nil
}

// Extended is the extended address.
func (l *Link) Extended() link.Addr { return l.mac.extended }

// SetExtended changes the extended address, of 8 octets. The interface is down, so that nothing is under way.
func (l *Link) SetExtended(a link.Addr) error {
	if a.Len() != 8 {
		return ErrParameter
	}
	l.mac.extended, l.addrs[0] = a, a
	return nil
}

// Short is the short address; wire.Broadcast and wire.Unassigned: none.
func (l *Link) Short() uint16 { return l.mac.short }

// SetShort gives the station a short address; wire.Broadcast takes it away.
func (l *Link) SetShort(a uint16) error {
	if l.join.step != notJoining {
		return ErrBusy
	}
	l.setShort(a)
	return nil
}

func (l *Link) setShort(a uint16) {
	l.mac.short = a
	l.readdress()
}

// AckRequest tells whether data frames to one station ask for acknowledgements.
func (l *Link) AckRequest() bool { return !l.mac.config.NoAckRequest }

// SetAckRequest says whether they do.
func (l *Link) SetAckRequest(on bool) { l.mac.config.NoAckRequest = !on }

// Security is how frames are protected.
func (l *Link) Security() Security { return l.mac.config.Security }

// SetSecurity says how frames are protected from now on. Frame counters go on where they are.
func (l *Link) SetSecurity(s Security) error {
	switch {
	case s.Level > wire.ENCMIC128 || s.Require > wire.ENCMIC128 || s.KeyMode > wire.KeyIndex || len(s.Keys) > MaxKeys:
		return ErrParameter
	case s.Level != wire.None && !hasKey(&s):
		return ErrParameter
	}
	l.mac.config.Security = s
	l.mac.keys.limit = s.devices()
	l.mac.keys.set(s.Keys)
	return nil
}

// hasKey tells whether the key that frames are to be protected with is there.
func hasKey(s *Security) bool {
	for _, k := range s.Keys {
		if k.Mode == s.KeyMode && (k.Mode == wire.KeyImplicit || k.Index == s.Index) {
			return true
		}
	}
	return false
}

// FrameCounter is that of the next frame that is protected. Whoever starts a station anew with an old key gives it back:
// a counter is used once (9.4).
func (l *Link) FrameCounter() uint32 { return l.mac.keys.counter }

// SetFrameCounter sets it.
func (l *Link) SetFrameCounter(next uint32) { l.mac.keys.counter = next }

// Know tells both addresses of a station that goes by its short one: what it protects is opened with the extended one.
func (l *Link) Know(short uint16, extended link.Addr) { l.mac.keys.know(wire.Short(short), extended) }
