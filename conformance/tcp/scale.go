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

// scaling offers window scaling by a shift.
func scaling(host *probe.Tester, shift uint8) *probe.Conn {
	c := host.TCP()
	c.Offer.Scale, c.Offer.Shift = true, shift
	return c
}

// reach is the highest position of the target's stream that it has sent.
func reach(c *probe.Conn) (top int32) {
	for _, f := range filled(c.Sent(tcp.Lacks(tcp.SYN | tcp.RST))) {
		top = max(top, place(c, f))
	}
	return top
}

// optionOf is the option of a kind as it stands in a segment, nil without one.
func optionOf(f *packet.Frame, kind byte) []byte {
	octets, _ := tcp.Options.Of(f)
	all, _ := tcp.SplitOptions(octets)
	for _, o := range all {
		if o[0] == kind {
			return o
		}
	}
	return nil
}

// rescaled is a target whose windows are off by some shifts in segments like on: to the right if by is negative.
func rescaled(on packet.Template, by int) mutate.Mutation {
	return mutate.Instead(on, fmt.Sprintf("windows shifted by %d", by), func(f *packet.Frame) []packet.Cond {
		v, _ := tcp.Window.Of(f)
		if by < 0 {
			return []packet.Cond{tcp.Window.Is(v >> -by)}
		}
		return []packet.Cond{tcp.Window.Is(min(v<<by, 65535))}
	})
}

// A plain shift of the tester, as coordinates of a grid.
type shiftCount uint8

func (s shiftCount) String() string { return fmt.Sprintf("shift-%d", uint8(s)) }

// What both sides say in their SYNs (RFC 7323, section 2).
func init() {
	synAck := from(tcp.SYN | tcp.ACK)
	it("tcp.scale.syn-ack", "a SYN with Window Scale is answered with Window Scale, of a shift that is none too large",
		check.Proves("RFC7323:2.3-1", mutate.Field(synAck, tcp.WindowScale.None())).
			And("RFC7323:2.2-3", mutate.Field(synAck, tcp.Options.Is([]byte{tcp.KindWindowScale, 4, 7, 0}))).
			And("RFC7323:2.3-8", mutate.Field(synAck, tcp.WindowScale.Is(15))).
			And("RFC7323:2.2-10", mutate.Field(synAck, tcp.WindowScale.Is(30))).
			And("RFC7323:2.2-7", mutate.Field(synAck, tcp.Options.Is([]byte{tcp.KindWindowScale, 2, 1, 1}))).
			Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := scaling(host, 7)
			c.Listen()
			f := c.Connect()
			o := optionOf(f, tcp.KindWindowScale)
			host.That("RFC7323:2.3-1", "there is Window Scale", o != nil, gomega.BeTrue())
			if o == nil {
				o = []byte{tcp.KindWindowScale, 3, 0}
			}
			host.That("RFC7323:2.2-3", "the option's length", o[1], gomega.BeEquivalentTo(3))
			host.Observed("RFC7323:2.2-7", "SYN,ACK has %x", o)
			if len(o) != 3 {
				host.Fail("RFC7323:2.2-7", probe.Value, "a Window Scale of 3 octets where there is one; it is %x", o)
				return
			}
			host.That("RFC7323:2.3-8", "the shift count", o[2], gomega.BeNumerically("<=", 14))
			host.That("RFC7323:2.2-10", "the largest window that the field can say", uint64(65535)<<o[2], gomega.BeNumerically("<=", 1<<30))
		})

	it("tcp.scale.unasked", "a SYN without Window Scale is answered without",
		check.Proves("RFC7323:1.3-2", mutate.Field(synAck, tcp.WindowScale.Is(3))).Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			host.Must("RFC7323:1.3-2", c.Connect(), tcp.WindowScale.None())
		})

	it("tcp.scale.syn", "the target's own SYN has Window Scale, whatever its shift",
		check.Proves("RFC7323:2.2-2", mutate.Field(from(tcp.SYN), tcp.WindowScale.None())).
			And("RFC7323:2.2-1", mutate.Field(from(tcp.SYN), tcp.Options.Is([]byte{tcp.KindWindowScale, 4, 1, 1}))).
			And("RFC7323:2.2-6", mutate.Field(from(tcp.SYN), tcp.WindowScale.Is(19))).
			Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := host.TCP()
			f := c.Dial()
			host.Must("RFC7323:2.2-2", f, tcp.HasOption(tcp.KindWindowScale))
			o := optionOf(f, tcp.KindWindowScale)
			host.Observed("RFC7323:2.2-1", "Window Scale in the SYN: %t", o != nil)
			host.Observed("RFC7323:2.2-6", "Window Scale in a segment without ACK: %t", o != nil)
			if o != nil && len(o) != 3 {
				host.Fail("RFC7323:2.2-1", probe.Value, "an option of 3 octets, if there is one; it is %x", o)
			} else if o != nil && o[2] > 14 {
				host.Fail("RFC7323:2.2-6", probe.Value, "a shift count of 14 at most; it is %d", o[2])
			}
		})

	it("tcp.scale.zero", "a shift of 0 is an offer as any other",
		check.Proves("RFC7323:2.2-5", mutate.Misreads(from(tcp.SYN), tcp.WindowScale.None())).Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := scaling(host, 0)
			c.Listen()
			host.Must("RFC7323:2.2-5", c.Connect(), tcp.HasOption(tcp.KindWindowScale))
		})

	it("tcp.scale.only-syn", "no other segment has Window Scale",
		check.Proves("RFC7323:1.3-1", mutate.Field(from(tcp.ACK), tcp.WindowScale.Is(3))).Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := scaling(host, 7)
			c.Open(probe.Passive)
			c.Data(probe.Pattern(20))
			c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN)), probe.For("RFC7323:1.3-1"))
			c.Socket.Write(probe.Pattern(20))
			c.Expect(c.DataFrom(), probe.For("RFC7323:1.3-1"))
			for _, f := range c.Sent(tcp.Lacks(tcp.SYN)) {
				host.Must("RFC7323:1.3-1", f, tcp.WindowScale.None())
			}
		})
}

