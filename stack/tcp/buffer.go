package tcp

import "github.com/conform-stack/conform/stack/wire"

// chunkSize is how many octets of a buffer lie together. A connection that holds no data holds no chunk.
const chunkSize = 8192

type chunk [chunkSize]byte

// chunks is the memory of all buffers of a node: bounded, and kept for the next use.
type chunks struct {
	free  []*chunk
	inUse int
	max   int
	freed func() // is called when one came back
}

// freeChunks is how many chunks are kept when nobody needs them.
const freeChunks = 1024

// get gives a chunk to a buffer that holds so many; nil when there is none for it. The last eighth is for buffers that hold
// none, so that those which hold much do not bring all others to a halt. Connections that nobody has accepted get half.
func (m *chunks) get(held int, unaccepted bool) *chunk {
	if !m.has(held, unaccepted) {
		return nil
	}
	m.inUse++
	if n := len(m.free); n > 0 {
		c := m.free[n-1]
		m.free = m.free[:n-1]
		return c
	}
	return new(chunk)
}

// has tells whether get would give one.
func (m *chunks) has(held int, unaccepted bool) bool {
	return m.inUse < m.max && !(held > 0 && m.inUse >= m.max-m.max/8) && !(unaccepted && m.inUse >= m.max/2)
}

func (m *chunks) put(c *chunk) {
	m.inUse--
	m.freed()
	if len(m.free) < freeChunks {
		m.free = append(m.free, c)
	}
}

// scarce tells whether most of the memory is taken: then no buffer grows beyond its first size.
func (m *chunks) scarce() bool { return m.inUse > m.max/4*3 }

// A buffer holds octets at offsets from 0, which may be written in any order. What is discarded at the front moves the
// offsets. How many octets count, and which of them were written, its owner knows.
type buffer struct {
	mem   *chunks
	ring  []*chunk // a power of two; nil where nothing was written
	first int      // index of the chunk that holds offset 0
	skip  int      // where in it
	held  int      // chunks

	unaccepted bool // of a connection that nobody has accepted
}

// span is the part of the chunk at an offset that begins there, at most n octets; nil when nothing was written there.
func (b *buffer) span(off, n int) []byte {
	off += b.skip
	i := off / chunkSize
	if i >= len(b.ring) {
		return nil
	}
	c := b.ring[(b.first+i)&(len(b.ring)-1)]
	if c == nil {
		return nil
	}
	o := off % chunkSize
	return c[o:min(chunkSize, o+n)]
}

// room makes sure that n octets can be written at an offset. It is false when there is no memory.
func (b *buffer) room(off, n int) bool {
	if n == 0 {
		return true
	}
	first, last := (b.skip+off)/chunkSize, (b.skip+off+n-1)/chunkSize
	for last >= len(b.ring) {
		b.grow()
	}
	for i := first; i <= last; i++ {
		p := &b.ring[(b.first+i)&(len(b.ring)-1)]
		if *p == nil {
			if *p = b.mem.get(b.held, b.unaccepted); *p == nil {
				return false
			}
			b.held++
		}
	}
	return true
}

// could tells whether there is room for an octet at an offset, or memory for it.
func (b *buffer) could(off int) bool {
	return len(b.span(off, 1)) > 0 || b.mem.has(b.held, b.unaccepted)
}

func (b *buffer) grow() {
	ring := make([]*chunk, max(2, 2*len(b.ring)))
	for i := range b.ring {
		ring[i] = b.ring[(b.first+i)&(len(b.ring)-1)]
	}
	b.ring, b.first = ring, 0
}

// write copies octets to an offset for which there is room.
func (b *buffer) write(off int, p []byte) {
	for len(p) > 0 {
		n := copy(b.span(off, len(p)), p)
		off, p = off+n, p[n:]
	}
}

// writeSum is write, and sums what it copies.
func (b *buffer) writeSum(off int, p []byte) (sum wire.Sum) {
	for odd := false; len(p) > 0; {
		to := b.span(off, len(p))
		sum = join(sum, wire.SumCopy(to, p[:len(to)]), odd)
		odd = odd != (len(to)&1 != 0)
		off, p = off+len(to), p[len(to):]
	}
	return sum
}

// read copies octets from an offset at which as many were written.
func (b *buffer) read(off int, p []byte) {
	for len(p) > 0 {
		n := copy(p, b.span(off, len(p)))
		off, p = off+n, p[n:]
	}
}

// readSum is read, and sums what it copies.
func (b *buffer) readSum(off int, p []byte) (sum wire.Sum) {
	for odd := false; len(p) > 0; {
		from := b.span(off, len(p))
		sum = join(sum, wire.SumCopy(p[:len(from)], from), odd)
		odd = odd != (len(from)&1 != 0)
		off, p = off+len(from), p[len(from):]
	}
	return sum
}

// join adds the sum of a part; odd says that the part begins at an odd offset.
func join(sum, part wire.Sum, odd bool) wire.Sum {
	if odd {
		f := part.Fold()
		part = wire.Sum(f>>8 | f<<8)
	}
	return sum + part
}

// discard gives up n octets at the front.
func (b *buffer) discard(n int) {
	b.skip += n
	for b.skip >= chunkSize {
		b.release(b.first)
		b.first = (b.first + 1) & (len(b.ring) - 1)
		b.skip -= chunkSize
	}
}

// clear gives up everything.
func (b *buffer) clear() {
	for i := range b.ring {
		b.release(i)
	}
	b.first, b.skip = 0, 0
}

// drop gives up everything, and the ring.
func (b *buffer) drop() {
	b.clear()
	b.ring = nil
}

func (b *buffer) release(i int) {
	if c := b.ring[i]; c != nil {
		b.mem.put(c)
		b.ring[i] = nil
		b.held--
	}
}
