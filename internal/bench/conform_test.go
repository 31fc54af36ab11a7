package bench

import (
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// conformStack is the reference stack, as it is configured when nothing is said.
var conformStack = subject{name: "conform", answered: conformAnswered, echo: conformEcho, forward: conformForward, lane: conformLaneOf}

func conformAnswered(tb testing.TB, frame []byte) work {
	loop := clock.New()
	near, far := wire.New(loop, wire.Config{})
	conformNode(tb, loop, near, 2)
	answers, last := 0, []byte(nil)
	far.Start(driver.Frames(func(b []byte) {
		answers++
		last = append(last[:0], b...)
	}))
	send := func(frame []byte) {
		far.Send(frame)
		turn(loop)
	}
	send(arpRequest())
	return work{
		run:  func() { send(frame) },
		done: func() int { return answers },
		last: func() []byte { return last },
	}
}

func conformEcho(tb testing.TB, size, window int) work {
	loop := clock.New()
	near, far := wire.New(loop, wire.Config{})
	client, server := conformSocket(tb, loop, near, 1), conformSocket(tb, loop, far, 2)
	service := netip.MustParseAddrPort("192.0.2.2:7")
	if err := server.Bind(service); err != nil {
		tb.Fatal(err)
	}
	if err := client.Connect(service); err != nil {
		tb.Fatal(err)
	}
	buf := make([]byte, 65536)
	server.OnReady(func() {
		for server.Readable() {
			m, err := server.Recv(buf)
			if err != nil {
				return // closed
			}
			if err := server.SendTo(buf[:m.N], m.From); err != nil {
				tb.Error(err)
			}
		}
	})
	echoes, back, n := 0, make([]byte, 65536), 0
	client.OnReady(func() {
		for client.Readable() {
			m, err := client.Recv(back)
			if err != nil {
				return // closed
			}
			n = m.N
			echoes++
		}
	})
	data := message(size)
	return work{
		run: func() {
			for range window {
				if err := client.Send(data); err != nil {
					tb.Error(err)
				}
			}
			turn(loop)
		},
		done: func() int { return echoes },
		last: func() []byte { return back[:n] },
	}
}

func conformForward(tb testing.TB, frame []byte) work {
	loop := clock.New()
	n, err := stack.New(loop, config.Config{Forwarding: config.On})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := n.Close(); err != nil {
			tb.Error(err)
		}
	})
	near, tester := wire.New(loop, wire.Config{})
	far, neighbour := wire.New(loop, wire.Config{})
	for i, end := range []*wire.End{near, far} {
		eth, err := n.AddEthernet(end, ethernet.MAC{2, 0, 0, 0, byte(i), 2})
		if err == nil {
			err = n.AddAddress(eth, netip.MustParsePrefix([]string{"192.0.2.2/24", "198.51.100.2/24"}[i]))
		}
		if err != nil {
			tb.Fatal(err)
		}
		if i == 1 {
			eth.Ethernet.Neighbours().Set(netip.MustParseAddr("198.51.100.1"), ethernet.MAC(farMAC).Addr())
		}
	}
	passed, last := 0, []byte(nil)
	neighbour.Start(driver.Frames(func(b []byte) {
		passed++
		last = append(last[:0], b...)
	}))
	return work{
		run: func() {
			tester.Send(frame)
			turn(loop)
		},
		done: func() int { return passed },
		last: func() []byte { return last },
	}
}

// turn runs what is due. It costs a nanosecond of virtual time, so that timers never run out.
func turn(loop *clock.Loop) {
	if err := loop.Run(loop.Now() + 1); err != nil {
		panic(err)
	}
}

func conformNode(tb testing.TB, loop *clock.Loop, end *wire.End, last byte) *stack.Node {
	n, err := stack.New(loop, config.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := n.Close(); err != nil {
			tb.Error(err)
		}
	})
	eth, err := n.AddEthernet(end, ethernet.MAC{2, 0, 0, 0, 0, last})
	if err != nil {
		tb.Fatal(err)
	}
	if err := n.AddAddress(eth, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, last}), 24)); err != nil {
		tb.Fatal(err)
	}
	return n
}

func conformSocket(tb testing.TB, loop *clock.Loop, end *wire.End, last byte) *socket.Socket {
	s, err := conformNode(tb, loop, end, last).Sockets.Open(socket.Inet, socket.Dgram, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
