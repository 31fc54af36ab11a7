package datapath

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

const testerPort = 5000

// datagram is what a sender sends: its priority stands in front.
var datagram = udp.Datagram(udp.DstPort.Is(testerPort))

// of is a datagram of a priority, as the target sends it.
func of(priority int) packet.Template {
	return datagram.Then(packet.PayloadWith(packet.Data.Where(fmt.Sprintf("of priority %d", priority), func(b []byte) bool {
		return len(b) > 1 && int(b[0]) == priority
	})))
}

// number is the n-th datagram that a sender has sent.
func number(n int) packet.Template {
	return datagram.Then(packet.PayloadWith(packet.Data.Where(fmt.Sprintf("number %d", n), func(b []byte) bool { return len(b) > 1 && int(b[1]) == n })))
}

// A sender is a socket of the target, with all that it has sent.
type sender struct {
	*probe.Tester
	socket  *probe.Socket
	table   string
	classes int
	sent    []item
}

// sending opens a socket once the target knows the tester's link address.
func sending(p *probe.P, table string, classes int) *sender {
	s := &sender{Tester: p.IPv4(), table: table, classes: classes}
	s.Ask(arp.Request(s.TargetIP()), arp.Reply(), probe.For())
	s.socket = p.UDP(0)
	return s
}

// send has the target send a datagram of 100 octets of a priority.
func (s *sender) send(priority int) error {
	if err := s.socket.SetOption("SO_PRIORITY", priority); err != nil {
		s.Inconclusive("the target refused SO_PRIORITY %d: %v", priority, err)
	}
	data := make([]byte, 100)
	data[0], data[1] = byte(priority), byte(len(s.sent))
	s.sent = append(s.sent, item{priority, classOf(s.table, s.classes, priority), len(s.sent)})
	return s.socket.SendTo(data, netip.AddrPortFrom(s.IP(), testerPort))
}

// must has the target send, as preparation.
func (s *sender) must(priorities ...int) {
	for _, priority := range priorities {
		if err := s.send(priority); err != nil {
			s.Inconclusive("the target refused to send: %v", err)
		}
	}
}

// came are the datagrams that have come, in their order.
func (s *sender) came() (items []item) {
	for _, f := range s.Seen(datagram) {
		if b, _ := packet.Data.Of(f); len(b) > 1 && int(b[1]) < len(s.sent) {
			items = append(items, s.sent[b[1]])
		}
	}
	return items
}

// classOfNext has the target send a datagram of a priority, and tells which counters of classes it moves.
func (s *sender) classOfNext(priority int) (moved []string) {
	before := s.Counters(0)
	s.must(priority)
	s.Expect(of(priority), probe.For())
	for name := range onlyClasses(s.Counters(0).Since(before), "tc.sent[", ".pkts") {
		moved = append(moved, name)
	}
	return moved
}

// mishears is a target that takes one priority for another.
func mishears(priority, as int) mutate.Mutation {
	return mutate.Mistakes(fmt.Sprintf("takes SO_PRIORITY %d for %d", priority, as), func(r *agent.Request) {
		if r.Option == "SO_PRIORITY" && r.Value == priority {
			r.Value = as
		}
	})
}

// rounds are priorities in an order of no class: n of each.
func rounds(n int) (list []int) {
	for range n {
		list = append(list, 1, 6, 0, 3, 7, 2, 5, 4)
	}
	return list
}

const plug = 1 // a priority that every map has in class 0

