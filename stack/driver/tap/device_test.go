package tap

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/clock/live"
	"github.com/conform-stack/conform/stack/driver"
)

// fake is a medium without a kernel.
type fake struct {
	frames chan []byte // to be read; closed: the interface fails
	closed chan struct{}
	wrote  []string
	refuse bool
}

func newFake() *fake { return &fake{frames: make(chan []byte), closed: make(chan struct{})} }

func (f *fake) Read(b []byte) (int, error) {
	select {
	case frame, ok := <-f.frames:
		if !ok {
			return 0, errors.New("the interface is gone")
		}
		return copy(b, frame), nil
	case <-f.closed:
		return 0, os.ErrClosed
	}
}

func (f *fake) Write(b []byte) (int, error) {
	if f.refuse {
		return 0, io.ErrShortWrite
	}
	f.wrote = append(f.wrote, string(b))
	return len(b), nil
}

func (f *fake) Close() error { close(f.closed); return nil }

// withDevice runs a test on a live loop in a bubble, and fails when a goroutine is left at its end.
func withDevice(t *testing.T, c Config, test func(t *testing.T, f *fake, d *Device, door Door)) {
	synctest.Test(t, func(t *testing.T) {
		loop := live.Start(clock.New())
		f := newFake()
		d := newDevice("tap0", f, c, loop.Do)
		test(t, f, d, loop.Do)
		loop.Do(func() {
			if err := d.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
			if err := d.Close(); err != nil {
				t.Errorf("the second Close = %v", err)
			}
		})
		d.Wait()
		loop.Close()
	})
}

func TestFramesAreReceivedInOrderOnTheLoop(t *testing.T) {
	withDevice(t, Config{Frames: 3}, func(t *testing.T, f *fake, d *Device, door Door) {
		f.frames <- []byte("early")
		synctest.Wait()
		var got, want []string
		door(func() { d.Start(driver.Frames(func(b []byte) { got = append(got, string(b)) })) })
		for i := range 20 {
			frame := fmt.Sprintf("frame %d", i)
			want = append(want, frame)
			f.frames <- []byte(frame)
		}
		synctest.Wait()
		door(func() {
			if !slices.Equal(got, want) {
				t.Errorf("received %q\nwant     %q", got, want)
			}
			if c := d.Counts(); c != (Counts{Received: 20, Early: 1}) {
				t.Errorf("counts %+v", c)
			}
		})
	})
}

// While the loop is busy the ring fills and the reader waits; nothing is lost.
func TestBusyLoopHoldsTheReader(t *testing.T) {
	withDevice(t, Config{Frames: 2}, func(t *testing.T, f *fake, d *Device, door Door) {
		var got []string
		door(func() { d.Start(driver.Frames(func(b []byte) { got = append(got, string(b)) })) })
		busy, read := make(chan struct{}), 0
		go door(func() { <-busy })
		synctest.Wait()
		for offered := true; offered; {
			select {
			case f.frames <- []byte{'a' + byte(read)}:
				read++
			default:
				offered = false
			}
			synctest.Wait()
		}
		if read != 2 {
			t.Errorf("%d frames read while the loop was busy, want the 2 of the ring", read)
		}
		close(busy)
		synctest.Wait()
		f.frames <- []byte("z")
		synctest.Wait()
		door(func() {
			if strings.Join(got, "") != "abz" {
				t.Errorf("received %q, want a, b, z", got)
			}
		})
	})
}

func TestLongFramesAreDropped(t *testing.T) {
	withDevice(t, Config{MTU: 100}, func(t *testing.T, f *fake, d *Device, door Door) {
		var got []int
		door(func() { d.Start(driver.Frames(func(b []byte) { got = append(got, len(b)) })) })
		for _, n := range []int{118, 119, 1000} { // 100 and the longest header, and beyond
			f.frames <- make([]byte, n)
		}
		synctest.Wait()
		door(func() {
			if c := d.Counts(); !slices.Equal(got, []int{118}) || c.TooLong != 2 {
				t.Errorf("received frames of %v octets, counts %+v", got, c)
			}
		})
	})
}

