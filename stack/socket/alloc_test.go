package socket_test

import (
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/socket"
)

// Sending and receiving allocates nothing once buffers are there, with ancillary data and all.
func TestMessagesAllocateNothing(t *testing.T) {
	p := newPair(t, config.Config{NeighReachable: 1000 * time.Hour})
	a, b := p.udp(p.a, 7), p.udp(p.b, 7)
	for _, o := range []socket.Option{socket.IPPktInfo, socket.IPRecvTTL, socket.IPRecvTOS, socket.SOTimestamp} {
		p.ok(string(o), b.SetOption(o, socket.Value{Int: 1}))
	}
	eth := p.a.InterfaceByName("eth0").Index
	control := []socket.Control{{Type: socket.IPTTL, Int: 9}, {Type: socket.IPPktInfo, Addr: addrA, Index: eth}}
	to := at(addrB, 7)
	frames, sees := p.link(p.a, socket.Dgram, 0x88b5), p.link(p.b, socket.Dgram, 0x88b5)
	link := socket.LinkAddr{Index: eth, Addr: macB.Addr()}
	x, y := p.streams()
	p.ok("TCP_NODELAY", x.SetOption(socket.TCPNoDelay, socket.Value{Int: 1}))
	one, other, err := p.a.Sockets.Pair()
	p.ok("pair", err)
	polls := []socket.Poll{{Socket: b, Events: socket.In}, {Socket: y, Events: socket.In | socket.Writing}}
	data, buf := make([]byte, 64), make([]byte, 100)
	must := func(n int, err error) {
		if n != len(data) || err != nil {
			panic(err)
		}
	}
	send := func(s *socket.Socket, o socket.Out) { must(s.SendMsg(data, o)) }
	recv := func(s *socket.Socket, controls int) {
		m, err := s.RecvMsg(buf, 0)
		if must(m.N, err); len(m.Control) != controls {
			panic("ancillary data")
		}
	}
	run := func() {
		if err := p.loop.Run(p.loop.Now() + 10*time.Millisecond); err != nil {
			panic(err)
		}
	}
	for _, tt := range []struct {
		name string
		f    func()
	}{
		{"UDP", func() {
			send(a, socket.Out{To: to, Control: control})
			run()
			recv(b, 4)
		}},
		{"frames", func() {
			send(frames, socket.Out{Link: link})
			run()
			recv(sees, 0)
		}},
		{"stream", func() {
			send(x, socket.Out{})
			run()
			recv(y, 0)
		}},
		{"pair", func() {
			send(one, socket.Out{})
			recv(other, 0)
		}},
		{"poll", func() {
			if n, err := p.b.Sockets.Poll(polls); n != 1 || err != nil {
				panic(err)
			}
		}},
	} {
		for range 600 { // every frame that the wire holds has its memory after that
			tt.f()
		}
		if n := testing.AllocsPerRun(100, tt.f); n != 0 {
			t.Errorf("%s: %v allocations, want 0", tt.name, n)
		}
	}
}

// Sockets of every kind that are closed while much is under way leave nothing in use: the nodes say so at the end.
func TestCloseUnderLoad(t *testing.T) {
	p := newPair(t, config.Config{Sockets: 64})
	for round := range 20 {
		var all []*socket.Socket
		l := p.listener(p.b, 80)
		for range 8 {
			s := p.open(p.a, socket.Stream, 0)
			_ = s.Connect(at(addrB, 80)) // EINPROGRESS
			all = append(all, s)
		}
		a, b := p.udp(p.a, 7), p.udp(p.b, 7)
		all = append(all, a, b, p.link(p.b, socket.Raw, socket.EtherTypeAll), p.open(p.b, socket.Raw, 17))
		p.advance(5 * time.Millisecond)
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			all = append(all, c)
		}
		for range 50 {
			_ = a.SendTo(make([]byte, 1000), at(addrB, 7)) // buffers may run out
			for _, s := range all {
				if s.Type() == socket.Stream {
					_, _ = s.SendMsg(make([]byte, 3000), socket.Out{}) // full at some time
				}
			}
		}
		if _, err := p.b.Sockets.Wait([]socket.Poll{{Socket: b, Events: socket.Pri}}, -1, func(int) {}); err != nil {
			t.Fatal(err)
		}
		p.advance(time.Duration(round) * time.Millisecond / 2)
		if n := len(p.a.Sockets.Sockets()) + len(p.b.Sockets.Sockets()); n != len(all)+1 {
			t.Fatalf("%d sockets are listed, %d were opened", n, len(all)+1)
		}
		for _, s := range append(all, l) {
			if e := s.TCP(); (e != nil) != (s.Type() == socket.Stream) || e != nil && e.Family() != ip.V4 {
				t.Fatalf("a socket of type %d is TCP: %v", s.Type(), e != nil)
			}
			p.ok("close", s.Close())
		}
		p.advance(time.Hour)
		if n := p.a.Sockets.Len() + p.b.Sockets.Len(); n != 0 {
			t.Fatalf("%d sockets are open after round %d", n, round)
		}
		if n := p.a.InUse() + p.b.InUse(); n != 0 {
			t.Fatalf("%d packets are in use after round %d", n, round)
		}
	}
}
