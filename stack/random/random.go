// Package random gives each purpose of a node a source of random numbers of its own, so that one more draw for one
// purpose does not shift the others. The same seed and purpose give the same numbers.
package random

import (
	"hash/fnv"
	"math/rand/v2"
)

// New makes the source for a purpose, such as "udp.port".
func New(seed uint64, purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(purpose))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
