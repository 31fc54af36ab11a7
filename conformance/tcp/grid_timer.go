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
)

// A timeout is a row about one: each check has one rule.
type timeout row

// String is what names the row in reports.
func (t timeout) String() string { return t.ID }

// registerTimers adds the checks of the rows about timeouts (3.10.8), one for each timer.
func registerTimers(rows []row) {
	of := func(timer string) (some []timeout) {
		for _, r := range rows {
			if r.Segment == timer {
				some = append(some, timeout(r))
			}
		}
		return some
	}
	grid("tcp.grid.timer-retransmission", "what is not acknowledged is sent again, from SND.UNA on",
		check.Proves("RFC9293:3.10.8-2", mutate.Drops(tcp.Segment(tcp.SYNBit.Is(1)), 1)),
		of("timer-retransmission"), func(host *probe.Tester, t timeout) {
			r := row(t)
			c, n := r.enter(host)
			again := c.Expect(c.Any(tcp.Seq.Is(uint(n.una)), tcp.Lacks(tcp.RST), tcp.Flags.Where("with something to acknowledge", func(uint) bool { return true })),
				probe.For("RFC9293:3.10.8-2"), probe.Within(8*time.Second), probe.Because("nothing of it was acknowledged"))
			host.That("RFC9293:3.10.8-2", "what is sent again", tcp.Length(again), gomega.BeNumerically(">", 0))
			if r.State == probe.StateSynSent || r.State == probe.StateSynReceived {
				host.Must("RFC9293:3.10.8-2", again, tcp.Control(flagsOf(r.Reply.Flags)))
			}
		})

	silent := func(req agent.Request) bool { return req.Do == agent.SetOpt && req.Option == "TCP_USER_TIMEOUT" }
	grid("tcp.grid.timer-user", "what is not acknowledged within the user timeout ends the connection",
		check.Proves("RFC9293:3.10.8-1", mutate.Unheeded("sets no user timeout", silent)).Slow(),
		of("timer-user"), userTimeout)

	grid("tcp.grid.timer-time-wait", "after 2 MSL the connection is forgotten",
		check.Proves("RFC9293:3.10.8-3", mutate.Instead(from(tcp.RST), "an ACK", func(*packet.Frame) []packet.Cond {
			return []packet.Cond{tcp.Flags.Is(tcp.ACK)}
		})).Slow(),
		of("timer-time-wait"), func(host *probe.Tester, t timeout) {
			c, _ := row(t).enter(host)
			c.Wait(4*time.Minute + time.Second) // MSL is 2 minutes (3.4.2), or less
			c.Put(c.Knock())
			host.Must("RFC9293:3.10.8-3", c.Expect(c.Any(), probe.For("RFC9293:3.10.8-3")), tcp.Control(tcp.RST))
		})

	it("tcp.close.simultaneous-over", "a simultaneous close ends in TIME-WAIT, and that after 2 MSL",
		check.Proves("RFC9293:3.10.7.4-30", mutate.Instead(from(tcp.RST), "an ACK", func(*packet.Frame) []packet.Cond {
			return []packet.Cond{tcp.Flags.Is(tcp.ACK)}
		})).Slow(),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateClosing, probe.Passive)
			c.ACK()
			c.Wait(gridMoment(c))
			c.Wait(4*time.Minute + time.Second)
			c.Put(c.Knock())
			f := c.Expect(c.Any(), probe.For("RFC9293:3.10.7.4-30"), probe.Because("nothing is left of a connection after TIME-WAIT"))
			host.Must("RFC9293:3.10.7.4-30", f, tcp.Control(tcp.RST))
		})
}

// userTimeout lets the tester fall silent, and expects that the target gives up.
func userTimeout(host *probe.Tester, r timeout) {
	const rule, ms = "RFC9293:3.10.8-1", 3000
	c := host.TCP()
	c.Setup = func(s *probe.Socket) {
		mustSet(s, c, "TCP_USER_TIMEOUT", ms)
		if r.State == probe.StateFinWait2 { // nothing is outstanding there but an answer to keep-alive probes
			mustSet(s, c, "SO_KEEPALIVE", 1)
			mustSet(s, c, "TCP_KEEPIDLE", 1)
			mustSet(s, c, "TCP_KEEPINTVL", 1)
			mustSet(s, c, "TCP_KEEPCNT", 2)
		}
	}
	c.Reach(r.State, probe.Passive)
	if r.State == probe.StateEstablished || r.State == probe.StateCloseWait {
		c.Socket.Write(probe.Pattern(gridSent))
	}
	switch r.State {
	case probe.StateSynReceived:
		c.Wait(5 * time.Minute) // R2 of a SYN,ACK is 3 minutes at least (MUST-23): seven retransmissions last 255 s
	case probe.StateSynSent: // 3 minutes at least, unless the user's own time counts (MUST-23)
		c.Until(10*time.Minute, func() bool { _, done := c.Dialing.Done(); return done })
	default:
		c.Wait(30 * time.Second)
	}
	if r.State == probe.StateSynSent {
		reply, done := c.Dialing.Done()
		host.That(rule, "the application's connect has failed", done && reply.Errno == "ETIMEDOUT", gomega.BeTrue())
	}
	if r.State == probe.StateEstablished {
		reply, _ := c.Socket.Read(1).Delivered()
		host.That(rule, "what the application is told", reply.Errno, gomega.Equal("ETIMEDOUT"))
	}
	state := c.State()
	host.That(rule, "nothing is left of the connection", state == probe.StateClosed || state == probe.StateListen, gomega.BeTrue())
}
