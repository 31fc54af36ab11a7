package tcp

import (
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A clocked connection has a clock of the script's: what it sends has the TSval that the script says.
type clocked struct {
	*probe.Conn
	base uint32 // of the SYN
}

// clockedOpen opens a connection with timestamps. The tester's clock stands at base then.
func clockedOpen(host *probe.Tester, base uint32) clocked {
	c := clocked{stamping(host), base}
	c.Listen()
	c.Accepting = c.Listener.Accept()
	c.Connect(stampedAt(base))
	if !c.PeerOffer.Timestamps {
		host.Inconclusive("the target does not use timestamps, though it declares them")
	}
	c.ACK(stampedAt(base))
	if c.Socket = c.Accepting.Socket(3 * time.Second); c.Socket == nil {
		host.Inconclusive("the target does not accept the connection")
	}
	return c
}

// clockedBase is where the clock of most scripts begins.
const clockedBase = 0x10000000

// data sends octets from a position, at a time of the script's clock.
func (c clocked) data(at, n int, later int) {
	c.Send(tcp.PSH|tcp.ACK, probe.Pattern(at + n)[at:], c.At(at), stampedAt(c.base+uint32(later)))
}

// acked waits until everything before a position is acknowledged, and gives the segment that did.
func (c clocked) acked(to int, req ...string) *packet.Frame {
	return c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST), c.AckIs(to)), probe.For(req...), probe.Within(2*time.Second))
}

// old makes a segment of the tester older than what the target has seen.
func (c clocked) old() packet.Cond { return stampedAt(c.base - 50) }

