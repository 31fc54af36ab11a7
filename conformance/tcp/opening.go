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

func init() {
	it("tcp.open.passive", "a SYN to a port that is listened on leads to a connection",
		check.Proves("RFC9293:3.10.7.2-3", mutate.Field(from(tcp.SYN|tcp.ACK), tcp.Ack.Is(1))).
			And("RFC9293:3.10.7.4-21", ignoring(tcp.ACK)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			accepting := c.Listener.Accept()
			c.Send(tcp.SYN, nil)
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For("RFC9293:3.10.7.2-3"))
			host.Must("RFC9293:3.10.7.2-3", f, c.AckIs(0))
			c.ACK()
			_, accepted := accepting.Delivered()
			host.That("RFC9293:3.10.7.4-21", "the application is given the connection", accepted, gomega.BeTrue())
		})

	it("tcp.open.active", "a SYN,ACK that acknowledges the SYN is acknowledged, and the connection is there",
		check.Proves("RFC9293:3.10.7.3-5", mutate.Field(from(tcp.ACK), tcp.Ack.Is(1))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Dial()
			c.Send(tcp.SYN|tcp.ACK, nil)
			f := c.Expect(c.From(tcp.ACK))
			host.Must("RFC9293:3.10.7.3-5", f, c.SeqIs(0), c.AckIs(0))
			r, done := c.Dialing.Delivered()
			host.That("RFC9293:3.10.7.3-5", "the application's connect succeeds", done && r.Errno == "", gomega.BeTrue())
		})

	it("tcp.open.mss", "a SYN says the largest segment that fits the link",
		check.Proves("RFC9293:SHLD-5", mutate.Field(from(tcp.SYN|tcp.ACK), tcp.MSS.None())),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			host.Must("RFC9293:SHLD-5", c.Connect(), tcp.MSS.Is(c.Offer.MSS))
		})

	for _, k := range []struct {
		id, title, requirement string
		flags                  []uint
		answer                 uint
		form                   func(c *probe.Conn, f *packet.Frame) []packet.Cond
	}{
		{"tcp.closed.without-ack", "where nobody listens a segment without ACK draws RST,ACK with SEQ 0", "RFC9293:3.10.7.1-2",
			[]uint{tcp.SYN, tcp.FIN, 0}, tcp.RST | tcp.ACK,
			func(c *probe.Conn, sent *packet.Frame) []packet.Cond {
				seq, _ := tcp.Seq.Of(sent)
				return []packet.Cond{tcp.Seq.Is(0), tcp.Ack.Is(seq + tcp.Length(sent))}
			}},
		{"tcp.closed.with-ack", "where nobody listens a segment with ACK draws RST with SEQ = SEG.ACK", "RFC9293:3.10.7.1-3",
			[]uint{tcp.SYN | tcp.ACK, tcp.ACK, tcp.FIN | tcp.ACK}, tcp.RST,
			func(c *probe.Conn, sent *packet.Frame) []packet.Cond {
				ack, _ := tcp.Ack.Of(sent)
				return []packet.Cond{tcp.Seq.Is(ack)}
			}},
	} {
		grid(k.id, k.title, check.Proves(k.requirement, mutate.Field(from(k.answer), tcp.Seq.Is(77))), named(k.flags),
			func(host *probe.Tester, flags flagSet) {
				c := host.TCP()
				c.Reach(probe.StateClosed, probe.Passive)
				segment := c.Segment(uint(flags), nil)
				sent := packet.Dissect(host.Net().Link, host.Build(segment))
				c.Put(segment)
				host.Must(k.requirement, c.Expect(c.From(k.answer)), k.form(c, sent)...)
			})
	}

	it("tcp.data.echo", "data is acknowledged, given to the application, and what it says is sent",
		check.Proves("RFC9293:3.10.7.4-35", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1)))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Socket.Echo()
			data := probe.Pattern(3000)
			c.Acknowledge(probe.Receiver{})
			for at := 0; at < len(data); at += 1000 {
				c.Data(data[at : at+1000])
			}
			all := c.Until(5*time.Second, func() bool { return len(c.Received()) == len(data) && c.SndUna == c.SndNxt })
			host.That("RFC9293:3.10.7.4-35", "everything is acknowledged and has come back", all, gomega.BeTrue())
			host.That("RFC9293:3.10.7.4-35", "the data that came back", c.Received(), gomega.Equal(data))
		})

	it("tcp.close.first", "the side that closes first ends in TIME-WAIT",
		check.Proves("RFC9293:3.10.7.4-27", mutate.DeafAfter(1, from(tcp.ACK), from(tcp.ACK))). // the first one ends the handshake
													And("RFC9293:3.10.7.4-42", ignoring(tcp.FIN|tcp.ACK)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateFinWait1, probe.Passive)
			c.ACK()
			c.Wait(4 * time.Second) // were the FIN not taken as acknowledged it would come again
			again := c.Sent(tcp.Has(tcp.FIN))
			host.That("RFC9293:3.10.7.4-27", "how often the FIN was sent", len(again), gomega.Equal(1))
			c.FIN()
			f := c.Expect(c.From(tcp.ACK), probe.For("RFC9293:3.10.7.4-42"))
			host.Must("RFC9293:3.10.7.4-42", f, tcp.Ack.Is(uint(c.SndNxt)))
		})

	it("tcp.close.second", "a FIN is acknowledged, and the stream the other way goes on",
		check.Proves("RFC9293:3.10.7.4-39", mutate.Field(from(tcp.ACK), tcp.Ack.Is(1))).
			And("RFC9293:3.10.7.4-40", mutate.Missing(tcp.Segment(tcp.PSHBit.Is(1)))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.FIN()
			host.Must("RFC9293:3.10.7.4-39", c.Expect(c.From(tcp.ACK), probe.For("RFC9293:3.10.7.4-39")), c.AckIs(1))
			host.That("RFC9293:3.10.7.4-39", "the application meets the end of the stream", ended(c), gomega.BeTrue())
			c.Socket.Write([]byte("still here"))
			c.Expect(c.DataFrom(), probe.For("RFC9293:3.10.7.4-40"), probe.Because("CLOSE-WAIT sends data"))
		})
}

// ended reads the end of the stream.
func ended(c *probe.Conn) bool {
	r, done := c.Socket.Read(10).Delivered()
	return done && r.EOF()
}

// flagSet prints flags as coordinates of a grid.
type flagSet uint

func (f flagSet) String() string { return tcp.FlagNames(uint(f)) }

func named(all []uint) (sets []flagSet) {
	for _, f := range all {
		sets = append(sets, flagSet(f))
	}
	return sets
}
