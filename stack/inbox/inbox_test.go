package inbox_test

import (
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/inbox"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
)

func TestInboxIsARingWithABound(t *testing.T) {
	pool := packet.NewPool(packet.Limits{})
	var s stats.Node
	var b inbox.Inbox
	b.Init(10, &s)
	ready := 0
	b.Ready = func() { ready++ }
	put := func(c byte, n int) {
		p := pool.Get(0, n)
		p.Bytes()[0] = c
		b.Put(inbox.Received{Packet: p})
	}
	next := byte(0)
	for i := range byte(30) { // goes round the ring several times while it grows
		put(i, 2)
		reads := 0
		switch {
		case b.Waiting() == 5: // full: empty it
			reads = 5
		case i%3 == 2:
			reads = 1
		}
		for range reads {
			r, ok := b.Recv()
			if !ok || r.Packet.Bytes()[0] != next {
				t.Fatalf("read %v, want %d", r.Packet.Bytes(), next)
			}
			next++
			r.Packet.Free()
		}
	}
	if s.Dropped() != 0 || ready != 30 {
		t.Errorf("%d dropped within the bound, told ready %d times", s.Dropped(), ready)
	}
	b.Close()
	b.Init(10, &s)
	put(1, 100) // one always has room
	put(2, 1)
	if b.Waiting() != 1 || s.Drops[stats.SocketFull] != 1 {
		t.Errorf("%d wait, %d dropped beyond the bound; want 1 and 1", b.Waiting(), s.Drops[stats.SocketFull])
	}
	b.Close()
	put(3, 1)
	if pool.InUse() != 0 || b.Waiting() != 0 {
		t.Errorf("%d packets in use after Close", pool.InUse())
	}
}

func TestFailuresAreBounded(t *testing.T) {
	var s stats.Node
	var b inbox.Inbox
	b.Init(1, &s)
	peer := netip.MustParseAddrPort("192.0.2.1:7")
	for range 100 {
		b.Fail(&ip.Error{Fate: ip.PortUnreachable}, peer, nil)
	}
	n := 0
	for f, ok := b.Failure(); ok; f, ok = b.Failure() {
		if n++; f.Err != errno.ECONNREFUSED || f.Peer != peer {
			t.Errorf("failure %+v", f)
		}
	}
	if n != 16 || b.Failed() {
		t.Errorf("%d failures kept, want 16", n)
	}
}

// With Recording each failure is kept twice: once to be told, once to be read with what it was about.
func TestRecordsAreKeptBesideFailures(t *testing.T) {
	var s stats.Node
	var b inbox.Inbox
	b.Init(1, &s)
	ready := 0
	b.Ready = func() { ready++ }
	data := []byte("data")
	b.Fail(&ip.Error{Fate: ip.PortUnreachable}, netip.AddrPort{}, data)
	if b.Recorded() {
		t.Error("a record that nobody asked for")
	}
	b.Recording = true
	for range 20 {
		b.Fail(&ip.Error{Fate: ip.TooBig, MTU: 1400}, netip.AddrPort{}, data)
	}
	data[0] = 'x'
	n := 0
	for f, ok := b.Record(); ok; f, ok = b.Record() {
		if n++; f.Err != errno.EMSGSIZE || f.MTU != 1400 || string(f.Data) != "data" {
			t.Errorf("record %+v", f)
		}
	}
	if f, _ := b.Failure(); n != 16 || ready != 17 || f.Err != errno.ECONNREFUSED || f.Data != nil {
		t.Errorf("%d records, told %d times, the first failure %+v; want 16, 17, ECONNREFUSED without data", n, ready, f)
	}
	b.Fail(&ip.Error{Fate: ip.TooBig}, netip.AddrPort{}, nil)
	b.Close()
	if b.Recorded() || b.Failed() {
		t.Error("something is left after Close")
	}
}

func TestFirstStaysWhereItIs(t *testing.T) {
	pool := packet.NewPool(packet.Limits{})
	var b inbox.Inbox
	b.Init(100, new(stats.Node))
	if b.First() != nil {
		t.Error("something waits in an empty inbox")
	}
	b.Put(inbox.Received{Packet: pool.Copy(0, []byte("a"))})
	b.Put(inbox.Received{Packet: pool.Copy(0, []byte("b"))})
	for range 2 {
		if r := b.First(); string(r.Packet.Bytes()) != "a" || b.Waiting() != 2 {
			t.Errorf("the first is %q of %d", r.Packet.Bytes(), b.Waiting())
		}
	}
	b.Read()
	if r, ok := b.Recv(); !ok || string(r.Packet.Bytes()) != "b" || b.First() != nil {
		t.Error("the second is not the first when that has been read")
	} else {
		r.Packet.Free()
	}
	if n := pool.InUse(); n != 0 {
		t.Errorf("%d packets in use", n)
	}
	b.Close()
}
