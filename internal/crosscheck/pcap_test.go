package crosscheck

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"github.com/conform-stack/conform/stack/driver/pcap"
)

// gopacket reads the stack's capture files: link type, snap length, times to the nanosecond, lengths, octets.
func TestGopacketReadsTheStacksCaptureFiles(t *testing.T) {
	var file bytes.Buffer
	epoch := time.Date(2026, 3, 1, 12, 0, 0, 7, time.UTC)
	w, err := pcap.NewWriter(&file, pcap.Config{Link: pcap.LinkEthernet, SnapLen: 100, Epoch: epoch})
	if err != nil {
		t.Fatal(err)
	}
	frames := [][]byte{bytes.Repeat([]byte{1}, 60), bytes.Repeat([]byte{2}, 1514)}
	for i, f := range frames {
		if err := w.Write(time.Duration(i)*1_234_567_891, f); err != nil {
			t.Fatal(err)
		}
	}
	r, err := pcapgo.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	if r.LinkType() != layers.LinkTypeEthernet || r.Snaplen() != 100 {
		t.Errorf("link type %v, snap length %d", r.LinkType(), r.Snaplen())
	}
	for i, f := range frames {
		data, ci, err := r.ReadPacketData()
		if err != nil {
			t.Fatal(err)
		}
		at := epoch.Add(time.Duration(i) * 1_234_567_891)
		if !ci.Timestamp.Equal(at) || ci.Length != len(f) || !bytes.Equal(data, f[:min(100, len(f))]) {
			t.Errorf("frame %d: %v, %d octets of %d; want %v, %d octets of %d", i, ci.Timestamp, len(data), ci.Length, at, min(100, len(f)), len(f))
		}
	}
}
