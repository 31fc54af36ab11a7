package packet_test

import (
	"fmt"
	"testing"

	"github.com/conform-stack/conform/stack/packet"
)

func Example() {
	pool := packet.NewPool(packet.Limits{})
	p := pool.Copy(14, []byte("datagram"))
	copy(p.Prepend(6), "frame:")
	fmt.Printf("%s\n", p.Bytes())
	p.TrimFront(6)
	p.SetLen(4)
	fmt.Printf("%s, %d octets of headroom left\n", p.Bytes(), p.Headroom())
	p.Free()
	fmt.Println("in use:", pool.InUse())
	// Output:
	// frame:datagram
	// data, 14 octets of headroom left
	// in use: 0
}

func TestChargeIsByBuffers(t *testing.T) {
	for _, tt := range []struct{ octets, want int }{
		{0, 1}, {1, 1}, {127, 1}, {128, 1}, {129, 2}, {256, 2}, {257, 3}, {1500, 12}, {65535, 512},
	} {
		pool := packet.NewPool(packet.Limits{BufferSize: 128})
		p := pool.Get(64, tt.octets)
		if got := pool.BuffersInUse(); got != tt.want {
			t.Errorf("%d octets are charged %d buffers, want %d", tt.octets, got, tt.want)
		}
		p.Free()
		if pool.BuffersInUse() != 0 || pool.InUse() != 0 {
			t.Errorf("%d octets: %d buffers and %d packets in use after Free", tt.octets, pool.BuffersInUse(), pool.InUse())
		}
	}
}

func TestExhaustion(t *testing.T) {
	pool := packet.NewPool(packet.Limits{Packets: 2, Buffers: 13, BufferSize: 128})
	a := pool.Get(0, 1500) // 12 buffers
	if a == nil {
		t.Fatal("Get from a full pool = nil")
	}
	if pool.Get(0, 129) != nil {
		t.Error("Get beyond the buffers gave a packet")
	}
	b := pool.Get(0, 128)
	if b == nil {
		t.Error("Get of the last buffer = nil")
	}
	b.Free()
	b = pool.Get(0, 1)
	if pool.Get(0, 0) != nil {
		t.Error("Get beyond the packets gave a packet")
	}
	if pool.Failures() != 2 {
		t.Errorf("Failures() = %d, want 2", pool.Failures())
	}
	a.Free()
	b.Free()
	if pool.Get(0, packet.MaxLen+1) != nil {
		t.Error("Get beyond MaxLen gave a packet")
	}
}

func TestEverySizeClassHoldsItsSize(t *testing.T) {
	pool := packet.NewPool(packet.Limits{})
	for n := 0; n <= packet.MaxLen-64; n += 61 {
		p := pool.Get(64, n)
		if p.Len() != n || p.Headroom() != 64 {
			t.Fatalf("Get(64, %d) has %d octets and headroom %d", n, p.Len(), p.Headroom())
		}
		p.Prepend(64)
		p.Free()
	}
}

func TestScarce(t *testing.T) {
	pool := packet.NewPool(packet.Limits{Packets: 16, Buffers: 1000})
	var held []*packet.Packet
	for range 14 {
		p := pool.Get(0, 1)
		if p.Scarce() {
			t.Fatalf("scarce with %d of 16 in use", pool.InUse())
		}
		held = append(held, p)
	}
	if p := pool.Get(0, 1); !p.Scarce() {
		t.Error("not scarce with 15 of 16 in use")
	} else {
		p.Free()
	}
	for _, p := range held {
		p.Free()
	}
	if p := pool.Get(0, 110000/2); p == nil || p.Scarce() {
		t.Error("scarce with half of the buffers in use")
	} else {
		q := pool.Get(0, 60000)
		if !q.Scarce() {
			t.Error("not scarce with nearly all buffers in use")
		}
		p.Free()
		q.Free()
	}
}

func TestGrowIsCharged(t *testing.T) {
	pool := packet.NewPool(packet.Limits{Buffers: 3, BufferSize: 128})
	p := pool.Get(0, 100)
	if !p.Grow(256) || p.Len() != 256 || pool.BuffersInUse() != 2 {
		t.Errorf("grown to 256: length %d, %d buffers", p.Len(), pool.BuffersInUse())
	}
	if p.Grow(257) || p.Len() != 256 {
		t.Error("grew beyond its storage")
	}
	other := pool.Get(0, 1)
	if big := pool.Get(0, 1); big != nil || !p.Grow(200) || pool.BuffersInUse() != 3 {
		t.Error("shrinking gives nothing back before Free")
	}
	other.Free()
	p.Free()
	if pool.BuffersInUse() != 0 {
		t.Errorf("%d buffers in use at the end", pool.BuffersInUse())
	}
}

func TestFreeTwicePanics(t *testing.T) {
	p := packet.NewPool(packet.Limits{}).Get(0, 1)
	p.Free()
	defer func() {
		if recover() == nil {
			t.Error("the second Free did not panic")
		}
	}()
	p.Free()
}

func TestQueueKeepsOrder(t *testing.T) {
	pool := packet.NewPool(packet.Limits{})
	var q packet.Queue
	for i := range 5 {
		q.Push(pool.Copy(0, []byte{byte(i)}))
	}
	for i := range 3 {
		p := q.Pop()
		if p.Bytes()[0] != byte(i) {
			t.Errorf("packet %d of the queue is %d", i, p.Bytes()[0])
		}
		p.Free()
	}
	if n := q.Clear(); n != 2 || q.Pop() != nil || q.First() != nil || pool.InUse() != 0 {
		t.Errorf("Clear freed %d, %d packets in use", n, pool.InUse())
	}
}

func TestGetAllocatesNothing(t *testing.T) {
	pool := packet.NewPool(packet.Limits{})
	pool.Get(64, 100).Free()
	if n := testing.AllocsPerRun(100, func() { pool.Get(64, 100).Free() }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkGet(b *testing.B) {
	pool := packet.NewPool(packet.Limits{})
	b.ReportAllocs()
	for b.Loop() {
		pool.Get(64, 100).Free()
	}
	if pool.InUse() != 0 {
		b.Fatal("packets left")
	}
}
