package register

// sequenceWindow is how far two transaction ids may be apart to be compared (RFC 8505, 5.2.1).
const sequenceWindow = 16

// firstTID is what a counter begins with: it tells of a restart until it wraps (5.2.1).
const firstTID = 256 - sequenceWindow

// nextTID counts up: a straight line from 128 to 255, then a circle from 0 to 127.
func nextTID(t uint8) uint8 {
	if t == 127 || t == 255 {
		return 0
	}
	return t + 1
}

// An age is how one transaction id stands to another.
type age int8

const (
	older age = iota - 1
	same
	newer
	unknown // too far apart
)

// compareTID tells whether a is newer than b, by the rules of RFC 8505, 5.2.1.
func compareTID(a, b uint8) age {
	switch {
	case a == b:
		return same
	case a >= 128 && b < 128:
		if 256+int(b)-int(a) <= sequenceWindow {
			return older
		}
		return newer
	case a < 128 && b >= 128:
		return -compareTID(b, a)
	}
	size := 128 // of the circle, and of the straight line as well
	d := int(a) - int(b)
	if a >= 128 { // RFC 1982 with eight bits
		size = 256
	}
	if d > size/2 {
		d -= size
	} else if d < -size/2 {
		d += size
	}
	switch {
	case d > 0 && d <= sequenceWindow:
		return newer
	case d < 0 && d >= -sequenceWindow:
		return older
	}
	return unknown
}
