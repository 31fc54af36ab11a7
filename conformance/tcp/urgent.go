package tcp

import (
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// The interface of POSIX: one octet of urgent data, in front of the pointer. It is read apart with MSG_OOB or, with
// SO_OOBINLINE, stands in the stream, where SIOCATMARK tells that it is next; a read ends in front of it.

// urging is a connection whose application has urgent data in line, or apart.
func urging(host *probe.Tester, inline int) *probe.Conn {
	c := host.TCP()
	c.Open(probe.Passive)
	mustSet(c.Socket, c, "SO_OOBINLINE", inline)
	return c
}

// urge sends data with an urgent pointer, and waits until it has come.
func urge(c *probe.Conn, data string, pointer uint) {
	c.Send(tcp.PSH|tcp.ACK|tcp.URG, []byte(data), tcp.Urgent.Is(pointer))
	c.Until(2*time.Second, func() bool { return c.SndUna == c.SndNxt })
}

// told tells whether the application has been told of urgent data.
func told(c *probe.Conn) bool {
	r, _ := c.Socket.Poll(time.Second, "pri").Await(3 * time.Second)
	for _, p := range r.Polls {
		if slices.Contains(p.Events, "pri") {
			return true
		}
	}
	return false
}

// atMark tells whether the next octet is the urgent one.
func atMark(c *probe.Conn) bool {
	at, err := c.Socket.GetOption("SIOCATMARK")
	if err != nil {
		c.Inconclusive("the target does not tell of the urgent mark: %v", err)
	}
	return at != 0
}

// oneRead is what one read gives.
func oneRead(c *probe.Conn, n int, flags ...string) string {
	r, _ := c.Socket.Read(n, flags...).Delivered()
	if r.Errno != "" {
		return r.Errno
	}
	return string(r.Data)
}

func init() {
	urgent := tcp.Segment(tcp.URGBit.Is(1))
	calm := mutate.Misreads(urgent, tcp.URGBit.Is(0))
	later := mutate.Misshifts(urgent, tcp.Urgent, 1)

	it("tcp.urgent.told", "the application is told of urgent data, and again when the pointer moves on",
		check.Proves("RFC9293:MUST-32", mutate.DeafAfter(1, urgent, urgent)).
			And("RFC9293:3.10.7.4-33", mutate.DeafAfter(1, urgent, urgent)).
			And("RFC9293:MUST-30", calm).
			And("RFC6093:5-2", calm),
		func(host *probe.Tester) {
			c := urging(host, 0)
			urge(c, "abc", 3)
			first := told(c)
			for _, req := range []string{"RFC9293:MUST-30", "RFC6093:5-2", "RFC9293:MUST-32"} {
				host.That(req, "the application is told of urgent data", first, gomega.BeTrue())
			}
			host.That("RFC9293:MUST-30", "the urgent octet", oneRead(c, 1, "MSG_OOB"), gomega.Equal("c"))
			oneRead(c, 10)
			urge(c, "def", 2)
			next := told(c)
			host.That("RFC9293:MUST-32", "the application is told of the next", next, gomega.BeTrue())
			host.That("RFC9293:3.10.7.4-33", "the application is told when the pointer moves on", next, gomega.BeTrue())
			host.That("RFC9293:MUST-32", "the urgent octet", oneRead(c, 1, "MSG_OOB"), gomega.Equal("e"))
		})

	it("tcp.urgent.pointer", "the urgent pointer is that of the octet behind the urgent data, received and sent",
		check.Proves("RFC9293:MUST-62", mutate.Shifts(urgent, tcp.Urgent, -1)).
			And("RFC6093:4-1", later),
		func(host *probe.Tester) {
			c := urging(host, 0)
			urge(c, "abcdef", 4)
			host.That("RFC6093:4-1", "the octet in front of the pointer", oneRead(c, 1, "MSG_OOB"), gomega.Equal("d"))
			c.Socket.Write([]byte("wxyz"), "MSG_OOB")
			f := c.Expect(c.From(tcp.ACK|tcp.URG), probe.For("RFC9293:MUST-62"))
			seq, _ := tcp.Seq.Of(f)
			pointer, _ := tcp.Urgent.Of(f)
			host.That("RFC9293:MUST-62", "the pointer of 4 octets from 0, as a position", seq+pointer-c.Theirs(0), gomega.Equal(uint(4)))
		})

	it("tcp.urgent.flag", "an urgent pointer counts only in a segment with URG",
		check.Proves("RFC6093:2.1-1", mutate.Misreads(tcp.Segment(tcp.Urgent.Is(2)), tcp.URGBit.Is(1))),
		func(host *probe.Tester) {
			c := urging(host, 0)
			c.Data([]byte("abcd"), tcp.Urgent.Is(2))
			host.That("RFC6093:2.1-1", "what the application reads", reads(c, 4), gomega.Equal("abcd"))
			host.That("RFC6093:2.1-1", "the application is told of urgent data", c.Socket.Ready("pri"), gomega.Not(gomega.ContainElement("pri")))
		})

	it("tcp.urgent.cleared", "an application that reads urgent data in line loses nothing when URG is cleared on the way",
		check.Proves("RFC6093:3.4-1", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1), tcp.Urgent.Is(0)))),
		func(host *probe.Tester) {
			c := urging(host, 1)
			urge(c, "abcd", 2)
			c.Data([]byte("efgh")) // as "urgent" as the first was, but for a middlebox
			host.That("RFC6093:3.4-1", "what the application reads", reads(c, 8), gomega.Equal("abcdefgh"))
		})

	it("tcp.urgent.mark", "the application can tell whether there is urgent data to read, until it has read it",
		check.Proves("RFC9293:MUST-33", mutate.Tells("the mark is everywhere", func(r agent.Request, reply *agent.Reply) {
			if r.Option == "SIOCATMARK" {
				reply.Value = 1
			}
		})).And("RFC6093:2.1-2", later),
		func(host *probe.Tester) {
			c := urging(host, 1)
			urge(c, "abcdef", 4)
			host.That("RFC9293:MUST-33", "at first the application is at the mark", atMark(c), gomega.BeFalse())
			host.That("RFC6093:2.1-2", "what is read in urgent mode, up to the mark", oneRead(c, 10), gomega.Equal("abc"))
			host.That("RFC9293:MUST-33", "then the application is at the mark", atMark(c), gomega.BeTrue())
			host.That("RFC6093:2.1-2", "what is read then", oneRead(c, 10), gomega.Equal("def"))
			host.That("RFC9293:MUST-33", "at last the application is at the mark", atMark(c), gomega.BeFalse())
		})

	it("tcp.urgent.afterwards", "data that has come becomes urgent by a pointer beyond it",
		check.Proves("RFC6093:2.1-3", calm),
		func(host *probe.Tester) {
			c := urging(host, 1)
			c.Data([]byte("abcdef"))
			urge(c, "ghi", 2)
			host.That("RFC6093:2.1-3", "what is read in urgent mode, up to the mark", oneRead(c, 20), gomega.Equal("abcdefg"))
			host.That("RFC6093:2.1-3", "the rest", oneRead(c, 20), gomega.Equal("hi"))
		})

	it("tcp.urgent.inline", "with SO_OOBINLINE urgent data stands in line, without it the octet is taken out",
		check.Proves("RFC6093:2.1-4", mistaken("SO_OOBINLINE", 0)).
			And("RFC6093:3.1-1", mistaken("SO_OOBINLINE", 1)),
		func(host *probe.Tester) {
			whole := func(inline int) (all string) {
				c := urging(host, inline)
				urge(c, "abcdef", 4)
				for range 2 { // a read ends at the mark
					all += oneRead(c, 10)
				}
				return all
			}
			host.That("RFC6093:2.1-4", "what is read with SO_OOBINLINE", whole(1), gomega.Equal("abcdef"))
			host.That("RFC6093:3.1-1", "what is read without", whole(0), gomega.Equal("abcef"))
		})

	it("tcp.urgent.overwritten", "of two urgent octets that are not in line the later one can be read",
		check.Proves("RFC6093:3.3-1", mutate.DeafAfter(1, urgent, urgent)),
		func(host *probe.Tester) {
			c := urging(host, 0)
			urge(c, "a", 1)
			urge(c, "b", 1)
			host.That("RFC6093:3.3-1", "the urgent octet", oneRead(c, 1, "MSG_OOB"), gomega.Equal("b"))
		})

	it("tcp.urgent.length", "urgent data is of any length, received and sent",
		check.Proves("RFC9293:MUST-31", mutate.Ignores(urgent)).
			And("RFC6093:2.3-1", mutate.Field(urgent, tcp.Urgent.Is(1))),
		func(host *probe.Tester) {
			c := urging(host, 1)
			data := probe.Pattern(3000)
			for at := 0; at < 3000; at += 1000 {
				c.Send(tcp.PSH|tcp.ACK|tcp.URG, data[at:at+1000], tcp.Urgent.Is(uint(3000-at)))
			}
			host.That("RFC9293:MUST-31", "what the application reads", reads(c, 3000), gomega.Equal(string(data)))
			c.Acknowledge(probe.Receiver{})
			c.Socket.Write(data, "MSG_OOB")
			all := c.Until(3*time.Second, func() bool { return len(c.Received()) == 3000 })
			host.That("RFC6093:2.3-1", "all of it comes", all, gomega.BeTrue())
			for _, f := range filled(c.Sent(tcp.Has(tcp.URG))) {
				seq, _ := tcp.Seq.Of(f)
				pointer, _ := tcp.Urgent.Of(f)
				host.That("RFC6093:2.3-1", "where the pointer leads, as a position", seq+pointer-c.Theirs(0), gomega.Equal(uint(3000)))
			}
			host.That("RFC6093:2.3-1", "segments with URG", len(c.Sent(tcp.Has(tcp.URG))), gomega.BeNumerically(">=", 1))
		})
}