func init() {
	check.Grid(suite, "datapath.tx.order", "while a packet of a higher class waits none of a lower class is sent",
		check.Proves("ZEPHYR:TC-2", mutate.Overtaken(of(7), of(1))).
			And("IEEE8021Q:PRI-1", mutate.Overtaken(of(5), of(1))).
			And("IEEE8021Q:PRI-2", mutate.Overtaken(number(8), number(16))).
			Needs(target.Agent).BitRate(slow).Configured(roomy...),
		matrix(),
		func(p *probe.P, s shape) {
			out := sending(p, s.table, s.tx)
			p.Step("the link is kept busy by packets of the lowest class")
			out.must(plug, plug, plug, plug, plug, plug)
			p.Step("then all priorities, in disorder")
			out.must(rounds(3)...)
			p.Wait(10 * time.Millisecond)
			first := out.came()
			p.Step("and again, while others still wait")
			out.must(rounds(1)...)
			p.Wait(time.Second)
			all := out.came()
			for _, req := range []string{"ZEPHYR:TC-2", "IEEE8021Q:PRI-1", "IEEE8021Q:PRI-2"} {
				p.That(req, fmt.Sprintf("higher classes go first, each in its order: %v", first), settles(first, 6), gomega.BeTrue())
				p.That(req, fmt.Sprintf("and so do those that came later, before what waited: %v", all[len(first):]), settles(all[len(first):], 8), gomega.BeTrue())
				p.That(req, "nothing is lost", len(all), gomega.Equal(len(out.sent)))
			}
		})

	for _, m := range maps {
		check.Grid(suite, "datapath.tx.class["+m.id+"]", "SO_PRIORITY decides the class, by the map of so many classes",
			check.Proves(m.requirement, mishears(3, 1)).
				And("ZEPHYR:TC-13", mutate.Unheeded("does not heed SO_PRIORITY", func(r agent.Request) bool { return r.Option == "SO_PRIORITY" })).
				Needs(target.Agent, target.Statistics).Configured(roomy...),
			both(m.table),
			func(p *probe.P, s shape) {
				out := sending(p, s.table, s.tx)
				for priority := range 8 {
					moved := out.classOfNext(priority)
					want := []string{fmt.Sprintf("tc.sent[%d].pkts", classOf(s.table, s.tx, priority))}
					p.That(m.requirement, fmt.Sprintf("the class of priority %d", priority), moved, gomega.Equal(want))
					p.That("ZEPHYR:TC-13", fmt.Sprintf("the class for SO_PRIORITY %d", priority), moved, gomega.Equal(want))
				}
			})
	}

	check.Grid(suite, "datapath.tx.background", "background, priority 1, is below best effort, priority 0",
		check.Proves("IEEE8021Q:PRI-6", mishears(1, 2)).Needs(target.Agent, target.Statistics).Configured(roomy...),
		both(strict)[5:],
		func(p *probe.P, s shape) {
			out := sending(p, s.table, s.tx)
			p.That("IEEE8021Q:PRI-6", "the class of best effort", out.classOfNext(0), gomega.Equal([]string{"tc.sent[1].pkts"}))
			p.That("IEEE8021Q:PRI-6", "the class of background", out.classOfNext(1), gomega.Equal([]string{"tc.sent[0].pkts"}))
		})

	suite.It("datapath.tx.highest", "of 8 classes, network control is the highest",
		check.Proves("ZEPHYR:TC-17", mishears(7, 6)).Needs(target.Agent, target.Statistics).Configured(roomy...).Configured(shape{8, 8, strict}.Config()...),
		func(p *probe.P) {
			out := sending(p, strict, 8)
			p.That("ZEPHYR:TC-17", "the class of priority 7", out.classOfNext(7), gomega.Equal([]string{"tc.sent[7].pkts"}))
		})

	suite.It("datapath.tx.starve", "a lower class sends nothing while a higher one keeps the link busy, and its counters say so",
		check.Proves("ZEPHYR:TC-5", mutate.Overtaken(of(7), of(1))).
			And("ZEPHYR:TC-6", mutate.Stuck("tc.sent[0].bytes")).
			Needs(target.Agent, target.Statistics).BitRate(slow).Configured(roomy...).Configured(shape{2, 2, strict}.Config()...),
		func(p *probe.P) {
			out := sending(p, strict, 2)
			out.must(plug, plug, plug, plug, plug, plug, plug, plug)
			p.Wait(time.Millisecond)
			feed := func() { // for 100 ms more than the link takes
				for range 50 {
					out.must(7, 7)
					p.Wait(2 * time.Millisecond)
				}
			}
			feed()
			before, early := p.Counters(0), len(out.came())
			feed()
			moved := onlyClasses(p.Counters(0).Since(before), "tc.sent[", ".pkts")
			p.That("ZEPHYR:TC-5", "packets of the lower class that were sent meanwhile", ofClass(out.came()[early:], 0), gomega.BeZero())
			p.That("ZEPHYR:TC-5", "those of the higher class, of a hundred", ofClass(out.came()[early:], 1), gomega.BeNumerically(">", 80))
			p.That("ZEPHYR:TC-6", "classes that have sent", moved, gomega.And(gomega.HaveLen(1), gomega.HaveKey("tc.sent[1].pkts")))
			p.Step("the higher class has no more")
			p.Wait(time.Second)
			last := out.came()
			p.That("ZEPHYR:TC-5", "of the last four those of the lower class", ofClass(last[max(0, len(last)-4):], 0), gomega.Equal(4))
			p.That("ZEPHYR:TC-6", "octets of the lower class, 8 datagrams in Ethernet", p.Counters(0)["tc.sent[0].bytes"]-before["tc.sent[0].bytes"],
				gomega.BeNumerically(">=", 4*142))
		})

	suite.It("datapath.tx.slots", "a class that is full drops, and counts what it drops",
		check.Proves("ZEPHYR:TC-8", mutate.Stuck("tc.sent[3].dropped")).
			Needs(target.Agent, target.Statistics).BitRate(slow).Configured(roomy...).
			Configured(shape{4, 4, strict}.Config()...).Configured("CONFIG_NET_PKT_TX_COUNT=16", "CONFIG_CONFORM_TC_SLOTS=0"),
		func(p *probe.P) {
			out := sending(p, strict, 4)
			out.must(plug, plug, plug, plug) // the device takes what it can hold, the others wait
			before := p.Counters(0)
			for range 10 {
				_ = out.send(7) // it may be told, or not
			}
			dropped := p.Counters(0).Since(before)["tc.sent[3].dropped"]
			p.Wait(time.Second)
			p.That("ZEPHYR:TC-8", "packets of class 3 that were sent of ten: 16 for four classes", ofClass(out.came(), 3), gomega.Equal(4))
			p.That("ZEPHYR:TC-8", "tc.sent[3].dropped", dropped, gomega.Equal(uint64(6)))
		})

	suite.It("datapath.tx.skip", "with skipping there is one class more, the highest, and it goes before all that waits",
		check.Proves("ZEPHYR:TC-12", mutate.Overtaken(of(7), number(7))).
			Needs(target.Agent, target.Statistics).BitRate(slow).Configured(roomy...).
			Configured(shape{1, 1, strict}.Config()...).Configured("CONFIG_NET_TC_TX_SKIP_FOR_HIGH_PRIO=y"),
		func(p *probe.P) {
			out := sending(p, strict, 2)
			before := p.Counters(0)
			out.must(plug, plug, plug, plug, plug, plug, 7, plug, 7)
			p.Wait(time.Second)
			p.That("ZEPHYR:TC-12", fmt.Sprintf("the highest class goes first: %v", out.came()), settles(out.came(), 4), gomega.BeTrue())
			p.That("ZEPHYR:TC-12", "packets by class", onlyClasses(p.Counters(0).Since(before), "tc.sent[", ".pkts"),
				gomega.Equal(probe.Counters{"tc.sent[0].pkts": 7, "tc.sent[1].pkts": 2}))
		})

	suite.It("datapath.tx.none", "without classes packets go to the device as they are sent, whatever their priority",
		check.Proves("ZEPHYR:TC-4", mutate.Overtaken(of(1), of(7))).
			Needs(target.Agent).Configured(roomy...).Configured(shape{1, 0, strict}.Config()...),
		func(p *probe.P) {
			out := sending(p, strict, 0)
			out.must(rounds(2)...)
			p.Wait(100 * time.Millisecond)
			p.That("ZEPHYR:TC-4", "the order", out.came(), gomega.Equal(out.sent))
		})

	check.Grid(suite, "datapath.tx.default", "what a socket sends that says nothing has the configured priority",
		check.Proves("ZEPHYR:TC-15", mutate.Stuck("tc.sent[5].pkts", "tc.sent[0].pkts")).
			Needs(target.Agent, target.Statistics).Configured(roomy[:5]...).Configured(shape{8, 8, strict}.Config()...),
		[]option{{"NET_TX_DEFAULT_PRIORITY", 0}, {"NET_TX_DEFAULT_PRIORITY", 1}, {"NET_TX_DEFAULT_PRIORITY", 5}, {"NET_TX_DEFAULT_PRIORITY", 7}},
		func(p *probe.P, o option) {
			out := sending(p, strict, 8)
			before := p.Counters(0)
			if err := out.socket.SendTo([]byte("x"), netip.AddrPortFrom(out.IP(), testerPort)); err != nil {
				p.Inconclusive("the target refused to send: %v", err)
			}
			out.Expect(datagram, probe.For())
			p.That("ZEPHYR:TC-15", "its class", onlyClasses(p.Counters(0).Since(before), "tc.sent[", ".pkts"),
				gomega.Equal(probe.Counters{fmt.Sprintf("tc.sent[%d].pkts", classOf(strict, 8, o.value)): 1}))
		})

	suite.It("datapath.tx.pool", "a call that finds no packet free is told so, and later ones succeed",
		check.Proves("ZEPHYR:TC-20", mutate.Tells("says nothing of a send that failed", func(r agent.Request, reply *agent.Reply) {
			if r.Do == agent.Send {
				reply.Errno = ""
			}
		})).
			Needs(target.Agent).BitRate(slow).Configured(roomy...).Configured(shape{1, 1, strict}.Config()...).Configured("CONFIG_NET_PKT_TX_COUNT=4"),
		func(p *probe.P) {
			out := sending(p, strict, 1)
			var refused error
			for range 12 {
				if err := out.send(plug); err != nil {
					refused = err
				}
			}
			told := ""
			if refused != nil {
				told = refused.Error()
			}
			p.That("ZEPHYR:TC-20", "what a call says when no packet is free", told, gomega.BeElementOf("ENOMEM", "ENOBUFS", "EAGAIN"))
			p.Wait(time.Second)
			p.That("ZEPHYR:TC-20", "a later call", out.send(7), gomega.Succeed())
			out.Expect(of(7), probe.For("ZEPHYR:TC-20"))
		})
}
