package ethernet

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
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

// passedOn are the octets of a datagram's data that come out on the far link, in one piece or in fragments.
func passedOn(far *probe.Tester, datagram packet.Template, octets int) (data []byte, first *packet.Frame) {
	data = make([]byte, octets)
	for had := 0; had < octets; {
		f := far.Expect(datagram, probe.Because("it is to be passed on"))
		offset, _ := ipv4.Offset.Of(f)
		if first == nil {
			first = f
		}
		body := f.Body(ipv4.Proto)
		copy(data[min(octets, int(offset)*8):], body)
		had += max(1, len(body))
	}
	return data, first
}

func init() {
	fromTester := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Missing(ipv4.Header(ipv4.Src.Is(n.Testers[0].IP4)))
	})
	through := func(p *probe.P, requirement string, n int, frame func(packet.Template) packet.Template) {
		host := p.IPv4()
		far := host.Link(1)
		request := ipv4.Header(ipv4.Dst.Is(far.IP())).Then(icmpv4.Echo(p.Serial(), 1, kit.Pattern(n-28)))
		host.Send(frame(request).With(ethernet.Dst.Is(host.TargetMAC())))
		data, f := passedOn(far, ipv4.Header(ipv4.Src.Is(host.IP()), ipv4.Dst.Is(far.IP())), n-20)
		p.Must(requirement, f, ethernet.Dst.Is(far.MAC()))
		p.That(requirement, "the data of the datagram", data[8:], gomega.Equal(kit.Pattern(n-28)))
	}

	suite.It("ethernet.size.routed", "a router accepts a datagram of 1500 octets and passes it on, in fragments if need be",
		check.Proves("RFC894:FF-9", fromTester).Needs(target.Forwarding),
		func(p *probe.P) {
			through(p, "RFC894:FF-9", mtu, func(t packet.Template) packet.Template { return t })
		})

	suite.It("ethernet.snap.routed", "a router accepts a datagram of 1492 octets in a frame of RFC 1042 and passes it on",
		check.Proves("RFC1042:FF-4", fromTester).Needs(target.Forwarding, target.SNAP),
		func(p *probe.P) { through(p, "RFC1042:FF-4", mtu802, llc.Over) })
}
