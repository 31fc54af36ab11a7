package recovery_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// RFC 6298, 5.1 to 5.6.
func TestRetransmissionTimer(t *testing.T) {
	each(t, recovery.Config{}, 4, func(k *kit) {
		k.wantTimer("nothing in flight", recovery.NoTimer, 0)
		k.more(4)
		k.now = 50 * ms
		k.wantOut("", "0 1 2 3")
		k.wantTimer("5.1: when the first goes out", recovery.Retransmit, 1050*ms)
		k.now = 200 * ms
		k.ack(2)
		k.wantTimer("5.3: again for each acknowledgement of new data", recovery.Retransmit, 1200*ms)
		k.now = 300 * ms
		k.ack(2)
		k.wantTimer("not for a duplicate", recovery.Retransmit, 1200*ms)
		at := 1200 * ms
		for i, rto := range []time.Duration{2 * sec, 4 * sec, 8 * sec} {
			k.expire(recovery.Retransmit)
			k.wantOut("5.4: the earliest", "r2")
			k.wantState("RFC 5681, 3.1: the loss window", recovery.Loss, mss)
			if i == 0 && k.cc.Threshold() != 2*mss || i > 0 && k.cc.Threshold() != 2*mss {
				t.Errorf("threshold %d", k.cc.Threshold())
			}
			at += rto
			k.wantTimer("5.5, 5.6", recovery.Retransmit, at)
		}
		k.ack(4)
		k.wantTimer("5.2: all acknowledged", recovery.NoTimer, 0)
		if r := k.est.RTO(); r != 8*sec {
			t.Errorf("RTO %v: an acknowledgement of a retransmission is no measurement (Karn)", r)
		}
	})
}

// What is in flight is sent again in slow start; what the peer has, is not.
func TestSlowStartAfterTimeout(t *testing.T) {
	each(t, recovery.Config{SACK: true}, 10, func(k *kit) {
		k.more(10)
		k.out()
		k.ack(0, "4")
		k.ack(0, "4", "8-9")
		k.expire(recovery.Retransmit)
		k.wantOut("the loss window", "r0")
		k.ack(1, "4", "8-9")
		k.wantOut("two", "r1 r2")
		k.ack(2, "4", "8-9")
		k.ack(3, "4", "8-9")
		k.wantOut("RFC 6675, 5.1: with what is known of the peer", "r3 r5 r6 r7")
		k.ack(10)
		k.wantState("out of it", recovery.Open, 5*mss)
	})
	each(t, recovery.Config{}, 10, func(k *kit) {
		k.more(10)
		k.out()
		k.expire(recovery.Retransmit)
		k.wantOut("the loss window", "r0")
		for range 5 {
			k.ack(0)
		}
		k.wantState("duplicates in a recovery after a timeout begin no other (RFC 6582, 3.2)", recovery.Loss, mss)
		k.ack(1)
		k.wantOut("two", "r1 r2")
	})
}

// RFC 2018, 8: the segment that was not acknowledged is said to have arrived, so the peer has thrown it away.
func TestReneging(t *testing.T) {
	each(t, recovery.Config{SACK: true}, 4, func(k *kit) {
		k.more(4)
		k.out()
		k.ack(0, "1-3")
		k.wantOut("one is missing", "r0")
		k.ack(1, "1-3") // contradicts itself
		k.ack(1)
		k.expire(recovery.Retransmit)
		k.wantOut("what it said to have", "r1")
		k.ack(2)
		k.wantOut("all of it", "r2 r3")
	})
}

