package stats

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// texts is a target that prints something else: old is what it ought to print.
func texts(how, old, new string) mutate.Mutation {
	return mutate.Tells(how, func(r agent.Request, reply *agent.Reply) {
		if r.Do == agent.StatsText || r.Do == agent.Prometheus {
			reply.Data = []byte(strings.ReplaceAll(string(reply.Data), old, new))
		}
	})
}

// rows are the lines of "net stats" with labels, tabs and, in braces, the counters.
var rows = []string{ // never written
	"IPv4 recv      {ipv4.recv}\tsent\t{ipv4.sent}\tdrop\t{ipv4.drop}\tforwarded\t{ipv4.forwarded}",
	"IP vhlerr      {ip_errors.vhlerr}\thblener\t{ip_errors.hblenerr}\tlblener\t{ip_errors.lblenerr}",
	"IP fragerr     {ip_errors.fragerr}\tchkerr\t{ip_errors.chkerr}\tprotoer\t{ip_errors.protoerr}",
	"ICMP recv      {icmp.recv}\tsent\t{icmp.sent}\tdrop\t{icmp.drop}",
	"ICMP typeer    {icmp.typeerr}\tchkerr\t{icmp.chkerr}",
	"UDP recv       {udp.recv}\tsent\t{udp.sent}\tdrop\t{udp.drop}",
	"UDP chkerr     {udp.chkerr}",
	"TCP bytes recv {tcp.bytes.received}\tsent\t{tcp.bytes.sent}\tresent\t{tcp.resent}",
	"TCP seg recv   {tcp.recv}\tsent\t{tcp.sent}\tdrop\t{tcp.seg_drop}",
	"TCP seg resent {tcp.rexmit}\tchkerr\t{tcp.chkerr}\tackerr\t{tcp.ackerr}",
	"TCP seg rsterr {tcp.rsterr}\trst\t{tcp.rst}",
	"TCP conn drop  {tcp.conndrop}\tconnrst\t{tcp.connrst}",
	"TCP pkt drop   {tcp.drop}",
	"Bytes received {bytes.received}",
	"Bytes sent     {bytes.sent}",
	"Processing err {processing_error}",
}

var braces = regexp.MustCompile(`\{[^}]*\}`)

// filled is a row with the values of counters.
func filled(row string, c probe.Counters) string {
	return braces.ReplaceAllStringFunc(row, func(name string) string { return fmt.Sprint(c[name[1:len(name)-1]]) })
}

// something happens that moves many of the counters.
func something(t *probe.Tester) {
	meet(t)
	send(ping(1), udp.Datagram(udp.DstPort.Is(40009)))(t)
	raw(func(b []byte) { b[0] = 0x44 })(t)
	unknown(t).Send(tcp.SYN, nil)
	t.Wait(100 * time.Millisecond)
}

// zephyr is what the profile of that name begins with, as far as it shows here: one receive class, no transmit class.
var zephyr = []string{"CONFIG_NET_TC_RX_COUNT=1", "CONFIG_NET_TC_TX_COUNT=0"}

var times = []string{ // never written
	"CONFIG_NET_PKT_RXTIME_STATS=y", "CONFIG_NET_PKT_RXTIME_STATS_DETAIL=y", "CONFIG_NET_PKT_TXTIME_STATS=y", "CONFIG_NET_PKT_TXTIME_STATS_DETAIL=y",
}

// timed has three datagrams arrive, which cost a millisecond each and are read at once, two milliseconds later.
func timed(t *probe.Tester) {
	s := t.P.UDP(4001)
	for range 3 {
		t.Send(udp.Datagram(udp.DstPort.Is(4001)).Then(packet.Payload(make([]byte, 20))))
	}
	t.Wait(2*time.Millisecond + time.Millisecond/2)
	for range 3 {
		if _, ok := s.Recv().Delivered(); !ok {
			t.Inconclusive("the datagrams were not delivered")
		}
	}
}

