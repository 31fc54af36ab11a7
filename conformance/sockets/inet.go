package sockets

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// four adds a check of IPv4 alone.
func four(id, title string, claims check.Claims, body func(host *probe.Tester)) {
	suite.It(id, title, claims.Needs(target.Agent), func(p *probe.P) { body(p.Host(probe.IPv4)) })
}

func init() {
	four("inet.ancillary.received", "a datagram comes with what is asked of it",
		check.Proves("RFC1122:4.1.4-3", without("IP_TOS")).
			And("RFC1122:4.1.3.5-1", without("IP_PKTINFO")),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			granted(host, "RFC1122:4.1.4-3", s, set("IP_RECVTTL", 1))
			granted(host, "RFC1122:4.1.4-3", s, set("IP_RECVTOS", 1))
			granted(host, "RFC1122:4.1.3.5-1", s, set("IP_PKTINFO", 1))
			got := receiving(host, s, ipv4.TTL.Is(77), ipv4.TOS.Is(0x48))
			host.That("RFC1122:4.1.4-3", "the time to live", control(got, "IP_TTL").Value, gomega.Equal(77))
			host.That("RFC1122:4.1.4-3", "the type of service", control(got, "IP_TOS").Value, gomega.Equal(0x48))
			info := control(got, "IP_PKTINFO")
			host.That("RFC1122:4.1.3.5-1", "the destination", info.Addr, gomega.Equal(host.TargetIP()))
			host.That("RFC1122:4.1.3.5-1", "the interface", info.Ifindex, gomega.Not(gomega.BeZero()))
		})

	four("inet.ancillary.sent", "what is said with a datagram is so of this one alone",
		check.Proves("RFC1122:4.1.4-2", mutate.Field(all(testerPort), ipv4.TOS.Is(4))).
			And("RFC1122:3.2.1.7-3", mutate.Field(all(testerPort), ipv4.TTL.Is(33))).
			And("RFC1122:4.1.3.5-2", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(all(testerPort), ipv4.Src.Is(n.Unused4))
			})),
		func(host *probe.Tester) {
			s := host.UDP(boundPort)
			usual, _ := ipv4.TTL.Of(sending(host, s))
			r := send([]byte("x"), there(host, testerPort))
			r.Control = []agent.Control{{Type: "IP_TTL", Value: 9}, {Type: "IP_TOS", Value: 0x48}, {Type: "IP_PKTINFO", Addr: host.TargetIP()}}
			if !granted(host, "RFC1122:4.1.4-2", s, r) {
				return
			}
			f := host.Expect(all(testerPort), probe.For())
			host.Must("RFC1122:3.2.1.7-3", f, ipv4.TTL.Is(9))
			host.Must("RFC1122:4.1.4-2", f, ipv4.TOS.Is(0x48))
			host.Must("RFC1122:4.1.3.5-2", f, ipv4.Src.Is(host.TargetIP()))
			f = sending(host, s)
			host.Must("RFC1122:3.2.1.7-3", f, ipv4.TTL.Is(usual))
			host.Must("RFC1122:4.1.4-2", f, ipv4.TOS.Is(0))
		})
}
