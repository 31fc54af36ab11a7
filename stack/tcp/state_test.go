package tcp_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/tcp"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

const (
	ack = segment.ACK
	syn = segment.SYN
	fin = segment.FIN
	rst = segment.RST
	psh = segment.PSH
	urg = segment.URG
)

func TestPassiveOpenAndClose(t *testing.T) { // LISTEN, SYN-RECEIVED, ESTABLISHED, CLOSE-WAIT, LAST-ACK, CLOSED
	k := newKit(t, plain())
	l := k.listen(4)
	k.send(seg{flags: syn})
	k.want("SYN is answered", "[S.] 0 ack 1 win 65535 mss 1460")
	if _, err := l.Accept(); err != errno.EAGAIN {
		t.Errorf("Accept in SYN-RECEIVED: %v", err)
	}
	k.send(seg{flags: ack, seq: 1, ack: 1})
	e, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	k.state(e, tcp.Established)
	if e.Peer() != testerAt || e.Local().Port() != nodePort {
		t.Errorf("from %v to %v", e.Peer(), e.Local())
	}
	k.send(seg{flags: ack | psh, seq: 1, ack: 1, data: "hello"})
	k.quiet("one segment's acknowledgement is delayed")
	k.read(e, "hello", nil)
	k.advance(200 * time.Millisecond)
	k.want("not for long", "[.] 1 ack 6 win 65530") // the right edge moves by a segment at least (3.8.6.2.2)
	k.write(e, "world")
	k.want("data", `[P.] 1:6 ack 6 win 65530 "world"`)
	k.send(seg{flags: fin | ack, seq: 6, ack: 6})
	k.want("FIN is acknowledged at once", "[.] 6 ack 7 win 65529")
	k.state(e, tcp.CloseWait)
	k.read(e, "", nil)
	k.write(e, "more")
	k.want("data in CLOSE-WAIT", `[P.] 6:10 ack 7 win 65529 "more"`)
	e.Close()
	k.advance(0)
	k.want("FIN", "[F.] 10 ack 7 win 65529")
	k.state(e, tcp.LastAck)
	k.send(seg{flags: ack, seq: 7, ack: 11})
	k.state(e, tcp.Closed)
	k.send(seg{flags: ack, seq: 7, ack: 11})
	k.want("the listener knows nothing of that", "[R] 11")
}

func TestActiveOpenAndClose(t *testing.T) { // SYN-SENT, ESTABLISHED, FIN-WAIT-1, FIN-WAIT-2, TIME-WAIT, CLOSED
	k := newKit(t, plain())
	e := k.open()
	if err := e.Connect(testerAt); err != errno.EINPROGRESS {
		t.Fatal(err)
	}
	if err := e.Connect(testerAt); err != errno.EALREADY {
		t.Errorf("again: %v", err)
	}
	k.advance(0)
	k.want("SYN", "[S] 0 win 65535 mss 1460")
	k.state(e, tcp.SynSent)
	k.send(seg{flags: syn | ack, ack: 1, opt: mss(1000)})
	k.want("the third segment", "[.] 1 ack 1 win 65535")
	k.state(e, tcp.Established)
	if err := e.Connect(testerAt); err != errno.EISCONN {
		t.Errorf("again: %v", err)
	}
	if err := e.Shutdown(tcp.Write); err != nil {
		t.Error(err)
	}
	k.advance(0)
	k.want("FIN", "[F.] 1 ack 1 win 65535")
	k.state(e, tcp.FinWait1)
	if _, err := e.Send([]byte("x"), 0); err != errno.EPIPE {
		t.Errorf("Send after Shutdown: %v", err)
	}
	k.send(seg{flags: ack, seq: 1, ack: 2})
	k.state(e, tcp.FinWait2)
	k.send(seg{flags: ack, seq: 1, ack: 2, data: "late"})
	k.read(e, "late", nil)
	k.send(seg{flags: fin | ack, seq: 5, ack: 2})
	k.want("FIN is acknowledged", "[.] 2 ack 6 win 65530")
	k.state(e, tcp.TimeWait)
	k.send(seg{flags: rst, seq: 6})
	k.state(e, tcp.TimeWait) // RFC 1337
	k.advance(3 * time.Minute)
	k.send(seg{flags: fin | ack, seq: 5, ack: 2})
	k.want("the FIN again", "[.] 2 ack 6 win 65530")
	k.advance(4*time.Minute - 1)
	k.state(e, tcp.TimeWait)
	k.advance(1)
	k.state(e, tcp.Closed)
	e.Close()
}

