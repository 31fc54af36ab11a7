package tcp

import (
	"encoding/binary"
	"time"
)

// MaxSACK is how many SACK blocks fit into a header (RFC 2018, 3); beside timestamps it is one less.
const MaxSACK = 4

// MaxWScale is the largest shift of a window (RFC 7323, 2.3). A larger one on the wire is used as this one.
const MaxWScale = 14

// Has says which options there are, a bit each.
type Has uint8

const (
	HasMSS Has = 1 << iota
	HasWScale
	HasSACKPermitted
	HasSACK
	HasTimestamps
	HasUserTimeout
	HasFastOpen
)

// A Block is one block of a SACK option: the octets from Start up to, not including, End.
type Block struct{ Start, End uint32 }

// A Cookie is that of Fast Open (RFC 7413, 4.1.1). Its zero is the empty one, which asks for a cookie.
type Cookie struct {
	n uint8
	b [16]byte
}

// MakeCookie takes a cookie of 4 to 16 octets, an even number. Of another number there is none: ok is false.
func MakeCookie(b []byte) (c Cookie, ok bool) {
	if len(b) == 0 || !FastOpenKind.fits(len(b)+2) {
		return Cookie{}, false
	}
	c.n = uint8(copy(c.b[:], b))
	return c, true
}

// Octets are those of the cookie. They alias c.
func (c *Cookie) Octets() []byte { return c.b[:c.n] }

// Request tells whether this is no cookie but a request for one.
func (c *Cookie) Request() bool { return c.n == 0 }

// Options are the known options of a segment. What has no bit in Has was not there, and its fields are zero.
type Options struct {
	Has          Has
	Fault        Fault // the first that was met; options after a WrongSize one are still read
	FaultKind    Kind
	WScale       uint8 // as on the wire: above 14 it means 14, and that is worth a line in a log
	Blocks       uint8 // how many of SACK count
	MSS          uint16
	TSVal, TSEcr uint32
	SACK         [MaxSACK]Block
	UserTimeout  time.Duration // RFC 5482: up to 32767 minutes
	Cookie       Cookie
}

// nopnopTS is how a segment begins that carries timestamps and nothing else, as most do (RFC 7323, appendix A).
const nopnopTS = 0x0101080a

// Parse reads the options into o, of which nothing old remains. Of a kind that stands twice, the last counts.
// Which of them are allowed in this segment, the caller judges.
func (o *Options) Parse(raw RawOptions) {
	if len(raw) == 12 && binary.BigEndian.Uint32(raw) == nopnopTS {
		*o = Options{Has: HasTimestamps, TSVal: binary.BigEndian.Uint32(raw[4:]), TSEcr: binary.BigEndian.Uint32(raw[8:])}
		return
	}
	*o = Options{}
	it := raw.Iter()
	for it.Next() {
		if !it.Kind.fits(len(it.Data) + 2) {
			o.fault(WrongSize, it.Kind)
			continue
		}
		o.take(it.Kind, it.Data)
	}
	if f := it.Fault(); f != None {
		o.fault(f, it.Kind)
	}
}

func (o *Options) fault(f Fault, k Kind) {
	if o.Fault == None {
		o.Fault, o.FaultKind = f, k
	}
}

// take notes an option whose size is right.
func (o *Options) take(k Kind, d []byte) {
	switch k {
	case MSSKind:
		o.Has |= HasMSS
		o.MSS = binary.BigEndian.Uint16(d)
	case WScaleKind:
		o.Has |= HasWScale
		o.WScale = d[0]
	case SACKPermitKind:
		o.Has |= HasSACKPermitted
	case SACKKind:
		o.Has |= HasSACK
		o.Blocks = uint8(len(d) / 8)
		o.SACK = [MaxSACK]Block{}
		for i := range int(o.Blocks) {
			o.SACK[i] = Block{binary.BigEndian.Uint32(d[8*i:]), binary.BigEndian.Uint32(d[8*i+4:])}
		}
	case TimestampsKind:
		o.Has |= HasTimestamps
		o.TSVal, o.TSEcr = binary.BigEndian.Uint32(d), binary.BigEndian.Uint32(d[4:])
	case UserTimeoutKind:
		o.Has |= HasUserTimeout
		o.UserTimeout = parseTimeout(binary.BigEndian.Uint16(d))
	case FastOpenKind:
		o.Has |= HasFastOpen
		o.Cookie = Cookie{n: uint8(len(d))}
		copy(o.Cookie.b[:], d)
	}
}

