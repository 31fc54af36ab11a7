package icmpv4_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/wiretest"
)

// Messages recorded from Linux and its ping and traceroute.
const (
	echo     = "080020f445430001fdc7026b00000000c7c10b0000000000101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f3031323334353637"
	exceeded = "0b000a3c00000000" + "4500003cfeac00000111a6020a0000010a000102" +
		"91fc829a0028e0ff" + "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
)

func TestEcho(t *testing.T) {
	b := unhex(t, echo)
	h, data, err := icmpv4.Parse(b)
	if err != nil || icmpv4.Verify(b) != nil {
		t.Fatalf("Parse: %v, Verify: %v", err, icmpv4.Verify(b))
	}
	want := icmpv4.Query(icmpv4.EchoRequest, 0x4543, 1)
	want.Checksum = 0x20f4
	if h != want || h.ID() != 0x4543 || h.Seq() != 1 || len(data) != 56 {
		t.Errorf("Parse = %+v with %d octets of data, want %+v with 56", h, len(data), want)
	}
	h.Checksum = 0xffff
	made := append(icmpv4.Append(nil, h), data...)
	if icmpv4.Seal(made); hex.EncodeToString(made) != echo {
		t.Errorf("sealed %x\nwant   %s", made, echo)
	}
	made[20] ^= 4
	if got := icmpv4.Verify(made); got != wire.ErrChecksum {
		t.Errorf("Verify after one bit changed = %v", got)
	}
}

// The quotation of an error is a datagram, here cut by nobody.
func TestQuote(t *testing.T) {
	b := unhex(t, exceeded)
	h, quote, err := icmpv4.Parse(b)
	if err != nil || h.Type != icmpv4.TimeExceeded || h.Code != icmpv4.TTLExceeded || icmpv4.Verify(b) != nil {
		t.Fatalf("Parse = %v, %v", h, err)
	}
	q, first, err := ipv4.Parse(quote)
	if err != nil || q.Dst != (ipv4.Addr{10, 0, 1, 2}) || q.TTL != 1 || q.Protocol != wire.UDP || len(first) != 40 {
		t.Errorf("quoted %v with %d octets, %v", q, len(first), err)
	}
	q, first, err = ipv4.Parse(quote[:28])
	if err != nil || q.TotalLen != 60 || len(first) != icmpv4.MinQuote {
		t.Errorf("cut after 8 octets of data: %v with %d octets, %v", q, len(first), err)
	}
}

// The last four octets of the header, by type.
func TestWord(t *testing.T) {
	for _, tt := range []struct {
		h            icmpv4.Header
		octets, text string
	}{
		{icmpv4.Query(icmpv4.EchoReply, 1, 2), "0000000000010002", "ICMP echo reply id 1 seq 2"},
		{icmpv4.FragNeeded(1280), "0304000000000500", "ICMP unreachable code 4 mtu 1280"},
		{icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.PortUnreachable}, "0303000000000000", "ICMP unreachable code 3"},
		{icmpv4.BadParameter(20), "0c00000014000000", "ICMP parameter problem at 20"},
		{icmpv4.Header{Type: icmpv4.ParameterProblem, Code: icmpv4.OptionMissing}, "0c01000000000000", "ICMP parameter problem code 1"},
		{icmpv4.Redirected(icmpv4.RedirectHost, ipv4.Addr{192, 0, 2, 9}), "05010000c0000209", "ICMP redirect code 1 to 192.0.2.9"},
		{icmpv4.Header{Type: icmpv4.RouterSolicitation}, "0a00000000000000", "ICMP router solicitation"},
		{icmpv4.Header{Type: 200, Checksum: 3, Word: 4}, "c800000300000004", "ICMP type 200 id 0 seq 4"},
	} {
		if got := hex.EncodeToString(icmpv4.Append(nil, tt.h)); got != tt.octets {
			t.Errorf("%v = %s, want %s", tt.h, got, tt.octets)
		}
		if got := tt.h.String(); got != tt.text {
			t.Errorf("String = %s, want %s", got, tt.text)
		}
	}
	if h := icmpv4.FragNeeded(1280); h.NextHopMTU() != 1280 {
		t.Errorf("NextHopMTU = %d", h.NextHopMTU())
	}
	if h := icmpv4.BadParameter(21); h.Pointer() != 21 {
		t.Errorf("Pointer = %d", h.Pointer())
	}
	if h := icmpv4.Redirected(0, ipv4.Addr{1, 2, 3, 4}); h.Gateway() != (ipv4.Addr{1, 2, 3, 4}) {
		t.Errorf("Gateway = %v", h.Gateway())
	}
}

func TestBodies(t *testing.T) {
	b := icmpv4.AppendTimestamps(nil, icmpv4.Timestamps{Originate: 1, Receive: 2, Transmit: 1<<31 | 3})
	if got, want := hex.EncodeToString(b), "000000010000000280000003"; got != want {
		t.Errorf("timestamps %s, want %s", got, want)
	}
	if got := hex.EncodeToString(icmpv4.AppendMask(nil, ipv4.Addr{255, 255, 240, 0})); got != "fffff000" {
		t.Errorf("mask %s, want fffff000", got)
	}
}

// Errors are the types that quote a datagram (RFC 1122, 3.2.2): about them no error is ever sent.
func TestIsError(t *testing.T) {
	errors := map[icmpv4.Type]bool{3: true, 4: true, 5: true, 11: true, 12: true}
	for i := range 256 {
		if got := icmpv4.Type(i).IsError(); got != errors[icmpv4.Type(i)] {
			t.Errorf("type %d is an error: %v", i, got)
		}
	}
}

// Law: a message that is read survives append and parse, and once sealed it verifies.
func FuzzParse(f *testing.F) {
	for _, h := range []icmpv4.Header{
		icmpv4.Query(icmpv4.EchoRequest, 1, 2), icmpv4.FragNeeded(576), icmpv4.BadParameter(20),
		icmpv4.Redirected(icmpv4.RedirectHost, ipv4.Addr{192, 0, 2, 1}), icmpv4.Query(icmpv4.TimestampRequest, 1, 2),
	} {
		f.Add(append(icmpv4.Append(nil, h), "twelve bytes"...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, icmpv4.Parse, icmpv4.Append, b)
		wiretest.Stable(t, icmpv4.ParseTimestamps, icmpv4.AppendTimestamps, b)
		wiretest.Stable(t, icmpv4.ParseMask, icmpv4.AppendMask, b)
		h, _, err := icmpv4.Parse(b)
		if err != nil {
			return
		}
		_ = h.String()
		b = bytes.Clone(b) // the fuzzer's input must not be written
		if icmpv4.Seal(b); icmpv4.Verify(b) != nil {
			t.Errorf("sealed, yet %v", icmpv4.Verify(b))
		}
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
