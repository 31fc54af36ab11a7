package recovery_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

var rackTLP = recovery.Config{SACK: true, RACK: true, PRR: true, FRTO: true, LimitedTransmit: true}

// RFC 8985, figure 1, event by event.
func TestFigure1(t *testing.T) {
	each(t, rackTLP, 10, func(k *kit) {
		k.more(4)
		k.wantOut("1", "0 1 2 3")
		k.now = 100 * ms
		k.ack(1) // 2
		k.wantTimer("3a: two round trips after (2)", recovery.Probe, 300*ms)
		k.expire(recovery.Probe)
		k.wantOut("3b", "r3")
		k.wantTimer("and the retransmission timer behind it", recovery.Retransmit, 1300*ms)
		k.now = 400 * ms
		k.ack(1, "3") // 4, 5a
		k.wantState("5b: P1, P2 lost", recovery.Recovery, 2*mss)
		k.wantOut("5c", "r1 r2")
		k.now = 500 * ms
		k.ack(1, "2-3") // 6; the retransmission of P1 was sent at the same instant, before that of P2
		k.wantOut("7a, 7b: P1 again", "r1")
		k.now = 600 * ms
		k.ack(4) // 8
		k.wantState("recovered", recovery.Open, 2*mss)
		k.wantTimer("nothing in flight", recovery.NoTimer, 0)
	})
}

// What is sent again behind new data at the same instant arrives behind it, and is not lost because that has arrived.
func TestRetransmissionBehindNewData(t *testing.T) {
	each(t, rackTLP, 10, func(k *kit) {
		k.more(12)
		k.wantOut("at first", "0 1 2 3 4 5 6 7 8 9")
		k.now = 100 * ms
		k.ack(0, "1")
		k.wantOut("limited transmit", "10")
		k.ack(0, "1-2")
		k.wantOut("limited transmit", "11")
		k.ack(0, "1-3")
		k.wantOut("lost", "r0")
		k.now = 200 * ms
		k.ack(0, "1-10")
		k.wantOut("10 went out before 0 did again", "")
		k.ack(0, "1-11")
		k.wantOut("and so did 11", "")
		k.ack(12)
		k.wantState("all is there", recovery.Open, 5*mss)
	})
}

// RFC 8985, 3.5: an RTO marks only what was sent long enough ago.
func TestTimeoutMarksOldSegmentsOnly(t *testing.T) {
	c := rackTLP
	c.FRTO = false
	each(t, c, 10, func(k *kit) {
		k.more(1)
		k.now = 0
		k.wantOut("at first", "0")
		k.expire(recovery.Probe)
		k.wantOut("a probe: nothing new, so the last segment", "r0")
		k.now, _ = k.Timer()
		k.now -= 10 * ms
		k.more(2)
		k.wantOut("just before the timeout", "1 2")
		k.expire(recovery.Retransmit)
		k.wantState("a timeout", recovery.Loss, mss)
		k.wantOut("the first only", "r0")
		k.now += 20 * ms
		k.ack(1)
		k.wantOut("the others were sent less than a round trip before", "")
		k.ack(3)
		k.wantState("all is there", recovery.Open, 3*mss)
	})
	c.RACK = false
	each(t, c, 10, func(k *kit) {
		k.more(1)
		k.out()
		k.now, _ = k.Timer()
		k.now -= 10 * ms
		k.more(2)
		k.out()
		k.expire(recovery.Retransmit)
		k.wantOut("the first", "r0")
		k.now += 20 * ms
		k.ack(1)
		k.wantOut("without RACK all are sent again", "r1 r2")
	})
}

// RFC 8985, 6.2: the reordering window.
func TestReorderingWindow(t *testing.T) {
	each(t, rackTLP, 10, func(k *kit) {
		k.more(100)
		k.out() // 0 to 9 at 0
		k.now = 100 * ms
		k.ack(1)
		k.out()
		k.ack(1, "2")
		k.wantState("one segment later has arrived", recovery.Open, 10*mss+1*mss)
		k.wantTimer("a quarter of the least round trip is waited", recovery.ReorderTimer, 125*ms)
		k.now = 110 * ms
		k.ack(3)
		k.wantState("it was only late", recovery.Open, 12*mss) // 11 + 1, the second acknowledges two segments by L = 1
		at, what := k.Timer()
		if what == recovery.ReorderTimer {
			t.Errorf("the reordering timer is set for %v", at)
		}
		k.out()
		k.ack(3, "5-8")
		k.wantState("reordering was seen: three duplicates do not count", recovery.Open, 12*mss)
		k.now = 127 * ms // 3 was sent at 0, and a segment of that time came back after 110 ms: 110 + 25 = 135
		k.ack(3, "5-9")
		k.wantState("still within", recovery.Open, 12*mss)
		k.expire(recovery.ReorderTimer)
		if k.State() != recovery.Recovery {
			t.Errorf("after the reordering window: %v", k.State())
		}
		k.wantOut("the first of two that are missing", "r3")
		k.now = 140 * ms
		if r := k.ack(3, "5-10"); !r.Entered || r.Reduced { // the window was reduced when the timer ran out
			t.Errorf("the next acknowledgement tells what the timer began: %+v", r)
		}
		k.wantOut("and with the next acknowledgement the second", "r4")
	})
}

