package zep_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/wiretest"
	"github.com/conform-stack/conform/stack/wire/zep"
)

// The first was recorded from RIOT: an acknowledgement of IEEE 802.15.4, on channel 26.
var vectors = []struct {
	name, octets, frame string
	h                   zep.Header
	text                string
}{
	{"version 2, data", "455802011a758001ffeead45ac00c208f9000000000000000000000000000005" + "020062acf5", "020062acf5",
		zep.Header{Version: 2, Type: zep.Data, Channel: 26, Device: 0x7580, CRC: true, LQI: 255, Time: 0xeead45ac00c208f9, Length: 5},
		"zep 2 channel 26 device 7580 lqi 255 len 5"},
	{"version 2, acknowledgement", "4558020200000007", "", zep.Header{Version: 2, Type: zep.Ack, Seq: 7}, "zep ack 7"},
	{"version 1", "4558010f123400c8" + "00000000000000" + "03" + "aabbcc", "aabbcc",
		zep.Header{Version: 1, Type: zep.Data, Channel: 15, Device: 0x1234, LQI: 200, Length: 3}, "zep 1 channel 15 device 1234 lqi 200 len 3"},
	{"greeting", "455802ff1a000101ff" + "0000000000000000" + "00000000" + "00000000000000000000" + "00", "",
		zep.Header{Version: 2, Type: zep.Hello, Channel: 26, Device: 1, CRC: true, LQI: 255}, "zep type 255"},
}

func TestParse(t *testing.T) {
	for _, tt := range vectors {
		b, err := hex.DecodeString(tt.octets)
		if err != nil {
			t.Fatal(err)
		}
		h, frame, err := zep.Parse(b)
		if err != nil || h != tt.h || hex.EncodeToString(frame) != tt.frame || h.String() != tt.text {
			t.Errorf("%s: %+v, %x, %v, %q", tt.name, h, frame, err, h)
		}
		if err := zep.Verify(b, h); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		room := make([]byte, h.Len(), 64)
		zep.Put(room, h)
		if again := append(room, frame...); !bytes.Equal(again, b) {
			t.Errorf("%s: put = %x\nwant    %x", tt.name, again, b)
		}
		if h.Type == zep.Data {
			if err := zep.Verify(b[:len(b)-1], h); !errors.Is(err, wire.ErrLength) {
				t.Errorf("%s: an octet less: %v", tt.name, err)
			}
			if err := zep.Verify(append(b, 0), h); !errors.Is(err, wire.ErrLength) {
				t.Errorf("%s: an octet more: %v", tt.name, err)
			}
		}
	}
	_, frame, _ := zep.Parse(must(t, vectors[0].octets))
	if _, err := ieee802154.Check(frame); err != nil {
		t.Errorf("the frame in it: %v", err)
	}
}

func must(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseRefuses(t *testing.T) {
	b := must(t, vectors[0].octets)
	for _, tt := range []struct {
		at   int
		want error
	}{{0, zep.ErrPreamble}, {1, zep.ErrPreamble}, {2, zep.ErrVersion}} {
		c := bytes.Clone(b)
		c[tt.at] ^= 0x40
		if _, _, err := zep.Parse(c); !errors.Is(err, tt.want) {
			t.Errorf("octet %d changed: %v, want %v", tt.at, err, tt.want)
		}
	}
}

// The instant that tshark shows of the recorded packet.
func TestTime(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 42, 52, 2960740, time.UTC)
	if got, want := zep.TimeOf(at)>>16, uint64(0xeead45ac00c208f9)>>16; got != want {
		t.Errorf("%#x, want %#x", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		b, err := hex.DecodeString(v.octets)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, zep.Parse, zep.Append, b)
		if h, _, err := zep.Parse(b); err == nil {
			_ = zep.Verify(b, h)
		}
	})
}
