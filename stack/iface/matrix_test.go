package iface_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
)

// shape is one cell of the matrix: numbers of classes, a table, and which directions have a class that is not queued.
type shape struct {
	rx, tx         int
	m              iface.ClassMap
	skipRx, skipTx bool
}

func (s shape) String() string {
	name := fmt.Sprintf("rx=%d/tx=%d/%s", s.rx, s.tx, mapNames[s.m])
	if s.skipRx {
		name += "/skiprx"
	}
	if s.skipTx {
		name += "/skiptx"
	}
	return name
}

// cells is the matrix: none, the same number, one against many, and mixed ones, by each table.
func cells() (all []shape) {
	var counts [][2]int
	for n := range 9 {
		counts = append(counts, [2]int{n, n}, [2]int{n, 1}, [2]int{1, n}, [2]int{0, n}, [2]int{n, 0})
	}
	counts = append(counts, [][2]int{{2, 3}, {3, 8}, {8, 4}, {7, 5}, {6, 2}, {8, 7}}...)
	seen := map[shape]bool{}
	for _, c := range counts {
		for m := range mapNames {
			for skip := range 4 {
				s := shape{c[0], c[1], m, skip&1 != 0, skip&2 != 0}
				if s.skipRx && s.rx == 8 || s.skipTx && s.tx == 8 || seen[s] {
					continue
				}
				seen[s] = true
				all = append(all, s)
			}
		}
	}
	return all
}

// busy is an interface under load both ways: a wire on which each frame takes a millisecond, and a millisecond for each
// packet received. It knows what waits, by itself, and looks at each packet that gets its turn.
type busy struct {
	*iface.Iface
	t     *testing.T
	shape shape
	loop  *clock.Loop
	// By direction, 0 received and 1 sent, and by class.
	waits, offered, gone, turned [2][iface.MaxClasses]int
}

const (
	received = 0
	sent     = 1
	frameLen = 125 // a millisecond at 1 Mbit/s
)

func (b *busy) classOf(way int, frame []byte) int {
	n, skip := b.shape.rx, b.shape.skipRx
	if way == sent {
		n, skip = b.shape.tx, b.shape.skipTx
	}
	if skip {
		n++
	}
	return b.shape.m.Class(n, frame[0]-'0')
}

// turn says that a packet is processed, or taken by the device. Nothing of a higher class may wait.
func (b *busy) turn(way int, frame []byte) {
	class := b.classOf(way, frame)
	for c := class + 1; c < iface.MaxClasses; c++ {
		if b.waits[way][c] > 0 {
			b.t.Errorf("at %v, way %d: a packet of class %d has its turn while %d of class %d wait", b.loop.Now(), way, class, b.waits[way][c], c)
		}
	}
	b.waits[way][class]--
	b.gone[way][class]++
}

// offer brings a packet of a priority, one way.
func (b *busy) offer(way int, priority uint8) {
	frame := make([]byte, frameLen)
	frame[0] = '0' + priority
	class := b.classOf(way, frame)
	b.offered[way][class]++
	b.waits[way][class]++
	var counters *stats.Class
	if way == received {
		counters = &b.Stats.TC.Received[class]
	} else {
		counters = &b.Stats.TC.Sent[class]
	}
	before := counters.Dropped
	if way == received {
		b.Receive(frame)
	} else {
		p := b.TxPool.Copy(0, frame)
		p.Priority = priority
		b.Transmit(p)
	}
	if counters.Dropped != before {
		b.waits[way][class]--
		b.turned[way][class]++
	}
}

// onWire is the device: the wire, watched.
type onWire struct {
	driver.Device
	b *busy
}

func (w onWire) Send(frame []byte) bool {
	if !w.Device.Send(frame) {
		return false
	}
	w.b.turn(sent, frame)
	return true
}

type watched struct {
	bare
	b *busy
}

func (w *watched) Input(p *packet.Packet) {
	w.b.turn(received, p.Bytes())
	p.Free()
}

func newBusy(t *testing.T, s shape) *busy {
	b := &busy{t: t, shape: s, loop: clock.New()}
	near, far := wire.New(b.loop, wire.Config{BitRate: 1_000_000, Sending: 1})
	far.Start(driver.Frames(func([]byte) {}))
	rx, tx := packet.NewPool(packet.Limits{}), packet.NewPool(packet.Limits{})
	b.Iface = iface.New(1, "test0", b.loop, onWire{near, b}, rx, tx, new(stats.Node), iface.Config{
		Map: s.m, RxClasses: s.rx, TxClasses: s.tx, SkipHighRx: s.skipRx, SkipHighTx: s.skipTx,
		Slots: 5, PacketCost: time.Millisecond,
	})
	l2 := &watched{b: b}
	l2.iface = b.Iface
	b.SetLink(l2)
	b.SetUp(true)
	t.Cleanup(func() {
		b.Close()
		if n := rx.InUse() + tx.InUse(); n != 0 {
			t.Errorf("%d packets left in use", n)
		}
	})
	return b
}

func (b *busy) run(until time.Duration) {
	if err := b.loop.Run(until); err != nil {
		b.t.Fatal(err)
	}
}

// account says that the counters tell what happened, and that nothing was lost on the way.
func (b *busy) account() {
	for c := range iface.MaxClasses {
		for way, counted := range [2]*stats.Class{&b.Stats.TC.Received[c], &b.Stats.TC.Sent[c]} {
			if int(counted.Packets) != b.gone[way][c] || int(counted.Dropped) != b.turned[way][c] || counted.Bytes != counted.Packets*frameLen {
				b.t.Errorf("way %d, class %d: counted %d through and %d dropped, %d octets; want %d and %d",
					way, c, counted.Packets, counted.Dropped, counted.Bytes, b.gone[way][c], b.turned[way][c])
			}
			if b.gone[way][c]+b.turned[way][c] != b.offered[way][c] || b.waits[way][c] != 0 {
				b.t.Errorf("way %d, class %d: %d offered, %d through, %d dropped", way, c, b.offered[way][c], b.gone[way][c], b.turned[way][c])
			}
		}
	}
}

