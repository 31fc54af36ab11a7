package icmpv4

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// anyReply is every echo reply.
var anyReply = icmpv4.EchoReply()

// otherSource is a target that answers echoes from an address that is not its own.
var otherSource = mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(anyReply, ipv4.Src.Is(n.Unused4)) })

func init() {
	check.Grid(suite, "icmp.echo.reply", "an echo comes back with its identifier, sequence number and data",
		check.Proves("RFC792:EC-1", mutate.Field(anyReply, icmpv4.Code.Is(1))).
			And("RFC792:EC-2", mutate.Field(anyReply, packet.Data.Is([]byte("altered")))).
			And("RFC792:EC-3", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(anyReply, ipv4.Dst.Is(n.Unused4))
			})).
			And("RFC792:EC-4", mutate.Field(anyReply, icmpv4.ID.Is(0xdead))).
			And("RFC792:EC-5", mutate.Field(anyReply, icmpv4.Seq.Is(0xdead))).
			And("RFC792:IN-1", mutate.Missing(anyReply)).
			And("RFC1122:3.2.2.6-1", mutate.Missing(anyReply)).
			And("RFC1122:3.2.2.6-6", mutate.Field(anyReply, packet.Data.Is(nil))),
		[]int{0, 1, 7, 56, 548, 1472},
		func(p *probe.P, n int) {
			host := p.IPv4()
			data := kit.Pattern(n)
			reply := host.Ask(icmpv4.Echo(0x1234, 0x5678, data), anyReply, probe.For("RFC1122:3.2.2.6-1", "RFC792:IN-1"))
			p.Must("RFC792:EC-1", reply, icmpv4.Type.Is(icmpv4.TypeEchoReply), icmpv4.Code.Is(0))
			p.Must("RFC792:EC-3", reply, ipv4.Src.Is(host.TargetIP()), ipv4.Dst.Is(host.IP()))
			p.Must("RFC792:EC-4", reply, icmpv4.ID.Is(0x1234))
			p.Must("RFC792:EC-5", reply, icmpv4.Seq.Is(0x5678))
			p.Must("RFC792:EC-2", reply, packet.Data.Is(data))
			p.Must("RFC1122:3.2.2.6-6", reply, packet.Data.Is(data))
		})

	suite.It("icmp.echo.zero", "identifier and sequence number may be zero",
		check.Proves("RFC792:EC-8", mutate.Missing(icmpv4.EchoReply(icmpv4.ID.Is(0)))),
		func(p *probe.P) {
			host := p.IPv4()
			host.Ask(icmpv4.Echo(0, 0, []byte("zero")), icmpv4.EchoReply(icmpv4.ID.Is(0), icmpv4.Seq.Is(0)))
		})

	// The TTL: RFC 1122 was written for an Internet of 30 gateways from end to end.
	anyAnswer := ipv4.Header(ipv4.ID.Where("any", func(uint) bool { return true }))
	suite.It("icmp.echo.header", "a reply is an ICMP message in a datagram of the target's own",
		check.Proves("RFC792:MF-1", mutate.Field(anyReply, icmpv4.Type.Is(icmpv4.TypeInfoReply))).
			And("RFC792:MF-4", mutate.Field(anyAnswer, ipv4.Protocol.Is(2))).
			And("RFC792:MF-6", otherSource).
			And("RFC792:MF-7", mutate.Field(anyAnswer, ipv4.TTL.Is(2))),
		func(p *probe.P) {
			host := p.IPv4()
			f := host.Ask(icmpv4.Echo(p.Serial(), 1, kit.Pattern(32)), ipv4.Header(ipv4.Dst.Is(host.IP())), probe.For())
			p.Must("RFC792:MF-4", f, ipv4.Protocol.Is(1))
			p.Must("RFC792:MF-6", f, ipv4.Src.Is(host.TargetIP()))
			p.Must("RFC792:MF-7", f, ipv4.TTL.Where("30 or more", func(v uint) bool { return v >= 30 }))
			p.Must("RFC792:MF-1", f, icmpv4.Type.Is(icmpv4.TypeEchoReply))
		})

	// RFC 1122 leaves it to the host whether the reply takes over the request's TOS; RFC 1349 asks for that.
	check.Grid(suite, "icmp.echo.tos", "a reply has TOS 0 or that of its request",
		check.Proves("RFC792:MF-5", mutate.Field(anyReply, ipv4.TOS.Is(0x28))),
		[]uint{0, 0x10, 0x08, 0xb8},
		func(p *probe.P, tos uint) {
			host := p.IPv4()
			reply := host.Ask(icmpv4.Echo(p.Serial(), 1, nil).With(ipv4.TOS.Is(tos)), anyReply, probe.For())
			p.Must("RFC792:MF-5", reply, ipv4.TOS.In(0, tos))
		})

	check.Grid(suite, "icmp.echo.address", "the reply comes from the address that the echo was sent to",
		check.Proves("RFC1122:3.2.2.6-5", otherSource).Needs(target.SecondLink),
		[]int{0, 1},
		func(p *probe.P, link int) {
			host := p.IPv4().Link(link)
			reply := host.Ask(icmpv4.Echo(p.Serial(), 1, nil), anyReply, probe.For())
			p.Must("RFC1122:3.2.2.6-5", reply, ipv4.Src.Is(host.TargetIP()))
		})
}

func init() {
	for _, k := range []struct {
		requirement string
		group       group
	}{
		{"RFC1122:3.2.2.6-3", limitedBroadcast},
		{"RFC1122:3.2.2.6-3", subnetBroadcast},
		{"RFC1122:3.2.2.6-4", allHosts},
	} {
		forged := mutate.Here(func(n target.Net) mutate.Mutation {
			echo := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeEcho))
			return mutate.Forge(echo.With(k.group.to(n)...), anyReply.With(ipv4.Src.Is(n.Unused4)))
		})
		suite.It("icmp.echo."+k.group.name, "an echo to "+k.group.name+" is dropped, or answered from the target's own address",
			check.Proves(k.requirement, forged),
			func(p *probe.P) {
				host := p.IPv4()
				id := p.Serial()
				host.Send(icmpv4.Echo(id, 1, nil).With(k.group.to(host.Net())...))
				kit.Alive(host)
				ownAddress(host, k.requirement, icmpv4.EchoReply(icmpv4.ID.Is(id)))
			})
	}
}

// ownAddress asserts that a request to a group had at most one reply, and that all that was said came from an address of
// the target.
func ownAddress(host *probe.Tester, requirement string, reply packet.Template) {
	replies := host.Seen(reply)
	host.Observed(requirement, "%d replies", len(replies))
	host.That(requirement, "at most one reply", len(replies), gomega.BeNumerically("<=", 1))
	for _, m := range host.Seen(icmpv4.Message()) {
		src, _ := ipv4.Src.Of(m)
		host.That(requirement, "messages come from the target's own address", src, gomega.Equal(host.TargetIP()))
	}
}
