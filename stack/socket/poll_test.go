package socket_test

import (
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
)

// Every bit, by something that sets it and something that clears it.
func TestReadiness(t *testing.T) {
	p := newPair(t, config.Config{})
	ready := func(why string, s *socket.Socket, want socket.Event) {
		t.Helper()
		if e := s.Poll(); e != want {
			t.Errorf("%s: ready for %#x, want %#x", why, e, want)
		}
		const reads = socket.In | socket.Err | socket.HangUp
		if s.Readable() != (want&reads != 0) || s.Writable() != (want&(socket.Writing|socket.Err|socket.HangUp) != 0) {
			t.Errorf("%s: readable %v, writable %v", why, s.Readable(), s.Writable())
		}
	}
	a, b := p.udp(p.a, 7), p.udp(p.b, 7)
	ready("a fresh socket", a, socket.Writing)
	p.sends(b, "x", socket.Out{To: at(addrA, 7)})
	ready("a datagram waits", a, socket.Writing|socket.In)
	p.reads("the datagram", a, 0, "x")
	ready("read", a, socket.Writing)
	p.ok("connect", a.Connect(at(addrB, 9)))
	p.sends(a, "x", socket.Out{})
	ready("the peer refused", a, socket.Writing|socket.Err)
	p.fails("the error", a.TakeError(), errno.ECONNREFUSED)
	ready("told", a, socket.Writing)

	s := p.open(p.a, socket.Stream, 0)
	ready("a fresh stream", s, socket.Writing|socket.HangUp)
	l := p.listener(p.b, 80)
	ready("nobody has called", l, 0)
	p.fails("connect", s.Connect(at(addrB, 80)), errno.EINPROGRESS)
	ready("connecting", s, 0)
	p.advance(time.Second)
	ready("connected", s, socket.Writing)
	ready("somebody has called", l, socket.In)
	r, err := l.Accept()
	p.ok("accept", err)
	ready("nobody else has", l, 0)
	p.sends(s, "x", socket.Out{})
	ready("there is data", r, socket.Writing|socket.In)
	p.reads("data", r, 0, "x")
	p.sends(s, "!", socket.Out{Flags: socket.OOB})
	ready("there is urgent data", r, socket.Writing|socket.Pri)
	p.reads("urgent data", r, socket.OOB, "!")
	ready("read", r, socket.Writing)
	p.ok("SO_RCVBUF", r.SetOption(socket.SORcvBuf, socket.Value{Int: 1000}))
	for {
		if _, err := s.SendMsg(make([]byte, 4096), socket.Out{}); err != nil {
			p.fails("full", err, errno.EAGAIN)
			break
		}
		p.advance(time.Second)
	}
	ready("no room", s, 0)
	for r.Readable() {
		if _, err := r.Recv(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		p.advance(10 * time.Second)
	}
	ready("room again", s, socket.Writing)
	p.ok("shutdown", s.Shutdown(socket.Write))
	p.advance(time.Second)
	ready("the peer sends no more", r, socket.Writing|socket.In|socket.PeerClosed)
	p.ok("shutdown", r.Shutdown(socket.Write))
	p.advance(time.Second)
	ready("both halves are closed", r, socket.Writing|socket.In|socket.PeerClosed|socket.HangUp)
	p.ok("close", r.Close())
	if e := r.Poll(); e != socket.Invalid {
		t.Errorf("closed: %#x", e)
	}
}

func TestPoll(t *testing.T) {
	p := newPair(t, config.Config{PollMax: 4})
	a, b := p.udp(p.a, 7), p.udp(p.b, 7)
	closed := p.open(p.a, socket.Dgram, 0)
	p.ok("close", closed.Close())
	all := []socket.Poll{{Socket: a, Events: socket.In}, {Socket: nil, Events: socket.In}, {Socket: closed}, {Socket: a, Events: socket.Writing}}
	if n, err := p.a.Sockets.Poll(all); n != 2 || err != nil || all[0].Ready != 0 || all[2].Ready != socket.Invalid || all[3].Ready != socket.Writing {
		t.Errorf("%d ready, %v: %+v", n, err, all)
	}
	_, err := p.a.Sockets.Poll(make([]socket.Poll, 5))
	p.fails("too many", err, errno.EINVAL)
	_, err = p.a.Sockets.Wait(make([]socket.Poll, 5), 0, nil)
	p.fails("too many", err, errno.EINVAL)

	type end struct {
		at time.Duration
		n  int
	}
	var ends []end
	wait := func(timeout time.Duration, events socket.Event) *socket.Waiting {
		w, err := p.a.Sockets.Wait([]socket.Poll{{Socket: a, Events: events}}, timeout, func(n int) { ends = append(ends, end{p.loop.Now(), n}) })
		p.ok("wait", err)
		return w
	}
	want := func(why string, e ...end) {
		t.Helper()
		if !slices.Equal(ends, e) {
			t.Errorf("%s: %v, want %v", why, ends, e)
		}
		ends = nil
	}
	start := p.loop.Now()
	wait(0, socket.In)
	wait(time.Second, socket.In)
	wait(-1, socket.In)
	cancelled := wait(time.Second, socket.In)
	wait(time.Second, socket.Writing)
	cancelled.Cancel()
	cancelled.Cancel()
	want("in no call of wait")
	p.advance(time.Second - 1)
	want("at once: what is ready, and no patience", end{start, 0}, end{start, 1})
	p.advance(1)
	want("a second later", end{start + time.Second, 0})
	p.advance(time.Hour)
	want("for ever")
	sent := p.loop.Now()
	p.sends(b, "x", socket.Out{To: at(addrA, 7)})
	if len(ends) != 1 || ends[0].n != 1 || ends[0].at <= sent {
		t.Errorf("when it came: %v", ends)
	}
	ends = nil
	wait(-1, socket.In)
	p.advance(0)
	want("a level, not an edge", end{p.loop.Now(), 1})
	wait(-1, 0)
	p.advance(time.Second)
	want("nothing is wanted")
	p.ok("close", a.Close())
	p.advance(0)
	want("closed while somebody waits", end{p.loop.Now(), 1})
}

func TestSelect(t *testing.T) {
	p := newPair(t, config.Config{})
	a, b := p.streams()
	idle := p.udp(p.a, 9)
	var got socket.Sets
	n := -1
	sel := func(s socket.Sets, timeout time.Duration) {
		n = -1
		_, err := p.a.Sockets.Select(s, timeout, func(ready socket.Sets, k int) { got, n = ready, k })
		p.ok("select", err)
	}
	sel(socket.Sets{Read: []*socket.Socket{a, idle}, Except: []*socket.Socket{a}}, time.Second)
	p.advance(time.Second)
	if n != 0 || got.Read != nil || got.Except != nil {
		t.Errorf("timed out with %d: %+v", n, got)
	}
	p.sends(b, "x", socket.Out{})
	sel(socket.Sets{Read: []*socket.Socket{idle, a}, Write: []*socket.Socket{a, idle}, Except: []*socket.Socket{a}}, -1)
	p.advance(0)
	if n != 3 || !slices.Equal(got.Read, []*socket.Socket{a}) || len(got.Write) != 2 || got.Except != nil {
		t.Errorf("%d ready: %+v", n, got)
	}
	p.reads("data", a, 0, "x")
	p.sends(b, "!", socket.Out{Flags: socket.OOB})
	sel(socket.Sets{Except: []*socket.Socket{idle, a}}, -1)
	p.advance(0)
	if n != 1 || !slices.Equal(got.Except, []*socket.Socket{a}) {
		t.Errorf("%d ready: %+v", n, got)
	}
	p.ok("close", idle.Close())
	_, err := p.a.Sockets.Select(socket.Sets{Write: []*socket.Socket{idle}}, 0, nil)
	p.fails("a closed socket", err, errno.EBADF)
}

func TestNonBlockingIsKept(t *testing.T) {
	p := newPair(t, config.Config{})
	s := p.open(p.a, socket.Stream, 0)
	if s.NonBlocking() {
		t.Error("a fresh socket does not block")
	}
	for _, on := range []bool{true, false} {
		v := 0
		if on {
			v = 1
		}
		if _, err := s.Ioctl(socket.FIONBIO, v); err != nil || s.NonBlocking() != on {
			t.Errorf("FIONBIO %d: %v, %v", v, err, s.NonBlocking())
		}
	}
	if !s.Blocks(0) || s.Blocks(socket.DontWait) {
		t.Error("without O_NONBLOCK a call waits, unless MSG_DONTWAIT says no")
	}
	s.SetNonBlocking(true)
	if !s.NonBlocking() || s.Blocks(0) {
		t.Error("O_NONBLOCK is not kept")
	}
	_, err := s.Ioctl("SIOCNONSENSE", 0)
	p.fails("no such request", err, errno.EINVAL)
}
