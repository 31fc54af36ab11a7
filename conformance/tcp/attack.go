package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// forged is a segment of somebody who guesses numbers: off from RCV.NXT, and acknowledging off from SND.NXT.
func forged(c *probe.Conn, flags uint, data []byte, off, ackOff int32) packet.Template {
	conds := []packet.Cond{tcp.Seq.Is(uint(c.SndNxt + uint32(off))), tcp.Window.Is(gridWindow)}
	if flags&tcp.ACK != 0 {
		conds = append(conds, tcp.Ack.Is(uint(c.RcvNxt+uint32(ackOff))))
	}
	return c.Segment(flags, data, conds...)
}

// challenged sends a forged segment and gives the challenge ACK that it draws.
func challenged(c *probe.Conn, flags uint, off int32) *packet.Frame {
	t := forged(c, flags, nil, off, 0)
	c.Forget()
	c.Stray(t, t)
	return c.Expect(c.From(tcp.ACK, tcp.Seq.Is(uint(c.RcvNxt)), tcp.Ack.Is(uint(c.SndNxt))), probe.For(), probe.Because("a challenge ACK is due"))
}

func init() {
	for _, k := range []struct {
		id, title string
		flags     uint
		off       int32
		rule      string
		second    string
	}{
		{"tcp.attack.rst", "a RST inside the window only draws a challenge ACK; one that fits the challenge resets", tcp.RST, 10, "RFC5961:3.2-7", "RFC5961:3.2-11"},
		{"tcp.attack.syn", "a SYN only draws a challenge ACK; a RST that fits the challenge resets", tcp.SYN, 10, "RFC5961:4.2-6", "RFC5961:4.2-4"},
	} {
		it(k.id, k.title, check.Proves(k.rule, mutate.DeafAfter(1, gridStimulus, tcp.Segment(tcp.PSHBit.Is(1)))).
			And(k.second, ignoring(tcp.RST, tcp.Window.Is(65535))),
			func(host *probe.Tester) {
				off := k.off
				if k.flags == tcp.SYN {
					off = -1 // 4.2-6: where a restarted peer takes the challenge for a good ACK
				}
				c := host.TCP()
				c.Open(probe.Passive)
				got := c.Socket.Drain()
				challenge := challenged(c, k.flags, off)
				c.Data([]byte("as usual"))
				c.Until(time.Second, func() bool { return len(got.Data) == 8 })
				host.That(k.rule, "what the application reads after the challenge", string(got.Data), gomega.Equal("as usual"))
				c.Wait(600 * time.Millisecond) // challenges may be limited
				ack := uint(c.SndNxt)
				if n, _ := tcp.Ack.Of(challenge); n == 0 {
					c.Inconclusive("the challenge acknowledges nothing")
				}
				c.RST(tcp.Seq.Is(ack))
				c.Until(time.Second, func() bool { return got.Errno != "" })
				host.That(k.second, "what the application is told after the RST", got.Errno, gomega.Equal("ECONNRESET"))
			})
	}

	it("tcp.attack.mitigated", "RST and SYN in the window do not end a connection",
		check.Proves("RFC5961:1.1-1", mutate.Gullible()),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Overlooks(forged(c, tcp.RST, nil, 10, 0), forged(c, tcp.RST, nil, 0, 0))
			c.Wait(600 * time.Millisecond)
			c.Overlooks(forged(c, tcp.SYN, nil, 10, 0), forged(c, tcp.RST, nil, 0, 0))
		})

	it("tcp.attack.rst-overtakes", "a RST that overtook text draws a challenge ACK, and the text is taken",
		check.Proves("RFC5961:3.2-13", gridDeaf),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			rst := forged(c, tcp.RST, nil, 5, 0)
			c.Stray(rst, rst)
			host.Must("RFC5961:3.2-13", c.Expect(c.Any(), probe.For("RFC5961:3.2-13")), tcp.Control(tcp.ACK), c.AckIs(0))
			c.Data([]byte("below"))
			host.That("RFC5961:3.2-13", "what the application reads", reads(c, 5), gomega.Equal("below"))
		})

	it("tcp.attack.challenge-closed", "where there is no connection a challenge ACK draws RST with its number",
		check.Proves("RFC5961:3.2-12", gridWrongRST),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateClosed, probe.Passive)
			c.ACK()
			host.Must("RFC5961:3.2-12", c.Expect(c.Any(), probe.For("RFC5961:3.2-12")), tcp.Control(tcp.RST), tcp.Seq.Is(uint(c.RcvNxt)))
		})

	it("tcp.attack.challenge-restarted", "a challenge ACK in SYN-SENT draws RST with its number, and the SYN comes again",
		check.Proves("RFC5961:4.2-5", mutate.Drops(from(tcp.SYN), 1)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateSynSent, probe.Passive)
			old := c.IRS - 100000 // what the target's last life had sent
			c.Send(tcp.ACK, nil, tcp.Ack.Is(uint(old)))
			host.Must("RFC5961:4.2-5", c.Expect(c.Any(tcp.Has(tcp.RST)), probe.For("RFC5961:4.2-5")), tcp.Control(tcp.RST), tcp.Seq.Is(uint(old)))
			c.Expect(c.From(tcp.SYN), probe.For("RFC5961:4.2-5"), probe.Within(4*time.Second), probe.Because("the attempt goes on"))
		})

	it("tcp.attack.injected", "a target that refuses text with an ACK out of range refuses all such segments, with an ACK",
		check.Proves("RFC5961:5.2-2", mutate.Misreads(tcp.Segment(tcp.FINBit.Is(1), tcp.Window.Is(gridWindow)), tcp.Ack.Is(0), tcp.Flags.Is(tcp.RST))).
			And("RFC5961:5.2-3", injectedTaken).
			And("RFC5961:5.2-4", injectedTaken).
			And("RFC5961:5.2-5", gridDeaf).
			And("RFC5961:5.2-8", mutate.Answers(tcp.Segment(tcp.FINBit.Is(1), tcp.Window.Is(gridWindow)), "an ACK of the FIN", func(f *packet.Frame) []packet.Cond { return ackOf(f, true) })).
			And("RFC9293:3.10.7.4-20", gridRefuses),
		injected)

	it("tcp.attack.rate", "there is a limit on the rate of challenge ACKs",
		check.Proves("RFC5961:7-1", mutate.Answers(gridStimulus, "a challenge ACK each time", func(f *packet.Frame) []packet.Cond { return ackOf(f, false) })),
		func(host *probe.Tester) {
			const n = 300
			c := host.TCP()
			c.Open(probe.Passive)
			had := len(c.Sent())
			for i := range n {
				t := forged(c, tcp.RST, nil, int32(10+i), 0)
				c.Stray(t, t)
			}
			c.Wait(200 * time.Millisecond)
			host.That("RFC5961:7-1", "answers to 300 RSTs at once", len(c.Sent())-had, gomega.BeNumerically("<", n))
		})

	names := []gridForgery{
		{"rst", tcp.RST, 0, 10, 0}, {"syn", tcp.SYN, 0, 10, 0}, {"syn-left", tcp.SYN, 0, -10, 0}, {"text-left", tcp.ACK, 5, -10, 0},
		{"text-right", tcp.ACK, 5, 200000, 0}, {"ack-future", tcp.ACK, 0, 0, 1000}, {"ack-left", tcp.ACK, 0, -10, 0}, {"text-old-ack", tcp.ACK, 5, 0, -200000},
	}
	grid("tcp.attack.amplified", "a forged segment draws one ACK at most",
		check.Proves("RFC5961:10-1", mutate.Repeat(from(tcp.ACK), time.Millisecond)),
		names, func(host *probe.Tester, k gridForgery) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Wait(gridMoment(c))
			had := len(c.Sent())
			t := forged(c, k.flags, probe.Pattern(k.size), k.off, k.ackOff)
			c.Stray(t, t)
			c.Wait(4 * gridMoment(c))
			host.That("RFC5961:10-1", "answers to one segment", len(c.Sent())-had, gomega.BeNumerically("<=", 1))
		})
}

