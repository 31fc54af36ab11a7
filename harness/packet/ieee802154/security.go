package ieee802154

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154/ccm"
	"github.com/conform-stack/conform/harness/target"
)

// Security: clause 9 of the edition of 2015. A frame is secured when its header says so and the environment has the key that
// it names; what the tester sends in a world with keys is, by default. A frame that is read with its key has the layers of
// what it is without its protection, and behind the payload its code.

// Levels of security (9.4.1.1). The level 4, which encrypts and has no code, is reserved since 2015.
const (
	MIC32     = 1
	MIC64     = 2
	MIC128    = 3
	ENC       = 4
	ENCMIC32  = 5
	ENCMIC64  = 6
	ENCMIC128 = 7
)

// Parts of the auxiliary security header. Setting one in a header without gives it one, of level 5 and mode 0.
var (
	SecurityControl = packet.OptionalUint(Proto, "security control", 8, auxAt(controlPart), setAux(controlPart), packet.Hex())
	FrameCounter    = packet.OptionalUint(Proto, "frame counter", 32, auxAt(counterPart), setAux(counterPart), packet.LittleEndian())
	KeySource       = packet.Optional(Proto, "key source", auxAt(sourcePart), setAux(sourcePart), octets)
	KeyIndex        = packet.OptionalUint(Proto, "key index", 8, auxAt(indexPart), setAux(indexPart))
)

// MICProto is the code behind the payload of a secured frame that was opened.
var MICProto = packet.Define("MIC", micLayer, 0)

// MIC is the code.
var MIC = packet.Variable(MICProto, "MIC", func(h []byte) (int, int) { return 0, len(h) }, func(_, v []byte) []byte { return v })

// sealer says how a frame is secured, where that is another way than it says itself.
var sealer = packet.Define("sealing", sealLayer, 0)

var (
	// WithKey is another key than the one that the frame names.
	WithKey = packet.Variable(sealer, "key", nowhere, same)
	// Spoilt is what the code is changed by, octet by octet.
	Spoilt = packet.Variable(sealer, "spoilt code", nowhere, same)
	// Changed is what the frame, from its first octet on, is changed by after it was sealed. The check sequence is then
	// right again.
	Changed = packet.Variable(sealer, "changed on the way", nowhere, same)
	// NonceOf is another address than the extended one of the sender, in the nonce.
	NonceOf = packet.Variable(sealer, "address of the nonce", nowhere, same)
)

func nowhere([]byte) (int, int)     { return 1, 0 }
func same(hdr, value []byte) []byte { return hdr }

// LevelOf is the level of security of a frame; 0 for one that is not secured.
func LevelOf(f *packet.Frame) uint {
	c, _ := SecurityControl.Of(f)
	return c & 7
}

// KeyModeOf is how a secured frame names its key.
func KeyModeOf(f *packet.Frame) uint {
	c, _ := SecurityControl.Of(f)
	return c >> 3 & 3
}

// CodeOctets is how long the code of a level is.
func CodeOctets(level uint) int { return [4]int{0, 4, 8, 16}[level&3] }

// Control is the security control octet of a level and a key identifier mode.
func Control(level, mode uint) uint { return level&7 | mode&3<<3 }

// Parts of an auxiliary security header.
const (
	controlPart = iota
	counterPart
	sourcePart
	indexPart
)

// auxSpans is where the parts of an auxiliary security header stand; from > to for one that it has not.
func auxSpans(aux []byte) (s [4]span) {
	for i := range s {
		s[i] = span{1, 0}
	}
	if len(aux) == 0 {
		return s
	}
	at := 1
	s[controlPart] = span{0, 1}
	if aux[0]&0x20 == 0 {
		s[counterPart] = span{at, at + 4}
		at += 4
	}
	mode := aux[0] >> 3 & 3
	if n := [4]int{0, 0, 4, 8}[mode]; n > 0 {
		s[sourcePart] = span{at, at + n}
		at += n
	}
	if mode > 0 {
		s[indexPart] = span{at, at + 1}
	}
	return s
}

func auxAt(part int) func(hdr []byte) (int, int) {
	return func(hdr []byte) (int, int) {
		a := parse(hdr)[auxSpan]
		if a.len() == 0 {
			return 1, 0
		}
		s := auxSpans(hdr[a.from:a.to])[part]
		if s.from > s.to {
			return 1, 0
		}
		return a.from + s.from, a.from + s.to
	}
}

