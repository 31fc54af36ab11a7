package tcp_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/fault"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

// Both directions at once over a bad link, for many seeds and configurations: the streams arrive whole, and both ends come
// to CLOSED by themselves.
func TestBothWaysOverABadLink(t *testing.T) {
	off := config.Off
	for name, c := range map[string]config.TCP{
		"all":      {},
		"cubic":    {Congestion: "cubic", ECN: config.On},
		"no RACK":  {RACK: off},
		"no SACK":  {SACK: off},
		"plain":    {SACK: off, Timestamps: off, WindowScale: off, FRTO: off, PRR: off, LimitedTransmit: off},
		"small":    {SendBuffer: 3000, SendBufferMax: 3000, RecvBuffer: 3000, RecvBufferMax: 3000},
		"no delay": {DelayedACK: -1},
	} {
		for seed := range uint64(6) {
			t.Run(fmt.Sprint(name, seed), func(t *testing.T) {
				p := newPair(t, config.Config{Seed: seed, TCP: c}, link{
					seed: seed, wire: wire.Config{Delay: time.Duration(seed) * time.Millisecond},
					faults: fault.Faults{Loss: 0.03 * float64(seed%3), Duplicate: 0.05, Corrupt: 0.02, Reorder: 0.05 * float64(seed%4), Jitter: time.Duration(seed) * time.Millisecond},
				})
				client, server := p.connect()
				up, down := newFlow(client, server, pattern(100_000, seed)), newFlow(server, client, pattern(150_000, seed+1))
				client.SetReady(func(tcp.Ready) { up.write(); down.read() })
				server.SetReady(func(tcp.Ready) { down.write(); up.read() })
				up.write()
				p.run(down, time.Hour)
				p.run(up, time.Hour)
				client.Close()
				server.Close()
				p.advance(15 * time.Minute)
				if client.State() != tcp.Closed || server.State() != tcp.Closed {
					t.Errorf("%v and %v", client.State(), server.State())
				}
			})
		}
	}
}

// A flood of SYNs from everywhere does not disturb what is established, and is bounded.
func TestSynFlood(t *testing.T) {
	for _, cookies := range []config.Switch{config.Off, config.On} {
		t.Run(fmt.Sprint("cookies=", cookies.On()), func(t *testing.T) {
			c := plain()
			c.TCP.SynCookies = cookies
			k := newKit(t, c)
			l := k.listen(64)
			k.send(seg{flags: syn})
			k.show(k.next("SYN,ACK"))
			k.send(seg{flags: ack, seq: 1, ack: 1})
			e, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			iss := k.iss
			answered := 0
			for i := range 20000 {
				k.port = uint16(2000 + i)
				k.send(seg{flags: syn, data: strings.Repeat("x", 100)})
				answered += len(k.frames)
				k.frames = nil
			}
			if answered != 20000 { // by a cookie, or the oldest has given way
				t.Errorf("%d SYNs were answered, want 20000", answered)
			}
			k.port, k.iss = testerPort, iss
			k.send(seg{flags: ack, seq: 1, ack: 1, data: "alive"})
			k.read(e, "alive", nil)
			k.advance(200 * time.Millisecond)
			k.frames = nil
			if cookies.On() { // and others get in
				k.port = 60000
				k.send(seg{flags: syn, opt: mss(1000)})
				k.want("a cookie", "[S.] 0 ack 1 win 65535 mss 1460")
				k.send(seg{flags: ack, seq: 1, ack: 2})
				k.want("not the cookie", "[R] 2")
				k.send(seg{flags: ack, seq: 1, ack: 1, data: "hi"})
				n, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				k.read(n, "hi", nil)
				if m := n.Info().MSS; m != 536 {
					t.Errorf("MSS %d, want the one below 1000", m)
				}
				n.Abort()
				k.advance(0)
				k.show(k.next("RST"))
			}
			k.port = 60500
			k.send(seg{flags: syn})
			k.show(k.next("a genuine client in the flood"))
			k.send(seg{flags: ack, seq: 1, ack: 1})
			if _, err := l.Accept(); err != nil {
				t.Errorf("a genuine client in the flood: %v", err)
			}
			k.advance(4 * time.Minute) // SYN,ACKs are given up
			k.frames = nil
			k.port, k.iss = 61000, 0
			k.send(seg{flags: syn})
			k.want("the listener takes others again", "[S.] 0 ack 1 win 65535 mss 1460")
		})
	}
}

func TestSynCookieKeepsOptions(t *testing.T) { // RFC 4987, with timestamps
	k := newKit(t, config.Config{TCP: config.TCP{SynCookies: config.On}})
	l := k.listen(1)
	for i := range 128 {
		k.port = uint16(2000 + i)
		k.send(seg{flags: syn})
		k.show(k.next("SYN,ACK"))
	}
	k.port = 60000
	k.send(seg{flags: syn, opt: segment.Options{Has: segment.HasMSS | segment.HasTimestamps | segment.HasWScale | segment.HasSACKPermitted, MSS: 1460, WScale: 5, TSVal: 9}})
	k.show(k.next("SYN,ACK"))
	k.send(seg{flags: ack, seq: 1, ack: 1, win: 100, opt: segment.Options{Has: segment.HasTimestamps, TSVal: 10, TSEcr: k.tsecr}})
	e, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if i := e.Info(); !i.SACK || !i.Timestamps || i.SendScale != 5 || i.MSS != 1448 || i.SendWindow != 3200 {
		t.Errorf("%+v", i)
	}
	e.Abort()
	l.Close()
	k.advance(0)
	k.frames = nil
}