func TestSimultaneousOpen(t *testing.T) { // RFC 9293, 3.5, figure 7
	k := newKit(t, plain())
	e := k.connecting()
	k.send(seg{flags: syn, opt: mss(1400)})
	k.want("SYN,ACK", "[S.] 0 ack 1 win 65535 mss 1460")
	k.state(e, tcp.SynReceived)
	k.send(seg{flags: syn | ack, seq: 0, ack: 1})
	k.state(e, tcp.Established)
	k.quiet("nothing to acknowledge")
	k.send(seg{flags: ack, seq: 1, ack: 1, data: "x"})
	k.read(e, "x", nil)
	e.Abort()
	k.advance(0)
	k.want("abort", "[R.] 1 ack 2")
}

func TestSimultaneousClose(t *testing.T) { // 3.6, figure 13
	k := newKit(t, plain())
	e := k.accepted(segment.Options{})
	e.Shutdown(tcp.Both)
	k.advance(0)
	k.want("FIN", "[F.] 1 ack 1 win 65535")
	k.send(seg{flags: fin | ack, seq: 1, ack: 1})
	k.want("its FIN is acknowledged", "[.] 2 ack 2 win 65534")
	k.state(e, tcp.Closing)
	k.send(seg{flags: ack, seq: 2, ack: 2})
	k.state(e, tcp.TimeWait)
	k.advance(4 * time.Minute)
	k.state(e, tcp.Closed)
}

func TestClosedPort(t *testing.T) { // 3.10.7.1
	k := newKit(t, plain())
	k.send(seg{flags: syn, seq: 0})
	k.want("SYN", "[R.] 0 ack 1")
	k.send(seg{flags: syn | fin, seq: 0, data: "abc"})
	k.want("SYN, data, FIN", "[R.] 0 ack 5")
	k.send(seg{flags: ack, seq: 7, ack: 77})
	k.want("ACK", "[R] 77")
	k.send(seg{flags: rst, seq: 7})
	k.quiet("RST")
	k.send(seg{flags: 0, seq: 7})
	k.want("no flag", "[R.] 0 ack 7")
}

func TestListen(t *testing.T) { // 3.10.7.2
	k := newKit(t, plain())
	k.listen(1)
	k.send(seg{flags: rst, seq: 0})
	k.quiet("RST")
	k.send(seg{flags: ack, seq: 7, ack: 77})
	k.want("ACK", "[R] 77")
	k.send(seg{flags: syn | ack, seq: 7, ack: 77})
	k.want("SYN,ACK", "[R] 77")
	k.send(seg{flags: fin, seq: 7})
	k.quiet("FIN")
	k.send(seg{flags: 0, seq: 7, data: "x"})
	k.quiet("text without ACK")
}

func TestSynReceived(t *testing.T) {
	k := newKit(t, plain())
	l := k.listen(1)
	k.send(seg{flags: syn})
	k.want("SYN", "[S.] 0 ack 1 win 65535 mss 1460")
	k.send(seg{flags: syn})
	k.want("again", "[S.] 0 ack 1 win 65535 mss 1460")
	k.send(seg{flags: ack, seq: 1, ack: 2})
	k.want("an acknowledgement of nothing sent (3.5.2)", "[R] 2")
	k.send(seg{flags: ack, seq: 1, ack: 0})
	k.want("or of nothing at all", "[R] 0")
	k.send(seg{flags: ack, seq: 70000, ack: 1})
	k.want("outside the window", "[.] 1 ack 1 win 65535")
	k.send(seg{flags: rst, seq: 1})
	k.send(seg{flags: ack, seq: 1, ack: 1})
	k.want("RST brings it back to LISTEN", "[R] 1")
	k.send(seg{flags: syn, seq: 0})
	k.show(k.next("SYN"))
	k.send(seg{flags: syn, seq: 5})
	k.quiet("SYN in the window: back to LISTEN")
	k.send(seg{flags: syn, data: "early"})
	k.want("data on a SYN is not acknowledged", "[S.] 0 ack 1 win 65535 mss 1460")
	k.send(seg{flags: ack, seq: 1, ack: 1})
	e, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	k.want("but it is once the connection is there", "[.] 1 ack 6 win 65530")
	k.read(e, "early", nil)
	e.Abort()
	k.advance(0)
	k.show(k.next("RST"))
}

