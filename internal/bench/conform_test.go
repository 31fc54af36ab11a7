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

func conformAnswered(tb testing.TB, in network, frame []byte) work {
	loop := clock.New()
	near, far := wire.New(loop, wire.Config{})
	node, eth := conformNode(tb, loop, near, in, 2)
	answers, last := 0, []byte(nil)
	far.Start(driver.Frames(func(b []byte) {
		answers++
		last = append(last[:0], b...)
	}))
	send := func(frame []byte) {
		far.Send(frame)
		turn(loop)
	}
	if in.six() {
		node.ND.Link(eth.Iface).Cache().Set(in.host(1), ethernet.MAC(testerMAC).Addr())
	} else {
		send(arpRequest())
	}
	return work{
		run:  func() { send(frame) },
		done: func() int { return answers },
		last: func() []byte { return last },
	}
}

func conformEcho(tb testing.TB, in network, size, window int) work {
	loop := clock.New()
	near, far := wire.New(loop, wire.Config{})
	client, server := conformSocket(tb, loop, near, in, 1), conformSocket(tb, loop, far, in, 2)
	if err := server.Bind(in.service()); err != nil {
		tb.Fatal(err)
	}
	if err := client.Connect(in.service()); err != nil {
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

// quiet6 says nothing by itself, so that what is counted is what was asked for.
var quiet6 = config.IPv6{DAD: config.Off, RouterSolicit: config.Off, MLD: config.Off} // never written

func conformNode(tb testing.TB, loop *clock.Loop, end *wire.End, in network, last byte) (*stack.Node, *stack.Interface) {
	n, err := stack.New(loop, config.Config{IPv6: quiet6})
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
	if err := n.AddAddress(eth, netip.PrefixFrom(in.host(last), in.net.Bits())); err != nil {
		tb.Fatal(err)
	}
	return n, eth
}

func conformSocket(tb testing.TB, loop *clock.Loop, end *wire.End, in network, last byte) *socket.Socket {
	family := socket.Inet
	if in.six() {
		family = socket.Inet6
	}
	n, _ := conformNode(tb, loop, end, in, last)
	s, err := n.Sockets.Open(family, socket.Dgram, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}
