package tcp_test

import (
	"testing"

	"github.com/conform-stack/conform/stack/config"
	segment "github.com/conform-stack/conform/stack/wire/tcp"
)

// A connection keeps the times of so many packets only; of others no time is counted. Those that are read make room.
func TestReceiptsAreBounded(t *testing.T) {
	const most = 256
	c := plain()
	c.Data.RxTime = config.On
	k := newKit(t, c)
	e := k.accepted(segment.Options{})
	at := uint32(1)
	come := func(n int) {
		for range n {
			k.send(seg{flags: ack, seq: at, ack: 1, data: "x"})
			at++
		}
		k.frames = nil // acknowledgements
	}
	counted := func() (n uint64) { return k.node.Stats().TC.Received[0].Time.Count }
	b := make([]byte, 1000)
	for round := range 3 {
		before := counted()
		come(most + 10)
		if n, err := e.Recv(b[:100], 0); n != 100 || err != nil {
			t.Fatal(n, err)
		}
		if got := counted() - before; got != 100 {
			t.Errorf("round %d: %d counted of 100 read", round, got)
		}
		come(50)
		if n, err := e.Recv(b, 0); n != most+10-100+50 || err != nil {
			t.Fatal(n, err)
		}
		if got := counted() - before; got != most+50 {
			t.Errorf("round %d: %d counted in all", round, got)
		}
	}
}
