package netstats_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/stats/netstats"
)

// moved lists the counters of Zephyr's that are not zero.
func moved(n *stats.Node) (names []string) {
	netstats.Of(n).Each(func(name string, v uint64) {
		if v != 0 {
			names = append(names, name)
		}
	})
	return names
}

// Whoever adds a reason says where Zephyr counts it, in Of, or why it does not, in Uncounted.
func TestEveryDropIsCountedOrHasAReasonNotToBe(t *testing.T) {
	for d := range stats.NumDrops {
		var n stats.Node
		n.Drop(d)
		got := moved(&n)
		if why := netstats.Uncounted(d); (why == "") == (len(got) == 0) {
			t.Errorf("%v moves %v, and is said not to be counted because %q", d, got, why)
		}
	}
}

func TestDropsOfTheTwoVersionsAreApart(t *testing.T) {
	for _, tt := range []struct {
		name string
		drop func(*stats.Node)
		want []string
	}{
		{"IPv4", func(n *stats.Node) { n.DropIPv4(stats.IPChecksum) }, []string{"ip_errors.chkerr", "ipv4.drop"}},
		{"IPv6", func(n *stats.Node) { n.Drop(stats.ExtHeader) }, []string{"ipv6.drop"}},
		{"a length, by its high octet", func(n *stats.Node) { n.DropIPv4(stats.WrongLength(0x01ff, 0x00ff)) }, []string{"ip_errors.hblenerr", "ipv4.drop"}},
		{"a length, by its low octet", func(n *stats.Node) { n.DropIPv4(stats.WrongLength(0x01ff, 0x01fe)) }, []string{"ip_errors.lblenerr", "ipv4.drop"}},
		{"neither version", func(n *stats.Node) { n.DropIPv4(stats.IPVersion) }, []string{"ip_errors.vhlerr", "ip_errors.protoerr", "ipv4.drop"}},
		{"a message about a path that was not believed", func(n *stats.Node) { n.PathMTU6.Received = 2; n.PathMTU6.Believed = 1 }, []string{"ipv6_pmtu.recv", "ipv6_pmtu.drop"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var n stats.Node
			tt.drop(&n)
			if got := moved(&n); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("moves %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSince(t *testing.T) {
	var n stats.Node
	n.UDP.Received, n.TC.Received[2].Packets = 3, 4
	before := netstats.Of(&n)
	n.UDP.Received, n.TC.Received[2].Packets = 5, 5
	got := netstats.Of(&n).Since(before)
	if got.UDP.Recv != 2 || got.TC.Recv[2].Pkts != 1 {
		t.Errorf("%d datagrams and %d packets, want 2 and 1", got.UDP.Recv, got.TC.Recv[2].Pkts)
	}
}

// times makes counters of the documented example: 18902 packets of 63 us, on average from point to point 22, 15 and 23
// us and a fraction, so that the sum of what is printed is less.
func times() (n stats.Node) {
	c := &n.TC.Sent[0]
	c.Packets = 18902
	c.Time = stats.Interval{Sum: 18902 * 63_200, Count: 18902}
	for k, ns := range []uint64{22_900, 15_400, 23_900} {
		c.Detail[k] = stats.Interval{Sum: 18902 * ns, Count: 18902}
	}
	r := &n.TC.Received[0]
	r.Time = stats.Interval{Sum: 18892 * 42_000, Count: 18892}
	for k, ns := range []uint64{9_000, 6_000, 900, 13_000} {
		r.Detail[k] = stats.Interval{Sum: 18892 * ns, Count: 18892}
	}
	return n
}

func TestAverages(t *testing.T) {
	n := times()
	c := netstats.Of(&n)
	text := c.Text(netstats.Subject{TxPriorities: []int{0}, RxPriorities: []int{0}})
	for _, want := range []string{
		"\nAvg TX net_pkt (18902) time 63 us\t[0->22->15->23=60 us]\n",
		"\nAvg RX net_pkt (18892) time 42 us\t[0->9->6->13=28 us]\n", // the one below a microsecond is not shown
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	n = stats.Node{}
	n.TC.Sent[0].Time.Add(67_000)
	c = netstats.Of(&n)
	if text := c.Text(netstats.Subject{}); !strings.Contains(text, "Avg TX net_pkt (1) time 67 us\n") || strings.Contains(text, "Avg RX") {
		t.Errorf("without points, and with nothing received:\n%s", text)
	}
}

func TestClassTables(t *testing.T) {
	var n stats.Node
	n.TC.Sent[0] = stats.Class{Packets: 3, Bytes: 300}
	n.TC.Sent[1] = stats.Class{Packets: 2, Bytes: 128, Time: stats.Interval{Sum: 9000, Count: 2}}
	n.TC.Sent[1].Detail[1].Add(4000)
	n.TC.Received[1] = stats.Class{Packets: 1, Bytes: 64, Dropped: 5}
	c := netstats.Of(&n)
	text := c.Text(netstats.Subject{Name: "eth0", Kind: "Ethernet", Index: 2, TxPriorities: []int{1, 0}, RxPriorities: []int{0, 4}})
	const head = "Interface eth0 (Ethernet) [2]\n=============================\n"
	const tail = "Processing err 0\n" +
		"TX traffic class statistics:\nTC  Priority\tSent pkts\tbytes\ttime\n" +
		"[0] BK (1)\t3\t\t300\t-\n[1] BE (0)\t2\t\t128\t4 us\t[0->4=4 us]\n" +
		"RX traffic class statistics:\nTC  Priority\tRecv pkts\tDrop pkts\tbytes\ttime\n" +
		"[0] BE (0)\t0\t\t0\t\t0\t-\n[1] VI (4)\t1\t\t5\t\t64\t-\n"
	if !strings.HasPrefix(text, head) || !strings.HasSuffix(text, tail) {
		t.Errorf("got\n%s\nwant it to begin and end\n%s...\n%s", text, head, tail)
	}
}

func TestPrometheus(t *testing.T) {
	var n stats.Node
	n.IPv4.Received = 7
	n.TC.Received[1].Packets = 2
	n.TC.Sent[0].Time.Add(3000)
	text := netstats.Prometheus([]netstats.Nic{{}, {Name: "a\\b\"c\nd", Ethernet: true, Counters: netstats.Of(&n)}}, 0, 2)
	for _, want := range []string{
		"# HELP zephyr_net_ipv4_recv IPv4 datagrams, recv\n# TYPE zephyr_net_ipv4_recv counter\n" +
			"zephyr_net_ipv4_recv{nic=\"\"} 0\nzephyr_net_ipv4_recv{nic=\"a\\\\b\\\"c\\nd\"} 7\n",
		"# TYPE zephyr_net_tc_recv_pkts counter\n" +
			"zephyr_net_tc_recv_pkts{nic=\"\",tc=\"0\"} 0\nzephyr_net_tc_recv_pkts{nic=\"\",tc=\"1\"} 0\n",
		"zephyr_net_tc_recv_pkts{nic=\"a\\\\b\\\"c\\nd\",tc=\"1\"} 2\n",
		"# TYPE zephyr_net_tx_time summary\n",
		"zephyr_net_tx_time_sum{nic=\"a\\\\b\\\"c\\nd\"} 3\nzephyr_net_tx_time_count{nic=\"a\\\\b\\\"c\\nd\"} 1\n",
		"zephyr_net_tc_sent_tx_time_sum{nic=\"a\\\\b\\\"c\\nd\",tc=\"0\"} 3\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q", want)
		}
	}
	if strings.Contains(text, `zephyr_net_tc_sent_pkts{nic="",tc="1"}`) {
		t.Error("a class that the node does not have")
	}
	if got := strings.Count(text, "zephyr_net_eth_pkts_sent{"); got != 1 {
		t.Errorf("%d interfaces have sent frames of Ethernet, want the one that is an Ethernet", got)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 2 && f[1] == "TYPE" {
			if seen[f[2]] {
				t.Errorf("%s is declared twice", f[2])
			}
			seen[f[2]] = true
		}
	}
}
