package ethernet

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/llc"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	// Both links take 1500 octets. What a router does with a datagram that its next link does not take is in RFC 1812.
	anyEcho := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeEcho))
	through := func(p *probe.P, requirement string, n int, frame func(packet.Template) packet.Template) {
		host := p.IPv4()
		far := host.Link(1)
		data := pattern(n - 28)
		request := icmpv4.Echo(p.Serial(), 1, data)
		host.Send(frame(ipv4.Header(ipv4.Dst.Is(far.IP())).Then(request)).With(ethernet.Dst.Is(host.TargetMAC())))
		p.Must(requirement, far.Expect(request, probe.Because("it is to be passed on")), ethernet.Dst.Is(far.MAC()))
	}

	suite.It("ethernet.size.routed", "a router accepts a datagram of 1500 octets and passes it on",
		check.Proves("RFC894:FF-9", mutate.Missing(anyEcho)).Needs(target.Forwarding),
		func(p *probe.P) {
			through(p, "RFC894:FF-9", mtu, func(t packet.Template) packet.Template { return t })
		})

	suite.It("ethernet.snap.routed", "a router accepts a datagram of 1492 octets in a frame of RFC 1042 and passes it on",
		check.Proves("RFC1042:FF-4", mutate.Missing(anyEcho)).Needs(target.Forwarding, target.SNAP),
		func(p *probe.P) { through(p, "RFC1042:FF-4", mtu802, llc.Over) })
}