func TestSend(t *testing.T) {
	withDevice(t, Config{}, func(t *testing.T, f *fake, d *Device, door Door) {
		door(func() {
			f.refuse = true
			refused := d.Send([]byte("down"))
			f.refuse = false
			if !d.Send([]byte("up")) || !refused {
				t.Error("Send = false: it would wait for a Ready that never comes")
			}
			if c := d.Counts(); c != (Counts{Sent: 1, Unsent: 1}) || !slices.Equal(f.wrote, []string{"up"}) {
				t.Errorf("counts %+v, wrote %q", c, f.wrote)
			}
		})
	})
}

// Nothing is received after Close, though frames are on their way to the door.
func TestNothingAfterClose(t *testing.T) {
	withDevice(t, Config{Frames: 4}, func(t *testing.T, f *fake, d *Device, door Door) {
		door(func() {
			d.Start(driver.Frames(func(b []byte) { t.Errorf("received %q after Close", b) }))
		})
		door(func() {
			f.frames <- []byte("on its way") // the reader takes it and the carrier comes to the door, which is busy with this
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			if d.Send([]byte("late")); len(f.wrote) != 0 {
				t.Errorf("wrote %q after Close", f.wrote)
			}
		})
		d.Wait()
		door(func() {
			if d.Err() != nil {
				t.Errorf("Err after Close = %v", d.Err())
			}
		})
	})
}

// The handler may close the device while it has a frame of several.
func TestCloseWithinReceive(t *testing.T) {
	withDevice(t, Config{}, func(t *testing.T, f *fake, d *Device, door Door) {
		seen := 0
		door(func() {
			d.Start(driver.Frames(func(b []byte) {
				seen++
				if err := d.Close(); err != nil {
					t.Error(err)
				}
			}))
			f.frames <- []byte("one")
			f.frames <- []byte("two")
		})
		d.Wait()
		door(func() {
			if seen != 1 {
				t.Errorf("%d frames received, want the one that closed the device", seen)
			}
		})
	})
}

// listener is a station that hears of its carrier.
type listener struct {
	driver.Frames
	carrier []bool
}

func (l *listener) Carrier(on bool) { l.carrier = append(l.carrier, on) }

func TestFailureIsTold(t *testing.T) {
	withDevice(t, Config{}, func(t *testing.T, f *fake, d *Device, door Door) {
		l := &listener{Frames: func([]byte) {}}
		door(func() {
			d.Start(l)
			if !d.HasCarrier() {
				t.Error("no carrier on an interface that is there")
			}
		})
		close(f.frames)
		synctest.Wait()
		door(func() {
			if d.HasCarrier() || !slices.Equal(l.carrier, []bool{false}) {
				t.Errorf("an interface that is gone: carrier %v, told %v", d.HasCarrier(), l.carrier)
			}
			if err := d.Err(); err == nil || err.Error() != "the interface is gone" {
				t.Errorf("Err = %v", err)
			}
		})
	})
}

// A loop that ends before the device does not keep the goroutines.
func TestLoopEndsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := live.Start(clock.New())
		f := newFake()
		d := newDevice("tap0", f, Config{Frames: 1}, loop.Do)
		loop.Close()
		f.frames <- []byte("nobody is in")
		synctest.Wait()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		d.Wait()
	})
}

func TestConfigIsChecked(t *testing.T) {
	_, err := Open(Config{MTU: -1, Frames: -1, Persist: true}, nil)
	if want := "tap: MTU is negative\ntap: Frames is negative\ntap: an interface that persists needs a Name"; err == nil || err.Error() != want {
		t.Errorf("Open = %v\nwant %s", err, want)
	}
	if _, err := Open(Config{Name: strings.Repeat("x", 16)}, nil); err == nil || !strings.Contains(err.Error(), "15 octets") {
		t.Errorf("Open of a long name = %v", err)
	}
}
