package tcp_test

import (
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/wire/tcp"
)

func cookie(t testing.TB, s string) tcp.Cookie {
	t.Helper()
	c, ok := tcp.MakeCookie(unhex(t, s))
	if !ok {
		t.Fatalf("cookie %s refused", s)
	}
	return c
}

// Each row both ways: the octets are what Append writes, and parse to the same.
func TestOptions(t *testing.T) {
	for _, tt := range []struct {
		name, octets, line string
		o                  tcp.Options
	}{
		{"none", "", "", tcp.Options{}},
		{"SYN as Linux sends it", "020405b4 0402080a afb24c9e00000000 0103030a", "mss 1460,sackOK,TS val 2947697822 ecr 0,nop,wscale 10",
			tcp.Options{Has: tcp.HasMSS | tcp.HasSACKPermitted | tcp.HasTimestamps | tcp.HasWScale, MSS: 1460, TSVal: 0xafb24c9e, WScale: 10}},
		{"SYN without timestamps", "020405a0 01010402 01030307", "mss 1440,nop,nop,sackOK,nop,wscale 7",
			tcp.Options{Has: tcp.HasMSS | tcp.HasSACKPermitted | tcp.HasWScale, MSS: 1440, WScale: 7}},
		{"timestamps", "0101080a 00000001 00000002", "nop,nop,TS val 1 ecr 2",
			tcp.Options{Has: tcp.HasTimestamps, TSVal: 1, TSEcr: 2}},
		{"SACK, one block", "0101050a 00000064 000000c8", "nop,nop,sack 100:200",
			tcp.Options{Has: tcp.HasSACK, Blocks: 1, SACK: [4]tcp.Block{{Start: 100, End: 200}}}},
		{"SACK, three blocks beside timestamps", "0101080a 00000001 00000002 0101051a 00000001 00000002 00000003 00000004 00000005 00000006",
			"nop,nop,TS val 1 ecr 2,nop,nop,sack 1:2 3:4 5:6",
			tcp.Options{Has: tcp.HasSACK | tcp.HasTimestamps, TSVal: 1, TSEcr: 2, Blocks: 3, SACK: [4]tcp.Block{{Start: 1, End: 2}, {Start: 3, End: 4}, {Start: 5, End: 6}}}},
		{"SACK, four blocks", "01010522 0000000100000002 0000000300000004 0000000500000006 0000000700000008", "nop,nop,sack 1:2 3:4 5:6 7:8",
			tcp.Options{Has: tcp.HasSACK, Blocks: 4, SACK: [4]tcp.Block{{Start: 1, End: 2}, {Start: 3, End: 4}, {Start: 5, End: 6}, {Start: 7, End: 8}}}},
		{"Fast Open request (RFC 7413, 4.1.1: the length is 2)", "22020101", "tfo cookie request,nop,nop", tcp.Options{Has: tcp.HasFastOpen}},
		{"Fast Open cookie", "220a0102030405060708 0101", "tfo cookie 0102030405060708,nop,nop",
			tcp.Options{Has: tcp.HasFastOpen, Cookie: cookie(t, "0102030405060708")}},
		{"user timeout in seconds", "1c04000a", "uto 10s", tcp.Options{Has: tcp.HasUserTimeout, UserTimeout: 10 * time.Second}},
		{"user timeout in minutes", "1c0483e8", "uto 16h40m0s", tcp.Options{Has: tcp.HasUserTimeout, UserTimeout: 1000 * time.Minute}},
		{"all that a SYN can hold", "020405b4 0402080a 0000000100000002 01030307 2212000102030405060708090a0b0c0d0e0f 0101",
			"mss 1460,sackOK,TS val 1 ecr 2,nop,wscale 7,tfo cookie 000102030405060708090a0b0c0d0e0f,nop,nop",
			tcp.Options{Has: tcp.HasMSS | tcp.HasSACKPermitted | tcp.HasTimestamps | tcp.HasWScale | tcp.HasFastOpen, MSS: 1460, TSVal: 1, TSEcr: 2, WScale: 7,
				Cookie: cookie(t, "000102030405060708090a0b0c0d0e0f")}},
	} {
		raw := unhex(t, tt.octets)
		if got := tt.o.Append([]byte("front")); hex.EncodeToString(got[5:]) != hex.EncodeToString(raw) {
			t.Errorf("%s: appended %x\nwant %x", tt.name, got[5:], raw)
		}
		if tt.o.Len() != len(raw) {
			t.Errorf("%s: Len %d, want %d", tt.name, tt.o.Len(), len(raw))
		}
		got := tcp.Options{Has: 0xff, MSS: 77, Blocks: 3, Fault: tcp.Cut}
		if got.Parse(raw); got != tt.o {
			t.Errorf("%s: parsed %+v\nwant %+v", tt.name, got, tt.o)
		}
		if s := tcp.RawOptions(raw).String(); s != tt.line {
			t.Errorf("%s: %s\nwant %s", tt.name, s, tt.line)
		}
	}
}

