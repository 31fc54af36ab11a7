package tcp

import (
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// stamping offers timestamps.
func stamping(host *probe.Tester) *probe.Conn {
	c := host.TCP()
	c.Offer.Timestamps = true
	return c
}

// stampsOpen opens a connection that uses them.
func stampsOpen(host *probe.Tester, o probe.Origin) *probe.Conn {
	c := stamping(host)
	c.Open(o)
	if !c.PeerOffer.Timestamps {
		host.Inconclusive("the target does not use timestamps, though it declares them")
	}
	return c
}

// stampOf are the two numbers of a segment.
func stampOf(f *packet.Frame) (val, ecr uint32) {
	v, _ := tcp.TSval.Of(f)
	e, _ := tcp.TSecr.Of(f)
	return uint32(v), uint32(e)
}

// stampedAt sets what a segment of the tester says of its clock.
func stampedAt(val uint32) packet.Cond { return tcp.TSval.Is(uint(val)) }

// unstamped is a segment of the target without the option.
func unstamped(on packet.Template) mutate.Mutation { return mutate.Field(on, tcp.Options.Is(nil)) }

// stampsAs are the octets of the option, for a segment of a connection that does not have it.
func stampsAs(val, ecr uint32) packet.Cond {
	return tcp.Options.Is(tcp.List(tcp.NOP, tcp.NOP, tcp.TimestampsOption(val, ecr)))
}

// What the SYNs say (RFC 7323, section 3.2 and appendix D).
func init() {
	synAck := from(tcp.SYN | tcp.ACK)
	it("tcp.timestamp.syn-ack", "a SYN with Timestamps is answered with them, and echoed",
		check.Proves("RFC7323:D-3", mutate.Field(synAck, tcp.TSval.None())).
			And("RFC7323:D-2", mutate.Field(synAck, tcp.TSecr.Is(0))).
			And("RFC7323:3.2-1", mutate.Field(synAck, tcp.Options.Is([]byte{tcp.KindTimestamps, 6, 0, 0, 0, 1, 1, 1}))).
			Needs(target.Timestamps, target.WindowScale),
		func(host *probe.Tester) {
			c := stamping(host)
			c.Offer.Scale = true
			c.Listen()
			mine := uint(c.Clock()) // one reading: a live clock runs on
			f := c.Connect(tcp.TSval.Is(mine))
			host.Must("RFC7323:D-3", f, tcp.HasOption(tcp.KindTimestamps), tcp.HasOption(tcp.KindWindowScale))
			o := optionOf(f, tcp.KindTimestamps)
			if o == nil {
				return
			}
			if host.That("RFC7323:3.2-1", "the option's length", len(o), gomega.Equal(10)) {
				host.Must("RFC7323:D-2", f, tcp.TSecr.Is(mine))
			}
		})

	it("tcp.timestamp.unasked", "a SYN without Timestamps is answered without",
		check.Proves("RFC7323:3.2-9", mutate.Field(synAck, tcp.TSval.Is(7))).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			f := c.Connect()
			host.Observed("RFC7323:3.2-9", "options %x", optionOf(f, tcp.KindTimestamps))
			host.Must("RFC7323:3.2-9", f, tcp.TSval.None())
		})

	it("tcp.timestamp.syn", "the target's own SYN has Timestamps, which echo nothing; the third segment echoes the second",
		check.Proves("RFC7323:3.2-8", mutate.Field(from(tcp.SYN), tcp.Options.Is([]byte{tcp.KindTimestamps, 6, 0, 0, 0, 1, 1, 1}))).
			And("RFC7323:3.2-4", mutate.Field(from(tcp.SYN), tcp.TSecr.Is(5))).
			And("RFC7323:3.2-3", mutate.Field(from(tcp.SYN), tcp.TSecr.Is(77))).
			And("RFC7323:D-1", mutate.Field(from(tcp.SYN), tcp.Options.Is([]byte{tcp.KindMSS, 4, 5, 0xb4}))).
			And("RFC7323:D-5", mutate.Field(from(tcp.ACK), tcp.TSecr.Is(0))).
			Needs(target.Timestamps, target.WindowScale),
		func(host *probe.Tester) {
			c := stamping(host)
			f := c.Dial()
			host.Must("RFC7323:D-1", f, tcp.HasOption(tcp.KindTimestamps), tcp.HasOption(tcp.KindWindowScale))
			o := optionOf(f, tcp.KindTimestamps)
			host.Observed("RFC7323:3.2-8", "Timestamps in the SYN: %t", o != nil)
			if o != nil && len(o) != 10 {
				host.Fail("RFC7323:3.2-8", probe.Value, "10 octets of Timestamps, if they are there: %x", o)
			}
			if o == nil || len(o) != 10 {
				return
			}
			host.Must("RFC7323:3.2-4", f, tcp.TSecr.Is(0))
			host.Must("RFC7323:3.2-3", f, tcp.TSecr.Is(0))
			c.Wait(30 * time.Millisecond)
			mine := uint(c.Clock()) // one reading: a live clock runs on
			host.Must("RFC7323:D-5", c.Answer(tcp.TSval.Is(mine)), tcp.TSecr.Is(mine))
		})

	it("tcp.timestamp.stray-echo", "the echo of a SYN, which acknowledges nothing, means nothing",
		check.Proves("RFC7323:3.2-7", mutate.Ignores(from(tcp.SYN, tcp.TSecr.Not(0)))).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stamping(host)
			c.Listen()
			c.Send(tcp.SYN, nil, tcp.TSecr.Is(0x7fffffff))
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For("RFC7323:3.2-7"))
			again := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For("RFC7323:3.2-7"), probe.Within(5*time.Second), probe.Because("it was not acknowledged"))
			host.Between("RFC7323:3.2-7", "the timeout, of which the echo tells nothing", again.At-f.At, 700*time.Millisecond, 3500*time.Millisecond)
		})

	it("tcp.timestamp.crossing", "when SYNs cross, one with Timestamps and one without, each side may put them into its SYN,ACK",
		check.Proves("RFC7323:3.2-16", mutate.Missing(synAck)).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Dial()
			c.Send(tcp.SYN, nil)
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For("RFC7323:3.2-16"))
			host.Observed("RFC7323:3.2-16", "Timestamps in the SYN,ACK: %t", optionOf(f, tcp.KindTimestamps) != nil)
		})
}

