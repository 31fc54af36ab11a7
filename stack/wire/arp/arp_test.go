package arp_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/wiretest"
)

var request = arp.Header{
	Hardware: arp.HardwareEthernet, Protocol: ethernet.TypeIPv4, Op: arp.Request,
	SenderHW: link.MustParseAddr("02:00:00:00:0a:01"), SenderIP: ipv4.Addr{10, 0, 0, 1},
	TargetHW: link.MustParseAddr("00:00:00:00:00:00"), TargetIP: ipv4.Addr{10, 0, 0, 2},
}

var vectors = []struct {
	name, octets string
	h            arp.Header
	text         string
}{
	{"request of Linux", "0001080006040001" + "020000000a010a000001" + "0000000000000a000002", request,
		"ARP who-has 10.0.0.2 tell 10.0.0.1 (02:00:00:00:0a:01)"},
	{"reply of Linux", "0001080006040002" + "020000000a020a000002" + "020000000a010a000001",
		arp.Header{Hardware: arp.HardwareEthernet, Protocol: ethernet.TypeIPv4, Op: arp.Reply,
			SenderHW: link.MustParseAddr("02:00:00:00:0a:02"), SenderIP: ipv4.Addr{10, 0, 0, 2},
			TargetHW: link.MustParseAddr("02:00:00:00:0a:01"), TargetIP: ipv4.Addr{10, 0, 0, 1}},
		"ARP 10.0.0.2 is-at 02:00:00:00:0a:02 (to 10.0.0.1)"},
	{"hardware addresses of two octets", "0006080002040003" + "beef0a000001" + "00010a000002",
		arp.Header{Hardware: arp.HardwareIEEE802, Protocol: ethernet.TypeIPv4, Op: 3,
			SenderHW: link.MustParseAddr("be:ef"), SenderIP: ipv4.Addr{10, 0, 0, 1},
			TargetHW: link.MustParseAddr("00:01"), TargetIP: ipv4.Addr{10, 0, 0, 2}},
		"ARP op 3 from 10.0.0.1 (be:ef)"},
	{"another protocol", "00018100000400010a0000010a000002",
		arp.Header{Hardware: arp.HardwareEthernet, Protocol: 0x8100, Op: arp.Request,
			SenderIP: ipv4.Addr{10, 0, 0, 1}, TargetIP: ipv4.Addr{10, 0, 0, 2}},
		"ARP request for 802.1Q"},
}

func TestVectors(t *testing.T) {
	for _, tt := range vectors {
		t.Run(tt.name, func(t *testing.T) {
			h, payload, err := arp.Parse(unhex(t, tt.octets+"0000"))
			if err != nil || h != tt.h || len(payload) != 2 {
				t.Fatalf("Parse = %+v, %d octets of padding, %v\nwant    %+v, 2", h, len(payload), err, tt.h)
			}
			if got := hex.EncodeToString(arp.Append(nil, h)); got != tt.octets || len(got) != 2*h.Len() {
				t.Errorf("Append = %s\nwant     %s", got, tt.octets)
			}
			put := make([]byte, h.Len())
			if arp.Put(put, h); hex.EncodeToString(put) != tt.octets {
				t.Errorf("Put = %x\nwant  %s", put, tt.octets)
			}
			if got := h.String(); got != tt.text {
				t.Errorf("String = %s\nwant     %s", got, tt.text)
			}
		})
	}
}

// Each row is one fault away from the request of TestVectors, with octets enough that nothing else is wrong.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name string
		at   int
		v    byte
		want error
	}{
		{"hardware addresses of 9 octets", 4, 9, arp.ErrHardwareLen},
		{"hardware addresses of 255 octets", 4, 255, arp.ErrHardwareLen},
		{"protocol addresses of 3 octets", 5, 3, arp.ErrProtocolLen},
		{"protocol addresses of 16 octets", 5, 16, arp.ErrProtocolLen},
		{"no protocol addresses", 5, 0, arp.ErrProtocolLen},
	} {
		b := append(arp.Append(nil, request), make([]byte, 600)...)
		b[tt.at] = tt.v
		if h, payload, err := arp.Parse(b); err != tt.want || h != (arp.Header{}) || payload != nil {
			t.Errorf("%s: %+v, %d octets, %v; want only %v", tt.name, h, len(payload), err, tt.want)
		}
	}
	b := arp.Append(nil, request)
	b[4] = 8
	if _, _, err := arp.Parse(b); err != wire.ErrShort {
		t.Errorf("octets for addresses of 6 with a length of 8: %v, want %v", err, wire.ErrShort)
	}
	if !errors.Is(arp.ErrHardwareLen, wire.ErrInvalid) || !errors.Is(arp.ErrProtocolLen, wire.ErrInvalid) {
		t.Error("the reasons are not a wire.ErrInvalid")
	}
}

func TestAppendWithoutTargetAddress(t *testing.T) {
	h := request
	h.TargetHW = link.Addr{}
	if got, want := arp.Append(nil, h), arp.Append(nil, request); string(got) != string(want) {
		t.Errorf("without target address %x\nwant zeros              %x", got, want)
	}
	defer func() {
		if recover() == nil {
			t.Error("appended a packet with addresses of two lengths")
		}
	}()
	h.TargetHW = link.MustParseAddr("be:ef")
	arp.Append(nil, h)
}

// Law: a packet that is read survives append and parse; header and padding are all there is.
func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add(arp.Append(nil, v.h))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, arp.Parse, arp.Append, b)
		h, rest, err := arp.Parse(b)
		if err == nil && h.Len()+len(rest) != len(b) {
			t.Errorf("packet %d and rest %d of %d octets", h.Len(), len(rest), len(b))
		}
		_ = h.String()
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
