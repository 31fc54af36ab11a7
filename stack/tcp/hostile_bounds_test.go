package tcp_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/tcp"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

const chunk = 8192 // of buffers

// within fails when buffers hold more than is configured.
func (k *kit) within(bound int) {
	k.t.Helper()
	if n, _, _, _ := k.node.TCP.Held(); n*chunk > bound {
		k.t.Fatalf("buffers hold %d octets, at most %d are allowed", n*chunk, bound)
	}
}

// A thousand peers offer no window, or an octet, for ever, to users that send as much as they may. What waits stays within
// the bound, one who behaves is served, and when the users have given up everything comes back.
func TestTinyWindowsOfMany(t *testing.T) {
	const bound, many = 4 << 20, 1000
	c := plain()
	c.TCP.Memory = bound
	k := newKit(t, c)
	l := k.listen(many)
	var all []*tcp.Endpoint
	block := strings.Repeat("a", 64<<10)
	refused := 0
	fill := func(e *tcp.Endpoint) {
		for {
			n, err := e.Send([]byte(block), 0)
			if err != nil {
				if n == 0 && e.Info().Unsent == 0 {
					refused++
				}
				return
			}
		}
	}
	for i := range many {
		k.port = uint16(2000 + i)
		k.send(seg{flags: syn, opt: mss(1000), win: 1})
		k.show(k.next("SYN,ACK"))
		k.send(seg{flags: ack, seq: 1, ack: 1, win: uint16(i % 2), zeroWin: i%2 == 0})
		e, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		fill(e)
		k.advance(0)
		k.frames = nil
		k.within(bound)
		all = append(all, e)
	}
	if refused == 0 {
		t.Error("the bound was never reached")
	}
	for range 60 {
		k.advance(10 * time.Second)
		k.frames = nil
		k.within(bound)
	}
	for _, e := range all[:many/2] {
		e.Abort()
	}
	k.advance(0)
	k.frames = nil
	k.port = 60000
	k.send(seg{flags: syn, opt: mss(1000)})
	k.show(k.next("SYN,ACK"))
	k.send(seg{flags: ack, seq: 1, ack: 1})
	good, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	k.write(good, "served")
	if _, _, d := k.parse(k.next("data")); string(d) != "served" {
		t.Errorf("%q", d)
	}
	k.send(seg{flags: ack, seq: 1, ack: 7, data: "and heard"})
	k.read(good, "and heard", nil)
	for _, e := range all[many/2:] {
		e.Close()
	}
	good.Abort()
	l.Close()
	k.advance(30 * time.Minute) // the user timeout, from when each was left alone
	k.frames = nil
	if chunks, conns, _, _ := k.node.TCP.Held(); chunks != 0 || conns != 0 {
		t.Errorf("%d chunks and %d connections are left", chunks, conns)
	}
}

// Somebody who has guessed the window, but no number exactly, cannot end a connection, nor have it answer more often than
// it may (RFC 5961, 3.2, 4.2, 5.2 and 7).
func TestGuessesInTheWindow(t *testing.T) {
	c := plain()
	c.TCP.ChallengeRate = 100
	k := newKit(t, c)
	e := k.accepted(segment.Options{})
	r := rand.New(rand.NewPCG(8, 9))
	answers := 0
	const seconds = 5
	for i := range seconds * 1000 {
		at := 2 + r.Uint32N(60_000)
		switch i % 3 {
		case 0:
			k.send(seg{flags: rst, seq: at})
		case 1:
			k.send(seg{flags: syn, seq: at})
		case 2:
			k.send(seg{flags: ack, seq: at, ack: 1 - r.Uint32N(1<<31-1) - 70_000, data: "evil"})
		}
		answers += len(k.frames)
		k.frames = nil
		k.advance(time.Millisecond)
	}
	if answers > 100*(seconds+1) {
		t.Errorf("%d answers in %d s, at most 100 a second are allowed", answers, seconds)
	}
	if answers < 100 {
		t.Errorf("%d answers: challenges are owed", answers)
	}
	k.send(seg{flags: ack, seq: 1, ack: 1, data: "good"})
	k.read(e, "good", nil)
	k.advance(time.Second)
	k.frames = nil
	k.state(e, tcp.Established)
}

// Any octets as options on a connection that lives, with and without timestamps and SACK: it goes on, and what is in order
// arrives.
func TestOptionBombsOnAConnection(t *testing.T) {
	for name, o := range map[string]segment.Options{
		"none": {},
		"SACK": {Has: segment.HasMSS | segment.HasSACKPermitted, MSS: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			k := newKit(t, config.Config{})
			e := k.accepted(o)
			r := rand.New(rand.NewPCG(3, 4))
			next := uint32(1)
			block := []byte(strings.Repeat("x", 5000))
			for range 5000 {
				e.Send(block, 0)
				k.advance(0)
				k.frames = nil
				raw := make([]byte, 4*r.IntN(11))
				for j := range raw {
					raw[j] = byte(r.IntN(40)) // kinds and lengths rather than noise
				}
				if len(raw) >= 12 && r.IntN(2) == 0 { // SACK blocks of anything
					raw[0], raw[1], raw[2], raw[3] = 1, 1, 5, byte(2+(len(raw)-4)/8*8)
				}
				k.send(seg{flags: ack, seq: next, ack: 1 + r.Uint32N(2000), raw: raw, data: "y"})
				next++
				k.advance(time.Millisecond)
			}
			b := make([]byte, 10000)
			if n, err := e.Recv(b, 0); n != 5000 || err != nil || strings.Trim(string(b[:n]), "y") != "" {
				t.Errorf("read %d octets, %v", n, err)
			}
			k.state(e, tcp.Established)
			e.Abort()
			k.advance(0)
			k.frames = nil
		})
	}
}

