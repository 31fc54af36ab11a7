package tcp

import (
	"bytes"
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// An queueOrder is an order in which segments of 100 octets come; the last one has FIN.
type queueOrder struct {
	order []int
	wrap  bool // the sequence numbers wrap in the second segment
	again bool // each segment comes twice
}

func (a queueOrder) String() string {
	s := ""
	for _, i := range a.order {
		s += fmt.Sprint(i)
	}
	if a.wrap {
		s += ",wrap"
	}
	if a.again {
		s += ",twice"
	}
	return s
}

// queueOrders are all orders of up to four segments.
func queueOrders() (all []queueOrder) {
	var orders func(done, left []int)
	orders = func(done, left []int) {
		if len(left) == 0 {
			all = append(all, queueOrder{done, false, false}, queueOrder{done, true, len(done) == 4})
		}
		for i, v := range left {
			rest := append(append([]int{}, left[:i]...), left[i+1:]...)
			orders(append(append([]int{}, done...), v), rest)
		}
	}
	for n := 2; n <= 4; n++ {
		left := []int{}
		for i := range n {
			left = append(left, i)
		}
		orders(nil, left)
	}
	return all
}

// A queueOverlap is a segment, from..to, that meets what is there: octets 100 to 200 held, behind a gap, or taken.
type queueOverlap struct {
	name     string
	from, to int
	held     bool // the first one is out of order
	other    bool // the octets are other ones
	wrap     bool
}

func (o queueOverlap) String() string {
	s := o.name
	if o.held {
		s += ",held"
	} else {
		s += ",taken"
	}
	if o.other {
		s += ",other"
	}
	if o.wrap {
		s += ",wrap"
	}
	return s
}

func queueOverlaps() (all []queueOverlap) {
	for _, k := range []queueOverlap{
		{name: "left", from: 50, to: 150}, {name: "right", from: 150, to: 250}, {name: "inside", from: 120, to: 180},
		{name: "outside", from: 50, to: 250}, {name: "same", from: 100, to: 200}, {name: "left-edge", from: 100, to: 150}, {name: "right-edge", from: 150, to: 200},
	} {
		for bits := range 8 {
			k.held, k.other, k.wrap = bits&1 != 0, bits&2 != 0, bits&4 != 0
			all = append(all, k)
		}
	}
	return all
}

const queueUnit = 100

// queueConn is an open connection whose application reads; with wrap the numbers wrap after 150 octets.
func queueConn(host *probe.Tester, wrap bool) (*probe.Conn, *probe.Drained) {
	c := host.TCP()
	if wrap {
		c.SetISS(^uint32(0) - queueUnit - queueUnit/2)
	}
	c.Open(probe.Passive)
	return c, c.Socket.Drain()
}

// queueSpoils is a target that gives its application octets that were not sent.
var queueSpoils = mutate.Tells("gives other octets to the application", func(r agent.Request, reply *agent.Reply) {
	if r.Do == agent.Recv && len(reply.Data) > 0 {
		reply.Data = bytes.Clone(reply.Data)
		reply.Data[len(reply.Data)-1] ^= 0xff
	}
})

func init() {
	ahead := tcp.Segment(tcp.PSHBit.Is(1), tcp.Window.Is(gridWindow))
	grid("tcp.queue.order", "segments are delivered in order, in whatever order they come",
		check.Proves("RFC9293:SHLD-31", mutate.Ignores(ahead)).
			And("RFC9293:3.10.7.4-35", queueSpoils).
			And("RFC9293:3.10.7.4-39", mutate.Misreads(tcp.Segment(tcp.FINBit.Is(1)), tcp.FINBit.Is(0))),
		queueOrders(), func(host *probe.Tester, a queueOrder) {
			c, got := queueConn(host, a.wrap)
			n := len(a.order)
			data := probe.Pattern(n * queueUnit)
			next := 0
			come := map[int]bool{}
			for _, i := range a.order {
				flags := uint(tcp.PSH | tcp.ACK)
				if i == n-1 {
					flags |= tcp.FIN
				}
				window := uint(c.Window)
				if i != next {
					window = gridWindow // out of order
				}
				for range 1 + map[bool]int{true: 1}[a.again] {
					c.Send(flags, data[i*queueUnit:(i+1)*queueUnit], c.At(i*queueUnit), tcp.Window.Is(window))
				}
				for come[i] = true; come[next]; next++ {
				}
			}
			all := c.Until(2*time.Second, func() bool { return c.SndUna == c.ISS+1+uint32(len(data))+1 && got.EOF })
			host.That("RFC9293:SHLD-31", "all that came out of order is acknowledged", len(got.Data), gomega.Equal(len(data)))
			host.That("RFC9293:3.10.7.4-35", "what the application reads is the stream", bytes.Equal(got.Data, data), gomega.BeTrue())
			host.That("RFC9293:3.10.7.4-39", "the FIN is acknowledged, and the application meets the end of the stream", all, gomega.BeTrue())
		})

	grid("tcp.queue.overlap", "of segments that overlap only what is new is taken",
		check.Proves("RFC9293:3.10.7.4-7", queueSpoils),
		queueOverlaps(), func(host *probe.Tester, o queueOverlap) {
			const rule = "RFC9293:3.10.7.4-7"
			c, got := queueConn(host, o.wrap)
			data := probe.Pattern(250)
			other := bytes.Clone(data)
			if o.other {
				for i := range other {
					other[i] ^= 0x55
				}
			}
			if !o.held {
				c.Data(data[:100])
			}
			c.Data(data[100:200], c.At(100))
			c.Data(other[o.from:o.to], c.At(o.from))
			if o.held {
				c.Data(data[:100], c.At(0))
			}
			c.Data(data[150:], c.At(150))
			c.FIN(c.At(250))
			c.Until(2*time.Second, func() bool { return got.EOF })
			if !host.That(rule, "how much the application reads", len(got.Data), gomega.Equal(len(data))) {
				return
			}
			// Where the octets differ either may be kept (3.10.7.4 has no rule), but none that were never sent, and what
			// had been delivered stays.
			for i, b := range got.Data {
				second := i >= o.from && i < o.to && (o.held || i >= 200)
				if b != data[i] && !(second && b == other[i]) {
					host.Fail(rule, probe.Value, "octet %d as it was sent: %#x; the application has %#x", i, data[i], b)
					return
				}
			}
			host.Meets(rule)
		})
}