// What peers send that no host of today would lay out so, and what is wrong.
func TestOptionsOfOthers(t *testing.T) {
	for _, tt := range []struct {
		name, octets string
		want         tcp.Options
	}{
		{"EOL ends them, whatever follows", "02040200 00 020405b4", tcp.Options{Has: tcp.HasMSS, MSS: 512}},
		{"NOP anywhere", "01 01 01 020405b4 01", tcp.Options{Has: tcp.HasMSS, MSS: 1460}},
		{"an unknown kind is passed over (MUST-6)", "fd04dead 020405b4", tcp.Options{Has: tcp.HasMSS, MSS: 1460}},
		{"an unknown kind without data", "4d02 020405b4", tcp.Options{Has: tcp.HasMSS, MSS: 1460}},
		{"not aligned", "080a0000000100000002 030301", tcp.Options{Has: tcp.HasTimestamps | tcp.HasWScale, TSVal: 1, TSEcr: 2, WScale: 1}},
		{"the last of two counts", "02040200 020405b4", tcp.Options{Has: tcp.HasMSS, MSS: 1460}},
		{"a scale beyond 14 is reported as it is", "0303ff", tcp.Options{Has: tcp.HasWScale, WScale: 255}},
		{"length 0 (MUST-7)", "02040200 0200 05b4", tcp.Options{Has: tcp.HasMSS, MSS: 512, Fault: tcp.NoLength, FaultKind: tcp.MSSKind}},
		{"length 1", "fd01 020405b4", tcp.Options{Fault: tcp.NoLength, FaultKind: 0xfd}},
		{"a length beyond the header", "0101 0805 0001", tcp.Options{Fault: tcp.Cut, FaultKind: tcp.TimestampsKind}},
		{"no room for a length", "010101 02", tcp.Options{Fault: tcp.Cut, FaultKind: tcp.MSSKind}},
		{"MSS of 3 octets, the next is read", "020305 030307", tcp.Options{Has: tcp.HasWScale, WScale: 7, Fault: tcp.WrongSize, FaultKind: tcp.MSSKind}},
		{"the first fault is told", "020305 030407 00", tcp.Options{Fault: tcp.WrongSize, FaultKind: tcp.MSSKind}},
		{"SACK without block", "0502", tcp.Options{Fault: tcp.WrongSize, FaultKind: tcp.SACKKind}},
		{"SACK with half a block", "0506 00000001", tcp.Options{Fault: tcp.WrongSize, FaultKind: tcp.SACKKind}},
		{"SACK-permitted with data", "040300", tcp.Options{Fault: tcp.WrongSize, FaultKind: tcp.SACKPermitKind}},
		{"timestamps of 9 octets", "0809 00000001000002", tcp.Options{Fault: tcp.WrongSize, FaultKind: tcp.TimestampsKind}},
		{"a cookie of 2 octets", "2204 0102", tcp.Options{Fault: tcp.WrongSize, FaultKind: tcp.FastOpenKind}},
		{"a cookie of an odd number", "2207 0102030405", tcp.Options{Fault: tcp.WrongSize, FaultKind: tcp.FastOpenKind}},
		{"a cookie of 18 octets", "2214 000000000000000000000000000000000000", tcp.Options{Fault: tcp.WrongSize, FaultKind: tcp.FastOpenKind}},
	} {
		var got tcp.Options
		if got.Parse(unhex(t, tt.octets)); got != tt.want {
			t.Errorf("%s: %+v\nwant %+v", tt.name, got, tt.want)
		}
		_ = tcp.RawOptions(unhex(t, tt.octets)).String()
	}
}

// SACK takes the room that is left; what does not fit is left out.
func TestOptionsThatDoNotFit(t *testing.T) {
	o := tcp.Options{Has: tcp.HasTimestamps | tcp.HasSACK, Blocks: 4}
	if n := o.Len(); n != 12+4+3*8 {
		t.Errorf("four blocks beside timestamps take %d octets, want 40: three blocks", n)
	}
	o = tcp.Options{Has: 0x7f, MSS: 1, Blocks: 4, Cookie: cookie(t, "00000000000000000000000000000000")}
	if n := o.Len(); n != 40 {
		t.Errorf("everything takes %d octets, want 40", n)
	}
	var back tcp.Options
	if back.Parse(o.Append(nil)); back.Has != 0x7f&^(tcp.HasSACK|tcp.HasUserTimeout) {
		t.Errorf("left in: %b", back.Has)
	}
	for _, tt := range []struct{ d, want time.Duration }{
		{32767 * time.Second, 32767 * time.Second}, {32768 * time.Second, 547 * time.Minute}, {1500 * time.Millisecond, 2 * time.Second},
		{1 << 62, 32767 * time.Minute}, {-time.Second, 0},
	} {
		o := tcp.Options{Has: tcp.HasUserTimeout, UserTimeout: tt.d}
		if back.Parse(o.Append(nil)); back.UserTimeout != tt.want {
			t.Errorf("a user timeout of %v goes as %v, want %v", tt.d, back.UserTimeout, tt.want)
		}
	}
}

func TestIter(t *testing.T) {
	raw := tcp.RawOptions(unhex(t, "01 fd04abcd 0402 080300 04"))
	got := ""
	it := raw.Iter()
	for it.Next() {
		got += fmt.Sprintf("%v:%x/%d ", it.Kind, it.Data, cap(it.Data))
	}
	if want := "opt-253:abcd/2 sackOK:/0 TS:00/1 "; got != want || it.Fault() != tcp.Cut || it.Kind != tcp.SACKPermitKind {
		t.Errorf("%s, %v at %v; want %s, cut at sackOK", got, it.Fault(), it.Kind, want)
	}
}

func TestOptionsDoNotAllocate(t *testing.T) {
	raw := unhex(t, "020405b4 0402080a afb24c9e00000000 0103030a")
	room := make([]byte, 0, 40)
	var o tcp.Options
	if n := testing.AllocsPerRun(100, func() { o.Parse(raw); o.Append(room); _ = o.Len() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, tt := range recorded[1:4] {
		raw := unhex(b, tt.octets)
		b.Run("segment="+tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h, _, err := tcp.Parse(raw)
				var o tcp.Options
				if o.Parse(h.Options); err != nil || o.Has == 0 {
					b.Fatal("nothing read")
				}
			}
		})
	}
}
