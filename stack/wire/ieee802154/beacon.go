package ieee802154

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/link"
)

// Superframe is the superframe specification of a beacon (7.3.1).
type Superframe uint16

// NoBeacons is the superframe specification of a network without regular beacons: both orders 15.
const NoBeacons Superframe = 0x00ff

// Bits of a superframe specification.
const (
	SuperframeCoordinator Superframe = 1 << 14 // the beacon is of the PAN coordinator
	SuperframePermit      Superframe = 1 << 15 // stations may associate
)

// BeaconOrder is 0 to 14, or 15 for a network without regular beacons.
func (s Superframe) BeaconOrder() int { return int(s & 15) }

// A BeaconInfo is what a beacon of versions 0 and 1 has before its payload (7.3.1). Enhanced beacons, of version 2, have
// information elements instead.
type BeaconInfo struct {
	Superframe Superframe
	GTS        uint8  // the GTS specification (7.3.1)
	GTSInfo    []byte // directions and list of guaranteed time slots, as they stand
	Short      []byte // of whose stations frames wait: short addresses, as they stand
	Extended   []byte // likewise extended ones
}

// ParseBeacon reads what the payload of a beacon frame begins with; rest is the beacon's payload.
func ParseBeacon(b []byte) (i BeaconInfo, rest []byte, err error) {
	r := wire.NewReader(b)
	i = BeaconInfo{Superframe: Superframe(u16(&r)), GTS: r.U8()}
	if n := int(i.GTS & 7); n > 0 {
		i.GTSInfo = r.Bytes(1 + 3*n)
	}
	pending := r.U8()
	if n := int(pending & 7); n > 0 {
		i.Short = r.Bytes(2 * n)
	}
	if n := int(pending >> 4 & 7); n > 0 {
		i.Extended = r.Bytes(8 * n)
	}
	if r.Short() {
		return BeaconInfo{}, nil, wire.ErrShort
	}
	return i, r.Rest(), nil
}

// AppendBeacon adds what stands before a beacon's payload. At most seven addresses of each kind have room.
func AppendBeacon(b []byte, i BeaconInfo) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(i.Superframe))
	b = append(append(b, i.GTS), i.GTSInfo...)
	b = append(b, byte(len(i.Short)/2&7|len(i.Extended)/8&7<<4))
	return append(append(b, i.Short...), i.Extended...)
}

// Waits tells whether a beacon says that a frame waits for an address.
func (i *BeaconInfo) Waits(a link.Addr) bool {
	list := i.Short
	if a.Len() == 8 {
		list = i.Extended
	}
	var room [8]byte
	want := appendAddr(room[:0], a)
	for n := len(want); n > 0 && len(list) >= n; list = list[n:] {
		if string(list[:n]) == string(want) {
			return true
		}
	}
	return false
}

// AppendWaiting adds an address to a list of those for which frames wait.
func AppendWaiting(list []byte, a link.Addr) []byte { return appendAddr(list, a) }
