// Package pump brings what comes in from outside, which blocks whoever reads it, onto the loop, which nothing may block.
//
// Two goroutines own a ring of buffers: the reader fills them, the carrier takes all that are full through the node's door at
// a time. The loop sees a frame only within the call. When all are full the reader waits, and what is outside queues or
// drops. Devices are made of it: package zep, and those of package tap and package slip, which are a Device of this package on
// a medium of their own.
package pump

import (
	"io"
	"sync"
)

// A Door runs a function on the node's loop and returns true when it has run, or false when the loop has ended.
// live.Clock.Do is one.
type Door = func(f func()) bool

// A Pump is a ring of frames that have been read.
type Pump struct {
	medium     io.Reader
	door       Door
	free, full chan slot
	quit       chan struct{}
	running    sync.WaitGroup
	readErr    error // why the reader ended; the carrier's once full is closed
}

// slot is a frame of the ring, and how much of it was read.
type slot struct {
	buf []byte
	n   int
}

// Start begins to read: one frame a Read, of at most some octets, as many at a time as frames says. receive is called on the
// loop with each, and ended, once, with the error that a Read gave. Whoever closes the medium calls Stop before it.
func Start(medium io.Reader, frames, octets int, door Door, receive func([]byte), ended func(error)) *Pump {
	p := &Pump{medium: medium, door: door, free: make(chan slot, frames), full: make(chan slot, frames), quit: make(chan struct{})}
	for range frames {
		p.free <- slot{buf: make([]byte, octets)}
	}
	p.running.Go(p.read)
	p.running.Go(func() { p.carry(receive, ended) })
	return p
}

// Stop has no frame read any more than the one that is being read. It does not wait for the goroutines, of which one may be
// at the door; Wait does.
func (p *Pump) Stop() { close(p.quit) }

// Wait returns when the goroutines have ended, which they do after Stop when Read returns. It must not be called on the
// loop.
func (p *Pump) Wait() { p.running.Wait() }

// read fills slots until the medium is closed or fails.
func (p *Pump) read() {
	defer close(p.full)
	for {
		select {
		case <-p.quit:
			return
		case s := <-p.free:
			n, err := p.medium.Read(s.buf)
			if err != nil {
				p.readErr = err
				return
			}
			s.n = n
			p.full <- s // there is room for all slots
		}
	}
}

// carry takes full slots to the loop, as many as there are at a time, until there will be no more.
func (p *Pump) carry(receive func([]byte), ended func(error)) {
	batch := make([]slot, 0, cap(p.full))
	hand := func() {
		for _, s := range batch {
			receive(s.buf[:s.n])
		}
	}
	for s := range p.full {
		batch = append(batch[:0], s)
		for range len(p.full) {
			if s, ok := <-p.full; ok {
				batch = append(batch, s)
			}
		}
		if !p.door(hand) {
			return // the loop has ended; the reader follows when the medium is closed
		}
		for _, s := range batch {
			p.free <- s
		}
	}
	if p.readErr != nil {
		p.door(func() { ended(p.readErr) })
	}
}
