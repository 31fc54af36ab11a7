package recovery_test

import (
	"fmt"
	"testing"

	"github.com/conform-stack/conform/stack/tcp/recovery"
)

var sackPRR = recovery.Config{SACK: true, PRR: true, LimitedTransmit: true}

// RFC 6937, 3.1, the first example: one of 20 segments is lost, ssthresh is 10.
func TestPRRWithOneLoss(t *testing.T) {
	each(t, sackPRR, 20, func(k *kit) {
		k.more(100)
		k.out()
		line := ""
		for i := 1; i < 22; i++ { // 0 is lost; 20 and 21 are limited transmit
			k.ack(0, fmt.Sprintf("1-%d", i))
			if k.State() == recovery.Recovery && k.cc.Window() != 10*mss {
				t.Fatalf("ssthresh %d", k.cc.Window())
			}
			if s := k.out(); s != "" {
				line += s + " "
			} else {
				line += ". "
			}
		}
		// limited transmit; the retransmission; one for about every second acknowledgement (10 for 22); and from where pipe
		// is at ssthresh, one for one
		if want := "20 21 r0 . . . 22 . 23 . 24 . 25 . . . 26 27 28 29 30 "; line != want {
			t.Errorf("sends %q\nwant  %q", line, want)
		}
		k.ack(22)
		k.wantState("4: the window at the end is ssthresh", recovery.Open, 10*mss)
	})
}

// The second example: the first 15 of 20 are lost; the slow-start bound.
func TestPRRWithManyLosses(t *testing.T) {
	each(t, sackPRR, 20, func(k *kit) {
		k.more(100)
		k.out()
		line := ""
		for i := 15; i < 20; i++ {
			k.ack(0, fmt.Sprintf("15-%d", i))
			line += k.out() + "; "
		}
		if want := "20; 21; r0 r1; r2 r3; r4 r5; "; line != want {
			t.Errorf("sends %q, want %q", line, want)
		}
	})
}

// Chances that the user missed are made up for, as long as recovery lasts (4).
func TestPRRMissedChances(t *testing.T) {
	each(t, sackPRR, 20, func(k *kit) {
		k.more(22)
		k.out()
		for i := 1; i < 11; i++ {
			k.ack(0, fmt.Sprintf("1-%d", i))
			k.out()
		}
		k.wantBlocked("the user has no more", recovery.NoData)
		k.more(10)
		k.wantOut("what eight acknowledgements were worth, less the retransmission", "22 23")
	})
}
