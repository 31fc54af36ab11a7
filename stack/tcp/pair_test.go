package tcp_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/fault"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// pair is two nodes on one wire.
type pair struct {
	t    testing.TB
	loop *clock.Loop
	a, b *stack.Node
}

// link is what lies between the nodes of a pair.
type link struct {
	wire   wire.Config
	faults fault.Faults // in both directions
	seed   uint64
	mtu    int  // of jumbo frames; 0: 1500
	silent *int // packets longer than this vanish, by an Ethernet link that says nothing of it
}

// narrow is a device that swallows long packets.
type narrow struct {
	driver.Device
	most    *int
	swallow int
}

func (n *narrow) Send(frame []byte) bool {
	if len(frame) > *n.most+ethernet.HeaderLen {
		n.swallow++
		return true
	}
	return n.Device.Send(frame)
}

func newPair(t testing.TB, c config.Config, l link) *pair {
	p := &pair{t: t, loop: clock.New()}
	ends := [2]driver.Device{}
	x, y := wire.New(p.loop, l.wire)
	ends[0], ends[1] = x, y
	if l.faults != (fault.Faults{}) {
		ends[0] = fault.New(p.loop, x, fault.Config{Seed: l.seed, Send: l.faults, Receive: l.faults})
	}
	if l.silent != nil {
		ends[0], ends[1] = &narrow{Device: ends[0], most: l.silent}, &narrow{Device: ends[1], most: l.silent}
	}
	at := func(d driver.Device, last byte) *stack.Node {
		c := c
		c.Seed += uint64(last)
		n, err := stack.New(p.loop, c)
		if err != nil {
			t.Fatal(err)
		}
		eth, err := n.AddEthernet(d, ethernet.MAC{2, 0, 0, 0, 0, last})
		if err != nil {
			t.Fatal(err)
		}
		if l.mtu > 0 {
			eth.Ethernet.SetLargest(l.mtu)
		}
		if err := n.AddAddress(eth, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := n.Close(); err != nil {
				t.Error(err)
			}
		})
		return n
	}
	p.a, p.b = at(ends[0], 1), at(ends[1], 2)
	return p
}

func (p *pair) advance(d time.Duration) {
	p.t.Helper()
	if err := p.loop.Run(p.loop.Now() + d); err != nil {
		p.t.Fatal(err)
	}
}

var serverAt = netip.MustParseAddrPort("192.0.2.2:80")

func (p *pair) listen(backlog int) *tcp.Endpoint {
	p.t.Helper()
	e, err := p.b.TCP.Open(ip.V4)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := e.Bind(serverAt); err != nil {
		p.t.Fatal(err)
	}
	if err := e.Listen(backlog); err != nil {
		p.t.Fatal(err)
	}
	return e
}

func (p *pair) open() *tcp.Endpoint {
	p.t.Helper()
	e, err := p.a.TCP.Open(ip.V4)
	if err != nil {
		p.t.Fatal(err)
	}
	return e
}

// connect makes a connection and gives both its ends.
func (p *pair) connect() (client, server *tcp.Endpoint) {
	p.t.Helper()
	l := p.listen(8)
	client = p.open()
	if err := client.Connect(serverAt); err != errno.EINPROGRESS {
		p.t.Fatalf("Connect: %v", err)
	}
	for range 100 {
		p.advance(100 * time.Millisecond)
		if s, err := l.Accept(); err == nil {
			l.Close()
			return client, s
		}
	}
	p.t.Fatal("no connection after 10 s")
	return nil, nil
}

// flow sends data from one endpoint to the other as they get ready, and closes behind it.
type flow struct {
	from, to  *tcp.Endpoint
	data, got []byte
	sent      int
	ended     bool
	err       error
	buf       []byte
}

func newFlow(from, to *tcp.Endpoint, data []byte) *flow {
	f := &flow{from: from, to: to, data: data, buf: make([]byte, 64<<10)}
	to.SetReady(func(tcp.Ready) { f.read() })
	from.SetReady(func(tcp.Ready) { f.write() })
	return f
}

func (f *flow) write() {
	for f.sent < len(f.data) {
		n, err := f.from.Send(f.data[f.sent:], 0)
		f.sent += n
		if err != nil {
			if err != errno.EAGAIN {
				f.err = errors.Join(f.err, err)
			}
			return
		}
	}
	if f.sent == len(f.data) {
		f.sent++
		if err := f.from.Shutdown(tcp.Write); err != nil {
			f.err = errors.Join(f.err, err)
		}
	}
}

func (f *flow) read() {
	for !f.ended {
		n, err := f.to.Recv(f.buf, 0)
		switch {
		case err == errno.EAGAIN:
			return
		case err != nil:
			f.err = errors.Join(f.err, err)
			f.ended = true
			return
		case n == 0:
			f.ended = true
		}
		f.got = append(f.got, f.buf[:n]...)
	}
}

func pattern(n int, seed uint64) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// run waits until the stream has ended.
func (p *pair) run(f *flow, within time.Duration) {
	p.t.Helper()
	f.write()
	f.read()
	end := p.loop.Now() + within
	for !f.ended && p.loop.Now() < end {
		p.advance(100 * time.Millisecond)
	}
	if f.err != nil {
		p.t.Errorf("after %v, %d of %d octets sent, %d received: %v", p.loop.Now(), f.sent, len(f.data), len(f.got), f.err)
	}
	if !bytes.Equal(f.got, f.data) {
		p.t.Fatalf("after %v, %d of %d octets were received; sender %v\n%+v\nreceiver %v\n%+v", p.loop.Now(), len(f.got), len(f.data), f.from.State(), f.from.Info(), f.to.State(), f.to.Info())
	}
}

func TestTransfer(t *testing.T) {
	for _, tt := range []struct {
		name string
		link link
	}{
		{"at once", link{}},
		{"10 Mbit/s, 20 ms", link{wire: wire.Config{BitRate: 10_000_000, Delay: 20 * time.Millisecond, Flying: 1024}}},
		{"1% loss", link{wire: wire.Config{Delay: 5 * time.Millisecond}, faults: fault.Faults{Loss: 0.01}}},
		{"5% of everything", link{wire: wire.Config{Delay: 5 * time.Millisecond}, faults: fault.Faults{Loss: 0.05, Duplicate: 0.05, Corrupt: 0.05, Reorder: 0.05}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(t, config.Config{}, tt.link)
			client, server := p.connect()
			began := p.loop.Now()
			p.run(newFlow(client, server, pattern(1<<20, 1)), 10*time.Minute)
			t.Logf("1 MiB in %v", p.loop.Now()-began)
			p.run(newFlow(server, client, pattern(1<<18, 2)), 10*time.Minute)
			client.Close()
			server.Close()
			p.advance(5 * time.Minute)
			if s := client.State(); s != tcp.Closed {
				t.Errorf("client is in %v", s)
			}
		})
	}
}
