package tcp_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/fault"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp"
)

func TestSegmentsAllocateNothing(t *testing.T) {
	for name, c := range map[string]config.Config{"default": {}, "cubic": {TCP: config.TCP{Congestion: "cubic", ECN: config.On}}, "plain": plain()} {
		m := newPump(t, c)
		m.run(64 << 20) // until all windows have grown
		if n := testing.AllocsPerRun(20, func() { m.run(1 << 20) }); n > 0 {
			t.Errorf("%s: %v allocations for a mebibyte, want 0", name, n)
		}
	}
}

// Connections that hold no data hold no buffers.
func TestIdleConnectionsAreSmall(t *testing.T) {
	const n = 2000
	p := newPair(t, config.Config{}, link{wire: wire.Config{Delay: time.Microsecond}})
	l := p.listen(n)
	used := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := used()
	all := make([]*tcp.Endpoint, 0, 2*n)
	b := []byte("once")
	for range n {
		c := p.open()
		if err := c.Connect(serverAt); err != errno.EINPROGRESS {
			t.Fatal(err)
		}
		p.advance(10 * time.Microsecond)
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		c.Send(b, 0)
		p.advance(10 * time.Microsecond)
		if k, err := s.Recv(make([]byte, 10), 0); k != 4 || err != nil {
			t.Fatal(k, err)
		}
		p.advance(time.Second)
		all = append(all, c, s)
	}
	each := (used() - before) / (2 * n)
	t.Logf("%d octets for each end of an idle connection that was used once", each)
	if each > 5000 {
		t.Errorf("%d octets for each end of an idle connection", each)
	}
	for _, e := range all {
		if e.State() != tcp.Established {
			t.Fatal(e.State())
		}
	}
	runtime.KeepAlive(all)
}

// The clock of initial sequence numbers wraps every 4.77 hours: transfers around that instant.
func TestSequenceNumbersWrap(t *testing.T) {
	const tick, size = 4 * time.Microsecond, 5000
	for _, before := range []time.Duration{0, 1, 2, 3, 100, 536, 537, 1460, 1461, 2920, 4999, 5000, 5001, 5002, 6000} {
		t.Run(fmt.Sprint(uint64(before)), func(t *testing.T) {
			p := newPair(t, config.Config{TCP: config.TCP{RandomISN: config.Off}}, link{})
			p.advance((1<<32 - before - 100) * tick)
			p.loop.MoveTo((1<<32 - before) * tick)
			l := p.listen(1)
			c := p.open()
			c.Connect(serverAt)
			p.advance(0)
			s, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			p.run(newFlow(c, s, pattern(size, 1)), time.Minute)
			p.run(newFlow(s, c, pattern(size, 2)), time.Minute)
			p.advance(time.Minute)
			if c.State() != tcp.TimeWait || s.State() != tcp.Closed {
				t.Error(c.State(), s.State())
			}
		})
	}
}

func TestBacklog(t *testing.T) {
	k := newKit(t, plain())
	l := k.listen(2)
	var events int
	l.SetReady(func(r tcp.Ready) {
		if r&tcp.Acceptable != 0 {
			events++
		}
	})
	iss := map[uint16]uint32{}
	for i := range uint16(5) {
		k.port = 2000 + i
		k.send(seg{flags: syn})
		k.show(k.next("SYN,ACK"))
		iss[k.port] = k.iss
	}
	for i := range uint16(5) {
		k.port = 2000 + i
		k.iss = iss[k.port]
		k.send(seg{flags: ack, seq: 1, ack: 1})
	}
	k.quiet("what does not fit is not answered")
	if n := l.Info().Backlog; n != 3 || events != 3 {
		t.Errorf("%d wait, %d events; want 3", n, events)
	}
	k.port = 3000
	k.send(seg{flags: syn})
	k.quiet("nor is a SYN while it is full")
	for i := range uint16(3) {
		e, err := l.Accept()
		if err != nil || e.Peer().Port() != 2000+i {
			t.Errorf("Accept: %v, %v; want the one that waits longest", e, err)
		}
	}
	if _, err := l.Accept(); err != errno.EAGAIN {
		t.Error(err)
	}
	k.port, k.iss = 2003, iss[2003]
	k.send(seg{flags: ack | psh, seq: 1, ack: 1, data: "x"})
	e, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	k.read(e, "x", nil)
	k.advance(time.Second) // the SYN,ACK of 2004 again, and the delayed acknowledgement
	k.frames = nil
	l.Close()
	k.advance(0)
	k.port, k.iss = 2004, iss[2004]
	k.want("who was not accepted is reset", "[R.] 1 ack 1")
}

