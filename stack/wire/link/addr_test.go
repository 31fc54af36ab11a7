package link_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/conform-stack/conform/stack/wire/link"
)

func TestEveryLengthGoesRound(t *testing.T) {
	all := []byte{0x82, 0x01, 0xff, 0x00, 0x5e, 0x7f, 0x10, 0xfe}
	seen := map[link.Addr]bool{}
	for n := range len(all) + 1 {
		a, ok := link.AddrFrom(all[:n])
		if !ok || a.Len() != n || a.IsZero() != (n == 0) {
			t.Errorf("AddrFrom of %d octets: ok %v, length %d, zero %v", n, ok, a.Len(), a.IsZero())
		}
		if got := a.Append(nil); !bytes.Equal(got, all[:n]) {
			t.Errorf("octets of %v = %x, want %x", a, got, all[:n])
		}
		if back, err := link.ParseAddr(a.String()); back != a || err != nil {
			t.Errorf("ParseAddr(%q) = %v, %v", a, back, err)
		}
		var text link.Addr
		b, _ := a.MarshalText()
		if err := text.UnmarshalText(b); text != a || err != nil {
			t.Errorf("UnmarshalText(%q) = %v, %v", b, text, err)
		}
		seen[a] = true
	}
	if len(seen) != 9 {
		t.Errorf("%d different map keys, want 9", len(seen))
	}
	if _, ok := link.AddrFrom(make([]byte, 9)); ok {
		t.Error("AddrFrom took 9 octets")
	}
}

func TestFixedLengths(t *testing.T) {
	six := [6]byte{2, 0, 0x5e, 0x10, 0, 1}
	a := link.AddrFrom6(six)
	if got, ok := a.As6(); got != six || !ok || a.String() != "02:00:5e:10:00:01" {
		t.Errorf("As6 of %v = %x, %v", a, got, ok)
	}
	if _, ok := a.As8(); ok {
		t.Error("an address of six octets gave eight")
	}
	eight := [8]byte{2, 0, 0x5e, 0xff, 0xfe, 0x10, 0, 1}
	e := link.AddrFrom8(eight)
	if got, ok := e.As8(); got != eight || !ok {
		t.Errorf("As8 of %v = %x, %v", e, got, ok)
	}
	if _, ok := e.As6(); ok {
		t.Error("an address of eight octets gave six")
	}
	if s := link.AddrFrom2([2]byte{0xbe, 0xef}); s.String() != "be:ef" || s.Len() != 2 {
		t.Errorf("short address = %v", s)
	}
}

func TestNoAddressIsNotZeros(t *testing.T) {
	if zeros := link.MustParseAddr("00:00:00:00:00:00"); zeros == (link.Addr{}) || zeros.IsZero() {
		t.Error("six octets of zero compare equal to no address")
	}
	if link.MustParseAddr("00") == link.MustParseAddr("00:00") {
		t.Error("addresses of one and two octets compare equal")
	}
	if got := (link.Addr{}).String(); got != "none" {
		t.Errorf("no address = %q", got)
	}
}

func TestParseAddrSaysWhatIsWrong(t *testing.T) {
	for in, want := range map[string]string{
		"":                           `link address "" wants two hexadecimal digits an octet`,
		"2:00":                       `link address "2:00" has "2:" for an octet`,
		"02:0":                       `link address "02:0" wants two hexadecimal digits an octet`,
		"02:00:":                     `link address "02:00:" wants two hexadecimal digits an octet`,
		"02:zz":                      `link address "02:zz" has "zz" for an octet`,
		"0200":                       `link address "0200" wants a colon after "02"`,
		"00:01:02:03:04:05:06:07:08": `link address "00:01:02:03:04:05:06:07:08" has more than 8 octets`,
	} {
		if a, err := link.ParseAddr(in); err == nil || err.Error() != want || !errors.Is(err, link.ErrAddr) || !a.IsZero() {
			t.Errorf("ParseAddr(%q) = %v, %v\nwant %s", in, a, err, want)
		}
	}
}

func TestNoAllocations(t *testing.T) {
	var a link.Addr
	b := []byte{2, 0, 0, 0, 0, 1}
	room := make([]byte, 0, 8)
	if n := testing.AllocsPerRun(10, func() {
		a, _ = link.AddrFrom(b)
		a.Append(room)
		if _, ok := a.As6(); !ok {
			panic(a)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Law: what is parsed is written in a form that parses to the same address.
func FuzzParseAddr(f *testing.F) {
	for _, s := range []string{"none", "02:00:00:00:00:01", "be-ef", "00", "g0", "00:01:02:03:04:05:06:07:08"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := link.ParseAddr(s)
		if err != nil {
			return
		}
		if back, err := link.ParseAddr(a.String()); back != a || err != nil {
			t.Errorf("%q parses to %v, which parses to %v, %v", s, a, back, err)
		}
	})
}
