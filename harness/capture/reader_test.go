package capture

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func readAll(t testing.TB, b []byte) ([]Packet, *Reader, error) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, nil, err
	}
	var all []Packet
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, r, nil
		}
		if err != nil {
			return all, r, err
		}
		all = append(all, p)
	}
}

func TestFormats(t *testing.T) {
	for _, tt := range vectors {
		t.Run(tt.name, func(t *testing.T) {
			b := octets(t, tt.hex)
			got, r, err := readAll(t, b)
			if err != nil || len(got) != 2 {
				t.Fatalf("%d packets, error %v; want 2, none", len(got), err)
			}
			if r.Format() != tt.format {
				t.Errorf("format %q, want %q", r.Format(), tt.format)
			}
			whole, cut := got[0], got[1]
			if whole.Number != 1 || !bytes.Equal(whole.Data, []byte{1, 2, 3, 4, 5}) || whole.Original != 5 || whole.Cut() {
				t.Errorf("first packet %+v, want number 1, 01 02 03 04 05, whole", whole)
			}
			if cut.Number != 2 || !bytes.Equal(cut.Data, []byte{0xff}) || cut.Original != 60 || !cut.Cut() {
				t.Errorf("second packet %+v, want number 2, ff, cut from 60", cut)
			}
			for i, nano := range []int64{tt.nano, 500000000} {
				if want := time.Unix(1000000000, nano); !got[i].Time.Equal(want) || got[i].LinkType != tt.link {
					t.Errorf("packet %d: %v %v, want %v %v", i+1, got[i].Time, got[i].LinkType, want.UTC(), tt.link)
				}
			}
			cutEverywhere(t, b, got)
		})
	}
}

// cutEverywhere cuts the capture at every length: never more packets than whole ones, never a wrong one, and between
// two records no error.
func cutEverywhere(t *testing.T, b []byte, want []Packet) {
	t.Helper()
	for n := range b {
		got, _, err := readAll(t, b[:n])
		if len(got) >= len(want) {
			t.Errorf("%d of %d octets hold %d packets", n, len(b), len(got))
		}
		for i, p := range got {
			if !bytes.Equal(p.Data, want[i].Data) {
				t.Errorf("of %d octets: packet %d is % x, want % x", n, i+1, p.Data, want[i].Data)
			}
		}
		if err != nil && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrEmpty) && !(n < 8 && errors.Is(err, ErrNotCapture)) {
			t.Errorf("of %d octets: %v, want a truncation", n, err)
		}
	}
}

func TestDirections(t *testing.T) {
	for _, tt := range []struct {
		name, datalink, flags string
		data                  string
		link                  LinkType
		want                  Direction
	}{
		{"h4 sent", "000003ea", "00000000", "aa", LinkBluetoothHCIH4, Outbound},
		{"h4 received", "000003ea", "00000001", "aa", LinkBluetoothHCIH4, Inbound},
		{"h1 data: the indicator is put in front", "000003e9", "00000001", "02aa", LinkBluetoothHCIH4, Inbound},
		{"h1 command", "000003e9", "00000002", "01aa", LinkBluetoothHCIH4, Outbound},
		{"h1 event", "000003e9", "00000003", "04aa", LinkBluetoothHCIH4, Inbound},
		{"monitor: adapter and opcode are put in front", "000007d1", "00010003", "00010003aa", LinkBluetoothLinuxMonitor, UnknownDirection},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _, err := readAll(t, octets(t, "6274736e6f6f7000 00000001"+tt.datalink+
				"00000001 00000001"+tt.flags+"00000000 00e06b31b3f7e240 aa"))
			if err != nil || len(got) != 1 {
				t.Fatalf("%d packets, error %v", len(got), err)
			}
			p := got[0]
			if want := octets(t, tt.data); !bytes.Equal(p.Data, want) || p.Original != len(want) || p.Direction != tt.want || p.LinkType != tt.link {
				t.Errorf("% x, original %d, %v, %v; want % x, %v, %v", p.Data, p.Original, p.Direction, p.LinkType, want, tt.want, tt.link)
			}
		})
	}
}

// Two sections in different byte orders, the second with two interfaces, times of 2^-10 s with an offset, comments on
// section, interface and packet, a direction, and a simple packet cut by the snap length.
const sections = `
	0a0d0d0a 28000000 4d3c2b1a 0100 0000 ffffffffffffffff 0100 0200 6869 0000 00000000 28000000   # comment hi
	01000000 14000000 0100 0000 00000000 14000000
	06000000 20000000 00000000 00000000 01000000 00000000 00000000 20000000                       # empty, at 1 µs
	0a0d0d0a 0000001c 1a2b3c4d 0001 0000 ffffffffffffffff 0000001c
	00000001 00000014 0001 0000 00000002 00000014                                                 # snap length 2
	00000001 0000003c 00c3 0000 00000000 0002 0003 65743000 0001 0003 69666300 0009 0001 8a000000 # et0, ifc, 2^-10
	         000e 0008 0000000000000064 0000 0000 0000003c                                       # offset 100 s
	00000006 00000040 00000001 00000000 00000600 00000001 00000001 aa000000                       # 1.5 s
	         0001 0001 61000000 0001 0002 62630000 0002 0004 00000002 0000 0000 00000040          # a, bc, outbound
	00000003 00000014 00000004 01020000 00000014`

