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
)

// withData is a segment of the target that carries data.
var withData = tcp.Segment().Then(packet.PayloadWith(packet.Data.Where("some", func(b []byte) bool { return len(b) > 0 })))

// The judge looks at all of this in every segment of every check; here it is asked for once.
func init() {
	synAck := from(tcp.SYN | tcp.ACK)
	it("tcp.format.header", "data offset, reserved bits and the MSS option have their form",
		check.Proves("RFC9293:3.1-1", mutate.Field(synAck, tcp.DataOffset.Is(4))).
			And("RFC9293:3.1-2", mutate.Field(synAck, tcp.Reserved.Is(4))).
			And("RFC9293:3.2-1", mutate.Field(synAck, tcp.Options.Is([]byte{tcp.KindMSS, 3, 5, tcp.KindEnd}))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			f := c.Connect()
			most := uint(len(f.Header(tcp.Proto))+len(f.Body(tcp.Proto))) / 4
			host.Must("RFC9293:3.1-1", f, tcp.DataOffset.Where("5 or more, and no more than the segment has", func(v uint) bool { return v >= 5 && v <= most }))
			host.Must("RFC9293:3.1-2", f, tcp.Reserved.Is(0))
			host.Must("RFC9293:3.2-1", f, tcp.Options.Where("with MSS of length 4", func(o []byte) bool {
				all, _ := tcp.SplitOptions(o)
				for _, one := range all {
					if one[0] == tcp.KindMSS {
						return len(one) == 4
					}
				}
				return false
			}))
		})

	it("tcp.format.ack", "every segment of a connection acknowledges what has come, and no more",
		check.Proves("RFC9293:3.1-3", mutate.Field(withData, tcp.ACKBit.Is(0))).
			And("RFC9293:3.4-2", mutate.Shifts(from(tcp.ACK), tcp.Ack, 1)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Data(probe.Pattern(5))
			host.Must("RFC9293:3.4-2", c.Expect(c.Any(tcp.Has(tcp.ACK)), probe.For("RFC9293:3.4-2")), c.AckIs(5))
			c.Socket.Write(probe.Pattern(5))
			host.Must("RFC9293:3.1-3", c.Expect(c.DataFrom(), probe.For("RFC9293:3.1-3")), tcp.ACKBit.Is(1))
		})

	it("tcp.stream.numbers", "each octet has the number after the one before it",
		check.Proves("RFC9293:3.4-1", mutate.FieldFrom(1, withData, tcp.Seq.Is(7))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Acknowledge(probe.Receiver{})
			c.Socket.Write(probe.Pattern(3 * 1460))
			c.Until(time.Second, func() bool { return len(c.Received()) == 3*1460 })
			next := int32(0)
			for _, f := range c.Sent(tcp.Lacks(tcp.SYN | tcp.RST)) {
				end := place(c, f)
				host.That("RFC9293:3.4-1", fmt.Sprintf("where %s begins", f), end-int32(tcp.Length(f)), gomega.BeNumerically("<=", next))
				next = max(next, end)
			}
			host.That("RFC9293:3.4-1", "the octets that came", len(c.Received()), gomega.Equal(3*1460))
		})

	it("tcp.stream.again", "what is sent again is what was sent: the same octets, the same end",
		check.Proves("RFC9293:3.4-3", mutate.FieldFrom(1, withData, packet.Data.Is([]byte("HELLO")))).
			And("RFC9293:3.6-1", mutate.FieldFrom(1, tcp.Segment(tcp.Has(tcp.FIN)), tcp.Seq.Is(7))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Socket.Write([]byte("hello"))
			c.Expect(c.DataFrom(), probe.For("RFC9293:3.4-3"))
			again := c.Expect(c.DataFrom(), probe.For("RFC9293:3.4-3"), probe.Within(5*time.Second), probe.Because("it was not acknowledged"))
			host.Must("RFC9293:3.4-3", again, packet.Data.Is([]byte("hello")))
			c.ACK(c.Acks(5))
			if err := c.Socket.Shutdown(probe.ShutWrite); err != nil {
				host.Inconclusive("the target cannot end its stream: %v", err)
			}
			fin := c.Any(tcp.Has(tcp.FIN))
			first := c.Expect(fin, probe.For("RFC9293:3.6-1"))
			second := c.Expect(fin, probe.For("RFC9293:3.6-1"), probe.Within(10*time.Second), probe.Because("it was not acknowledged"))
			host.That("RFC9293:3.6-1", "where the FIN stands", place(c, second), gomega.Equal(place(c, first)))
		})

	it("tcp.window.kept", "no data goes beyond the window",
		check.Proves("RFC9293:3.8.6-1", mutate.Field(withData, packet.Data.Is(probe.Pattern(1200)))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Window = 1000
			c.Open(probe.Passive)
			c.Socket.Write(probe.Pattern(5000))
			c.Expect(c.DataFrom(), probe.For("RFC9293:3.8.6-1"))
			c.Wait(300 * time.Millisecond)
			for _, f := range c.Sent(tcp.Lacks(tcp.SYN)) {
				host.That("RFC9293:3.8.6-1", fmt.Sprintf("the end of %s", f), place(c, f), gomega.BeNumerically("<=", 1000))
			}
		})
}

// place is the position of a segment's end in the target's stream.
func place(c *probe.Conn, f *packet.Frame) int32 {
	seq, _ := tcp.Seq.Of(f)
	return int32(uint32(seq+tcp.Length(f)) - uint32(c.Theirs(0)))
}
