package stats

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func ping6(seq uint) packet.Template { return icmpv6.Echo(7, seq, make([]byte, 56)) }

func meet6(t *probe.Tester) {
	t.Ask(ping6(99), icmpv6.EchoReply(icmpv6.Seq.Is(99)), probe.For())
	t.Wait(10 * time.Second) // whoever doubts a neighbour asks by then
}

// onward6 is a packet to the tester on the second link.
func onward6(t *probe.Tester, n int) packet.Template {
	return ipv6.Header(ipv6.Dst.Is(t.Link(1).IP()), ipv6.NextHeader.Is(otherProtocol)).Then(packet.Payload(make([]byte, n)))
}

func known6(t *probe.Tester) {
	meet6(t)
	meet6(t.Link(1))
}

// tooBig6 has the target send a datagram, which the tester says is too big.
func tooBig6(mtu uint) func(*probe.Tester) {
	return func(t *probe.Tester) {
		_ = t.UDP(0).SendTo(make([]byte, 1400), netip.AddrPortFrom(t.IP(), testerPort))
		f := t.Expect(udp.Datagram(udp.DstPort.Is(testerPort)), probe.For())
		t.Send(icmpv6.PacketTooBig(icmpv6.MTU.Is(mtu)).Then(icmpv6.About(f)))
		t.Wait(100 * time.Millisecond)
	}
}

var group6 = netip.MustParseAddr("ff05::77")

var internet6Scenarios = []scenario{ // never written
	{
		id: "ipv6", title: "an echo request of IPv6 is answered", prepare: meet6, do: send(ping6(1)),
		moves: "ipv6.recv=1 ipv6.sent=1 icmp.recv=1 icmp.sent=1",
	},
	{
		id: "ipv6-other-host", title: "a packet of IPv6 for another host", prepare: meet6,
		do:    func(t *probe.Tester) { send(ping6(1).With(ipv6.Dst.Is(t.UnusedIP())))(t) },
		moves: "ipv6.recv=1 ipv6.drop=1",
	},
	{
		id: "ipv6-forwarded", title: "a packet of IPv6 is forwarded", needs: []target.Feature{target.Forwarding6, target.SecondLink}, node: true,
		prepare: known6, do: func(t *probe.Tester) { send(onward6(t, 100))(t) },
		moves: "ipv6.recv=1 ipv6.forwarded=1",
	},
	{
		id: "ipv6-path-told", title: "a packet of IPv6 is too big to be forwarded", needs: []target.Feature{target.Forwarding6, target.SecondLink}, node: true,
		prepare: known6, do: func(t *probe.Tester) { send(onward6(t, 1400))(t) },
		moves: "ipv6.recv=1 ipv6.drop=1 ipv6.sent=1 icmp.sent=1 ipv6_pmtu.sent=1",
	},
	{
		id: "ipv6-path-narrow", title: "a path of IPv6 is narrow", needs: sockets, config: []string{"CONFIG_NET_IPV6_PMTU=y"},
		prepare: meet6, do: tooBig6(1300),
		moves: "ipv6.sent=1 udp.sent=1 ipv6.recv=1 icmp.recv=1 ipv6_pmtu.recv=1",
	},
	{
		id: "ipv6-path-unbelieved", title: "a path of IPv6 is said to be narrower than it may be", needs: sockets,
		config: []string{"CONFIG_NET_IPV6_PMTU=y"}, prepare: meet6, do: tooBig6(1000),
		moves: "ipv6.sent=1 udp.sent=1 ipv6.recv=1 icmp.recv=1 icmp.drop=1 ipv6_pmtu.recv=1 ipv6_pmtu.drop=1",
	},
	{
		id: "nd", title: "a neighbor solicitation is answered", prepare: meet6,
		do:    func(t *probe.Tester) { send(ndp.Solicit(t.TargetIP()))(t) },
		moves: "ipv6.recv=1 ipv6.sent=1 icmp.recv=1 icmp.sent=1 ipv6_nd.recv=1 ipv6_nd.sent=1 eth.multicast.received=1",
	},
	{
		id: "nd-passed-on", title: "a neighbor solicitation that a router has passed on", prepare: meet6,
		do:    func(t *probe.Tester) { send(ndp.Solicit(t.TargetIP()).With(ipv6.HopLimit.Is(254)))(t) },
		moves: "ipv6.recv=1 icmp.recv=1 ipv6_nd.recv=1 ipv6_nd.drop=1 eth.multicast.received=1",
	},
	{
		id: "mld", title: "a group of IPv6 is joined, and a query answered", needs: []target.Feature{target.Agent, target.Multicast6},
		prepare: func(t *probe.Tester) { t.Wait(time.Minute) }, // reports of other groups are sent again
		do: func(t *probe.Tester) {
			if err := t.UDP(4001).Join(group6); err != nil {
				t.Inconclusive("the target does not join %s: %v", group6, err)
			}
			t.Wait(time.Minute)
			t.LinkLocal().Send(mld.GeneralQuery(1000))
			t.Wait(time.Minute)
		},
		moves: "ipv6.recv=1 ipv6.sent=+ icmp.recv=1 icmp.sent=+ ipv6_mld.recv=1 ipv6_mld.sent=+ eth.multicast.received=1 eth.multicast.sent=+",
	},
	{
		id: "mld-passed-on", title: "a query of MLD that a router has passed on", needs: []target.Feature{target.Multicast6},
		prepare: func(t *probe.Tester) { t.Wait(time.Minute) },
		do:      func(t *probe.Tester) { send(mld.GeneralQuery(1000).With(ipv6.HopLimit.Is(2)))(t.LinkLocal()) },
		moves:   "ipv6.recv=1 icmp.recv=1 ipv6_mld.recv=1 ipv6_mld.drop=1 eth.multicast.received=1",
	},
	{
		id: "filter-ipv6", title: "a filter drops packets of IPv6", needs: []target.Feature{target.Interfaces}, config: []string{filters},
		prepare: func(t *probe.Tester) {
			meet6(t)
			if err := t.Refuse("ipv6", true); err != nil {
				t.Inconclusive("the target has no filters: %v", err)
			}
		},
		do: send(ping6(1)), moves: "pkt_filter.rx.ipv6=1",
	},
}

func init() {
	for _, s := range internet6Scenarios {
		s.ipv6 = true
		add(s)
	}
}
