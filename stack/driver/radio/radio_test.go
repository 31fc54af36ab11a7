package radio_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/radio"
)

type net struct {
	t    *testing.T
	loop *clock.Loop
	*radio.Medium
	log []string
}

func newNet(t *testing.T, c radio.Config) *net {
	l := clock.New()
	if c.Random == nil {
		c.Random = rand.New(rand.NewPCG(1, 2))
	}
	n := &net{t: t, loop: l, Medium: radio.New(l, c)}
	t.Cleanup(func() { _ = n.Close() })
	return n
}

// at adds a station whose frames are logged as name<frame@instant.
func (n *net) at(name string, x float64) *radio.Station {
	s := n.Station(x, 0)
	s.Start(driver.Frames(func(b []byte) {
		n.log = append(n.log, fmt.Sprintf("%s<%s@%v", name, b, n.loop.Now()))
	}))
	return s
}

// send has a station send at an instant.
func (n *net) send(at time.Duration, s *radio.Station, frame string) {
	n.loop.NewTimer(func() { s.Send([]byte(frame)) }).Set(at)
}

func (n *net) want(why string, want ...string) {
	n.t.Helper()
	if err := n.loop.Run(time.Second); err != nil {
		n.t.Fatal(err)
	}
	if !slices.Equal(n.log, want) {
		n.t.Errorf("%s: received %q, want %q", why, n.log, want)
	}
}

const us = time.Microsecond

func TestEverybodyHearsAtTheEnd(t *testing.T) {
	n := newNet(t, radio.Config{})
	a, _, _ := n.at("a", 0), n.at("b", 1), n.at("c", 2)
	if d := a.Airtime(4); d != 320*us {
		t.Errorf("four octets and six before them take %v", d)
	}
	n.send(us, a, "four")
	n.want("all but the sender, after the airtime", "b<four@321µs", "c<four@321µs")
}

func TestCollisions(t *testing.T) {
	for _, tt := range []struct {
		why    string
		a, c   time.Duration // when each sends 10 octets, 512 us of air, to b between them
		want   []string
		middle uint64 // collisions
	}{
		{"one after the other", us, 514 * us, []string{"b<aaaaaaaaaa@513µs", "b<cccccccccc@1.026ms"}, 0},
		{"overlap by 1 us", us, 512 * us, nil, 2},
		{"at once", us, us, nil, 2},
	} {
		t.Run(tt.why, func(t *testing.T) {
			n := newNet(t, radio.Config{Range: 1}) // a and c are hidden from each other
			a, _, c := n.at("a", 0), n.at("b", 1), n.at("c", 2)
			n.send(tt.a, a, "aaaaaaaaaa")
			n.send(tt.c, c, "cccccccccc")
			n.want(tt.why, tt.want...)
			if got := n.Counts().Collided; got != tt.middle {
				t.Errorf("%d collided, want %d", got, tt.middle)
			}
		})
	}
}

func TestSendingIsDeaf(t *testing.T) {
	n := newNet(t, radio.Config{})
	a, b := n.at("a", 0), n.at("b", 0)
	n.send(us, a, "first")
	n.send(2*us, b, "other")
	n.want("neither hears while it sends")
}

func TestOneFrameAtATime(t *testing.T) {
	n := newNet(t, radio.Config{})
	a := n.at("a", 0)
	n.at("b", 0)
	ready := 0
	a.Start(readies{&ready})
	n.loop.NewTimer(func() {
		if !a.Send([]byte("x")) || a.Send([]byte("y")) {
			t.Error("the second frame was taken while the first was on the air")
		}
		if !a.Busy(0) {
			t.Error("a station that sends finds the channel clear")
		}
	}).Set(us)
	n.want("the first", "b<x@225µs")
	if ready != 1 {
		t.Errorf("told %d times that there is room, want once", ready)
	}
}

type readies struct{ n *int }

func (readies) Receive([]byte) {}
func (r readies) Ready()       { *r.n++ }

// Clear channel assessment sees what was on the air during the time that it looks back.
func TestBusy(t *testing.T) {
	n := newNet(t, radio.Config{Range: 1})
	a, b, far := n.at("a", 0), n.at("b", 1), n.at("far", 5)
	n.send(100*us, a, "four") // to 420 us
	for _, tt := range []struct {
		at   time.Duration
		s    *radio.Station
		want bool
	}{
		{99 * us, b, false}, {101 * us, b, true}, {101 * us, a, true}, {101 * us, far, false},
		{421 * us, b, true}, {421 * us, a, true}, {547 * us, b, true}, {548 * us, b, false}, {548 * us, a, false},
	} {
		n.loop.NewTimer(func() {
			if got := tt.s.Busy(128 * us); got != tt.want {
				t.Errorf("at %v: busy %v, want %v", tt.at, got, tt.want)
			}
		}).Set(tt.at)
	}
	n.want("b", "b<four@420µs")
}