// RFC 5682, 2.1, without SACK.
func TestFRTO(t *testing.T) {
	c := recovery.Config{FRTO: true}
	start := func(k *kit) {
		k.more(20)
		k.out() // 0 to 5
		k.expire(recovery.Retransmit)
		k.wantOut("step 1", "r0")
		k.wantBlocked("step 1", recovery.Waiting)
	}
	each(t, c, 6, func(k *kit) {
		start(k)
		k.ack(2)
		k.wantOut("step 2b: two new segments", "6 7")
		r := k.ack(3)
		if !r.Undone {
			t.Errorf("step 3b: %+v", r)
		}
		k.wantState("step 3b: spurious; as before, and one more", recovery.Open, 6*mss)
		k.wantOut("and nothing is sent again", "8")
		if k.est.Backoffs() != 0 {
			t.Error("the timer is still backed off")
		}
	})
	each(t, c, 6, func(k *kit) {
		start(k)
		k.ack(0)
		k.wantOut("step 2a, a duplicate: conventional, in slow start", "")
		k.ack(1)
		k.wantOut("", "r1 r2")
		k.wantState("", recovery.Loss, 2*mss)
	})
	each(t, c, 6, func(k *kit) {
		start(k)
		k.acked(recovery.Ack{Ack: k.seg(0) + 500})
		k.wantOut("step 2a, part of what was sent again: conventional, the rest of it still out", "r1")
	})
	each(t, c, 6, func(k *kit) {
		start(k)
		k.ack(1)
		k.wantOut("step 2b", "6 7")
		k.ack(1)
		k.wantState("step 3a, a duplicate: no more than three segments", recovery.Loss, 2*mss)
		k.wantOut("the rest in slow start: what the duplicate tells of has left its room", "r1")
		k.ack(2)
		k.wantOut("", "r2 r3") // 1 has arrived; three may be out, and one of 6 and 7 is
	})
	each(t, c, 6, func(k *kit) {
		k.more(6)
		k.out()
		k.expire(recovery.Retransmit)
		k.wantOut("step 1", "r0")
		k.ack(1)
		k.wantOut("step 2b without new data: conventional", "r1 r2")
	})
	each(t, c, 6, func(k *kit) {
		start(k)
		r := k.ack(6)
		if !r.Left {
			t.Errorf("step 2a, all is acknowledged: %+v", r)
		}
		k.wantState("", recovery.Open, 2*mss)
	})
	each(t, c, 6, func(k *kit) {
		start(k)
		k.expire(recovery.Retransmit)
		k.wantOut("a second timeout: step 1 again", "r0")
		k.ack(2)
		k.wantOut("step 2b", "6 7")
		if r := k.ack(3); !r.Undone {
			t.Errorf("step 3b: %+v", r)
		}
	})
	each(t, c, 6, func(k *kit) {
		k.more(20)
		k.out()
		for range 3 {
			k.ack(0)
		}
		k.out()
		k.expire(recovery.Retransmit)
		k.ack(1)
		k.wantOut("not after a timeout in fast recovery", "r1 r2")
	})
}

// RFC 5682, 3.1.
func TestFRTOWithSACK(t *testing.T) {
	c := recovery.Config{FRTO: true, SACK: true}
	start := func(k *kit) {
		k.more(20)
		k.out() // 0 to 5
		k.expire(recovery.Retransmit)
		k.wantOut("step 1", "r0")
		k.ack(0, "3")
		k.wantOut("step 2: duplicates before are not looked at", "")
		k.ack(2, "3")
		k.wantOut("step 2b", "6 7")
	}
	each(t, c, 6, func(k *kit) {
		start(k)
		r := k.ack(2, "3-4")
		if !r.Undone {
			t.Errorf("step 3b, a block of what was sent before: %+v", r)
		}
		k.wantState("", recovery.Open, 6*mss)
	})
	each(t, c, 6, func(k *kit) {
		start(k)
		k.ack(2, "6", "3")
		k.wantState("step 3a, a block of what was sent after", recovery.Loss, 2*mss)
		k.wantOut("conventional", "r2")
	})
	each(t, c, 6, func(k *kit) {
		start(k)
		k.ack(2, "3")
		k.wantState("step 3a, a duplicate without news", recovery.Loss, 2*mss)
	})
}

