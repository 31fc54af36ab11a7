package tcp

import (
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// The User Timeout option (RFC 5482). Sending it is a matter of the application; on a target that offers TCP_USER_TIMEOUT
// and no switch besides, setting the timeout enables the option.

// telling is a connection whose application sets a user timeout before it opens it, in milliseconds, and the SYN.
func telling(host *probe.Tester, ms int) (*probe.Conn, uint, bool) {
	c := host.TCP()
	c.Socket = host.Stream()
	mustSet(c.Socket, c, "TCP_USER_TIMEOUT", ms)
	syn := c.Dial()
	value, told := tcp.UserTimeout.Of(syn)
	return c, value, told
}

// A span is a user timeout as a number of seconds, and as the 16 bits of the option.
type span struct {
	seconds int
	bits    uint
}

func (s span) String() string { return fmt.Sprintf("%d-s", s.seconds) }

func init() {
	said := tcp.Segment(tcp.UserTimeout.Where("there", func(uint) bool { return true }))

	it("tcp.uto.off", "the User Timeout option is not sent unless the application asks for it",
		check.Proves("RFC5482:3-1", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.UserTimeout.Is(300))),
		func(host *probe.Tester) {
			for _, o := range []probe.Origin{probe.Passive, probe.Active} {
				c := host.TCP()
				c.Open(o)
				c.Socket.Write([]byte("octets"))
				c.Expect(c.DataFrom(), probe.For())
				for _, f := range c.Sent() {
					host.Must("RFC5482:3-1", f, tcp.UserTimeout.None())
				}
			}
		})

	grid("tcp.uto.sent", "a user timeout that was set before is in the SYN, in seconds or minutes",
		check.Proves("RFC5482:3-5", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.UserTimeout.None())).
			And("RFC5482:3-6", mutate.Field(tcp.Segment(tcp.SYNBit.Is(0)), tcp.UserTimeout.None())).
			And("RFC5482:3.3-3", mutate.Field(said, tcp.Options.Is([]byte{29, 4, 0, 100}))).
			And("RFC5482:3.3-4", mutate.Field(said, tcp.Options.Is([]byte{28, 3, 0, 1}))).
			And("RFC5482:3.3-5", mutate.Field(said, tcp.UserTimeout.Is(0x8001))).
			And("RFC5482:3.3-6", mutate.Field(said, tcp.UserTimeout.Is(7))).
			And("RFC5482:3.3-7", mutate.Field(said, tcp.UserTimeout.Is(0xffff))),
		[]span{{100, 100}, {300, 300}, {32767, 32767}, {3000 * 60, 0x8000 | 3000}},
		func(host *probe.Tester, s span) {
			c, bits, told := telling(host, s.seconds*1000)
			syn := c.Sent()[0]
			raw, _ := tcp.Options.Of(syn)
			all, _ := tcp.SplitOptions(raw)
			length := 0
			for _, o := range all {
				if o[0] == tcp.KindUserTimeout {
					length = len(o)
				}
			}
			host.That("RFC5482:3.3-3", "an option of kind 28 is in the SYN", length > 0, gomega.BeTrue())
			host.That("RFC5482:3.3-4", "its length", length, gomega.Equal(4))
			if !host.That("RFC5482:3-5", "the option is in the SYN", told, gomega.BeTrue()) {
				return
			}
			seconds := int(bits & 0x7fff)
			if bits&0x8000 != 0 {
				seconds *= 60
			}
			near := gomega.And(gomega.BeNumerically(">=", s.seconds-59), gomega.BeNumerically("<=", s.seconds+59)) // minutes round
			for _, req := range []string{"RFC5482:3.3-5", "RFC5482:3.3-6", "RFC5482:3.3-7"} {
				host.That(req, "the time that it says, in seconds", seconds, near)
			}
			host.Forget()
			c.Answer()
			c.Socket.Write([]byte("octets"))
			c.Expect(c.DataFrom(), probe.For())
			first := c.Sent(tcp.Lacks(tcp.SYN))[0]
			host.Must("RFC5482:3-6", first, tcp.UserTimeout.Where("there", func(uint) bool { return true }))
		})

	it("tcp.uto.changed", "a new user timeout is told in the next segment",
		check.Proves("RFC5482:3-7", mutate.Field(tcp.Segment(tcp.PSHBit.Is(1)), tcp.UserTimeout.None())),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			mustSet(c.Socket, c, "TCP_USER_TIMEOUT", 200000)
			c.Socket.Write([]byte("octets"))
			c.Wait(20 * time.Millisecond)
			sent := c.Sent(tcp.Lacks(tcp.SYN))
			host.That("RFC5482:3-7", "segments", len(sent), gomega.BeNumerically(">=", 1))
			if len(sent) > 0 {
				host.Must("RFC5482:3-7", sent[0], tcp.UserTimeout.Is(200))
			}
		})

	grid("tcp.uto.not-zero", "a user timeout of zero is not sent",
		check.Proves("RFC5482:3.4-1", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.UserTimeout.Is(0))), []int{0, 1, 400, 999},
		func(host *probe.Tester, ms int) {
			_, bits, told := telling(host, ms)
			host.That("RFC5482:3.4-1", "an option with the value zero", told && bits&0x7fff == 0, gomega.BeFalse())
		})

	// Nobody has enabled the option on the target: what is received changes nothing, and breaks nothing.
	values := []uint{0, 0x8000, 1, 100, 0x7fff, 0x8001, 0xffff}
	grid("tcp.uto.received", "an option that is received does no harm, in a SYN and later",
		check.Proves("RFC5482:3-8", mutate.Ignores(said)).
			And("RFC5482:3.2-1", mutate.DeafAfter(2, said, tcp.Segment(tcp.PSHBit.Is(1)))), values,
		func(host *probe.Tester, bits uint) {
			c := host.TCP()
			c.Listen()
			accepting := c.Listener.Accept()
			c.Send(tcp.SYN, nil, tcp.UserTimeout.Is(bits))
			c.Expect(c.From(tcp.SYN|tcp.ACK, c.AckIs(0)), probe.For("RFC5482:3-8"))
			c.ACK()
			if c.Socket = accepting.Socket(3 * time.Second); c.Socket == nil {
				host.Inconclusive("the target does not accept the connection")
			}
			c.Data([]byte("octets"), tcp.UserTimeout.Is(bits))
			host.That("RFC5482:3-8", "what the application reads", reads(c, 6), gomega.Equal("octets"))
			c.Data([]byte("more"))
			host.That("RFC5482:3.2-1", "what the application reads then", reads(c, 4), gomega.Equal("more"))
		})

	grid("tcp.uto.bounded", "a short user timeout that is received does not end a connection early",
		check.Proves("RFC5482:3.1-4", mutate.Drops(tcp.Segment(tcp.PSHBit.Is(1)), 3)).
			And("RFC5482:3.1-8", mutate.Drops(tcp.Segment(tcp.PSHBit.Is(1)), 4)).
			And("RFC5482:3.1-9", mutate.Drops(tcp.Segment(tcp.PSHBit.Is(1)), 1)).
			And("RFC5482:3.4-2", mutate.Drops(tcp.Segment(tcp.PSHBit.Is(1)), 2)).Slow(),
		[]uint{0, 0x8000, 1, 20},
		func(host *probe.Tester, bits uint) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.ACK(tcp.UserTimeout.Is(bits))
			reading := c.Socket.Read(10)
			since := host.Now()
			c.Socket.Write([]byte("is anybody there?"))
			c.Wait(90 * time.Second)
			_, ended := reading.Done()
			last := filled(c.Sent())
			for _, req := range []string{"RFC5482:3.1-4", "RFC5482:3.1-8", "RFC5482:3.1-9", "RFC5482:3.4-2"} {
				host.That(req, "the connection is given up before 90 s", ended || c.Reset, gomega.BeFalse())
				// The timeout doubles: a retransmission stands in the second half.
				host.That(req, "the last retransmission", last[len(last)-1].At-since, gomega.BeNumerically(">=", 44*time.Second))
			}
		})

	it("tcp.uto.not-while-opening", "an option in a SYN has no effect before the connection is established",
		check.Proves("RFC5482:6-1", mutate.Drops(from(tcp.SYN|tcp.ACK), 2)).
			And("RFC5482:3.3-2", mutate.Drops(from(tcp.SYN|tcp.ACK), 3)).
			And("RFC5482:3.3-1", mutate.Drops(from(tcp.SYN|tcp.ACK), 1)).Slow(),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			since := c.Connect(tcp.UserTimeout.Is(1)).At
			c.Wait(40 * time.Second)
			again := c.Sent(tcp.Control(tcp.SYN | tcp.ACK))
			for _, req := range []string{"RFC5482:6-1", "RFC5482:3.3-2", "RFC5482:3.3-1"} {
				host.That(req, "the last SYN,ACK of 40 s, the timeout of the peer being 1 s", again[len(again)-1].At-since, gomega.BeNumerically(">=", 14*time.Second))
			}
		})

	it("tcp.uto.own", "a user timeout that the application has set is not changed by one that is received",
		check.Proves("RFC5482:3-3", unheeded("TCP_USER_TIMEOUT")).
			And("RFC5482:3.1-1", unheeded("TCP_USER_TIMEOUT")).Slow(),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			mustSet(c.Socket, c, "TCP_USER_TIMEOUT", 4000)
			reading := c.Socket.Read(10)
			c.ACK(tcp.UserTimeout.Is(1000))
			since := host.Now()
			c.Socket.Write([]byte("is anybody there?"))
			errno := errnoOf(reading, 20*time.Second)
			for _, req := range []string{"RFC5482:3-3", "RFC5482:3.1-1"} {
				if host.That(req, "how the read ends", errno, gomega.Equal("ETIMEDOUT")) {
					host.Between(req, "until the connection is given up, 4 s being set", host.Now()-since, 4*time.Second, 8*time.Second)
				}
			}
		})
}
