package datapath

import (
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/vlan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// answer is the target's answer to an echo request; its identifier is the priority of the request.
func answer(priority int) packet.Template { return icmpv4.EchoReply(icmpv4.ID.Is(uint(priority))) }

// ping is a request with a priority tag.
func ping(priority, n int) packet.Template {
	return vlan.Tag(vlan.VID.Is(0), vlan.PCP.Is(uint(priority))).Then(ipv4.Header(), icmpv4.Echo(uint(priority), uint(n), make([]byte, 50)))
}

// A receiver is the tester, with all that it has sent.
type receiver struct {
	*probe.Tester
	table   string
	classes int
	sent    []item
}

func receiving(p *probe.P, table string, classes int) *receiver {
	r := &receiver{Tester: p.IPv4(), table: table, classes: classes}
	r.Ask(icmpv4.Echo(99, 0, nil), icmpv4.EchoReply(icmpv4.ID.Is(99)), probe.For())
	p.Wait(100 * time.Millisecond)
	return r
}

// send sends requests, all at one instant.
func (r *receiver) send(priorities ...int) {
	for _, priority := range priorities {
		r.Send(ping(priority, len(r.sent)))
		r.sent = append(r.sent, item{priority, classOf(r.table, r.classes, priority), len(r.sent)})
	}
}

// answered are the requests in the order of their answers.
func (r *receiver) answered() (items []item) {
	for _, f := range r.Seen(icmpv4.EchoReply(icmpv4.ID.Not(99))) {
		if n, _ := icmpv4.Seq.Of(f); int(n) < len(r.sent) {
			items = append(items, r.sent[n])
		}
	}
	return items
}

func init() {
	check.Grid(suite, "datapath.rx.order", "while a received packet of a higher class waits none of a lower class is processed",
		check.Proves("ZEPHYR:TC-1", mutate.Overtaken(answer(7), answer(1))).
			And("ZEPHYR:TC-7", mutate.Stuck("tc.recv[0].pkts")).
			Needs(target.Statistics).Configured(roomy...).Configured(busy),
		matrix(),
		func(p *probe.P, s shape) {
			in := receiving(p, s.table, s.rx)
			before := p.Counters(0)
			p.Step("one packet keeps the target busy, then come all priorities, in disorder")
			in.send(plug)
			in.send(rounds(3)...)
			p.Wait(9*cost + cost/2)
			first := in.answered()
			p.Step("and again, while others still wait")
			in.send(rounds(1)...)
			p.Wait(time.Second)
			all := in.answered()
			p.That("ZEPHYR:TC-1", fmt.Sprintf("higher classes go first, each in its order: %v", first), settles(first, 1), gomega.BeTrue())
			p.That("ZEPHYR:TC-1", fmt.Sprintf("and so do those that came later, before what waited: %v", all[len(first):]), settles(all[len(first):], 8), gomega.BeTrue())
			p.That("ZEPHYR:TC-1", "nothing is lost", len(all), gomega.Equal(len(in.sent)))
			want := probe.Counters{}
			for _, i := range in.sent {
				want[fmt.Sprintf("tc.recv[%d].pkts", i.class)]++
			}
			p.That("ZEPHYR:TC-7", "packets by class", onlyClasses(p.Counters(0).Since(before), "tc.recv[", ".pkts"), gomega.Equal(want))
		})

	for _, m := range maps {
		check.Grid(suite, "datapath.rx.class["+m.id+"]", "the priority of a tag decides the class, by the map of so many classes",
			check.Proves("ZEPHYR:TC-14", mutate.Misreads(vlan.Tag(vlan.PCP.Is(3)), vlan.PCP.Is(1))).
				And("IEEE8021Q:RX-5", mutate.Misreads(vlan.Tag(vlan.PCP.Is(2)), vlan.PCP.Is(7))).
				Needs(target.Statistics).Configured(roomy...),
			both(m.table),
			func(p *probe.P, s shape) {
				in := receiving(p, s.table, s.rx)
				for priority := range 8 {
					before := p.Counters(0)
					in.send(priority)
					in.Expect(answer(priority), probe.For())
					moved := onlyClasses(p.Counters(0).Since(before), "tc.recv[", ".pkts")
					want := probe.Counters{fmt.Sprintf("tc.recv[%d].pkts", classOf(s.table, s.rx, priority)): 1}
					p.That("ZEPHYR:TC-14", fmt.Sprintf("the class of priority %d", priority), moved, gomega.Equal(want))
					p.That("IEEE8021Q:RX-5", fmt.Sprintf("the class of PCP %d", priority), moved, gomega.Equal(want))
				}
			})
	}

	suite.It("datapath.rx.slots", "a receive class that is full drops, and counts what it drops; others have their room",
		check.Proves("ZEPHYR:TC-9", mutate.Stuck("tc.recv[3].dropped")).
			And("ZEPHYR:TC-10", mutate.DeafAfter(10, ping(7, 0)[:1], vlan.Tag(vlan.PCP.Is(1)))).
			Needs(target.Statistics).Configured(roomy...).Configured(shape{4, 4, strict}.Config()...).
			Configured(busy, "CONFIG_NET_PKT_RX_COUNT=16", "CONFIG_CONFORM_TC_SLOTS=0"),
		func(p *probe.P) {
			in := receiving(p, strict, 4)
			before := p.Counters(0)
			in.send(5)
			p.Wait(cost / 10) // it is being processed
			in.send(7, 7, 7, 7, 7, 7, 7, 7, 7, 7)
			in.send(1, 1, 1)
			p.Wait(time.Second)
			high, low := ofClass(in.answered(), 3), ofClass(in.answered(), 0)
			p.That("ZEPHYR:TC-9", "packets of class 3 that were answered of ten: 16 for four classes", high, gomega.Equal(4))
			p.That("ZEPHYR:TC-9", "tc.recv[3].dropped", p.Counters(0).Since(before)["tc.recv[3].dropped"], gomega.Equal(uint64(6)))
			p.That("ZEPHYR:TC-10", "packets of class 0 that were answered of three", low, gomega.Equal(3))
		})

	suite.It("datapath.rx.skip", "with skipping the highest class is processed as it arrives",
		check.Proves("ZEPHYR:TC-11", mutate.Late(answer(7), cost*2/5)).
			Configured(roomy...).Configured(shape{1, 1, strict}.Config()...).Configured(busy, "CONFIG_NET_TC_RX_SKIP_FOR_HIGH_PRIO=y"),
		func(p *probe.P) {
			in := receiving(p, strict, 2)
			in.send(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
			p.Wait(3*cost + cost/2)
			p.Step("in the middle of a packet, with others waiting")
			in.send(7)
			p.Wait(time.Second)
			var last time.Duration
			for _, f := range in.Seen(icmpv4.EchoReply(icmpv4.ID.Not(99))) {
				if id, _ := icmpv4.ID.Of(f); id == 7 {
					p.Between("ZEPHYR:TC-11", "from the last answer before it", f.At-last, cost/2-cost/10, cost/2+cost/10)
					return
				}
				last = f.At
			}
			p.Fail("ZEPHYR:TC-11", probe.Missing, "an answer to the packet of the highest class")
		})

	suite.It("datapath.rx.none", "without classes packets are processed as they came, whatever their priority",
		check.Proves("ZEPHYR:TC-3", mutate.Overtaken(answer(1), answer(7))).
			Configured(roomy...).Configured(shape{0, 1, strict}.Config()...).Configured(busy),
		func(p *probe.P) {
			in := receiving(p, strict, 0)
			in.send(rounds(2)...)
			p.Wait(time.Second)
			p.That("ZEPHYR:TC-3", "the order", in.answered(), gomega.Equal(in.sent))
		})

	check.Grid(suite, "datapath.rx.default", "a received packet that says nothing has the configured priority",
		check.Proves("ZEPHYR:TC-16", mutate.Stuck("tc.recv[5].pkts")).
			Needs(target.Statistics).Configured(roomy...).Configured(shape{8, 8, strict}.Config()...),
		[]option{{"NET_RX_DEFAULT_PRIORITY", -1}, {"NET_RX_DEFAULT_PRIORITY", 1}, {"NET_RX_DEFAULT_PRIORITY", 5}, {"NET_RX_DEFAULT_PRIORITY", 7}},
		func(p *probe.P, o option) {
			in := receiving(p, strict, 8)
			before := p.Counters(0)
			in.Ask(icmpv4.Echo(98, 1, nil), answer(98), probe.For())
			p.That("ZEPHYR:TC-16", "its class", onlyClasses(p.Counters(0).Since(before), "tc.recv[", ".pkts"),
				gomega.Equal(probe.Counters{fmt.Sprintf("tc.recv[%d].pkts", classOf(strict, 8, max(0, o.value))): 1}))
		})

	suite.It("datapath.rx.pool", "a frame that finds no packet free is dropped and counted, and later ones are received",
		check.Proves("ZEPHYR:TC-19", mutate.Stuck("eth.error_details.rx_no_buffer_count")).
			Needs(target.Statistics).Configured(roomy...).Configured(shape{1, 1, strict}.Config()...).Configured(busy, "CONFIG_NET_PKT_RX_COUNT=4"),
		func(p *probe.P) {
			in := receiving(p, strict, 1)
			before := p.Counters(0)
			in.send(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
			p.Wait(time.Second)
			n := uint64(len(in.answered()))
			p.That("ZEPHYR:TC-19", "packets that were answered of ten, with four in the pool", n, gomega.And(gomega.BeNumerically(">=", 4), gomega.BeNumerically("<", 10)))
			p.That("ZEPHYR:TC-19", "frames that found no buffer", p.Counters(0).Since(before)["eth.error_details.rx_no_buffer_count"], gomega.Equal(10-n))
			in.Ask(icmpv4.Echo(97, 1, nil), answer(97), probe.For("ZEPHYR:TC-19"))
		})
}
