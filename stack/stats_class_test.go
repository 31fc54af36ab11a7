package stack_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/socket"
	"github.com/conform-stack/conform/stack/wire/arp"
)

// timed keeps all times, in eight classes that hold one packet each.
var timed = config.Config{
	RxClasses: 8, TxClasses: 8, QueueSlots: 1, NeighPending: 8, PacketCost: 20 * time.Millisecond,
	Data: config.DataPath{RxTime: config.On, RxTimeDetail: config.On, TxTime: config.On, TxTimeDetail: config.On},
}

// tagged puts a tag of IEEE 802.1Q with a priority into a frame.
func tagged(frame []byte, priority int) []byte {
	tag := []byte{0x81, 0, byte(priority << 5), 0}
	return append(append(append([]byte(nil), frame[:12]...), tag...), frame[12:]...)
}

// putSlowly puts a frame on the slow wire, once the one before has left.
func (s *scene) putSlowly(frame []byte) {
	s.put(frame)
	s.advance(time.Duration(len(frame)*8) * time.Microsecond)
}

// fillClasses has two packets of each priority arrive while another one is processed, and two more leave than the wire
// takes, some of them once the tester has been found.
func fillClasses(s *scene) {
	in := s.open(7)
	s.putSlowly(stray())
	for priority := range 8 {
		s.putSlowly(tagged(udpFrame(4000, 7, "x"), priority))
		s.putSlowly(tagged(udpFrame(4000, 7, "x"), priority))
	}
	s.advance(time.Second)
	var b [10]byte
	for priority := range 8 {
		if _, err := in.Recv(b[:]); err != nil {
			s.t.Fatalf("datagram %d: %v", priority, err)
		}
	}
	out := s.open(8)
	all := func() {
		for priority := range 8 {
			if err := out.SetOption(socket.SOPriority, socket.Value{Int: priority}); err != nil {
				s.t.Fatal(err)
			}
			if err := out.SendTo([]byte("x"), peerOf(testerIP, 4000)); err != nil {
				s.t.Fatal(err)
			}
		}
	}
	all() // they wait for the tester's address
	s.advance(5 * time.Millisecond)
	s.put(arpFrame(arp.Reply, testerMAC, testerIP, nodeMAC, nodeIP))
	for len(s.frames) < 2 { // until the first is on the wire
		s.advance(100 * time.Microsecond)
	}
	all()
	all()
	s.advance(200 * time.Millisecond)
}

// everyClass says that counters of all classes move.
func everyClass(names ...string) (want string) {
	for class := range 8 {
		for _, n := range names {
			way, field, _ := strings.Cut(n, ".")
			want += fmt.Sprintf("tc.%s[%d].%s=+ ", way, class, field)
		}
	}
	return want
}

var classScenarios = []scenario{ // never written
	{
		name: "packets of all classes, more than they hold", config: timed, wire: slow, do: fillClasses,
		want: everyClass(
			"recv.pkts", "recv.bytes", "recv.dropped", "recv.rx_time.sum", "recv.rx_time.count",
			"recv.rx_time_detail[0].count", "recv.rx_time_detail[1].count", "recv.rx_time_detail[2].count", "recv.rx_time_detail[3].count",
			"recv.rx_time_detail[1].sum", "recv.rx_time_detail[3].sum",
			"sent.pkts", "sent.bytes", "sent.dropped", "sent.tx_time.sum", "sent.tx_time.count",
			"sent.tx_time_detail[0].count", "sent.tx_time_detail[1].count", "sent.tx_time_detail[2].count",
			"sent.tx_time_detail[0].sum", "sent.tx_time_detail[1].sum",
		) + "rx_time.sum=+ rx_time.count=8 tx_time.sum=+ tx_time.count=+ processing_error=1 eth.unknown_protocol=1 " +
			"ipv4.recv=8 udp.recv=8 ipv4.sent=24 udp.sent=24 eth.broadcast.sent=1 eth.broadcast.received=1 eth.tx_restart_queue=+",
	},
}