// The windows that the target reads.
func init() {
	acks := from(tcp.ACK)
	grid("tcp.scale.read", "the windows of the peer are shifted by what it said",
		check.Proves("RFC7323:2.3-3", mutate.Misreads(from(tcp.SYN), tcp.WindowScale.Is(7))).
			And("RFC7323:2.3-6", mutate.Misreads(acks, tcp.Window.Is(0x4000))).
			Needs(target.WindowScale),
		[]shiftCount{0, 1, 3, 5},
		func(host *probe.Tester, shift shiftCount) {
			const window = 4 * 1024 // octets
			c := scaling(host, uint8(shift))
			c.Listen()
			accepting := c.Listener.Accept()
			c.Connect()
			c.Window = window >> shift
			c.ACK()
			if c.Socket = accepting.Socket(3 * time.Second); c.Socket == nil {
				host.Inconclusive("the target does not accept the connection")
			}
			c.Socket.Write(probe.Pattern(20000))
			c.Expect(c.DataFrom(), probe.For("RFC7323:2.3-6"))
			c.Wait(100 * time.Millisecond)
			for _, req := range []string{"RFC7323:2.3-3", "RFC7323:2.3-6"} {
				host.That(req, "octets sent into a window of 4096", reach(c), gomega.And(gomega.BeNumerically(">", window/2), gomega.BeNumerically("<=", window)))
			}
		})

	it("tcp.scale.syn-window-read", "the window of a SYN,ACK is taken as it stands",
		check.Proves("RFC7323:2.2-9", mutate.Misreads(from(tcp.SYN|tcp.ACK), tcp.Window.Is(40000))).Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := scaling(host, 7)
			c.Window = 400
			c.Open(probe.Active)
			c.Socket.Write(probe.Pattern(20000))
			c.Expect(c.DataFrom(), probe.For("RFC7323:2.2-9"))
			c.Wait(100 * time.Millisecond)
			host.That("RFC7323:2.2-9", "octets sent into a window of 400", reach(c), gomega.BeNumerically("<=", 400))
		})

	it("tcp.scale.not-agreed", "without Window Scale of both sides windows are taken as they stand, and said so",
		check.Proves("RFC7323:2.2-4", mutate.Misreads(acks, tcp.Window.Is(8000))).
			And("RFC7323:2.3-5", rescaled(from(tcp.ACK), -7)).
			Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Dial()
			c.Window = 1000
			f := c.Answer()
			offered, _ := tcp.Window.Of(c.Sent(tcp.Has(tcp.SYN))[0])
			said, _ := tcp.Window.Of(f)
			host.That("RFC7323:2.3-5", fmt.Sprintf("the window after a SYN with %d", offered), said, gomega.BeNumerically(">=", offered/2))
			c.ACK()
			c.Socket.Write(probe.Pattern(20000))
			c.Expect(c.DataFrom(), probe.For("RFC7323:2.2-4"))
			c.Wait(100 * time.Millisecond)
			host.That("RFC7323:2.2-4", "octets sent into a window of 1000", reach(c), gomega.BeNumerically("<=", 1000))
		})

	it("tcp.scale.late", "Window Scale in a segment without SYN is ignored",
		check.Proves("RFC7323:2.2-8", mutate.Misreads(tcp.Segment(tcp.SYNBit.Is(0), tcp.WindowScale.Is(5)), tcp.Window.Is(16000))).Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := scaling(host, 0)
			c.Window = 500
			c.Open(probe.Passive)
			c.Socket.Write(probe.Pattern(20000))
			c.Expect(c.DataFrom(), probe.For("RFC7323:2.2-8"))
			c.ACK(tcp.WindowScale.Is(5))
			c.Wait(100 * time.Millisecond)
			host.That("RFC7323:2.2-8", "octets sent into two windows of 500", reach(c), gomega.BeNumerically("<=", 1000))
		})

	grid("tcp.scale.above-14", "a shift above 14 is taken as 14",
		check.Proves("RFC7323:2.3-9", mutate.Misreads(acks, tcp.Window.Is(8))).Needs(target.WindowScale),
		[]shiftCount{14, 15, 20, 32, 255},
		func(host *probe.Tester, shift shiftCount) {
			const window = 1 << 14
			c := scaling(host, uint8(shift))
			c.Listen()
			accepting := c.Listener.Accept()
			c.Connect()
			c.Window = 1
			c.ACK()
			if c.Socket = accepting.Socket(3 * time.Second); c.Socket == nil {
				host.Inconclusive("the target does not accept the connection")
			}
			c.Socket.Write(probe.Pattern(200000))
			var most int32
			for range 4 { // the congestion window opens meanwhile
				acked := int32(c.RcvNxt - c.IRS - 1)
				c.Wait(80 * time.Millisecond)
				most = max(most, reach(c)-acked)
				c.ACK()
			}
			host.That("RFC7323:2.3-9", "octets in flight, of a window of 1 shifted by 14", most,
				gomega.And(gomega.BeNumerically(">", window/2), gomega.BeNumerically("<=", window)))
		})
}

