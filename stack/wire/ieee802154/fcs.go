package ieee802154

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/wire"
)

// FCSLen is the octets of the frame check sequence of the PHYs that are meant here; some others have four (7.2.10).
const FCSLen = 2

// fcsTable is the CRC of each octet: x^16 + x^12 + x^5 + 1 (ITU-T), least significant bit first.
var fcsTable = makeTable() // never written

func makeTable() (t [256]uint16) {
	for i := range t {
		c := uint16(i)
		for range 8 {
			if c&1 != 0 {
				c = c>>1 ^ 0x8408
			} else {
				c >>= 1
			}
		}
		t[i] = c
	}
	return t
}

// FCS is the frame check sequence of a frame (7.2.10); its less significant octet is sent first.
func FCS(frame []byte) (c uint16) {
	for _, o := range frame {
		c = c>>8 ^ fcsTable[byte(c)^o]
	}
	return c
}

// Check judges the FCS of an MPDU and gives the frame without it: wire.ErrShort when there is no room for one,
// wire.ErrChecksum when it is another.
func Check(mpdu []byte) (frame []byte, err error) {
	n := len(mpdu) - FCSLen
	switch {
	case n < 0:
		return nil, wire.ErrShort
	case FCS(mpdu[:n]) != binary.LittleEndian.Uint16(mpdu[n:]):
		return nil, wire.ErrChecksum
	}
	return mpdu[:n:n], nil
}

// Seal fills in the FCS, the last two octets of an MPDU. It panics when there is no room for one.
func Seal(mpdu []byte) {
	n := len(mpdu) - FCSLen
	binary.LittleEndian.PutUint16(mpdu[n:], FCS(mpdu[:n]))
}
