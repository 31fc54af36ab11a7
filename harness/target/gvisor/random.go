package gvisor

import (
	"math/rand"
	"sync"
)

// A source is a seeded source that several goroutines may draw from: the stack's for everything, secrets, ports and
// identifications included.
type source struct {
	mu  sync.Mutex
	src *rand.Rand
}

func newSource(seed uint64) *source { return &source{src: rand.New(rand.NewSource(int64(seed)))} }

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

// Read fills b, as the stack's source of secrets.
func (s *source) Read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.src.Read(b)
}
