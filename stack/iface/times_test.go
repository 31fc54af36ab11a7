package iface_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
)

// keeping is a link layer that keeps packets, as a socket does until they are read.
type keeping struct {
	bare
	kept packet.Queue
}

func (k *keeping) Input(p *packet.Packet) {
	k.iface.Waits(p)
	k.kept.Push(p)
}

func intervals(v ...time.Duration) (all [4]stats.Interval) {
	for k, d := range v {
		all[k] = stats.Interval{Sum: uint64(d), Count: 1}
	}
	return all
}

const ms = time.Millisecond

// Three packets at once, a millisecond each, read at 10 ms; and three to a wire that takes a millisecond for each octet.
func TestProcessingTimes(t *testing.T) {
	on := iface.Times{On: true, Detail: true}
	f := newFixture(t, iface.Config{
		RxClasses: 3, TxClasses: 3, Slots: 9, PacketCost: ms, RxTimes: on, TxTimes: on,
	}, wire.Config{BitRate: 8000, Sending: 1})
	l2 := &keeping{}
	l2.iface = f.Iface
	f.SetLink(l2)
	f.RxPool.Now, f.TxPool.Now = f.loop.Now, f.loop.Now
	for _, s := range []string{"0", "4", "7"} { // classes 0, 1, 2
		f.Receive([]byte(s))
	}
	f.send("0a", "4b", "7c") // 2 ms each
	f.loop.Run(10 * ms)
	for p := l2.kept.Pop(); p != nil; p = l2.kept.Pop() {
		f.Given(p)
		p.Free()
	}
	rx, tx := &f.Stats.TC.Received, &f.Stats.TC.Sent
	for k, wait := range []time.Duration{2 * ms, 1 * ms, 0} { // the highest first
		if want := intervals(0, wait, 0, 10*ms-wait); rx[k].Detail != want {
			t.Errorf("received class %d: %+v, want %+v", k, rx[k].Detail, want)
		}
		if want := (stats.Interval{Sum: uint64(10 * ms), Count: 1}); rx[k].Time != want {
			t.Errorf("received class %d: in all %+v, want %+v", k, rx[k].Time, want)
		}
		if want := intervals(0, 2*wait, 0); tx[k].Detail != want {
			t.Errorf("sent class %d: %+v, want %+v", k, tx[k].Detail, want)
		}
		if want := (stats.Interval{Sum: uint64(2 * wait), Count: 1}); tx[k].Time != want {
			t.Errorf("sent class %d: in all %+v, want %+v", k, tx[k].Time, want)
		}
	}
}

func TestTimesAreOffAndWithoutDetail(t *testing.T) {
	for _, tt := range []struct {
		times    iface.Times
		in, each uint64 // how many are counted
	}{
		{iface.Times{}, 0, 0},
		{iface.Times{On: true}, 1, 0},
		{iface.Times{On: true, Detail: true}, 1, 1},
	} {
		f := newFixture(t, iface.Config{RxTimes: tt.times, TxTimes: tt.times}, wire.Config{})
		l2 := &counting{}
		l2.iface = f.Iface
		f.SetLink(l2)
		f.Receive([]byte("0"))
		f.send("0")
		f.loop.Run(0)
		for _, c := range []stats.Class{f.Stats.TC.Received[0], f.Stats.TC.Sent[0]} {
			if c.Time.Count != tt.in || c.Detail[0].Count != tt.each {
				t.Errorf("%+v: %d counted, in detail %d", tt.times, c.Time.Count, c.Detail[0].Count)
			}
		}
	}
}
