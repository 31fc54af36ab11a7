package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// tick is more than one of the slowest clock of timestamps (RFC 7323, 5.4).
const tick = 1100 * time.Millisecond

// renewed is a SYN of a new connection between the ports of an old one: off from the number behind its FIN. stamp is what
// its timestamp has beyond the last one that the target saw; only where the old connection has timestamps.
func renewed(c *probe.Conn, off int32, stamp ...int32) packet.Template {
	conds := []packet.Cond{tcp.SrcPort.Is(uint(c.Local)), tcp.DstPort.Is(uint(c.Remote)), tcp.Flags.Is(tcp.SYN), tcp.Window.Is(gridWindow),
		tcp.MSS.Is(c.Offer.MSS), tcp.Seq.Is(uint(c.SndNxt + uint32(off)))}
	for _, d := range stamp {
		conds = append(conds, tcp.TSval.Is(uint(lastStamp(c)+uint32(d))), tcp.TSecr.Is(0))
	}
	return tcp.Segment(conds...)
}

// begun is how many SYN,ACKs the target has sent for a SYN of that number.
func begun(c *probe.Conn, seq uint32) int {
	return len(c.Sent(tcp.Control(tcp.SYN|tcp.ACK), tcp.Ack.Is(uint(seq+1))))
}

// toTimeWait brings a connection that is open to TIME-WAIT.
func toTimeWait(c *probe.Conn) {
	if err := c.Socket.Shutdown(probe.ShutWrite); err != nil {
		c.Inconclusive("the application cannot end its stream: %v", err)
	}
	c.Tester.Expect(c.Any(tcp.Has(tcp.FIN)), probe.For(), probe.Because("the application ended its stream"))
	c.ACK()
	c.FIN()
	c.Tester.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Ack.Is(uint(c.SndNxt))), probe.For(), probe.Because("the FIN was in order"))
}

// follow opens the next connection, by a SYN that is off from the number behind the FIN. It is false when the target
// begins none.
func follow(c *probe.Conn, off int32) bool {
	accepting, seq := c.Listener.Accept(), c.SndNxt+uint32(off)
	conds := []packet.Cond{tcp.Seq.Is(uint(seq))}
	if c.Offer.Timestamps {
		conds = append(conds, tcp.TSecr.Is(0))
	}
	c.Send(tcp.SYN, nil, conds...)
	if !c.Until(2*time.Second, func() bool { return begun(c, seq) > 0 }) {
		return false
	}
	c.ACK()
	if c.Socket = accepting.Socket(2 * time.Second); c.Socket == nil {
		c.Inconclusive("the target does not accept the connection")
	}
	return true
}