func TestDeferAccept(t *testing.T) {
	k := newKit(t, plain())
	l := k.listen(2)
	l.SetOption(tcp.DeferAccept, 1)
	k.send(seg{flags: syn})
	k.show(k.next("SYN,ACK"))
	k.send(seg{flags: ack, seq: 1, ack: 1})
	if _, err := l.Accept(); err != errno.EAGAIN || l.Ready() != 0 {
		t.Error("acceptable without data")
	}
	k.send(seg{flags: ack, seq: 1, ack: 1, data: "x"})
	e, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	k.read(e, "x", nil)
	k.advance(time.Second)
	k.frames = nil
}

// Ports of connections to different peers are shared, so that there are more connections than ports.
func TestManyConnectionsFromFewPorts(t *testing.T) {
	k := newKit(t, plain())
	peers := map[netip.AddrPort]map[uint16]bool{}
	for i := range 2000 {
		e := k.open()
		to := netip.AddrPortFrom(testerIP.Netip(), uint16(1+i%2))
		if err := e.Connect(to); err != errno.EINPROGRESS {
			t.Fatal(err)
		}
		if peers[to] == nil {
			peers[to] = map[uint16]bool{}
		}
		if p := e.Local().Port(); peers[to][p] || p < 49152 {
			t.Fatalf("port %d again to %v", p, to)
		} else {
			peers[to][p] = true
		}
	}
	k.advance(0)
	k.frames = nil
}

func TestLoopback(t *testing.T) {
	p := newPair(t, config.Config{}, link{})
	l := p.listen(1)
	c, err := p.b.TCP.Open(ip.V4)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Connect(serverAt); err != errno.EINPROGRESS { // its own address
		t.Fatal(err)
	}
	p.advance(0)
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	p.run(newFlow(c, s, pattern(100_000, 1)), time.Minute)
	p.run(newFlow(s, c, pattern(100_000, 2)), time.Minute)
}

// A board with a few buffers: all of it works, slowly.
func TestZephyrProfile(t *testing.T) {
	for seed := range uint64(3) {
		p := newPair(t, config.Config{Profile: config.Zephyr}, link{
			seed: seed, wire: wire.Config{Delay: time.Millisecond, BitRate: 10_000_000},
			faults: fault.Faults{Loss: 0.02 * float64(seed)},
		})
		c, s := p.connect()
		p.run(newFlow(c, s, pattern(50_000, 1)), time.Hour)
		p.run(newFlow(s, c, pattern(50_000, 2)), time.Hour)
		c.Close()
		s.Close()
		p.advance(10 * time.Minute)
		t.Logf("%v", p.loop.Now())
	}
}

// Many connections over a link that is slower than all of them: nothing is dropped in the node's own queues, and each gets
// a fair part.
func TestCrowd(t *testing.T) {
	const n, size = 200, 30_000
	p := newPair(t, config.Config{}, link{wire: wire.Config{BitRate: 100_000_000, Delay: time.Millisecond}})
	l := p.listen(n)
	var flows []*flow
	for range n {
		c := p.open()
		if err := c.Connect(serverAt); err != errno.EINPROGRESS {
			t.Fatal(err)
		}
		p.advance(10 * time.Millisecond)
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		flows = append(flows, newFlow(c, s, pattern(size, 1)))
	}
	for _, f := range flows {
		f.write()
	}
	p.advance(500 * time.Millisecond) // all need 480 ms, headers aside
	slow := 0
	for _, f := range flows {
		if !f.ended {
			slow++
		}
	}
	if d := p.a.Stats().Drops[stats.TxQueueFull]; d != 0 || slow > n/2 {
		t.Errorf("%d packets dropped in the node's queue, %d flows not done", d, slow)
	}
	for _, f := range flows {
		p.run(f, time.Minute)
	}
}