func TestThreeDuplicatesWithoutReordering(t *testing.T) {
	each(t, rackTLP, 10, func(k *kit) {
		k.more(100)
		k.out()
		k.now = 100 * ms
		k.ack(0, "1")
		k.ack(0, "1-2")
		k.wantState("two", recovery.Open, 10*mss)
		k.ack(0, "1-3")
		k.wantState("three: the window is nothing (6.2, step 4)", recovery.Recovery, 5*mss)
	})
}

// A DSACK a round trip widens the window by a quarter of the least round trip each; sixteen recoveries without end that.
func TestDSACKWidensTheWindow(t *testing.T) {
	each(t, rackTLP, 10, func(k *kit) {
		k.more(1000)
		k.out()
		n := 0
		// late delivers the next two segments in the wrong order, with a duplicate reported before if there is one.
		late := func(dsack bool) time.Duration {
			if dsack {
				k.acked(recovery.Ack{Ack: k.seg(n), SACK: []seq.Range{{Start: k.seg(max(n-1, 0)), End: k.seg(max(n, 1))}}})
			}
			k.out()
			k.now += 100 * ms
			sent := k.now
			k.ack(n, k.name(n+1))
			at, what := k.Timer()
			if what != recovery.ReorderTimer {
				t.Fatalf("timer %v", what)
			}
			k.ack(n + 2)
			n += 2
			for k.Una() != k.Nxt() { // a new round
				n = int(k.base.To(k.Nxt())) / mss
				k.ack(n)
			}
			return at - sent
		}
		_ = late(false)
		if w := late(false); w > 30*ms || w < 20*ms {
			t.Errorf("the window is %v, want a quarter of 100 ms", w)
		}
		if w := late(true); w < 40*ms || w > 55*ms {
			t.Errorf("after a duplicate it is %v, want twice as much", w)
		}
		if w := late(true); w < 65*ms || w > 80*ms {
			t.Errorf("after another it is %v, want three times as much", w)
		}
		for range 8 {
			late(true)
		}
		if w := late(false); w > 105*ms {
			t.Errorf("it is %v, beyond SRTT", w)
		}
	})
}

func TestProbeSendsNewData(t *testing.T) { // RFC 8985, 7.3
	each(t, rackTLP, 3, func(k *kit) {
		k.more(4)
		k.wantOut("a full window", "0 1 2")
		k.expire(recovery.Probe)
		if k.now != 200*ms {
			t.Errorf("PTO after %v, want two round trips", k.now)
		}
		k.wantOut("new data, beyond the congestion window", "3")
		k.wantTimer("the retransmission timer", recovery.Retransmit, 1200*ms)
		k.now = 300 * ms
		k.ack(3)
		k.ack(4)
		k.wantState("all was delivered; the probe was not held back by the window", recovery.Open, 4*mss)
	})
}

// 7.4.2: what becomes of a probe that was a retransmission.
func TestProbeRetransmission(t *testing.T) {
	probe := func(k *kit) {
		k.more(2)
		k.out()
		k.expire(recovery.Probe)
		k.wantOut("the last segment", "r1")
		k.now += 100 * ms
	}
	each(t, rackTLP, 10, func(k *kit) {
		probe(k)
		k.ack(2)
		k.wantState("the acknowledgement of either", recovery.Open, 10*mss)
		k.acked(recovery.Ack{Ack: k.seg(2), SACK: k.blocks([]string{"1"})})
		k.more(1)
		k.out()
		k.ack(3)
		k.wantState("case 1: a duplicate was reported, nothing was lost", recovery.Open, 10*mss)
	})
	each(t, rackTLP, 10, func(k *kit) {
		probe(k)
		k.ack(2)
		k.more(1)
		k.out()
		r := k.ack(3)
		k.wantState("the probe has repaired a loss", recovery.Open, 2*mss)
		if !r.Reduced {
			t.Errorf("%+v", r)
		}
	})
	each(t, rackTLP, 10, func(k *kit) {
		probe(k)
		k.ack(2)
		k.more(1)
		k.out()
		k.ack(2)
		k.ack(3)
		k.wantState("case 2: a duplicate acknowledgement without SACK", recovery.Open, 10*mss)
	})
}

