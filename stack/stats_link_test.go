package stack_test

import (
	"time"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// stray is a frame to the node whose EtherType nobody handles.
func stray() []byte {
	f := make([]byte, 60)
	copy(f, ethernet.Append(nil, ethernet.Header{Dst: nodeMAC, Src: testerMAC, Type: 0x88b5}))
	return f
}

// meetSlowly is meet on a wire that takes its time.
func meetSlowly(k *kit) {
	k.far.Send(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP))
	k.advance(100 * time.Millisecond)
	k.next("the answer to the request that introduces the tester")
}

// sendTo sends datagrams from the node to the tester, all at one instant.
func sendTo(s *scene, bodies ...string) {
	s.t.Helper()
	e := s.open(7)
	for _, b := range bodies {
		if err := e.SendTo([]byte(b), peerOf(testerIP, 4000)); err != nil {
			s.t.Fatal(err)
		}
	}
	s.advance(100 * time.Millisecond)
}

var (
	filtering = config.Config{Data: config.DataPath{PacketFilter: config.On}}
	slow      = wire.Config{BitRate: 1e6, Sending: 1}
)

// refuseAt has a filter refuse all packets at a hook.
func refuseAt(at iface.Hook) func(*kit) {
	return func(k *kit) {
		k.meet()
		if err := k.node.SetFilters(k.eth, at, func(*iface.Iface, *packet.Packet) bool { return false }); err != nil {
			k.t.Fatal(err)
		}
	}
}

var linkScenarios = []scenario{ // never written
	{
		name: "a frame for another station",
		do:   func(s *scene) { f := stray(); f[5] = 9; s.send(f) },
		want: "processing_error=1",
	},
	{
		name: "an EtherType that nobody handles",
		do:   func(s *scene) { s.send(stray()) },
		want: "processing_error=1 eth.unknown_protocol=1",
	},
	{
		name: "a frame that contradicts itself",
		do:   func(s *scene) { f := stray(); f[12], f[13] = 0x05, 0xdd; s.send(f) },
		want: "processing_error=1 eth.errors.received=1 eth.error_details.rx_frame_errors=1",
	},
	{
		name: "a broadcast received",
		do: func(s *scene) {
			s.send(arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, [4]byte{192, 0, 2, 99}))
		},
		want: "eth.broadcast.received=1",
	},
	{
		name: "ARP from a sender that cannot be",
		do: func(s *scene) {
			s.send(arpFrame(arp.Request, ethernet.MAC{}, testerIP, ethernet.MAC{}, nodeIP))
		},
		want: "eth.broadcast.received=1 processing_error=1",
	},
	{
		name: "a broadcast sent",
		do:   func(s *scene) { s.eth.Ethernet.Announce(nodeIP); s.advance(0) },
		want: "eth.broadcast.sent=1",
	},
	{
		name:   "no packet is free at arrival",
		config: config.Config{RxPackets: 1},
		do:     func(s *scene) { s.burst(stray(), stray()) },
		want: "processing_error=1 eth.unknown_protocol=1 eth.errors.received=1 eth.error_details.rx_no_buffer_count=1 " +
			"tc.recv[0].pkts=1 tc.recv[0].bytes=60",
	},
	{
		name:   "the receive queue is full",
		config: config.Config{QueueSlots: 1},
		do:     func(s *scene) { s.burst(stray(), stray()) },
		want:   "processing_error=1 eth.unknown_protocol=1 tc.recv[0].pkts=1 tc.recv[0].bytes=60 tc.recv[0].dropped=1",
	},
	{
		name:    "the device is full, and there is no queue",
		config:  config.Config{TxClasses: -1},
		wire:    slow,
		prepare: meetSlowly,
		do:      func(s *scene) { sendTo(s, "one", "two") },
		want:    "udp.sent=2 ipv4.sent=2 eth.errors.sent=1 eth.tx_dropped=1 tc.sent[0].dropped=1",
	},
	{
		name:    "the transmit queue is full, and then the device is not",
		config:  config.Config{QueueSlots: 1},
		wire:    slow,
		prepare: meetSlowly,
		do:      func(s *scene) { sendTo(s, "one", "two") },
		want:    "udp.sent=2 ipv4.sent=2 tc.sent[0].dropped=1",
	},
	{
		name:    "the device is full, and then has room",
		wire:    slow,
		prepare: meetSlowly,
		do:      func(s *scene) { sendTo(s, "one", "two") },
		want:    "udp.sent=2 ipv4.sent=2 eth.tx_restart_queue=1",
	},
	{
		name: "a filter at reception", config: filtering, prepare: refuseAt(iface.OnReceive),
		do:   func(s *scene) { s.send(stray()) },
		want: "pkt_filter.rx.drop=1 tc.recv[0].pkts=0 tc.recv[0].bytes=0",
	},
	{
		name: "a filter of IPv4", config: filtering, prepare: refuseAt(iface.OnIPv4),
		do:   func(s *scene) { s.send(echoRequest("x")) },
		want: "pkt_filter.rx.ipv4=1",
	},
	{
		name: "a filter of IPv6", config: filtering, prepare: refuseAt(iface.OnIPv6),
		do:   func(s *scene) { f := stray(); f[12], f[13] = 0x86, 0xdd; s.send(f) },
		want: "pkt_filter.rx.ipv6=1",
	},
	{
		name: "a filter of what is for this host", config: filtering, prepare: refuseAt(iface.OnLocal),
		do:   func(s *scene) { s.send(echoRequest("x")) },
		want: "ipv4.recv=1 pkt_filter.rx.local=1",
	},
	{
		name: "a filter of what is sent", config: filtering, prepare: refuseAt(iface.OnSend),
		do:   func(s *scene) { sendTo(s, "x") },
		want: "udp.sent=1 ipv4.sent=1 pkt_filter.tx.drop=1",
	},
}
