package rfc6775

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	suite.It("nd.prefix.on-link", "a prefix that is said to be on the link is ignored",
		check.Proves("RFC6775:5.4-3", mutate.Here(func(n target.Net) mutate.Mutation {
			x := ndp.Advertised(n.Prefix6)
			x.OnLink = false
			return mutate.Misreads(ndp.RouterAdvert(ndp.CurHopLimit.Is(65)), ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(n.Testers[0].MAC), x.Option())))
		})).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.solicited()
			x := ndp.Advertised(w.lan.Net().Prefix6)
			w.lan.Send(ndp.RouterAdvert(ndp.CurHopLimit.Is(65), ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(w.lan.MAC()), x.Option(), ndp.ABRO(1, 0, w.border())))).
				With(ipv6.Dst.Is(w.lan.Net().Target.LinkLocal)))
			p.Wait(slack)
			p.That("RFC6775:5.4-3", "registrations of an address of it", len(w.aros(w.address(), 0)), gomega.BeZero())
		})

	suite.It("nd.hop.router", "what is not link-local goes to the router, whoever sent it from nearby",
		check.Proves("RFC6775:5.6-3", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(icmpv6.EchoReply(), ieee802154.Dst.Is(n.Testers[1].MAC))
		})).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60)
			near := w.lan.As(1)
			id := w.lan.Serial()
			near.Send(icmpv6.Echo(id, 1, nil).With(ipv6.Src.Is(w.lan.Net().Testers[1].IP6), ipv6.Dst.Is(w.address())))
			reply := w.lan.Expect(icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For("RFC6775:5.6-3"))
			p.Must("RFC6775:5.6-3", reply, ieee802154.Dst.In(w.lan.MAC(), w.lan.Host().ShortAddr))
		})

	suite.It("nd.hop.link-local", "a link-local destination is reached by its identifier, without a question",
		check.Proves("RFC6775:5.6-1", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(icmpv6.EchoReply(), ieee802154.Dst.Is(n.Testers[2].MAC))
		})).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60)
			near := w.lan.As(1)
			id := w.lan.Serial()
			near.Send(icmpv6.Echo(id, 1, nil))
			reply := near.Expect(icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For("RFC6775:5.6-1"))
			p.Must("RFC6775:5.6-1", reply, ieee802154.Dst.Is(near.MAC()))
			p.That("RFC6775:5.6-1", "solicitations for it", len(w.lan.Seen(ndp.Solicit(near.Host().LinkLocal))), gomega.BeZero())
		})

	suite.It("nd.groups", "a host is in the group of all nodes",
		check.Proves("RFC6775:5.2-2", mutate.Ignores(icmpv6.EchoRequest().With(ipv6.Dst.Is(ipv6.AllNodes)))).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60)
			id := w.lan.Serial()
			w.lan.Send(icmpv6.Echo(id, 1, nil).With(ipv6.Dst.Is(ipv6.AllNodes)))
			w.lan.Expect(icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For("RFC6775:5.2-2"))
		})
}
