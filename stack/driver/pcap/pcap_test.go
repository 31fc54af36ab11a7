package pcap_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/pcap"
	"github.com/conform-stack/conform/stack/driver/wire"
)

// The file header of the pcap format with its magic number for nanoseconds, little-endian: version 2.4, snap length
// 262144, link type Ethernet.
const fileHeader = "4d3cb2a1" + "0200" + "0400" + "00000000" + "00000000" + "00000400" + "01000000"

func TestFile(t *testing.T) {
	var out bytes.Buffer
	w, err := pcap.NewWriter(&out, pcap.Config{Link: pcap.LinkEthernet})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(2*time.Second+5, []byte{0xaa, 0xbb, 0xcc}); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(3*time.Second, nil); err != nil {
		t.Fatal(err)
	}
	want := fileHeader +
		"02000000" + "05000000" + "03000000" + "03000000" + "aabbcc" +
		"03000000" + "00000000" + "00000000" + "00000000"
	if got := hex.EncodeToString(out.Bytes()); got != want {
		t.Errorf("file %s\nwant %s", got, want)
	}
}

func TestSnapLenAndEpoch(t *testing.T) {
	var out bytes.Buffer
	w, err := pcap.NewWriter(&out, pcap.Config{Link: pcap.LinkIEEE802154, SnapLen: 2, Epoch: time.Unix(1000, 999_999_999)})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(1, []byte{1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	want := "4d3cb2a1" + "02000400" + "0000000000000000" + "02000000" + "c3000000" +
		"e9030000" + "00000000" + "02000000" + "03000000" + "0102"
	if got := hex.EncodeToString(out.Bytes()); got != want {
		t.Errorf("file %s\nwant %s", got, want)
	}
}

type handler struct {
	receive func([]byte)
	ready   func()
}

func (h handler) Receive(f []byte) { h.receive(f) }
func (h handler) Ready()           { h.ready() }

// What passes both ways is captured, what was refused is not, and equal runs give equal files.
func TestDevice(t *testing.T) {
	capture := func() []byte {
		l := clock.New()
		var out bytes.Buffer
		w, err := pcap.NewWriter(&out, pcap.Config{Link: pcap.LinkEthernet})
		if err != nil {
			t.Fatal(err)
		}
		near, far := wire.New(l, wire.Config{BitRate: 8_000, Sending: 1})
		d := pcap.New(l, near, w)
		var received string
		ready := 0
		d.Start(handler{func(f []byte) { received += string(f) }, func() { ready++ }})
		far.Start(driver.Frames(func(f []byte) { far.Send([]byte{f[0] + 1}) }))
		if !d.Send([]byte("a")) || d.Send([]byte("refused")) {
			t.Fatal("a wire with room for one frame took none or two")
		}
		if err := l.Run(time.Second); err != nil {
			t.Fatal(err)
		}
		if received != "b" || ready != 1 {
			t.Errorf("the handler behind the capture saw %q, %d times ready", received, ready)
		}
		if err := d.Close(); err != nil || w.Err() != nil {
			t.Errorf("Close = %v, Err = %v", err, w.Err())
		}
		return out.Bytes()
	}
	want := fileHeader +
		"00000000" + "00000000" + "01000000" + "01000000" + "61" +
		"00000000" + "80841e00" + "01000000" + "01000000" + "62"
	first := capture()
	if got := hex.EncodeToString(first); got != want {
		t.Errorf("file %s\nwant %s", got, want)
	}
	if again := capture(); !bytes.Equal(again, first) {
		t.Errorf("a second run gives another file: %x", again)
	}
}

// full takes some octets and then no more.
type full struct{ room, writes int }

func (f *full) Write(b []byte) (int, error) {
	f.writes++
	if f.room < len(b) {
		return 0, errors.New("no space left")
	}
	f.room -= len(b)
	return len(b), nil
}

func TestErrors(t *testing.T) {
	if _, err := pcap.NewWriter(&full{room: 23}, pcap.Config{}); err == nil {
		t.Error("a file without room for its header was opened")
	}
	disk := &full{room: 24}
	w, err := pcap.NewWriter(disk, pcap.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Write(0, []byte("x")); err == nil || w.Err() != err {
			t.Errorf("Write to a full disk = %v, Err = %v", err, w.Err())
		}
	}
	if disk.writes != 2 {
		t.Errorf("%d writes, want 2: the header and the first frame", disk.writes)
	}
}

func TestNoAllocations(t *testing.T) {
	w, err := pcap.NewWriter(&full{room: 1 << 30}, pcap.Config{})
	if err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, 1514)
	if n := testing.AllocsPerRun(100, func() {
		if err := w.Write(time.Second, frame); err != nil {
			panic(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
