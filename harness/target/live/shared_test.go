package live

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conform-stack/conform/harness/target"
)

var (
	targetIP  = netip.MustParseAddr("192.0.2.1")
	targetMAC = net.HardwareAddr{0x02, 0, 0, 0, 0, 0x77}
)

// A board is a target of which there is one: it answers ARP while it is alive.
type board struct {
	toHarness chan []byte
	closed    chan struct{}
	once      sync.Once
	dead      atomic.Bool
	asked     int
}

func newBoard() *board { return &board{toHarness: make(chan []byte, 100), closed: make(chan struct{})} }

func (b *board) Read(p []byte) (int, error) {
	select {
	case f := <-b.toHarness:
		return copy(p, f), nil
	case <-b.closed:
		return 0, io.ErrClosedPipe
	}
}

func (b *board) Write(f []byte) (int, error) {
	if p, ok := parseARP(f); ok && p.targetIP == targetIP {
		b.asked++
		if !b.dead.Load() {
			b.emit(arpReplyTo(p))
		}
	}
	return len(f), nil
}

func (b *board) Close() error { b.once.Do(func() { close(b.closed) }); return nil }

func (b *board) emit(f []byte) { b.toHarness <- f }

func arpReplyTo(p arpPacket) []byte {
	return bytes.Join([][]byte{p.senderMAC, targetMAC, arpEther4, opReply, targetMAC, targetIP.AsSlice(), p.senderMAC, p.senderIP.AsSlice()}, nil)
}

// newShared has groups of two testers, as many as asked, and an asker.
func newShared(t *testing.T, b *board, groups int) *Shared {
	t.Helper()
	c := Config{Target: targetIP, PerWorld: 2, AliveWithin: 3 * time.Second}
	for n, ip := 0, targetIP.Next(); n <= 2*groups; n, ip = n+1, ip.Next() {
		c.Testers = append(c.Testers, ip)
	}
	s, err := NewShared(t.Context(), b, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newWorld(t *testing.T, s *Shared) target.World {
	t.Helper()
	w, err := s.New(t.Context(), target.Spec{Check: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWorldsSeeOnlyWhatConcernsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		s := newShared(t, b, 3)
		defer s.Close()
		one, two := newWorld(t, s), newWorld(t, s)
		mine, other, asker := one.Nets()[0].Testers[1], two.Nets()[0].Testers[0], s.pool.asker
		rested := s.pool.group(2)[0]
		payload := []byte{0x08, 0x00, 1, 2, 3}
		unicast := func(to net.HardwareAddr) []byte { return bytes.Join([][]byte{to, targetMAC, payload}, nil) }
		for _, row := range []struct {
			why      string
			frame    []byte
			one, two bool
		}{
			{"unicast to a tester of the first", unicast(mine.MAC), true, false},
			{"unicast to a tester of the second", unicast(other.MAC), false, true},
			{"unicast to a tester that rests", unicast(rested.MAC), false, false},
			{"unicast to the asker", unicast(asker.MAC), false, false},
			{"unicast to nobody is everybody's finding", unicast(net.HardwareAddr{2, 9, 9, 9, 9, 9}), true, true},
			{"broadcast", unicast(broadcast), true, true},
			{"multicast", unicast(net.HardwareAddr{1, 0, 0x5e, 0, 0, 1}), true, true},
			{"a frame without destination", []byte{1, 2, 3}, true, true},
			{"a broadcast request for the first", arpRequest(targetMAC, targetIP, mine.IP4), true, false},
			{"a broadcast request for one that rests", arpRequest(targetMAC, targetIP, rested.IP4), false, false},
			{"a broadcast request for the asker", arpRequest(targetMAC, targetIP, asker.IP4), false, false},
			{"a broadcast request for somebody else", arpRequest(targetMAC, targetIP, netip.MustParseAddr("192.0.2.200")), true, true},
		} {
			b.emit(row.frame)
			for n, w := range []target.World{one, two} {
				ev, err := w.Next(0)
				if want := []bool{row.one, row.two}[n]; (ev.Frame != nil) != want || err != nil {
					t.Errorf("%s: world %d sees %x, %v; want it to see the frame: %v", row.why, n+1, ev.Frame, err, want)
				}
			}
		}
	})
}

func TestTestersRestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared(t, newBoard(), 3)
		defer s.Close()
		first := newWorld(t, s)
		ip := first.Nets()[0].Testers[0].IP4
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got := newWorld(t, s).Nets()[0].Testers[0].IP4; got == ip {
				t.Errorf("%s was lent again before the others", ip)
			}
		}
		if got := newWorld(t, s).Nets()[0].Testers[0].IP4; got != ip {
			t.Errorf("the third world was lent %s, want %s again", got, ip)
		}
		_, err := s.New(t.Context(), target.Spec{Check: "arp.rx.request"})
		if want := "arp.rx.request: all testers are in use: the 6 addresses of the pool serve 3 worlds at once"; err == nil || err.Error() != want {
			t.Errorf("a fourth world: %v, want %q", err, want)
		}
	})
}

func TestSignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		s := newShared(t, b, 2)
		if got := newWorld(t, s).Nets()[0].Target.MAC; !bytes.Equal(got, targetMAC) {
			t.Errorf("the target's link address is %s, want %s", got, targetMAC)
		}
		w := newWorld(t, s)
		b.dead.Store(true)
		b.asked = 0
		err := w.Close()
		if want := "the target gives no sign of life: 192.0.2.1 has not answered 3 ARP requests in 3s"; !errors.Is(err, target.ErrDead) || err.Error() != want {
			t.Errorf("Close = %v, want %q", err, want)
		}
		if b.asked != 3 {
			t.Errorf("it was asked %d times", b.asked)
		}
		b.dead.Store(false)
		if err := s.Alive(t.Context()); err != nil {
			t.Errorf("once it lives again: %v", err)
		}
		b.dead.Store(true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if err := s.Alive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Alive = %v, want the context's end", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestNoTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		b.dead.Store(true)
		_, err := NewShared(t.Context(), b, Config{Target: targetIP, PerWorld: 1, AliveWithin: time.Second, Testers: []netip.Addr{targetIP.Next(), targetIP.Next().Next()}})
		if !errors.Is(err, target.ErrDead) {
			t.Errorf("NewShared = %v, want %v", err, target.ErrDead)
		}
		select {
		case <-b.closed:
		default:
			t.Error("the port was left open")
		}
	})
}

func TestWorldsLearnThatTheLinkIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		s := newShared(t, b, 2)
		before := newWorld(t, s)
		s.Close()
		after := newWorld(t, s)
		for _, w := range []target.World{before, after} {
			if _, err := w.Next(time.Hour); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("Next = %v, want %v", err, io.ErrClosedPipe)
			}
		}
	})
}

// A target that died is reset before the next world, and asked until it lives; what nobody can reset is gone.
func TestReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		s := newShared(t, b, 2)
		die := func() {
			w := newWorld(t, s)
			b.dead.Store(true)
			if err := w.Close(); !errors.Is(err, target.ErrDead) {
				t.Errorf("the check that killed the target: %v, want ErrDead", err)
			}
		}
		die()
		if _, err := s.New(t.Context(), target.Spec{}); !errors.Is(err, target.ErrGone) {
			t.Errorf("without a reset: %v, want ErrGone", err)
		}
		resets := 0
		s.config.ResetWithin = 30 * time.Second
		s.config.Reset = func(context.Context) error {
			resets++
			time.AfterFunc(10*time.Second, func() { b.dead.Store(false) })
			return nil
		}
		if err := newWorld(t, s).Close(); err != nil || resets != 1 {
			t.Errorf("after %d resets: %v", resets, err)
		}
		die()
		s.config.Reset = func(context.Context) error { resets++; return errors.New("no power") }
		if _, err := s.New(t.Context(), target.Spec{}); !errors.Is(err, target.ErrGone) || !strings.HasSuffix(err.Error(), "the reset failed: no power") {
			t.Errorf("a reset that fails: %v", err)
		}
		s.config.Reset = func(context.Context) error { return nil }
		if _, err := s.New(t.Context(), target.Spec{}); !errors.Is(err, target.ErrGone) {
			t.Errorf("a reset without effect: %v", err)
		}
		b.dead.Store(false)
		if err := newWorld(t, s).Close(); err != nil {
			t.Errorf("a target that came back by itself: %v", err)
		}
		s.Close()
	})
}

// A link that broke is opened anew.
func TestReopen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		s := newShared(t, b, 2)
		w := newWorld(t, s)
		b.Close() // the program behind the link has ended
		b.dead.Store(true)
		if err := w.Close(); !errors.Is(err, target.ErrDead) {
			t.Errorf("%v, want ErrDead", err)
		}
		again := newBoard()
		s.config.ResetWithin = time.Second
		s.config.Reopen = func(context.Context) (io.ReadWriteCloser, error) { return again, nil }
		w = newWorld(t, s)
		again.emit([]byte{2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8, 8, 0, 1})
		if ev, err := w.Next(time.Second); err != nil || len(ev.Frame) != 15 {
			t.Errorf("on the new link: %v, %v", ev, err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		s.Close()
	})
}
