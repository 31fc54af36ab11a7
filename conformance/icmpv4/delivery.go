package icmpv4

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// discard is the port at the tester that the target's sockets send to.
const discard = 9

// toTester is every datagram to it.
var toTester = udp.Datagram(udp.DstPort.Is(discard))

// connected is a UDP socket of the target with the tester as its peer, which asks for all errors: some are given to an
// application only if it does (RFC 1122, 4.1.3.3, leaves the way to the stack).
func connected(host *probe.Tester, port uint16) *probe.Socket {
	s := host.UDP(port)
	_ = s.SetOption("IP_RECVERR", 1) // a stack without it gives all errors, or shows that it does not
	if err := s.Connect(netip.AddrPortFrom(host.IP(), discard)); err != nil {
		host.Inconclusive("the target cannot connect a UDP socket to the tester: %v", err)
	}
	return s
}

// sends sends a datagram from a connected socket and gives the frame.
func sends(host *probe.Tester, s *probe.Socket, opts ...probe.Option) *packet.Frame {
	if err := s.SendTo(kit.Pattern(16), netip.AddrPort{}); err != nil { // an older error is told once
		if err := s.SendTo(kit.Pattern(16), netip.AddrPort{}); err != nil {
			host.Step("the target refuses to send: %v", err)
		}
	}
	return host.Expect(toTester, opts...)
}

// errorOf is an error of a type and code.
type errorOf struct {
	name       string
	kind, code uint
}

func (e errorOf) String() string { return e.name }

func (e errorOf) message(conds ...packet.Cond) packet.Template {
	return icmpv4.Message(append([]packet.Cond{icmpv4.Type.Is(e.kind), icmpv4.Code.Is(e.code)}, conds...)...)
}

var (
	unreachableErrors = []errorOf{
		{"net", icmpv4.TypeUnreachable, icmpv4.CodeNet}, {"host", icmpv4.TypeUnreachable, icmpv4.CodeHost},
		{"protocol", icmpv4.TypeUnreachable, icmpv4.CodeProtocol}, {"port", icmpv4.TypeUnreachable, icmpv4.CodePort},
		{"source-route", icmpv4.TypeUnreachable, icmpv4.CodeSourceRoute},
	}
	exceededErrors = []errorOf{{"in-transit", icmpv4.TypeTimeExceeded, 0}, {"reassembly", icmpv4.TypeTimeExceeded, 1}}
	problemErrors  = []errorOf{{"pointer", icmpv4.TypeParameterProblem, 0}, {"missing-option", icmpv4.TypeParameterProblem, 1}}
)

// isTold asserts that an error about its last datagram reaches the socket.
func isTold(host *probe.Tester, s *probe.Socket, e packet.Template, requirements ...string) {
	sent := sends(host, s, probe.For())
	receiving := s.Recv()
	host.Send(e.Then(packet.Payload(quoteFrame(sent))))
	reply, _ := receiving.Delivered() // the zero reply when nothing comes
	host.Step("the application is told %q", reply.Errno)
	for _, req := range requirements {
		host.That(req, "the application that sent the datagram is told of the error", reply.Errno, gomega.Not(gomega.BeEmpty()))
	}
}

func init() {
	anyUnreachable := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeUnreachable))
	check.Grid(suite, "icmp.delivery.unreachable", "Destination Unreachable reaches the application that sent the datagram",
		check.Proves("RFC1122:3.2.2-4", mutate.Ignores(anyUnreachable)).
			And("RFC1122:3.2.2.1-2", mutate.Ignores(anyUnreachable)).
			And("RFC1122:3.2.2.1-3", mutate.Ignores(anyUnreachable)).
			And("RFC1122:4.1.3.3-1", mutate.Ignores(anyUnreachable)).
			Needs(target.Agent),
		unreachableErrors,
		func(p *probe.P, e errorOf) {
			host := p.IPv4()
			isTold(host, connected(host, 0), e.message(), "RFC1122:3.2.2-4", "RFC1122:3.2.2.1-2", "RFC1122:3.2.2.1-3", "RFC1122:4.1.3.3-1")
		})

	anyExceeded := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeTimeExceeded))
	check.Grid(suite, "icmp.delivery.time-exceeded", "Time Exceeded reaches the application that sent the datagram",
		check.Proves("RFC1122:3.2.2.4-1", mutate.Ignores(anyExceeded)).
			And("RFC1122:4.1.3.3-1", mutate.Ignores(anyExceeded)).
			Needs(target.Agent),
		exceededErrors,
		func(p *probe.P, e errorOf) {
			host := p.IPv4()
			isTold(host, connected(host, 0), e.message(), "RFC1122:3.2.2.4-1", "RFC1122:4.1.3.3-1")
		})

	anyProblem := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeParameterProblem))
	check.Grid(suite, "icmp.delivery.parameter-problem", "Parameter Problem reaches the application that sent the datagram",
		check.Proves("RFC1122:3.2.2.5-2", mutate.Ignores(anyProblem)).
			And("RFC1122:4.1.3.3-1", mutate.Ignores(anyProblem)).
			Needs(target.Agent),
		problemErrors,
		func(p *probe.P, e errorOf) {
			host := p.IPv4()
			isTold(host, connected(host, 0), e.message(icmpv4.Pointer.Is(1)), "RFC1122:3.2.2.5-2", "RFC1122:4.1.3.3-1")
		})

	marked := icmpv4.Error(icmpv4.Unused.Not(0))
	check.Grid(suite, "icmp.delivery.unused", "unused fields of an error are not looked at",
		check.Proves("RFC792:MF-3", mutate.Ignores(marked)).Needs(target.Agent),
		[]errorOf{unreachableErrors[3], exceededErrors[0]},
		func(p *probe.P, e errorOf) {
			host := p.IPv4()
			isTold(host, connected(host, 0), e.message(icmpv4.Unused.Is(0xff00ffff)), "RFC792:MF-3")
		})

	otherPort := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Misreads(anyError, packet.Data.Is(quoteOf(n, udp.Datagram(udp.SrcPort.Is(4002), udp.DstPort.Is(discard)))))
	})
	suite.It("icmp.delivery.ports", "the ports in the quoted octets say whose datagram an error is about",
		check.Proves("RFC792:DU-4", otherPort).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			one, two := connected(host, 4001), connected(host, 4002)
			sent := sends(host, one, probe.For())
			sends(host, two, probe.For())
			first, second := one.Recv(), two.Recv()
			host.Send(icmpv4.Unreachable(icmpv4.CodePort).Then(packet.Payload(quoteFrame(sent))))
			host.Send(udp.Datagram(udp.SrcPort.Is(discard), udp.DstPort.Is(4002)).Then(packet.Payload([]byte("for two"))))
			told, _ := first.Delivered()
			p.That("RFC792:DU-4", "the socket with the port quoted is told", told.Errno, gomega.Not(gomega.BeEmpty()))
			got, _ := second.Delivered()
			p.That("RFC792:DU-4", "the other socket is not told: it gets what is sent to it next", got.Errno+string(got.Data), gomega.Equal("for two"))
		})

	check.Grid(suite, "icmp.delivery.hint", "Destination Unreachable is a hint: the next datagram is sent all the same",
		check.Proves("RFC1122:3.2.2.1-4", mutate.Drops(toTester, 1)).Needs(target.Agent),
		unreachableErrors[:2],
		func(p *probe.P, e errorOf) {
			host := p.IPv4()
			s := connected(host, 0)
			isTold(host, s, e.message())
			sends(host, s, probe.For("RFC1122:3.2.2.1-4"))
		})
}
