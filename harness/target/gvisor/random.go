package gvisor

import (
	"math/rand"
	"sync"
)

// A source is a seeded source that several goroutines may draw from. What it decides (delays of IGMP, times for which a
// neighbour is trusted) follows from the seed, as far as goroutines keep their order; identifications and ports do not,
// which netstack draws from the system.
type source struct {
	mu  sync.Mutex
	src rand.Source
}

func newSource(seed uint64) *source { return &source{src: rand.NewSource(int64(seed))} }

// Int63 implements rand.Source.
func (s *source) Int63() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src.Int63()
}

// Seed implements rand.Source.
func (s *source) Seed(seed int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.src.Seed(seed)
}
