package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// atOnce is how long an acknowledgment may take that must not be delayed. Delayed ones take longer on all stacks.
const atOnce = 25 * time.Millisecond

func init() {
	ack := from(tcp.ACK)
	it("tcp.receiver.out-of-order", "a segment above a gap, and one that fills it, is acknowledged at once",
		check.Proves("RFC5681:3.2-1", mutate.Lags(ack, 0, 90*time.Millisecond)).
			And("RFC5681:3.2-2", mutate.Late(from(tcp.ACK), 80*time.Millisecond)).
			And("RFC5681:4.2-8", mutate.Lags(ack, 0, 70*time.Millisecond)).
			And("RFC5681:4.2-9", mutate.Field(ack, tcp.Ack.Is(77))).
			And("RFC5681:4.2-10", mutate.Late(from(tcp.ACK), 60*time.Millisecond)).
			And("RFC6582:5-1", mutate.Late(from(tcp.ACK), 50*time.Millisecond)).
			And("RFC5681:4.2-11", mutate.Repeat(ack, time.Millisecond)),
		func(host *probe.Tester) {
			k := hoards(host, probe.Offer{})
			before := len(k.Sent(tcp.Control(tcp.ACK)))
			now := func(at time.Duration, requirements ...string) {
				for _, requirement := range requirements {
					host.Between(requirement, "the time until the acknowledgment", at, 0, atOnce)
				}
			}
			for n := 3; n < 11; n += 2 {
				at := host.Now()
				f, acked, _ := k.put("RFC5681:3.2-1", block{n, n + 2})
				now(f.At-at, "RFC5681:3.2-1", "RFC5681:4.2-8")
				host.That("RFC5681:4.2-9", "what a segment above a gap acknowledges, in units of 480 octets", acked, gomega.Equal(0))
			}
			at := host.Now()
			f, acked, _ := k.put("RFC5681:3.2-2", block{0, 3})
			now(f.At-at, "RFC5681:3.2-2", "RFC5681:4.2-10", "RFC6582:5-1")
			host.Step("the gap ends at %d", acked)
			host.That("RFC5681:4.2-11", "acknowledgments for five segments", len(k.Sent(tcp.Control(tcp.ACK)))-before, gomega.BeNumerically("<=", 5))
		})

	it("tcp.receiver.delayed", "a segment in order is acknowledged within half a second",
		check.Proves("RFC5681:4.2-4", mutate.Late(ack, 700*time.Millisecond)).
			And("RFC5681:4.2-2", mutate.Late(ack, 800*time.Millisecond)).
			And("RFC5681:4.2-7", mutate.Late(ack, 600*time.Millisecond)).
			And("RFC5681:4.2-1", mutate.Missing(ack)),
		func(host *probe.Tester) {
			k := hoards(host, probe.Offer{})
			at := 0
			var longest time.Duration
			for range 6 {
				k.Wait(step)
				began := host.Now()
				f, _, _ := k.put("RFC5681:4.2-1", block{at, at + 2})
				at += 2
				longest = max(longest, f.At-began)
				for _, requirement := range []string{"RFC5681:4.2-2", "RFC5681:4.2-4", "RFC5681:4.2-7"} {
					host.Between(requirement, "the time until the acknowledgment", f.At-began, 0, 500*time.Millisecond)
				}
			}
			host.Observed("RFC5681:4.2-1", "the longest delay of six was %v", longest)
		})

	grid("tcp.receiver.every-second", "every second full-sized segment is acknowledged",
		check.Proves("RFC5681:4.2-3", mutate.Drops(ack, 2)).
			And("RFC5681:4.2-5", mutate.Drops(ack, 3)).
			And("RFC5681:4.2-6", mutate.Drops(ack, 4)),
		[]int{2, 20},
		func(host *probe.Tester, pairs int) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Socket.Drain()
			data := probe.Pattern(int(c.Offer.MSS))
			c.Forget()
			before := len(c.Sent(tcp.Control(tcp.ACK)))
			for range 2 * pairs {
				c.Send(tcp.ACK, data)
				c.Wait(step)
			}
			c.Wait(step)
			n := len(c.Sent(tcp.Control(tcp.ACK))) - before
			for _, requirement := range []string{"RFC5681:4.2-3", "RFC5681:4.2-5", "RFC5681:4.2-6"} {
				host.That(requirement, "acknowledgments for "+count(2*pairs)+" full-sized segments", n, gomega.BeNumerically(">=", pairs))
			}
		})

	it("tcp.receiver.window", "the first window takes ten segments",
		check.Proves("RFC6928:3-1", mutate.Field(from(tcp.SYN|tcp.ACK), tcp.Window.Is(2000))).
			And("RFC6928:8-1", mutate.Field(from(tcp.SYN|tcp.ACK), tcp.Window.Is(0))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			w, _ := tcp.Window.Of(c.Connect())
			host.That("RFC6928:3-1", "the window of the SYN,ACK", w, gomega.BeNumerically(">=", 10*1460))
			host.That("RFC6928:8-1", "the window of the SYN,ACK", w, gomega.BeNumerically(">", 0))
			host.Observed("RFC6928:8-1", "%d octets", w)
		})
}
