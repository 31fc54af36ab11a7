package icmpv6_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// Each option and message as the figures of RFC 6775, 4, RFC 8505, 4, and RFC 7400, 3.3 have it.
func TestOptionsOfLowpan(t *testing.T) {
	for _, tt := range []struct {
		name, octets, want string
		append             func([]byte) []byte
	}{
		{"ARO", "21 02 00 00 00 00 00 3c 02 00 00 ff fe 00 00 01", "register success for 60 min by 020000fffe000001", func(b []byte) []byte {
			return icmpv6.AppendRegistration(b, icmpv6.Registration{Lifetime: 60, ROVR: rovr(t, "\x02\x00\x00\xff\xfe\x00\x00\x01")})
		}},
		{"EARO", "21 03 03 05 03 f0 00 01 30 31 32 33 34 35 36 37 38 39 30 31 32 33 34 35", "register moved for 1 min by 30313233343536373839303132333435 tid 240 R", func(b []byte) []byte {
			return icmpv6.AppendRegistration(b, icmpv6.Registration{
				Status: icmpv6.Moved, Opaque: 5, Reach: true, Extended: true, TID: 240, Lifetime: 1, ROVR: rovr(t, "0123456789012345"),
			})
		}},
		{"6CO", "22 02 30 13 00 00 00 0a 20 01 0d b8 00 01 00 00", "context 3 2001:db8:1::/48 for 10 min C", func(b []byte) []byte {
			return icmpv6.AppendContext(b, icmpv6.Context{Bits: 48, Compress: true, ID: 3, Lifetime: 10, Prefix: ipv6.MustParseAddr("2001:db8:1::")})
		}},
		{"6CO of an address", "22 03 80 0f 00 00 00 00 20 01 0d b8 00 01 00 00 00 00 00 00 00 00 00 01", "context 15 2001:db8:1::1/128 for 0 min", func(b []byte) []byte {
			return icmpv6.AppendContext(b, icmpv6.Context{Bits: 128, ID: 15, Prefix: ipv6.MustParseAddr("2001:db8:1::1")})
		}},
		{"ABRO", "23 03 56 78 12 34 27 10 20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 01", "border router 2001:db8::1 version 305419896 for 10000 min", func(b []byte) []byte {
			return icmpv6.AppendBorderRouter(b, icmpv6.BorderRouter{Version: 0x12345678, Lifetime: 10000, Addr: ipv6.MustParseAddr("2001:db8::1")})
		}},
		{"6CIO", "24 01 00 32 00 00 00 00", "capabilities 0x32", func(b []byte) []byte {
			return icmpv6.AppendCapabilities(b, icmpv6.Capabilities{Bits: icmpv6.CanExtendDuplicate | icmpv6.IsRouter | icmpv6.CanRegister})
		}},
	} {
		want := octets(t, tt.octets)
		if got := tt.append(nil); !bytes.Equal(got, want) {
			t.Errorf("%s: wrote %x\nwant   %x", tt.name, got, want)
		}
		o, rest, err := icmpv6.ParseOption(want)
		if err != nil || len(rest) != 0 || o.String() != tt.want {
			t.Errorf("%s is read as %v, %v; want %s", tt.name, o, err, tt.want)
		}
	}
}

func TestDuplicateMessages(t *testing.T) {
	addr := "20 01 0d b8 00 00 00 00 00 00 00 00 00 00 00 05"
	for _, tt := range []struct {
		octets, want string
		length       int
	}{
		{"9d 00 00 00 00 00 00 3c 02 00 00 ff fe 00 00 01" + addr, "ICMP6 duplicate-address-request 2001:db8::5 for 60 min by 020000fffe000001", 32},
		{"9d 01 00 00 00 f1 00 3c 02 00 00 ff fe 00 00 01" + addr, "ICMP6 duplicate-address-request 2001:db8::5 for 60 min by 020000fffe000001 tid 241", 32},
		{"9e f2 00 00 09 01 00 00 30 31 32 33 34 35 36 37 38 39 30 31 32 33 34 35" + addr,
			"ICMP6 duplicate-address-confirmation 2001:db8::5 for 0 min by 30313233343536373839303132333435 tid 1 registry saturated", 40},
	} {
		b := octets(t, tt.octets)
		m, options, err := icmpv6.ParseDuplicate(append(b, 99, 1))
		if err != nil || m.String() != tt.want || m.Len() != tt.length || len(options) != 2 {
			t.Errorf("read %v, %v, %d octets\nwant %s", m, err, m.Len(), tt.want)
		}
		if got := icmpv6.AppendDuplicate(nil, m); !bytes.Equal(got, b) {
			t.Errorf("wrote %x\nwant  %x", got, b)
		}
	}
	unknown := octets(t, "9d 05"+"00 00 00 f1 00 3c 02 00 00 ff fe 00 00 01"+addr)
	if _, _, err := icmpv6.ParseDuplicate(unknown); !errors.Is(err, icmpv6.ErrType) {
		t.Errorf("a code of unknown length: %v", err)
	}
}

// Lengths that do not fit are told from octets that are missing.
func TestLowpanOptionsOfWrongLength(t *testing.T) {
	context := icmpv6.AppendContext(nil, icmpv6.Context{Bits: 64})
	context[2] = 65 // RFC 6775, 4.2: takes length 3
	if _, _, err := icmpv6.ParseContext(context); !errors.Is(err, icmpv6.ErrType) {
		t.Errorf("a context of 65 bits in 16 octets: %v", err)
	}
	long := make([]byte, 48)
	long[0], long[1] = uint8(icmpv6.RegistrationOption), 6
	if _, _, err := icmpv6.ParseRegistration(long); !errors.Is(err, icmpv6.ErrType) {
		t.Errorf("a registration of 48 octets: %v", err)
	}
}

func rovr(t *testing.T, s string) icmpv6.ROVR {
	t.Helper()
	r, ok := icmpv6.ROVRFrom([]byte(s))
	if !ok {
		t.Fatalf("%q is no ROVR", s)
	}
	return r
}
