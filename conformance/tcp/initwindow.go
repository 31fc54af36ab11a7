package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// initialBound is the largest initial window in segments (RFC 6928, section 2), which RFC 5681 has smaller.
func initialBound(mss int) int { return min(10*mss, max(2*mss, 14600)) / mss }

// size is an MSS as an axis of a grid.
type size uint

func (n size) kind() kind { return kind{mss: uint(n)} }

func init() {
	grid("tcp.initial-window.size", "the first flight of data is within the initial window, which the handshake does not enlarge",
		check.Proves("RFC6928:2-2", mutate.Overshoots("the first data", 10, nth(0))).
			And("RFC6928:2-1", mutate.Withheld("data", newData)).
			And("RFC6928:2-3", mutate.Overshoots("the first data", 16, nth(0))).
			And("RFC6928:2-4", mutate.Overshoots("each of the first segments", 2, func(s mutate.Sending) bool { return s.Acked == 0 })).
			And("RFC6928:2-5", mutate.Overshoots("the first data", 11, nth(0))).
			And("RFC5681:3.1-3", mutate.Overshoots("the first data", 12, nth(0))).
			And("RFC5681:3.1-5", mutate.Overshoots("the first data", 13, nth(0))).
			And("RFC5681:3.1-6", mutate.Overshoots("the first data", 14, nth(0))).
			And("RFC5681:3.1-7", mutate.Overshoots("the second data", 11, nth(1))).
			And("RFC5681:3.1-1", mutate.Overshoots("the first data", 20, nth(0))).
			And("RFC5681:2-1", mutate.Overshoots("the first data", 30, nth(0))),
		[]size{536, 1000, 1460},
		func(host *probe.Tester, n size) {
			s := opened(host, n.kind(), roundTrip)
			s.write(60)
			s.round()
			bound := initialBound(s.mss)
			for _, requirement := range []string{"RFC6928:2-2", "RFC6928:2-3", "RFC6928:2-4", "RFC6928:2-5", "RFC5681:3.1-1", "RFC5681:3.1-3", "RFC5681:3.1-7", "RFC5681:2-1"} {
				host.That(requirement, "segments in the first flight", s.flight(), gomega.BeNumerically("<=", bound))
			}
			host.That("RFC6928:2-1", "segments in the first flight", s.flight(), gomega.BeNumerically(">=", 1))
			host.Observed("RFC6928:2-1", "the initial window is %d segments", s.flight())
			requirement, other := "RFC5681:3.1-6", "RFC5681:3.1-5"
			if n > 1095 {
				requirement, other = other, requirement
			}
			host.Meets(other) // it is about another size
			host.That(requirement, "segments in the first flight, by RFC 5681 or by RFC 6928", s.flight(), gomega.BeNumerically("<=", bound))
		})

	grid("tcp.initial-window.segment", "a segment holds no more than the peer's MSS, less what options take",
		check.Proves("RFC5681:2-2", mutate.Misreads(tcp.Segment(tcp.Control(tcp.SYN)), tcp.MSS.Is(1200))),
		[]kind{plain, stamped},
		func(host *probe.Tester, k kind) {
			s := opened(host, k, roundTrip)
			s.write(30)
			for _, p := range s.round() {
				options, _ := tcp.Options.Of(p.Frame)
				host.That("RFC5681:2-2", "octets of data and of options in a segment", p.to-p.from+len(options), gomega.BeNumerically("<=", k.mss))
			}
		})

	it("tcp.initial-window.no-mss", "to a peer that names no MSS, segments have 536 octets at most by IPv4",
		check.Proves("RFC5681:2-3", mutate.Misreads(tcp.Segment(tcp.Control(tcp.SYN)), tcp.MSS.Is(1400))),
		func(host *probe.Tester) {
			s := opened(host, kind{}, roundTrip)
			s.mss = 536
			if host.Family() == probe.IPv6 {
				s.mss = 1220 // RFC 9293, 3.7.1 (MUST-15)
			}
			s.write(30)
			for _, p := range s.round() {
				host.That("RFC5681:2-3", "octets in a segment", p.to-p.from, gomega.BeNumerically("<=", s.mss))
			}
		})

	grid("tcp.initial-window.syn-lost", "after a lost SYN,ACK the initial window is that of RFC 6928 or one segment, after two it is one",
		check.Proves("RFC6928:2-6", mutate.Overshoots("the first data", 12, nth(0))).
			And("RFC5681:3.1-8", mutate.Overshoots("the first data", 3, nth(0))),
		[]lost{1, 2},
		func(host *probe.Tester, n lost) {
			c := host.TCP()
			c.Offer = probe.Offer{MSS: 1000}
			c.Listen()
			c.Accepting = c.Listener.Accept()
			c.Connect()
			if !c.Until(8*time.Second, func() bool { return len(c.Sent(tcp.Control(tcp.SYN|tcp.ACK))) >= 1+int(n) }) {
				host.Inconclusive("SYN,ACK was not sent again %d times", n)
			}
			c.ACK()
			if c.Socket = c.Accepting.Socket(time.Second); c.Socket == nil {
				host.Inconclusive("the target's accept did not return")
			}
			s := &stream{Conn: c, host: host, mss: 1000, rtt: roundTrip}
			s.write(30)
			s.round()
			host.Meets("RFC6928:2-6")
			host.Meets("RFC5681:3.1-8")
			if n == 1 {
				host.That("RFC6928:2-6", "segments in the first flight", s.flight(), gomega.BeNumerically("<=", 10))
				host.Observed("RFC6928:2-6", "%d segments, where RFC 5681 has one and RFC 6928 advises ten", s.flight())
			} else {
				host.That("RFC5681:3.1-8", "segments in the first flight", s.flight(), gomega.Equal(1))
			}
		})
}

// lost is how often a segment of the handshake gets lost.
type lost int