func TestSections(t *testing.T) {
	got, r, err := readAll(t, octets(t, sections))
	if err != nil || len(got) != 3 {
		t.Fatalf("%d packets, error %v; want 3, none", len(got), err)
	}
	if !slices.Equal(r.SectionComments(), []string{"hi"}) {
		t.Errorf("section comments %q, want hi", r.SectionComments())
	}
	if p := got[0]; len(p.Data) != 0 || p.Interface.Section != 0 || !p.Time.Equal(time.UnixMicro(1)) {
		t.Errorf("first packet %+v of %+v", p, p.Interface)
	}
	p := got[1]
	if !slices.Equal(p.Comments, []string{"a", "bc"}) || p.Direction != Outbound || p.LinkType != IEEE802154 {
		t.Errorf("second packet %+v, want comments a and bc, outbound", p)
	}
	if !p.Time.Equal(time.Unix(101, 500000000)) {
		t.Errorf("second packet at %v, want 101.5 s: 1536/1024 s and the offset", p.Time)
	}
	if i := p.Interface; i.Name != "et0" || i.ID != 1 || i.Section != 1 || !slices.Equal(i.Comments, []string{"ifc"}) {
		t.Errorf("interface %+v, want et0, 1 of section 1, with a comment", i)
	}
	if p := got[2]; !bytes.Equal(p.Data, []byte{1, 2}) || p.Original != 4 || !p.Time.IsZero() || p.Interface.ID != 0 {
		t.Errorf("simple packet %+v, want 01 02 of 4, without a time", p)
	}
}

func TestResolution(t *testing.T) {
	for _, tt := range []struct {
		r     resolution
		ticks uint64
		sec   uint64
		nsec  int64
	}{
		{6, 1500000, 1, 500000000},
		{9, 1500000001, 1, 500000001},
		{0, 7, 7, 0},
		{12, 1000000001000, 1, 1},
		{19, 1e19 + 1e18, 1, 100000000},
		{20, 1e19, 0, 100000000},
		{127, 1e19, 0, 0},
		{0x80, 7, 7, 0},
		{0x80 | 1, 3, 1, 500000000},
		{0x80 | 63, 1 << 62, 0, 500000000},
		{0x80 | 63, 1<<63 | 1<<62, 1, 500000000},
		{0x80 | 64, 1 << 63, 0, 500000000},
		{0x80 | 65, 1 << 63, 0, 250000000},
		{0x80 | 127, 1 << 63, 0, 0},
	} {
		if sec, nsec := tt.r.split(tt.ticks); sec != tt.sec || nsec != tt.nsec {
			t.Errorf("%d ticks of resolution %#x: %d s %d ns, want %d s %d ns", tt.ticks, byte(tt.r), sec, nsec, tt.sec, tt.nsec)
		}
	}
}

