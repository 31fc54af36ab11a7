package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// When a search begins and where, and what a black hole does to it (RFC 4821, 7.2, 7.4 and 7.7).
func init() {
	data := tcp.Segment(tcp.Lacks(tcp.SYN | tcp.RST)).Then(someData)
	fits := func(s mutate.Sending) bool { return s.To-s.From <= narrowData }
	long := func(s mutate.Sending) bool { return s.Nth > 12 && !fits(s) }
	filler := func(n int) packet.Cond { return packet.Data.Is(make([]byte, n)) }

	it("tcp.plpmtud.preconditions", "a probe waits until there is data for it and for what follows it, and a window for both",
		check.Proves("RFC4821:7.4-4", mutate.FieldFrom(24, data, filler(1400))).
			And("RFC4821:7.4-6", mutate.FieldFrom(26, data, filler(1390))).
			And("RFC4821:7.4-7", mutate.Deferred("what the application has written last", 1500*time.Millisecond, func(s mutate.Sending) bool { return s.Nth > 22 && !s.Again })).
			And("RFC4821:7.4-3", mutate.FieldFrom(28, data, filler(1380))).
			And("RFC4821:7.4-5", behindProbes(4)).
			And("RFC4821:7.5-1", mutate.Withheld("a probe", long)).
			Needs(target.PLPMTUD).Slow(),
		func(host *probe.Tester) {
			s := over(host, narrowData, 5*1400, searchTrip, nil) // all of it is in the first flight: it leaves nothing for a probe
			if !s.all {
				host.Inconclusive("the stream does not get through")
			}
			before := len(s.sent)
			news := func() []*packet.Frame {
				all := filled(s.Conn.Sent(tcp.Lacks(tcp.SYN | tcp.RST)))
				some := all[before:]
				before = len(all)
				return some
			}
			mustSet(s.Socket, s.Conn, "TCP_NODELAY", 1)
			for range 12 {
				wrote := host.Now()
				s.Socket.Write(probe.Pattern(400))
				s.Wait(3 * searchTrip)
				some := news()
				host.That("RFC4821:7.4-4", "octets in segments longer than what passes, with 400 octets to send", len(s.tooLong(some)), gomega.BeZero())
				host.Observed("RFC4821:7.4-6", "data that is too little for a probe waits: %v", len(some) == 0)
				late := 3 * searchTrip
				if len(some) > 0 {
					late = some[0].At - wrote
				}
				host.That("RFC4821:7.4-6", "octets in segments longer than what passes", len(s.tooLong(some)), gomega.BeZero())
				host.That("RFC4821:7.4-7", "until data is sent that is too little for a probe", late, gomega.BeNumerically("<", 2*s.trip))
			}
			s.Acknowledge(probe.Receiver{RTT: searchTrip, Window: func() uint16 { return 1400 },
				Lose: func(_ int, f *packet.Frame) bool { return sizeOf(f) > narrowData }})
			s.ACK(tcp.Window.Is(1400))
			s.Socket.Write(probe.Pattern(12 * 1400))
			s.Until(3*time.Second, func() bool { return len(s.Received()) >= 5*1400+12*400+12*1400 })
			host.That("RFC4821:7.4-3", "segments longer than what passes, in a window of 1400 octets", len(s.tooLong(news())), gomega.BeZero())

			s.Acknowledge(probe.Receiver{RTT: searchTrip, Lose: func(_ int, f *packet.Frame) bool { return sizeOf(f) > narrowData }})
			s.ACK()
			s.write(400000)
			probes := s.trials()
			host.Observed("RFC4821:7.5-1", "%d probes in a stream of 400000 octets", len(probes))
			host.That("RFC4821:7.5-1", "probes of a target that searches", len(probes), gomega.BeNumerically(">", 0))
			for _, t := range probes {
				behind := 0
				for _, f := range s.sent {
					if f.At >= t.At && f.At < t.At+3*s.trip && place(s.Conn, f) > t.at {
						behind++
					}
				}
				host.That("RFC4821:7.4-5", "segments that follow a probe in three round trips", behind, gomega.BeNumerically(">=", 3))
			}
		})

	it("tcp.plpmtud.whole", "when the first segments were lost for another reason, the search goes up to what the link carries",
		check.Proves("RFC4821:7.2-1", mutate.FieldFrom(25, data, filler(1300))).
			And("RFC4821:7.2-5", mutate.Field(data, filler(200))).
			And("RFC4821:4-10", firstOf(func(first func(bool) bool) mutate.Mutation {
				return mutate.Overshoots("the first segment longer than those before", 12, func(s mutate.Sending) bool { return first(long(s) && !s.Again) })
			})).
			Needs(target.PLPMTUD).Slow(),
		func(host *probe.Tester) {
			s := searching(host, 1<<16, searchTrip)
			c, outage := s.Conn, true
			s.take(probe.Receiver{RTT: searchTrip, Lose: func(_ int, f *packet.Frame) bool {
				outage = outage && sizeOf(f) > narrowData // until a shorter one comes, at the latest
				return outage
			}})
			const most = 600000
			c.Socket.Write(probe.Pattern(most))
			s.all = c.Until(2*time.Minute, func() bool { return len(c.Received()) >= most || c.Reset })
			s.sent = filled(c.Sent(tcp.Lacks(tcp.SYN | tcp.RST)))
			least := 1024 - overhead(host)
			host.That("RFC4821:7.2-5", "octets of the first segment", sizeOf(s.sent[0]), gomega.And(gomega.BeNumerically(">=", least), gomega.BeNumerically("<=", host.Net().MTU-overhead(host))))
			longest, end := 0, max(0, len(s.sent)-40)
			for _, f := range s.sent[end:] {
				longest = max(longest, sizeOf(f))
			}
			host.That("RFC4821:7.2-1", "octets of the longest segment at the end, where 32 less than the link carries are near enough", longest, gomega.BeNumerically(">=", host.Net().MTU-overhead(host)-32))
			top, end32 := narrowData, int32(0)
			for _, f := range s.sent {
				at := place(c, f)
				fresh := at > end32
				end32 = max(end32, at)
				if n := sizeOf(f); fresh && n > top && f.At > s.sent[0].At+time.Second {
					top = n
					// Acknowledgments may go on adding to the window what they added before, in twice the time, since the target may
					// have been waiting for a window that has room for the probe.
					first, before, after := s.held(f.At-4*s.trip, f.At-2*s.trip), s.held(f.At-2*s.trip, f.At), s.held(f.At, f.At+s.trip)
					if before > 0 {
						host.That("RFC4821:4-10", "octets in flight in a round trip with longer segments, beyond "+count(before)+", with "+count(first)+" before",
							after-before, gomega.BeNumerically("<=", 3*1460+max(0, before-first)))
					}
				}
			}
			host.Meets("RFC4821:4-10")
		})

	it("tcp.plpmtud.falls", "a path that becomes narrower without a word is found out like one that was from the beginning",
		check.Proves("RFC4821:7.7-4", mutate.Withheld("what fits the path", func(s mutate.Sending) bool { return s.From >= 250000 && s.To-s.From <= 1240 })).
			And("RFC4821:7.7-1", mutate.Withheld("what fits the path, the first times", func(s mutate.Sending) bool { return s.Times < 9 && s.From >= 250000 && s.To-s.From <= 1240 })).
			And("RFC4821:7.2-3", mutate.Withheld("what every path carries", func(s mutate.Sending) bool { return s.To-s.From <= 1240 })).
			Needs(target.PLPMTUD).Slow(),
		func(host *probe.Tester) {
			wide := 1400
			s := searching(host, wide, 5*time.Millisecond)
			c := s.Conn
			c.Acknowledge(probe.Receiver{RTT: 5 * time.Millisecond, Lose: func(_ int, f *packet.Frame) bool { return sizeOf(f) > wide }})
			s.write(250000)
			host.That("RFC4821:7.2-3", "all octets arrive over a path of 1400 octets of data", s.all, gomega.BeTrue())
			wide = 1280 - overhead(host)
			c.Socket.Write(probe.Pattern(100000))
			since, before := host.Now(), len(filled(c.Sent()))
			all := c.Until(3*time.Minute, func() bool { return len(c.Received()) >= 350000 || c.Reset })
			host.That("RFC4821:7.7-4", "all octets arrive when the path has become one of 1280 octets", all, gomega.BeTrue())
			found := time.Duration(0)
			for _, f := range filled(c.Sent())[before:] {
				if found == 0 && sizeOf(f) <= wide {
					found = f.At - since
				}
			}
			if host.That("RFC4821:7.7-1", "segments get shorter", found > 0, gomega.BeTrue()) {
				host.Between("RFC4821:7.7-1", "until segments get shorter, R2 being 100 s at least", found, 0, 100*time.Second)
			}
		})

	it4("tcp.plpmtud.tiny", "segments get shorter until they pass",
		check.Proves("RFC4821:7.7-5", mutate.Withheld("what is shorter than 600 octets", func(s mutate.Sending) bool { return s.To-s.From <= 560 })).
			And("RFC4821:7.7-6", mutate.Field(data, packet.Data.Is([]byte{1}))).
			Needs(target.PLPMTUD).Slow(),
		func(host *probe.Tester) {
			s := over(host, 560, 20000, 5*time.Millisecond, nil)
			host.That("RFC4821:7.7-5", "all octets arrive over a path of 600 octets", s.all, gomega.BeTrue())
			least := 1 << 16
			for _, f := range s.sent[:len(s.sent)-1] {
				least = min(least, sizeOf(f))
			}
			host.Observed("RFC4821:7.7-6", "the shortest segment has %d octets", least)
			host.That("RFC4821:7.7-6", "octets of the shortest segment", least, gomega.BeNumerically(">=", 8))
		})
}

// firstOf is a mutation that asks first whether something holds for the first time.
func firstOf(of func(first func(bool) bool) mutate.Mutation) mutate.Mutation {
	return mutate.Here(func(target.Net) mutate.Mutation {
		had := false
		return of(func(such bool) bool {
			is := such && !had
			had = had || such
			return is
		})
	})
}