// 7.3: one probe at a time, and none without a new measurement.
func TestProbesAreRare(t *testing.T) {
	each(t, rackTLP, 2, func(k *kit) {
		k.more(10)
		k.out()
		k.expire(recovery.Probe)
		k.wantOut("a probe", "2")
		k.wantTimer("no second one", recovery.Retransmit, 1200*ms)
		k.now = 300 * ms
		k.ack(3)
		k.wantOut("a measurement was taken", "3 4 5")
		k.expire(recovery.Probe)
		k.wantOut("so another may go", "6")
	})
	c := rackTLP
	each(t, c, 2, func(k *kit) { // of a probe that is a retransmission no measurement comes (Karn)
		k.more(1)
		k.out()
		k.expire(recovery.Probe)
		k.wantOut("", "r0")
		k.now += 100 * ms
		k.ack(1)
		k.acked(recovery.Ack{Ack: k.seg(1), SACK: k.blocks([]string{"0"})})
		k.more(1)
		k.wantOut("", "1")
		k.expire(recovery.Probe)
		k.wantOut("skipped", "")
		k.wantTimer("and the retransmission timer set again from here", recovery.Retransmit, k.now+k.est.RTO())
	})
}

// PTO (7.2): one segment in flight waits for a delayed acknowledgement; without a round trip 1 s.
func TestProbeTimeout(t *testing.T) {
	c := rackTLP
	c.MaxAckDelay = 150 * ms
	each(t, c, 10, func(k *kit) {
		k.more(1)
		k.out()
		k.wantTimer("2*SRTT + max_ack_delay", recovery.Probe, 350*ms)
		k.more(1)
		k.out()
		k.wantTimer("two segments", recovery.Probe, 200*ms)
		k.ack(0, "1")
		k.wantTimer("not while segments are SACKed", recovery.ReorderTimer, 25*ms)
	})
}

func (k *kit) name(n int) string {
	return string(rune('0'+n/100%10)) + string(rune('0'+n/10%10)) + string(rune('0'+n%10))
}

// RFC 8985, 6.2, step 4: a window that duplicates have widened, once a round trip, lasts for sixteen recoveries.
func TestTheWideWindowEnds(t *testing.T) {
	each(t, rackTLP, 10, func(k *kit) {
		k.more(10000)
		k.out()
		n := func(v seq.Value) int { return int(k.base.To(v)) / mss }
		// reorder delivers the second segment in flight before the first, a round trip after they were sent.
		reorder := func() time.Duration {
			k.now += 100 * ms
			k.ack(n(k.Nxt()))
			k.out()
			k.now += 100 * ms
			sent, una := k.now, n(k.Una())
			k.ack(una, k.name(una+1))
			at, what := k.Timer()
			if what != recovery.ReorderTimer {
				k.t.Fatalf("timer %v, %v, segments %d to %d, window %d", what, k.State(), una, n(k.Nxt()), k.cc.Window())
			}
			k.ack(una + 2)
			return at - sent
		}
		near := func(why string, got time.Duration, quarters int) {
			t.Helper()
			if want := time.Duration(quarters) * 25 * ms; got < want-6*ms || got > want+6*ms {
				t.Errorf("%s: the window is %v, want %v", why, got, want)
			}
		}
		reorder()
		near("reordering was seen", reorder(), 1)
		for range 3 {
			una := n(k.Una())
			k.acked(recovery.Ack{Ack: k.Una(), SACK: []seq.Range{{Start: k.seg(una - 1), End: k.seg(una)}}})
		}
		near("three duplicates in one round trip", reorder(), 2)
		for i := range 16 {
			near("after less than sixteen recoveries", reorder(), 2)
			k.now += 100 * ms
			k.ack(n(k.Nxt()))
			k.out()
			una, end := n(k.Una()), n(k.Nxt())
			k.now += 100 * ms
			k.ack(una, k.name(una+1)+"-"+k.name(end-1))
			k.expire(recovery.ReorderTimer)
			if k.State() != recovery.Recovery {
				k.t.Fatalf("recovery %d: %v", i, k.State())
			}
			k.out()
			k.now += 100 * ms
			k.ack(n(k.Nxt()))
			k.out()
		}
		near("after sixteen", reorder(), 1)
	})
}
