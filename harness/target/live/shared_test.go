package live

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
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

	addresses6 []string // of IPv6, for which it answers
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
	if p := (&ethernet{}).read(f); p.about == targetIP {
		b.asked++
		if !b.dead.Load() {
			b.emit(arpReplyTo(p))
		}
	}
	if p := (&ethernet{}).read(f); slices.Contains(b.addresses6, p.about.String()) {
		env := packet.Env{Local: target.Host{MAC: targetMAC, IP6: p.about, LinkLocal: p.about}, Peer: target.Host{MAC: net.HardwareAddr(f[6:12]), IP6: netip.AddrFrom16([16]byte(f[22:38]))}, Network: ipv6.Proto}
		b.emit(ndp.Advert(ndp.NATarget.Is(p.about), ndp.Solicited.Is(1)).Build(env))
	}
	return len(f), nil
}

func (b *board) Close() error { b.once.Do(func() { close(b.closed) }); return nil }

func (b *board) emit(f []byte) { b.toHarness <- f }

func arpReplyTo(p reading) []byte {
	return bytes.Join([][]byte{p.from, targetMAC, arpEther4, opReply, targetMAC, targetIP.AsSlice(), p.from, p.of.AsSlice()}, nil)
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
		rested := s.pool.testers[4]
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

// A world is lent testers of which the target has not heard, or those that have rested longest when only those are left that
// are kept for checks about strangers.
func TestTestersRestInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShared(t, newBoard(), 3) // testers 0 to 5, two a world
		defer s.Close()
		lent := func() (target.World, string) {
			w := newWorld(t, s)
			return w, fmt.Sprint(w.(*world).testers)
		}
		use := func(want string, speaks ...int) {
			t.Helper()
			w, got := lent()
			if got != want {
				t.Errorf("testers %s are lent, want %s", got, want)
			}
			for _, n := range speaks {
				h := w.Nets()[0].Testers[n]
				if err := w.Send(0, arpRequest(h.MAC, h.IP4, targetIP)); err != nil {
					t.Error(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Error(err)
			}
		}
		use("[0 1]", 0) // the other one is as good as new
		use("[1 2]")
		use("[1 2]", 1)    // two are known now
		use("[1 0]", 0, 1) // three strangers are kept
		use("[2 1]", 0)
		use("[0 2]", 1)
		stranger := func() (target.World, error) {
			return s.New(t.Context(), target.Spec{Check: "arp.table", Strangers: true})
		}
		w, err := stranger()
		if err != nil || fmt.Sprint(w.(*world).testers) != "[3 4 5]" || w.Nets()[0].Unused4 != s.pool.testers[5].IP4 || len(w.Nets()[0].Testers) != 2 {
			t.Fatal(w, err)
		}
		if err := w.Send(0, arpRequest(s.pool.testers[4].MAC, s.pool.testers[3].IP4, targetIP)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := stranger(); !errors.Is(err, target.ErrKnown) {
			t.Errorf("one stranger is left, and three are wanted: %v", err)
		}
		a, first := lent()
		b, second := lent()
		_, third := lent()
		if first != "[1 0]" || second != "[2 3]" || third != "[5 4]" { // the last stranger, where there is nobody else
			t.Errorf("lent %s, %s and %s", first, second, third)
		}
		_, err = s.New(t.Context(), target.Spec{Check: "arp.rx.request"})
		if want := "arp.rx.request: all testers are in use: the 6 addresses of the pool serve 3 worlds at once"; err == nil || err.Error() != want {
			t.Errorf("a fourth world: %v, want %q", err, want)
		}
		_, _ = a.Close(), b.Close()
	})
}

// The target asks for a tester that no frame has named: its agent was told of it.
func TestTargetMeetsATester(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		s := newShared(t, b, 3)
		defer s.Close()
		w := newWorld(t, s)
		b.emit(arpRequest(targetMAC, targetIP, w.Nets()[0].Testers[0].IP4))
		if ev, err := w.Next(time.Second); err != nil || ev.Frame == nil {
			t.Fatal(ev, err)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		if got := fmt.Sprint(newWorld(t, s).(*world).testers); got != "[1 2]" {
			t.Errorf("testers %s are lent, want [1 2]", got)
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

// A target that has not all the addresses that it is said to have is told apart from one that is dead.
func TestMissingAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct{ has, want string }{
			{"", "the target has 192.0.2.1, but not 2001:db8::1, which it is said to have: the target gives no sign of life: 2001:db8::1 has not answered 3 Neighbor Solicitations in 3s"},
			{"2001:db8::1", "the target has 192.0.2.1, but not fe80::ff:fe00:77, which it is said to have: the target gives no sign of life: fe80::ff:fe00:77 has not answered 3 Neighbor Solicitations in 3s"},
			{"2001:db8::1 fe80::ff:fe00:77", "<nil>"},
		} {
			b := newBoard()
			b.addresses6 = strings.Fields(row.has)
			s, err := NewShared(t.Context(), b, Config{
				Target: targetIP, PerWorld: 1, AliveWithin: 3 * time.Second, Testers: []netip.Addr{targetIP.Next(), targetIP.Next().Next()},
				Target6: netip.MustParseAddr("2001:db8::1"), Prefix6: netip.MustParsePrefix("2001:db8::/64"),
			})
			if fmt.Sprint(err) != row.want {
				t.Errorf("with %q: %v\nwant %s", row.has, err, row.want)
			}
			if s != nil {
				s.Close()
			}
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

// A run does not wait for a target that is gone once more for each check.
func TestGoneForGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		s := newShared(t, b, 2)
		w := newWorld(t, s)
		b.dead.Store(true)
		_ = w.Close()
		resets := 0
		s.config.ResetWithin = 30 * time.Second
		s.config.Reset = func(context.Context) error { resets++; return nil }
		began := time.Now()
		for range 100 {
			if _, err := s.New(t.Context(), target.Spec{}); !errors.Is(err, target.ErrGone) {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); resets != revivals || took > 3*time.Minute {
			t.Errorf("%d resets in %v", resets, took)
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
		s.config.ResetWithin = 5 * time.Second
		refused := 2 // it takes a moment until the target is there again
		s.config.Reopen = func(context.Context) (io.ReadWriteCloser, error) {
			if refused--; refused >= 0 {
				return nil, errors.New("connection refused")
			}
			return again, nil
		}
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
