package tcp_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/fault"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
)

// both gives the nodes of a pair addresses of IPv6 as well.
func (p *pair) both() {
	p.t.Helper()
	for last, n := range map[byte]*stack.Node{1: p.a, 2: p.b} {
		a := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: last})
		if err := n.AddAddress(n.Interfaces()[1], netip.PrefixFrom(a, 64)); err != nil {
			p.t.Fatal(err)
		}
	}
	p.advance(5 * time.Second) // duplicate address detection
}

var server6 = netip.MustParseAddrPort("[2001:db8::2]:80")

func TestIPv6(t *testing.T) {
	p := newPair(t, config.Config{}, link{wire: wire.Config{Delay: time.Millisecond}, faults: fault.Faults{Loss: 0.02, Reorder: 0.02}})
	p.both()
	l, err := p.b.TCP.Open(ip.V6)
	if err != nil {
		t.Fatal(err)
	}
	l.Dual = true
	if err := l.Bind(netip.AddrPortFrom(netip.IPv6Unspecified(), 80)); err != nil {
		t.Fatal(err)
	}
	if err := l.Listen(2); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		family ip.Family
		to     netip.AddrPort
		mss    int
	}{{ip.V6, server6, 1428}, {ip.V4, serverAt, 1448}} { // the same listener takes both
		c, err := p.a.TCP.Open(tt.family)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Connect(tt.to); err != errno.EINPROGRESS {
			t.Fatal(err)
		}
		var s *tcp.Endpoint
		for range 100 {
			p.advance(100 * time.Millisecond)
			if s, err = l.Accept(); err == nil {
				break
			}
		}
		if s == nil {
			t.Fatalf("%v: no connection", tt.family)
		}
		if s.Family() != tt.family || s.Local() != tt.to || c.Info().MSS != tt.mss {
			t.Errorf("%v: accepted %v at %v, MSS %d", tt.family, s.Family(), s.Local(), c.Info().MSS)
		}
		p.run(newFlow(c, s, pattern(200_000, 1)), time.Minute)
		p.run(newFlow(s, c, pattern(200_000, 2)), time.Minute)
		c.Close()
		s.Close()
	}
	four, err := p.b.TCP.Open(ip.V4)
	if err != nil {
		t.Fatal(err)
	}
	if err := four.Bind(serverAt); err != errno.EADDRINUSE {
		t.Errorf("IPv4 beside a listener of both: %v", err)
	}
	l.Close()
	p.advance(5 * time.Minute)
}
