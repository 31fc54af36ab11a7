package stack_test

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// A stream between two nodes that have configured themselves.
func TestTCPOverIPv6(t *testing.T) {
	loop := clock.New()
	a, b := wire.New(loop, wire.Config{})
	var nodes []*stack.Node
	for n, end := range []*wire.End{a, b} {
		node, err := stack.New(loop, config.Config{Seed: uint64(n), TCP: config.TCP{Enabled: config.On}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := node.Close(); err != nil {
				t.Error(err)
			}
		}()
		eth, err := node.AddEthernet(end, ethernet.MAC{2, 0, 0, 0, 0, byte(n + 1)})
		if err == nil {
			err = node.EnableIPv6(eth)
		}
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, node)
	}
	run := func(d time.Duration) {
		if err := loop.Run(loop.Now() + d); err != nil {
			t.Fatal(err)
		}
	}
	run(5 * time.Second)
	open := func(n int) *socket.Socket {
		s, err := nodes[n].Sockets.Open(socket.Inet6, socket.Stream, 0)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	server := open(1)
	if err := server.Bind(netip.MustParseAddrPort("[::]:80")); err != nil {
		t.Fatal(err)
	}
	if err := server.Listen(5); err != nil {
		t.Fatal(err)
	}
	client := open(0)
	if err := client.Connect(netip.MustParseAddrPort("[fe80::ff:fe00:2%eth0]:80")); err != nil && err != errno.EINPROGRESS {
		t.Fatal(err)
	}
	run(time.Second)
	peer, err := server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
	var got []byte
	sent, buf := 0, make([]byte, 1<<16)
	for range 10000 {
		if sent < len(data) {
			if n, err := client.SendMsg(data[sent:], socket.Out{}); err == nil {
				sent += n
			}
		}
		run(time.Millisecond)
		if m, err := peer.Recv(buf); err == nil {
			got = append(got, buf[:m.N]...)
		}
		if len(got) == len(data) {
			break
		}
	}
	if !bytes.Equal(got, data) {
		t.Errorf("%d octets of %d arrived as they were sent", len(got), len(data))
	}
	if _, err := client.Peer(); err != nil {
		t.Error(err)
	}
}

// An interface that goes takes all of its IPv6 with it.
func TestInterfaceThatGoes6(t *testing.T) {
	k := staticKit6(t, config.Config{})
	k.advance(10 * time.Second)
	k.frames = nil
	v, err := k.node.AddVLAN(k.eth, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.node.AddAddress(v, netip.MustParsePrefix("2001:db8:7::2/64")); err != nil {
		t.Fatal(err)
	}
	k.advance(10 * time.Second)
	k.frames = nil
	s := k.open6(5000)
	to := netip.MustParseAddrPort("[2001:db8:7::1]:9")
	if err := s.SendTo([]byte("x"), to); err != nil {
		t.Fatal(err)
	}
	if err := k.node.RemoveVLAN(k.eth, 7); err != nil {
		t.Fatal(err)
	}
	if err := s.SendTo([]byte("x"), to); err != errno.ENETUNREACH {
		t.Errorf("to a link that is gone: %v", err)
	}
	k.advance(time.Minute)
	k.frames = nil
	if n := k.node.InUse(); n != 0 {
		t.Errorf("%d packets in use", n)
	}
}
