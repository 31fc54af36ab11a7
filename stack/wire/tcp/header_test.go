package tcp_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/tcp"
	"github.com/conform-stack/conform/stack/wire/wiretest"
)

var pseudo = wire.Pseudo4([4]byte{10, 0, 0, 1}, [4]byte{10, 0, 0, 2}, wire.TCP)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Segments of two Linux hosts, 10.0.0.1 and 10.0.0.2, as they stood on a wire; what they say was read off with tshark.
var recorded = []struct {
	name, octets, line string
	payload            string
}{
	{"SYN", "e3fe1388 02f75c7f 00000000 a002faf0 e5bb0000 020405b4 0402080a afb24c9e 00000000 0103030a",
		"TCP 58366 > 5000 [S] seq 49765503 win 64240 <mss 1460,sackOK,TS val 2947697822 ecr 0,nop,wscale 10> len 0", ""},
	{"SYN,ACK", "1388e3fe 98f5ccd3 02f75c80 a012fe88 4a5d0000 020405b4 0402080a 4b10e6db afb24c9e 0103030a",
		"TCP 5000 > 58366 [S.] seq 2566245587 ack 49765504 win 65160 <mss 1460,sackOK,TS val 1259398875 ecr 2947697822,nop,wscale 10> len 0", ""},
	{"ACK", "e3fe1388 02f75c80 98f5ccd4 8010003f 77750000 0101080a afb24c9f 4b10e6db",
		"TCP 58366 > 5000 [.] seq 49765504 ack 2566245588 win 63 <nop,nop,TS val 2947697823 ecr 1259398875> len 0", ""},
	{"data", "e3fe1388 02f75c80 98f5ccd4 8018003f 338a0000 0101080a afb24ca0 4b10e6db 68656c6c6f0a",
		"TCP 58366 > 5000 [P.] seq 49765504:49765510 ack 2566245588 win 63 <nop,nop,TS val 2947697824 ecr 1259398875> len 6", "hello\n"},
	{"RST", "0051bb68 00000000 1845e8e5 50140000 dee90000",
		"TCP 81 > 47976 [R.] seq 0 ack 407234789 win 0 len 0", ""},
}

func TestRecordedSegments(t *testing.T) {
	for _, tt := range recorded {
		b := unhex(t, tt.octets)
		h, payload, err := tcp.Parse(b)
		if err != nil || string(payload) != tt.payload || cap(payload) != len(payload) {
			t.Errorf("%s: payload %q, %v; want %q", tt.name, payload, err, tt.payload)
		}
		if got := h.Segment(len(payload)); got != tt.line {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.line)
		}
		if err := tcp.Verify(b, pseudo); err != nil { // of both directions: a sum has no order
			t.Errorf("%s: Verify = %v", tt.name, err)
		}
		h.Checksum = 0
		again := append(tcp.Append(nil, h), payload...)
		tcp.Seal(again, pseudo)
		if !bytes.Equal(again, b) {
			t.Errorf("%s: built again = %x\nwant %x", tt.name, again, b)
		}
		head := tcp.Append(nil, h)
		tcp.SealHeader(head, pseudo, wire.Sum(0).Add(payload), len(payload))
		if !bytes.Equal(head, b[:len(head)]) {
			t.Errorf("%s: header sealed apart = %x\nwant %x", tt.name, head, b[:len(head)])
		}
		b[4] ^= 1
		if err := tcp.Verify(b, pseudo); err != wire.ErrChecksum {
			t.Errorf("%s: Verify after one bit changed = %v", tt.name, err)
		}
	}
}

// Each refusal is one octet away from a segment that is good.
func TestRefused(t *testing.T) {
	good := unhex(t, recorded[0].octets)
	for _, tt := range []struct {
		name   string
		offset byte
		cut    int
		err    error
	}{
		{"good", 0xa0, 40, nil},
		{"offset 5: no options, the rest is data", 0x50, 40, nil},
		{"offset 4", 0x40, 40, wire.ErrInvalid},
		{"offset 0", 0x00, 40, wire.ErrInvalid},
		{"offset beyond the end", 0xb0, 40, wire.ErrShort},
		{"options cut", 0xa0, 39, wire.ErrShort},
		{"header cut", 0x50, 19, wire.ErrShort},
		{"nothing", 0x50, 0, wire.ErrShort},
	} {
		b := bytes.Clone(good)
		b[12] = tt.offset
		if _, _, err := tcp.Parse(b[:tt.cut:tt.cut]); !errors.Is(err, tt.err) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.err)
		}
	}
	if err := tcp.Verify(good[:19], pseudo); err != wire.ErrLength {
		t.Errorf("Verify of 19 octets = %v", err)
	}
}

