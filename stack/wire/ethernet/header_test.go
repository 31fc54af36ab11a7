package ethernet_test

import (
	"encoding/hex"
	"errors"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/wiretest"
)

var (
	src = ethernet.MAC{2, 0, 0, 0, 0x0a, 1}
	dst = ethernet.MAC{2, 0, 0, 0, 0x0a, 2}
)

const macs = "020000000a02020000000a01"

var vectors = []struct {
	name, octets, payload string // in hexadecimal
	h                     ethernet.Header
	verify                error
	text                  string
}{
	{"Ethernet II keeps padding", macs + "0806" + "0102000000", "0102000000",
		ethernet.Header{Dst: dst, Src: src, Type: ethernet.TypeARP}, nil,
		"02:00:00:00:0a:01 > 02:00:00:00:0a:02 ARP"},
	{"tagged", macs + "8100" + "affe" + "0800" + "45", "45",
		ethernet.Header{Dst: dst, Src: src, Tagged: true, TCI: ethernet.MakeTCI(5, false, 4094), Type: ethernet.TypeIPv4}, nil,
		"02:00:00:00:0a:01 > 02:00:00:00:0a:02 vlan 4094 p 5 IPv4"},
	{"a second tag is payload", macs + "8100" + "0001" + "8100" + "00020800", "00020800",
		ethernet.Header{Dst: dst, Src: src, Tagged: true, TCI: 1, Type: ethernet.TypeVLAN}, nil,
		"02:00:00:00:0a:01 > 02:00:00:00:0a:02 vlan 1 p 0 802.1Q"},
	{"SNAP of RFC 1042, padding cut", macs + "000a" + "aaaa03000000" + "0806" + "0102" + "0000", "0102",
		ethernet.Header{Dst: dst, Src: src, Format: ethernet.SNAP, Length: 10, Type: ethernet.TypeARP}, nil,
		"02:00:00:00:0a:01 > 02:00:00:00:0a:02 SNAP ARP len 10"},
	{"SNAP with a tag", macs + "8100" + "6007" + "0009" + "aaaa03000000" + "86dd" + "60", "60",
		ethernet.Header{Dst: dst, Src: src, Tagged: true, TCI: ethernet.MakeTCI(3, false, 7), Format: ethernet.SNAP, Length: 9, Type: ethernet.TypeIPv6}, nil,
		"02:00:00:00:0a:01 > 02:00:00:00:0a:02 vlan 7 p 3 SNAP IPv6 len 9"},
	{"SNAP of another organisation is LLC", macs + "0008" + "aaaa0300000c" + "2000", "aaaa0300000c2000",
		ethernet.Header{Dst: dst, Src: src, Format: ethernet.LLC, Length: 8}, nil,
		"02:00:00:00:0a:01 > 02:00:00:00:0a:02 LLC len 8"},
	{"spanning tree is LLC", macs + "0004" + "42420300" + "0000", "42420300",
		ethernet.Header{Dst: dst, Src: src, Format: ethernet.LLC, Length: 4}, nil,
		"02:00:00:00:0a:01 > 02:00:00:00:0a:02 LLC len 4"},
	{"a length beyond the end", macs + "0064" + "42420300", "42420300",
		ethernet.Header{Dst: dst, Src: src, Format: ethernet.LLC, Length: 100}, wire.ErrLength,
		"02:00:00:00:0a:01 > 02:00:00:00:0a:02 LLC len 100"},
	{"SNAP with a length beyond the end", macs + "0064" + "aaaa03000000" + "0800" + "45", "45",
		ethernet.Header{Dst: dst, Src: src, Format: ethernet.SNAP, Length: 100, Type: ethernet.TypeIPv4}, wire.ErrLength,
		"02:00:00:00:0a:01 > 02:00:00:00:0a:02 SNAP IPv4 len 100"},
	{"a length too small for LLC", macs + "0002" + "4242", "4242",
		ethernet.Header{Dst: dst, Src: src, Format: ethernet.LLC, Length: 2}, wire.ErrLength,
		"02:00:00:00:0a:01 > 02:00:00:00:0a:02 LLC len 2"},
	{"the smallest EtherType", macs + "0600", "",
		ethernet.Header{Dst: dst, Src: src, Type: 0x600}, nil,
		"02:00:00:00:0a:01 > 02:00:00:00:0a:02 ethertype 0x0600"},
}