func TestSynSent(t *testing.T) { // 3.10.7.3
	k := newKit(t, plain())
	e := k.connecting()
	k.send(seg{flags: ack, ack: 0})
	k.want("ACK of the ISS", "[R] 0")
	k.send(seg{flags: ack, ack: 2})
	k.want("ACK of what was not sent", "[R] 2")
	k.send(seg{flags: ack, ack: 1})
	k.quiet("a good ACK alone says nothing")
	k.send(seg{flags: rst})
	k.quiet("RST without ACK")
	k.send(seg{flags: rst | ack, ack: 2})
	k.quiet("RST with a bad one")
	k.send(seg{flags: fin, ack: 2})
	k.quiet("FIN")
	k.state(e, tcp.SynSent)
	k.send(seg{flags: rst | ack, ack: 1})
	k.state(e, tcp.Closed)
	if err := e.TakeError(); err != errno.ECONNREFUSED {
		t.Errorf("error is %v", err)
	}
	e.Close()
}

func TestSynIsRetransmitted(t *testing.T) { // MUST-23: at least 3 minutes
	k := newKit(t, plain())
	e := k.open()
	e.Connect(testerAt)
	k.advance(0)
	k.want("SYN", "[S] 0 win 65535 mss 1460")
	for _, d := range []time.Duration{1, 2, 4, 8, 16, 32, 60} {
		k.advance(d*time.Second - 1)
		k.quiet("not yet")
		k.advance(1)
		k.want("again", "[S] 0 win 65535 mss 1460")
	}
	k.advance(60*time.Second - 1)
	k.state(e, tcp.SynSent)
	k.advance(1)
	k.state(e, tcp.Closed)
	if err := e.TakeError(); err != errno.ETIMEDOUT {
		t.Errorf("error is %v", err)
	}
}

func TestResetsAndChallenges(t *testing.T) { // RFC 5961
	k := newKit(t, plain())
	e := k.accepted(segment.Options{})
	k.send(seg{flags: rst, seq: 2})
	k.want("RST in the window, but not the next", "[.] 1 ack 1 win 65535")
	k.send(seg{flags: rst, seq: 0})
	k.quiet("RST outside")
	k.send(seg{flags: rst, seq: 70000})
	k.quiet("RST outside")
	k.send(seg{flags: syn, seq: 1})
	k.want("SYN", "[.] 1 ack 1 win 65535")
	k.send(seg{flags: syn, seq: 100000})
	k.want("SYN outside", "[.] 1 ack 1 win 65535")
	k.send(seg{flags: ack, seq: 1, ack: 2})
	k.want("ACK of what was not sent", "[.] 1 ack 1 win 65535")
	k.send(seg{flags: ack, seq: 1, ack: 0xffff0002, data: "x"})
	k.quiet("old, but acceptable (MAY-12)")
	k.read(e, "x", nil)
	k.send(seg{flags: ack, seq: 2, ack: 0x80000000, data: "y"})
	k.want("far too old", "[.] 1 ack 2 win 65534")
	k.read(e, "", errno.EAGAIN)
	k.send(seg{flags: 0, seq: 2, data: "z"})
	k.quiet("no ACK")
	k.state(e, tcp.Established)
	k.send(seg{flags: rst, seq: 2})
	k.state(e, tcp.Closed)
	k.read(e, "", errno.ECONNRESET)
	k.read(e, "", nil)
}

