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

// What a change of the MTU means for the window, and an ordinary loss for the MTU (RFC 4821, 4 and 7.1).
func init() {
	data := tcp.Segment(tcp.Lacks(tcp.SYN | tcp.RST)).Then(someData)

	it("tcp.plpmtud.rescaled", "when the MTU falls, what was in flight comes again in no more than as many smaller packets",
		check.Proves("RFC4821:4-11", mutate.Overshoots("the first octets again", 6, func(s mutate.Sending) bool { return s.Again && s.From == 0 })).
			Needs(target.PLPMTUD),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Socket.Write(probe.Pattern(100000))
			c.Wait(100 * time.Millisecond)
			first := filled(c.Sent())
			if len(first) < 4 {
				host.Inconclusive("the target sends %d segments at first", len(first))
			}
			before := len(c.Sent())
			host.Send(pathTooBig(host, lessMTU, first[0]))
			c.Until(4*time.Second, func() bool { return len(filled(c.Sent()[before:])) > 0 })
			c.Wait(20 * time.Millisecond)
			octets := 0
			for _, f := range filled(c.Sent()[before:]) {
				octets += sizeOf(f)
			}
			host.That("RFC4821:4-11", "octets sent upon the message, "+count(len(first))+" packets having been in flight", octets,
				gomega.And(gomega.BeNumerically("<=", len(first)*(lessMTU-overhead(host))), gomega.BeNumerically(">", 0)))
		})

	it("tcp.plpmtud.implicit", "the loss of a full segment that is no probe says nothing of the MTU",
		check.Proves("RFC4821:7.1-5", mutate.FieldFrom(8, data, packet.Data.Is(make([]byte, 1000)))).
			Needs(target.PLPMTUD),
		func(host *probe.Tester) {
			const most = 120 * 1400
			n := 0
			s := over(host, 1<<16, most, searchTrip, func(bool) bool { n++; return n == 5 })
			if len(s.sent) < 60 {
				host.Inconclusive("the target sends %d segments", len(s.sent))
			}
			host.That("RFC4821:7.1-5", "octets of the longest segment behind the loss of the fifth, which had "+count(sizeOf(s.sent[4])),
				longestOf(s.sent[20:]), gomega.BeNumerically(">=", sizeOf(s.sent[4])))
		})
}
