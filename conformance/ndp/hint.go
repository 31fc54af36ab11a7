package ndp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	doubts := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Forge(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(tcp.Segment(tcp.Control(tcp.ACK))), ndp.Solicit(n.Unused6).With(ipv6.Dst.Is(n.Unused6)))
	})
	suite.It("ndp.hint.tcp", "what TCP hears of a neighbour confirms it: it is not asked while a connection makes progress",
		check.Proves("RFC4861:7.3.1-2", doubts).And("RFC4861:C-16", doubts).Needs(target.Agent).Slow(),
		func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			x.stale()
			c := x.TCP()
			c.Open(probe.Passive) // its SYN,ACK begins the doubt, and the ACK ends it
			since := p.Now()
			for range 8 {
				c.Data([]byte("forward"))
				c.Socket.Write([]byte("progress"))
				c.Expect(c.DataFrom(), probe.For(), probe.Because("the connection goes on"))
				c.ACK()
				p.Wait(time.Second)
			}
			for _, req := range []string{"RFC4861:7.3.1-2", "RFC4861:C-16"} {
				p.That(req, "solicitations while the connection makes progress", len(x.asked(since)), gomega.BeZero())
			}
		})
}
