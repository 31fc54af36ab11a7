package recovery_test

import (
	"testing"

	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// RFC 6582, 3.2, and RFC 5681, 3.2: two of ten segments are lost, without SACK.
func TestNewReno(t *testing.T) {
	each(t, recovery.Config{LimitedTransmit: true}, 10, func(k *kit) {
		k.more(100)
		k.wantOut("the initial window", "0 1 2 3 4 5 6 7 8 9")
		k.now = 100 * ms
		k.ack(1)
		k.wantOut("slow start", "10 11") // 1 and 4 are lost
		k.ack(1)
		k.wantOut("first duplicate: limited transmit (RFC 3042)", "12")
		k.ack(1)
		k.wantOut("second", "13")
		k.ack(1)
		if !k.last.Entered || !k.last.Reduced {
			t.Errorf("third duplicate: %+v", k.last)
		}
		// FlightSize 13 without the two of limited transmit: 11; ssthresh 5.5
		k.wantState("third duplicate", recovery.Recovery, 5500)
		k.wantOut("fast retransmit", "r1")
		for i := range 4 {
			k.ack(1)
			k.wantOut("inflated, not beyond the flight", "")
			_ = i
		}
		k.ack(1)
		k.wantOut("8 duplicates: 13 in flight less 8 are below 5.5 by half a segment", "")
		k.ack(1)
		k.wantOut("9: one new segment", "14")
		k.ack(4)
		k.wantOut("a partial acknowledgement: the next hole, and one new segment for the one retransmitted", "r4 15")
		k.ack(16)
		if !k.last.Left {
			t.Errorf("full acknowledgement: %+v", k.last)
		}
		if k.State() != recovery.Open || k.Flight() != 0 {
			t.Errorf("%v, flight %d", k.State(), k.Flight())
		}
	})
}

func TestNewRenoWithoutLimitedTransmit(t *testing.T) {
	each(t, recovery.Config{}, 10, func(k *kit) {
		k.more(100)
		k.out()
		k.ack(0)
		k.wantOut("first duplicate", "")
		k.ack(0)
		k.wantOut("second", "")
		k.ack(0)
		k.wantOut("third", "r0")
		k.wantState("half of 10", recovery.Recovery, 5*mss)
	})
}

// RFC 6582, 3.2, step 1, and 4.1.
func TestNeedlessRetransmitsBeginNoRecovery(t *testing.T) {
	each(t, recovery.Config{}, 10, func(k *kit) {
		k.more(10)
		k.out()
		for range 3 {
			k.ack(0)
		}
		k.out()
		k.ack(10)
		k.more(6)
		k.wantOut("after the recovery: no burst (3.2, step 3)", "10 11")
		for range 5 {
			k.ack(10)
		}
		k.wantState("duplicates that acknowledge no more than recover, after a jump of ten segments", recovery.Open, 2*mss)
		k.ack(11)
		for range 3 {
			k.ack(11)
		}
		k.wantState("duplicates of more than recover", recovery.Recovery, 2*mss)
	})
}

// RFC 6675, 5, with one loss in a window of 10.
func TestSACKRecovery(t *testing.T) {
	each(t, recovery.Config{SACK: true, LimitedTransmit: true}, 10, func(k *kit) {
		k.more(100)
		k.out()
		k.ack(0, "1")
		k.wantOut("3.3: pipe is 9", "10")
		k.ack(0, "1-2")
		k.wantOut("3.3", "11")
		k.ack(0, "1-3")
		k.wantState("4.2: half of 12 less the 2 of limited transmit", recovery.Recovery, 5*mss)
		k.wantOut("4.3", "r0") // pipe: 12 - 3 - 1 lost + 1
		k.ack(0, "1-4")
		k.ack(0, "1-5")
		k.ack(0, "1-6")
		k.wantOut("C: pipe is 6, above cwnd", "")
		k.ack(0, "1-8")
		k.wantOut("C: pipe is 4", "12")
		k.ack(13)
		k.wantState("A", recovery.Open, 5*mss)
		k.wantOut("open again", "13 14 15 16 17")
	})
}

// RFC 6675, 4: NextSeg's rules, one after the other.
func TestNextSeg(t *testing.T) {
	each(t, recovery.Config{SACK: true}, 20, func(k *kit) {
		k.more(20)
		k.out()
		k.ack(0, "4", "2", "6") // three ranges: 0 and 1 are lost (IsLost), 3, 5 are not
		k.wantState("2: IsLost(HighACK + 1)", recovery.Recovery, 10*mss)
		k.wantOut("(4.3); then cwnd is full", "r0")
		k.ack(0, "6-12", "4", "2")
		k.wantOut("rule 1: pipe is 20 - 9 - 4 lost + 1 = 8", "r1 r3")
		k.ack(0, "6-13", "4", "2")
		k.wantOut("rule 1", "r5")
		k.more(1)
		k.ack(0, "6-14", "4", "2")
		k.wantOut("rule 2: new data", "20")
		k.ack(0, "6-14", "16", "4", "2")
		k.wantOut("rule 3: 15 is below the highest SACK and not known to be lost", "r15")
		k.ack(0, "6-14", "16-17", "4", "2")
		k.wantOut("4: HighACK is not beyond RescueRxt, the end of 0", "")
		k.ack(2, "6-14", "16-17", "4")
		k.wantOut("rule 4: the highest octets, once", "r20")
		k.ack(3, "6-14", "16-17", "4")
		k.wantOut("no more", "")
		k.wantBlocked("all rules fail", recovery.NoData)
		k.ack(21)
		k.wantState("done", recovery.Open, 10*mss)
	})
}

// A block may cover part of a segment.
func TestPartialBlocks(t *testing.T) {
	each(t, recovery.Config{SACK: true}, 10, func(k *kit) {
		k.more(10)
		k.out()
		block := func(a, b int) seq.Range { return seq.Range{Start: k.base + seq.Value(a), End: k.base + seq.Value(b)} }
		r := k.acked(recovery.Ack{Ack: k.seg(0), SACK: []seq.Range{block(1500, 3200), block(4000, 4001)}})
		if r.Delivered != 1701 {
			t.Errorf("delivered %d, want 1701", r.Delivered)
		}
		r = k.acked(recovery.Ack{Ack: k.seg(0), SACK: []seq.Range{block(1500, 3300), block(4000, 4001), block(5000, 9000)}})
		if r.Delivered != 4100 || !r.Entered {
			t.Errorf("delivered %d, entered %v; want 4100, true", r.Delivered, r.Entered)
		}
		k.wantOut("what is missing, cut at the segments", "r0 r[1000,1500) r[3300,4000) r[4001,5000)")
		r = k.acked(recovery.Ack{Ack: k.base + 1200, SACK: []seq.Range{block(1500, 3300)}})
		if r.Acked != 1200 || r.Delivered != 1200 {
			t.Errorf("acked %d, delivered %d; want 1200 of both", r.Acked, r.Delivered)
		}
	})
}

// Blocks that cannot be: beyond what was sent, below what is acknowledged, backwards, empty.
func TestBlocksThatCannotBe(t *testing.T) {
	each(t, recovery.Config{SACK: true, RACK: true}, 10, func(k *kit) {
		k.more(10)
		k.out()
		k.ack(3)
		bad := []seq.Range{
			{Start: k.seg(5), End: k.seg(11)}, {Start: k.seg(7), End: k.seg(6)}, {Start: k.seg(6), End: k.seg(6)}, {Start: k.seg(0), End: k.seg(2)},
		}
		for i := range bad {
			r := k.acked(recovery.Ack{Ack: k.seg(3), SACK: append(bad[i:], bad[:i]...)})
			if r.Delivered != 0 || k.Pipe() != 7*mss {
				t.Errorf("%d: delivered %d, pipe %d", i, r.Delivered, k.Pipe())
			}
		}
		r := k.acked(recovery.Ack{Ack: k.seg(3), SACK: []seq.Range{{Start: k.seg(1), End: k.seg(5)}}})
		if r.Delivered != 2*mss {
			t.Errorf("a block that begins too low: delivered %d, want what is above", r.Delivered)
		}
	})
}

// RFC 3168, 6.1.2: once a window, and not beside a loss of the same window.
func TestECN(t *testing.T) {
	each(t, recovery.Config{SACK: true}, 10, func(k *kit) {
		k.more(100)
		k.out()
		mark := func(n int, blocks ...string) recovery.Result {
			return k.acked(recovery.Ack{Ack: k.seg(n), SACK: k.blocks(blocks), ECE: true})
		}
		if r := mark(1); !r.Reduced {
			t.Error("no reduction")
		}
		k.wantState("half of 10", recovery.Open, 5*mss)
		mark(2)
		k.wantState("the same window", recovery.Open, 5*mss)
		mark(2, "4-6")
		k.wantState("a loss of the same window", recovery.Recovery, 5*mss)
		k.out()
		k.ack(10)
		k.wantOut("the window of half", "10 11 12 13 14")
		if r := mark(11); !r.Reduced {
			t.Errorf("another window: %+v", r)
		}
	})
}

// A FIN goes with the last segment when it is sent again.
func TestFIN(t *testing.T) {
	each(t, recovery.Config{SACK: true}, 10, func(k *kit) {
		k.more(3)
		k.out()
		k.Sent(0, seq.Range{Start: k.seg(3), End: k.seg(4) + 1}, true)
		k.expire(recovery.Retransmit)
		k.ack(3)
		if d := k.Next(k.now, 0, 0); d.Kind != recovery.Again || d.Range != (seq.Range{Start: k.seg(3), End: k.seg(4) + 1}) {
			t.Errorf("%+v", d)
		}
		k.acked(recovery.Ack{Ack: k.seg(4)})
		if d := k.Next(k.now, 0, 0); d.Kind != recovery.Again || d.Range != (seq.Range{Start: k.seg(4), End: k.seg(4) + 1}) {
			t.Errorf("the FIN alone: %+v", d)
		}
	})
}

func TestResend(t *testing.T) { // RFC 1191, 6.4
	each(t, recovery.Config{SACK: true, RACK: true}, 4, func(k *kit) {
		k.more(4)
		k.wantOut("at the old size", "0 1 2 3")
		k.SetMSS(600)
		k.Resend(600)
		k.wantOut("as many segments as before, in the new size (RFC 5681, 3.1)", "r[0,600) r[600,1000) r[1000,1600) r[1600,2000)")
		k.wantState("nothing is lost", recovery.Open, 4*600)
		k.acked(recovery.Ack{Ack: k.seg(2)})
		k.wantOut("the rest", "r[2000,2600) r[2600,3000) r[3000,3600) r[3600,4000)")
	})
}

func TestReasons(t *testing.T) {
	each(t, recovery.Config{}, 2, func(k *kit) {
		k.wantBlocked("nothing to send", recovery.NoData)
		k.more(10)
		k.window = 0
		k.wantBlocked("no window", recovery.PeerWindow)
		k.window = 1500
		k.wantOut("as much as the peer takes", "0 [1000,1500)")
		k.wantBlocked("", recovery.PeerWindow)
		k.window = 5000
		k.wantBlocked("half a segment of window is left: no small segments", recovery.Congestion)
	})
}
