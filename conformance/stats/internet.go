package stats

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Protocols of IP that nobody has by himself.
const otherProtocol = 200

var group = netip.MustParseAddr("239.1.2.3")

// onward is a datagram to the tester on the second link.
func onward(t *probe.Tester, n int, conds ...packet.Cond) packet.Template {
	far := t.Link(1)
	return ipv4.Header(append([]packet.Cond{ipv4.Dst.Is(far.IP()), ipv4.Protocol.Is(otherProtocol)}, conds...)...).Then(packet.Payload(make([]byte, n)))
}

// known lets the target know both testers.
func known(t *probe.Tester) {
	meet(t)
	meet(t.Link(1))
}

// told has the target send a datagram, which the tester says is too big.
func told(t *probe.Tester, conds ...packet.Cond) {
	f := t.Expect(udp.Datagram(udp.DstPort.Is(testerPort)), probe.For())
	quote := slices.Concat(f.Header(ipv4.Proto), f.Body(ipv4.Proto)[:8])
	t.Send(icmpv4.Unreachable(icmpv4.CodeFragNeeded).With(conds...).Then(packet.Payload(quote)))
	t.Wait(100 * time.Millisecond)
}

// tooBig is a scenario about the path to the tester.
func tooBig(id, title, option, moves string) scenario {
	return scenario{
		id: id, title: title, needs: sockets, config: []string{"CONFIG_NET_IPV4_PMTU=" + option},
		prepare: meet, moves: moves,
		do: func(t *probe.Tester) {
			_ = t.P.UDP(0).SendTo(make([]byte, 1000), netip.AddrPortFrom(t.IP(), testerPort))
			told(t, icmpv4.MTU.Is(600))
		},
	}
}

// openRaw opens a raw socket of a protocol that nobody else has.
func openRaw(t *probe.Tester) *probe.Socket { return t.P.Open("inet", "raw", otherProtocol) }