// Which timestamp is echoed (RFC 7323, section 4.3).
func init() {
	acks := from(tcp.ACK)
	echoes := func(n int) mutate.Mutation { return mutate.Shifts(acks, tcp.TSecr, n) }
	it("tcp.paws.echo-delayed", "an acknowledgment echoes the earliest segment that it is about",
		check.Proves("RFC7323:4.3-2", echoes(5)).
			And("RFC7323:3.2-5", echoes(1000)).
			And("RFC7323:4.3-7", echoes(-3)).
			Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			_ = c.Socket.SetOption("TCP_QUICKACK", 0)
			vals := map[int]int{} // by the position at which a segment ends
			from, n := 0, 0
			for round := range 6 {
				for k := range 2 {
					n += 100
					vals[n] = 10*round + 5*k
					c.data(n-100, 100, vals[n])
				}
				c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			}
			checked := 0
			for _, f := range c.Sent(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST)) {
				ack, _ := tcp.Ack.Of(f)
				at := int(int32(uint32(ack) - c.ISS - 1))
				if at <= from {
					continue
				}
				_, ecr := stampOf(f)
				for _, req := range []string{"RFC7323:4.3-2", "RFC7323:3.2-5", "RFC7323:4.3-7"} {
					host.That(req, fmt.Sprintf("what the acknowledgment of %d to %d echoes", from, at), int32(ecr-c.base), gomega.BeEquivalentTo(vals[from+100]))
				}
				from, checked = at, checked+1
			}
			host.That("RFC7323:3.2-5", "acknowledgments", checked, gomega.BeNumerically(">", 0))
		})

	it("tcp.paws.echo-hole", "what comes behind a hole is not echoed; what fills it is",
		check.Proves("RFC7323:4.3-3", mutate.Shifts(from(tcp.ACK), tcp.TSecr, 20)).
			And("RFC7323:4.3-4", mutate.FieldFrom(2, acks, tcp.TSecr.Is(clockedBase+30))).
			And("RFC7323:3.2-6", mutate.FieldFrom(2, acks, tcp.TSecr.Is(clockedBase+1))).
			And("RFC7323:5.3-8", mutate.Ignores(tcp.Segment(tcp.TSval.Is(clockedBase+20)))).
			And("RFC7323:5.3-10", mutate.Ignores(tcp.Segment(tcp.TSval.Is(clockedBase+30)))).
			Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			c.data(0, 100, 10)
			c.acked(100)
			c.data(200, 100, 30) // behind a hole
			f := c.acked(100, "RFC7323:5.3-10")
			_, ecr := stampOf(f)
			host.That("RFC7323:4.3-3", "what is echoed behind a hole", int32(ecr-c.base), gomega.BeEquivalentTo(10))
			c.Forget()
			c.data(100, 100, 20)
			f = c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST)), probe.For("RFC7323:5.3-8", "RFC7323:5.3-10", "RFC7323:4.3-4", "RFC7323:3.2-6"))
			_, ecr = stampOf(f)
			ack, _ := tcp.Ack.Of(f)
			at := int32(uint32(ack) - c.ISS - 1)
			host.That("RFC7323:5.3-8", "acknowledged when an older one came", at, gomega.BeNumerically(">=", 200))
			host.That("RFC7323:5.3-10", "acknowledged when the hole was filled", at, gomega.BeEquivalentTo(300))
			host.That("RFC7323:4.3-4", "what is echoed when the hole is filled", int32(ecr-c.base), gomega.BeEquivalentTo(20))
			host.That("RFC7323:3.2-6", "what is echoed when the hole is filled", int32(ecr-c.base), gomega.BeEquivalentTo(20))
		})

	it("tcp.paws.echo-overlap", "a segment that begins before what was acknowledged and ends behind it is echoed",
		check.Proves("RFC7323:4.3-6", mutate.FieldFrom(1, acks, tcp.TSecr.Is(clockedBase+10))).
			And("RFC7323:4.3-5", mutate.FieldFrom(1, acks, tcp.TSecr.Is(clockedBase+11))).
			Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			c.data(0, 100, 10)
			c.acked(100)
			c.data(50, 100, 20)
			_, ecr := stampOf(c.acked(150, "RFC7323:4.3-6"))
			host.That("RFC7323:4.3-6", "what is echoed", int32(ecr-c.base), gomega.BeEquivalentTo(20))
			host.That("RFC7323:4.3-5", "what is echoed", int32(ecr-c.base), gomega.BeEquivalentTo(20))
		})

	early := tcp.Segment(tcp.TSval.Is(clockedBase - 5))
	it("tcp.paws.outdated", "after more than 24 idle days any timestamp is new, and is the one to echo",
		check.Proves("RFC7323:5.5-1", mutate.Ignores(early)).
			And("RFC7323:5.5-2", mutate.Field(acks, tcp.TSecr.Is(clockedBase+10))).
			Needs(target.Timestamps, target.Days),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			c.data(0, 100, 10)
			c.acked(100)
			c.Wait(24*24*time.Hour + time.Minute)
			c.data(100, 100, -5)
			_, ecr := stampOf(c.acked(200, "RFC7323:5.5-1"))
			host.That("RFC7323:5.5-2", "what is echoed", int32(ecr-c.base), gomega.BeEquivalentTo(-5))
		})

	it("tcp.paws.outdated-not", "what is older is still old after 14 idle days",
		check.Proves("RFC7323:5.3-3", mutate.Gullible()).Needs(target.Timestamps, target.Days),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			c.data(0, 100, 10)
			c.acked(100)
			c.Wait(14 * 24 * time.Hour)
			c.data(100, 100, 15) // the idle time begins here, not with the connection
			c.acked(200)
			c.Wait(14 * 24 * time.Hour)
			good := c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(50), stampedAt(c.base+20))
			c.Overlooks(good.With(c.old()), good)
		})

	it("tcp.paws.queued", "what waits behind a hole is not checked again when the hole is filled by something newer",
		check.Proves("RFC7323:5.3-11", mutate.Ignores(tcp.Segment(tcp.TSval.Is(clockedBase+30)))).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			c.data(0, 100, 10)
			c.acked(100)
			c.data(200, 100, 30)
			c.data(100, 100, 40)
			c.acked(300, "RFC7323:5.3-11")
			host.That("RFC7323:5.3-11", "what the application reads", reads(c.Conn, 300), gomega.Equal(string(probe.Pattern(300))))
		})
}