// Connections that follow each other (RFC 6191), beyond the rows of renewals.
func init() {
	secondSYN := mutate.DeafAfter(1, gridStimulus, gridStimulus)
	old := func(host *probe.Tester, stamps bool) *probe.Conn {
		c := host.TCP()
		c.Offer.Timestamps = stamps
		c.Opened = func() { c.Deliver(probe.Pattern(gridTaken)) }
		c.Reach(probe.StateTimeWait, probe.Passive)
		if stamps && !c.PeerOffer.Timestamps {
			host.Inconclusive("the target has no timestamps")
		}
		return c
	}

	it("tcp.time-wait.judged", "TIME-WAIT judges each SYN by what it may be: an old one leaves it, a later one ends it",
		check.Proves("RFC6191:2-1", secondSYN),
		func(host *probe.Tester) {
			c := old(host, false)
			old, dup := c.SndNxt-6, renewed(c, -6)
			c.Stray(dup, dup)
			c.Wait(gridMoment(c))
			host.That("RFC6191:2-1", "connections begun by a SYN below the FIN", begun(c, old), gomega.BeZero())
			c.Wait(600 * time.Millisecond) // challenges may be limited
			seq, later := c.SndNxt+1000, renewed(c, 1000)
			c.Stray(later, later)
			c.Until(time.Second, func() bool { return begun(c, seq) > 0 })
			host.That("RFC6191:2-1", "a later SYN begins a connection", begun(c, seq) > 0, gomega.BeTrue())
		})

	it("tcp.time-wait.retried", "a SYN that looks like an old one is ignored, and accepted when it comes again with a later timestamp",
		check.Proves("RFC6191:3-2", secondSYN).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := old(host, true)
			syn := c.SndNxt - 6
			first := renewed(c, -6, 0)
			c.Stray(first, first)
			c.Wait(tick)
			host.That("RFC6191:3-2", "connections begun by a SYN with the last timestamp, below the FIN", begun(c, syn), gomega.BeZero())
			retry := renewed(c, -6, int32(tick/time.Millisecond))
			c.Stray(retry, retry)
			c.Until(time.Second, func() bool { return begun(c, syn) > 0 })
			host.That("RFC6191:3-2", "the SYN that came again begins a connection", begun(c, syn) > 0, gomega.BeTrue())
		})

	// The second SYN of this port is the first that follows an old connection; to the third it is deaf.
	it("tcp.time-wait.recycled", "with timestamps connections follow each other though their numbers do not grow, but for an equal timestamp",
		check.Proves("RFC6191:4-1", mutate.DeafAfter(2, from(tcp.SYN), from(tcp.SYN))).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := old(host, true)
			for range 2 {
				c.Wait(tick)
				if !follow(c, -100000) {
					host.Fail("RFC6191:4-1", probe.Missing, "a SYN with a later timestamp and a lower number begins a connection")
					return
				}
				c.Deliver(probe.Pattern(gridTaken))
				toTimeWait(c)
			}
			c.Wait(gridMoment(c))
			seq, equal := c.SndNxt-100000, renewed(c, -100000, 0)
			c.Stray(equal, equal)
			c.Wait(gridMoment(c))
			host.That("RFC6191:4-1", "connections begun with the last timestamp", begun(c, seq), gomega.BeZero())
		})

	it("tcp.time-wait.one-sided", "timestamps of a SYN count only where the answer would have them, too",
		check.Proves("RFC6191:2-11", mutate.Gullible()).Configured("CONFIG_CONFORM_TCP_TIMESTAMPS=n"),
		func(host *probe.Tester) {
			c := old(host, false)
			stamp := []packet.Cond{tcp.TSval.Is(uint(c.Clock())), tcp.TSecr.Is(0)}
			dup := renewed(c, -6).With(stamp...)
			c.Stray(dup, renewed(c, 1000).With(stamp...))
			c.Wait(gridMoment(c))
			if n := len(c.Sent(tcp.Control(tcp.SYN | tcp.ACK))); n > 1 {
				host.Fail("RFC6191:2-11", probe.Spurious, "no connection for a SYN below the FIN: its timestamps will not be in use")
				return
			}
			c.Wait(600 * time.Millisecond)
			seq, later := c.SndNxt+2000, renewed(c, 2000).With(stamp...)
			c.Stray(later, later)
			f := c.Expect(c.From(tcp.SYN|tcp.ACK, tcp.Ack.Is(uint(seq+1))), probe.For("RFC6191:2-11"))
			host.Must("RFC6191:2-11", f, tcp.TSval.None())
		})

	open := mutate.Answers(gridStimulus, "a SYN,ACK", func(f *packet.Frame) []packet.Cond {
		seq, _ := tcp.Seq.Of(f)
		return []packet.Cond{tcp.Flags.Is(tcp.SYN | tcp.ACK), tcp.Seq.Is(1), tcp.Ack.Is(uint(uint32(seq + 1)))}
	})
	grid("tcp.time-wait.other-states", "in no other state does a SYN with a later timestamp begin another connection",
		check.Proves("RFC6191:2-13", open),
		[]probe.State{probe.StateEstablished, probe.StateFinWait1, probe.StateFinWait2, probe.StateCloseWait, probe.StateClosing, probe.StateLastAck},
		func(host *probe.Tester, s probe.State) {
			c := host.TCP()
			c.Offer.Timestamps = true
			c.Opened = func() { c.Deliver(probe.Pattern(gridTaken)) }
			c.Reach(s, probe.Passive)
			syn := renewed(c, 1000, int32(tick/time.Millisecond))
			had := len(c.Sent(tcp.Has(tcp.SYN)))
			c.Stray(syn, syn)
			c.Wait(gridMoment(c))
			host.That("RFC6191:2-13", "connections that the SYN began", len(c.Sent(tcp.Has(tcp.SYN)))-had, gomega.BeZero())
			host.That("RFC6191:2-13", "the state then", c.State(), gomega.Equal(s))
		})

	it("tcp.time-wait.restarted", "a host that restarts and keeps quiet for two MSL is not refused; within them its SYN may be",
		check.Proves("RFC6191:A.1-1", secondSYN).Needs(target.Timestamps).Slow(),
		func(host *probe.Tester) {
			c := old(host, true)
			syn := c.SndNxt - 100000
			first := renewed(c, -100000, -500000) // the clock began anew
			c.Stray(first, first)
			c.Wait(gridMoment(c))
			refused := begun(c, syn) == 0
			host.That("RFC6191:A.1-1", "a SYN with a lower timestamp is refused in TIME-WAIT", refused, gomega.BeTrue())
			c.Wait(4*time.Minute + 5*time.Second)
			last := renewed(c, -100000, -250000)
			c.Stray(last, last)
			c.Until(time.Second, func() bool { return begun(c, syn) > 0 })
			host.That("RFC6191:A.1-1", "the SYN behind two MSL begins a connection", begun(c, syn) > 0, gomega.BeTrue())
		})
}