func setAux(part int) func(hdr, value []byte) []byte {
	return func(hdr, value []byte) []byte {
		a := parse(hdr)[auxSpan]
		aux := []byte{ENCMIC32, 0, 0, 0, 0}
		if a.len() > 0 {
			aux = slices.Clone(hdr[a.from:a.to])
		}
		s := auxSpans(aux)
		switch {
		case value == nil:
			aux = nil
		case part == controlPart: // what follows has the length that it says
			was := aux
			aux = append(slices.Clone(value), make([]byte, 13)...)
			to := auxSpans(aux)
			for i := counterPart; i <= indexPart; i++ {
				if s[i].from < s[i].to && to[i].from < to[i].to {
					copy(aux[to[i].from:to[i].to], was[s[i].from:s[i].to])
				}
			}
			n := 1
			for _, p := range to {
				n = max(n, p.to)
			}
			aux = aux[:n]
		case s[part].from < s[part].to:
			copy(aux[s[part].from:s[part].to], value)
		}
		return spliceTail(auxSpan)(hdr, aux)
	}
}

// Auxiliary is the auxiliary security header by which env secures its next frame; nil where it secures none.
func Auxiliary(env packet.Env) []byte {
	s := env.Security
	if !s.On() || s.Level == 0 {
		return nil
	}
	b := []byte{byte(Control(uint(s.Level), uint(s.KeyMode)))}
	b = binary.LittleEndian.AppendUint32(b, env.NextCounter())
	if s.KeyMode > 0 {
		b = append(b, s.KeyIndex)
	}
	return b
}

// secured is what the header of a secured frame says.
type secured struct {
	level   byte
	nonce   [ccm.NonceOctets]byte
	secret  [16]byte
	known   bool // the key is, and the extended address of the sender
	open    int  // octets from the beginning that are not encrypted, those of the header included
	version byte
}

// read is what the header of a frame without check sequence says; nil when it is not secured, or ends too soon.
func readSecured(s target.Security, b []byte) *secured {
	l := parse(b)
	a := l[auxSpan]
	if len(b) < 2 || a.len() == 0 {
		return nil
	}
	for _, p := range l {
		if p.from > p.to {
			return nil
		}
	}
	head := b[a.from:a.to]
	x := &secured{level: head[0] & 7, version: version(b), open: l.end(b)}
	x.open += openOctets(b, x.open)
	at := auxSpans(head)
	index, source := byte(0), []byte(nil)
	if p := at[indexPart]; p.from < p.to {
		index = head[p.from]
	}
	if p := at[sourcePart]; p.from < p.to {
		source = head[p.from:p.to]
	}
	x.secret, x.known = s.Find(head[0]>>3&3, index, source)
	from := s.Extended(reversed(b[l[srcSpan].from:l[srcSpan].to]))
	if p := at[counterPart]; p.from > p.to || from == nil { // nonces of time slots are another matter
		x.known = false
	} else {
		copy(x.nonce[:], from)
		binary.BigEndian.PutUint32(x.nonce[8:], binary.LittleEndian.Uint32(head[p.from:]))
	}
	x.nonce[12] = x.level
	return x
}

// openOctets is how much of the payload of a frame is authenticated and never encrypted: before version 2, what a beacon
// begins with and the identifier of a command.
func openOctets(b []byte, at int) int {
	rest := b[at:]
	switch {
	case version(b) == Version2015:
	case b[0]&7 == TypeCommand:
		return min(1, len(rest))
	case b[0]&7 == TypeBeacon:
		super, gts, pending := beaconSpans(rest)
		return min(super+gts+pending, len(rest))
	}
	return 0
}

// parts are what the code covers as it is, and what it covers and is encrypted. Level 4 has no code, and levels 1 to 3
// encrypt nothing.
func (x *secured) parts(b []byte) (a, m []byte) {
	switch {
	case x.level == ENC:
		return nil, b[x.open:]
	case x.level < ENC:
		return b, nil
	}
	return b[:x.open], b[x.open:]
}

// ErrMIC says that a secured frame is not what its sender has sent, or that it has another key.
var ErrMIC = errors.New("the message integrity code is not that of the frame and its key")

