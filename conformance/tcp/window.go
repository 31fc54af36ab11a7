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

// stuffed fills the target's receive window, in segments of a size, while the application does not read; each gives the
// acknowledgment after every segment. It tells how many octets went in.
func stuffed(c *probe.Conn, size int, each func()) (n int) {
	for c.PeerWindow > 0 {
		part := min(size, int(c.PeerWindow))
		data := probe.Pattern(n + part)[n:]
		for range 4 { // a target that is short of memory may drop the first
			c.Data(data, c.At(n))
			if c.Until(700*time.Millisecond, func() bool { return c.SndUna == c.SndNxt }) {
				break
			}
		}
		if n += part; c.SndUna != c.SndNxt {
			c.Inconclusive("the target does not take %d octets that its window has room for", part)
		}
		if each != nil {
			each()
		}
	}
	return n
}

// outstanding is a connection to which the target has sent n octets that fit a window of as many.
func outstanding(host *probe.Tester, n int) *probe.Conn {
	c := host.TCP()
	c.Offer.MSS, c.Window = 1000, uint16(n)
	c.Open(probe.Passive)
	c.Socket.Write(probe.Pattern(n + 5000))
	if !c.Until(3*time.Second, func() bool { return len(c.Received()) == n }) {
		host.Inconclusive("the target sends %d octets where the window allows %d", len(c.Received()), n)
	}
	return c
}