func TestFlags(t *testing.T) {
	for _, tt := range []struct {
		flags tcp.Flags
		want  string
	}{
		{0, "[none]"},
		{tcp.SYN, "[S]"},
		{tcp.SYN | tcp.ACK | tcp.ECE, "[SE.]"},
		{tcp.SYN | tcp.ECE | tcp.CWR | tcp.AE, "[SEWe]"},
		{tcp.FIN | tcp.PSH | tcp.URG | tcp.ACK, "[FPU.]"},
		{tcp.RST | tcp.Reserved, "[Rr7]"},
	} {
		if got := tt.flags.String(); got != tt.want {
			t.Errorf("%#x = %s, want %s", uint16(tt.flags), got, tt.want)
		}
		b := tcp.Append(nil, tcp.Header{Flags: tt.flags})
		if h, _, err := tcp.Parse(b); err != nil || h.Flags != tt.flags {
			t.Errorf("%v read back as %v, %v", tt.flags, h.Flags, err)
		}
	}
	// Bit by bit against the figure of RFC 9293, 3.1: CWR is the first bit of the octet, FIN the last.
	if b := tcp.Append(nil, tcp.Header{Flags: tcp.CWR | tcp.FIN | tcp.AE}); b[12] != 0x51 || b[13] != 0x81 {
		t.Errorf("octets 12 and 13 = %x, want 5181", b[12:14])
	}
}

func TestPutPadsOptionsWithZeros(t *testing.T) { // MUST-69
	b := bytes.Repeat([]byte{0xaa}, 26)
	tcp.Put(b, tcp.Header{Options: tcp.RawOptions{1}})
	if got, want := hex.EncodeToString(b[20:]), "01000000aaaa"; got != want || b[12] != 0x60 {
		t.Errorf("options = %s, offset %x; want %s, 60", got, b[12], want)
	}
	defer func() {
		if recover() == nil {
			t.Error("41 octets of options do not panic")
		}
	}()
	tcp.Put(make([]byte, 100), tcp.Header{Options: make([]byte, 41)})
}

// Law: a segment that is read survives append and parse, its known options survive theirs, and once sealed it verifies.
func FuzzParse(f *testing.F) {
	for _, tt := range recorded {
		f.Add(unhex(f, tt.octets))
	}
	f.Add(tcp.Append(nil, tcp.Header{Options: tcp.RawOptions{34, 6, 1, 2, 3, 4, 28, 4, 0x80, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2}}))
	f.Add(tcp.Append(nil, tcp.Header{Options: tcp.RawOptions{2, 3, 1, 5, 2, 254, 0, 0}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, tcp.Parse, tcp.Append, b)
		h, payload, err := tcp.Parse(b)
		if err != nil {
			return
		}
		_ = h.Segment(len(payload))
		var o, again tcp.Options
		o.Parse(h.Options)
		raw := o.Append(nil)
		if len(raw) > tcp.MaxOptions || len(raw)%4 != 0 || len(raw) != o.Len() {
			t.Fatalf("%+v takes %d octets, Len %d", o, len(raw), o.Len())
		}
		again.Parse(raw)
		o.Fault, o.FaultKind = tcp.None, 0
		if left := o.Has &^ again.Has; left != 0 || again.Blocks < o.Blocks { // the customary padding may need more room
			if left&^(tcp.HasSACK|tcp.HasFastOpen|tcp.HasUserTimeout) != 0 || len(raw) < tcp.MaxOptions-20 {
				t.Errorf("%b left out of %d octets", left, len(raw))
			}
			return
		}
		if again != o {
			t.Errorf("options %x\n are %+v\nthen %+v", []byte(h.Options), o, again)
		}
		b = bytes.Clone(b)
		tcp.Seal(b, pseudo)
		if err := tcp.Verify(b, pseudo); err != nil {
			t.Errorf("sealed, yet %v", err)
		}
	})
}
