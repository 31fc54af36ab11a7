package ndp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	redirect := ndp.Redirect(remote, remote)
	toRouter := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Ignores(farther.With(ndp.RDTarget.Is(n.Testers[1].LinkLocal)))
	})
	suite.It("ndp.redirect.router", "a Redirect to a better router is followed for its destination",
		check.Proves("RFC4861:8.3-1", toRouter).And("RFC4861:8.3-8", toRouter).And("RFC4861:D-4", toRouter).And("RFC4861:8.3-10", toRouter).And("RFC5942:3-7", byOther(1)),
		func(p *probe.P) {
			w := routed(p)
			dst, other := own(w.lan.Net(), farNet, 1), own(w.lan.Net(), farNet, 2)
			w.way(dst)
			better := w.lan.As(1).Host()
			w.lan.Send(ndp.Redirect(better.LinkLocal, dst, ndp.RDLink.Is(better.MAC)))
			all(p, "who forwards", named(w.way(dst)), named(better.MAC), "RFC4861:8.3-1", "RFC4861:8.3-8", "RFC4861:D-4", "RFC4861:8.3-10")
			all(p, "who forwards to others", named(w.way(other)), named(w.lan.MAC()), "RFC5942:3-7")
		})
	suite.It("ndp.redirect.neighbour", "a Redirect to the destination makes it a neighbour, though no prefix covers it",
		check.Proves("RFC4861:8.3-2", mutate.Ignores(farther)).And("RFC4861:8.3-7", mutate.Ignores(farther)).And("RFC4861:8.1-12", mutate.Ignores(farther)).
			And("RFC4861:2.1-2", mutate.Ignores(farther)).And("RFC5942:3-5", byOther(1)).And("RFC4861:8.3-9", mutate.Ignores(farther)),
		func(p *probe.P) {
			w := routed(p)
			dst, other := own(w.lan.Net(), farNet, 1), own(w.lan.Net(), farNet, 2)
			w.lan.Send(ndp.Redirect(dst, dst, ndp.RDLink.Is(w.lan.As(1).MAC())))
			all(p, "where it is", named(w.way(dst)), named(w.lan.As(1).MAC()), "RFC4861:8.3-2", "RFC4861:8.3-7", "RFC4861:8.1-12", "RFC4861:2.1-2", "RFC4861:8.3-9")
			all(p, "who forwards to its neighbours", named(w.way(other)), named(w.lan.MAC()), "RFC5942:3-5")
		})
	suite.It("ndp.redirect.unresolved", "a neighbour by a Redirect without link address is asked for, one with it is in doubt",
		check.Proves("RFC4861:7.2-3", mutate.Missing(ndp.Solicit(remote).With(multicastDst))).
			And("RFC4861:8.3-4", mutate.Missing(ndp.Solicit(remote2).With(unicastDst))).
			And("RFC4861:6.3.4-19", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Missing(ndp.Solicit(n.Testers[0].LinkLocal).With(unicastDst))
			})).Slow(),
		func(p *probe.P) {
			w := routed(p)
			x, y := nobodyAt(w.lan, remote), nobodyAt(w.lan, remote2)
			w.lan.Send(redirect)
			w.lan.Send(ndp.Redirect(remote2, remote2, ndp.RDLink.Is(w.lan.As(1).MAC())))
			x.ask()
			p.That("RFC4861:7.2-3", "multicast solicitations", len(x.asked(0, multicastDst)), gomega.BeNumerically(">", 0))
			y.ask()
			w.way(ipv6.MustAddr("2001:db8:ffff::3"))
			p.Wait(firstProbe + 500*time.Millisecond)
			p.That("RFC4861:8.3-4", "unicast solicitations after 5 s", len(y.asked(0, unicastDst)), gomega.BeNumerically(">", 0))
			p.That("RFC4861:6.3.4-19", "unicast solicitations for the router after 5 s", len(w.lan.Seen(ndp.Solicit(w.lan.Host().LinkLocal).With(unicastDst))), gomega.BeNumerically(">", 0))
		})

	suite.It("ndp.host.silent", "a host answers no Router Solicitation, sends no advertisement of a router and no Redirect",
		check.Proves("RFC4861:6.1.1-1", mutate.Forge(ndp.RouterSolicit(), ndp.RouterAdvert())).
			And("RFC4861:6.2.6-1", mutate.Forge(ndp.RouterSolicit(), ndp.RouterAdvert())).
			And("RFC4861:6.2.4-1", mutate.Forge(ndp.RouterSolicit(), ndp.RouterAdvert())).
			And("RFC4861:8.3-11", mutate.Forge(ndp.RouterSolicit(), ndp.Redirect(remote, remote))),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Send(ndp.RouterSolicit())
			lan.Ping()
			p.Wait(700 * time.Millisecond)
			all(p, "advertisements of a router", len(lan.Seen(ndp.RouterAdvert())), 0, "RFC4861:6.1.1-1", "RFC4861:6.2.6-1", "RFC4861:6.2.4-1")
			all(p, "Redirects", len(lan.Seen(redirect)), 0, "RFC4861:8.3-11")
		})
}
