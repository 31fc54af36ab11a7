package recovery_test

import (
	"fmt"
	"time"

	"github.com/conform-stack/conform/stack/tcp/congestion"
	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/rtt"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// A connection has five segments to send, and the second is lost. The blocks of the acknowledgements tell, and the
// Sender asks for it again: no timer runs out.
func Example() {
	var s recovery.Sender
	var est rtt.Estimator
	est.Init(rtt.Config{})
	c := recovery.Config{MSS: 1000, SACK: true, RACK: true, PRR: true}
	s.Init(c, 0, congestion.New("reno", congestion.Config{MSS: c.MSS}), &est)

	now, unsent := time.Duration(0), 5000
	output := func() {
		for d := s.Next(now, unsent, 65535); d.Kind != recovery.Nothing; d = s.Next(now, unsent, 65535) {
			r := d.Range
			if d.Kind == recovery.New {
				r = seq.Range{Start: s.Nxt(), End: s.Nxt().Add(seq.Size(min(d.Limit, c.MSS)))}
				unsent -= int(r.Len())
			}
			fmt.Printf("%v: %v %d to %d\n", now, d.Kind, r.Start, r.End)
			s.Sent(now, r, false)
		}
	}
	output()

	now = 40 * time.Millisecond
	s.Acked(recovery.Ack{Now: now, Ack: 1000})
	for end := seq.Value(3000); end <= 5000; end += 1000 {
		r := s.Acked(recovery.Ack{Now: now, Ack: 1000, SACK: []seq.Range{{Start: 2000, End: end}}})
		output()
		fmt.Printf("%v: %v, fast recovery begins: %v\n", now, s.State(), r.Entered)
	}
	at, timer := s.Timer()
	fmt.Println("next is", timer, "at", at)

	// Output:
	// 0s: new 0 to 1000
	// 0s: new 1000 to 2000
	// 0s: new 2000 to 3000
	// 0s: new 3000 to 4000
	// 0s: new 4000 to 5000
	// 40ms: open, fast recovery begins: false
	// 40ms: open, fast recovery begins: false
	// 40ms: again 1000 to 2000
	// 40ms: recovery, fast recovery begins: true
	// next is retransmission at 1.04s
}