// In which segments they are (RFC 7323, sections 1.3, 3.2 and 5.2).
func init() {
	all := tcp.Segment(tcp.SYNBit.Is(0), tcp.RSTBit.Is(0))
	it("tcp.timestamp.every", "once both SYNs had them, every segment has Timestamps: acknowledgments, data, what is sent again, probes, FIN",
		check.Proves("RFC7323:1.3-3", unstamped(tcp.Segment(tcp.PSHBit.Is(1)))).
			And("RFC7323:3.2-10", unstamped(tcp.Segment(tcp.FINBit.Is(1)))).
			And("RFC7323:3.2-17", mutate.FieldFrom(3, all, tcp.Options.Is(nil))).
			Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stampsOpen(host, probe.Passive)
			c.Data(probe.Pattern(10))
			c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			c.Send(tcp.ACK, probe.Pattern(10), c.At(20)) // out of order
			c.Wait(50 * time.Millisecond)
			c.Data(probe.Pattern(10), c.At(10))
			c.Socket.Write(probe.Pattern(50))
			c.Until(2*time.Second, func() bool { return len(c.Carrying(0)) > 1 }) // not acknowledged: again
			c.Window = 0
			c.ACK(c.Acks(50))
			c.Socket.Write(probe.Pattern(50)) // a probe of the closed window
			c.Until(3*time.Second, func() bool { return len(c.Carrying(50)) > 0 })
			c.Window = 60000
			c.Acknowledge(probe.Receiver{})
			c.ACK()
			c.Until(3*time.Second, func() bool { return len(c.Received()) == 100 })
			if err := c.Socket.Shutdown(probe.ShutWrite); err != nil {
				host.Inconclusive("the target cannot end its stream: %v", err)
			}
			c.Until(2*time.Second, func() bool { return c.Closed })
			host.That("RFC7323:3.2-10", "the target's FIN has come", c.Closed, gomega.BeTrue())
			for _, f := range c.Sent(tcp.Lacks(tcp.RST)) {
				for _, req := range []string{"RFC7323:1.3-3", "RFC7323:3.2-10", "RFC7323:3.2-17"} {
					host.Must(req, f, tcp.HasOption(tcp.KindTimestamps))
				}
			}
		})

	it("tcp.timestamp.layout", "Timestamps of other segments than SYN are aligned by two No-Operations",
		check.Proves("RFC7323:A-1", mutate.Instead(all, "Timestamps that are not aligned", func(f *packet.Frame) []packet.Cond {
			val, ecr := stampOf(f)
			return []packet.Cond{tcp.Options.Is(tcp.List(tcp.TimestampsOption(val, ecr), tcp.NOP, tcp.NOP))}
		})).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stampsOpen(host, probe.Passive)
			c.Socket.Write(probe.Pattern(50))
			o, _ := tcp.Options.Of(c.Expect(c.DataFrom(), probe.For("RFC7323:A-1")))
			host.That("RFC7323:A-1", "the options begin", o[:min(4, len(o))], gomega.Equal([]byte{tcp.KindNOP, tcp.KindNOP, tcp.KindTimestamps, 10}))
		})

	it("tcp.timestamp.rst-abort", "the RST of an application's abort has Timestamps",
		check.Proves("RFC7323:3.2-11", unstamped(tcp.Segment(tcp.RSTBit.Is(1)))).
			And("RFC7323:5.2-9", mutate.Field(tcp.Segment(tcp.RSTBit.Is(1)), tcp.TSval.None())).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stampsOpen(host, probe.Passive)
			if err := c.Socket.Abort(); err != nil {
				host.Inconclusive("the target cannot abort: %v", err)
			}
			f := c.Expect(c.Any(tcp.Has(tcp.RST)), probe.For())
			host.Must("RFC7323:3.2-11", f, tcp.HasOption(tcp.KindTimestamps))
			host.Must("RFC7323:5.2-9", f, tcp.HasOption(tcp.KindTimestamps))
		})

	it("tcp.timestamp.rst-answer", "a RST that answers a segment with Timestamps echoes its TSval, and says 0 itself",
		check.Proves("RFC7323:5.2-6", unstamped(tcp.Segment(tcp.RSTBit.Is(1)))).
			And("RFC7323:5.2-7", mutate.Field(tcp.Segment(tcp.RSTBit.Is(1)), tcp.TSecr.Is(9))).
			And("RFC7323:5.2-8", mutate.Field(tcp.Segment(tcp.RSTBit.Is(1)), tcp.TSval.Is(9))).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stamping(host)
			c.Reach(probe.StateClosed, probe.Passive)
			c.Send(tcp.ACK, nil, stampsAs(0x12345678, 0x1111))
			f := c.Expect(c.From(tcp.RST), probe.For())
			if !host.Must("RFC7323:5.2-6", f, tcp.HasOption(tcp.KindTimestamps)) {
				host.Fail("RFC7323:5.2-7", probe.Field, "an echo of 305419896")
				host.Fail("RFC7323:5.2-8", probe.Field, "a TSval of 0")
				return
			}
			host.Must("RFC7323:5.2-7", f, tcp.TSecr.Is(0x12345678))
			host.Must("RFC7323:5.2-8", f, tcp.TSval.Is(0))
		})

	it("tcp.timestamp.missing", "a segment without the Timestamps that were agreed on is dropped, and nothing else becomes of it",
		check.Proves("RFC7323:3.2-13", mutate.Gullible()).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stampsOpen(host, probe.Passive)
			good := c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(10))
			c.Overlooks(good.With(tcp.Options.Is(nil)), good)
		})

	it("tcp.timestamp.missing-silent", "a segment without the Timestamps that were agreed on draws no answer",
		check.Proves("RFC7323:3.2-13", mutate.Gullible()).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stampsOpen(host, probe.Passive)
			had := len(c.Sent())
			good := c.Segment(tcp.PSH|tcp.ACK, probe.Pattern(10))
			c.Stray(good.With(tcp.Options.Is(nil)), good)
			c.Wait(600 * time.Millisecond) // an acknowledgment may be put off for half a second (MUST-40)
			host.That("RFC7323:3.2-13", "answers", len(c.Sent())-had, gomega.BeZero())
			host.That("RFC7323:3.2-13", "the state then", c.State(), gomega.Equal(probe.StateEstablished))
		})

	it("tcp.timestamp.missing-lives", "the connection lives on after a segment without the Timestamps that were agreed on",
		check.Proves("RFC7323:3.2-14", mutate.Answers(from(tcp.ACK, tcp.LacksOption(tcp.KindTimestamps)), "RST", func(f *packet.Frame) []packet.Cond {
			ack, _ := tcp.Ack.Of(f)
			return []packet.Cond{tcp.Flags.Is(tcp.RST), tcp.Seq.Is(ack)}
		})).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stampsOpen(host, probe.Passive)
			c.ACK(tcp.Options.Is(nil))
			c.Wait(20 * time.Millisecond)
			c.Data(probe.Pattern(10))
			c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt || c.Reset })
			host.That("RFC7323:3.2-14", "the connection is reset", c.Reset, gomega.BeFalse())
			host.That("RFC7323:3.2-14", "what follows is acknowledged", c.SndUna == c.SndNxt, gomega.BeTrue())
		})

	it("tcp.timestamp.not-agreed", "Timestamps that were not agreed on are ignored, and the segment is not",
		check.Proves("RFC7323:3.2-15", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1), tcp.HasOption(tcp.KindTimestamps)))).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Data(probe.Pattern(10), stampsAs(1000, 1))
			f := c.Expect(c.Any(tcp.Has(tcp.ACK), c.AckIs(10)), probe.For("RFC7323:3.2-15"))
			host.Must("RFC7323:3.2-15", f, tcp.TSval.None())
			c.Data(probe.Pattern(10), stampsAs(5, 1)) // no PAWS either
			c.Expect(c.Any(tcp.Has(tcp.ACK), c.AckIs(20)), probe.For("RFC7323:3.2-15"))
		})

	it4("tcp.timestamp.df", "a target with PAWS does path MTU discovery: its segments are not to be fragmented",
		check.Proves("RFC7323:5.7-1", mutate.Field(all, ipv4.DF.Is(0))).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stampsOpen(host, probe.Passive)
			c.Socket.Write(probe.Pattern(5000))
			host.Must("RFC7323:5.7-1", c.Expect(c.DataFrom(), probe.For("RFC7323:5.7-1")), ipv4.DF.Is(1))
		})

	it("tcp.timestamp.urgent-far", "an urgent pointer that does not fit its field is sent as 65535",
		check.Proves("RFC7323:A-2", mutate.Field(tcp.Segment(tcp.URGBit.Is(1)), tcp.Urgent.Is(4465))).Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := scaling(host, 7)
			c.Setup = func(s *probe.Socket) { mustSet(s, s2conn(host), "SO_SNDBUF", 400000) }
			c.Window = 8 // 1024 octets
			c.Open(probe.Passive)
			if r, ok := c.Socket.Write(probe.Pattern(90000)).Await(2 * time.Second); !ok || r.Errno != "" {
				host.Inconclusive("the target does not hold 90000 octets to send")
			}
			if r, ok := c.Socket.Write([]byte("!"), "MSG_OOB").Await(2 * time.Second); !ok || r.Errno != "" {
				host.Inconclusive("the target does not send urgent data: %s", r.Errno)
			}
			c.Wait(20 * time.Millisecond)
			c.Forget()
			c.Window = 512
			c.ACK()
			f := c.Expect(c.DataFrom(), probe.For("RFC7323:A-2"))
			host.Must("RFC7323:A-2", f, tcp.URGBit.Is(1), tcp.Urgent.Is(65535))
		})
}

