package icmpv6

import (
	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// anyReply is every echo reply.
var anyReply = icmpv6.EchoReply()

// otherSource is a target that answers echoes from an address that is not its own.
var otherSource = mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(anyReply, ipv6.Src.Is(n.Unused6)) })

func init() {
	check.Grid(suite, "icmp6.echo.reply", "an echo comes back with its identifier, sequence number and data",
		check.Proves("RFC4443:4.1-4", mutate.Missing(anyReply)).
			And("RFC4443:4.2-1", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(anyReply, ipv6.Dst.Is(n.Unused6))
			})).
			And("RFC4443:4.2-2", mutate.Field(anyReply, icmpv6.Code.Is(1))).
			And("RFC4443:4.2-3", mutate.Field(anyReply, icmpv6.ID.Is(0xdead))).
			And("RFC4443:4.2-4", mutate.Field(anyReply, icmpv6.Seq.Is(0xdead))).
			And("RFC4443:4.2-5", otherSource).
			And("RFC4443:4.2-9", mutate.Field(anyReply, packet.Data.Is([]byte("altered")))),
		[]int{0, 1, 7, 56, 1232, 1452},
		func(p *probe.P, n int) {
			lan := p.IPv6()
			data := kit.Pattern(n)
			reply := lan.Ask(icmpv6.Echo(0x1234, 0x5678, data), anyReply, probe.For("RFC4443:4.1-4"))
			p.Must("RFC4443:4.2-1", reply, ipv6.Dst.Is(lan.IP()))
			p.Must("RFC4443:4.2-2", reply, icmpv6.Type.Is(icmpv6.TypeEchoReply), icmpv6.Code.Is(0))
			p.Must("RFC4443:4.2-3", reply, icmpv6.ID.Is(0x1234))
			p.Must("RFC4443:4.2-4", reply, icmpv6.Seq.Is(0x5678))
			p.Must("RFC4443:4.2-5", reply, ipv6.Src.Is(lan.TargetIP()))
			p.Must("RFC4443:4.2-9", reply, packet.Data.Is(data))
		})

	suite.It("icmp6.echo.zero", "identifier and sequence number may be zero",
		check.Proves("RFC4443:4.1-2", mutate.Missing(icmpv6.EchoReply(icmpv6.ID.Is(0)))),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Ask(icmpv6.Echo(0, 0, []byte("zero")), icmpv6.EchoReply(icmpv6.ID.Is(0), icmpv6.Seq.Is(0)))
		})

	suite.It("icmp6.echo.link-local", "an echo to the link-local address is answered from there",
		check.Proves("RFC4443:2.2-1", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(anyReply, ipv6.Src.Is(n.Target.IP6))
		})),
		func(p *probe.P) {
			lan := p.IPv6().LinkLocal()
			reply := lan.Ask(icmpv6.Echo(p.Serial(), 1, nil), anyReply, probe.For())
			p.Must("RFC4443:2.2-1", reply, ipv6.Src.Is(lan.TargetIP()))
		})

	suite.It("icmp6.echo.group", "an echo to all nodes is answered from an address of the target's own",
		check.Proves("RFC4443:4.2-6", mutate.Missing(anyReply)).
			And("RFC4443:4.2-8", mutate.Field(anyReply, ipv6.Src.Is(ipv6.AllNodes))),
		func(p *probe.P) {
			lan := p.IPv6()
			reply := lan.Ask(icmpv6.Echo(p.Serial(), 1, nil).With(ipv6.Dst.Is(ipv6.AllNodes)), anyReply, probe.For("RFC4443:4.2-6"))
			p.Must("RFC4443:4.2-8", reply, ipv6.Src.In(lan.TargetIP(), lan.Net().Target.LinkLocal))
		})

	suite.It("icmp6.echo.fragments", "a reply above the MTU comes in fragments that make it whole",
		check.Proves("RFC4443:4.2-10", mutate.Missing(ipv6.Fragment(ipv6.FragMore.Is(0)))),
		func(p *probe.P) {
			lan := p.IPv6()
			whole := kit.Framed(lan, icmpv6.Echo(7, 9, kit.Pattern(3000)))
			for _, part := range ipv6.SplitEvery(whole, 0x1234, 1024) {
				lan.Send(part)
			}
			var parts []*packet.Frame
			for {
				parts = append(parts, lan.Expect(ipv6.Fragment(), probe.Because("the reply is as long as the request")))
				if _, err := ipv6.Join(parts); err != ipv6.ErrIncomplete {
					break
				}
			}
			reply, err := ipv6.Whole(parts)
			if err != nil {
				p.Fail("RFC4443:4.2-10", probe.Value, "the fragments of the reply do not fit: %v", err)
				return
			}
			p.Must("RFC4443:4.2-10", reply, icmpv6.Type.Is(icmpv6.TypeEchoReply), packet.Data.Is(kit.Pattern(3000)))
		})

	suite.It("icmp6.echo.checksum", "an echo with a wrong checksum has no effect",
		check.Proves("RFC4443:2.3-2", mutate.Gullible()),
		func(p *probe.P) {
			lan := p.IPv6()
			good := icmpv6.Echo(p.Serial(), 1, []byte("sum"))
			lan.Silent(good.With(icmpv6.Checksum.Is(0xbad0)), good, anyReply)
		})
}
