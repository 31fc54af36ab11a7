package ieee802154

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/l2/ieee802154/ccm"
	wire "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// keys are what frames are protected with, and what is known of who protects theirs (9.5).
type keys struct {
	keys    []*key
	counter uint32 // macFrameCounter: of the next frame that is secured
	devices []device
	limit   int
	known   []station // extended addresses of stations that go by short ones
	nonce   [ccm.NonceLen]byte
}

type key struct {
	Key
	cipher *ccm.Key
}

// device is what is known of a station's use of a key.
type device struct {
	addr link.Addr
	key  *key
	next uint32 // the lowest frame counter that is not a replay
}

// station is one of which both addresses are known.
type station struct{ short, extended link.Addr }

// maxKnown bounds the stations of which both addresses are known.
const maxKnown = 256

// verdict is what became of a frame's protection.
type verdict uint8

const (
	opened   verdict = iota // or sealed
	noKey                   // UNAVAILABLE_KEY
	noDevice                // UNAVAILABLE_DEVICE: the nonce needs the extended address of the sender
	replayed                // COUNTER_ERROR: the counter has been seen, or is the last one
	broken                  // SECURITY_ERROR: the code is another, or there is no room for one
	refused                 // UNSUPPORTED_SECURITY: level 0, or parameters of a network with time slots
	sealed   = opened
)

func (k *keys) init(s Security) {
	k.limit = s.devices()
	k.set(s.Keys)
}

// set takes other keys. What was known of frame counters under a key that stays is kept.
func (k *keys) set(list []Key) {
	was := k.keys
	k.keys = nil
	for _, x := range list[:min(len(list), MaxKeys)] {
		e := &key{Key: x, cipher: ccm.New(x.Key)}
		for _, o := range was {
			if o.Key == x {
				e = o
			}
		}
		k.keys = append(k.keys, e)
	}
	kept := k.devices[:0]
	for _, d := range k.devices {
		for _, e := range k.keys {
			if d.key == e {
				kept = append(kept, d)
			}
		}
	}
	k.devices = kept
}

// find is the key that an auxiliary security header names; nil when there is none (9.5).
func (k *keys) find(s *wire.Security) *key {
	for _, e := range k.keys {
		if e.Mode == s.KeyMode && (s.KeyMode == wire.KeyImplicit || e.Index == s.Index) && e.Source == s.Source {
			return e
		}
	}
	return nil
}

// know remembers both addresses of a station. One that is known by the short address already is another one now.
func (k *keys) know(short, extended link.Addr) {
	for i := range k.known {
		if k.known[i].short == short {
			k.known[i].extended = extended
			return
		}
	}
	if len(k.known) == maxKnown {
		k.known = append(k.known[:0], k.known[1:]...)
	}
	k.known = append(k.known, station{short, extended})
}

// extended is the extended address of a station; the zero Addr when it is not known.
func (k *keys) extended(a link.Addr) link.Addr {
	if a.Len() == 8 {
		return a
	}
	for i := range k.known {
		if k.known[i].short == a && a.Len() == 2 {
			return k.known[i].extended
		}
	}
	return link.Addr{}
}

// makeNonce makes the nonce of a frame: extended address, frame counter, level (9.3).
func (k *keys) makeNonce(source link.Addr, s *wire.Security) {
	a, _ := source.As8()
	copy(k.nonce[:], a[:])
	binary.BigEndian.PutUint32(k.nonce[8:], s.Counter)
	k.nonce[12] = byte(s.Level)
}

// plain is how many octets of a payload are authenticated and never ciphertext (9.3): what a beacon has before its
// own payload, and the id of a command; in version 2 neither.
func plain(h *wire.Header, payload []byte) int {
	if h.Version >= wire.V2015 {
		return 0
	}
	switch h.Type {
	case wire.Beacon:
		if _, rest, err := wire.ParseBeacon(payload); err == nil {
			return len(payload) - len(rest)
		}
		return len(payload)
	case wire.Command:
		return min(1, len(payload))
	}
	return 0
}

// parts divides a frame into what is authenticated only, what is ciphertext as well, and the code. ok is false when it is
// shorter than its code.
func parts(h *wire.Header, frame, payload []byte) (a, m, mic []byte, ok bool) {
	n := len(payload) - h.MICLen()
	if n < 0 {
		return nil, nil, nil, false
	}
	head := len(frame) - len(payload)
	mic = frame[head+n:]
	if !h.Security.Level.Encrypts() {
		return frame[:head+n], nil, mic, true
	}
	open := plain(h, payload[:n])
	return frame[:head+open], frame[head+open : head+n], mic, true
}

// seal protects a frame in its place, with the next frame counter, which it writes into the header; the payload has room
// for the code at its end (9.2).
func (k *keys) seal(own link.Addr, h *wire.Header, frame, payload []byte) verdict {
	s := &h.Security
	e := k.find(s)
	switch {
	case h.Version == wire.V2003 || s.Level == wire.None || s.NoCounter || s.ASNInNonce:
		return refused
	case e == nil:
		return noKey
	case k.counter == 0xffffffff:
		return replayed
	}
	s.Counter = k.counter
	wire.Put(frame, *h)
	a, m, mic, ok := parts(h, frame, payload)
	if !ok {
		return broken
	}
	k.counter++
	k.makeNonce(own, s)
	if s.Level == wire.ENC {
		a = nil
	}
	e.cipher.Seal(&k.nonce, a, m, mic)
	return sealed
}

// open lifts the protection of a frame of a station, by its extended address, in its place (9.2). A frame counter counts
// as seen only when the code shows that the frame is the station's: anybody can write any counter, and one with a high
// counter would lock the station out. So level 4, which has no code, is checked against the counter and does not move it.
func (k *keys) open(from link.Addr, h *wire.Header, frame, payload []byte) verdict {
	s := &h.Security
	e := k.find(s)
	switch {
	case h.Version == wire.V2003 || s.Level == wire.None || s.NoCounter || s.ASNInNonce:
		return refused
	case e == nil:
		return noKey
	case from.Len() != 8:
		return noDevice
	case s.Counter == 0xffffffff:
		return replayed
	}
	d := k.device(from, e)
	if d != nil && s.Counter < d.next {
		return replayed
	}
	a, m, mic, ok := parts(h, frame, payload)
	if !ok {
		return broken
	}
	if s.Level == wire.ENC {
		a = nil
	}
	k.makeNonce(from, s)
	switch {
	case !e.cipher.Open(&k.nonce, a, m, mic):
		return broken
	case s.Level == wire.ENC:
		return opened
	case d == nil && len(k.devices) >= k.limit: // to forget another one would let its frames be replayed
		return noDevice
	case d == nil:
		k.devices = append(k.devices, device{addr: from, key: e})
		d = &k.devices[len(k.devices)-1]
	}
	d.next = s.Counter + 1
	return opened
}

func (k *keys) device(a link.Addr, e *key) *device {
	for i := range k.devices {
		if d := &k.devices[i]; d.addr == a && d.key == e {
			return d
		}
	}
	return nil
}