var internetScenarios = []scenario{ // never written
	{
		id: "ip-version", title: "a version that is neither 4 nor 6", do: raw(func(b []byte) { b[0] = 0x55 }),
		moves: "ipv4.recv=1 ipv4.drop=1 ip_errors.vhlerr=1 ip_errors.protoerr=1",
	},
	{
		id: "ip-header-length", title: "a header length below the least", do: raw(func(b []byte) { b[0] = 0x44 }),
		moves: "ipv4.recv=1 ipv4.drop=1 ip_errors.vhlerr=1",
	},
	{
		id: "ip-length-high", title: "a total length that is wrong in its high octet", do: send(ping(1).With(ipv4.TotalLength.Is(0x354))),
		moves: "ipv4.recv=1 ipv4.drop=1 ip_errors.hblenerr=1",
	},
	{
		id: "ip-length-low", title: "a total length that is wrong in its low octet", do: send(ping(1).With(ipv4.TotalLength.Is(85))),
		moves: "ipv4.recv=1 ipv4.drop=1 ip_errors.lblenerr=1",
	},
	{
		id: "ip-checksum", title: "a header with a wrong checksum",
		do:    raw(func(b []byte) { binary.BigEndian.PutUint16(b[10:], binary.BigEndian.Uint16(b[10:])^1) }),
		moves: "ipv4.recv=1 ipv4.drop=1 ip_errors.chkerr=1",
	},
	{
		id: "ip-fragment", title: "a fragment that stays alone", config: []string{"CONFIG_NET_IPV4_FRAGMENT=y", "CONFIG_NET_IPV4_FRAGMENT_TIMEOUT=5"},
		do: func(t *probe.Tester) {
			t.Send(ipv4.Header(ipv4.Protocol.Is(17), ipv4.Offset.Is(8), ipv4.ID.Is(5)).Then(packet.Payload(make([]byte, 64))))
			t.Wait(10 * time.Second)
		},
		moves: "ipv4.recv=1 ipv4.drop=1 ip_errors.fragerr=1",
	},
	{
		id: "ip-protocol", title: "a protocol that nobody handles", prepare: meet,
		do:    send(ipv4.Header(ipv4.Protocol.Is(otherProtocol)).Then(packet.Payload(make([]byte, 64)))),
		moves: "ipv4.recv=1 ipv4.drop=1 ip_errors.protoerr=1 icmp.sent=1 ipv4.sent=1",
	},
	{
		id: "ip-other-host", title: "a datagram for another host", do: func(t *probe.Tester) { send(ping(1).With(ipv4.Dst.Is(t.UnusedIP())))(t) },
		moves: "ipv4.recv=1 ipv4.drop=1",
	},
	{
		id: "ip-forwarded", title: "a datagram is forwarded", needs: []target.Feature{target.Forwarding}, node: true, prepare: known,
		do:    func(t *probe.Tester) { send(onward(t, 100))(t) },
		moves: "ipv4.recv=1 ipv4.forwarded=1",
	},
	{
		id: "path-told", title: "a datagram is too big to be forwarded", needs: []target.Feature{target.Forwarding}, node: true, prepare: known,
		do:    func(t *probe.Tester) { send(onward(t, 1400, ipv4.DF.Is(1)))(t) },
		moves: "ipv4.recv=1 ipv4.drop=1 icmp.sent=1 ipv4.sent=1 ipv4_pmtu.sent=1",
	},
	tooBig("path-narrow", "a path is narrow", "y", "ipv4.sent=1 udp.sent=1 ipv4.recv=1 icmp.recv=1 ipv4_pmtu.recv=1"),
	tooBig("path-ignored", "a path is narrow, and path MTU discovery is off", "n",
		"ipv4.sent=1 udp.sent=1 ipv4.recv=1 icmp.recv=1 icmp.drop=1 ipv4_pmtu.recv=1 ipv4_pmtu.drop=1"),
	{
		id: "icmp-checksum", title: "ICMP with a wrong checksum", do: send(ping(1).With(icmpv4.Checksum.Is(0x1234))),
		moves: "ipv4.recv=1 icmp.recv=1 icmp.drop=1 icmp.chkerr=1",
	},
	{
		id: "icmp-type", title: "ICMP of a type that is not handled", do: send(ping(1).With(icmpv4.Type.Is(99))),
		moves: "ipv4.recv=1 icmp.recv=1 icmp.drop=1 icmp.typeerr=1",
	},
	{
		id: "igmp", title: "a group is joined and a query answered", needs: []target.Feature{target.Agent, target.Multicast4},
		do: func(t *probe.Tester) {
			if err := t.P.UDP(4001).Join(group); err != nil {
				t.Inconclusive("the target does not join %s: %v", group, err)
			}
			t.Wait(30 * time.Second) // the report is repeated
			t.Send(igmp.GeneralQuery(10))
			t.Wait(30 * time.Second)
		},
		moves: "ipv4.recv=1 ipv4.sent=+ ipv4_igmp.recv=1 ipv4_igmp.sent=+ eth.multicast.received=1 eth.multicast.sent=+",
	},
	{
		id: "igmp-checksum", title: "IGMP with a wrong checksum", needs: []target.Feature{target.Multicast4},
		do:    send(igmp.GeneralQuery(10).With(igmp.Checksum.Is(0x1234))),
		moves: "ipv4.recv=1 ipv4_igmp.recv=1 ipv4_igmp.drop=1 eth.multicast.received=1",
	},
	{
		id: "raw", title: "a raw socket receives and sends", needs: sockets, prepare: meet,
		do: func(t *probe.Tester) {
			s := openRaw(t)
			t.Send(ipv4.Header(ipv4.Protocol.Is(otherProtocol)).Then(packet.Payload([]byte("five5"))))
			t.Wait(100 * time.Millisecond)
			_ = s.SendTo([]byte("seven77"), netip.AddrPortFrom(t.IP(), 0))
			t.Wait(100 * time.Millisecond)
		},
		moves: "ipv4.recv=1 ipv4.sent=1 raw.recv=1 raw.sent=1 raw.bytes.received=25 raw.bytes.sent=7",
	},
	{
		id: "raw-full", title: "a raw socket has no room", needs: sockets, config: []string{"CONFIG_CONFORM_SOCKET_BUFFER=100"},
		do: func(t *probe.Tester) {
			openRaw(t)
			datagram := ipv4.Header(ipv4.Protocol.Is(otherProtocol)).Then(packet.Payload(make([]byte, 60)))
			send(datagram, datagram)(t)
		},
		moves: "ipv4.recv=2 raw.recv=2 raw.drop=1 raw.bytes.received=160",
	},
	{
		id: "udp-received", title: "a UDP datagram arrives", needs: sockets,
		do:    func(t *probe.Tester) { t.P.UDP(4001); send(udp.Datagram(udp.DstPort.Is(4001)))(t) },
		moves: "ipv4.recv=1 udp.recv=1",
	},
	{id: "udp-sent", title: "a UDP datagram leaves", needs: sockets, prepare: meet, do: telling(1), moves: "ipv4.sent=1 udp.sent=1"},
	{
		id: "udp-no-port", title: "UDP to a port that nobody has", prepare: meet, do: send(udp.Datagram(udp.DstPort.Is(40009))),
		moves: "ipv4.recv=1 ipv4.sent=1 udp.recv=1 udp.drop=1 icmp.sent=1",
	},
	{
		id: "udp-full", title: "UDP to a socket that has no room", needs: sockets, config: []string{"CONFIG_CONFORM_SOCKET_BUFFER=1"},
		do: func(t *probe.Tester) {
			t.P.UDP(4001)
			one := udp.Datagram(udp.DstPort.Is(4001)).Then(packet.Payload([]byte("x")))
			send(one, one)(t)
		},
		moves: "ipv4.recv=2 udp.recv=2 udp.drop=1",
	},
	{
		id: "udp-checksum", title: "UDP with a wrong checksum", needs: sockets,
		do: func(t *probe.Tester) {
			t.P.UDP(4001)
			send(udp.Datagram(udp.DstPort.Is(4001), udp.Checksum.Is(0x1234)))(t)
		},
		moves: "ipv4.recv=1 udp.recv=1 udp.drop=1 udp.chkerr=1",
	},
}

func init() {
	for _, s := range internetScenarios {
		add(s)
	}
}