// The windows that the target says.
func init() {
	synAck := from(tcp.SYN | tcp.ACK)
	acks := tcp.Segment(tcp.SYNBit.Is(0))
	large := func(s *probe.Socket) { _ = s.SetOption("SO_RCVBUF", 200000) }
	it("tcp.scale.said", "the window of a segment, shifted by what the target said, is room that there is",
		check.Proves("RFC7323:2.3-7", rescaled(acks, 3)).
			And("RFC7323:2.3-2", mutate.Field(synAck, tcp.WindowScale.Is(9))).
			And("RFC7323:2.3-4", mutate.Field(synAck, tcp.WindowScale.Is(11))).
			Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := scaling(host, 7)
			c.Setup = large
			c.Open(probe.Passive)
			c.Data(probe.Pattern(1)) // its acknowledgment says a window that is scaled
			c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			room, first := int(c.PeerWindow), c.SndNxt
			host.Step("the target says that it takes %d octets", room)
			data := probe.Pattern(1400)
			sent := 0
			for ; sent+len(data) <= min(room, 1<<20); sent += len(data) {
				c.Send(tcp.ACK, data)
				if sent%(20*len(data)) == 0 { // in bursts that a queue holds
					c.Wait(time.Millisecond)
				}
			}
			c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			for _, req := range []string{"RFC7323:2.3-7", "RFC7323:2.3-2", "RFC7323:2.3-4"} {
				host.That(req, fmt.Sprintf("octets taken of a window of %d", room), int(c.SndUna-first), gomega.BeNumerically(">=", sent))
			}
		})

	it("tcp.scale.syn-window-said", "the window of a SYN,ACK is not scaled",
		check.Proves("RFC7323:2.2-9", mutate.Instead(synAck, "a scaled window", func(f *packet.Frame) []packet.Cond {
			v, _ := tcp.Window.Of(f)
			s, _ := tcp.WindowScale.Of(f)
			return []packet.Cond{tcp.Window.Is(v >> s)}
		})).Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := scaling(host, 7)
			c.Setup = large
			c.Listen()
			f := c.Handshake()
			field, _ := tcp.Window.Of(f)
			c.Data(probe.Pattern(1))
			c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			later := min(c.PeerWindow, 65535)
			read := uint32(field) << c.PeerOffer.Shift
			scaled := c.PeerOffer.Shift > 0 && read > later-later/8 && read < later+later/8
			host.That("RFC7323:2.2-9", fmt.Sprintf("a window of %d, shifted by %d what is said later, %d", field, c.PeerOffer.Shift, later), scaled, gomega.BeFalse())
		})

	it("tcp.scale.edge", "with scaling the right edge recedes by less than a unit of the window",
		check.Proves("RFC7323:F-1", mutate.FieldFrom(3, from(tcp.ACK), tcp.Window.Is(9))).Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := scaling(host, 7)
			c.Setup = large
			c.Open(probe.Passive)
			unit := int32(1) << c.PeerOffer.Shift
			edge := int32(-1 << 30)
			for n := 1; n < 40; n++ { // of sizes that are no multiples of the unit
				c.Data(probe.Pattern(100 + 7*n))
				c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			}
			for _, f := range c.Sent(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST)) {
				ack, _ := tcp.Ack.Of(f)
				w, _ := tcp.Window.Of(f)
				at := int32(uint32(ack)-c.ISS-1) + int32(w)<<c.PeerOffer.Shift
				host.That("RFC7323:F-1", fmt.Sprintf("the right edge %d after %d", at, edge), edge-at, gomega.BeNumerically("<", unit))
				edge = max(edge, at)
			}
			host.That("RFC7323:F-1", "edges seen", edge, gomega.BeNumerically(">", 0))
		})

	it("tcp.scale.first-window", "what was in the window once is taken, though a later one seems to end before it",
		check.Proves("RFC7323:2.4-2", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1)))).Needs(target.WindowScale),
		func(host *probe.Tester) {
			c := scaling(host, 7)
			c.Setup = func(s *probe.Socket) { _ = s.SetOption("SO_RCVBUF", 100000) }
			c.Open(probe.Passive)
			c.Send(tcp.ACK, probe.Pattern(1))
			c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			left := c.SndNxt
			edge := left + c.PeerWindow
			c.Send(tcp.ACK, probe.Pattern(999)) // with which the window, rounded down, ends before the edge
			c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			room := int(edge - c.SndNxt)
			all := probe.Pattern(room)
			c.Send(tcp.PSH|tcp.ACK, all[room-200:], tcp.Seq.Is(uint(edge-200)))
			for at := 0; at < room-200; at += 1400 {
				c.Send(tcp.ACK, all[at:min(at+1400, room-200)])
				if at%14000 == 0 {
					c.Wait(time.Millisecond)
				}
			}
			c.Until(time.Second, func() bool { return c.SndUna == edge })
			host.That("RFC7323:2.4-2", "everything up to the first right edge is acknowledged", int32(c.SndUna-edge), gomega.BeEquivalentTo(0))
		})
}

