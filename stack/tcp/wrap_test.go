package tcp_test

import (
	"testing"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/tcp"
)

// A stream of more octets than there are sequence numbers: nothing that is noted at its beginning, and seldom renewed,
// comes to lie ahead when it has fallen behind by half the space. The urgent pointer did, at 2 GiB: the peer was told of an
// urgent octet, which then was missing from the stream.
func TestMoreThanTheSequenceSpace(t *testing.T) {
	if testing.Short() {
		t.Skip("moves 5 GiB; leave out -short")
	}
	m := newPumpBy(t, config.Config{TCP: config.TCP{Congestion: "cubic"}}, link{mtu: 65535})
	m.block = make([]byte, 1<<20)
	m.run(5 << 30)
	if n := m.got; n != 5<<30 {
		t.Errorf("%d octets arrived", n)
	}
	a, b := m.p.a.Stats(), m.p.b.Stats()
	for why, n := range b.Drops {
		if n > 0 && a.TCP.Retransmitted < n {
			t.Errorf("%d segments were dropped, reason %d", n, why)
		}
	}
	if a.TCP.Retransmitted > 0 {
		t.Errorf("%d segments were retransmitted by a link that loses none", a.TCP.Retransmitted)
	}
	if _, err := m.to.Recv(make([]byte, 1), tcp.OOB); err != errno.EINVAL {
		t.Errorf("something is urgent: %v", err)
	}
	if _, err := m.to.Send([]byte("back"), 0); err != nil {
		t.Error(err)
	}
	m.p.advance(0)
	if n, err := m.from.Recv(make([]byte, 10), 0); n != 4 || err != nil {
		t.Error(n, err)
	}
}