// What may go wrong about TIME-WAIT, and where numbers of two connections meet: the hazards of RFC 1337.
func init() {
	it("tcp.hazard.old-text", "text of an old connection that lies in the window of the next is taken for text of that",
		check.Proves("RFC1337:2.2-1", ignoring(tcp.ACK, tcp.Window.Is(gridWindow))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateTimeWait, probe.Passive)
			if !follow(c, 1000) {
				host.Inconclusive("the target begins no connection in TIME-WAIT")
			}
			stale := c.Segment(tcp.PSH|tcp.ACK, []byte("stale"), c.At(5), tcp.Window.Is(gridWindow))
			c.Stray(stale, stale)
			c.Data([]byte("fresh"))
			c.Until(2*time.Second, func() bool { return c.SndUna-(c.ISS+1) >= 10 })
			host.That("RFC1337:2.2-1", "octets acknowledged when five of ten were sent again", int(c.SndUna-(c.ISS+1)), gomega.Equal(10))
			host.That("RFC1337:2.2-1", "what the application reads", reads(c, 10), gomega.Equal("freshstale"))
		})

	it("tcp.hazard.loop", "an ACK of what was not sent draws an ACK, each time: two ends that disagree go on for ever",
		check.Proves("RFC1337:2.3-1", mutate.DeafAfter(3, gridStimulus, gridStimulus)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			for range 5 {
				c.Wait(600 * time.Millisecond) // such answers may be limited
				c.Forget()
				wrong := forged(c, tcp.ACK, nil, 0, 1000)
				c.Stray(wrong, wrong)
				f := c.Expect(c.From(tcp.ACK), probe.For("RFC1337:2.3-1"))
				host.Must("RFC1337:2.3-1", f, tcp.Seq.Is(uint(c.RcvNxt)), tcp.Ack.Is(uint(c.SndNxt)))
			}
		})

	it("tcp.hazard.reset", "an old ACK in SYN-SENT draws a RST with its number, wherever in the peer's window that is",
		check.Proves("RFC1337:2.4-1", mutate.Shifts(tcp.Segment(tcp.RSTBit.Is(1)), tcp.Seq, -500)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateSynSent, probe.Passive)
			at := uint(c.RcvNxt + 500) // the tester, in SYN-RECEIVED, would have it in its window
			dup := c.Segment(tcp.ACK, nil, tcp.Ack.Is(at), tcp.Window.Is(gridWindow))
			c.Stray(dup, dup)
			f := c.Expect(c.Any(tcp.Has(tcp.RST)), probe.For("RFC1337:2.4-1"))
			host.Must("RFC1337:2.4-1", f, tcp.Control(tcp.RST), tcp.Seq.Is(at))
		})

	it("tcp.hazard.assassination", "a RST in TIME-WAIT ends the state, or it does not: what comes next is answered accordingly",
		check.Proves("RFC1337:1-2", mutate.DeafAfter(1, from(tcp.RST), from(tcp.ACK))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateTimeWait, probe.Passive)
			rst := c.Segment(tcp.RST, nil, tcp.Window.Is(gridWindow))
			c.Stray(rst, rst)
			c.Wait(600 * time.Millisecond)
			c.Forget()
			c.Put(c.Knock())
			f := c.Expect(c.Any(), probe.For("RFC1337:1-2"), probe.Because("a connection in TIME-WAIT sends an ACK, and none a RST"))
			flags, _ := tcp.Flags.Of(f)
			gone := flags&tcp.RST != 0
			host.Observed("RFC1337:1-2", "the RST ended TIME-WAIT: %t", gone)
			if gone {
				host.Must("RFC1337:1-2", f, tcp.Control(tcp.RST), tcp.Seq.Is(uint(c.RcvNxt)))
			} else {
				host.Must("RFC1337:1-2", f, tcp.Control(tcp.ACK), tcp.Seq.Is(uint(c.RcvNxt)), tcp.Ack.Is(uint(c.SndNxt)))
			}
		})
}
