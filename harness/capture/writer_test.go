package capture

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func evidence(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, SectionOptions{Application: "conform", Comments: []string{"check arp.rx.other-target", "seed 1"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []Interface{{Name: "lan0", LinkType: Ethernet, Description: "the tester's side"}, {Name: "pan0", LinkType: 283, SnapLen: 2048}} {
		if _, err := w.AddInterface(i); err != nil {
			t.Fatal(err)
		}
	}
	at := time.Unix(0, 0)
	for _, p := range []struct {
		id int
		Packet
	}{
		{0, Packet{Time: at, Data: bytes.Repeat([]byte{0xff}, 60), Comments: []string{"step 1: sent", "RFC826:RX-8"}, Direction: Outbound}},
		{0, Packet{Time: at.Add(time.Second + 1), Data: bytes.Repeat([]byte{1}, 61), Original: 1500, Comments: []string{"größer"}, Direction: Inbound}},
		{1, Packet{Time: at.Add(time.Hour), Data: []byte{}}},
	} {
		if err := w.Write(p.id, p.Packet); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestWriterRoundTrip(t *testing.T) {
	b := evidence(t)
	if again := evidence(t); !bytes.Equal(b, again) {
		t.Error("the same input gives other octets the second time")
	}
	got, r, err := readAll(t, b)
	if err != nil || len(got) != 3 {
		t.Fatalf("%d packets, error %v; want 3, none", len(got), err)
	}
	if !slices.Equal(r.SectionComments(), []string{"check arp.rx.other-target", "seed 1"}) {
		t.Errorf("section comments %q", r.SectionComments())
	}
	p := got[0]
	if len(p.Data) != 60 || p.Cut() || p.Direction != Outbound || !slices.Equal(p.Comments, []string{"step 1: sent", "RFC826:RX-8"}) || p.Interface.Name != "lan0" {
		t.Errorf("first packet %+v of %+v", p, p.Interface)
	}
	p = got[1]
	if len(p.Data) != 61 || p.Original != 1500 || p.Direction != Inbound || !p.Time.Equal(time.Unix(1, 1)) || p.Comments[0] != "größer" {
		t.Errorf("second packet %+v", p)
	}
	p = got[2]
	if len(p.Data) != 0 || p.LinkType != 283 || p.Direction != UnknownDirection || p.Comments != nil || p.Interface.SnapLen != 2048 {
		t.Errorf("third packet %+v of %+v", p, p.Interface)
	}
}

func TestWriterRefuses(t *testing.T) {
	w, err := NewWriter(&bytes.Buffer{}, SectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.AddInterface(Interface{LinkType: 65536}); err == nil || err.Error() != "link type 65536 does not fit into a pcapng, where it has 16 bits" {
		t.Errorf("link type 65536: %v", err)
	}
	if err := w.Write(0, Packet{Time: time.Unix(0, 0)}); err == nil || err.Error() != "interface 0 is not described: call AddInterface first" {
		t.Errorf("a packet before its interface: %v", err)
	}
	id, err := w.AddInterface(Interface{LinkType: Ethernet})
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]Packet{
		"before 1970": {Time: time.Unix(-1, 0)},
		"no time":     {},
		"comment":     {Time: time.Unix(0, 0), Comments: []string{strings.Repeat("x", 65536)}},
		"data":        {Time: time.Unix(0, 0), Data: make([]byte, maxLength+1)},
	} {
		if err := w.Write(id, p); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := w.Write(id, Packet{Time: time.Unix(0, 0), Comments: []string{strings.Repeat("x", 65535)}}); err != nil {
		t.Errorf("the longest comment: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriterReportsItsFileFault(t *testing.T) {
	if _, err := NewWriter(full{}, SectionOptions{}); err == nil || err.Error() != "disk full" {
		t.Errorf("error %v, want disk full", err)
	}
}

// tshark is the reading of people who had no part in this writer.
func TestTsharkReadsEvidence(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed: install it to have this writer checked by another reader")
	}
	path := filepath.Join(t.TempDir(), "evidence.pcapng")
	if err := os.WriteFile(path, evidence(t), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(tshark, "-r", path, "-T", "fields", "-E", "separator=|", "-e", "frame.number", "-e", "frame.time_epoch",
		"-e", "frame.len", "-e", "frame.cap_len", "-e", "frame.interface_name", "-e", "frame.packet_flags_direction", "-e", "frame.comment").Output()
	if err != nil {
		t.Fatalf("tshark: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != 3 {
		t.Fatalf("tshark shows %d packets, want 3:\n%s", len(lines), out)
	}
	for i, wants := range [][]string{
		{"60|60|lan0", "step 1: sent", "RFC826:RX-8"},
		{"1.000000001", "1500|61|lan0", "größer"},
		{"3600.000000000", "0|0|pan0"},
	} {
		for _, want := range wants {
			if !strings.Contains(lines[i], want) {
				t.Errorf("tshark's line %q lacks %q", lines[i], want)
			}
		}
	}
}

// The law: whatever a reader makes of any octets, written and read again it is the same packets.
func FuzzRewrite(f *testing.F) {
	for _, v := range vectors {
		f.Add(octets(f, v.hex))
	}
	f.Add(octets(f, sections))
	f.Add(evidence(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		packets, r, _ := readAll(t, b)
		if r == nil {
			return
		}
		var out bytes.Buffer
		w, err := NewWriter(&out, SectionOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ids := map[*Interface]int{}
		var written []Packet
		for _, p := range packets {
			if _, ok := ticksOf(p.Time); !ok {
				continue
			}
			if _, ok := ids[p.Interface]; !ok {
				if ids[p.Interface], err = w.AddInterface(*p.Interface); err != nil {
					continue // a text grown by replacement characters
				}
			}
			if err := w.Write(ids[p.Interface], p); err == nil {
				written = append(written, p)
			}
		}
		again, _, err := readAll(t, out.Bytes())
		if err != nil || len(again) != len(written) {
			t.Fatalf("%d packets written, %d read again, %v", len(written), len(again), err)
		}
		for i, p := range again {
			q := written[i]
			valid := make([]string, 0, len(q.Comments))
			for _, c := range q.Comments {
				valid = append(valid, strings.ToValidUTF8(c, "\ufffd"))
			}
			if !bytes.Equal(p.Data, q.Data) || p.Original != max(q.Original, len(q.Data)) || !p.Time.Equal(q.Time) ||
				p.LinkType != q.LinkType || p.Direction != q.Direction || !slices.Equal(p.Comments, valid) {
				t.Fatalf("packet %d:\nfirst %+v\nagain %+v", i+1, q, p)
			}
		}
	})
}
