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

// anyError is every ICMP error message.
var anyError = icmpv4.Error()

// A stimulus draws an error.
type stimulus struct {
	name string
	sent func() packet.Template
	kind uint // type and code of the error
	code uint
}

func (s stimulus) String() string { return s.name }

var (
	portUnreachable     = stimulus{"port", toClosedPort, icmpv4.TypeUnreachable, icmpv4.CodePort}
	protocolUnreachable = stimulus{"protocol", toNoProtocol, icmpv4.TypeUnreachable, icmpv4.CodeProtocol}
	parameterProblem    = stimulus{"parameter", withBadOption, icmpv4.TypeParameterProblem, 0}
	stimuli             = []stimulus{portUnreachable, protocolUnreachable, parameterProblem}
	unreachables        = []stimulus{portUnreachable, protocolUnreachable}
)

func init() {
	check.Grid(suite, "icmp.unreachable", "Destination Unreachable tells the source that it found no protocol or no port",
		check.Proves("RFC1122:3.2.2.1-1", mutate.Missing(anyError)).
			And("RFC792:DU-1", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(anyError, ipv4.Dst.Is(n.Unused4)) })).
			And("RFC792:DU-2", mutate.Field(anyError, icmpv4.Code.Is(icmpv4.CodeHost))).
			And("RFC792:DU-3", mutate.Field(anyError, packet.Data.Is(kit.Pattern(28)))).
			And("RFC792:DU-7", mutate.Field(anyError, icmpv4.Code.Is(icmpv4.CodePort))).
			And("RFC792:DU-8", mutate.Field(anyError, icmpv4.Code.Is(icmpv4.CodeProtocol))).
			And("RFC792:DU-11", mutate.Field(anyError, icmpv4.Code.Is(icmpv4.CodeNet))).
			And("RFC792:MF-2", mutate.Field(anyError, icmpv4.Unused.Is(0x01020304))),
		unreachables,
		func(p *probe.P, s stimulus) {
			host := p.IPv4()
			sent := kit.Framed(host, s.sent())
			e := host.Ask(s.sent(), anyError, probe.For("RFC1122:3.2.2.1-1"))
			p.Must("RFC792:DU-1", e, icmpv4.Type.Is(icmpv4.TypeUnreachable), ipv4.Dst.Is(host.IP()))
			p.Must("RFC792:DU-2", e, icmpv4.Code.Is(s.code))
			p.Must("RFC792:DU-11", e, icmpv4.Code.In(icmpv4.CodeProtocol, icmpv4.CodePort))
			p.Must("RFC792:DU-3", e, icmpv4.Quotes(sent))
			p.Must("RFC792:MF-2", e, icmpv4.Unused.Is(0))
			if s.code == icmpv4.CodeProtocol {
				p.Must("RFC792:DU-7", e, icmpv4.Code.Is(icmpv4.CodeProtocol))
				p.Meets("RFC792:DU-8")
			} else {
				p.Must("RFC792:DU-8", e, icmpv4.Code.Is(icmpv4.CodePort))
				p.Meets("RFC792:DU-7")
			}
		})

	check.Grid(suite, "icmp.error.header", "an error has TOS 0 and comes from the address that the datagram was sent to",
		check.Proves("RFC1122:3.2.2-5", mutate.Field(anyError, ipv4.TOS.Is(0x28))).
			And("RFC792:MF-6", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(anyError, ipv4.Src.Is(n.Unused4)) })),
		stimuli,
		func(p *probe.P, s stimulus) {
			host := p.IPv4()
			e := host.Ask(s.sent().With(ipv4.TOS.Is(0x10)), anyError, probe.For())
			p.Must("RFC1122:3.2.2-5", e, ipv4.TOS.Is(0))
			p.Must("RFC792:MF-6", e, ipv4.Src.Is(host.TargetIP()))
		})

	// The octets received, not those that the target makes of them: a header in host byte order, an option filled in.
	check.Grid(suite, "icmp.error.quote", "an error quotes the header with its options, and 8 octets or more, as they came",
		check.Proves("RFC1122:3.2.2-3", mutate.Field(anyError, packet.Data.Is(kit.Pattern(48)))).
			And("RFC1122:3.2.2-2", mutate.Field(anyError, packet.Data.Is(kit.Pattern(27)))),
		[]quotable{
			{"plain", nil, 64}, {"no-data", nil, 0}, {"1-octet", nil, 1}, {"500-octets", nil, 500},
			{"no-operations", []byte{1, 1, 1, 1, 1, 1, 1, 1}, 64},
			{"record-route", ipv4.RecordRoute(4, offLink, offLink), 64},
		},
		func(p *probe.P, q quotable) {
			host := p.IPv4()
			datagram := ipv4.Header(ipv4.Protocol.Is(253), ipv4.ID.Is(0x1234), ipv4.TTL.Is(17), ipv4.Options.Is(q.options)).
				Then(packet.Payload(kit.Pattern(q.octets)))
			sent := kit.Framed(host, datagram)
			e := host.Ask(datagram, anyError, probe.For())
			p.Must("RFC1122:3.2.2-3", e, icmpv4.Quotes(sent))
			data, _ := packet.Data.Of(e)
			header := len(sent.Header(ipv4.Proto))
			p.Observed("RFC1122:3.2.2-2", "%d octets past the header are quoted", len(data)-header)
			p.That("RFC1122:3.2.2-2", "at least the header and 8 octets, or all there are", len(data),
				gomega.BeNumerically(">=", header+min(8, q.octets)))
		})
}

// quotable is what a datagram to be quoted looks like.
type quotable struct {
	name    string
	options []byte
	octets  int // of data
}

func (q quotable) String() string { return q.name }