// What is too old (RFC 7323, section 5).
func init() {
	acks := from(tcp.ACK)
	it("tcp.paws.data", "data that is too old is dropped and answered with the numbers and the newest timestamp",
		check.Proves("RFC7323:5.3-3", mutate.Misreads(tcp.Segment(tcp.TSval.Is(clockedBase-50)), tcp.TSval.Is(clockedBase+50))).
			And("RFC7323:5.3-4", mutate.Ignores(tcp.Segment(tcp.TSval.Is(clockedBase-50)))).
			And("RFC7323:D-6", mutate.Field(acks, tcp.TSecr.Is(clockedBase-50))).
			Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			c.Wait(20 * time.Millisecond)
			c.Forget()
			c.Stray(c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(10), c.old()), c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(10)))
			f := c.Expect(c.From(tcp.ACK), probe.For("RFC7323:5.3-4"))
			host.Must("RFC7323:5.3-4", f, c.SeqIs(0))
			host.Must("RFC7323:5.3-3", f, c.AckIs(0))
			host.Must("RFC7323:D-6", f, tcp.TSecr.Is(clockedBase))
		})

	type relic struct {
		name  string
		flags uint
		data  bool
		acks  bool // data of the target
	}
	relics := map[string]relic{}
	var names []string
	for _, r := range []relic{{"data", tcp.PSH | tcp.ACK, true, false}, {"fin", tcp.FIN | tcp.ACK, false, false}, {"ack", tcp.ACK, false, true}, {"everything", tcp.FIN | tcp.PSH | tcp.ACK, true, true}} {
		relics[r.name] = r
		names = append(names, r.name)
	}
	grid("tcp.paws.nothing-taken", "of a segment that is too old nothing is taken: no data, no FIN, no acknowledgment",
		check.Proves("RFC7323:5.3-5", mutate.Misreads(tcp.Segment(tcp.TSval.Is(clockedBase-50)), tcp.TSval.Is(clockedBase+50))).
			And("RFC7323:5.2-3", mutate.Misreads(tcp.Segment(tcp.TSval.Is(clockedBase-50)), tcp.TSval.Is(clockedBase+60))).
			Needs(target.Timestamps), names,
		func(host *probe.Tester, name string) {
			r := relics[name]
			c := clockedOpen(host, clockedBase)
			c.Socket.Write(probe.Pattern(10))
			c.Expect(c.DataFrom(), probe.For())
			var data []byte
			if r.data {
				data = probe.Pattern(10)
			}
			ack := c.Acks(0)
			if r.acks {
				ack = c.Acks(10)
			}
			next := c.SndNxt
			c.Stray(c.Segment(r.flags, data, c.old(), ack), c.Segment(r.flags, data, ack))
			c.Wait(30 * time.Millisecond)
			got := uint32(0)
			for _, f := range c.Sent(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST)) {
				v, _ := tcp.Ack.Of(f)
				got = uint32(v)
			}
			again := c.Until(4*time.Second, func() bool { return len(c.Carrying(0)) > 1 })
			for _, req := range []string{"RFC7323:5.3-5", "RFC7323:5.2-3"} {
				host.That(req, "what is acknowledged", int32(got-next), gomega.BeEquivalentTo(0))
				host.That(req, "what was not acknowledged is sent again", again, gomega.BeTrue())
			}
		})

	it("tcp.paws.rules", "what is as new as the newest, or newer, and at the left edge is accepted, and becomes the newest",
		check.Proves("RFC7323:5.3-12", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1), tcp.TSval.Is(clockedBase)))).
			And("RFC7323:5.3-9", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1), tcp.TSval.Is(clockedBase+100)))).
			And("RFC7323:5.3-7", mutate.Misreads(tcp.Segment(tcp.TSval.Is(clockedBase+50)), tcp.TSval.Is(clockedBase+150))).
			Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			c.data(0, 10, 0)
			c.acked(10, "RFC7323:5.3-12")
			host.Meets("RFC7323:5.3-12")
			c.data(10, 10, 100)
			c.acked(20, "RFC7323:5.3-9")
			host.Meets("RFC7323:5.3-9")
			c.Forget()
			c.data(20, 10, 50)
			f := c.Expect(c.From(tcp.ACK), probe.For("RFC7323:5.3-7"))
			host.Must("RFC7323:5.3-7", f, c.AckIs(20))
		})

	it("tcp.paws.wrap", "timestamps are compared modulo 2^32",
		check.Proves("RFC7323:5.2-1", mutate.Ignores(tcp.Segment(tcp.TSval.Is(0x10)))).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := clockedOpen(host, 0xfffffff0)
			c.data(0, 10, 0x20) // 0x10, which is newer
			c.acked(10, "RFC7323:5.2-1")
			c.Forget()
			c.data(10, 10, 5) // 0xfffffff5, which is older
			host.Must("RFC7323:5.2-1", c.Expect(c.From(tcp.ACK), probe.For("RFC7323:5.2-1")), c.AckIs(10))
		})

	grid("tcp.paws.syn", "the timestamp of the peer's SYN is the first to compare with",
		check.Proves("RFC7323:5.2-4", mutate.Misreads(tcp.Segment(tcp.TSval.Is(clockedBase-50)), tcp.TSval.Is(clockedBase+50))).Needs(target.Timestamps),
		[]probe.Origin{probe.Passive, probe.Active},
		func(host *probe.Tester, o probe.Origin) {
			c := clocked{stamping(host), clockedBase}
			if o == probe.Passive {
				c.Listen()
				c.Connect(stampedAt(c.base))
				c.Put(c.Segment(tcp.ACK, nil, stampedAt(c.base)))
			} else {
				c.Dial()
				c.Answer(stampedAt(c.base))
			}
			c.Wait(20 * time.Millisecond)
			c.Forget()
			c.Send(tcp.PSH|tcp.ACK, probe.Pattern(10), c.old())
			host.Must("RFC7323:5.2-4", c.Expect(c.From(tcp.ACK), probe.For("RFC7323:5.2-4")), c.AckIs(0))
		})

	it("tcp.paws.old-syn", "a SYN that is too old is answered with an ACK on a synchronized connection, and does nothing else",
		check.Proves("RFC7323:5.2-5", mutate.Answers(from(tcp.SYN, tcp.TSval.Is(clockedBase-50)), "RST", func(*packet.Frame) []packet.Cond {
			return []packet.Cond{tcp.Flags.Is(tcp.RST | tcp.ACK)}
		})).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			c.data(0, 10, 1)
			c.acked(10)
			c.Forget()
			c.Stray(c.Segment(tcp.SYN, nil, tcp.Seq.Is(uint(c.ISS)), c.old()), c.Segment(tcp.SYN, nil))
			f := c.Expect(c.Any(), probe.For("RFC7323:5.2-5"))
			host.Must("RFC7323:5.2-5", f, tcp.Control(tcp.ACK), c.AckIs(10))
			c.data(10, 10, 2)
			c.acked(20, "RFC7323:5.2-5")
		})

	it("tcp.paws.first", "a segment that is too old is dropped wherever it stands",
		check.Proves("RFC7323:5.3-2", mutate.Gullible()).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			good := c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(10), stampedAt(c.base+1))
			c.Overlooks(good.With(c.old(), tcp.Seq.Is(uint(c.SndNxt+c.PeerWindow+10))), good)
		})

	it("tcp.paws.outside", "a segment outside of the window is rejected however new it is, and leaves no trace",
		check.Proves("RFC7323:5.3-6", mutate.Field(from(tcp.ACK), tcp.TSecr.Is(clockedBase+1000))).
			And("RFC7323:5.2-11", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1), tcp.TSval.Is(clockedBase+7)))).
			Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			c.Wait(20 * time.Millisecond)
			c.Forget()
			c.Stray(c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(10), tcp.Seq.Is(uint(c.SndNxt+c.PeerWindow+10)), stampedAt(c.base+1000)), c.Segment(tcp.ACK, nil))
			host.Must("RFC7323:5.3-6", c.Expect(c.From(tcp.ACK), probe.For("RFC7323:5.3-6")), c.AckIs(0), tcp.TSecr.Is(clockedBase))
			// A RST within the window, not at its edge, is answered by a challenge ACK (RFC 5961) or resets; here it is outside.
			c.Stray(c.Segment(tcp.RST, nil, tcp.Seq.Is(uint(c.SndNxt+c.PeerWindow+10)), stampsAs(c.base+2000, 0)), c.Segment(tcp.ACK, nil))
			c.data(0, 10, 7)
			c.acked(10, "RFC7323:5.2-11")
			host.Meets("RFC7323:5.2-11")
		})

	it("tcp.paws.rst", "a RST is not checked for its age",
		check.Proves("RFC7323:5.2-10", mutate.Ignores(from(tcp.RST, tcp.TSval.Is(clockedBase-50)))).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := clockedOpen(host, clockedBase)
			reading := c.Socket.Read(10)
			c.Send(tcp.RST, nil, stampsAs(c.base-50, 0))
			r, done := reading.Delivered()
			host.That("RFC7323:5.2-10", "the application learns of the reset", done && r.Errno == "ECONNRESET", gomega.BeTrue())
		})

	grid("tcp.paws.states", "in every synchronized state what is too old is answered with an ACK and dropped",
		check.Proves("RFC7323:5.3-1", mutate.Ignores(tcp.Segment(tcp.TSval.Is(5)))).Needs(target.Timestamps),
		[]probe.State{probe.StateEstablished, probe.StateFinWait1, probe.StateFinWait2, probe.StateCloseWait, probe.StateClosing, probe.StateLastAck, probe.StateTimeWait},
		func(host *probe.Tester, s probe.State) {
			c := stamping(host)
			c.Reach(s, probe.Passive)
			if !c.PeerOffer.Timestamps {
				host.Inconclusive("the target does not use timestamps, though it declares them")
			}
			next := c.SndNxt
			bad := c.Segment(tcp.ACK, probe.Pattern(10), tcp.TSval.Is(5))
			c.Stray(bad, bad)
			f := c.Expect(c.From(tcp.ACK, tcp.Ack.Is(uint(next))), probe.For("RFC7323:5.3-1"))
			host.Must("RFC7323:5.3-1", f, tcp.HasOption(tcp.KindTimestamps))
		})
}

