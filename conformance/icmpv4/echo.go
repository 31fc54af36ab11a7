package icmpv4

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// size is a number of data octets.
type size int

func init() {
	check.Grid(suite, "icmp.echo.reply", "an echo comes back with its identifier, sequence number and data",
		check.Proves("RFC792:EC-2", mutate.Field(icmpv4.EchoReply(), packet.Data.Is([]byte("altered")))).
			And("RFC792:EC-3", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(icmpv4.EchoReply(), ipv4.Src.Is(n.Unused4))
			})).
			And("RFC792:EC-4", mutate.Field(icmpv4.EchoReply(), icmpv4.ID.Is(0xdead))).
			And("RFC792:EC-5", mutate.Field(icmpv4.EchoReply(), icmpv4.Seq.Is(0xdead))).
			And("RFC1122:3.2.2.6-1", mutate.Missing(icmpv4.EchoReply())).
			And("RFC1122:3.2.2.6-6", mutate.Field(icmpv4.EchoReply(), packet.Data.Is(nil))),
		[]size{1, 7, 56, 1472},
		func(p *probe.P, n size) {
			host := p.IPv4()
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(i*7 + 1)
			}
			reply := host.Ask(icmpv4.Echo(0x1234, 0x5678, data), icmpv4.EchoReply(), probe.For("RFC1122:3.2.2.6-1"))
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

	check.Grid(suite, "icmp.checksum", "a message with a wrong checksum has no effect",
		check.Proves("RFC792:MF-10", mutate.Gullible()),
		[]string{"0x0000", "0xffff", "one-bit"},
		func(p *probe.P, sum string) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, []byte("checksum"))
			right, _ := icmpv4.Checksum.Of(packet.Dissect(p.Net().Link, host.Build(good)))
			wrong := map[string]uint{"0x0000": 0, "0xffff": 0xffff, "one-bit": right ^ 0x0100}[sum]
			host.Silent(good.With(icmpv4.Checksum.Is(wrong)), good, icmpv4.EchoReply())
		})
}
