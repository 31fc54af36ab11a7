package stats

import (
	"time"

	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// connected is a scenario on a connection that a peer has opened.
func connected(id, title, moves string, do func(*probe.Conn)) scenario {
	return scenario{
		id: id, title: title, needs: []target.Feature{target.Agent}, moves: moves,
		begin: func(t *probe.Tester) func() {
			meet(t)
			c := t.TCP()
			c.Reach(probe.StateEstablished, probe.Passive)
			t.Wait(time.Second)
			return func() { do(c) }
		},
	}
}

// withTimes is a scenario in which times are kept of what is received.
func withTimes(s scenario) scenario {
	s.config = append(s.config, "CONFIG_NET_PKT_RXTIME_STATS=y")
	return s
}

// unknown is a SYN to a port that nobody has.
func unknown(t *probe.Tester) *probe.Conn { return t.TCPTo(40009) }

var streamScenarios = []scenario{ // never written
	{
		id: "tcp-no-port", title: "a SYN to a port that nobody has", prepare: meet,
		do:    func(t *probe.Tester) { unknown(t).Send(tcp.SYN, nil); t.Wait(100 * time.Millisecond) },
		moves: "ipv4.recv=1 ipv4.sent=1 tcp.recv=1 tcp.sent=1 tcp.drop=1 tcp.connrst=1",
	},
	{
		id: "tcp-checksum", title: "TCP with a wrong checksum", prepare: meet,
		do: func(t *probe.Tester) {
			unknown(t).Send(tcp.SYN, nil, tcp.Checksum.Is(0x1234))
			t.Wait(100 * time.Millisecond)
		},
		moves: "ipv4.recv=1 tcp.recv=1 tcp.drop=1 tcp.chkerr=1",
	},
	{
		id: "tcp-backlog", title: "a SYN to a listener whose backlog is full", needs: []target.Feature{target.Agent},
		config: []string{"CONFIG_CONFORM_TCP_SYN_COOKIES=n"},
		prepare: func(t *probe.Tester) {
			meet(t)
			t.Listen(4100, 1)
			for range 2 { // one more than the backlog says
				t.TCPTo(4100).Handshake()
			}
			t.Wait(100 * time.Millisecond)
		},
		do:    func(t *probe.Tester) { t.TCPTo(4100).Send(tcp.SYN, nil); t.Wait(100 * time.Millisecond) },
		moves: "ipv4.recv=1 tcp.recv=1 tcp.conndrop=1",
	},
	connected("tcp-received", "data arrives", "ipv4.recv=1 ipv4.sent=1 tcp.recv=1 tcp.sent=1 tcp.bytes.received=5", func(c *probe.Conn) {
		c.Data([]byte("seven"))
		c.Wait(time.Second) // the acknowledgment may be delayed
	}),
	withTimes(connected("tcp-times", "data arrives, and is read", "ipv4.recv=1 ipv4.sent=1 tcp.recv=1 tcp.sent=1 tcp.bytes.received=5 "+
		"rx_time.count=1 rx_time.sum=+ tc.recv[0].rx_time.count=1 tc.recv[0].rx_time.sum=+", func(c *probe.Conn) {
		c.Data([]byte("seven"))
		c.Wait(time.Second)
		if got, ok := c.Socket.Read(100).Delivered(); !ok || len(got.Data) != 5 {
			c.Inconclusive("not all that came was read")
		}
	})),
	connected("tcp-sent", "data leaves", "ipv4.sent=1 tcp.sent=1 tcp.bytes.sent=3", func(c *probe.Conn) {
		c.Socket.Write([]byte("abc"))
		c.Wait(50 * time.Millisecond)
	}),
	connected("tcp-resent", "data is not acknowledged, and sent again", "ipv4.sent=+ tcp.sent=+ tcp.bytes.sent=3 tcp.resent=+ tcp.rexmit=+", func(c *probe.Conn) {
		c.Socket.Write([]byte("abc"))
		c.Wait(4 * time.Second)
	}),
	connected("tcp-ack", "what was never sent is acknowledged", "ipv4.recv=1 ipv4.sent=1 tcp.recv=1 tcp.sent=1 tcp.ackerr=1 tcp.seg_drop=1", func(c *probe.Conn) {
		c.ACK(tcp.Ack.Is(uint(c.RcvNxt + 1000)))
		c.Wait(50 * time.Millisecond)
	}),
	connected("tcp-reset-inexact", "a reset is not exact", "ipv4.recv=1 ipv4.sent=1 tcp.recv=1 tcp.sent=1 tcp.rst=1 tcp.rsterr=1 tcp.seg_drop=1", func(c *probe.Conn) {
		c.RST(tcp.Seq.Is(uint(c.SndNxt + 10)))
		c.Wait(50 * time.Millisecond)
	}),
	connected("tcp-reset", "a reset", "ipv4.recv=1 tcp.recv=1 tcp.rst=1", func(c *probe.Conn) {
		c.RST()
		c.Wait(50 * time.Millisecond)
	}),
}

func init() {
	for _, s := range streamScenarios {
		add(s)
	}
}
