package mutate

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
)

// A script of both sides, and what a course makes of it.
func TestCourse(t *testing.T) {
	c := &course{acked: -1, times: map[int]int{}, isn: 1000, known: true}
	target := func(seq uint, n int, at time.Duration) Sending {
		f := dissected(tcp.Segment(tcp.Flags.Is(tcp.ACK), tcp.Seq.Is(seq)).Then(packet.Payload(make([]byte, n))))
		f.At = at
		return c.send(f)
	}
	tester := func(ack uint, at time.Duration) Hearing {
		f := dissected(tcp.Segment(tcp.Flags.Is(tcp.ACK), tcp.Ack.Is(ack)))
		f.At = at
		return c.hear(f)
	}
	const ms = time.Millisecond
	if h := tester(1001, 0); h.Ack != 0 || h.After != 1 || h.Dups != 0 {
		t.Errorf("the handshake: %+v", h)
	}
	if s := target(1001, 100, ms); s.From != 0 || s.To != 100 || s.Again || s.Nth != 0 {
		t.Errorf("first data: %+v", s)
	}
	target(1101, 100, ms)
	for n := 1; n <= 3; n++ {
		if h := tester(1001, 2*ms); h.Dups != n || h.Losses != n/3 || h.Top != 200 {
			t.Errorf("duplicate %d: %+v", n, h)
		}
	}
	if s := target(1001, 100, 3*ms); !s.Again || s.Times != 1 || s.Expiries != 0 || s.Dups != 3 {
		t.Errorf("a fast retransmit: %+v", s)
	}
	if s := target(1001, 100, time.Second); s.Expiries != 1 || s.Since != 0 || s.Times != 2 {
		t.Errorf("a timeout: %+v", s)
	}
	if h := tester(1101, time.Second); h.Ack != 100 || h.Behind != 3 || h.Since != 1 || h.After != 1 {
		t.Errorf("new data acknowledged: %+v", h)
	}
	if h := tester(1001, time.Second); !h.Stale || h.Dups != 0 {
		t.Errorf("an old acknowledgment: %+v", h)
	}
	if f := c.outstanding(150); f == nil {
		t.Error("nothing holds octet 150")
	}
	next := dissected(packet.Template{})
	next = packet.Dissect(next.Link, c.beyond(2).Bytes)
	if seq, _ := tcp.Seq.Of(next); seq != 1101+200 {
		t.Errorf("two segments beyond the last: %d", seq)
	}
}