func TestChannels(t *testing.T) {
	n := newNet(t, radio.Config{})
	a, b, c := n.at("a", 0), n.at("b", 0), n.at("c", 0)
	tune := func(at time.Duration, s *radio.Station, ch int) {
		n.loop.NewTimer(func() {
			if err := s.Tune(ch); err != nil {
				t.Error(err)
			}
		}).Set(at)
	}
	tune(us, b, 11)
	n.send(2*us, a, "26")
	tune(5*us, c, 11) // away in the middle of a frame
	tune(6*us, c, 26) // and back, too late for it, though it is on the air
	n.loop.NewTimer(func() {
		if !c.Busy(0) || b.Busy(0) {
			t.Errorf("busy: %v on the channel, %v on another one", c.Busy(0), b.Busy(0))
		}
	}).Set(7 * us)
	tune(400*us, a, 11)
	n.send(401*us, a, "11")
	n.want("who is tuned all the time", "b<11@657µs")
	for _, ch := range []int{10, 27, 0, -1} {
		if a.Tune(ch) == nil {
			t.Errorf("channel %d was taken", ch)
		}
	}
}

func TestPathsAndPower(t *testing.T) {
	n := newNet(t, radio.Config{Range: 10})
	a, b, c := n.at("a", 0), n.at("b", 15), n.at("c", 5)
	n.send(us, a, "1")
	n.loop.NewTimer(func() {
		if a.SetPower(6) != nil || a.SetPower(21) == nil {
			t.Error("power")
		}
	}).Set(time.Millisecond)
	n.send(2*time.Millisecond, a, "2")
	n.loop.NewTimer(func() { n.SetPath(a, c, &radio.Path{Off: true}); n.SetPath(a, b, &radio.Path{Loss: 1}) }).Set(3 * time.Millisecond)
	n.send(4*time.Millisecond, a, "3")
	n.want("range, twice the range, none", "c<1@225µs", "b<2@2.224ms", "c<2@2.224ms")
	if got := n.Counts(); got.Lost != 1 || got.Sent != 3 || got.Received != 3 {
		t.Errorf("%+v", got)
	}
	if q := c.LQI(); q < 200 {
		t.Errorf("LQI %d of a station that is near", q)
	}
}

func TestLossAndDamage(t *testing.T) {
	n := newNet(t, radio.Config{Loss: 0.25, Damage: 0.25})
	a := n.Station(0, 0)
	whole, damaged := 0, 0
	n.Station(0, 0).Start(driver.Frames(func(b []byte) {
		if string(b) == "twelve bytes" {
			whole++
		} else {
			damaged++
		}
	}))
	for k := range 400 {
		n.send(time.Duration(k+1)*time.Millisecond, a, "twelve bytes")
	}
	n.want("nothing is logged")
	if got := n.Counts(); got.Lost < 60 || got.Lost > 140 || damaged < 40 || damaged > 110 || got.Damaged != uint64(damaged) ||
		whole+damaged+int(got.Lost) != 400 {
		t.Errorf("%+v, %d whole, %d damaged", got, whole, damaged)
	}
}

func TestCloseInTheMiddle(t *testing.T) {
	n := newNet(t, radio.Config{})
	a, b := n.at("a", 0), n.at("b", 0)
	n.at("c", 0)
	n.send(us, a, "x")
	n.loop.NewTimer(func() { _ = a.Close() }).Set(10 * us)
	n.send(20*us, b, "y")
	n.want("a frame that is cut off disturbs nobody later", "c<y@244µs")
	if b.Busy(0) {
		t.Error("the channel stays busy")
	}
}

func TestNoAllocations(t *testing.T) {
	l := clock.New()
	m := radio.New(l, radio.Config{})
	a := m.Station(0, 0)
	m.Station(0, 0).Start(driver.Frames(func([]byte) {}))
	frame := make([]byte, radio.MaxFrame)
	if n := testing.AllocsPerRun(100, func() {
		a.Send(frame)
		if err := l.Run(l.Now() + 10*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if m.Counts().Received == 0 {
		t.Error("nothing was received")
	}
}
