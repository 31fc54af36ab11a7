package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// unanswered is a connection whose application has sent data that nobody acknowledges, and a read that will end when the
// connection does.
func unanswered(host *probe.Tester, userTimeout int) (c *probe.Conn, reading *probe.Call, since time.Duration) {
	c = host.TCP()
	c.Open(probe.Passive)
	if userTimeout > 0 {
		mustSet(c.Socket, c, "TCP_USER_TIMEOUT", userTimeout)
	}
	reading = c.Socket.Read(10)
	since = host.Now()
	c.Socket.Write([]byte("is anybody there?"))
	c.Expect(c.DataFrom(), probe.For())
	c.Forget()
	return c, reading, since
}

func init() {
	data := tcp.Segment().Then(someData)

	it("tcp.r2.default", "data is sent again for 100 seconds or more, and three times or more, before the connection is given up",
		check.Proves("RFC9293:SHLD-11", mutate.Drops(data, 5)).
			And("RFC9293:SHLD-10", mutate.Drops(data, 3)).Slow(),
		func(host *probe.Tester) {
			c, reading, since := unanswered(host, 0)
			c.Wait(since + 100*time.Second - host.Now())
			_, ended := reading.Done()
			host.That("RFC9293:SHLD-11", "the connection is given up before 100 s", ended || c.Reset, gomega.BeFalse())
			sent := filled(c.Sent())
			host.That("RFC9293:SHLD-10", "retransmissions", len(sent)-1, gomega.BeNumerically(">=", 3))
			// The timeout doubles, so that one of the retransmissions stands in the second half of 100 s.
			host.That("RFC9293:SHLD-11", "the last retransmission so far", sent[len(sent)-1].At-since, gomega.BeNumerically(">=", 49*time.Second))
		})

	it("tcp.r2.set", "the application sets for how long data is sent again",
		check.Proves("RFC9293:MUST-21", unheeded("TCP_USER_TIMEOUT")).Slow(),
		func(host *probe.Tester) {
			_, reading, since := unanswered(host, 4000)
			errno := errnoOf(reading, 20*time.Second)
			if host.That("RFC9293:MUST-21", "how the read ends", errno, gomega.Equal("ETIMEDOUT")) {
				// A target that looks only when it sends again does so at 7 s.
				host.Between("RFC9293:MUST-21", "from the first transmission to the end, 4 s being set", host.Now()-since, 4*time.Second, 8*time.Second)
			}
		})

	it4("tcp.r1.advice", "after R1 the way is doubted, after R2 the connection is given up",
		check.Proves("RFC9293:MUST-20", mutate.Hushed(from(tcp.ACK), arp.Packet())).Slow(),
		func(host *probe.Tester) {
			c, reading, since := unanswered(host, 120000)
			f := host.Expect(arp.Request(host.IP()), probe.For("RFC9293:MUST-20"), probe.Within(120*time.Second), probe.Because("the data does not get through: the neighbour may have gone"))
			before := 0
			for _, g := range filled(c.Sent()) {
				if g.At <= f.At {
					before++
				}
			}
			host.Step("the way is doubted after %d retransmissions", before-1)
			errno := errnoOf(reading, 4*time.Minute)
			host.That("RFC9293:MUST-20", "how the read ends after R2, 120 s being set", errno, gomega.BeElementOf("ETIMEDOUT", "EHOSTUNREACH"))
			host.Step("the connection is given up after %v", host.Now()-since)
		})

	it("tcp.r2.syn", "a SYN is sent again for three minutes or more, then connecting fails",
		check.Proves("RFC9293:MUST-23", mutate.Drops(from(tcp.SYN), 4)).
			And("RFC9293:MUST-22", failing(agent.Dial, "")).Slow(),
		func(host *probe.Tester) {
			c := host.TCP()
			since := c.Dial().At
			errno := errnoOf(c.Dialing, 20*time.Minute)
			host.That("RFC9293:MUST-22", "how connect ends", errno, gomega.BeElementOf("ETIMEDOUT", "EHOSTUNREACH"))
			host.That("RFC9293:MUST-23", "the time until connect ended", host.Now()-since, gomega.BeNumerically(">=", 3*time.Minute))
			syns := c.Sent(tcp.Control(tcp.SYN))
			// The timeout doubles, to a minute or more: one of the retransmissions stands in the second half of three minutes.
			host.That("RFC9293:MUST-23", "the last retransmission", syns[len(syns)-1].At-since, gomega.BeNumerically(">=", 89*time.Second))
		})

	it("tcp.r2.backoff", "what is lost comes again after a timeout that doubles",
		check.Proves("RFC9293:MUST-18", mutate.Repeat(data, 120*time.Millisecond)).
			And("RFC9293:MUST-19", mutate.Repeat(data, 1200*time.Millisecond)).Slow(),
		func(host *probe.Tester) {
			c, _, _ := unanswered(host, 0)
			c.Wait(8 * time.Second)
			sent := filled(c.Sent())
			if len(sent) < 4 {
				host.Fail("RFC9293:MUST-19", probe.Missing, "three retransmissions in 8 s; there are %d", len(sent)-1)
				return
			}
			// Nothing but a short round trip was measured: the timeout is at its minimum, 1 s by RFC 6298, 2.4, which is a
			// SHOULD. More is due where the SYN was taken for lost (5.7).
			first := sent[1].At - sent[0].At
			host.Between("RFC9293:MUST-18", "the first timeout", first, 190*time.Millisecond, 3100*time.Millisecond)
			for i := 2; i < 4; i++ {
				gap, before := sent[i].At-sent[i-1].At, sent[i-1].At-sent[i-2].At
				host.Between("RFC9293:MUST-19", "the next timeout", gap, before*3/2, before*5/2+200*time.Millisecond)
			}
		})
}
