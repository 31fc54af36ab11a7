package tcp_test

import (
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/tcp"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

// Who may be bound to a port on which somebody listens, and listen there as well.
func TestReusePortHasToBeSaidByBoth(t *testing.T) {
	for _, tt := range []struct {
		name          string
		first, second func(*tcp.Endpoint)
		ok            bool
	}{
		{"neither", func(*tcp.Endpoint) {}, func(*tcp.Endpoint) {}, false},
		{"the first", func(e *tcp.Endpoint) { e.ReusePort = true }, func(*tcp.Endpoint) {}, false},
		{"the second", func(*tcp.Endpoint) {}, func(e *tcp.Endpoint) { e.ReusePort = true }, false},
		{"both", func(e *tcp.Endpoint) { e.ReusePort = true }, func(e *tcp.Endpoint) { e.ReusePort = true }, true},
		{"both, another option", func(e *tcp.Endpoint) { e.Reuse = true }, func(e *tcp.Endpoint) { e.Reuse = true }, false},
		{"one of each", func(e *tcp.Endpoint) { e.Reuse = true }, func(e *tcp.Endpoint) { e.ReusePort = true }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			k := newKit(t, plain())
			a, b := k.open(), k.open()
			tt.first(a)
			tt.second(b)
			at := netip.AddrPortFrom(netip.Addr{}, nodePort)
			if err := a.Bind(at); err != nil {
				t.Fatal(err)
			}
			if err := a.Listen(4); err != nil {
				t.Fatal(err)
			}
			err := b.Bind(at)
			if err == nil {
				err = b.Listen(4)
			}
			if want := map[bool]error{false: errno.EADDRINUSE, true: nil}[tt.ok]; err != want {
				t.Errorf("%v, want %v", err, want)
			}
		})
	}
}

// sharers are listeners on one port.
func sharers(k *kit, at ...netip.Addr) (all []*tcp.Endpoint) {
	for _, a := range at {
		e := k.open()
		e.ReusePort = true
		if err := e.Bind(netip.AddrPortFrom(a, nodePort)); err != nil {
			k.t.Fatal(err)
		}
		if err := e.Listen(100); err != nil {
			k.t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// knock makes connections from so many ports of the tester.
func knock(k *kit, n int) {
	for range n {
		k.port++
		k.send(seg{flags: segment.SYN})
		k.send(seg{flags: segment.SYN}) // again: it is for the same one
		k.show(k.next("SYN,ACK"))
		k.show(k.next("SYN,ACK again"))
		k.send(seg{flags: ack, seq: 1, ack: 1})
	}
}

// drain accepts all that wait.
func drain(e *tcp.Endpoint) (n int) {
	for _, err := e.Accept(); err == nil; _, err = e.Accept() {
		n++
	}
	return n
}

func TestReusePortSharesConnections(t *testing.T) {
	var all netip.Addr
	k := newKit(t, plain())
	l := sharers(k, all, all, all)
	knock(k, 90)
	sum := 0
	for i, e := range l {
		n := drain(e)
		if n < 15 || n > 45 {
			t.Errorf("listener %d got %d of 90", i, n)
		}
		sum += n
	}
	if sum != 90 {
		t.Errorf("%d accepted", sum)
	}
	l[1].Close()
	k.port += 100
	knock(k, 30)
	if n := drain(l[0]) + drain(l[2]); n != 30 {
		t.Errorf("without one of them %d accepted", n)
	}
}

// One that is bound to the address says more than those bound to all.
func TestReusePortOfAnAddress(t *testing.T) {
	var all netip.Addr
	k := newKit(t, plain())
	l := sharers(k, all, nodeIP.Netip(), all)
	knock(k, 20)
	if n := drain(l[1]); n != 20 {
		t.Errorf("%d of 20 accepted", n)
	}
}
