package ipv6

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"github.com/conform-stack/conform/stack/wire"
)

// labels gives each flow a label that nobody outside can foretell (RFC 6437, 3): a keyed hash of addresses, protocol and
// ports.
type labels struct{ key [4]uint64 }

func (l *labels) init(r *rand.Rand) {
	for i := range l.key {
		l.key[i] = r.Uint64() | 1
	}
}

// of is the label of a packet whose upper layer begins with b.
func (l *labels) of(src, dst *Addr, p wire.Protocol, b []byte) uint32 {
	var ports uint32
	if (p == wire.TCP || p == wire.UDP) && len(b) >= 4 {
		ports = binary.BigEndian.Uint32(b)
	}
	sh, sl := src.Halves()
	dh, dl := dst.Halves()
	h := mix(sh^l.key[0], sl^l.key[1])
	h ^= mix(dh^l.key[2], dl^l.key[3])
	h = mix(h^l.key[0], uint64(ports)<<8|uint64(p)^l.key[2])
	return uint32(h>>44) & 0xfffff
}

func mix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}
