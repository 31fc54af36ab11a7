package ipv4

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// impossible are sources that no datagram on a link can have (RFC 1122, section 3.2.1.3). 0.0.0.0 and the rest of net 0
// are left out: a host that does not know its address yet may send them. So is class E, of which the section says nothing.
var impossible = map[string]netip.Addr{
	"limited-broadcast": ipv4.Broadcast,
	"group":             netip.MustParseAddr("224.7.7.7"),
	"all-hosts":         allHosts,
	"loopback":          netip.MustParseAddr("127.0.0.1"),
	"loopback-net":      netip.MustParseAddr("127.255.255.254"),
}

func init() {
	// An answer to a loopback source would not leave the target: the next check has those.
	check.Grid(suite, "ipv4.src.impossible", "a datagram with a source that is no host's is dropped silently",
		check.Proves("RFC1122:3.2.1.3-4", mutate.Gullible()),
		[]string{"limited-broadcast", "group", "all-hosts"},
		func(p *probe.P, source string) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32))
			host.Silent(good.With(ipv4.Src.Is(impossible[source])), good, anyReply)
		})

	suite.It("ipv4.src.directed-broadcast", "a datagram with the link's broadcast address as source is dropped silently",
		check.Proves("RFC1122:3.2.1.3-4", mutate.Gullible()),
		func(p *probe.P) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32))
			host.Silent(good.With(ipv4.Src.Is(directed(p.Net(), 0xff))), good, anyReply)
		})

	martian := mutate.Here(func(n target.Net) mutate.Mutation {
		from := ipv4.Src.Where("no host's", func(a netip.Addr) bool { return a != n.Testers[0].IP4 })
		return mutate.Misreads(udp.Datagram().With(from), ipv4.Src.Is(n.Testers[0].IP4))
	})
	check.Grid(suite, "ipv4.src.impossible.delivery", "a datagram with a source that is no host's is not delivered",
		check.Proves("RFC1122:3.2.1.3-4", martian).Needs(target.Agent),
		[]string{"limited-broadcast", "group", "all-hosts", "loopback", "loopback-net"},
		func(p *probe.P, source string) {
			host := p.IPv4()
			s := p.UDP(0)
			r := s.Recv()
			host.Send(toPort(p, s.Local.Port(), "from nobody").With(ipv4.Src.Is(impossible[source])))
			host.Send(toPort(p, s.Local.Port(), "from a host"))
			delivered(p, "RFC1122:3.2.1.3-4", r, "from a host")
		})

	foreign := mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(anyReply, ipv4.Src.Is(n.Unused4)) })
	suite.It("ipv4.src.reply", "a reply comes from the address that was asked",
		check.Proves("RFC1122:3.3.4.2-1", foreign).And("RFC1122:3.2.1.3-2", foreign),
		func(p *probe.P) {
			host := p.IPv4()
			f := asked(host, kit.Pattern(32))
			host.SendBytes(f.Bytes)
			reply := host.Expect(f.reply, probe.For("RFC1122:3.3.4.2-1", "RFC1122:3.2.1.3-2"))
			p.Must("RFC1122:3.3.4.2-1", reply, ipv4.Src.Is(host.TargetIP()))
			p.Must("RFC1122:3.2.1.3-2", reply, ipv4.Src.Is(host.TargetIP()))
		})

	check.Grid(suite, "ipv4.src.answer-to-broadcast", "the answer to a broadcast does not come from the broadcast address",
		check.Proves("RFC1122:3.2.1.3-5", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(udp.Datagram(), ipv4.Src.Is(directed(n, 0xff)))
		})).Needs(target.UDPEcho),
		[]string{"limited", "directed"},
		func(p *probe.P, form string) {
			host := p.IPv4()
			datagram := toPort(p, p.UDPEcho(), "who is there?").With(ipv4.Dst.Is(broadcasts(p.Net())[form]))
			reply := host.Ask(ethernet.Frame(ethernet.Dst.Is(ethernet.Broadcast)).Then(datagram), udp.Datagram())
			p.Must("RFC1122:3.2.1.3-5", reply, ipv4.Src.Is(host.TargetIP()))
		})

	suite.It("ipv4.src.foreign", "a source given by the user is one of the host's own",
		check.Proves("RFC791:3.3-5", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(udp.Datagram(), ipv4.Src.Is(n.Unused4))
		})).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			s := p.Open("inet", "dgram", 0)
			err := s.Bind(netip.AddrPortFrom(host.UnusedIP(), 0))
			p.Step("binding a socket to %s: %v", host.UnusedIP(), err)
			sendTo(p, s, host.IP(), "from whom?")
			f := host.Expect(udp.Datagram(udp.DstPort.Is(discard)))
			p.Must("RFC791:3.3-5", f, ipv4.Src.Is(host.TargetIP()))
		})

	suite.It("ipv4.src.chosen", "the user chooses which of the host's addresses a datagram comes from",
		check.Proves("RFC1122:3.3.4.2-2", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(toDiscard, ipv4.Src.Is(n.Unused4))
		})).And("RFC1122:3.3.4.2-4", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(toDiscard, ipv4.Src.Is(n.Unused4))
		})).Needs(target.Agent, target.SecondLink),
		func(p *probe.P) {
			host := p.IPv4()
			chosen := p.UDPAt(addrPort(host.TargetIP(), 0))
			sendTo(p, chosen, host.IP(), "from this link")
			p.Must("RFC1122:3.3.4.2-2", host.Expect(toDiscard, probe.For()), ipv4.Src.Is(host.TargetIP()))
			p.Step("the address of the other link may be one to send from here, or not")
			other := host.Link(1).TargetIP()
			s := p.UDPAt(addrPort(other, 0))
			if err := s.SendTo([]byte("from the other link"), addrPort(host.IP(), discard)); err != nil {
				p.Observed("RFC1122:3.3.4.2-4", "the target refuses: %v", err)
				return
			}
			sendTo(p, chosen, host.IP(), "fence")
			host.Expect(toDiscard.Then(packet.Payload([]byte("fence"))), probe.For())
			p.Observed("RFC1122:3.3.4.2-4", "nothing is sent by this link")
			for _, f := range host.Seen(toDiscard.Then(packet.Payload([]byte("from the other link")))) {
				p.Must("RFC1122:3.3.4.2-4", f, ipv4.Src.Is(other))
				p.Observed("RFC1122:3.3.4.2-4", "the datagram is sent by this link")
			}
		})

	suite.It("ipv4.src.interfaces", "an address of another interface may be reached, or not; it answers for itself",
		check.Proves("RFC1122:3.3.4.2-3", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Forge(anyEcho, icmpv4.EchoReply().With(ipv4.Src.Is(n.Unused4)))
		})).Needs(target.SecondLink),
		func(p *probe.P) {
			host := p.IPv4()
			other := host.Link(1)
			f := kit.Framed(host, icmpv4.Echo(p.Serial(), 1, nil).With(ipv4.Dst.Is(other.TargetIP())))
			host.SendBytes(f.Bytes)
			alive(host)
			replies := host.Seen(anyReply.With(ipv4.Src.Where("not the address of the link", func(a netip.Addr) bool { return a != host.TargetIP() })))
			if len(replies) == 0 {
				p.Observed("RFC1122:3.3.4.2-3", "the datagram is dropped: a strong end system")
				return
			}
			p.Must("RFC1122:3.3.4.2-3", replies[0], ipv4.Src.Is(other.TargetIP()))
			p.Observed("RFC1122:3.3.4.2-3", "the datagram is answered: a weak end system")
			p.That("RFC1122:3.3.4.2-3", "one answer", len(replies), gomega.Equal(1))
		})
}
