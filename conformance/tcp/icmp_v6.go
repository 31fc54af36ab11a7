package tcp

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	unreachable := icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeUnreachable))
	check.Grid(suite, "tcp.icmp.established[ipv6]", "an ICMPv6 error does not end a connection that is established",
		check.Proves("RFC5927:5.2-2", mutate.DeafAfter(1, unreachable, tcp.Segment())).
			And("RFC9293:MUST-56", mutate.DeafAfter(1, icmpv6.Message(icmpv6.Type.In(icmpv6.TypeTimeExceeded, icmpv6.TypeParameterProblem)), tcp.Segment())).
			Needs(target.Agent, target.IPv6),
		[]outage{
			{"no-route", icmpv6.TypeUnreachable, icmpv6.CodeNoRoute},
			{"prohibited", icmpv6.TypeUnreachable, icmpv6.CodeProhibited},
			{"address", icmpv6.TypeUnreachable, icmpv6.CodeAddress},
			{"port", icmpv6.TypeUnreachable, icmpv6.CodePort},
			{"hop-limit", icmpv6.TypeTimeExceeded, icmpv6.CodeHopLimit},
			{"reassembly", icmpv6.TypeTimeExceeded, icmpv6.CodeReassembly},
			{"erroneous-field", icmpv6.TypeParameterProblem, icmpv6.CodeErroneousField},
			{"unknown-next", icmpv6.TypeParameterProblem, icmpv6.CodeUnknownNext},
			{"unknown-option", icmpv6.TypeParameterProblem, icmpv6.CodeUnknownOption},
		},
		func(p *probe.P, o outage) {
			host := p.Host(probe.IPv6)
			c := host.TCP()
			c.Open(probe.Passive)
			c.Socket.Write([]byte("in flight"))
			f := c.Expect(c.DataFrom(), probe.For())
			host.Send(icmpv6.Message(icmpv6.Type.Is(o.kind), icmpv6.Code.Is(o.code)).Then(packet.Payload(append(make([]byte, 4), host.Quote(f)...))))
			sinks(host)
			c.ACK()
			c.Data([]byte("octets"))
			got := reads(c, 6)
			for _, req := range []string{"RFC5927:5.2-2", "RFC9293:MUST-56"} {
				host.That(req, "the application reads on", got, gomega.Equal("octets"))
				host.That(req, "the connection is reset", c.Reset, gomega.BeFalse())
			}
		})
}