// No packet of a lower class has its turn while one of a higher class waits, in any shape, with twice the load that wire
// and processor can take, of all priorities, both ways at once.
func TestStrictPriorityMatrix(t *testing.T) {
	for _, s := range cells() {
		t.Run(s.String(), func(t *testing.T) {
			b := newBusy(t, s)
			rng := rand.New(rand.NewPCG(1, uint64(s.rx<<8|s.tx)))
			for at := time.Duration(0); at < 200*time.Millisecond; at += time.Duration(rng.Int64N(int64(time.Millisecond))) {
				b.run(at)
				for way := range 2 {
					b.offer(way, uint8(rng.IntN(8)))
				}
			}
			b.run(10 * time.Second)
			b.account()
			full := stats.Total(&b.Stats.TC.Sent).Dropped
			if full == 0 {
				t.Error("nothing to send was dropped: the queues were never full")
			}
			if rx := stats.Total(&b.Stats.TC.Received).Dropped; rx == 0 && s.rx > 0 {
				t.Error("nothing received was dropped: the queues were never full")
			}
		})
	}
}

// With the highest class alone filling wire and processor, the lowest gets nothing, and the counters say so.
func TestLowClassStarves(t *testing.T) {
	for _, s := range cells() {
		if s.rx < 2 || s.tx < 2 {
			continue
		}
		t.Run(s.String(), func(t *testing.T) {
			b := newBusy(t, s)
			find := func(way, class int) (priority uint8) {
				for b.classOf(way, []byte{'0' + priority}) != class {
					priority++
				}
				return priority
			}
			rx, tx := b.Classes()
			high := [2]uint8{find(received, rx-1), find(sent, tx-1)}
			low := [2]uint8{find(received, 0), find(sent, 0)}
			const seconds = 1
			for k := range seconds * 1000 {
				b.run(time.Duration(k) * time.Millisecond)
				for way := range 2 {
					b.offer(way, high[way])
					b.offer(way, low[way])
				}
			}
			for way, of := range [2]*[iface.MaxClasses]stats.Class{&b.Stats.TC.Received, &b.Stats.TC.Sent} {
				top := [2]int{rx - 1, tx - 1}[way]
				if n := of[0].Packets; n > 1 { // one may have been first
					t.Errorf("way %d: %d packets of the lowest class got their turn", way, n)
				}
				if n := of[0].Dropped; n < seconds*1000-10 {
					t.Errorf("way %d: %d packets of the lowest class were dropped, want nearly all of %d", way, n, seconds*1000)
				}
				if n := of[top].Packets; n < seconds*1000-10 {
					t.Errorf("way %d: %d packets of the highest class got their turn, want nearly all of %d", way, n, seconds*1000)
				}
			}
			b.run(10 * time.Second)
			b.account()
		})
	}
}

// The class that is not queued is processed, and given to the device, within the call; while the device is full it waits
// like any other, and goes first.
func TestHighestClassInTheCallersContext(t *testing.T) {
	b := newBusy(t, shape{rx: 2, tx: 2, skipRx: true, skipTx: true})
	b.offer(received, 0)
	b.offer(received, 7)
	if got := b.gone[received]; got[2] != 1 || got[0] != 0 {
		t.Errorf("processed within Receive, by class: %v", got)
	}
	b.offer(sent, 7)
	if got := b.gone[sent]; got[2] != 1 {
		t.Errorf("taken by the device within Transmit, by class: %v", got)
	}
	b.offer(sent, 0)
	b.offer(sent, 7)
	if got := b.gone[sent]; got[2] != 1 {
		t.Errorf("taken by a device that is full: %v", got)
	}
	if _, tx := b.Queued(); tx != 2 {
		t.Errorf("%d packets wait for the device, want 2", tx)
	}
	b.run(time.Millisecond)
	if got := b.gone[sent]; got[2] != 2 || got[0] != 0 {
		t.Errorf("taken when the device had room, by class: %v", got)
	}
	b.run(time.Second)
	b.account()
	if n := b.Stats.Link.Restarts; n != 2 {
		t.Errorf("%d restarts of the device, want 2", n)
	}
}

// A slot is counted for each class, and the class that is not queued has as many.
func TestSlotsOfEachClass(t *testing.T) {
	b := newBusy(t, shape{rx: 3, tx: 3, skipTx: true})
	for range 20 {
		for priority := range uint8(8) {
			b.offer(received, priority)
			b.offer(sent, priority)
		}
	}
	if rx, tx := b.Queued(); rx != 3*5 || tx != 4*5 {
		t.Errorf("%d received packets and %d to send wait, want 15 and 20", rx, tx)
	}
	b.run(time.Second)
	b.account()
}

func TestClassPriority(t *testing.T) {
	b := newBusy(t, shape{rx: 2, tx: 4})
	b.offer(received, 5)
	b.offer(received, 4)
	b.offer(sent, 3)
	if rx, _ := b.ClassPriority(1); rx != 4 {
		t.Errorf("the latest priority of received class 1 is %d, want 4", rx)
	}
	if _, tx := b.ClassPriority(1); tx != 3 {
		t.Errorf("the latest priority of sent class 1 is %d, want 3", tx)
	}
	b.run(time.Second)
}