// Segments from somebody who knows the ports but not the numbers do nothing but draw challenges.
func TestBlindInjection(t *testing.T) {
	k := newKit(t, plain())
	e := k.accepted(segment.Options{})
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		s := seg{flags: segment.Flags(r.Uint32() & 0x1ff), seq: 100_000 + r.Uint32N(1<<32-300_000), ack: 0x20000 + r.Uint32N(1<<32-0x40000), data: "evil"}
		k.send(s)
		k.advance(time.Millisecond)
	}
	k.frames = nil
	k.state(e, tcp.Established)
	k.send(seg{flags: ack, seq: 1, ack: 1, data: "good"})
	k.read(e, "good", nil)
	k.advance(time.Second)
	k.frames = nil
}

// Any octets as options, in any state: no harm, and what can be read counts.
func TestOptionBombs(t *testing.T) {
	k := newKit(t, config.Config{})
	k.listen(1000)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 5000 {
		raw := make([]byte, 4*r.IntN(11))
		for j := range raw {
			raw[j] = byte(r.IntN(40)) // kinds and lengths rather than noise
		}
		k.port = uint16(1024 + i)
		k.send(seg{flags: syn, raw: raw})
		for _, f := range k.frames {
			k.show(f)
		}
		k.frames = nil
		k.send(seg{flags: ack, seq: 1, ack: 1, raw: raw, data: "x"})
		k.send(seg{flags: rst, seq: 1 + r.Uint32N(2), raw: raw})
		k.frames = nil
	}
}

// Windows of an octet for ever: the sender goes on, without a flood.
func TestTinyWindows(t *testing.T) {
	k := newKit(t, plain())
	e := k.accepted(mss(1000))
	k.send(seg{flags: ack, seq: 1, ack: 1, win: 1})
	data := strings.Repeat("a", 50)
	k.write(e, data)
	got := 0
	for range 1000 {
		k.advance(time.Second)
		for len(k.frames) > 0 {
			_, h, d := k.parse(k.next(""))
			got = max(got, int(h.Seq-k.iss)+len(d)-1)
		}
		k.send(seg{flags: ack, seq: 1, ack: uint32(1 + got), win: 1})
	}
	if got != len(data) {
		t.Errorf("%d octets of %d went through", got, len(data))
	}
}

// The store of all buffers is bounded, and a connection that finds no memory in it loses segments, not its life.
func TestMemoryIsBounded(t *testing.T) {
	k := newKit(t, config.Config{TCP: config.TCP{RecvBuffer: 1 << 20, RecvBufferMax: 1 << 20}})
	l := k.listen(1000)
	var all []*tcp.Endpoint
	for i := range 280 { // each would hold 1 MiB
		k.port = uint16(2000 + i)
		k.send(seg{flags: syn, opt: segment.Options{Has: segment.HasMSS | segment.HasWScale | segment.HasSACKPermitted, MSS: 1400, WScale: 7}})
		k.show(k.next("SYN,ACK"))
		k.send(seg{flags: ack, seq: 1, ack: 1})
		e, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
		for off := uint32(8192); off < 1<<20; off += 8192 { // one octet a chunk, out of order
			k.send(seg{flags: ack, seq: 1 + off, ack: 1, data: "x"})
			k.frames = nil
		}
	}
	if n := k.node.Stats().Drops[stats.TCPNoRoom]; n == 0 {
		t.Error("nothing was turned away")
	}
	for _, e := range all {
		if s := e.State(); s != tcp.Established {
			t.Fatal(s)
		}
		e.Abort()
	}
	l.Close()
	k.advance(0)
	k.frames = nil
	e := k.accepted(segment.Options{})
	k.send(seg{flags: ack, seq: 1, ack: 1, data: "again"})
	k.read(e, "again", nil)
	e.Abort()
	k.advance(0)
	k.frames = nil
}

// The bound on connections: the oldest in TIME-WAIT gives way, then SYNs are turned away.
func TestConnectionsAreBounded(t *testing.T) {
	c := plain()
	c.TCP.Connections = 10
	k := newKit(t, c)
	l := k.listen(100)
	for i := range 20 {
		k.port = uint16(2000 + i)
		k.send(seg{flags: syn})
	}
	if n := len(k.frames); n != 10 {
		t.Errorf("%d SYNs were answered, want 10", n)
	}
	k.frames = nil
	l.Close()
	k.advance(0)
	k.frames = nil
	var waiting []*tcp.Endpoint
	for i := range 12 {
		k.port = uint16(3000 + i)
		e := k.accepted(segment.Options{})
		e.Close()
		k.advance(0)
		k.show(k.next("FIN"))
		k.send(seg{flags: fin | ack, seq: 1, ack: 2})
		k.show(k.next("ACK"))
		waiting = append(waiting, e)
	}
	k.state(waiting[0], tcp.Closed)
	k.state(waiting[1], tcp.Closed)
	k.state(waiting[2], tcp.TimeWait)
}
