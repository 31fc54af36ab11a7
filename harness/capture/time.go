package capture

import (
	"math/bits"
	"time"
)

// A resolution is the option if_tsresol: the top bit chooses powers of 2 instead of powers of 10, the rest is the
// negative exponent.
type resolution uint8

const (
	microseconds resolution = 6 // where the option is missing
	nanoseconds  resolution = 9
)

// split cuts ticks of the resolution into whole seconds and nanoseconds, rounded down.
func (r resolution) split(ticks uint64) (sec uint64, nsec int64) {
	n := uint(r &^ 0x80)
	if r&0x80 != 0 {
		return splitBinary(ticks, n)
	}
	if n <= 19 { // 10^19 is the largest power of 10 in 64 bits
		unit := pow10(n)
		sec, ticks = ticks/unit, ticks%unit
	}
	switch {
	case n <= 9:
		return sec, int64(ticks * pow10(9-n))
	case n-9 <= 19:
		return sec, int64(ticks / pow10(n-9))
	}
	return 0, 0 // finer than any 64-bit count can show in nanoseconds
}

func splitBinary(ticks uint64, n uint) (sec uint64, nsec int64) {
	if n < 64 {
		sec, ticks = ticks>>n, ticks&(1<<n-1)
	}
	hi, lo := bits.Mul64(ticks, uint64(time.Second))
	switch {
	case n == 0:
		return sec, 0
	case n < 64:
		return sec, int64(hi<<(64-n) | lo>>n)
	}
	return 0, int64(hi >> (n - 64))
}

func pow10(n uint) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// at is the time of a 64-bit time stamp of the interface.
func (i *Interface) at(ticks uint64) time.Time {
	sec, nsec := i.resolution.split(ticks)
	return time.Unix(int64(sec)+i.offset, nsec).UTC()
}