// Each row spoils one thing of a good capture. The packets before the fault are still read.
func TestFaults(t *testing.T) {
	pcap, ng := vectors[0].hex, vectors[4].hex
	for _, tt := range []struct {
		name, hex, old, new string
		packets             int
		kind                error
		want                string
	}{
		{"no capture", "68656c6c6f20776f726c64", "", "", 0, ErrNotCapture,
			"this is not a capture: it starts with 68 65 6c 6c, which is none of pcap, pcapng, snoop, btsnoop."},
		{"short and no capture", "6865", "", "", 0, ErrNotCapture,
			"this is not a capture: it starts with 68 65, which is none of pcap, pcapng, snoop, btsnoop."},
		{"empty", "", "", "", 0, ErrEmpty, "the file is empty: not even a capture header is in it."},
		{"compressed", "1f8b080000000000", "", "", 0, ErrUnsupported, "this is a gzip-compressed file: unpack it first."},
		{"pcap version", pcap, "0200 0400", "0300 0000", 0, ErrUnsupported, "this is a pcap of version 3.0; version 2 is supported."},
		{"pcap length", pcap, "01000000 3c000000", "ffffffff 3c000000", 1, ErrCorrupt,
			"the capture is corrupt near octet 61: packet 2 claims to hold 4294967295 octets."},
		{"pcap packet cut", pcap, "3c000000 ff", "3c000000", 1, ErrTruncated,
			"the capture is truncated in the middle of packet 2, after 61 octets."},
		{"pcap long packet cut: nothing is allocated for it", pcap, "01000000 3c000000", "0000ff00 3c000000", 1, ErrTruncated,
			"the capture is truncated in the middle of packet 2, after 62 octets."},
		{"pcapng lengths differ", ng, "3c000000 ff000000 24000000", "3c000000 ff000000 28000000", 1, ErrCorrupt,
			"the capture is corrupt near octet 124: a block of type 0x6 has the length 36 in front and 40 behind."},
		{"pcapng block too short", ng, "06000000 24000000", "06000000 08000000", 1, ErrCorrupt,
			"the capture is corrupt near octet 96: a block of type 0x6 has a length of 8 octets, which is no multiple of 4 from 12 up."},
		{"pcapng block huge", ng, "06000000 24000000", "06000000 fcffffff", 1, ErrCorrupt,
			"the capture is corrupt near octet 96: a block of type 0x6 has 4294967280 octets."},
		{"pcapng interface missing", ng, "06000000 24000000 00000000", "06000000 24000000 01000000", 1, ErrCorrupt,
			"the capture is corrupt near octet 120: packet 2 is of interface 1, but 1 are described."},
		{"pcapng captured length", ng, "01000000 3c000000", "05000000 3c000000", 1, ErrCorrupt,
			"the capture is corrupt near octet 120: packet 2 claims to hold 5 octets in a block with 4."},
		{"pcapng version", ng, "4d3c2b1a 0100", "4d3c2b1a 0200", 0, ErrUnsupported, "this is a pcapng of version 2.0; version 1 is supported."},
		{"pcapng byte order", ng, "4d3c2b1a", "4d3c2b1b", 0, ErrCorrupt,
			"the capture is corrupt near octet 24: a section header has the byte-order magic 4d 3c 2b 1b."},
		{"snoop version", vectors[6].hex, "00000002 00000004", "00000003 00000004", 0, ErrUnsupported,
			"this is a snoop file of version 3; version 2 is supported."},
		{"snoop datalink", vectors[6].hex, "00000002 00000004", "00000002 00000009", 0, ErrUnsupported,
			"this snoop file has datalink type 9, which has no counterpart among the link types of pcap."},
		{"snoop record length", vectors[6].hex, "00000001 0000001c", "00000001 00000010", 1, ErrCorrupt,
			"the capture is corrupt near octet 72: the record of packet 2 has a length of 16 octets, which does not fit the 1 octets in it."},
		{"btsnoop datalink", vectors[7].hex, "000003ea", "000003ec", 0, ErrUnsupported,
			"this btsnoop file has datalink type 1004, which has no counterpart among the link types of pcap."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.old != "" && strings.Count(tt.hex, tt.old) != 1 {
				t.Fatalf("%q is in the capture %d times, want once", tt.old, strings.Count(tt.hex, tt.old))
			}
			got, r, err := readAll(t, octets(t, strings.Replace(tt.hex, tt.old, tt.new, 1)))
			if len(got) != tt.packets || !errors.Is(err, tt.kind) || err.Error() != tt.want {
				t.Errorf("%d packets, %v\nwant %d, %s", len(got), err, tt.packets, tt.want)
			}
			if r != nil {
				if _, again := r.Next(); again != err {
					t.Errorf("the next call returns %v, want the same fault", again)
				}
			}
		})
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pcap")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(dir, "cut.pcap")
	if err := os.WriteFile(cut, octets(t, vectors[0].hex)[:30], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path string
		kind error
		want string
	}{
		{filepath.Join(dir, "none.pcap"), fs.ErrNotExist, "none.pcap: there is no such file."},
		{empty, ErrEmpty, "empty.pcap: the file is empty: not even a capture header is in it."},
		{dir, ErrNotCapture, ": this is a folder, not a capture file."},
		{cut, ErrTruncated, "cut.pcap: the capture is truncated in the middle of packet 1, after 30 octets."},
	} {
		r, err := Open(tt.path)
		if err == nil {
			_, err = r.Next()
			if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		if !errors.Is(err, tt.kind) || !strings.HasSuffix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.path, err, tt.want)
		}
	}
}

func TestLinkTypeNames(t *testing.T) {
	seen := map[string]LinkType{}
	for n, name := range linkNames {
		if other, twice := seen[name]; twice || name == "" {
			t.Errorf("link types %d and %d are both called %q", n, other, name)
		}
		seen[name] = n
	}
	for _, tt := range []struct {
		t     LinkType
		known bool
		want  string
	}{{Ethernet, true, "ethernet"}, {IEEE802154, true, "ieee802_15_4_withfcs"}, {276, true, "linux_sll2"}, {65000, false, "unknown link type 65000"}} {
		if tt.t.String() != tt.want || tt.t.Known() != tt.known {
			t.Errorf("%d is %q, known %v; want %q, %v", tt.t, tt.t, tt.t.Known(), tt.want, tt.known)
		}
	}
}