// SACK blocks that cut what is in flight into single octets: neither time nor memory grows beyond what a full board takes.
func TestSACKThatSplinters(t *testing.T) {
	k := newKit(t, config.Config{TCP: config.TCP{Timestamps: config.Off}})
	e := k.accepted(segment.Options{Has: segment.HasMSS | segment.HasSACKPermitted, MSS: 1400})
	block := []byte(strings.Repeat("x", 60_000))
	acked := uint32(1)
	for range 40 { // until the window is large
		e.Send(block, 0)
		k.advance(0)
		for _, f := range k.frames {
			_, h, d := k.parse(f)
			acked = max(acked, h.Seq-k.iss+uint32(len(d)))
		}
		k.frames = nil
		k.send(seg{flags: ack, seq: 1, ack: acked})
	}
	k.frames = nil
	for e.Info().InFlight == 0 {
		e.Send(block, 0)
		k.advance(0)
	}
	k.frames = nil
	flight := uint32(e.Info().InFlight)
	if flight < 20_000 {
		t.Fatalf("%d octets in flight", flight)
	}
	for at := uint32(1); at+9 < flight; at += 8 {
		o := segment.Options{Has: segment.HasSACK, Blocks: 4}
		for i := range 4 {
			s := acked + at + uint32(2*i)
			o.SACK[i] = segment.Block{Start: s, End: s + 1}
		}
		k.send(seg{flags: ack, seq: 1, ack: acked, opt: o})
		k.frames = nil
	}
	k.send(seg{flags: ack, seq: 1, ack: acked + flight})
	k.frames = nil
	e.Send([]byte("still there"), 0)
	k.advance(0)
	k.frames = nil
	k.state(e, tcp.Established)
	e.Abort()
	k.advance(0)
	k.frames = nil
}

// Floods do not take what connections need: those that are established go on, and the number of all is bounded.
func TestFloodsAreBounded(t *testing.T) {
	c := plain()
	c.TCP.Connections, c.TCP.Memory = 300, 1<<20
	k := newKit(t, c)
	l := k.listen(1000)
	k.send(seg{flags: syn, opt: mss(1000)})
	k.show(k.next("SYN,ACK"))
	k.send(seg{flags: ack, seq: 1, ack: 1})
	e, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	iss, next := k.iss, uint32(1)
	for i := range 30_000 { // half of them finish the handshake, and send what nobody reads
		k.port = uint16(2000 + i)
		k.send(seg{flags: syn, opt: mss(1000), data: strings.Repeat("s", 900)})
		if i%2 == 0 && len(k.frames) > 0 {
			k.show(k.frames[0])
			k.send(seg{flags: ack, seq: 1, ack: 1, data: strings.Repeat("d", 900)})
		}
		k.frames = nil
		k.within(1 << 20)
		if _, conns, _, _ := k.node.TCP.Held(); conns > 300 {
			t.Fatalf("%d connections, at most 300 are allowed", conns)
		}
		if i%1000 == 0 {
			flood := k.iss
			k.port, k.iss = testerPort, iss
			k.send(seg{flags: ack, seq: next, ack: 1, data: "alive"})
			next += 5
			k.read(e, "alive", nil)
			k.frames = nil
			k.iss = flood
		}
	}
	if _, err := e.Send([]byte("too"), 0); err != nil && err != errno.EAGAIN {
		t.Error(err)
	}
	k.advance(0)
	k.frames = nil
	k.state(e, tcp.Established)
}

// A user that finds no memory is told when there is some, though nothing of its own is on its way.
func TestMemoryComesBack(t *testing.T) {
	c := plain()
	c.TCP.Memory = 64 << 10 // eight chunks
	p := newPair(t, c, link{})
	l := p.listen(16)
	dial := func() (client, server *tcp.Endpoint) {
		client = p.open()
		if err := client.Connect(serverAt); err != errno.EINPROGRESS {
			t.Fatal(err)
		}
		p.advance(0)
		server, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return client, server
	}
	_, s := dial()
	var hogs []*tcp.Endpoint
	for range 8 {
		_, s := dial()
		hogs = append(hogs, s)
	}
	for _, s := range hogs { // nothing is acknowledged before time passes
		if n, err := s.Send([]byte("x"), 0); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	}
	if n, err := s.Send([]byte("y"), 0); err != errno.EAGAIN {
		t.Fatalf("%d, %v: there is memory", n, err)
	}
	if s.Ready()&tcp.Writable != 0 {
		t.Error("writable without memory")
	}
	told := false
	s.SetReady(func(r tcp.Ready) { told = told || r&tcp.Writable != 0 })
	for _, h := range hogs {
		h.Abort()
	}
	p.advance(time.Second)
	if !told {
		t.Error("nobody was told that there is memory")
	}
	if n, err := s.Send([]byte("y"), 0); n != 1 || err != nil {
		t.Error(n, err)
	}
}
