package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// unheeded is a target that takes an option and does nothing about it.
func unheeded(option string) mutate.Mutation {
	return mutate.Unheeded(option+" has no effect", func(r agent.Request) bool { return r.Do == agent.SetOpt && r.Option == option })
}

// mistaken is a target that sets an option to another value than it is asked to.
func mistaken(option string, as int) mutate.Mutation {
	return mutate.Mistakes("sets "+option+" to something else", func(r *agent.Request) {
		if r.Do == agent.SetOpt && r.Option == option {
			r.Value = as
		}
	})
}

// trickle is a connection whose application writes a few octets three times, one after the other.
func trickle(host *probe.Tester, noDelay int) *probe.Conn {
	c := host.TCP()
	c.Open(probe.Passive)
	mustSet(c.Socket, c, "TCP_NODELAY", noDelay)
	for _, s := range []string{"first", "second", "third"} {
		c.Socket.Write([]byte(s)).Delivered()
	}
	c.Wait(100 * time.Millisecond)
	return c
}

// sizes are those of the segments with data.
func dataSizes(c *probe.Conn) (all []int) {
	for _, f := range filled(c.Sent()) {
		all = append(all, sizeOf(f))
	}
	return all
}

func init() {
	it("tcp.nagle.on", "small writes are gathered while something is unacknowledged",
		check.Proves("RFC9293:SHLD-7", mistaken("TCP_NODELAY", 1)).
			And("RFC9293:MAY-16", mistaken("TCP_NODELAY", 1)),
		func(host *probe.Tester) {
			c := trickle(host, 0)
			host.That("RFC9293:SHLD-7", "the segments before an acknowledgment", dataSizes(c), gomega.Equal([]int{5}))
			c.ACK()
			c.Wait(100 * time.Millisecond)
			host.That("RFC9293:MAY-16", "the segments, what waited being gathered into one", dataSizes(c), gomega.Equal([]int{5, 11}))
		})

	it("tcp.nagle.off", "with TCP_NODELAY nothing waits for an acknowledgment",
		check.Proves("RFC9293:MUST-17", unheeded("TCP_NODELAY")),
		func(host *probe.Tester) {
			c := trickle(host, 1)
			host.That("RFC9293:MUST-17", "what comes without an acknowledgment", string(c.Received()), gomega.Equal("firstsecondthird"))
		})

	grid("tcp.nagle.push", "what is written goes out before long, and its last segment has PSH",
		check.Proves("RFC9293:MUST-60", mutate.Missing(tcp.Segment(tcp.PSHBit.Is(1)))).
			And("RFC9293:MUST-61", mutate.Field(tcp.Segment(tcp.PSHBit.Is(1)), tcp.PSHBit.Is(0))),
		[]int{1, 100, 1460, 4000},
		func(host *probe.Tester, n int) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Acknowledge(probe.Receiver{})
			c.Socket.Write(probe.Pattern(n))
			all := c.Until(time.Second, func() bool { return len(c.Received()) == n })
			if host.That("RFC9293:MUST-60", "all of it comes", all, gomega.BeTrue()) {
				segments := filled(c.Sent())
				host.Must("RFC9293:MUST-61", segments[len(segments)-1], tcp.PSHBit.Is(1))
			}
		})

	it("tcp.nagle.more", "a write that says that more will follow waits, but not for ever",
		check.Proves("RFC9293:MUST-60", mutate.Missing(tcp.Segment().Then(someData))).
			And("RFC9293:MAY-15", mutate.Mistakes("MSG_MORE means nothing", func(r *agent.Request) { r.Flags = nil })),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			r, ok := c.Socket.Write([]byte("one"), "MSG_MORE").Delivered()
			if !ok || r.Errno != "" {
				host.Inconclusive("the target refuses MSG_MORE: %s", r.Errno)
			}
			c.Wait(20 * time.Millisecond)
			host.That("RFC9293:MAY-15", "the octets that come at once of a write that is not pushed", len(c.Received()), gomega.BeZero())
			host.Observed("RFC9293:MAY-15", "MSG_MORE leaves the push out")
			f := c.Expect(c.DataFrom(), probe.For("RFC9293:MUST-60"), probe.Within(4*time.Second))
			host.That("RFC9293:MUST-60", "the data", string(f.Body(tcp.Proto)), gomega.Equal("one"))
		})
}