// A gridForgery is a forged segment, off its numbers.
type gridForgery struct {
	name        string
	flags       uint
	size        int
	off, ackOff int32
}

func (f gridForgery) String() string { return f.name }

// injectedTaken is a target that takes text whatever it acknowledges, and nothing else.
var injectedTaken = mutate.Misreads(tcp.Segment(tcp.PSHBit.Is(1), tcp.Window.Is(gridWindow)), tcp.Window.Is(65535), tcp.Ack.Is(0), tcp.Flags.Is(tcp.RST))

// injected sends text and a FIN with an ACK that is too old, each in a connection of its own. The check is a MAY: a target
// that takes both does not make it.
func injected(host *probe.Tester) {
	rules := []string{"RFC5961:5.2-2", "RFC5961:5.2-3", "RFC5961:5.2-4", "RFC5961:5.2-5", "RFC5961:5.2-8", "RFC9293:3.10.7.4-20"}
	type shown struct {
		refused, acked, taken bool
		got                   string
	}
	try := func(flags uint, data []byte) (s shown) {
		c := host.TCP()
		c.Open(probe.Passive)
		t := forged(c, flags, data, 0, -200000)
		had := len(c.Sent())
		c.Stray(t, t)
		c.Wait(600 * time.Millisecond)
		s.refused, s.got = true, "nothing"
		for _, f := range c.Sent()[had:] {
			s.got = f.String()
			ack, _ := tcp.Ack.Of(f)
			flags, _ := tcp.Flags.Of(f)
			s.refused = s.refused && flags&tcp.RST == 0 && ack == uint(c.ISS+1)
			s.acked = s.acked || flags == tcp.ACK
			s.taken = s.taken || flags&tcp.RST == 0 && ack > uint(c.ISS+1)
		}
		return s
	}
	text, fin := try(tcp.PSH|tcp.ACK, probe.Pattern(10)), try(tcp.FIN|tcp.ACK, nil)
	if text.taken && fin.taken {
		for _, r := range rules {
			host.Observed(r, "the check is not made")
		}
		return
	}
	for _, r := range rules {
		switch {
		case !text.refused || !text.acked:
			host.Fail(r, probe.Value, "an ACK of what came before in answer to text whose ACK is out of range, got %s", text.got)
		case !fin.refused || !fin.acked:
			host.Fail(r, probe.Value, "an ACK of what came before in answer to a FIN whose ACK is out of range, got %s", fin.got)
		default:
			host.Meets(r)
		}
	}
}