// What is measured with timestamps (RFC 7323, section 4.1; RFC 6298).
func init() {
	it("tcp.timestamp.rtt-idle", "an echo in a segment that acknowledges nothing new tells nothing of the round-trip time",
		check.Proves("RFC7323:4.1-3", mutate.Deferred("what is sent again", 4*time.Second, func(s mutate.Sending) bool { return s.Again })).
			And("RFC7323:4.1-2", mutate.Deferred("what is sent again", 5*time.Second, func(s mutate.Sending) bool { return s.Again })).
			Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stampsOpen(host, probe.Passive)
			c.Acknowledge(probe.Receiver{})
			c.Socket.Write(probe.Pattern(10))
			c.Gather(10)
			c.IgnoreData()
			c.Wait(3 * time.Second)
			c.Data(probe.Pattern(10)) // echoes what the target said 3 s ago
			c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			c.Socket.Write(probe.Pattern(10))
			c.Until(6*time.Second, func() bool { return len(c.Carrying(10)) > 1 })
			gaps := probe.Gaps(c.Carrying(10))
			if len(gaps) == 0 {
				gaps = []time.Duration{time.Hour}
			}
			host.Between("RFC7323:4.1-3", "the retransmission timeout, of round trips that took no time", gaps[0], 0, 2500*time.Millisecond)
			host.Observed("RFC7323:4.1-2", "the timeout was %v", gaps[0])
			if gaps[0] > 3500*time.Millisecond {
				host.Fail("RFC7323:4.1-2", probe.Timing, "a timeout that the pause of 3 s does not enter; it is %v", gaps[0])
			}
		})

	it("tcp.timestamp.rtt-again", "an acknowledgment that echoes a retransmission measures the round trip of that one",
		check.Proves("RFC7323:D-8", mutate.Deferred("what is sent again of the second segment", 2*time.Second, func(s mutate.Sending) bool { return s.Again && s.From == 10 })).
			Needs(target.Timestamps).Slow(),
		func(host *probe.Tester) {
			c := stampsOpen(host, probe.Passive)
			c.Socket.Write(probe.Pattern(10))
			c.Until(8*time.Second, func() bool { return len(c.Carrying(0)) == 4 }) // the timeout has doubled three times
			back := probe.Gaps(c.Carrying(0))
			c.Wait(10 * time.Millisecond)
			c.ACK(c.Acks(10))
			c.Socket.Write(probe.Pattern(10))
			c.Until(6*time.Second, func() bool { return len(c.Carrying(10)) > 1 })
			gaps := probe.Gaps(c.Carrying(10))
			if len(back) < 3 || len(gaps) == 0 {
				host.Fail("RFC7323:D-8", probe.Missing, "four transmissions of the first segment, and two of the second")
				return
			}
			host.Between("RFC7323:D-8", fmt.Sprintf("the timeout after the round trip was measured again; it had grown to %v", back[2]), gaps[0], 0, back[2]/2)
		})

	it("tcp.timestamp.rtt-syn", "the handshake gives the first measurement of the round-trip time",
		check.Proves("RFC7323:D-4", mutate.Doubled("the first data", 800*time.Millisecond, func(s mutate.Sending) bool { return s.Nth == 0 })).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stamping(host)
			c.Dial()
			c.Wait(600 * time.Millisecond)
			c.Answer()
			c.Dialing.Delivered()
			c.Socket.Write(probe.Pattern(10))
			c.Until(6*time.Second, func() bool { return len(c.Carrying(0)) > 1 })
			gaps := probe.Gaps(c.Carrying(0))
			if len(gaps) == 0 {
				host.Fail("RFC7323:D-4", probe.Missing, "a retransmission of the first segment within 6 s")
				return
			}
			// RTO = SRTT + 4 RTTVAR = R + 4 R/2 (RFC 6298, 2.2): 1.8 s.
			host.Between("RFC7323:D-4", "the first timeout, after a round trip of 600 ms", gaps[0], 1500*time.Millisecond, 2600*time.Millisecond)
		})
}
