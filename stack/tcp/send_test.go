package tcp_test

import (
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/tcp"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

func TestNagle(t *testing.T) { // 3.7.4
	k := newKit(t, plain())
	e := k.accepted(mss(100))
	k.write(e, "a")
	k.want("nothing is in flight", `[P.] 1:2 ack 1 win 65535 "a"`)
	k.write(e, "b")
	k.write(e, "c")
	k.quiet("small segments wait for the acknowledgement")
	k.send(seg{flags: ack, seq: 1, ack: 2})
	k.want("and go together", `[P.] 2:4 ack 1 win 65535 "bc"`)
	k.write(e, strings.Repeat("d", 150))
	k.want("a full segment does not wait", `[.] 4:104 ack 1 win 65535`)
	k.quiet("the rest does")
	e.SetOption(tcp.NoDelay, 1)
	k.advance(0)
	k.want("unless the user says so", `[P.] 104:154 ack 1 win 65535`)
	k.write(e, "e")
	k.want("NoDelay", `[P.] 154:155 ack 1 win 65535 "e"`)
	k.send(seg{flags: ack, seq: 1, ack: 155})
}

func TestCorkAndMore(t *testing.T) {
	k := newKit(t, plain())
	e := k.accepted(mss(100))
	e.SetOption(tcp.Cork, 1)
	k.write(e, "a")
	k.quiet("corked")
	k.write(e, strings.Repeat("b", 99))
	k.want("a full segment goes", "[P.] 1:101 ack 1 win 65535")
	k.write(e, "c")
	e.SetOption(tcp.Cork, 0)
	k.advance(0)
	k.send(seg{flags: ack, seq: 1, ack: 101})
	k.want("uncorked", `[P.] 101:102 ack 1 win 65535 "c"`)
	k.send(seg{flags: ack, seq: 1, ack: 102})
	if n, err := e.Send([]byte("d"), tcp.More); n != 1 || err != nil {
		t.Error(n, err)
	}
	k.advance(200*time.Millisecond - 1)
	k.quiet("more is to come")
	k.advance(1)
	k.want("it did not", `[P.] 102:103 ack 1 win 65535 "d"`)
	k.send(seg{flags: ack, seq: 1, ack: 103})
}

func TestSillyWindowOfPeer(t *testing.T) { // 3.8.6.2.1
	k := newKit(t, plain())
	e := k.accepted(mss(1000))
	k.write(e, strings.Repeat("a", 1000))
	k.want("full", "[P.] 1:1001 ack 1 win 65535")
	k.send(seg{flags: ack, seq: 1, ack: 1001, win: 10})
	k.write(e, strings.Repeat("b", 1000))
	k.quiet("a silly window is not used")
	k.advance(500*time.Millisecond - 1)
	k.quiet("not yet")
	k.advance(1)
	k.want("or only after a while", "[.] 1001:1011 ack 1 win 65535 \"bbbbbbbbbb\"")
	k.send(seg{flags: ack, seq: 1, ack: 1011, win: 2000})
	k.want("the rest", "[P.] 1011:2001 ack 1 win 65535")
	k.send(seg{flags: ack, seq: 1, ack: 2001})
}

func TestWindowProbes(t *testing.T) { // 3.8.6.1
	k := newKit(t, plain())
	e := k.accepted(mss(1000))
	k.send(seg{flags: ack, seq: 1, ack: 1, zeroWin: true})
	k.write(e, "abc")
	k.quiet("the window is closed")
	var waited time.Duration
	for _, d := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60, 60} {
		k.advance(d*time.Second - 1)
		k.quiet("not yet")
		k.advance(1)
		k.want("a probe", `[.] 1:2 ack 1 win 65535 "a"`)
		k.send(seg{flags: ack, seq: 1, ack: 1, zeroWin: true})
		waited += d * time.Second
	}
	if waited < 5*time.Minute {
		t.Fatal("less than the user timeout")
	}
	k.state(e, tcp.Established) // MUST-37: as long as it answers
	k.send(seg{flags: ack, seq: 1, ack: 1, win: 10})
	k.want("the window opens", `[P.] 1:4 ack 1 win 65535 "abc"`)
	k.send(seg{flags: ack, seq: 1, ack: 4, zeroWin: true})
	k.write(e, "de")
	k.advance(time.Second)
	k.want("a probe", `[.] 4:5 ack 1 win 65535 "d"`)
	k.send(seg{flags: ack, seq: 1, ack: 5, win: 10})
	k.want("it was taken", `[P.] 5:6 ack 1 win 65535 "e"`)
	k.send(seg{flags: ack, seq: 1, ack: 6, zeroWin: true})
	k.write(e, "f")
	for range 8 {
		k.advance(time.Minute)
		k.frames = nil
	}
	k.state(e, tcp.Closed) // nobody answers
	if err := e.TakeError(); err != errno.ETIMEDOUT {
		t.Error(err)
	}
}

