package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// narrowData is how many octets of data a packet has at most that gets over a path which swallows what is longer without a
// word: its MTU is 1300 by IPv4, 1320 by IPv6.
const narrowData = 1260

// overhead is what a full packet of TCP has beside data.
func overhead(host *probe.Tester) int {
	if host.Family() == probe.IPv6 {
		return 60
	}
	return 40
}

// A search is what became of a stream over such a path.
type search struct {
	*probe.Conn
	most  int             // octets of data in a packet that gets through
	trip  time.Duration   // the round trip, with what the way to the target takes
	all   bool            // everything arrived
	sent  []*packet.Frame // segments with data
	heard *heard
}

// heard is what the target has heard of: when an acknowledgment went to it, and how many octets had arrived by then, in order
// or not.
type heard struct {
	at   []time.Duration
	sum  []int
	have []bool // octets that have arrived
}

// take is Acknowledge, and remembers what arrives when.
func (s search) take(r probe.Receiver) {
	lose := r.Lose
	r.Lose = func(n int, f *packet.Frame) bool {
		if lose != nil && lose(n, f) {
			return true
		}
		t, end, sum := s.heard, int(place(s.Conn, f)), 0
		if len(t.sum) > 0 {
			sum = t.sum[len(t.sum)-1]
		}
		if n := end - len(t.have); n > 0 {
			t.have = append(t.have, make([]bool, n)...)
		}
		for i := max(0, end-sizeOf(f)); i < end; i++ {
			if !t.have[i] {
				t.have[i] = true
				sum++
			}
		}
		t.at, t.sum = append(t.at, f.At+r.RTT), append(t.sum, sum)
		return false
	}
	s.Acknowledge(r)
}

// held is how many octets were in flight at most in a span of time: with much to send, the window. What was sent in a time
// is not: where that is a little more than a round trip, two windows may fall into it.
func (s search) held(from, to time.Duration) (most int) {
	top, arrived, n := 0, 0, 0
	for _, f := range s.sent {
		end := int(place(s.Conn, f))
		for ; n < len(s.heard.at) && s.heard.at[n] <= f.At; n++ {
			arrived = s.heard.sum[n]
		}
		if end > top && f.At >= from && f.At < to {
			most = max(most, end-arrived)
		}
		top = max(top, end)
	}
	return most
}

// searched lets the target send over the path, with a round trip long enough that a probe has data behind it.
func searched(host *probe.Tester, octets int) search {
	return over(host, narrowData, octets, 5*time.Millisecond, nil)
}

// over is searched for a path of which the packets have so many octets of data at most. lose is asked about each
// segment whether another reason has it lost.
func over(host *probe.Tester, most, octets int, rtt time.Duration, lose func(long bool) bool) search {
	s := searching(host, most, rtt)
	s.take(probe.Receiver{RTT: rtt, Lose: func(_ int, f *packet.Frame) bool {
		long := sizeOf(f) > most
		other := lose != nil && lose(long)
		return long || other
	}})
	s.write(octets)
	return s
}

// searching opens the connection of a search.
func searching(host *probe.Tester, most int, rtt time.Duration) search {
	s := search{Conn: host.TCP(), most: most, heard: new(heard)}
	s.Window, s.Offer.SACK = 65535, true
	s.Open(probe.Passive)
	knocked := s.Now()
	s.Put(s.Knock())
	s.trip = rtt + s.Expect(s.From(tcp.ACK), probe.For(), probe.Because("a synchronised state answers a segment left of the window")).At - knocked
	return s
}

// write gives the application so much to send and lets the tester take it, for two minutes at most.
func (s *search) write(octets int) {
	want := len(s.Received()) + octets
	s.Socket.Write(probe.Pattern(octets))
	s.all = s.Until(2*time.Minute, func() bool { return len(s.Received()) >= want || s.Reset })
	s.sent = filled(s.Conn.Sent(tcp.Lacks(tcp.SYN | tcp.RST)))
}

