package congestion_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/tcp/congestion"
)

const (
	sec    = time.Second
	minute = time.Minute
)

// grown is a Reno whose window has been filled until it was 40 segments, with 20 of them acknowledged in the last round.
func grown(t *testing.T) (c congestion.Control, now time.Duration) {
	c = control(t, "reno", congestion.Config{LargeIncrement: true})
	for now = rtt; c.Window() < 40*mss; now += rtt {
		for range c.Window() / mss / 2 {
			c.Acked(ack(now, 2*mss))
		}
	}
	if c.Window() != 40*mss {
		t.Fatalf("window %d", c.Window())
	}
	return c, now
}

// trickle uses a tenth of the window, for so long.
func trickle(c congestion.Control, now, d time.Duration) time.Duration {
	for end := now + d; now < end; now += rtt {
		c.Acked(congestion.Ack{Now: now, Octets: mss, RTT: rtt})
	}
	return now
}

func TestWindowIsKeptWithoutUse(t *testing.T) { // RFC 7661, 4.4
	c, now := grown(t)
	now = trickle(c, now, 4*minute)
	want(t, c, "little use", 40*mss, congestion.Unlimited)
	c.Resume(now, 0, sec)
	want(t, c, "before five minutes", 40*mss, congestion.Unlimited)
	c.Acked(ack(now, 2*mss))
	want(t, c, "a full window may grow in this phase, too", 42*mss, congestion.Unlimited)
}

func TestWindowExpires(t *testing.T) { // 4.4.3
	c, now := grown(t)
	c.Lost(now, 40*mss)
	c.Recovered(now, 0, congestion.Unbounded)
	want(t, c, "a threshold", 20*mss, 20*mss)
	c.Acked(ack(now, mss)) // pipeACK is defined again one round trip later
	now = trickle(c, now+rtt, 5*minute+2*sec)
	c.Resume(now, rtt, sec)
	want(t, c, "five minutes: cwnd/2, not below IW; ssthresh max(ssthresh, 3/4 cwnd)", 10*mss, 20*mss)

	c, now = grown(t)
	c.Resume(now+5*minute, 5*minute, sec)
	want(t, c, "a pause of five minutes: pipeACK was there for a second of them", 40*mss, congestion.Unlimited)
	c, now = grown(t)
	c.Resume(now+5*minute+2*sec, 5*minute, sec)
	want(t, c, "and a little more", 20*mss, congestion.Unlimited)
	c, now = grown(t)
	c.Resume(now+24*60*minute, 24*60*minute, sec)
	want(t, c, "a day", 10*mss, congestion.Unlimited)
}

func TestLossWithoutUse(t *testing.T) { // 4.4.1
	c, now := grown(t)
	now = trickle(c, now, 3*sec)
	c.Lost(now, 6*mss)
	want(t, c, "max(pipeACK, LossFlightSize)/2", 3*mss, 3*mss)
	c.Recovered(now, 2*mss, congestion.Unbounded)
	want(t, c, "less half of what was retransmitted", 2*mss, 3*mss)

	c, now = grown(t)
	now = trickle(c, now, 3*sec)
	c.Lost(now, 2*mss)
	c.Recovered(now, 3*mss, congestion.Unbounded)
	want(t, c, "not below one segment", mss, 2*mss)

	c, now = grown(t)
	c.Lost(now, 40*mss)
	c.Recovered(now, 5*mss, congestion.Unbounded)
	want(t, c, "in the validated phase the standard way", 20*mss, 20*mss)
}

func TestBusyConnectionIsValidated(t *testing.T) {
	c, now := grown(t)
	now = trickle(c, now, 3*sec)
	for range 40 { // 21 of 40 segments in each round trip
		for range 21 {
			c.Acked(congestion.Ack{Now: now, Octets: mss, RTT: rtt})
			now += rtt / 21
		}
	}
	c.Lost(now, 6*mss)
	want(t, c, "pipeACK above half the window: the standard way", 3*mss, 3*mss)
	c.Recovered(now, 2*mss, congestion.Unbounded)
	want(t, c, "and no reduction at the end", 3*mss, 3*mss)
}
