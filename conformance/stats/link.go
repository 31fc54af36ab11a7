package stats

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/packet/vlan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

const testerPort = 5000

// ping is a request of 98 octets in Ethernet, which needs no padding.
func ping(seq uint) packet.Template { return icmpv4.Echo(7, seq, make([]byte, 56)) }

// meet lets each know the other's link address.
func meet(t *probe.Tester) {
	t.Ask(ping(99), icmpv4.EchoReply(icmpv4.Seq.Is(99)), probe.For())
	t.Wait(100 * time.Millisecond)
}

// send sends frames at one instant, and gives the target time for them.
func send(ts ...packet.Template) func(*probe.Tester) {
	return func(t *probe.Tester) {
		for _, tmpl := range ts {
			t.Send(tmpl)
		}
		t.Wait(100 * time.Millisecond)
	}
}

// raw sends a ping with octets changed, behind the 14 of Ethernet.
func raw(change func(datagram []byte)) func(*probe.Tester) {
	return func(t *probe.Tester) {
		b := t.Build(ping(1))
		change(b[14:])
		t.SendBytes(b)
		t.Wait(100 * time.Millisecond)
	}
}

// tell has the target send a datagram of 100 octets, by a socket that it has already.
func tell(t *probe.Tester, s *probe.Socket) {
	_ = s.SendTo(make([]byte, 100), netip.AddrPortFrom(t.IP(), testerPort)) // how it ends is counted
}

// telling has it send several at one instant.
func telling(n int) func(*probe.Tester) {
	return func(t *probe.Tester) {
		s := t.P.UDP(0)
		for range n {
			tell(t, s)
		}
		t.Wait(100 * time.Millisecond)
	}
}

// refusing has a filter drop all at a hook.
func refusing(hook string) func(*probe.Tester) {
	return func(t *probe.Tester) {
		meet(t)
		if err := t.Refuse(hook, true); err != nil {
			t.Inconclusive("the target has no filters: %v", err)
		}
	}
}

const (
	filters = "CONFIG_NET_PKT_FILTER=y"
	slow    = 1_000_000
)

var sockets = []target.Feature{target.Agent} // never written