// tooLong are those that the path swallowed.
func (s search) tooLong(of []*packet.Frame) (long []*packet.Frame) {
	for _, f := range of {
		if sizeOf(f) > s.most {
			long = append(long, f)
		}
	}
	return long
}

// apart asserts that of segments that are too long one was sent again before the next one comes, once it is known what
// passes.
func (s search) apart(reqs ...string) {
	top, known := int32(0), false
	var last *packet.Frame
	for _, f := range s.sent {
		end := place(s.Conn, f)
		if sizeOf(f) <= s.most {
			known = true
			if last != nil && end > place(s.Conn, last)-int32(sizeOf(last)) && end <= place(s.Conn, last) {
				last = nil
			}
		} else if known && end > top {
			for _, req := range reqs {
				s.That(req, "a segment that is too long follows one that was not sent again yet", last != nil, gomega.BeFalse())
			}
			last = f
		}
		top = max(top, end)
	}
	for _, req := range reqs {
		s.Meets(req)
	}
}

// The search for the path MTU (RFC 4821): no ICMP message tells of it.
func init() {
	data := tcp.Segment(tcp.Lacks(tcp.SYN | tcp.RST)).Then(packet.PayloadWith(packet.Data.Where("some", func(b []byte) bool { return len(b) > 0 })))
	fits := func(s mutate.Sending) bool { return s.To-s.From <= narrowData }
	const most = 400000
	it("tcp.plpmtud.search", "over a path that swallows long packets and says nothing the stream gets through, in packets as long as pass",
		check.Proves("RFC4821:11-1", mutate.Withheld("what fits the path", fits)).
			And("RFC4821:7.7-2", mutate.Withheld("what fits the path, when it is sent again", func(s mutate.Sending) bool { return fits(s) && s.From < 1000 })).
			And("RFC4821:7.7-3", mutate.Withheld("the first octets in a segment that fits", func(s mutate.Sending) bool { return fits(s) && s.From < 100 })).
			And("RFC4821:10.1-1", mutate.FieldFrom(30, data, packet.Data.Is(make([]byte, 1000)))).
			And("RFC4821:2-1", mutate.Field(data, packet.Data.Is(make([]byte, 700)))).
			And("RFC4821:7.6.1-1", mutate.Field(data, packet.Data.Is(make([]byte, 600)))).
			And("RFC4821:7.3-1", mutate.FieldFrom(150, data, packet.Data.Is(make([]byte, 1400)))).
			And("RFC4821:7.1-1", mutate.FieldFrom(100, data, packet.Data.Is(make([]byte, 1450)))).
			And("RFC4821:7.1-2", mutate.FieldFrom(20, data, packet.Data.Is(make([]byte, 1470)))).
			And("RFC4821:7.6.2-2", mutate.FieldFrom(120, data, packet.Data.Is(make([]byte, 1300)))).
			And("RFC4821:10.1-2", mutate.Withheld("what was in a probe", func(s mutate.Sending) bool { return fits(s) && s.Again })).
			And("RFC4821:7.4-1", mutate.FieldFrom(130, data, packet.Data.Is(make([]byte, 1390)))).
			And("RFC4821:7.4-2", mutate.FieldFrom(140, data, packet.Data.Is(make([]byte, 1380)))).
			Needs(target.PLPMTUD).Slow(),
		func(host *probe.Tester) {
			s := searched(host, most)
			s.apart("RFC4821:7.4-1", "RFC4821:7.4-2")
			for _, req := range []string{"RFC4821:11-1", "RFC4821:7.7-2", "RFC4821:7.7-3"} {
				host.That(req, "all octets arrive over a path of 1260 octets of data", s.all, gomega.BeTrue())
			}
			host.That("RFC4821:10.1-1", "what arrives is the stream, the probes included", string(s.Received()) == string(probe.Pattern(most))[:len(s.Received())] && s.all, gomega.BeTrue())
			end := s.sent[max(0, len(s.sent)-60):]
			longest := 0
			for _, f := range end[:max(0, len(end)-1)] {
				if n := sizeOf(f); n <= narrowData {
					longest = max(longest, n)
				}
			}
			for _, req := range []string{"RFC4821:2-1", "RFC4821:7.6.1-1"} {
				host.That(req, "the longest segment that passes at the end, of 1260 octets", longest, gomega.BeNumerically(">", 1150))
			}
			late := len(s.tooLong(end))
			for _, req := range []string{"RFC4821:7.3-1", "RFC4821:7.6.2-2", "RFC4821:7.1-1"} {
				host.That(req, "segments too long for the path among the last 60", late, gomega.BeNumerically("<=", 1))
			}
			for _, f := range s.sent {
				host.That("RFC4821:7.1-2", "octets of a segment", sizeOf(f), gomega.BeNumerically("<=", host.Net().MTU-overhead(host)))
			}
			for _, f := range s.tooLong(s.sent) {
				seq, _ := tcp.Seq.Of(f)
				at := int(int32(uint32(seq) - s.IRS - 1))
				got := 0
				for _, g := range s.Carrying(at) {
					got = max(got, 0)
					if sizeOf(g) <= narrowData {
						got = sizeOf(g)
					}
				}
				host.That("RFC4821:10.1-2", "what was lost came again in a segment that fits", got, gomega.BeNumerically(">", 0))
			}
		})

	it("tcp.plpmtud.again", "when the search is over it begins again after a time: not before 5 minutes, and after 10",
		check.Proves("RFC4821:7.3-2", mutate.Withheld("long segments after the search", func(s mutate.Sending) bool { return s.From > most && s.To-s.From > narrowData })).
			And("RFC4821:7.3-3", mutate.FieldFrom(420, data, packet.Data.Is(make([]byte, 1400)))).
			And("RFC4821:7.3-4", mutate.Withheld("long segments behind the search", func(s mutate.Sending) bool { return s.From > most && s.To-s.From > narrowData })).
			Needs(target.PLPMTUD).Slow(),
		func(host *probe.Tester) {
			s := searched(host, most)
			if !s.all {
				host.Inconclusive("the stream does not get through")
			}
			for range 14 * 6 {
				s.Wait(10 * time.Second)
				s.Socket.Write(probe.Pattern(30000))
			}
			pause := time.Duration(0) // the longest between two segments that are too long, which the search is made of
			for _, gap := range probe.Gaps(s.tooLong(filled(s.Conn.Sent(tcp.Lacks(tcp.SYN | tcp.RST))))) {
				pause = max(pause, gap)
			}
			host.That("RFC4821:7.3-2", "the pause before longer segments are tried again", pause, gomega.BeNumerically(">=", time.Minute))
			host.That("RFC4821:7.3-3", "the pause before longer segments are tried again", pause, gomega.BeNumerically(">=", 5*time.Minute))
			host.That("RFC4821:7.3-4", "the pause before longer segments are tried again", pause, gomega.And(gomega.BeNumerically(">=", 8*time.Minute), gomega.BeNumerically("<=", 13*time.Minute)))
		})

	it4("tcp.plpmtud.df", "packets of TCP are not to be fragmented, neither by this host nor in the network",
		check.Proves("RFC4821:4-3", mutate.Field(data, ipv4.DF.Is(0))).
			And("RFC4821:8-2", mutate.FieldFrom(1, data, ipv4.DF.Is(0))).
			And("RFC4821:8-1", mutate.Field(data, ipv4.DF.Is(0), ipv4.TTL.Is(9))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Socket.Write(probe.Pattern(5000))
			c.Expect(c.DataFrom(), probe.For())
			c.Wait(50 * time.Millisecond)
			for _, f := range filled(c.Sent(tcp.Lacks(tcp.SYN))) {
				for _, req := range []string{"RFC4821:4-3", "RFC4821:8-2", "RFC4821:8-1"} {
					host.Must(req, f, ipv4.DF.Is(1))
				}
			}
		})
}
