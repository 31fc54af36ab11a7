package icmpv4

import (
	"bytes"
	"net/netip"

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

// asks lets an application of the target send an ICMP request to the tester, which answers with the reply; it gives what
// the application received. The interface for it is a raw socket.
func asks(host *probe.Tester, request, reply packet.Template, sent probe.Option) []byte {
	s := host.Open("inet", "raw", 1)
	message := kit.Framed(host, request).Body(ipv4.Proto)
	if err := s.SendTo(message, netip.AddrPortFrom(host.IP(), 0)); err != nil {
		host.Inconclusive("the target refused to send an ICMP message from a raw socket: %v", err)
	}
	host.Expect(request, sent)
	receiving := s.Recv()
	host.Send(reply)
	got, _ := receiving.Delivered()
	return got.Data
}

func init() {
	suite.It("icmp.client.echo", "an application sends an echo and is given the reply",
		check.Proves("RFC1122:3.2.2.6-2", mutate.Missing(icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeEcho)))).
			And("RFC1122:3.2.2.6-7", mutate.Ignores(anyReply)).
			Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			reply := icmpv4.EchoReply(icmpv4.ID.Is(0x1234), icmpv4.Seq.Is(1)).Then(packet.Payload(kit.Pattern(16)))
			got := asks(host, icmpv4.Echo(0x1234, 1, kit.Pattern(16)), reply, probe.For("RFC1122:3.2.2.6-2"))
			want := kit.Framed(host, reply).Body(ipv4.Proto)
			p.That("RFC1122:3.2.2.6-7", "what the application is given ends in the reply", bytes.HasSuffix(got, want), gomega.BeTrue())
		})

	suite.It("icmp.client.timestamp", "an application that sends a timestamp request is given the reply",
		check.Proves("RFC1122:3.2.2.8-7", mutate.Ignores(anyTimestampReply)).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			reply := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeTimestampReply), icmpv4.ID.Is(0x1234), icmpv4.Seq.Is(0x5678)).
				Then(packet.Payload(stamps(originate, originate, originate)))
			got := asks(host, timestampRequest, reply, probe.For())
			want := kit.Framed(host, reply).Body(ipv4.Proto)
			p.That("RFC1122:3.2.2.8-7", "what the application is given ends in the reply", bytes.HasSuffix(got, want), gomega.BeTrue())
		})
}
