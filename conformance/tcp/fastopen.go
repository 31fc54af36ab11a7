package tcp

import (
	"bytes"
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

// The target as a server of Fast Open (RFC 7413).

// serving lets the target's listener take Fast Open.
func serving(c *probe.Conn) {
	c.Setup = func(s *probe.Socket) { mustSet(s, c, "TCP_FASTOPEN", 16) }
}

// cookieOf asks the target for a cookie, by a connection that is not finished.
func cookieOf(c *probe.Conn, req ...string) []byte {
	f := c.Connect(tcp.FastOpen.Is(nil))
	cookie, ok := tcp.FastOpen.Of(f)
	if !ok && len(req) == 0 {
		c.Inconclusive("the target does not answer a request for a cookie with one")
	}
	for _, r := range req {
		c.That(r, "the SYN,ACK has a cookie", ok, gomega.BeTrue())
	}
	c.RST()
	return bytes.Clone(cookie)
}

// served is a connection to a listener of which the tester has the cookie; another one to the same port follows it.
func served(host *probe.Tester) (cookie []byte, next *probe.Conn) {
	c := host.TCP()
	serving(c)
	c.Listen()
	cookie = cookieOf(c)
	next = host.TCPTo(c.Remote)
	next.Listener = c.Listener
	return cookie, next
}

// hasty is a target that takes the data of every SYN, whatever cookie it has, and says so.
func hasty(when packet.Template) mutate.Mutation {
	return mutate.AnswersInstead(when, "SYN,ACK of everything", func(f *packet.Frame) []packet.Cond {
		seq, _ := tcp.Seq.Of(f)
		return []packet.Cond{tcp.Flags.Is(tcp.SYN | tcp.ACK), tcp.Seq.Is(5000), tcp.Ack.Is(seq + tcp.Length(f))}
	})
}

// alone asserts that a SYN,ACK acknowledges the SYN and not its data.
func alone(c *probe.Conn, f *packet.Frame, reqs ...string) {
	for _, req := range reqs {
		c.Must(req, f, c.AckIs(0))
	}
}

func init() {
	synAck := from(tcp.SYN | tcp.ACK)
	loaded := from(tcp.SYN).Then(packet.PayloadWith(packet.Data.Where("some", func(b []byte) bool { return len(b) > 0 })))
	shaped := func(o ...byte) mutate.Mutation { return mutate.Field(synAck, tcp.Options.Is(o)) }

	it("tcp.fastopen.request", "a request for a cookie is answered with one of 4 to 16 octets, an even number, under kind 34",
		check.Proves("RFC7413:4.2.1-3", mutate.Field(synAck, tcp.Ack.Is(7))).
			And("RFC7413:4.1.1-1", shaped(tcp.KindFastOpen, 4, 1, 2)).
			And("RFC7413:4.1.1-2", shaped(tcp.KindFastOpen, 7, 1, 2, 3, 4, 5, 0)).
			And("RFC7413:4.1.1-3", mutate.Field(synAck, tcp.FastOpen.None())).
			And("RFC7413:9-1", shaped(254, 8, 0xf9, 0x89, 1, 2, 3, 4)).
			And("RFC7413:9-2", shaped(254, 10, 0xf9, 0x89, 1, 2, 3, 4, 5, 6)).
			Needs(target.FastOpen),
		func(host *probe.Tester) {
			c := host.TCP()
			serving(c)
			c.Listen()
			c.Send(tcp.SYN, nil, tcp.FastOpen.Is(nil))
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For("RFC7413:4.2.1-3"))
			host.Must("RFC7413:4.2.1-3", f, c.AckIs(0))
			o := optionOf(f, tcp.KindFastOpen)
			host.That("RFC7413:4.1.1-3", "the SYN,ACK has a cookie", len(o) > 2, gomega.BeTrue())
			for _, req := range []string{"RFC7413:9-1", "RFC7413:9-2"} {
				host.That(req, "an option of kind 34 is there, and none of kind 254", o != nil && optionOf(f, 254) == nil, gomega.BeTrue())
			}
			host.That("RFC7413:4.1.1-1", "the option's length", len(o), gomega.And(gomega.BeNumerically(">=", 6), gomega.BeNumerically("<=", 18)))
			host.That("RFC7413:4.1.1-2", "the option's length, modulo 2", len(o)%2, gomega.Equal(0))
		})

	it("tcp.fastopen.taken", "with a cookie the data of a SYN is the application's before the handshake is over, and acknowledged by SYN,ACK",
		check.Proves("RFC7413:4.2.2-6", mutate.FieldFrom(1, synAck, tcp.Ack.Is(7))).
			And("RFC7413:2-2", mutate.Misreads(loaded, tcp.FastOpen.None())).
			And("RFC7413:4.2.2-16", mutate.Ignores(from(tcp.ACK))).
			And("RFC7413:4.2.2-9", mutate.Field(synAck, tcp.Options.Is([]byte{tcp.KindFastOpen, 3, 1, 0}))).
			Needs(target.FastOpen),
		func(host *probe.Tester) {
			cookie, c := served(host)
			c.Accepting = c.Listener.Accept()
			c.Send(tcp.SYN, probe.Pattern(10), tcp.FastOpen.Is(cookie))
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For("RFC7413:4.2.2-6"))
			host.Must("RFC7413:4.2.2-6", f, c.AckIs(10))
			o := optionOf(f, tcp.KindFastOpen)
			host.Observed("RFC7413:4.2.2-9", "Fast Open option in the SYN,ACK: %x", o)
			if len(o)%2 != 0 {
				host.Fail("RFC7413:4.2.2-9", probe.Value, "a Fast Open option of even length, if there is one; it is %x", o)
			}
			c.Socket = c.Accepting.Socket(500 * time.Millisecond)
			if !host.That("RFC7413:2-2", "the application has the connection before the third segment", c.Socket != nil, gomega.BeTrue()) {
				host.Fail("RFC7413:4.2.2-16", probe.Missing, "a connection")
				return
			}
			data, _ := c.Socket.ReadFull(10, time.Second)
			host.That("RFC7413:2-2", "what the application reads before the third segment", data, gomega.Equal(probe.Pattern(10)))
			c.ACK()
			c.Data(probe.Pattern(10))
			ok := c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			host.That("RFC7413:4.2.2-16", "what follows the third segment is acknowledged", ok, gomega.BeTrue())
			c.Wait(1500 * time.Millisecond)
			host.That("RFC7413:4.2.2-16", "SYN,ACKs that were sent", len(c.Sent(tcp.Has(tcp.SYN))), gomega.Equal(1))
		})

	it("tcp.fastopen.answers-early", "a server may answer before the third segment: not more than an initial window",
		check.Proves("RFC7413:4.2.2-11", mutate.Overshoots("the first answer", 15, func(s mutate.Sending) bool { return s.Nth == 0 })).
			And("RFC7413:4.2.2-10", mutate.Field(tcp.Segment(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN)), tcp.Ack.Is(9))).Needs(target.FastOpen),
		func(host *probe.Tester) {
			cookie, c := served(host)
			c.Offer.MSS = 1000
			c.Accepting = c.Listener.Accept()
			c.Send(tcp.SYN, probe.Pattern(10), tcp.FastOpen.Is(cookie))
			c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For())
			if c.Socket = c.Accepting.Socket(500 * time.Millisecond); c.Socket == nil {
				host.Inconclusive("the target's application does not have the connection before the third segment")
			}
			c.Socket.Write(probe.Pattern(100000))
			c.Wait(100 * time.Millisecond)
			host.Observed("RFC7413:4.2.2-10", "%d octets before the third segment", reach(c))
			for _, f := range c.Sent(tcp.Lacks(tcp.SYN)) {
				if len(packet.Check(f, c.AckIs(10))) > 0 {
					host.Fail("RFC7413:4.2.2-10", probe.Field, "segments that acknowledge the data of the SYN")
				}
			}
			// RFC 6928 has replaced the window of RFC 5681 that RFC 7413 names.
			host.That("RFC7413:4.2.2-11", "octets of the answer before the third segment", reach(c), gomega.BeNumerically("<=", 14600))
		})

	type wrong struct {
		name   string
		option func(cookie []byte) []packet.Cond
	}
	wrongs := map[string]wrong{}
	var names []string
	for _, w := range []wrong{
		{"another", func(b []byte) []packet.Cond {
			o := bytes.Clone(b)
			o[0] ^= 0x55
			return []packet.Cond{tcp.FastOpen.Is(o)}
		}},
		{"half", func(b []byte) []packet.Cond { return []packet.Cond{tcp.FastOpen.Is(b[:4])} }},
		{"odd", func(b []byte) []packet.Cond {
			return []packet.Cond{tcp.Options.Is(append([]byte{tcp.KindFastOpen, 7}, b[:5]...))}
		}},
		{"short", func(b []byte) []packet.Cond {
			return []packet.Cond{tcp.Options.Is([]byte{tcp.KindFastOpen, 4, b[0], b[1]})}
		}},
		{"none", func([]byte) []packet.Cond { return nil }},
	} {
		wrongs[w.name] = w
		names = append(names, w.name)
	}
	grid("tcp.fastopen.wrong-cookie", "with a wrong cookie, or none, the data of a SYN is dropped, and the handshake goes on",
		check.Proves("RFC7413:4.2.2-7", hasty(loaded)).
			And("RFC7413:4.1.1-4", mutate.FieldFrom(1, synAck, tcp.Ack.Is(8))).
			Needs(target.FastOpen), names,
		func(host *probe.Tester, name string) {
			cookie, c := served(host)
			c.Accepting = c.Listener.Accept()
			c.Send(tcp.SYN, probe.Pattern(10), wrongs[name].option(cookie)...)
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For("RFC7413:4.2.2-7", "RFC7413:4.1.1-4"))
			alone(c, f, "RFC7413:4.2.2-7", "RFC7413:4.1.1-4")
			c.Data(probe.Pattern(10), c.At(0)) // again, with the third segment
			ok := c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			host.That("RFC7413:4.2.2-7", "the data is acknowledged when it comes again", ok, gomega.BeTrue())
		})

	it("tcp.fastopen.other-host", "a cookie is good for the address that it was given to",
		check.Proves("RFC7413:4.1.2-2", hasty(loaded)).
			And("RFC7413:4.1.2-1", mutate.Field(synAck, tcp.FastOpen.Is([]byte{1, 2, 3, 4, 5, 6, 7, 8}))).Needs(target.FastOpen),
		func(host *probe.Tester) {
			cookie, first := served(host)
			c := host.As(1).TCPTo(first.Remote)
			c.Send(tcp.SYN, probe.Pattern(10), tcp.FastOpen.Is(cookie))
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For("RFC7413:4.1.2-2"))
			alone(c, f, "RFC7413:4.1.2-2")
			c.RST()
			other := host.As(1).TCPTo(first.Remote)
			host.That("RFC7413:4.1.2-1", "the cookie of another host", cookieOf(other), gomega.Not(gomega.Equal(cookie)))
		})

	it("tcp.fastopen.several", "a cookie stays good when another one was asked for",
		check.Proves("RFC7413:4.1.2-4", mutate.Drops(from(tcp.SYN|tcp.ACK), 2)).Needs(target.FastOpen),
		func(host *probe.Tester) {
			cookie, c := served(host)
			again := host.TCPTo(c.Remote)
			later := cookieOf(again)
			c.Send(tcp.SYN, probe.Pattern(10), tcp.FastOpen.Is(cookie))
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For("RFC7413:4.1.2-4"))
			ack, _ := tcp.Ack.Of(f)
			host.Observed("RFC7413:4.1.2-4", "a cookie is taken beside a later one: %t; they differ: %t", ack == c.Mine(10), !bytes.Equal(cookie, later))
		})

	grid("tcp.fastopen.off", "a listener that was not told to knows no Fast Open: it takes no data with a SYN and gives no cookie",
		check.Proves("RFC7413:4.2-1", hasty(loaded)).
			And("RFC7413:4.2-2", mutate.Field(synAck, tcp.FastOpen.Is([]byte{1, 2, 3, 4, 5, 6, 7, 8}))).
			And("RFC7413:2-1", mutate.Field(synAck, tcp.FastOpen.Is([]byte{1, 2, 3, 4, 5, 6}))).
			And("RFC7413:4.2.2-8", hasty(loaded)).Needs(target.FastOpen),
		[]string{"cookie", "request"},
		func(host *probe.Tester, what string) {
			cookie, _ := served(host)
			c := host.TCP()
			c.Listen()
			if what == "request" {
				cookie = nil
			}
			c.Send(tcp.SYN, probe.Pattern(10), tcp.FastOpen.Is(cookie))
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For())
			alone(c, f, "RFC7413:4.2-1", "RFC7413:4.2.2-8")
			host.Must("RFC7413:4.2-2", f, tcp.FastOpen.None())
			host.Must("RFC7413:2-1", f, tcp.FastOpen.None())
		})

	it("tcp.fastopen.late", "a Fast Open option in a segment without SYN is ignored",
		check.Proves("RFC7413:4.1.1-5", mutate.Ignores(tcp.Segment(tcp.SYNBit.Is(0), tcp.HasOption(tcp.KindFastOpen)))).Needs(target.FastOpen),
		func(host *probe.Tester) {
			cookie, c := served(host)
			c.Accepting = c.Listener.Accept()
			c.Handshake()
			c.Data(probe.Pattern(10), tcp.FastOpen.Is(cookie))
			f := c.Expect(c.Any(tcp.Has(tcp.ACK), c.AckIs(10)), probe.For("RFC7413:4.1.1-5"))
			host.Must("RFC7413:4.1.1-5", f, tcp.FastOpen.None())
		})

	grid("tcp.fastopen.syn-ack-again", "an SYN,ACK that is sent again has neither data nor a Fast Open option",
		check.Proves("RFC7413:4.2.1-8", mutate.FieldFrom(1, synAck, tcp.FastOpen.Is([]byte{1, 2, 3, 4, 5, 6, 7, 8}))).
			And("RFC7413:4.2.2-12", mutate.FieldFrom(1, synAck, tcp.FastOpen.Is([]byte{1, 2, 3, 4, 5, 6}))).Needs(target.FastOpen),
		[]string{"request", "cookie"},
		func(host *probe.Tester, what string) {
			var c *probe.Conn
			if what == "request" {
				c = host.TCP()
				serving(c)
				c.Listen()
				c.Send(tcp.SYN, nil, tcp.FastOpen.Is(nil))
			} else {
				var cookie []byte
				cookie, c = served(host)
				c.Send(tcp.SYN, probe.Pattern(10), tcp.FastOpen.Is(cookie))
			}
			c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For())
			again := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For(), probe.Within(5*time.Second), probe.Because("it was not acknowledged"))
			for _, req := range []string{"RFC7413:4.2.1-8", "RFC7413:4.2.2-12"} {
				host.Must(req, again, tcp.FastOpen.None())
				host.That(req, "octets of data with it", sizeOf(again), gomega.Equal(0))
			}
		})

	it("tcp.fastopen.limit", "beyond a number of connections that did not finish the handshake, Fast Open is off for new ones",
		check.Proves("RFC7413:4.2-3", hasty(loaded)).
			And("RFC7413:5.1-1", hasty(from(tcp.SYN, tcp.HasOption(tcp.KindFastOpen)).Then(packet.PayloadWith(packet.Data.Where("10 octets", func(b []byte) bool { return len(b) == 10 }))))).Needs(target.FastOpen),
		func(host *probe.Tester) {
			first := host.TCP()
			first.Setup = func(s *probe.Socket) { mustSet(s, first, "TCP_FASTOPEN", 3) }
			first.Listen()
			cookie := cookieOf(first)
			const most = 300
			taken := 0
			for ; taken < most; taken++ {
				c := host.TCPTo(first.Remote)
				first.Listener.Accept()
				c.Send(tcp.SYN, probe.Pattern(10), tcp.FastOpen.Is(cookie))
				f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For())
				if ack, _ := tcp.Ack.Of(f); ack == c.Mine(0) {
					break
				}
			}
			for _, req := range []string{"RFC7413:4.2-3", "RFC7413:5.1-1"} {
				host.That(req, fmt.Sprintf("of %d SYNs with data, those whose data was taken", most), taken, gomega.BeNumerically("<", most))
			}
		})
}
