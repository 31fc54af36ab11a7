package judge

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// security is the auxiliary security header of a frame of IEEE 802.15.4 (clause 9 of the edition of 2015). The judge has no
// keys: what it holds against each other is what stands there in clear.
type security struct {
	control uint8
	counted bool // there is a frame counter
	counter uint32
	key     string // how the key is named
	at      int    // in the frame
	before  *counted
}

// counted is the last frame that a station secured with a key.
type counted struct {
	counter uint32
	frame   []byte
	level   uint8
}

// countedKey is a station and a key as it names it.
type countedKey struct{ src, key string }

const (
	maxCounted   = 1024
	lastOfFrames = 0xffffffff // no frame has this counter (9.2)
)

func (s *security) level() uint8 { return s.control & 7 }

// code is how long the message integrity code is, in octets.
func (s *security) code() int { return [4]int{0, 4, 8, 16}[s.control&3] }

// readSecurity reads the header that a secured frame of version 1 or 2 has behind its addresses.
func (m *mac) readSecurity(c *cursor) *security {
	s := &security{at: m.end - len(c.b)}
	s.control = c.u8()
	if s.counted = m.version < 2 || s.control&0x20 == 0; s.counted {
		if b := c.take(4); !c.short {
			s.counter = binary.LittleEndian.Uint32(b)
		}
	}
	mode := s.control >> 3 & 3
	name := append([]byte{mode}, c.take([4]int{0, 0, 4, 8}[mode])...)
	if mode > 0 {
		name = append(name, c.u8())
	}
	s.key = string(name)
	return s
}

// remember looks up the station's last frame under the key, and puts this one in its place.
func (m *mac) remember() {
	s := m.security
	k := countedKey{string(m.src), s.key}
	if len(m.src) == 0 || !s.counted {
		return
	}
	if was, ok := m.j.counters[k]; ok {
		s.before = &was
	} else if len(m.j.counters) == maxCounted {
		clear(m.j.counters)
	}
	if s.before == nil || s.counter >= s.before.counter {
		m.j.counters[k] = counted{s.counter, bytes.Clone(m.f.Data), s.level()}
	}
}

// lifted is the payload of a secured frame, where somebody else has opened it; nil where nobody has.
func (m *mac) lifted() []byte {
	end := m.end - m.security.code()
	if len(m.f.Opened) != len(m.f.Data) || end < m.at {
		return nil
	}
	return m.f.Opened[m.at:end]
}

// again tells whether a frame is the one before it once more, which its sender had no acknowledgement for.
func (m *mac) again() bool { return bytes.Equal(m.security.before.frame, m.f.Data) }

var securityRules = []rule[mac]{
	{Rule{"802.15.4.security.reserved", "IEEE802154:9.4-1", "security control", "reserved bits of the security control field are zero"},
		func(m *mac) *fault {
			reserved := uint8(0xe0)
			if m.version == 2 {
				reserved = 0x80
			}
			c := m.security.control
			return when(c&reserved != 0, m.security.at, fmt.Sprintf("%#02x", c), fmt.Sprintf("%#02x", c&^reserved))
		}},
	{Rule{"802.15.4.security.counter", "IEEE802154:9.2-8", "frame counter", "the frame counter of a station grows under each key"},
		func(m *mac) *fault {
			s := m.security
			return when(s.before != nil && s.counter < s.before.counter && !m.j.opts.Mirrored, s.at+1, fmt.Sprint(s.counter), fmt.Sprintf("more than %d", lastOf(s)))
		}},
	{Rule{"802.15.4.security.nonce", "IEEE802154:9.3-5", "frame counter", "under one key a nonce is used once"},
		func(m *mac) *fault {
			s := m.security
			twice := s.before != nil && s.counter == s.before.counter && s.level() == s.before.level && !m.again()
			return when(twice, s.at+1, fmt.Sprintf("%d in another frame", s.counter), "one that was not used")
		}},
	{Rule{"802.15.4.security.last", "IEEE802154:9.2-9", "frame counter", "no frame has the frame counter 0xffffffff"},
		func(m *mac) *fault {
			s := m.security
			return when(s.counted && s.counter == lastOfFrames, s.at+1, "0xffffffff", "no frame")
		}},
}

func lastOf(s *security) uint32 {
	if s.before == nil {
		return 0
	}
	return s.before.counter
}

var demandRules = []rule[mac]{
	{Rule{"802.15.4.security.level", "IEEE802154:9.4-3", "security level", "a data frame has the security that is asked for"},
		func(m *mac) *fault {
			t := m.j.opts.Target
			if t == nil || t.Level == 0 || m.kind != macData {
				return nil
			}
			has := uint8(0)
			if m.security != nil {
				has = m.security.level()
			}
			less := has&3 < t.Level&3 || has&4 < t.Level&4
			return when(less, 0, fmt.Sprintf("level %d", has), fmt.Sprintf("level %d", t.Level))
		}},
}
