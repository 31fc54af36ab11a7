package target

import (
	"bytes"
	"net"
)

// Security is how frames are secured on a link of IEEE 802.15.4 (clause 9 of the edition of 2015). The zero value secures
// nothing.
type Security struct {
	Level    uint8  // of what both sides send: 1 to 7, 4 aside (9.4.1.1); 0: it is not secured
	KeyMode  uint8  // how frames name their key: 0 not at all, 1 by Index
	KeyIndex uint8  // of the key, in mode 1
	Demand   uint8  // what has less is refused by the target
	Counter  uint32 // in Spec: the frame counter that the target begins with; in Net: the one that the testers begin with
	Keys     []Key  // all that both sides have
	Stations []Host // that have short addresses: a frame from one is secured with the extended address
}

// A Key is what frames are secured with, and how they name it.
type Key struct {
	Mode   uint8 // 0 to 3
	Source []byte
	Index  uint8
	Secret [16]byte
}

// On tells whether there are keys.
func (s Security) On() bool { return len(s.Keys) > 0 }

// Find is the key that a frame names.
func (s Security) Find(mode, index uint8, source []byte) (secret [16]byte, ok bool) {
	for _, k := range s.Keys {
		if k.Mode == mode && (mode == 0 || k.Index == index) && bytes.Equal(k.Source, source) {
			return k.Secret, true
		}
	}
	return secret, false
}

// Extended is the extended address of a station, nil where it is not known.
func (s Security) Extended(a net.HardwareAddr) net.HardwareAddr {
	if len(a) == 8 {
		return a
	}
	for _, h := range s.Stations {
		if len(a) > 0 && bytes.Equal(h.ShortAddr, a) {
			return h.MAC
		}
	}
	return nil
}