// A peer that takes back what it offered (RFC 7323, section 2.4; RFC 9293, 3.8.6).
func init() {
	it("tcp.scale.shrunk", "with scaling, too, a window that shrinks stops new data, not what was sent, and not the connection",
		check.Proves("RFC7323:2.4-1", mutate.Answers(from(tcp.ACK, tcp.Window.Is(200)), "RST", func(f *packet.Frame) []packet.Cond {
			ack, _ := tcp.Ack.Of(f)
			return []packet.Cond{tcp.Flags.Is(tcp.RST), tcp.Seq.Is(ack)}
		})).
			And("RFC7323:2.4-4", mutate.Goads("a window that shrinks", 1, func(h mutate.Hearing) bool { return h.Ack == 1000 })).
			And("RFC7323:2.4-5", mutate.Withheld("what does not fit any more", func(s mutate.Sending) bool { return s.From == 1000 && s.Again })).
			And("RFC7323:2.4-6", mutate.Doubled("what is sent again, at once", time.Millisecond, func(s mutate.Sending) bool { return s.Times == 2 })).
			Needs(target.WindowScale),
		func(host *probe.Tester) {
			const first = 1000 // octets of the first segment
			c := scaling(host, 2)
			c.Offer.MSS = first
			c.Window = 5000 // 20000 octets
			c.Open(probe.Passive)
			c.Socket.Write(probe.Pattern(30000))
			c.Expect(c.DataFrom(), probe.For("RFC7323:2.4-5"))
			c.Wait(50 * time.Millisecond)
			top := reach(c)
			c.Window = 200 // 800 octets: the next segment does not fit any more
			c.ACK(c.Acks(first))
			c.Until(3500*time.Millisecond, func() bool { return len(c.Carrying(first)) > 2 || c.Reset })
			c.Wait(20 * time.Millisecond)
			times := c.Carrying(first)
			host.That("RFC7323:2.4-1", "the connection is reset", c.Reset, gomega.BeFalse())
			host.That("RFC7323:2.4-4", "new octets beyond the window of the latest ACK", reach(c)-top, gomega.BeEquivalentTo(0))
			host.That("RFC7323:2.4-5", "how often the first octet that is not acknowledged was sent", len(times), gomega.BeNumerically(">=", 2))
			host.Observed("RFC7323:2.4-6", "the first octet that is not acknowledged was sent %d times", len(times))
			if gaps := probe.Gaps(times); len(gaps) >= 2 && gaps[len(gaps)-1] < gaps[0]/2 {
				host.Fail("RFC7323:2.4-6", probe.Timing, "retransmissions at growing intervals; they are %v", gaps)
			}
		})
}