// open is packet.LinkLayer.Open for frames whose check sequence has so many octets.
func open(sum int, opened gopacket.LayerType) func(s target.Security, b []byte) ([]byte, gopacket.LayerType, error) {
	return func(s target.Security, b []byte) ([]byte, gopacket.LayerType, error) {
		if len(b) < sum {
			return nil, 0, nil
		}
		plain, err := Open(s, b[:len(b)-sum])
		if plain == nil {
			return nil, 0, err
		}
		return append(plain, b[len(b)-sum:]...), opened, nil
	}
}

// Open is a frame, without check sequence, with its protection lifted: as long as it was, its code at the end. It is nil for
// one that is not secured, or with a key or by a station that nobody knows; the error is ErrMIC for one that is not genuine.
func Open(s target.Security, b []byte) ([]byte, error) {
	x := readSecured(s, b)
	if x == nil || !x.known || x.version == Version2003 || x.level == 0 {
		return nil, nil
	}
	n := len(b) - CodeOctets(uint(x.level))
	if n < x.open {
		return nil, fmt.Errorf("%w: there is no room for one", ErrMIC)
	}
	a, m := x.parts(b[:n:n])
	clear, ok := ccm.Open(x.secret, x.nonce, a, m, b[n:])
	if !ok {
		return nil, ErrMIC
	}
	return append(append(slices.Clone(b[:n-len(m)]), clear...), b[n:]...), nil
}

// secure is packet.LinkLayer.Secure.
func secure(sum int) func(s target.Security, plain []byte, room int, how []packet.Cond) []byte {
	return func(s target.Security, plain []byte, room int, how []packet.Cond) []byte {
		end := len(plain) - sum
		if end < 2 {
			return plain
		}
		x := readSecured(s, plain[:end])
		if x == nil || x.version == Version2003 || x.level == 0 {
			return finish(slices.Clone(plain[:end-room]), plain, sum)
		}
		if k, ok := packet.Value(how, WithKey); ok {
			x.secret, x.known = [16]byte(k), true
		}
		if from, ok := packet.Value(how, NonceOf); ok {
			copy(x.nonce[:8], from)
		}
		if !x.known || end-room < x.open {
			return plain
		}
		body := slices.Clone(plain[:end-room])
		a, m := x.parts(body)
		c, code := ccm.Seal(x.secret, x.nonce, a, m, CodeOctets(uint(x.level)))
		copy(m, c)
		if spoilt, ok := packet.Value(how, Spoilt); ok {
			for i := range min(len(spoilt), len(code)) {
				code[i] ^= spoilt[i]
			}
		}
		out := append(body, code...)
		if changed, ok := packet.Value(how, Changed); ok {
			for i := range min(len(changed), len(out)) {
				out[i] ^= changed[i]
			}
		}
		return finish(out, plain, sum)
	}
}

// finish is a frame with a check sequence behind it, as right or wrong as the one of plain is.
func finish(out, plain []byte, sum int) []byte {
	end := len(plain) - sum
	if sum == 0 {
		return out
	}
	if fcs := plain[end:]; binary.LittleEndian.Uint16(fcs) != Sum(plain[:end]) {
		return append(out, fcs...)
	}
	return binary.LittleEndian.AppendUint16(out, Sum(out))
}

// room is packet.LinkLayer.Room.
func room(plain []byte) int {
	a := parse(plain)[auxSpan]
	if a.len() == 0 {
		return 0
	}
	return CodeOctets(uint(plain[a.from] & 7))
}

// decodeOpened reads a frame whose protection was lifted.
func decodeOpened(sum int) gopacket.DecodeFunc {
	return func(data []byte, p gopacket.PacketBuilder) error {
		body := data[:len(data)-sum]
		n, end := len(body)-room(body), parse(body).end(body)
		if n < end {
			p.SetTruncated()
			return errors.New("the frame has no room for its message integrity code")
		}
		p.AddLayer(&Layer{layers.BaseLayer{Contents: body[:end], Payload: body[end:n]}, macLayer})
		err := contentOf(body[0]&7, body[end:n], p)
		if n < len(body) {
			p.AddLayer(&Layer{layers.BaseLayer{Contents: body[n:], Payload: data[len(data):]}, micLayer})
		}
		if sum > 0 {
			p.AddLayer(&Layer{layers.BaseLayer{Contents: data[len(data)-sum:], Payload: data[len(data):]}, fcsLayer})
		}
		return err
	}
}

// Unsecured are conditions for a frame that is not secured, in a world whose frames are.
func Unsecured() packet.Cond { return Aux.None() }