// A hundred in any second: fifty at once, the others one by one. What one connection draws leaves others theirs.
func TestChallengesAreLimited(t *testing.T) { // RFC 5961, 7
	k := newKit(t, plain())
	k.accepted(segment.Options{})
	burst := func(times int, apart time.Duration) (n int) {
		for range times {
			k.send(seg{flags: syn, seq: 1})
			n += len(k.frames)
			k.frames = nil
			k.advance(apart)
		}
		return n
	}
	k.advance(time.Second)
	if n := burst(1000, 0); n != 50 {
		t.Errorf("%d challenges at once, want 50", n)
	}
	if n := burst(1000, time.Millisecond); n != 49 {
		t.Errorf("%d challenges in the 999 ms that follow, want 49", n)
	}
	k.port++
	k.accepted(segment.Options{})
	if n := burst(1000, 0); n != 50 {
		t.Errorf("%d challenges of another connection, want 50", n)
	}
}

func TestUnreadDataIsLostWithAReset(t *testing.T) { // 3.6.1, SHLD-3
	k := newKit(t, plain())
	e := k.accepted(segment.Options{})
	k.send(seg{flags: ack, seq: 1, ack: 1, data: "x"})
	e.Close()
	k.advance(0)
	k.want("unread data", "[R.] 1 ack 2")

	e = k.accepted(segment.Options{})
	e.Close()
	k.advance(0)
	k.want("nothing unread", "[F.] 1 ack 1 win 65535")
	k.send(seg{flags: ack, seq: 1, ack: 2, data: "x"})
	k.want("data for nobody", "[R.] 2 ack 1")
}

func TestLinger(t *testing.T) {
	k := newKit(t, plain())
	e := k.accepted(segment.Options{})
	e.SetOption(tcp.Linger, 0)
	e.Close()
	k.advance(0)
	k.want("0 aborts", "[R.] 1 ack 1")

	e = k.accepted(segment.Options{})
	e.SetOption(tcp.Linger, 2)
	k.write(e, "x")
	k.want("data", `[P.] 1:2 ack 1 win 65535 "x"`)
	e.Close()
	k.advance(0)
	k.want("FIN", "[F.] 2 ack 1 win 65535")
	k.advance(time.Second)
	k.show(k.next("again"))
	k.advance(time.Second)
	k.want("enough", "[R.] 3 ack 1")
	k.quiet("no more")
}

func TestFinWait2OfNobody(t *testing.T) {
	k := newKit(t, plain())
	e := k.accepted(segment.Options{})
	e.Close()
	k.advance(0)
	k.want("FIN", "[F.] 1 ack 1 win 65535")
	k.send(seg{flags: ack, seq: 1, ack: 2})
	k.advance(time.Minute - 1)
	k.state(e, tcp.FinWait2)
	k.advance(1)
	k.state(e, tcp.Closed)
}

func TestTimeWaitIsSucceeded(t *testing.T) { // RFC 6191
	k := newKit(t, config.Config{})
	stamped := func(v uint32) segment.Options {
		return segment.Options{Has: segment.HasTimestamps, TSVal: v, TSEcr: k.tsecr}
	}
	e := k.accepted(stamped(100))
	e.Shutdown(tcp.Write)
	k.advance(0)
	k.show(k.next("FIN"))
	k.send(seg{flags: fin | ack, seq: 1, ack: 2, opt: stamped(110)})
	k.show(k.next("ACK"))
	k.state(e, tcp.TimeWait)
	l := k.listen(1)
	k.send(seg{flags: syn, seq: 1000, opt: stamped(110 - 1)})
	k.show(k.next("an older timestamp: a challenge"))
	k.state(e, tcp.TimeWait)
	last := k.iss
	k.send(seg{flags: syn, seq: 1, opt: stamped(111)})
	k.want("a later one", "[S.] 0 ack 2 win 65535 ts 111 mss 1460")
	if int32(k.iss-last) <= 0 {
		t.Errorf("ISN %d is not beyond %d", k.iss, last)
	}
	k.send(seg{flags: ack, seq: 2, ack: 1, opt: stamped(112)})
	if _, err := l.Accept(); err != nil {
		t.Error(err)
	}
}
