package inspect

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/capture"
)

// A packet of the captures that the tests write.
type packet struct {
	data     []byte
	original int
}

func write(t *testing.T, link capture.LinkType, packets ...packet) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.pcapng")
	var b bytes.Buffer
	w, err := capture.NewWriter(&b, capture.SectionOptions{Comments: []string{"made by a test"}})
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.AddInterface(capture.Interface{LinkType: link})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range packets {
		at := time.Unix(1000, 0).Add(time.Duration(i) * time.Millisecond)
		if err := w.Write(id, capture.Packet{Time: at, Data: p.data, Original: p.original}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func sum(b []byte) uint16 {
	n := 0
	for i, v := range b {
		if i%2 == 0 {
			n += int(v) << 8
		} else {
			n += int(v)
		}
	}
	for n > 0xffff {
		n = n&0xffff + n>>16
	}
	return uint16(n)
}

// How a checksum is filled in.
type filling int

const (
	right filling = iota
	pseudo
	wrong
)

// udp builds an Ethernet frame with a UDP datagram of two octets from host 192.0.2.n.
func udp(n, ttl byte, f filling) []byte {
	h := []byte{0x45, 0, 0, 30, 0, 0, 0x40, 0, ttl, 17, 0, 0, 192, 0, 2, n, 192, 0, 2, 99}
	binary.BigEndian.PutUint16(h[10:], ^sum(h))
	d := []byte{0, 7, 0, 7, 0, 10, 0, 0, 'h', 'i'}
	p := append(append([]byte{}, h[12:20]...), 0, 17, 0, 10)
	switch f {
	case right:
		binary.BigEndian.PutUint16(d[6:], ^sum(append(p, d...)))
	case pseudo:
		binary.BigEndian.PutUint16(d[6:], sum(p))
	case wrong:
		d[6] = 1
	}
	frame := []byte{2, 0, 0, 0, 0, 99, 2, 0, 0, 0, 0, n, 8, 0}
	return append(append(frame, h...), d...)
}

func TestClean(t *testing.T) {
	r, err := File(write(t, capture.Ethernet, packet{data: udp(1, 64, right)}, packet{data: udp(2, 64, right)}), Options{})
	if err != nil || r.Verdict() != Clean || r.Packets != 2 || r.Span != time.Millisecond || len(r.Hosts) != 2 {
		t.Errorf("%+v, %v; want 2 packets of 2 hosts within 1 ms, clean", r, err)
	}
}

func TestFindingsAreGroupedBySender(t *testing.T) {
	path := write(t, capture.Ethernet,
		packet{data: udp(1, 64, right)}, packet{data: udp(2, 0, right)}, packet{data: udp(1, 64, wrong)}, packet{data: udp(2, 0, right)})
	r, err := File(path, Options{})
	if err != nil || r.Verdict() != Faulty || r.Findings() != 3 {
		t.Fatalf("%v, %d findings, %v; want 3", r.Verdict(), r.Findings(), err)
	}
	var out strings.Builder
	if err := r.Print(&out); err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`x.pcapng: pcapng, 4 packets in 3ms
  comment     "made by a test"
  links       ethernet 4
  protocols   ipv4/udp 4
  hosts       192.0.2.1 (02:00:00:00:00:01), 2 packets
              192.0.2.2 (02:00:00:00:00:02), 2 packets

192.0.2.1 (02:00:00:00:00:01): 1 finding in 2 packets
  #3     0.002000 s  RFC768:CK-1 checksum: got 0x0100, want 0x12fe (octet 40; the checksum is the ones' complement of the ones' complement sum of pseudo header, header and data)

192.0.2.2 (02:00:00:00:00:02): 2 findings in 2 packets
  #2     0.001000 s  RFC1122:3.2.1.7-1 time to live: got 0, want 1 or more (octet 22; a datagram with TTL 0 is not sent)
  #4     0.003000 s  RFC1122:3.2.1.7-1 time to live: got 0, want 1 or more (octet 22; a datagram with TTL 0 is not sent)

x.pcapng: 3 findings.
`, "x.pcapng", path)
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

// A host all of whose checksums are the sum of the pseudo header left them to its network card. One right checksum
// beside them, and they are faults.
func TestOffload(t *testing.T) {
	left := []packet{{data: udp(1, 64, pseudo)}, {data: udp(1, 63, pseudo)}, {data: udp(2, 64, right)}}
	r, err := File(write(t, capture.Ethernet, left...), Options{})
	if err != nil || r.Verdict() != Clean || len(r.Offload) != 1 || r.Offload[0] != (Offload{"192.0.2.1", "UDP", 2}) {
		t.Errorf("%v, offload %v, %v; want UDP of 192.0.2.1, two packets, nothing found", r.Verdict(), r.Offload, err)
	}
	r, err = File(write(t, capture.Ethernet, append(left, packet{data: udp(1, 64, right)})...), Options{})
	if err != nil || r.Findings() != 2 || r.Offload != nil {
		t.Errorf("%d findings, offload %v, %v; want the 2 checksums of a host that can do it right", r.Findings(), r.Offload, err)
	}
}

func TestCutPacketsAreJudgedAsFarAsTheyGo(t *testing.T) {
	b := udp(1, 0, wrong)
	r, err := File(write(t, capture.Ethernet, packet{b[:34], len(b)}), Options{})
	if err != nil || r.Cut != 1 || r.Findings() != 1 || r.Hosts[0].Findings[0].Rule != "ipv4.ttl" {
		t.Errorf("%+v, %v; want the TTL found, and not the checksum that is cut off", r, err)
	}
}

func TestUnreadable(t *testing.T) {
	good := write(t, capture.Ethernet, packet{data: udp(1, 0, right)}, packet{data: udp(2, 64, right)})
	b, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(t.TempDir(), "cut.pcapng")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := errors.Join(os.WriteFile(cut, b[:len(b)-6], 0o600), os.WriteFile(empty, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, path        string
		packets, findings int
		kind              error
		last              string // line printed
	}{
		{"missing", filepath.Join(t.TempDir(), "none"), 0, 0, fs.ErrNotExist, "none: there is no such file."},
		{"empty", empty, 0, 0, capture.ErrEmpty, "empty: the file is empty: not even a capture header is in it."},
		{"cut in the second packet: the first is judged", cut, 1, 1, capture.ErrTruncated,
			"cut.pcapng: the capture is truncated in the middle of packet 2, after 230 octets. Before that: 1 packet, 1 finding."},
		{"a link type without rules", write(t, capture.LinkFDDI, packet{data: []byte{1, 2, 3}}), 1, 0, nil,
			"1 packet, none of which can be judged: there are no rules for link type fddi."},
		{"an unknown link type", write(t, 60000, packet{data: []byte{1, 2, 3}}), 1, 0, nil,
			"1 packet, none of which can be judged: there are no rules for unknown link type 60000."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, err := File(tt.path, Options{})
			var link *LinkError
			if tt.kind != nil && !errors.Is(err, tt.kind) || tt.kind == nil && !errors.As(err, &link) {
				t.Errorf("error %v", err)
			}
			if r.Verdict() != Unreadable || r.Packets != tt.packets || r.Findings() != tt.findings {
				t.Errorf("%v, %d packets, %d findings; want unreadable, %d, %d", r.Verdict(), r.Packets, r.Findings(), tt.packets, tt.findings)
			}
			var out strings.Builder
			if err := r.Print(&out); err != nil {
				t.Error(err)
			}
			if !strings.HasSuffix(strings.TrimSpace(out.String()), tt.last) {
				t.Errorf("printed\n%s\nwant at its end\n%s", out.String(), tt.last)
			}
		})
	}
}

func TestMirroredFramesAreNoRepetition(t *testing.T) {
	b := udp(1, 64, right)
	b[20] = 0 // DF away
	b[24], b[25] = 0, 0
	binary.BigEndian.PutUint16(b[24:], ^sum(b[14:34]))
	r, err := File(write(t, capture.Ethernet, packet{data: b}, packet{data: b}), Options{})
	if err != nil || r.Verdict() != Clean {
		t.Errorf("%v, %v, %+v; want nothing found", r.Verdict(), err, r.Hosts)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestPrintReportsItsFault(t *testing.T) {
	if err := (Result{Path: "x"}).Print(full{}); err == nil || err.Error() != "disk full" {
		t.Errorf("error %v, want disk full", err)
	}
}