func init() {
	grid("tcp.window.unsigned", "a window of 32768 and above is a large one",
		check.Proves("RFC9293:MUST-1", mutate.Misreads(tcp.Segment(tcp.Window.Where("32768 and above", func(v uint) bool { return v >= 32768 })), tcp.Window.Is(0))),
		[]uint16{32767, 32768, 40000, 65535},
		func(host *probe.Tester, window uint16) {
			c := host.TCP()
			c.Window = window
			c.Open(probe.Passive)
			c.Acknowledge(probe.Receiver{})
			c.Socket.Write(probe.Pattern(20000))
			all := c.Until(700*time.Millisecond, func() bool { return len(c.Received()) == 20000 })
			host.That("RFC9293:MUST-1", "20000 octets come without a wait for the window", all, gomega.BeTrue())
		})

	it("tcp.window.shrunk", "a window that shrinks does no harm",
		check.Proves("RFC9293:MUST-34", mutate.DeafAfter(1, from(tcp.ACK, tcp.Window.Is(1111)), from(tcp.ACK))).
			And("RFC9293:SHLD-15", mutate.Misreads(from(tcp.ACK, tcp.Window.Is(1111)), tcp.Window.Is(20000))),
		func(host *probe.Tester) {
			c := outstanding(host, 4000)
			c.ACK(c.Acks(0), tcp.Window.Is(1111)) // the edge goes from 4000 to 1111
			c.Wait(50 * time.Millisecond)
			next := uint32(c.Theirs(4000))
			beyond := func() (n int) {
				for _, f := range filled(c.Sent()) {
					if seq, _ := tcp.Seq.Of(f); int32(uint32(seq)-next) >= 0 {
						n++
					}
				}
				return n
			}
			host.That("RFC9293:SHLD-15", "segments with new data", beyond(), gomega.BeZero())
			c.Window = 20000
			c.Acknowledge(probe.Receiver{})
			c.ACK(c.Acks(4000))
			all := c.Until(5*time.Second, func() bool { return len(c.Received()) == 9000 })
			host.That("RFC9293:MUST-34", "all comes once the window is open again", all, gomega.BeTrue())
		})

	it("tcp.window.shrunk-again", "what is unacknowledged inside a shrunk window is sent again as usual",
		check.Proves("RFC9293:SHLD-16", mutate.Hushed(from(tcp.ACK, tcp.Window.Is(1111)), tcp.Segment())).
			And("RFC9293:MAY-7", mutate.Hushed(from(tcp.ACK, tcp.Window.Is(1111)), tcp.Segment(tcp.PSHBit.Is(1)))),
		func(host *probe.Tester) {
			c := outstanding(host, 4000)
			c.ACK(c.Acks(0), tcp.Window.Is(1111))
			c.Forget()
			f := c.Expect(c.DataFrom(c.SeqIs(0)), probe.For("RFC9293:SHLD-16"), probe.Within(4*time.Second), probe.Because("octet 0 is unacknowledged and inside the window"))
			c.Wait(500 * time.Millisecond)
			far := 0
			for _, g := range filled(c.Sent()) {
				if seq, _ := tcp.Seq.Of(g); g.At >= f.At && uint32(seq)-c.IRS > 1111 {
					far++
				}
			}
			host.Observed("RFC9293:MAY-7", "%d segments beyond the shrunk window are sent again", far)
			c.Window = 20000
			c.Acknowledge(probe.Receiver{})
			c.ACK(c.Acks(1000)) // the second thousand has got lost: it comes, though the window had left it out
			all := c.Until(5*time.Second, func() bool { return len(c.Received()) == 9000 })
			host.That("RFC9293:MAY-7", "all comes once the window is open again", all, gomega.BeTrue())
		})

	it("tcp.window.shrunk-alive", "data beyond a shrunk window does not time the connection out",
		check.Proves("RFC9293:SHLD-17", mutate.DeafAfter(3, from(tcp.ACK, tcp.Window.Is(0)), from(tcp.ACK))).
			And("RFC9293:MUST-35", mutate.Hushed(from(tcp.ACK, tcp.Window.Is(0)), tcp.Segment())).Slow(),
		func(host *probe.Tester) {
			c := outstanding(host, 4000)
			c.Window = 0
			c.ACK(c.Acks(1000)) // the edge goes from 4000 to 1000
			probed(host, c, 1000, "RFC9293:MUST-35", "RFC9293:SHLD-17")
			c.Window = 20000
			c.ACK(c.Acks(1000))
			c.Acknowledge(probe.Receiver{})
			c.ACK(c.Acks(4000))
			all := c.Until(5*time.Second, func() bool { return len(c.Received()) == 9000 })
			host.That("RFC9293:SHLD-17", "the connection is there, and sends on when the window opens", all && !c.Reset, gomega.BeTrue())
		})

	it("tcp.window.silly-sender", "a sender waits for more than a sliver of window",
		check.Proves("RFC9293:MUST-38", mutate.Misreads(from(tcp.ACK, tcp.Window.Is(300)), tcp.Window.Is(1000))),
		func(host *probe.Tester) {
			c := outstanding(host, 2000)
			before := len(filled(c.Sent()))
			at := host.Now()
			c.ACK(tcp.Window.Is(300))
			c.Wait(200 * time.Millisecond)
			// 300 octets are less than a segment of 1000, and less than half of the largest window of 2000. The override timeout
			// is 0.1 to 1 s.
			for _, f := range filled(c.Sent())[before:] {
				host.That("RFC9293:MUST-38", "how long the sender waits before it fills a sliver", f.At-at, gomega.BeNumerically(">=", 100*time.Millisecond))
			}
			host.Meets("RFC9293:MUST-38")
		})

	it("tcp.window.silly-receiver", "a receiver opens its window by a segment, or half its buffer, at least",
		check.Proves("RFC9293:MUST-39", mutate.FieldFrom(1, from(tcp.ACK, tcp.Window.Is(0)), tcp.Window.Is(100))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Offer.MSS = 1000
			c.Open(probe.Passive)
			stuffed(c, 1000, nil)
			edge := c.SndNxt + c.PeerWindow
			for range 4 {
				c.Socket.Read(100).Delivered()
				c.Forget()
				f := host.Ask(c.Knock(), c.From(tcp.ACK), probe.For())
				window, _ := tcp.Window.Of(f)
				ack, _ := tcp.Ack.Of(f)
				step := int(int32(uint32(ack) + uint32(window) - edge))
				host.That("RFC9293:MUST-39", fmt.Sprintf("the right edge moves by nothing, or by 1000: %d", step), step == 0 || step >= 1000, gomega.BeTrue())
			}
		})

	it("tcp.window.not-shrunk", "a receiver does not take back what it has offered",
		check.Proves("RFC9293:SHLD-14", mutate.Field(from(tcp.ACK), tcp.Window.Is(0))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			edge := c.SndNxt + c.PeerWindow
			stuffed(c, 1000, func() {
				now := c.SndUna + c.PeerWindow
				host.That("RFC9293:SHLD-14", "how far the right edge moves", int32(now-edge), gomega.BeNumerically(">=", 0))
				edge = now
			})
		})

	it("tcp.window.closed", "a receiver may keep its window closed, and answers probes with it",
		check.Proves("RFC9293:MAY-8", mutate.FieldFrom(1, from(tcp.ACK, tcp.Window.Is(0)), tcp.Ack.Is(7))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			n := stuffed(c, 1440, nil)
			for range 3 {
				c.Wait(300 * time.Millisecond)
				c.Forget()
				c.Data([]byte{1}, c.At(n))
				f := c.Expect(c.From(tcp.ACK), probe.For("RFC9293:MAY-8"), probe.Because("a probe is answered"))
				if c.PeerWindow == 0 {
					host.Must("RFC9293:MAY-8", f, c.AckIs(n))
				}
				c.SndNxt = uint32(c.Mine(n))
			}
			host.Observed("RFC9293:MAY-8", "after %d octets the window is %d", n, c.PeerWindow)
		})

	it("tcp.window.closed-reset", "a reset is taken while the window is closed",
		check.Proves("RFC9293:MUST-66", ignoring(tcp.RST)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			stuffed(c, 1440, nil)
			c.RST()
			c.Forget()
			c.Put(c.Knock())
			c.Expect(c.From(tcp.RST), probe.For("RFC9293:MUST-66"), probe.Because("the connection was reset"))
		})

	it("tcp.window.closed-urgent", "an urgent pointer is taken while the window is closed",
		check.Proves("RFC9293:MUST-66", mutate.Misreads(tcp.Segment(tcp.URGBit.Is(1)), tcp.URGBit.Is(0))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			n := stuffed(c, 1440, nil)
			mustSet(c.Socket, c, "SO_OOBINLINE", 1)
			c.Send(tcp.ACK|tcp.URG, nil, tcp.Urgent.Is(1)) // of the next octet, for which there is no room yet
			c.Wait(20 * time.Millisecond)
			d := 0
			for d < n { // a read ends at the mark (RFC 6093, 3.1 and appendix A)
				r, ok := c.Socket.Read(n - d).Delivered()
				if !ok || len(r.Data) == 0 {
					host.Inconclusive("the application does not get the data that is there")
				}
				d += len(r.Data)
			}
			c.Data([]byte("!more"), c.At(n))
			c.Until(2*time.Second, func() bool { return c.SndUna == c.SndNxt })
			at, err := c.Socket.GetOption("SIOCATMARK")
			if err != nil {
				host.Inconclusive("the target does not tell of the urgent mark: %v", err)
			}
			host.That("RFC9293:MUST-66", "the application is at the urgent mark", at, gomega.Equal(1))
		})
}

// probed lets a closed window be probed, and answers each probe, for longer than any R2: the target has sent n octets that
// count. It asserts that each interval ends with a probe.
func probed(host *probe.Tester, c *probe.Conn, n int, requirements ...string) (at []time.Duration) {
	long := 20 * time.Minute
	if !host.Virtual() {
		long = 110 * time.Second
	}
	for start := host.Now(); host.Now()-start < long && !c.Reset; {
		f := c.Expect(c.Any(tcp.Lacks(tcp.RST)), probe.For(requirements...), probe.Within(130*time.Second), probe.Because("a closed window is probed"))
		if len(at) == 0 || f.At-at[len(at)-1] > 50*time.Millisecond { // several segments may be sent again at once
			at = append(at, f.At)
		}
		c.ACK(c.Acks(n))
	}
	return at
}