var linkScenarios = []scenario{ // never written
	{
		id: "frame", title: "a request is received, and its answer sent", prepare: meet, do: send(ping(1)),
		moves: "ipv4.recv=1 ipv4.sent=1 icmp.recv=1 icmp.sent=1 eth.pkts.received=1 eth.pkts.sent=1 eth.bytes.received=98 " +
			"eth.bytes.sent=98 bytes.received=98 bytes.sent=98 tc.recv[0].pkts=1 tc.recv[0].bytes=98 tc.sent[0].pkts=1 tc.sent[0].bytes=98",
	},
	{
		id: "other-station", title: "a frame for another station",
		do:    func(t *probe.Tester) { send(ping(1).With(ethernet.Dst.Is(t.As(1).MAC())))(t) },
		moves: "processing_error=1",
	},
	{
		id: "unknown-type", title: "a frame of a type that nobody handles",
		do:    send(ethernet.Frame(ethernet.Type.Is(0x1234)).Then(packet.Payload(make([]byte, 46)))),
		moves: "processing_error=1 eth.unknown_protocol=1",
	},
	{
		id: "bad-length", title: "a frame that contradicts itself",
		do:    send(ethernet.Frame(ethernet.Type.Is(1501)).Then(packet.Payload(make([]byte, 46)))),
		moves: "processing_error=1 eth.errors.received=1 eth.error_details.rx_frame_errors=1",
	},
	{
		id: "broadcast-received", title: "a broadcast is received",
		do:    func(t *probe.Tester) { send(arp.Request(t.UnusedIP()))(t) },
		moves: "eth.broadcast.received=1",
	},
	{
		id: "broadcast-sent", title: "an address is asked for", needs: sockets,
		do: func(t *probe.Tester) {
			_ = t.P.UDP(0).SendTo([]byte("x"), netip.AddrPortFrom(t.UnusedIP(), 9))
			t.Wait(100 * time.Millisecond)
		},
		moves: "eth.broadcast.sent=1 udp.sent=1 ipv4.sent=1",
	},
	{
		id: "no-buffer", title: "a frame finds no buffer",
		config:  []string{"CONFIG_NET_PKT_RX_COUNT=1", "CONFIG_NET_TC_RX_COUNT=1", "CONFIG_CONFORM_TC_SLOTS=100"},
		prepare: meet, do: send(ping(1), ping(2)),
		moves: "eth.errors.received=1 eth.error_details.rx_no_buffer_count=1 ipv4.recv=1 ipv4.sent=1 icmp.recv=1 icmp.sent=1",
	},
	{
		id: "queue-full", title: "a receive class is full",
		config:  []string{"CONFIG_NET_TC_RX_COUNT=1", "CONFIG_CONFORM_TC_SLOTS=1", "CONFIG_CONFORM_PACKET_COST=1000000"},
		prepare: meet, do: func(t *probe.Tester) {
			t.Send(ping(1))
			t.Wait(100 * time.Microsecond)
			send(ping(2), ping(3))(t)
		},
		moves: "tc.recv[0].pkts=2 tc.recv[0].dropped=1 ipv4.recv=2 ipv4.sent=2 icmp.recv=2 icmp.sent=2",
	},
	{
		id: "device-full", title: "the device is full, and there is no queue", needs: sockets, bitRate: slow,
		config: []string{"CONFIG_NET_TC_TX_COUNT=0"}, prepare: meet, do: telling(3),
		moves: "udp.sent=3 ipv4.sent=3 eth.errors.sent=1 eth.tx_dropped=1 tc.sent[0].dropped=1",
	},
	{
		id: "device-ready", title: "a transmit class is full, and then the device is not", needs: sockets, bitRate: slow,
		config: []string{"CONFIG_NET_TC_TX_COUNT=1", "CONFIG_CONFORM_TC_SLOTS=1"}, prepare: meet, do: telling(4),
		moves: "udp.sent=4 ipv4.sent=4 tc.sent[0].dropped=1 tc.sent[0].pkts=3 eth.tx_restart_queue=+",
	},
	{
		id: "filter-receive", title: "a filter drops what comes", needs: []target.Feature{target.Interfaces}, config: []string{filters},
		prepare: refusing("recv"), do: send(ping(1)), moves: "pkt_filter.rx.drop=1",
	},
	{
		id: "filter-ipv4", title: "a filter drops datagrams of IPv4", needs: []target.Feature{target.Interfaces}, config: []string{filters},
		prepare: refusing("ipv4"), do: send(ping(1)), moves: "pkt_filter.rx.ipv4=1",
	},
	{
		id: "filter-local", title: "a filter drops what is for this host", needs: []target.Feature{target.Interfaces}, config: []string{filters},
		prepare: refusing("local"), do: send(ping(1)), moves: "pkt_filter.rx.local=1 ipv4.recv=1",
	},
	{
		id: "filter-send", title: "a filter drops what goes", needs: []target.Feature{target.Interfaces, target.Agent}, config: []string{filters},
		prepare: refusing("send"), do: telling(1), moves: "pkt_filter.tx.drop=1 udp.sent=1 ipv4.sent=1",
	},
	{
		id: "classes", title: "packets of all classes, more than they hold, and how long they take", needs: sockets, bitRate: slow,
		config: []string{
			"CONFIG_NET_TC_RX_COUNT=8", "CONFIG_NET_TC_TX_COUNT=8", "CONFIG_CONFORM_TC_SLOTS=1", "CONFIG_CONFORM_PACKET_COST=20000000",
			"CONFIG_NET_PKT_RXTIME_STATS=y", "CONFIG_NET_PKT_RXTIME_STATS_DETAIL=y", "CONFIG_NET_PKT_TXTIME_STATS=y", "CONFIG_NET_PKT_TXTIME_STATS_DETAIL=y",
			"CONFIG_NET_PKT_RX_COUNT=64", "CONFIG_NET_PKT_TX_COUNT=64", "CONFIG_NET_BUF_RX_COUNT=1024", "CONFIG_NET_BUF_TX_COUNT=1024",
			"CONFIG_NET_TX_DEFAULT_PRIORITY=0",
		},
		prepare: meet, do: fillClasses,
		moves: everyClass("tc.recv", "pkts", "bytes", "dropped", "rx_time.count", "rx_time.sum", "rx_time_detail[1].sum", "rx_time_detail[3].sum",
			"rx_time_detail[0].count", "rx_time_detail[3].count") +
			everyClass("tc.sent", "pkts", "bytes", "dropped", "tx_time.count", "tx_time.sum", "tx_time_detail[1].sum", "tx_time_detail[0].count") +
			"rx_time.sum=+ rx_time.count=8 tx_time.sum=+ tx_time.count=+ ipv4.recv=+ udp.recv=8 ipv4.sent=+ udp.sent=24 icmp.recv=+ icmp.sent=+",
	},
}

// everyClass says that counters of all classes move.
func everyClass(of string, names ...string) (moves string) {
	for class := range 8 {
		for _, n := range names {
			moves += of + "[" + string(rune('0'+class)) + "]." + n + "=+ "
		}
	}
	return moves
}

// fillClasses has two packets of each priority arrive while another one is processed, and three leave, of which the link
// takes one at a time. The lowest class sends only what is there when all others have nothing more.
func fillClasses(t *probe.Tester) {
	in := t.P.UDP(4001)
	t.Send(ping(1))
	t.Wait(time.Millisecond)
	for priority := range 8 {
		for range 2 {
			t.Send(vlan.Tag(vlan.VID.Is(0), vlan.PCP.Is(uint(priority))).Then(ipv4.Header(), udp.Datagram(udp.DstPort.Is(4001)), packet.Payload([]byte("x"))))
			t.Wait(time.Millisecond) // the link takes that long
		}
	}
	t.Wait(time.Second)
	for range 8 {
		if _, ok := in.Recv().Delivered(); !ok {
			t.Inconclusive("not all that a class holds was delivered")
		}
	}
	out := t.P.UDP(0)
	for range 3 {
		for priority := range 8 {
			if err := out.SetOption("SO_PRIORITY", priority); err != nil {
				t.Inconclusive("the target refused SO_PRIORITY: %v", err)
			}
			tell(t, out)
		}
	}
	t.Wait(time.Second)
}

func init() {
	for _, s := range linkScenarios {
		add(s)
	}
}
