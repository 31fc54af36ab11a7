package icmpv4

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/probe"
)

// unanswered sends a request that hosts leave alone, and then an echo, whose reply is the fence: the two differ in the
// type, and what the other type asks for is another kind of answer.
func unanswered(host *probe.Tester, request, answer packet.Template) {
	id := host.Serial()
	host.Silent(request, icmpv4.Echo(id, 1, nil), answer, probe.Fence(icmpv4.EchoReply(icmpv4.ID.Is(id))))
}

func init() {
	information := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeInfoRequest), icmpv4.ID.Is(0x1234))
	informationReply := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeInfoReply))
	suite.It("icmp.information.request", "an information request is not answered",
		check.Proves("RFC1122:3.2.2.7-1", mutate.Forge(information, informationReply)),
		func(p *probe.P) { unanswered(p.IPv4(), information, informationReply) })

	mask := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeMaskRequest), icmpv4.ID.Is(0x1234)).Then(packet.Payload(make([]byte, 4)))
	maskReply := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeMaskReply))
	suite.It("icmp.mask.request", "an address mask request is not answered by a host that was not made an agent for it",
		check.Proves("RFC1122:3.2.2.9-9", mutate.Forge(mask, maskReply)),
		func(p *probe.P) { unanswered(p.IPv4(), mask, maskReply) })
}
