package tcp

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/tcp/seq"
)

// secrets are the keys of what must not be guessed. They follow from the node's seed.
type secrets struct {
	isn, stamp, cookie, fastOpen, reuse [16]byte
}

func (s *secrets) init(r *rand.Rand) {
	for _, k := range []*[16]byte{&s.isn, &s.stamp, &s.cookie, &s.fastOpen, &s.reuse} {
		binary.LittleEndian.PutUint64(k[:], r.Uint64())
		binary.LittleEndian.PutUint64(k[8:], r.Uint64())
	}
}

// keyed is a keyed hash of two addresses with ports, and a number more: SHA-256 of the key and them, of fixed length.
func keyed(key *[16]byte, a, b netip.AddrPort, n uint32) uint64 {
	var m [16 + 18 + 18 + 4]byte
	copy(m[:], key[:])
	a16, b16 := a.Addr().As16(), b.Addr().As16()
	copy(m[16:], a16[:])
	binary.BigEndian.PutUint16(m[32:], a.Port())
	copy(m[34:], b16[:])
	binary.BigEndian.PutUint16(m[50:], b.Port())
	binary.BigEndian.PutUint32(m[52:], n)
	h := sha256.Sum256(m[:])
	return binary.BigEndian.Uint64(h[:])
}

// isn is the initial sequence number of a connection: a clock of 4 microseconds and a keyed hash of the connection
// (RFC 9293, 3.4.1, MUST-8, SHLD-1; RFC 6528, 3).
func (t *TCP) isn(local, peer netip.AddrPort) seq.Value {
	m := uint32(t.loop.Now() / (4 * time.Microsecond))
	if t.c.RandomISN.On() {
		m += uint32(keyed(&t.secrets.isn, local, peer, 0))
	}
	if n := seq.Value(m); !t.isAbove || t.above.Less(n) {
		return n
	}
	return t.above.Add(64 << 10) // MAY-2
}

// stampOffset is what is added to the clock of a connection's timestamps (RFC 7323, 5.4): a hash of the addresses, so that
// a peer does not learn how long this host is up, and that timestamps of one connection after the other between the same
// addresses increase (RFC 6191 needs that).
func (t *TCP) stampOffset(local, peer netip.AddrPort) uint32 {
	if !t.c.RandomISN.On() {
		return 0
	}
	if o := &t.offset; o.local != local.Addr() || o.peer != peer.Addr() {
		o.local, o.peer = local.Addr(), peer.Addr()
		o.n = uint32(keyed(&t.secrets.stamp, netip.AddrPortFrom(o.local, 0), netip.AddrPortFrom(o.peer, 0), 0))
	}
	return t.offset.n
}

// stampNow is the clock of timestamps: of 1 ms (RFC 7323, 5.4).
func (t *TCP) stampNow() uint32 { return uint32(t.loop.Now() / time.Millisecond) }