func TestShrunkWindow(t *testing.T) { // 3.8.6, MUST-34
	k := newKit(t, plain())
	e := k.accepted(mss(100))
	k.write(e, strings.Repeat("a", 300))
	k.frames = nil
	k.send(seg{flags: ack, seq: 1, ack: 1, win: 50})
	k.write(e, strings.Repeat("b", 300))
	k.quiet("no new data beyond the right edge")
	k.advance(time.Second)
	k.show(k.next("what was sent is sent again"))
	k.frames = nil
	k.send(seg{flags: ack, seq: 1, ack: 301, win: 1000})
	for at := uint32(301); at < 601; { // the congestion window begins anew
		_, h, data := k.parse(k.next("and all goes on"))
		if h.Seq-k.iss != at {
			t.Fatalf("octet %d was sent, want %d", h.Seq-k.iss, at)
		}
		at += uint32(len(data))
		if len(k.frames) == 0 {
			k.send(seg{flags: ack, seq: 1, ack: at, win: 1000})
		}
	}
	if i := e.Info(); i.InFlight != 0 || i.Unsent != 0 {
		t.Errorf("%+v", i)
	}
}

func TestRetransmissionTimeouts(t *testing.T) { // RFC 6298; 3.8.3
	k := newKit(t, plain())
	e := k.accepted(mss(1000))
	k.write(e, "x")
	k.show(k.next("data"))
	total := time.Duration(0)
	for _, d := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		k.advance(d*time.Second - 1)
		k.quiet("not yet")
		k.advance(1)
		k.want("again", `[P.] 1:2 ack 1 win 65535 "x"`)
		total += d * time.Second
	}
	k.advance(5*time.Minute - total - 1)
	k.state(e, tcp.Established)
	k.advance(1)
	k.state(e, tcp.Closed)
	k.want("the peer may only be deaf", "[R.] 2 ack 1")
	k.read(e, "", errno.ETIMEDOUT)
}

func TestUserTimeout(t *testing.T) {
	k := newKit(t, plain())
	e := k.accepted(mss(1000))
	e.SetOption(tcp.UserTimeout, 2500)
	k.write(e, "x")
	k.show(k.next("data"))
	k.advance(time.Second)
	k.show(k.next("again"))
	k.advance(1500*time.Millisecond - 1)
	k.state(e, tcp.Established)
	k.advance(1)
	k.state(e, tcp.Closed)
	k.show(k.next("RST"))
	if _, err := e.Send([]byte("x"), 0); err != errno.ETIMEDOUT {
		t.Error(err)
	}
}

func TestMSS(t *testing.T) { // 3.7.1
	for _, tt := range []struct {
		name string
		opt  segment.Options
		conf config.Config
		want int
	}{
		{"not said", segment.Options{}, plain(), 536},
		{"said", mss(1000), plain(), 1000},
		{"more than the link takes", mss(9000), plain(), 1460},
		{"0 is none", mss(0), plain(), 536},
		{"timestamps come off", segment.Options{Has: segment.HasMSS | segment.HasTimestamps, MSS: 1000, TSVal: 1}, config.Config{}, 988},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, tt.conf)
			e := k.accepted(tt.opt)
			k.write(e, strings.Repeat("a", 4000))
			_, _, data := k.parse(k.next("data"))
			if len(data) != tt.want {
				t.Errorf("%d octets, want %d", len(data), tt.want)
			}
			k.frames = nil
		})
	}
}

func TestKeepAlive(t *testing.T) { // 3.8.4
	k := newKit(t, plain())
	e := k.accepted(segment.Options{})
	k.advance(3 * time.Hour)
	k.quiet("off by default (MUST-25)")
	for _, o := range []struct {
		o tcp.Option
		v int
	}{{tcp.KeepIdle, 100}, {tcp.KeepInterval, 10}, {tcp.KeepCount, 3}, {tcp.KeepAlive, 1}} {
		if err := e.SetOption(o.o, o.v); err != nil {
			t.Error(err)
		}
	}
	k.advance(0)
	k.want("idle for longer already", "[.] 0 ack 1 win 65535")
	k.send(seg{flags: ack, seq: 1, ack: 1})
	k.advance(100*time.Second - 1)
	k.quiet("the peer has answered")
	for range 3 {
		k.advance(1)
		k.want("a probe", "[.] 0 ack 1 win 65535")
		k.advance(10*time.Second - 1)
		k.quiet("and the next")
	}
	k.advance(1)
	k.state(e, tcp.Closed)
	k.want("gone", "[R.] 1 ack 1")
	k.read(e, "", errno.ETIMEDOUT)
}

func TestKeepAliveIsAnswered(t *testing.T) {
	k := newKit(t, plain())
	k.accepted(segment.Options{})
	for range 300 {
		k.send(seg{flags: ack, seq: 0, ack: 1})
		k.want("without data", "[.] 1 ack 1 win 65535")
		k.send(seg{flags: ack, seq: 0, ack: 1, data: "g"})
		k.want("with an octet of garbage", "[.] 1 ack 1 win 65535")
	}
}

// A peer that never opens its window holds the connection as long as there is a user, but not for ever without (RFC 6429).
func TestClosedWindowOfNobody(t *testing.T) {
	k := newKit(t, plain())
	e := k.accepted(mss(1000))
	k.send(seg{flags: ack, seq: 1, ack: 1, zeroWin: true})
	k.write(e, "abc")
	answer := func(d time.Duration) {
		for end := k.loop.Now() + d; k.loop.Now() < end; {
			k.advance(time.Second)
			if len(k.frames) > 0 {
				k.frames = nil
				k.send(seg{flags: ack, seq: 1, ack: 1, zeroWin: true})
			}
		}
	}
	answer(2 * time.Hour)
	k.state(e, tcp.Established)
	e.Close()
	answer(4 * time.Minute)
	k.state(e, tcp.FinWait1)
	answer(3 * time.Minute)
	k.state(e, tcp.Closed)
	k.frames = nil
}
