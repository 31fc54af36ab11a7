package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// watched is a connection that the target watches by keep-alives: after idle seconds, then every interval seconds. The
// target has sent no data, so a keep-alive stands at -1.
func watched(host *probe.Tester, idle, interval, count int) (c *probe.Conn, since time.Duration) {
	c = host.TCP()
	c.Open(probe.Passive)
	since = host.Now()
	mustSet(c.Socket, c, "TCP_KEEPIDLE", idle)
	mustSet(c.Socket, c, "TCP_KEEPINTVL", interval)
	mustSet(c.Socket, c, "TCP_KEEPCNT", count)
	mustSet(c.Socket, c, "SO_KEEPALIVE", 1)
	return c, since
}

// littered is a target whose bare acknowledgments carry an octet.
func littered() mutate.Mutation {
	return mutate.Octets(from(tcp.ACK), "with an octet of garbage", func(b []byte) []byte {
		f := packet.Dissect(target.Ethernet, b)
		header, data := f.Header(tcp.Proto), f.Body(tcp.Proto)
		end := len(b) - cap(b[len(b):]) // of the frame
		if cap(f.Bytes) >= cap(header) {
			end = cap(f.Bytes) - cap(header) + len(header) + len(data)
		}
		b = append(b[:end:end], 0)
		switch ip := b[14:]; ip[0] >> 4 {
		case 4:
			ip[3]++
		case 6:
			ip[5]++
		}
		f = packet.Dissect(target.Ethernet, b)
		window, _ := tcp.Window.Of(f)
		return f.Rewrite(tcp.Window.Is(window))
	})
}

func init() {
	it("tcp.keepalive.off", "there are no keep-alives unless they are asked for",
		check.Proves("RFC9293:MUST-25", mutate.Repeat(tcp.Segment(tcp.SYNBit.Is(1)), 2*time.Second)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Socket.SetOption("TCP_KEEPIDLE", 1) // the time is not the switch
			c.Socket.SetOption("TCP_KEEPINTVL", 1)
			quiet := 2500 * time.Millisecond
			if host.Virtual() {
				quiet = 5 * time.Hour
			}
			c.Forget()
			c.Never(c.Any(), quiet, probe.Because("nobody asked for keep-alives"))
		})

	it("tcp.keepalive.switch", "keep-alives are turned on and off for a connection",
		check.Proves("RFC9293:MUST-24", unheeded("SO_KEEPALIVE")).
			And("RFC9293:MAY-5", mutate.Missing(from(tcp.ACK))).Slow(),
		func(host *probe.Tester) {
			c, _ := watched(host, 1, 1, 5)
			f := c.Expect(c.From(tcp.ACK), probe.For("RFC9293:MUST-24", "RFC9293:MAY-5"), probe.Within(3*time.Second), probe.Because("keep-alives are on"))
			host.Observed("RFC9293:MAY-5", "a keep-alive: %s", f)
			c.ACK()
			mustSet(c.Socket, c, "SO_KEEPALIVE", 0)
			c.Wait(20 * time.Millisecond)
			c.Forget()
			c.Never(c.Any(), 3*time.Second, probe.For("RFC9293:MUST-24"), probe.Because("keep-alives are off again"))
		})

	it("tcp.keepalive.interval", "the time until a keep-alive can be set",
		check.Proves("RFC9293:MUST-27", mistaken("TCP_KEEPIDLE", 5)).
			And("RFC9293:SHLD-12", littered()),
		func(host *probe.Tester) {
			c, since := watched(host, 2, 1, 5)
			f := c.Expect(c.From(tcp.ACK), probe.For("RFC9293:MUST-27"), probe.Within(7*time.Second))
			host.Between("RFC9293:MUST-27", "from the last segment to the keep-alive", f.At-since, 2*time.Second, 2100*time.Millisecond)
			host.Must("RFC9293:MUST-27", f, c.SeqIs(-1), c.AckIs(0))
			host.That("RFC9293:SHLD-12", "octets of data in it", sizeOf(f), gomega.BeZero())
		})

	it("tcp.keepalive.default", "the time until a keep-alive is two hours or more, by default",
		check.Proves("RFC9293:MUST-28", mutate.Tells("two minutes by default", func(r agent.Request, reply *agent.Reply) {
			if r.Do == agent.GetOpt && r.Option == "TCP_KEEPIDLE" {
				reply.Value = 120
			}
		})),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			since := host.Now()
			mustSet(c.Socket, c, "SO_KEEPALIVE", 1)
			idle, err := c.Socket.GetOption("TCP_KEEPIDLE")
			if err != nil {
				host.Inconclusive("the target does not tell the time: %v", err)
			}
			host.That("RFC9293:MUST-28", "TCP_KEEPIDLE in seconds", idle, gomega.BeNumerically(">=", 7200))
			if host.Virtual() {
				f := c.Expect(c.From(tcp.ACK), probe.For("RFC9293:MUST-28"), probe.Within(time.Duration(idle)*time.Second+time.Minute))
				host.Between("RFC9293:MUST-28", "from the last segment to the keep-alive", f.At-since, 2*time.Hour, time.Duration(idle+1)*time.Second)
			}
		})

	it("tcp.keepalive.missed", "a peer that misses a keep-alive is not given up",
		check.Proves("RFC9293:MUST-29", mutate.Drops(from(tcp.ACK), 1)),
		func(host *probe.Tester) {
			c, _ := watched(host, 1, 1, 4)
			c.Expect(c.From(tcp.ACK, c.SeqIs(-1)), probe.For(), probe.Within(3*time.Second))
			c.Expect(c.From(tcp.ACK, c.SeqIs(-1)), probe.For("RFC9293:MUST-29"), probe.Within(3*time.Second), probe.Because("the first keep-alive may have got lost"))
			c.ACK()
			c.Data([]byte("octets"))
			host.That("RFC9293:MUST-29", "the application reads the data", reads(c, 6), gomega.Equal("octets"))
		})

	it("tcp.keepalive.idle", "there are no keep-alives while there is traffic",
		check.Proves("RFC9293:MUST-26", mutate.Shifts(from(tcp.ACK), tcp.Seq, -1)).Slow(),
		func(host *probe.Tester) {
			c, _ := watched(host, 2, 1, 5)
			c.Socket.Drain()
			for range 5 { // something comes once a second
				c.Data([]byte("octets"))
				c.Wait(time.Second)
			}
			c.Socket.Write([]byte("unacknowledged"))
			for range 5 { // something is outstanding
				c.Wait(time.Second)
			}
			probes := 0
			for _, f := range c.Sent(tcp.Control(tcp.ACK), c.SeqIs(-1)) {
				if sizeOf(f) == 0 {
					probes++
				}
			}
			host.That("RFC9293:MUST-26", "keep-alives", probes, gomega.BeZero())
		})
}
