package icmpv4

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	anyQuench := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeSourceQuench))
	flood := udp.Datagram(udp.SrcPort.Is(5000), udp.DstPort.Is(4001)).Then(packet.Payload(kit.Pattern(1400)))
	suite.It("icmp.quench.sent", "a host whose socket buffer overflows sends no Source Quench",
		check.Proves("RFC6633:3-1", mutate.Forge(flood, anyQuench)).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			p.UDP(4001) // nobody reads from it: 500 datagrams of 1400 octets are more than its buffer holds
			for range 500 {
				host.Send(flood)
			}
			kit.Alive(host)
			p.That("RFC6633:3-1", "no Source Quench for 500 datagrams that nobody reads", host.Seen(anyQuench), gomega.BeEmpty())
		})

	quench := errorOf{"quench", icmpv4.TypeSourceQuench, 0}
	asError := mutate.Misreads(anyQuench, icmpv4.Type.Is(icmpv4.TypeUnreachable), icmpv4.Code.Is(icmpv4.CodePort))
	suite.It("icmp.quench.udp", "Source Quench is not told to a UDP application",
		check.Proves("RFC6633:5-1", asError).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			s := connected(host, 4001)
			sent := sends(host, s, probe.For())
			receiving := s.Recv()
			host.Send(quench.message().Then(packet.Payload(quoteFrame(sent))))
			host.Send(udp.Datagram(udp.SrcPort.Is(discard), udp.DstPort.Is(4001)).Then(packet.Payload([]byte("data"))))
			got, _ := receiving.Delivered()
			p.That("RFC6633:5-1", "what the application gets next is data", got.Errno+string(got.Data), gomega.Equal("data"))
			sends(host, s, probe.For("RFC6633:5-1"))
		})

	// RFC 1016 puts a delay between datagrams, from the first Source Quench on, that grows with each one.
	suite.It("icmp.quench.rate", "Source Quench does not slow down what the target sends",
		check.Proves("RFC6633:7-1", mutate.Late(toTester, 600*time.Millisecond)).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			s := connected(host, 4001)
			for range 10 {
				host.Send(quench.message().Then(packet.Payload(quoteFrame(sends(host, s, probe.For())))))
			}
			began := p.Now()
			for range 5 {
				p.Between("RFC6633:7-1", "from a send to its datagram", sends(host, s, probe.For()).At-began, 0, 100*time.Millisecond)
				began = p.Now()
			}
		})

	suite.It("icmp.quench.silent", "Source Quench is discarded silently, and echoes are answered all the same",
		check.Proves("RFC6633:8-1", mutate.Forge(anyQuench, icmpv4.Unreachable(icmpv4.CodePort))).
			And("RFC6633:3-2", mutate.Forge(anyQuench, anyQuench)),
		func(p *probe.P) {
			host := p.IPv4()
			id := p.Serial()
			reply := host.Ask(icmpv4.Echo(id, 1, nil), icmpv4.EchoReply(icmpv4.ID.Is(id)), probe.For())
			host.Send(quench.message().Then(packet.Payload(quoteFrame(reply))))
			kit.Alive(host)
			p.That("RFC6633:8-1", "no error about a Source Quench", host.Seen(icmpv4.Error()), gomega.BeEmpty())
			p.Observed("RFC6633:3-2", "Source Quench has no effect that shows")
			p.That("RFC6633:3-2", "nothing but the replies to two echoes", len(host.Seen(ipv4.Header(ipv4.Dst.Is(host.IP())))), gomega.Equal(2))
		})

	suite.It("icmp.quench.router", "a router ignores Source Quench, too",
		check.Proves("RFC6633:4-1", mutate.Forge(anyQuench, icmpv4.Unreachable(icmpv4.CodePort))).Needs(target.Forwarding),
		func(p *probe.P) {
			router := p.IPv4()
			id := p.Serial()
			reply := router.Ask(icmpv4.Echo(id, 1, nil), icmpv4.EchoReply(icmpv4.ID.Is(id)), probe.For())
			router.Send(quench.message().Then(packet.Payload(quoteFrame(reply))))
			kit.Alive(router)
			p.That("RFC6633:4-1", "nothing but the replies to two echoes", len(router.Seen(ipv4.Header(ipv4.Dst.Is(router.IP())))), gomega.Equal(2))
		})
}