func init() {
	suite.It("stats.text.rows", "the lines are those of Zephyr's shell, with the values of the counters",
		check.Proves("ZEPHYR:ST-7", texts("has spaces for tabs", "\t", " ")).Needs(target.Statistics).Configured(zephyr...),
		func(p *probe.P) {
			something(p.IPv4())
			for _, of := range []int{0, agent.Node} {
				c, text := p.Counters(of), strings.Split(p.CountersText(of), "\n")
				for _, row := range rows {
					p.That("ZEPHYR:ST-7", "the lines", text, gomega.ContainElement(filled(row, c)))
				}
			}
		})

	suite.It("stats.text.head", "the text begins with what it is about, underlined",
		check.Proves("ZEPHYR:ST-6", texts("has no rule", "=\n", "\n")).Needs(target.Statistics, target.Interfaces).Configured(zephyr...),
		func(p *probe.P) {
			p.IPv4()
			i := p.Ifaces()[0]
			head := fmt.Sprintf("Interface %s (Ethernet) [%d]", i.Name, i.Index)
			p.That("ZEPHYR:ST-6", "the text of an interface", p.CountersText(0), gomega.HavePrefix(head+"\n"+strings.Repeat("=", len(head))+"\n"))
			p.That("ZEPHYR:ST-6", "the text of the node", p.CountersText(agent.Node), gomega.HavePrefix("Global statistics\n=================\n"))
		})

	suite.It("stats.text.times", "average times are those of the packets, and left out without any",
		check.Proves("ZEPHYR:ST-8", texts("counts no packets", "net_pkt (", "net_pkt (1")).
			And("ZEPHYR:ST-9", texts("adds wrong", "=", "=1")).
			Needs(target.Statistics, target.Agent).Configured(zephyr...).Configured(times...).Configured("CONFIG_CONFORM_PACKET_COST=1000000"),
		func(p *probe.P) {
			lan := p.IPv4()
			p.ResetCounters(agent.Node)
			p.That("ZEPHYR:ST-8", "the text before any packet", p.CountersText(0), gomega.Not(gomega.ContainSubstring("Avg ")))
			timed(lan)
			// They wait 0, 1 and 2 ms for the processor; all are read at 2.5 ms.
			text := p.CountersText(0)
			p.That("ZEPHYR:ST-8", "the average of three that were there for 2.5 ms", text, gomega.ContainSubstring("Avg RX net_pkt (3) time 2500 us"))
			p.That("ZEPHYR:ST-9", "from point to point", text, gomega.ContainSubstring("time 2500 us\t[0->1000->1500=2500 us]"))
			p.That("ZEPHYR:ST-8", "nothing was sent", text, gomega.Not(gomega.ContainSubstring("Avg TX")))
			before := p.Counters(0)["tx_time.count"]
			_ = p.UDP(0).SendTo([]byte("x"), netip.AddrPortFrom(lan.IP(), testerPort))
			lan.Expect(udp.Datagram(udp.DstPort.Is(testerPort)), probe.For())
			sent := p.Counters(0)["tx_time.count"] - before
			p.That("ZEPHYR:ST-8", "packets that were sent", p.CountersText(0), gomega.ContainSubstring(fmt.Sprintf("Avg TX net_pkt (%d) time ", sent)))
		})

	suite.It("stats.text.classes", "with several classes there is a table of each direction",
		check.Proves("ZEPHYR:ST-10", texts("shows no drops", "Drop pkts", "Drop")).
			Needs(target.Statistics).Configured("CONFIG_NET_TC_RX_COUNT=2", "CONFIG_NET_TC_TX_COUNT=3", "CONFIG_NET_TX_DEFAULT_PRIORITY=0"),
		func(p *probe.P) {
			lan := p.IPv4()
			meet(lan)
			c, text := p.Counters(0), strings.Split(p.CountersText(0), "\n")
			p.That("ZEPHYR:ST-10", "the lines", text, gomega.ContainElements(
				"TX traffic class statistics:", "TC  Priority\tSent pkts\tbytes\ttime",
				"RX traffic class statistics:", "TC  Priority\tRecv pkts\tDrop pkts\tbytes\ttime",
			))
			p.That("ZEPHYR:ST-10", "the lowest class of received packets", text, gomega.ContainElement(
				filled("[0] BE (0)\t{tc.recv[0].pkts}\t\t{tc.recv[0].dropped}\t\t{tc.recv[0].bytes}\t-", c)))
			p.That("ZEPHYR:ST-10", "the lowest class of sent packets", text, gomega.ContainElement(
				filled("[0] BE (0)\t{tc.sent[0].pkts}\t\t{tc.sent[0].bytes}\t-", c)))
			classes := 0
			for _, line := range text {
				if strings.HasPrefix(line, "[") {
					classes++
				}
			}
			p.That("ZEPHYR:ST-10", "rows of two classes and three", classes, gomega.Equal(5))
		})

	suite.It("stats.prometheus", "each counter is a metric, with the interface as a label, and announced",
		check.Proves("ZEPHYR:ST-11", texts("announces nothing", "# TYPE ", "# ")).Needs(target.Statistics, target.Interfaces).Configured(zephyr...),
		func(p *probe.P) {
			something(p.IPv4())
			name := p.Ifaces()[0].Name
			lines := strings.Split(p.Prometheus(), "\n")
			c := p.Counters(0)
			for _, counter := range slices.Sorted(maps.Keys(c)) {
				if strings.Contains(counter, "time") || strings.Contains(counter, "[") && !strings.Contains(counter, "[0]") {
					continue // times are summaries, and of one class there is one
				}
				metric, label := "zephyr_net_"+strings.ReplaceAll(base(counter), ".", "_"), fmt.Sprintf("nic=%q", name)
				if counter != base(counter) {
					label += `,tc="0"`
				}
				p.That("ZEPHYR:ST-11", "the sample of "+counter, lines, gomega.ContainElement(fmt.Sprintf("%s{%s} %d", metric, label, c[counter])))
				p.That("ZEPHYR:ST-11", "the type of "+counter, lines, gomega.ContainElement("# TYPE "+metric+" counter"))
				p.That("ZEPHYR:ST-11", "the help of "+counter, lines, gomega.ContainElement(gomega.HavePrefix("# HELP "+metric+" ")))
			}
		})
}
