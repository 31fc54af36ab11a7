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

// beyond is an address behind the default gateway.
var beyond = ipv4.MustAddr("203.0.113.9")

func init() {
	// The way on is the default gateway on the same link, which takes 1500 octets as well. What a router does with a
	// datagram that its next link does not take is in RFC 1812.
	anyEcho := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeEcho))
	through := func(p *probe.P, requirement string, n int, frame func(packet.Template) packet.Template) {
		gateway := p.IPv4()
		host := gateway.As(1)
		request := icmpv4.Echo(p.Serial(), 1, pattern(n-28))
		host.Send(frame(ipv4.Header(ipv4.Dst.Is(beyond)).Then(request)).With(ethernet.Dst.Is(host.TargetMAC())))
		p.Must(requirement, gateway.Expect(request, probe.Because("it is to be passed on")), ethernet.Dst.Is(gateway.MAC()))
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
