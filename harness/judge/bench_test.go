package judge

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/capture"
)

// What the judge costs a run, by frame of the target.
func BenchmarkFrame(b *testing.B) {
	for _, bench := range []struct {
		name  string
		frame []byte
	}{
		{"arp", arpOf(arpAnswer)},
		{"echo", ip(protoICMP, icmpOf(icmpEcho, 0, make([]byte, 4), make([]byte, 56)))},
		{"udp", ip(protoUDP, udpOf())},
		{"tcp", fromTarget(octets(1000))},
	} {
		b.Run("frame="+bench.name, func(b *testing.B) {
			j := New(Options{})
			f := Frame{Link: capture.Ethernet, Data: bench.frame, FromTarget: true}
			b.ReportAllocs()
			b.SetBytes(int64(len(bench.frame)))
			for b.Loop() {
				f.Time += time.Microsecond
				if found := j.Frame(f); found != nil {
					b.Fatal(found)
				}
			}
		})
	}
}
