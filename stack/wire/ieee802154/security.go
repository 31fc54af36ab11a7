package ieee802154

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/wire"
)

// A Level is how a frame is protected (9.4.1).
type Level uint8

const (
	None      Level = 0
	MIC32     Level = 1
	MIC64     Level = 2
	MIC128    Level = 3
	ENC       Level = 4 // reserved since the edition of 2015: it does not authenticate
	ENCMIC32  Level = 5
	ENCMIC64  Level = 6
	ENCMIC128 Level = 7
)

// MICLen is the octets of the message integrity code.
func (l Level) MICLen() int {
	if l &= 3; l == 0 {
		return 0
	}
	return 2 << l
}

// Encrypts tells whether the payload is ciphertext.
func (l Level) Encrypts() bool { return l&4 != 0 }

// A KeyMode is how a frame names its key (9.4.1).
type KeyMode uint8

const (
	KeyImplicit KeyMode = 0 // by its sender and recipient
	KeyIndex    KeyMode = 1 // by an index, of the default key source
	KeySource4  KeyMode = 2 // by an index, of a source of 4 octets
	KeySource8  KeyMode = 3 // by an index, of a source of 8 octets
)

// Security is the auxiliary security header (9.4).
type Security struct {
	Level      Level
	KeyMode    KeyMode
	NoCounter  bool   // Frame Counter Suppression: the time slot stands for it
	ASNInNonce bool   // the nonce is made of the time slot
	Reserved   bool   // bit 7
	Counter    uint32 // 0 when NoCounter
	Source     [8]byte
	Index      uint8
}

// MICLen is the octets of the message integrity code.
func (s *Security) MICLen() int { return s.Level.MICLen() }

func (s *Security) sourceLen() int {
	switch s.KeyMode {
	case KeySource4:
		return 4
	case KeySource8:
		return 8
	}
	return 0
}

// Len is the length of the auxiliary security header in octets.
func (s *Security) Len() int {
	n := 1 + s.sourceLen()
	if !s.NoCounter {
		n += 4
	}
	if s.KeyMode != KeyImplicit {
		n++
	}
	return n
}

func security(r *wire.Reader) (s Security) {
	c := r.U8()
	s = Security{
		Level: Level(c & 7), KeyMode: KeyMode(c >> 3 & 3),
		NoCounter: c&(1<<5) != 0, ASNInNonce: c&(1<<6) != 0, Reserved: c&(1<<7) != 0,
	}
	if !s.NoCounter {
		s.Counter = u32(r)
	}
	copy(s.Source[:], r.Bytes(s.sourceLen()))
	if s.KeyMode != KeyImplicit {
		s.Index = r.U8()
	}
	return s
}

func (s *Security) append(b []byte) []byte {
	c := byte(s.Level)&7 | byte(s.KeyMode)&3<<3
	for bit, set := range [...]bool{5: s.NoCounter, 6: s.ASNInNonce, 7: s.Reserved} {
		if set {
			c |= 1 << bit
		}
	}
	b = append(b, c)
	if !s.NoCounter {
		b = binary.LittleEndian.AppendUint32(b, s.Counter)
	}
	b = append(b, s.Source[:s.sourceLen()]...)
	if s.KeyMode != KeyImplicit {
		b = append(b, s.Index)
	}
	return b
}
