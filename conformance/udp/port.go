package udp

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// settle is how long an answer of an application may take, on a target whose kernel has answered an echo meanwhile.
const settle = 100 * time.Millisecond

func init() {
	// The type and code of the error, and what it quotes, are subjects of suite icmpv4.
	suite.Families("udp.port.closed", "a datagram to a port that nobody listens on draws Port Unreachable",
		func(f probe.Family) check.Claims {
			return check.Proves("RFC1122:4.1.3.1-1", mutate.Missing(f.PortUnreachable()))
		},
		func(_ *probe.P, host *probe.Tester) {
			host.Ask(to(closedPort, kit.Pattern(16)), host.Family().PortUnreachable())
		})

	suite.Families("udp.port.given-back", "a port that was closed is nobody's, and the next one's who wants it",
		func(f probe.Family) check.Claims {
			return check.Proves("RFC1122:4.1.3.1-1", mutate.Missing(f.PortUnreachable())).
				And("RFC768:UI-1", mutate.Ignores(to(boundPort, []byte("for the next")))).
				Needs(target.Agent)
		},
		func(p *probe.P, host *probe.Tester) {
			user := host.UDP(boundPort)
			host.Send(to(boundPort, []byte("read")))
			if got, ok := user.Recv().Delivered(); !ok || string(got.Data) != "read" {
				p.Inconclusive("the first datagram did not arrive")
			}
			host.Send(to(boundPort, []byte("never read")))
			user.Close()
			host.Ask(to(boundPort, kit.Pattern(16)), host.Family().PortUnreachable(), probe.For("RFC1122:4.1.3.1-1"))
			next := host.Datagram()
			if !p.That("RFC768:UI-1", "the error of bind", next.Do(agent.Request{Do: agent.Bind, Local: netip.AddrPortFrom(host.TargetIP(), boundPort)}).Errno, gomega.BeEmpty()) {
				return
			}
			host.Send(to(boundPort, []byte("for the next")))
			got, _ := next.Recv().Delivered()
			p.That("RFC768:UI-1", "the data that the next one receives first", string(got.Data), gomega.Equal("for the next"))
		})

	// Had both sockets been asked, or the wrong one, the other's data would come first.
	elsewhere := mutate.Misreads(udp.Datagram(udp.DstPort.Is(boundPort)), udp.DstPort.Is(otherPort))
	suite.Families("udp.port.demultiplexed", "a datagram goes to the user of its destination port",
		check.Both(check.Proves("RFC768:FI-4", elsewhere).Needs(target.Agent)),
		func(p *probe.P, host *probe.Tester) {
			one, two := host.UDP(boundPort).Recv(), host.UDP(otherPort).Recv()
			host.Send(to(boundPort, []byte("for one")))
			host.Send(to(otherPort, []byte("for two")))
			second, _ := two.Delivered()
			p.That("RFC768:FI-4", "the data that reached the second port", string(second.Data), gomega.Equal("for two"))
			first, _ := one.Await(settle)
			p.That("RFC768:FI-4", "the data that reached the first port", string(first.Data), gomega.Equal("for one"))
		})

	suite.It("udp.port.addresses", "the same port on two addresses of the target has two users",
		check.Proves("RFC768:FI-4", mutate.Ignores(udp.Datagram(udp.DstPort.Is(boundPort)))).Needs(target.Agent, target.SecondLink),
		func(p *probe.P) {
			near := p.IPv4()
			far := near.Link(1)
			one := p.UDPAt(netip.AddrPortFrom(near.TargetIP(), boundPort)).Recv()
			two := p.UDPAt(netip.AddrPortFrom(far.TargetIP(), boundPort)).Recv()
			far.Send(to(boundPort, []byte("for two")))
			near.Send(to(boundPort, []byte("for one")))
			first, _ := one.Delivered()
			second, _ := two.Delivered()
			p.That("RFC768:FI-4", "the data that reached the first address", string(first.Data), gomega.Equal("for one"))
			p.That("RFC768:FI-4", "the data that reached the second address", string(second.Data), gomega.Equal("for two"))
		})

	suite.Families("udp.port.source-zero", "a datagram without a source port is delivered",
		check.Both(check.Proves("RFC768:FI-1", mutate.Ignores(udp.Datagram(udp.SrcPort.Is(0)))).
			And("RFC768:FI-3", mutate.Ignores(udp.Datagram(udp.SrcPort.Is(0)))).
			Needs(target.Agent)),
		func(p *probe.P, host *probe.Tester) {
			receiving := host.UDP(boundPort).Recv()
			host.Send(to(boundPort, []byte("no answer, please")).With(udp.SrcPort.Is(0)))
			got, _ := receiving.Delivered()
			p.That("RFC768:FI-3", "the data delivered", string(got.Data), gomega.Equal("no answer, please"))
			p.That("RFC768:FI-1", "the data delivered, and the source port", []any{string(got.Data), got.Remote.Port()},
				gomega.Equal([]any{"no answer, please", uint16(0)}))
		})
}
