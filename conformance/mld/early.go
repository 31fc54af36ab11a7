package mld

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// How long a tentative address is probed for: one probe, and RetransTimer behind it (RFC 4862, section 5.4).
const probed = time.Second

func init() {
	early := mld.Report2().With(ipv6.Src.Is(ipv6.Unspecified))
	suite.It("mld.early.source", "reports come from the unspecified address until there is a link-local one, and are sent again from that",
		proves(
			by(mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(early, ipv6.Src.Is(n.Target.LinkLocal)) }),
				"RFC3810:5.2.13-1", "RFC3810:5-1"),
			by(mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Missing(mld.Report2().With(ipv6.Src.Is(n.Target.LinkLocal)))
			}), "RFC3810:5.2.13-4"),
		).Needs(target.DAD),
		func(p *probe.P) {
			lan := p.IPv6()
			own := p.Net().Target.LinkLocal
			begun := lan.Expect(ndp.Probe(own), probe.For(), probe.Within(5*time.Second), probe.Because("the link-local address is probed for"))
			p.Wait(begun.At + probed + 2*unsolicited2 + 5*wire - p.Now())
			group := ipv6.SolicitedNode(own)
			until := begun.At + probed
			if !p.Virtual() { // the probe takes its time to the tester
				until -= 300 * time.Millisecond
			}
			again := 0
			for _, f := range lan.Seen(mld.Report2(mld.About(group))) {
				src, _ := ipv6.Src.Of(f)
				for _, req := range []string{"RFC3810:5.2.13-1", "RFC3810:5-1"} {
					if f.At < until {
						p.Must(req, f, ipv6.Src.Is(ipv6.Unspecified))
					} else {
						p.Must(req, f, ipv6.Src.In(ipv6.Unspecified, own))
					}
				}
				if src == own {
					again++
				}
			}
			p.That("RFC3810:5.2.13-4", "reports of the solicited-node group from the link-local address", again, gomega.BeNumerically(">", 0))
		})

	suite.It("mld.early.delivery", "a group that was reported from the unspecified address is listened to",
		proves(
			by(mutate.Ignores(datagrams(ipv6.Dst.Is(g))), "RFC3810:5.2.13-3"),
		).Needs(target.DAD),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			ready(s.Join(g), "joining %s", g)
			r := s.Recv()
			lan.Send(to(g, s.Local.Port(), "for listeners"))
			hears(p, r, "for listeners", "RFC3810:5.2.13-3")
		})
}