// A recovery that was needless is taken back: by the echo of a timestamp, or by duplicates.
func TestUndo(t *testing.T) {
	c := recovery.Config{SACK: true, Tick: ms}
	start := func(k *kit) {
		k.more(100)
		k.out()
		k.now = 100 * ms
		k.ack(0, "1-3")
		k.wantState("", recovery.Recovery, 5*mss)
		k.wantOut("", "r0")
		k.now = 105 * ms
	}
	each(t, c, 10, func(k *kit) {
		start(k)
		r := k.acked(recovery.Ack{Ack: k.seg(4), HasEcho: true, Echo: 0})
		if !r.Undone || !r.Left {
			t.Errorf("the echo is that of the first transmission: %+v", r)
		}
		if k.State() != recovery.Open || k.cc.Window() < 10*mss {
			t.Errorf("%v, %d", k.State(), k.cc.Window())
		}
	})
	each(t, c, 10, func(k *kit) {
		start(k)
		if r := k.acked(recovery.Ack{Ack: k.seg(4), HasEcho: true, Echo: 100 * ms}); r.Undone {
			t.Errorf("the echo is that of the retransmission: %+v", r)
		}
	})
	each(t, c, 10, func(k *kit) {
		start(k)
		k.ack(10)
		k.wantState("recovered", recovery.Open, 5*mss)
		r := k.acked(recovery.Ack{Ack: k.seg(10), SACK: k.blocks([]string{"0"})})
		if !r.Undone || !r.DSACK {
			t.Errorf("the only retransmission was a duplicate: %+v", r)
		}
		k.wantState("as before", recovery.Open, 10*mss)
		k.acked(recovery.Ack{Ack: k.seg(10), SACK: k.blocks([]string{"0"})})
		k.wantState("once", recovery.Open, 10*mss)
	})
	each(t, c, 10, func(k *kit) {
		start(k)
		k.ack(0, "1-8")
		k.ack(10)
		k.acked(recovery.Ack{Ack: k.seg(10), SACK: []seq.Range{{Start: k.seg(0) - 2000, End: k.seg(0) - 1000}}})
		k.wantState("a duplicate from before", recovery.Open, 5*mss)
	})
}

// RFC 6582, 3.2, step 3: the first partial acknowledgement restarts the timer, no other.
func TestTimerAtPartialAcknowledgements(t *testing.T) {
	each(t, recovery.Config{}, 10, func(k *kit) {
		k.more(10)
		k.out()
		k.now = 100 * ms
		for range 3 {
			k.ack(0)
		}
		k.wantOut("", "r0")
		k.now = 200 * ms
		k.ack(3)
		k.wantOut("first", "r3")
		k.wantTimer("first", recovery.Retransmit, 1200*ms)
		k.now = 300 * ms
		k.ack(5)
		k.wantOut("second", "r5")
		k.wantTimer("second", recovery.Retransmit, 1200*ms)
		k.ack(10)
		k.wantTimer("all", recovery.NoTimer, 0)
	})
}

// RFC 8985, 10: octets acknowledged one by one do not make RACK believe in a loss.
func TestSplitAcknowledgements(t *testing.T) {
	each(t, rackTLP, 10, func(k *kit) {
		k.more(10)
		k.now = 0
		k.out()
		k.now = 200 * ms
		block := seq.Range{Start: k.seg(9), End: k.seg(9)}
		for range 20 {
			block.End++
			k.acked(recovery.Ack{Ack: k.seg(0), SACK: []seq.Range{block}})
		}
		if k.State() != recovery.Open || k.Lost() != 0 {
			t.Errorf("%v, %d octets lost, by 20 octets of one segment", k.State(), k.Lost())
		}
		k.ack(0, "8")
		if k.State() != recovery.Recovery {
			t.Errorf("%v after a whole segment", k.State())
		}
	})
}
