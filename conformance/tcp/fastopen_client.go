package tcp

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The target as a client of Fast Open (RFC 7413).

// testersCookie is what the tester gives as a server.
var testersCookie = []byte{0xc0, 0xff, 0xee, 0x11, 0x22, 0x33, 0x44, 0x55} // never written

// asking lets the target's socket connect with Fast Open.
func asking(c *probe.Conn) {
	c.Setup = func(s *probe.Socket) {
		if s.SetOption("TCP_FASTOPEN_CONNECT", 1) != nil { // Linux's way; elsewhere one option is for both ends
			mustSet(s, c, "TCP_FASTOPEN", 1)
		}
	}
}

// granted lets the target ask the tester for a cookie, in a connection that then ends.
func granted(host *probe.Tester, mss uint, cookie []byte) {
	c := host.TCP()
	asking(c)
	c.Offer.MSS = mss
	f := c.Dial()
	if optionOf(f, tcp.KindFastOpen) == nil {
		host.Inconclusive("the target does not ask for a cookie: %s", f)
	}
	c.Answer(tcp.FastOpen.Is(cookie))
	c.Dialing.Delivered()
	c.RST()
	c.Wait(20 * time.Millisecond)
}

// early lets the target connect, and send at once.
func early(host *probe.Tester, data []byte) (c *probe.Conn, syn *packet.Frame) {
	c = host.TCP()
	asking(c)
	return c, earlyOn(c, data)
}

// earlyOn is early for a connection to a port of the script's.
func earlyOn(c *probe.Conn, data []byte) *packet.Frame {
	c.Socket = c.Tester.Stream()
	if c.Setup != nil {
		c.Setup(c.Socket)
	}
	c.Dialing = c.Socket.Dial(netip.AddrPortFrom(c.IP(), c.Local))
	c.Wait(10 * time.Millisecond)
	if _, done := c.Dialing.Done(); done { // or it goes on without waiting for data
		c.Socket.Write(data)
	}
	return c.AwaitSYN()
}

// fast tells whether a SYN opens by Fast Open.
func fast(f *packet.Frame) bool { return len(optionOf(f, tcp.KindFastOpen)) > 2 }

