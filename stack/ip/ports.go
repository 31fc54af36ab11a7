package ip

// Ports from which one is chosen when none is asked for (RFC 6335, 6).
const (
	firstEphemeral = 49152
	lastEphemeral  = 65535
)

// Ports is the ports, ends included, from which a transport chooses one when none is asked for. The zero Ports, or an end
// that is 0, means those of RFC 6335.
type Ports struct{ First, Last uint16 }

// Bounds are the ends. There is always one port between them.
func (r Ports) Bounds() (first, last int) {
	first, last = firstEphemeral, lastEphemeral
	if r.First != 0 {
		first = int(r.First)
	}
	if r.Last != 0 {
		last = int(r.Last)
	}
	return first, max(first, last)
}

// Avoids tells whether a port is not chosen where another one can be: of the sixteen that 6LoWPAN compresses to 4 bits (RFC
// 6282, 4.3.1), unless the ends were asked for.
func (r Ports) Avoids(port uint16) bool { return r == Ports{} && port>>4 == 0xf0b }
