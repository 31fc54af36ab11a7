package page

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/capture"
)

// transfer writes a capture of five segments of 100 octets from the target, of which the third is lost and sent again. The
// window of 2 * 256 octets ends 12 behind the last.
func transfer(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w, err := capture.NewWriter(f, capture.SectionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	link, err := w.AddInterface(capture.Interface{Name: "link 0", LinkType: 1})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(0, 0).UTC()
	send := func(fromTarget bool, flags byte, seq, ack uint32, window uint16, octets int, options ...byte) {
		t.Helper()
		tcp := make([]byte, 20, 20+len(options)+octets)
		here, there := []byte{192, 0, 2, 2}, []byte{192, 0, 2, 1}
		direction := capture.Outbound
		binary.BigEndian.PutUint16(tcp[0:], 20001)
		binary.BigEndian.PutUint16(tcp[2:], 4102)
		if fromTarget {
			here, there, direction = there, here, capture.Inbound
			binary.BigEndian.PutUint16(tcp[0:], 4102)
			binary.BigEndian.PutUint16(tcp[2:], 20001)
		}
		binary.BigEndian.PutUint32(tcp[4:], seq)
		binary.BigEndian.PutUint32(tcp[8:], ack)
		tcp[12], tcp[13] = byte(20+len(options))<<2, flags
		binary.BigEndian.PutUint16(tcp[14:], window)
		tcp = append(append(tcp, options...), make([]byte, octets)...)
		b := []byte{2, 0, 0, 0, 0, there[3], 2, 0, 0, 0, 0, here[3], 8, 0, 0x45, 0, 0, byte(20 + len(tcp)), 0, 0, 0, 0, 64, 6, 0, 0}
		b = append(append(append(b, here...), there...), tcp...)
		at = at.Add(10 * time.Millisecond)
		if err := w.Write(link, capture.Packet{Time: at, Data: b, Original: len(b), Direction: direction}); err != nil {
			t.Fatal(err)
		}
	}
	const syn, ack, fin = 2, 16, 1
	isn := ^uint32(149) // the sequence numbers wrap within the transfer
	send(false, syn, 7000, 0, 512, 0, 3, 3, 1, 0)
	send(true, syn|ack, isn, 7001, 512, 0, 3, 3, 1, 0)
	for n := range uint32(5) {
		send(true, ack, isn+1+100*n, 7001, 256, 100)
	}
	for range 4 {
		send(false, ack, 7001, isn+201, 156, 0)
	}
	send(true, ack, isn+201, 7001, 256, 100)
	send(false, ack, 7001, isn+501, 6, 0)
	send(true, ack|fin, isn+501, 7001, 256, 0)
}

// The graph shows each segment, what was sent again, what was acknowledged and how far the window reached.
func TestSequenceGraph(t *testing.T) {
	folder := t.TempDir()
	evidence(t, folder)
	transfer(t, filepath.Join(folder, "evidence", "topic0.check0.pcapng"))
	if err := Save(folder, sample(t, 3)); err != nil {
		t.Fatal(err)
	}
	v := open(t, folder, "#check=topic0.check0")
	const graph = `document.querySelector(".sequence > svg")`
	label := eval[string](v, graph+`.getAttribute("aria-label")`)
	if want := "6 segments with 600 octets from the target, 1 of them sent again; 5 acknowledgments"; !strings.HasSuffix(label, want) {
		t.Errorf("the graph says %q, want %q", label, want)
	}
	for what, want := range map[string]int{".seg-in": 5, ".again": 1, ".mark": 1, ".ack": 1, ".win": 1, ".flag": 1} {
		if n := eval[int](v, graph+`.querySelectorAll("`+what+`").length`); n != want {
			t.Errorf("%d of %s, want %d", n, what, want)
		}
	}
	// Each line from left to right and upwards, the window's edge, 512, above all segments.
	if ok := eval[bool](v, `(() => {
		const box = e => e.getBBox(), g = `+graph+`, segments = [...g.querySelectorAll(".seg-in")].map(box);
		return segments.every((b, i) => !i || b.x > segments[i - 1].x && b.y < segments[i - 1].y) &&
			box(g.querySelector(".win")).y < segments[4].y && box(g.querySelector(".again")).y === segments[2].y;
	})()`); !ok {
		t.Error("the segments do not lie where they should: " + eval[string](v, graph+`.outerHTML`))
	}
	v.quiet()
}
