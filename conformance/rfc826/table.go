package rfc826

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// toOldAddress is a target that goes on sending to the first tester's link address.
var toOldAddress = mutate.Here(func(n target.Net) mutate.Mutation {
	return mutate.Field(icmpv4.EchoReply(), ethernet.Dst.Is(n.Testers[0].MAC))
})

// tick parts two packets that tell the target different things. RFC 826 sets no time for it; that a target orders what
// reaches it within one tick of its clock is not asked for here.
const tick = 50 * time.Millisecond

func init() {
	suite.It("arp.table.learn", "the sender of a request for the target enters the table",
		check.Proves("RFC826:RX-9", mutate.Forge(icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeEcho)), arp.Packet(arp.Op.Is(arp.OpRequest)))),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply())
			p.Step("the target now knows the tester: an echo reply needs no request")
			ping(lan)
			p.That("RFC826:RX-9", "no request for the tester's address", lan.Seen(arp.Request(lan.IP())), gomega.BeEmpty())
		})

	suite.It("arp.table.learn-by-reply", "the sender of a reply for the target enters the table, asked for or not",
		check.Proves("RFC826:RX-9", mutate.Ignores(arp.Reply())),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Send(arp.Reply(arp.TargetMAC.Is(lan.TargetMAC())))
			ping(lan)
			p.That("RFC826:RX-9", "no request for the tester's address", lan.Seen(arp.Request(lan.IP())), gomega.BeEmpty())
		})

	suite.It("arp.table.not-from-others", "the sender of a request for somebody else does not enter the table",
		check.Proves("RFC826:RX-8", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(arp.Request(n.Unused4), arp.TargetIP.Is(n.Target.IP4))
		})),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Send(arp.Request(lan.UnusedIP()))
			id := p.Serial()
			lan.Send(icmpv4.Echo(id, 1, nil))
			lan.Expect(arp.Request(lan.IP()), probe.Because("the tester is not in the table"))
			lan.Expect(icmpv4.EchoReply(icmpv4.ID.Is(id)))
		})

	suite.It("arp.table.update-by-request", "a newer link address from a request replaces the older one at once",
		check.Proves("RFC826:RX-6", toOldAddress).And("RFC826:RX-17", toOldAddress),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply())
			toLink(lan, "RFC826:RX-6", ping(lan))
			moved := lan.As(1).Claiming(lan.IP())
			moved.Ask(arp.Request(lan.TargetIP()), arp.Reply())
			reply := ping(moved)
			toLink(moved, "RFC826:RX-6", reply)
			toLink(moved, "RFC826:RX-17", reply)
		})

	suite.It("arp.table.update-by-reply", "a reply that nobody asked for updates an entry that is there",
		check.Proves("RFC826:RX-6", toOldAddress),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply())
			moved := lan.As(1).Claiming(lan.IP())
			p.Wait(tick)
			moved.Send(arp.Reply(arp.TargetMAC.Is(lan.TargetMAC())))
			toLink(moved, "RFC826:RX-6", ping(moved))
		})

	suite.It("arp.table.update-by-bystander", "a request for somebody else updates an entry that is there",
		check.Proves("RFC826:RX-7", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Ignores(arp.Request(n.Unused4))
		})),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply())
			moved := lan.As(1).Claiming(lan.IP())
			p.Wait(tick)
			moved.Send(arp.Request(lan.UnusedIP()))
			toLink(moved, "RFC826:RX-7", ping(moved))
		})

	check.Grid(suite, "arp.table.update-by-opcode", "the table is updated before the opcode is looked at",
		check.Proves("RFC826:RX-10", mutate.Ignores(arp.Packet(arp.Op.Where("neither request nor reply", func(op uint) bool { return op != arp.OpRequest && op != arp.OpReply })))),
		[]uint{3, 0xffff},
		func(p *probe.P, op uint) {
			lan := p.IPv4()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply())
			moved := lan.As(1).Claiming(lan.IP())
			p.Wait(tick)
			moved.Send(arp.Packet(arp.Op.Is(op)))
			toLink(moved, "RFC826:RX-10", ping(moved))
		})
}
