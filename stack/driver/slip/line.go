package slip

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
)

// errFull says that the other side does not read.
var errFull = errors.New("slip: the line takes no more")

// line is a stream of octets as a medium of frames. Read is called by one goroutine, Write and Close by the loop, and a
// goroutine of its own writes, because a stream may block.
type line struct {
	stream  io.ReadWriteCloser
	decoder Decoder // the reader's
	in      []byte  // octets that were read, the reader's
	unread  []byte  // of in
	frame   []byte  // what is decoded, the reader's

	before, escapes, cut, long atomic.Uint64 // what the decoder has counted, for others to see

	free, full chan []byte // buffers for frames to be written
	writing    sync.WaitGroup
}

func newLine(stream io.ReadWriteCloser, limit, frames int) *line {
	l := &line{stream: stream, in: make([]byte, 4096), frame: make([]byte, limit), free: make(chan []byte, frames), full: make(chan []byte, frames)}
	for range frames {
		l.free <- nil // made when it is needed
	}
	l.writing.Go(l.write)
	return l
}

// Read gives the next frame.
func (l *line) Read(b []byte) (int, error) {
	for {
		for i, c := range l.unread {
			if n, done := l.decoder.Octet(l.frame, c); done {
				l.unread = l.unread[i+1:]
				l.publish()
				return copy(b, l.frame[:n]), nil
			}
		}
		l.publish()
		n, err := l.stream.Read(l.in)
		l.unread = l.in[:n]
		if n == 0 && err != nil {
			return 0, err
		}
	}
}

// Write has a frame written, unless too many wait already.
func (l *line) Write(frame []byte) (int, error) {
	select {
	case b := <-l.free:
		l.full <- Append(b[:0], frame) // there is room for all buffers
		return len(frame), nil
	default:
		return 0, errFull
	}
}

// Close is called once.
func (l *line) Close() error {
	close(l.full)
	return l.stream.Close()
}

// write writes until the line is closed. After an error it takes what is sent and loses it: the reader tells of the end.
func (l *line) write() {
	var err error
	for b := range l.full {
		if err == nil {
			_, err = l.stream.Write(b)
		}
		l.free <- b
	}
}

func (l *line) publish() {
	l.before.Store(l.decoder.Before)
	l.escapes.Store(l.decoder.Escapes)
	l.cut.Store(l.decoder.Cut)
	l.long.Store(l.decoder.Long)
}

func (l *line) noise() Noise {
	return Noise{Before: l.before.Load(), Escapes: l.escapes.Load(), Cut: l.cut.Load(), Long: l.long.Load()}
}