func TestVectors(t *testing.T) {
	for _, tt := range vectors {
		t.Run(tt.name, func(t *testing.T) {
			b := unhex(t, tt.octets)
			h, payload, err := ethernet.Parse(b)
			if err != nil || h != tt.h || hex.EncodeToString(payload) != tt.payload {
				t.Fatalf("Parse = %+v, %x, %v\nwant    %+v, %s", h, payload, err, tt.h, tt.payload)
			}
			if cap(payload) != len(payload) {
				t.Errorf("capacity of the payload reaches %d octets past its end", cap(payload)-len(payload))
			}
			if got := ethernet.Verify(b, h); got != tt.verify {
				t.Errorf("Verify = %v, want %v", got, tt.verify)
			}
			if got := h.String(); got != tt.text {
				t.Errorf("String = %s\nwant     %s", got, tt.text)
			}
			put := make([]byte, h.Len())
			ethernet.Put(put, h)
			if string(put) != string(b[:h.Len()]) || string(ethernet.Append(nil, h)) != string(put) {
				t.Errorf("Put    %x\nAppend %x\nwant   %x", put, ethernet.Append(nil, h), b[:h.Len()])
			}
		})
	}
}

// Each row is one fault away from a frame of TestVectors.
func TestRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		octets string
		want   error
	}{
		"the first undefined type":        {macs + "05dd" + "aaaa0300000008000102", ethernet.ErrType},
		"the last undefined type":         {macs + "05ff" + "aaaa0300000008000102", ethernet.ErrType},
		"undefined type after a tag":      {macs + "8100" + "0001" + "05ff" + "01", ethernet.ErrType},
		"cut in the type":                 {macs + "08", wire.ErrShort},
		"cut in the tag":                  {macs + "8100" + "affe" + "08", wire.ErrShort},
		"cut in the organisation code":    {macs + "000a" + "aaaa030000", wire.ErrShort},
		"cut in the EtherType after SNAP": {macs + "000a" + "aaaa0300000008", wire.ErrShort},
	} {
		h, payload, err := ethernet.Parse(unhex(t, tt.octets))
		if !errors.Is(err, tt.want) || h != (ethernet.Header{}) || payload != nil {
			t.Errorf("%s: %+v, %x, %v; want only %v", name, h, payload, err, tt.want)
		}
	}
	if !errors.Is(ethernet.ErrType, wire.ErrInvalid) {
		t.Error("ErrType is not a wire.ErrInvalid")
	}
}

func TestSealMakesTheLengthRight(t *testing.T) {
	for _, h := range []ethernet.Header{
		{Dst: dst, Src: src, Type: ethernet.TypeIPv4},
		{Dst: dst, Src: src, Format: ethernet.SNAP, Type: ethernet.TypeIPv4},
		{Dst: dst, Src: src, Tagged: true, Format: ethernet.SNAP, Type: ethernet.TypeIPv4},
	} {
		b := append(ethernet.Append(nil, h), "payload"...)
		ethernet.Seal(b, h)
		got, payload, err := ethernet.Parse(append(b, 0, 0, 0)) // padded
		if err != nil || ethernet.Verify(b, got) != nil {
			t.Errorf("%v sealed: %v, %v, %v", h, got, err, ethernet.Verify(b, got))
		}
		if h.Format == ethernet.SNAP && (string(payload) != "payload" || got.Length != 15) {
			t.Errorf("%v sealed: length %d, payload %q", h, got.Length, payload)
		}
	}
}

func TestMAC(t *testing.T) {
	if got := ethernet.Multicast4([4]byte{239, 129, 2, 3}); got.String() != "01:00:5e:01:02:03" {
		t.Errorf("group 239.129.2.3 goes to %v: RFC 1112, 6.4, keeps 23 bits", got)
	}
	if got := ethernet.Multicast6([16]byte{0xff, 2, 12: 0xff, 13: 1, 14: 2, 15: 3}); got.String() != "33:33:ff:01:02:03" {
		t.Errorf("group ff02::ff01:203 goes to %v", got)
	}
	if m := ethernet.Broadcast; !m.IsBroadcast() || !m.IsGroup() || src.IsGroup() || src.IsBroadcast() || src.IsZero() {
		t.Error("broadcast, group and station addresses are confused")
	}
	if m, ok := ethernet.MACFrom(src.Addr()); m != src || !ok {
		t.Errorf("MACFrom(%v) = %v, %v", src.Addr(), m, ok)
	}
	if _, ok := ethernet.MACFrom(link.MustParseAddr("be:ef")); ok {
		t.Error("MACFrom took two octets")
	}
	tci := ethernet.MakeTCI(6, true, 0xabc)
	if tci != 0xdabc || tci.Priority() != 6 || !tci.DropEligible() || tci.VLAN() != 0xabc {
		t.Errorf("TCI = %#04x: %d %v %#x", uint16(tci), tci.Priority(), tci.DropEligible(), tci.VLAN())
	}
}

// Law: a frame that is read survives append and parse, and its payload lies within the frame.
func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add(append(ethernet.Append(nil, v.h), v.payload...))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, ethernet.Parse, ethernet.Append, b)
		h, payload, err := ethernet.Parse(b)
		if err == nil && h.Len()+len(payload) > len(b) {
			t.Errorf("header %d and payload %d of %d octets", h.Len(), len(payload), len(b))
		}
		_, _ = h.String(), ethernet.Verify(b, h)
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