// s2conn is a connection only to end a check by.
func s2conn(host *probe.Tester) *probe.Conn { return &probe.Conn{Tester: host} }

// The clock (RFC 7323, sections 4.1 and 5.4).
func init() {
	all := tcp.Segment(tcp.SYNBit.Is(0), tcp.RSTBit.Is(0))
	racing := func(by int) mutate.Mutation {
		return mutate.Instead(all, fmt.Sprintf("a clock that is %d times as fast", by), func(f *packet.Frame) []packet.Cond {
			val, _ := stampOf(f)
			return []packet.Cond{tcp.TSval.Is(uint(val * uint32(by)))}
		})
	}
	it("tcp.timestamp.clock", "the timestamp clock runs evenly, with one tick in 1 ms to 1 s, and not backwards",
		check.Proves("RFC7323:4.1-1", mutate.FieldFrom(6, all, tcp.TSval.Is(0x70000000))).
			And("RFC7323:3.2-2", mutate.Field(all, tcp.TSval.Is(0x7fffff00))).
			And("RFC7323:5.4-1", mutate.Field(all, tcp.TSval.Is(0x7fff0000))).
			And("RFC7323:5.4-3", racing(1<<17)).
			And("RFC7323:5.4-4", racing(1000)).
			And("RFC7323:5.4-5", racing(-1)).
			Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stampsOpen(host, probe.Passive)
			const rounds, pause = 8, 500 * time.Millisecond
			var vals []uint32
			var at []time.Duration
			for n := range rounds {
				c.Data([]byte{byte(n)})
				f := c.Expect(c.Any(tcp.Has(tcp.ACK), c.AckIs(n+1)), probe.For())
				val, _ := stampOf(f)
				vals, at = append(vals, val), append(at, f.At)
				c.Wait(pause)
			}
			total, took := vals[rounds-1]-vals[0], at[rounds-1]-at[0]
			rate := float64(int32(total)) / took.Seconds()
			host.Step("%.1f ticks a second", rate)
			half := float64(int32(vals[rounds/2]-vals[0])) / (at[rounds/2] - at[0]).Seconds()
			host.That("RFC7323:4.1-1", "the rate of the first half", half, gomega.BeNumerically("~", rate, max(rate/4, 3)))
			host.That("RFC7323:3.2-2", "ticks a second", rate, gomega.BeNumerically(">", 0))
			host.That("RFC7323:5.4-1", "ticks a second", rate, gomega.BeNumerically(">", 0.3))
			host.That("RFC7323:5.4-3", "ticks a second", rate, gomega.BeNumerically("<=", 1e9/59))
			host.That("RFC7323:5.4-4", "ticks a second", rate, gomega.And(gomega.BeNumerically(">=", 0.7), gomega.BeNumerically("<=", 1100)))
			for n := 1; n < rounds; n++ {
				host.That("RFC7323:5.4-5", "how much TSval grows", int32(vals[n]-vals[n-1]), gomega.BeNumerically(">=", 0))
			}
		})

	it("tcp.timestamp.clock-window", "the timestamp clock ticks between windows of data",
		check.Proves("RFC7323:5.4-2", mutate.Field(all, tcp.TSval.Is(0x7fffff00))).Needs(target.Timestamps),
		func(host *probe.Tester) {
			c := stamping(host)
			c.Window = 3000
			c.Open(probe.Passive)
			c.Socket.Write(probe.Pattern(12000))
			vals := map[uint32]bool{}
			for range 4 {
				c.Wait(50 * time.Millisecond)
				sent := filled(c.Sent())
				if len(sent) > 0 {
					val, _ := stampOf(sent[len(sent)-1])
					vals[val] = true
				}
				c.ACK()
			}
			host.That("RFC7323:5.4-2", "different TSvals in 4 windows", len(vals), gomega.Equal(4))
		})

	// An offset that is the same for all connections of two hosts is as good: RFC 6191 makes use of that.
	it("tcp.timestamp.offset", "TSval begins at a random offset, not at the time since the target was started",
		check.Proves("RFC7323:7-1", mutate.Field(from(tcp.SYN|tcp.ACK), tcp.TSval.Is(5000))).
			And("RFC7323:7.1-1", mutate.Field(from(tcp.SYN|tcp.ACK), tcp.TSval.Is(6000))).
			And("RFC7323:5.4-6", mutate.Field(from(tcp.SYN|tcp.ACK), tcp.TSval.Is(7000))).
			Needs(target.Timestamps),
		func(host *probe.Tester) {
			n := min(3, len(host.Net().Testers))
			if n < 2 {
				host.Inconclusive("the target allows one tester, and connections of two hosts may have the same offset")
			}
			near := 0
			var last uint32
			for i := range n {
				c := stamping(host.As(i))
				c.Listen()
				val, _ := stampOf(c.Connect())
				if d := int32(val - last); i > 0 && d > -100000 && d < 100000 {
					near++
				}
				last = val
				c.RST()
			}
			for _, req := range []string{"RFC7323:7-1", "RFC7323:7.1-1", "RFC7323:5.4-6"} {
				host.That(req, fmt.Sprintf("of %d hosts, how many meet the offset that the one before did", n), near, gomega.BeNumerically("<", n-1))
			}
		})
}
