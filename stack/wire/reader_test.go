package wire_test

import (
	"errors"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
)

func TestReaderReadsInOrder(t *testing.T) {
	r := wire.NewReader([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14})
	if a, b, c, d := r.U8(), r.U16(), r.U32(), r.Four(); a != 1 || b != 0x0203 || c != 0x04050607 || d != [4]byte{8, 9, 10, 11} {
		t.Errorf("read %#x %#x %#x %v", a, b, c, d)
	}
	two := r.Bytes(2)
	if string(two) != "\x0c\x0d" || cap(two) != 2 {
		t.Errorf("Bytes(2) = %x with capacity %d, want 0c0d with 2: an append must not reach the next field", two, cap(two))
	}
	if rest := r.Rest(); string(rest) != "\x0e" || cap(rest) != 1 || r.Len() != 0 {
		t.Errorf("Rest() = %x with capacity %d, %d left", rest, cap(rest), r.Len())
	}
	if r.Short() {
		t.Error("short, although every read was within")
	}
}

// Each read one octet too far marks the reader short, gives zero, and leaves nothing to read.
func TestReaderStaysShort(t *testing.T) {
	for name, read := range map[string]func(*wire.Reader) bool{
		"U8":       func(r *wire.Reader) bool { r.Bytes(5); return r.U8() == 0 },
		"U16":      func(r *wire.Reader) bool { r.Bytes(4); return r.U16() == 0 },
		"U32":      func(r *wire.Reader) bool { r.Bytes(2); return r.U32() == 0 },
		"Four":     func(r *wire.Reader) bool { r.Bytes(2); return r.Four() == [4]byte{} },
		"Bytes":    func(r *wire.Reader) bool { return r.Bytes(6) == nil },
		"negative": func(r *wire.Reader) bool { return r.Bytes(-1) == nil },
	} {
		r := wire.NewReader([]byte{1, 2, 3, 4, 5})
		if zero := read(&r); !zero || !r.Short() || r.Len() != 0 {
			t.Errorf("%s past the end: zero %v, short %v, %d left", name, zero, r.Short(), r.Len())
		}
		if r.U8() != 0 || !r.Short() {
			t.Errorf("%s past the end: the next read forgot it", name)
		}
	}
}

func TestInvalidSaysWhat(t *testing.T) {
	err := wire.Invalid("x: field y is odd")
	if err.Error() != "x: field y is odd" || !errors.Is(err, wire.ErrInvalid) || errors.Is(err, wire.ErrShort) {
		t.Errorf("Invalid = %v, is ErrInvalid %v", err, errors.Is(err, wire.ErrInvalid))
	}
}

func TestProtocolsHaveNames(t *testing.T) {
	for p, want := range map[wire.Protocol]string{
		0: "hop-by-hop", 1: "ICMP", 2: "IGMP", 6: "TCP", 17: "UDP", 41: "IPv6", 43: "routing", 44: "fragment",
		58: "ICMPv6", 59: "no-next", 60: "dest-opts", 253: "proto-253",
	} {
		if got := p.String(); got != want {
			t.Errorf("protocol %d = %q, want %q", uint8(p), got, want)
		}
	}
}