// parseTimeout reads granularity and value of RFC 5482, 3: the top bit says minutes, else seconds.
func parseTimeout(v uint16) time.Duration {
	if v&0x8000 != 0 {
		return time.Duration(v&0x7fff) * time.Minute
	}
	return time.Duration(v) * time.Second
}

func putTimeout(d time.Duration) uint16 {
	if s := (d + time.Second - 1) / time.Second; s < 0x8000 {
		return uint16(max(s, 0))
	}
	return 0x8000 | uint16(min((d+time.Minute-1)/time.Minute, 0x7fff))
}

// Len is how many octets Append adds: a multiple of four.
func (o *Options) Len() int {
	var b [MaxOptions]byte
	return len(o.Append(b[:0]))
}

// Append adds the options to b in the customary order and aligned as hosts do (RFC 7323, appendix A): MSS, SACK
// permitted, timestamps, window scale, then Fast Open, user timeout and SACK, of whose blocks as many are written as fit.
// Other options that do not fit into 40 octets are left out, the last of this order first. The result is a multiple of
// four octets long.
func (o *Options) Append(b []byte) []byte {
	if o.Has == HasTimestamps { // most segments
		b = binary.BigEndian.AppendUint32(b, nopnopTS)
		b = binary.BigEndian.AppendUint32(b, o.TSVal)
		return binary.BigEndian.AppendUint32(b, o.TSEcr)
	}
	start := len(b)
	room := func(n int) bool { return len(b)-start+n <= MaxOptions }
	if o.Has&HasMSS != 0 {
		b = append(b, byte(MSSKind), 4, byte(o.MSS>>8), byte(o.MSS))
	}
	switch {
	case o.Has&HasTimestamps != 0 && o.Has&HasSACKPermitted != 0:
		b = append(b, byte(SACKPermitKind), 2, byte(TimestampsKind), 10)
	case o.Has&HasTimestamps != 0:
		b = append(b, byte(NOP), byte(NOP), byte(TimestampsKind), 10)
	case o.Has&HasSACKPermitted != 0:
		b = append(b, byte(NOP), byte(NOP), byte(SACKPermitKind), 2)
	}
	if o.Has&HasTimestamps != 0 {
		b = binary.BigEndian.AppendUint32(b, o.TSVal)
		b = binary.BigEndian.AppendUint32(b, o.TSEcr)
	}
	if o.Has&HasWScale != 0 {
		b = append(b, byte(NOP), byte(WScaleKind), 3, o.WScale)
	}
	if n := 2 + int(o.Cookie.n); o.Has&HasFastOpen != 0 && room((n+3)&^3) {
		b = append(b, byte(FastOpenKind), byte(n))
		b = append(b, o.Cookie.b[:o.Cookie.n]...)
		for ; (len(b)-start)%4 != 0; b = append(b, byte(NOP)) {
		}
	}
	if o.Has&HasUserTimeout != 0 && room(4) {
		v := putTimeout(o.UserTimeout)
		b = append(b, byte(UserTimeoutKind), 4, byte(v>>8), byte(v))
	}
	if n := min(int(o.Blocks), MaxSACK, (MaxOptions-(len(b)-start)-4)/8); o.Has&HasSACK != 0 && n > 0 {
		b = append(b, byte(NOP), byte(NOP), byte(SACKKind), byte(2+8*n))
		for _, s := range o.SACK[:n] {
			b = binary.BigEndian.AppendUint32(b, s.Start)
			b = binary.BigEndian.AppendUint32(b, s.End)
		}
	}
	return b
}
