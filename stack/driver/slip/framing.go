package slip

// The octets that mean something on a line (RFC 1055, "SLIP characters").
const (
	end    = 0o300
	esc    = 0o333
	escEnd = 0o334
	escEsc = 0o335
)

// Append appends a frame as it is sent: between two ENDs, of which the first ends what noise the receiver has read.
func Append(b, frame []byte) []byte {
	b = append(b, end)
	for _, c := range frame {
		switch c {
		case end:
			b = append(b, esc, escEnd)
		case esc:
			b = append(b, esc, escEsc)
		default:
			b = append(b, c)
		}
	}
	return append(b, end)
}

// A Decoder tells the frames of a line apart, into a buffer that bounds them. Its zero value is at a place of the line of
// which nothing is known.
type Decoder struct {
	Noise

	began   bool // an END was read
	escaped bool // the octet before was ESC
	over    bool // the frame is longer than the buffer
	n       int  // octets of the frame so far
}

// Noise is what a Decoder read that is no frame.
type Noise struct {
	Before  uint64 // octets before the first END
	Escapes uint64 // ESC before another octet than those that it escapes
	Cut     uint64 // frames that end within an escape
	Long    uint64 // frames longer than the buffer
}

// Octet takes the next octet of a line. When it ends a frame, done is true and the frame is in the first n octets of b,
// which is the same buffer from the first octet of a frame to its last.
func (d *Decoder) Octet(b []byte, c byte) (n int, done bool) {
	if c == end {
		return d.ended()
	}
	if !d.began {
		d.Before++
		return 0, false
	}
	switch {
	case d.escaped && c == escEnd:
		c = end
	case d.escaped && c == escEsc:
		c = esc
	case d.escaped: // "leave the byte alone and just stuff it into the packet", says the RFC's program
		d.Escapes++
	case c == esc:
		d.escaped = true
		return 0, false
	}
	d.escaped = false
	if d.n == len(b) {
		d.over = true
		return 0, false
	}
	b[d.n] = c
	d.n++
	return 0, false
}

// ended is at an END. Nothing between two of them is no frame: a frame may begin with one, and end with one.
func (d *Decoder) ended() (n int, done bool) {
	n, done = d.n, d.began && d.n > 0
	switch {
	case d.over:
		d.Long++
		done = false
	case d.escaped: // the RFC's program would go on; the sender was cut off, and this END begins its next frame
		d.Cut++
		done = false
	}
	d.began, d.escaped, d.over, d.n = true, false, false, 0
	return n, done
}