func init() {
	syn := from(tcp.SYN)
	first := func(conds ...packet.Cond) mutate.Mutation { return mutate.Field(syn, conds...) }
	it("tcp.fastopen.client-request", "a client first asks for a cookie: by an empty option, in a SYN without data",
		check.Proves("RFC7413:4.2.1-1", first(tcp.FastOpen.Is([]byte{1, 2, 3, 4, 5, 6, 7, 8}))).
			And("RFC7413:4.2.1-2", first(tcp.FastOpen.None())).
			And("RFC7413:4.2.2-1", first(tcp.FastOpen.Is([]byte{1, 2, 3, 4, 5, 6}))).
			Needs(target.FastOpen),
		func(host *probe.Tester) {
			c := host.TCP()
			asking(c)
			f := c.Dial()
			o := optionOf(f, tcp.KindFastOpen)
			host.That("RFC7413:4.2.1-2", "the option", o, gomega.Equal([]byte{tcp.KindFastOpen, 2}))
			host.That("RFC7413:4.2.1-1", "there is a cookie that nobody gave", fast(f), gomega.BeFalse())
			host.That("RFC7413:4.2.2-1", "there is a cookie that nobody gave", fast(f), gomega.BeFalse())
			host.That("RFC7413:4.2.1-1", "octets of data in the SYN", sizeOf(f), gomega.Equal(0))
		})

	it("tcp.fastopen.client-plain", "a socket that was not told to opens without Fast Open, whatever cookies the target has",
		check.Proves("RFC7413:2-1", mutate.FieldFrom(1, syn, tcp.FastOpen.Is(testersCookie))).Needs(target.FastOpen),
		func(host *probe.Tester) {
			granted(host, 1000, testersCookie)
			c := host.TCP()
			host.Must("RFC7413:2-1", c.Dial(), tcp.FastOpen.None())
		})

	grid("tcp.fastopen.client-data", "with a cookie the SYN has it, and data up to the MSS that came with it",
		check.Proves("RFC7413:4.1.3-1", mutate.FieldFrom(1, syn, tcp.FastOpen.None())).
			And("RFC7413:4.2.2-3", mutate.FieldFrom(1, syn, packet.Data.Is(nil))).
			And("RFC7413:4.1.3-3", mutate.FieldFrom(1, syn, packet.Data.Is(probe.Pattern(1300)))).
			And("RFC7413:4.1.3-5", mutate.FieldFrom(1, syn, packet.Data.Is(probe.Pattern(1301)))).
			Needs(target.FastOpen),
		[]int{1000, 300}, // the second is less than the default of either version of IP
		func(host *probe.Tester, mss int) {
			granted(host, uint(mss), testersCookie)
			_, f := early(host, probe.Pattern(3000))
			host.Must("RFC7413:4.1.3-1", f, tcp.FastOpen.Is(testersCookie))
			n := sizeOf(f)
			host.That("RFC7413:4.2.2-3", "octets of data in the SYN", n, gomega.BeNumerically(">", 0))
			host.That("RFC7413:4.1.3-3", "octets of data in the SYN, for the server's MSS", n, gomega.BeNumerically("<=", mss))
			host.Observed("RFC7413:4.1.3-5", "%d octets for an MSS of %d", n, mss)
			if n > mss {
				host.Fail("RFC7413:4.1.3-5", probe.Value, "%d octets at most; there are %d", mss, n)
			}
		})

	it("tcp.fastopen.client-no-mss", "with a cookie from a server that said no MSS the SYN has no more than the default",
		check.Proves("RFC7413:4.1.3-4", mutate.FieldFrom(1, syn, packet.Data.Is(probe.Pattern(1300)))).Needs(target.FastOpen),
		func(host *probe.Tester) {
			granted(host, 0, testersCookie)
			_, f := early(host, probe.Pattern(3000))
			most := 536
			if host.Family() == probe.IPv6 {
				most = 1220
			}
			host.That("RFC7413:4.1.3-4", "octets of data in the SYN", sizeOf(f), gomega.BeNumerically("<=", most))
		})

	it("tcp.fastopen.client-not-taken", "data of a SYN that the SYN,ACK does not acknowledge is sent again with the third segment",
		check.Proves("RFC7413:4.2.2-15", mutate.Deferred("what follows the SYN", 400*time.Millisecond, func(s mutate.Sending) bool { return true })).
			And("RFC7413:4.2.2-14", mutate.FieldFrom(1, tcp.Segment(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN)), tcp.Ack.Is(5))).Needs(target.FastOpen),
		func(host *probe.Tester) {
			granted(host, 1000, testersCookie)
			c, f := early(host, probe.Pattern(300))
			if sizeOf(f) == 0 {
				host.Inconclusive("the target sends no data with its SYN")
			}
			at := c.Now()
			c.Send(tcp.SYN|tcp.ACK, nil, c.Acks(0))
			g := c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST)), probe.For("RFC7413:4.2.2-14"))
			host.Must("RFC7413:4.2.2-14", g, c.AckIs(0))
			got := c.Until(time.Second, func() bool { return len(c.Carrying(299)) > 1 })
			if host.That("RFC7413:4.2.2-15", "the data came again", got, gomega.BeTrue()) {
				host.Between("RFC7413:4.2.2-15", "how long it took", c.Carrying(299)[1].At-at, 0, 150*time.Millisecond)
			}
		})

	it("tcp.fastopen.client-taken", "data of a SYN that the SYN,ACK acknowledges is not sent again, and more follows",
		check.Proves("RFC7413:4.2.2-14", mutate.Misplaces("what follows the SYN", -300, func(s mutate.Sending) bool { return true })).Needs(target.FastOpen),
		func(host *probe.Tester) {
			granted(host, 1000, testersCookie)
			c, f := early(host, probe.Pattern(300))
			if sizeOf(f) == 0 {
				host.Inconclusive("the target sends no data with its SYN")
			}
			c.Send(tcp.SYN|tcp.ACK, nil)
			c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST)), probe.For("RFC7413:4.2.2-14"))
			c.Socket.Write(probe.Pattern(100))
			g := c.Expect(c.DataFrom(tcp.Lacks(tcp.SYN)), probe.For("RFC7413:4.2.2-14"))
			host.Must("RFC7413:4.2.2-14", g, c.SeqIs(300), c.AckIs(0))
		})

	grid("tcp.fastopen.client-again", "a SYN that is sent again has neither data nor a Fast Open option",
		check.Proves("RFC7413:4.2.1-7", mutate.FieldFrom(1, from(tcp.SYN, tcp.Window.Where("any", func(uint) bool { return true })), tcp.FastOpen.Is(nil))).
			And("RFC7413:4.2.2-5", mutate.FieldFrom(1, syn, tcp.FastOpen.Is([]byte{1, 2, 3, 4}))).Needs(target.FastOpen),
		[]string{"request", "cookie"},
		func(host *probe.Tester, what string) {
			c := host.TCP()
			if what == "cookie" {
				granted(host, 1000, testersCookie)
				c, _ = early(host, probe.Pattern(300))
			} else {
				asking(c)
				c.Dial()
			}
			f := c.Expect(c.From(tcp.SYN), probe.For(), probe.Within(6*time.Second), probe.Because("it was not answered"))
			for _, req := range []string{"RFC7413:4.2.1-7", "RFC7413:4.2.2-5"} {
				host.Must(req, f, tcp.FastOpen.None())
				host.That(req, "octets of data in the SYN", sizeOf(f), gomega.Equal(0))
			}
		})

	it("tcp.fastopen.client-new-cookie", "a cookie that comes with a SYN,ACK takes the place of the one before, and so does the MSS",
		check.Proves("RFC7413:4.2.1-4", mutate.FieldFrom(2, syn, tcp.FastOpen.Is(testersCookie))).
			And("RFC7413:4.1.3-2", mutate.FieldFrom(2, syn, tcp.FastOpen.Is([]byte{1, 2, 3, 4}))).
			And("RFC7413:4.2.2-13", mutate.FieldFrom(2, syn, packet.Data.Is(probe.Pattern(1000)))).Needs(target.FastOpen),
		func(host *probe.Tester) {
			granted(host, 1000, testersCookie)
			later := []byte{9, 8, 7, 6, 5, 4, 3, 2}
			c, _ := early(host, probe.Pattern(300))
			c.Offer.MSS = 700
			c.Send(tcp.SYN|tcp.ACK, nil, tcp.FastOpen.Is(later))
			c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST)), probe.For())
			c.RST()
			c.Wait(20 * time.Millisecond)
			_, f := early(host, probe.Pattern(3000))
			host.Must("RFC7413:4.2.1-4", f, tcp.FastOpen.Is(later))
			host.Must("RFC7413:4.1.3-2", f, tcp.FastOpen.Is(later))
			host.That("RFC7413:4.2.2-13", "octets of data in the SYN, for an MSS of 700", sizeOf(f), gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<=", 700)))
		})

	grid("tcp.fastopen.client-keeps", "a SYN,ACK without a cookie leaves the one that is there, at least when it comes again",
		check.Proves("RFC7413:4.2.1-6", mutate.FieldFrom(1, syn, tcp.FastOpen.None())).
			And("RFC7413:4.2.1-5", mutate.FieldFrom(1, syn, tcp.FastOpen.Is([]byte{1, 2, 3, 4}))).Needs(target.FastOpen),
		[]string{"again"},
		func(host *probe.Tester, _ string) {
			c := host.TCP()
			asking(c)
			c.Dial()
			c.Answer(tcp.FastOpen.Is(testersCookie))
			c.Dialing.Delivered()
			c.Send(tcp.SYN|tcp.ACK, nil, tcp.Seq.Is(uint(c.ISS))) // spurious, and without the cookie
			c.Wait(50 * time.Millisecond)
			c.RST()
			c.Wait(20 * time.Millisecond)
			_, f := early(host, probe.Pattern(100))
			host.Must("RFC7413:4.2.1-6", f, tcp.FastOpen.Is(testersCookie))
			cookie, ok := tcp.FastOpen.Of(f)
			host.Observed("RFC7413:4.2.1-5", "the cookie is still there: %t", ok)
			if ok && len(cookie) > 0 && string(cookie) != string(testersCookie) {
				host.Fail("RFC7413:4.2.1-5", probe.Value, "the cookie that was given, or none; it is %x", cookie)
			}
		})

	grid("tcp.fastopen.client-refused", "a server that does not take data with a SYN is remembered, by its port; others are not meant",
		check.Proves("RFC7413:4.1.3.1-1", mutate.FieldFrom(3, syn, tcp.FastOpen.Is(testersCookie))).
			And("RFC7413:4.1.3.1-2", mutate.FieldFrom(3, syn, tcp.FastOpen.Is([]byte{1, 2, 3, 4}))).
			And("RFC7413:4.2.1-9", mutate.FieldFrom(3, syn, tcp.FastOpen.Is([]byte{1, 2, 3, 4, 5, 6}))).
			And("RFC7413:4.1.3.1-3", mutate.FieldFrom(4, syn, tcp.FastOpen.None())).Needs(target.FastOpen),
		[]string{"no-answer"},
		func(host *probe.Tester, _ string) {
			granted(host, 1000, testersCookie)
			c, f := early(host, probe.Pattern(300))
			if !fast(f) {
				host.Inconclusive("the target does not use the cookie that it has")
			}
			c.Expect(c.From(tcp.SYN), probe.For(), probe.Within(6*time.Second)) // without the option
			c.Send(tcp.SYN|tcp.ACK, nil, c.Acks(0))
			c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.RST)), probe.For())
			c.RST()
			c.Wait(20 * time.Millisecond)

			again := host.TCP()
			again.Local = c.Local
			asking(again)
			g := earlyOn(again, probe.Pattern(300))
			for _, req := range []string{"RFC7413:4.1.3.1-1", "RFC7413:4.1.3.1-2", "RFC7413:4.2.1-9"} {
				host.That(req, "Fast Open to a port where it did not work", fast(g), gomega.BeFalse())
			}
			_, h := early(host, probe.Pattern(300))
			host.That("RFC7413:4.1.3.1-3", "Fast Open to another port", fast(h), gomega.BeTrue())
		})
}
