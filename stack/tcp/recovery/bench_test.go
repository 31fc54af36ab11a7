package recovery_test

import (
	"fmt"
	"testing"

	"github.com/conform-stack/conform/stack/tcp/congestion"
	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/rtt"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// pump keeps a window of so many segments in flight; every nth segment is lost once, 0 for none.
type pump struct {
	recovery.Sender
	cc    congestion.Control
	est   rtt.Estimator
	ack   recovery.Ack
	lose  int
	holes int
	room  [1]seq.Range
}

func newPump(c recovery.Config, window, lose int) *pump {
	c.MSS = mss
	p := &pump{lose: lose}
	p.cc = congestion.New("reno", congestion.Config{MSS: mss, InitialWindow: window})
	p.est.Init(rtt.Config{})
	p.est.Sample(0, 10*ms, 1)
	p.Init(c, 0, p.cc, &p.est)
	return p
}

// send fills the window.
func (p *pump) send() (retransmitted int) {
	for {
		d := p.Next(p.ack.Now, 1<<20, 1<<20)
		switch d.Kind {
		case recovery.Nothing:
			return retransmitted
		case recovery.New:
			p.Sent(p.ack.Now, seq.Range{Start: p.Nxt(), End: p.Nxt().Add(mss)}, false)
		case recovery.Again:
			p.Sent(p.ack.Now, d.Range, false)
			retransmitted++
		}
	}
}

// step acknowledges two segments, or, with a loss, all of the window one by one in blocks.
func (p *pump) step() {
	p.ack.Now += ms
	if p.lose == 0 {
		p.ack.Ack = p.Una().Add(2 * mss)
		p.Acked(p.ack)
		p.send()
		return
	}
	first, n := p.Una(), p.Flight()/mss
	for i := 1; i < n; i++ {
		p.room[0] = seq.Range{Start: first.Add(mss), End: first.Add(seq.Size(i+1) * mss)}
		p.ack.Ack, p.ack.SACK = first, p.room[:]
		p.Acked(p.ack)
		p.holes += p.send()
	}
	p.ack.SACK = nil
	p.ack.Ack = p.Nxt()
	p.Acked(p.ack)
	p.send()
}

func TestNoAllocation(t *testing.T) {
	for _, lose := range []int{0, 1} {
		for _, c := range []recovery.Config{{}, {SACK: true}, rackTLP} {
			if lose > 0 && !c.SACK {
				continue
			}
			p := newPump(c, 40, lose)
			p.send()
			for range 10 {
				p.step()
			}
			if n := testing.AllocsPerRun(100, p.step); n != 0 {
				t.Errorf("%+v, losing %d: %v allocations", c, lose, n)
			}
			if lose > 0 && p.holes == 0 {
				t.Error("nothing was retransmitted: the test tests nothing")
			}
		}
	}
}

func BenchmarkSender(b *testing.B) {
	for _, window := range []int{10, 100, 2000} {
		for _, tt := range []struct {
			name string
			lose int
		}{{"clean", 0}, {"recovery", 1}} {
			b.Run(fmt.Sprintf("path=%s/window=%d", tt.name, window), func(b *testing.B) {
				p := newPump(rackTLP, window, tt.lose)
				p.send()
				segments := 0
				b.ReportAllocs()
				for b.Loop() {
					before := p.Una()
					if tt.lose > 0 && p.cc.Window() < window*mss/2 { // as large as at first
						p = newPump(rackTLP, window, tt.lose)
						p.send()
						before = 0
					}
					p.step()
					segments += int(before.To(p.Una())) / mss
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(segments), "ns/segment")
			})
		}
	}
}
