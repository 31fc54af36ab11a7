package forwarding

import (
	"net"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// dropped adds a check that a datagram with one fault is not forwarded, while the same without it is.
func dropped(id, title, requirement string, faults ...packet.Cond) {
	check.Grid(suite, id, title, proves(requirement, mutate.Gullible()), faults,
		func(p *probe.P, fault packet.Cond) {
			near, far := hosts(p)
			good := crossing(near, far, 32)
			near.Silent(good.With(fault), good, forwarded, probe.On(far))
		})
}

func init() {
	dropped("forward.drop.checksum", "a datagram with a wrong header checksum is not forwarded", "RFC1812:4.2.2.5-1",
		ipv4.Checksum.Is(0), ipv4.Checksum.Is(0xffff))
	dropped("forward.drop.version", "a datagram of another version is not forwarded", "RFC1812:5.2.2-2",
		ipv4.Version.Is(0), ipv4.Version.Is(5), ipv4.Version.Is(6))
	dropped("forward.drop.header-length", "a datagram with a header length below 5 words is not forwarded", "RFC1812:5.2.2-3",
		ipv4.IHL.Is(0), ipv4.IHL.Is(4))
	dropped("forward.drop.total-length", "a datagram with a total length below its header length is not forwarded", "RFC1812:5.2.2-4",
		ipv4.TotalLength.Is(0), ipv4.TotalLength.Is(19))
	dropped("forward.drop.truncated", "a datagram shorter than its total length is not forwarded", "RFC1812:5.2.2-6",
		ipv4.TotalLength.Is(61), ipv4.TotalLength.Is(1500))
	dropped("forward.drop.link-broadcast", "what came as link-layer broadcast is not forwarded", "RFC1812:5.3.4-1",
		ethernet.Dst.Is(ethernet.Broadcast))
	dropped("forward.drop.link-broadcast.silently", "what came as link-layer broadcast with a unicast destination is discarded", "RFC1812:5.3.4-3",
		ethernet.Dst.Is(ethernet.Broadcast))
	dropped("forward.drop.link-multicast", "what came as link-layer multicast is not forwarded", "RFC1812:5.3.4-2",
		ethernet.Dst.Is(net.HardwareAddr{0x01, 0x00, 0x5e, 0, 0, 1}))
	dropped("forward.drop.limited-broadcast", "a datagram to 255.255.255.255 is not forwarded", "RFC1812:5.3.5.1-1",
		ipv4.Dst.Is(ipv4.Broadcast))
	dropped("forward.drop.source", "a datagram with an invalid source is not forwarded", "RFC1812:5.3.7-1",
		ipv4.Src.Is(ipv4.Broadcast), ipv4.Src.Is(ipv4.MustAddr("239.1.2.3")), ipv4.Src.Is(ipv4.MustAddr("240.0.0.1")), ipv4.Src.Is(ipv4.MustAddr("0.1.2.3")))
	dropped("forward.drop.source-loopback", "a datagram with a source on 127/8 is not forwarded", "RFC1812:5.3.7-2",
		ipv4.Src.Is(ipv4.MustAddr("127.0.0.1")))

	suite.It("forward.drop.short", "a packet shorter than 20 octets is discarded",
		proves("RFC1812:5.2.2-1", mutate.Gullible()),
		func(p *probe.P) {
			near, far := hosts(p)
			good := crossing(near, far, 32)
			header := packet.Dissect(p.Net().Link, near.Build(good)).Header(ipv4.Proto)
			bad := ethernet.Frame(ethernet.Type.Is(0x0800)).Then(packet.Payload(header[:19]))
			near.Silent(bad, good, forwarded, probe.On(far))
		})

	// A datagram to such a destination would be seen as a datagram, or as a question for a next hop that was not asked for
	// before.
	check.Grid(suite, "forward.drop.destination", "a datagram to an invalid destination is not forwarded",
		proves("RFC1812:5.3.7-3", asksForStranger("240.0.0.1", "127.0.0.1", "0.1.2.3")),
		[]string{"240.0.0.1", "127.0.0.1", "0.1.2.3"}, toNowhere("RFC1812:5.3.7-3"))

	check.Grid(suite, "forward.drop.net-zero", "a datagram to 0.0.0.0 or to the address zero of a net is discarded",
		proves("RFC1812:5.3.5-1", asksForStranger("0.0.0.0", "198.51.100.0")),
		[]string{"0.0.0.0", "198.51.100.0"}, toNowhere("RFC1812:5.3.5-1"))

	check.Grid(suite, "forward.local.own", "a datagram to any of the router's own addresses is delivered to it",
		proves("RFC1812:5.2.3-1", mutate.Missing(icmpv4.EchoReply())),
		[]string{"near", "far"},
		func(p *probe.P, side string) {
			near, far := hosts(p)
			own := map[string]packet.Cond{"near": ipv4.Dst.Is(near.TargetIP()), "far": ipv4.Dst.Is(far.TargetIP())}[side]
			near.Ask(ipv4.Header(own).Then(icmpv4.Echo(p.Serial(), 1, nil)), icmpv4.EchoReply())
		})

	check.Grid(suite, "forward.local.source", "a datagram for the router with an invalid source is discarded silently",
		proves("RFC1812:4.2.2.11-1", mutate.Gullible()),
		[]packet.Cond{ipv4.Src.Is(ipv4.Broadcast), ipv4.Src.Is(ipv4.MustAddr("239.1.2.3")), ipv4.Src.Is(ipv4.MustAddr("127.0.0.1")), ipv4.Src.Is(ipv4.MustAddr("0.1.2.3"))},
		func(p *probe.P, source packet.Cond) {
			near, _ := hosts(p)
			good := ipv4.Header().Then(icmpv4.Echo(p.Serial(), 1, nil))
			near.Silent(good.With(source), good, ipv4.Header())
		})
}

// asksForStranger is a router that takes such a destination for one on the far link that it has not met yet.
func asksForStranger(destinations ...string) mutate.Mutation {
	on := ipv4.Header(ipv4.Dst.Where("an invalid destination", func(a ipv4.Addr) bool {
		for _, d := range destinations {
			if a == ipv4.MustAddr(d) {
				return true
			}
		}
		return false
	}))
	return mutate.Misreads(on, ipv4.Dst.Is(ipv4.MustAddr("198.51.100.77")))
}

// toNowhere is the body of a check that nothing goes out, on either link, for a datagram to the destination.
func toNowhere(requirement string) func(*probe.P, string) {
	return func(p *probe.P, destination string) {
		near, far := hosts(p)
		good := crossing(near, far, 32)
		near.Send(good)
		far.Expect(forwarded, probe.For())
		bad := good.With(ipv4.Dst.Is(ipv4.MustAddr(destination)))
		question := ethernet.Frame(ethernet.Src.Is(far.TargetMAC())).Then(arp.Packet(arp.Op.Is(arp.OpRequest), arp.TargetIP.Not(far.IP())))
		near.Silent(bad, good, question, probe.On(far), probe.Fence(forwarded), probe.For(requirement))
	}
}
