package udp_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/udp"
	"github.com/conform-stack/conform/stack/wire/wiretest"
)

var pseudo = wire.Pseudo4([4]byte{192, 0, 2, 1}, [4]byte{192, 0, 2, 2}, wire.UDP)

// By hand: the pseudo-header's words c000 0201 c000 0202 0011 0009, then 3039 0007 0009 7800, sum to 2c68 with the
// carries; its complement is d397.
func TestSeal(t *testing.T) {
	b := append(udp.Append(nil, udp.Header{SrcPort: 12345, DstPort: 7, Length: 99, Checksum: 0xdead}), 'x')
	udp.Seal(b, pseudo)
	if got, want := hex.EncodeToString(b), "303900070009d39778"; got != want {
		t.Errorf("sealed = %s\nwant     %s", got, want)
	}
	h, payload, err := udp.Parse(b)
	if err != nil || string(payload) != "x" || udp.Verify(b, h, pseudo) != nil {
		t.Errorf("Parse = %v, %q, %v, Verify %v", h, payload, err, udp.Verify(b, h, pseudo))
	}
	if got, want := h.String(), "UDP 12345 > 7 len 9"; got != want {
		t.Errorf("String = %s, want %s", got, want)
	}
	b[8] ^= 1
	if got := udp.Verify(b, h, pseudo); got != wire.ErrChecksum {
		t.Errorf("Verify after one bit changed = %v", got)
	}
}

// A checksum that comes out as zero is sent as ffff: zero would mean none (RFC 768).
func TestSealNeverWritesZero(t *testing.T) {
	b := append(udp.Append(nil, udp.Header{SrcPort: 1, DstPort: 2}), 0, 0)
	sum := pseudo.AddUint16(10).Add([]byte{0, 1, 0, 2, 0, 10}).Fold()
	b[8], b[9] = byte(^sum>>8), byte(^sum)
	udp.Seal(b, pseudo)
	if b[6] != 0xff || b[7] != 0xff {
		t.Errorf("checksum = %x, want ffff", b[6:8])
	}
	if h, _, _ := udp.Parse(b); udp.Verify(b, h, pseudo) != nil {
		t.Errorf("Verify = %v", udp.Verify(b, h, pseudo))
	}
}

func TestLength(t *testing.T) {
	for _, tt := range []struct {
		name    string
		length  uint16
		payload string
		verify  error
	}{
		{"all of it", 12, "abcd", nil},
		{"shorter than the IP payload", 10, "ab", nil},
		{"no data", 8, "", nil},
		{"below the header", 7, "abcd", wire.ErrLength},
		{"zero", 0, "abcd", wire.ErrLength},
		{"beyond the end", 13, "abcd", wire.ErrLength},
	} {
		b := append(udp.Append(nil, udp.Header{SrcPort: 1, DstPort: 2, Length: tt.length}), "abcd"...)
		h, payload, err := udp.Parse(b)
		if err != nil || string(payload) != tt.payload || cap(payload) != len(payload) {
			t.Errorf("%s: payload %q, %v; want %q", tt.name, payload, err, tt.payload)
		}
		if got := udp.Verify(b, h, pseudo); got != tt.verify {
			t.Errorf("%s: Verify = %v, want %v", tt.name, got, tt.verify)
		}
	}
}

func TestNoChecksumIsSaid(t *testing.T) {
	if got, want := (udp.Header{SrcPort: 1, DstPort: 2, Length: 8}).String(), "UDP 1 > 2 len 8 no checksum"; got != want {
		t.Errorf("String = %s, want %s", got, want)
	}
}

// Law: a datagram that is read survives append and parse, and once sealed it verifies.
func FuzzParse(f *testing.F) {
	f.Add(append(udp.Append(nil, udp.Header{SrcPort: 1, DstPort: 2, Length: 10, Checksum: 3}), "ab"...))
	f.Add(udp.Append(nil, udp.Header{Length: 9}))
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, udp.Parse, udp.Append, b)
		h, _, err := udp.Parse(b)
		if err != nil || len(b) > 65535 {
			return
		}
		_, _ = udp.Verify(b, h, pseudo), h.String()
		b = bytes.Clone(b) // the fuzzer's input must not be written
		udp.Seal(b, pseudo)
		if h, _, _ = udp.Parse(b); udp.Verify(b, h, pseudo) != nil {
			t.Errorf("sealed, yet %v", udp.Verify(b, h, pseudo))
		}
	})
}
