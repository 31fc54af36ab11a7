package slaac

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Creation of addresses: RFC 4862, 5.5 and 5.5.3 (a) to (d). The world has no duplicate address detection, so that an address
// is there at once.

// A spoiled option has one fault, or none; then it forms an address.
type spoiled struct {
	kit.Aspect
	option []byte
	forms  bool
}

func spoiledOptions() (all []spoiled) {
	good := ndp.Advertised(prefix2)
	add := func(name string, forms bool, p ndp.Prefix, reqs ...string) {
		all = append(all, spoiled{kit.About(name, reqs...), p.Option(), forms})
	}
	noA := good
	noA.Autonom = false
	add("without A", false, noA, "RFC4862:5.5.3-1")
	add("the link-local prefix", false, ndp.Advertised(linkHere), "RFC4862:5.5.3-2")
	add("preferred longer than valid", false, good.Lasting(1000, 1001), "RFC4862:5.5.3-3", "RFC4862:2-5")
	add("preferred for ever, valid not", false, good.Lasting(ndp.Infinite-1, ndp.Infinite), "RFC4862:5.5.3-3", "RFC4862:2-5")
	add("valid for 0 s", false, good.Lasting(0, 0), "RFC4862:5.5.3-6")
	for _, bits := range []int{0, 1, 48, 60, 63, 65, 80, 96, 127, 128} {
		p := good
		p.Prefix = netip.PrefixFrom(ipv6.MustAddr("2001:db8:a5::"), bits)
		reqs := []string{"RFC4862:5.5.3-8"}
		if bits == 63 || bits == 65 {
			reqs = append(reqs, "RFC4862:5.5.3-11")
		}
		add(fmt.Sprintf("%d bits", bits), false, p, reqs...)
	}
	noL := good
	noL.OnLink = false
	add("without L", true, noL, "RFC4862:5.5.3-5")
	add("valid for 1 s", true, good.Lasting(100, 1), "RFC4862:5.5.3-5")
	add("for ever", true, good.Lasting(ndp.Infinite, ndp.Infinite), "RFC4862:5.5.3-5")
	add("valid and preferred alike", true, good.Lasting(7000, 7000), "RFC4862:5.5.3-5", "RFC4862:2-5")
	odd := good
	odd.HostBits, odd.Reserved2 = ipv6.MustAddr("2001:db8:a5::ffff:eeee:dddd:cccc"), 0xffffffff
	add("reserved bits and bits beyond the length", true, odd, "RFC4862:5.5.3-5", "RFC4862:5.5.3-7")
	return all
}

// anyAddress are the requirements that are about an address that comes of a prefix at all.
var anyAddress = []string{"RFC4862:5.5-2", "RFC4862:5.5-3", "RFC4862:5.5.3-5", "RFC4862:2-3", "RFC4862:5.5.3-10"}

func init() {
	ra := ndp.RouterAdvert()
	suite.It("slaac.prefix.formed", "an advertised prefix gives an address with the interface's identifier, without anybody's doing",
		check.Proves("RFC4862:5.5-2", mutate.Ignores(ra)).
			And("RFC4862:5.5-3", mutate.Field(anyReply, ipv6.Src.Is(ipv6.MustAddr("2001:db8:a6::77")))).
			And("RFC4862:2-3", mutate.Missing(anyReply.With(in(ipv6.Src, prefix2)))).
			And("RFC4862:5.5.3-5", mutate.Misreads(ra, ndp.RAOptions.Is(ndp.MTU(1500)))).
			And("RFC4862:5.5.3-10", mutate.Tells("has other lifetimes", func(_ agent.Request, r *agent.Reply) {
				for i := range r.Addrs {
					if l := r.Addrs[i].Lifetimes; l != nil {
						l.Valid += time.Minute
					}
				}
			})).
			Needs(target.SLAAC, target.Management6, target.Agent),
		func(p *probe.P) {
			r := router(p)
			offers(r, offered(prefix2, 10000, 9000))
			until(p, 2*time.Second, func() bool { return len(addressesIn(p, prefix2)) > 0 })
			all := addressesIn(p, prefix2)
			each(anyAddress, func(req string) { p.That(req, "addresses of the prefix", len(all), gomega.Equal(1)) })
			if len(all) != 1 {
				return
			}
			lan := r.In(prefix2).Facing(all[0].Addr)
			id := p.Serial()
			lan.Send(icmpv6.Echo(id, 1, nil))
			var from netip.Addr
			until(p, fence(p), func() bool {
				for _, f := range lan.Seen(icmpv6.EchoReply(icmpv6.ID.Is(id))) {
					from, _ = ipv6.Src.Of(f)
				}
				return from.IsValid()
			})
			p.That("RFC4862:2-3", "the source of the reply", from, gomega.Equal(all[0].Addr))
			p.That("RFC4862:5.5-3", "the source of the reply", from, gomega.Equal(all[0].Addr))
			lasts(p, "RFC4862:5.5.3-10", "the address", all[0], 10000*time.Second, 9000*time.Second)
		})

	claims := check.Proves("RFC4862:5.5.3-1", mutate.Gullible())
	for _, req := range []string{"RFC4862:5.5.3-2", "RFC4862:5.5.3-3", "RFC4862:5.5.3-6", "RFC4862:5.5.3-8", "RFC4862:5.5.3-11"} {
		claims = claims.And(req, mutate.Gullible())
	}
	claims = claims.And("RFC4862:2-5", mutate.Gullible()).And("RFC4862:5.5.3-5", mutate.Ignores(ra)).
		And("RFC4862:5.5.3-7", mutate.Tells("takes other bits for another prefix", func(_ agent.Request, r *agent.Reply) {
			for _, a := range r.Addrs {
				if prefix2.Contains(a.Addr) {
					r.Addrs = append(r.Addrs, agent.Address{Addr: ipv6.MustAddr("2001:db8:a5::ffff:eeee:dddd:cccc"), State: "preferred"})
					return
				}
			}
		}))
	check.Grid(suite, "slaac.prefix.option", "an option that is not for addresses, or not valid, forms none", claims.Needs(target.SLAAC, target.Management6, target.Agent),
		spoiledOptions(),
		func(p *probe.P, s spoiled) {
			r := router(p)
			link := ndp.SourceLink(r.MAC())
			good := r.Advert(ndp.RAOptions.Is(ndp.Options(link, ndp.Advertised(netip.MustParsePrefix("2001:db8:a6::/64")).Option())))
			bad := r.Advert(ndp.RAOptions.Is(ndp.Options(link, s.option)))
			before := len(p.Addresses())
			r.SendBad(bad, good)
			alive(r.LinkLocal())
			all := p.Addresses()[before:]
			each(s.Requirements, func(req string) {
				if !s.forms {
					p.That(req, "addresses that it forms", all, gomega.BeEmpty())
					return
				}
				p.That(req, "addresses that it forms", len(all), gomega.Equal(1))
			})
			if s.forms {
				offers(r, ndp.Advertised(prefix2)) // the same, when only the bits of its length count
				alive(r.LinkLocal())
				each(s.Requirements, func(req string) {
					p.That(req, "addresses of the prefix", len(addressesIn(p, prefix2)), gomega.Equal(1))
				})
			}
		})

	suite.It("slaac.prefix.several", "each prefix of an advertisement gives an address, whatever stands beside it",
		check.Proves("RFC4862:5.5.3-5", mutate.Misreads(ra, ndp.RAOptions.Is(ndp.Advertised(prefix2).Option()))).
			Needs(target.SLAAC, target.Management6, target.Agent),
		func(p *probe.P) {
			r := router(p)
			bad := ndp.Advertised(netip.MustParsePrefix("2001:db8:a6::/63"))
			offers(r, bad, ndp.Advertised(prefix2), ndp.Advertised(linkHere), ndp.Advertised(ula), ndp.Advertised(prefix))
			alive(r.LinkLocal())
			for _, net := range []netip.Prefix{prefix2, ula, prefix} {
				p.That("RFC4862:5.5.3-5", "addresses in "+net.String(), len(addressesIn(p, net)), gomega.Equal(1))
			}
		})

	suite.It("slaac.prefix.off", "creation of addresses can be turned off",
		check.Proves("RFC4862:5.5-1", mutate.Tells("has one none the less", func(r agent.Request, reply *agent.Reply) {
			if r.Do == agent.Addrs {
				reply.Addrs = append(reply.Addrs, agent.Address{Addr: ipv6.MustAddr("2001:db8:a5::1"), State: "preferred"})
			}
		})).Needs(target.SLAAC, target.Management6, target.Agent).Configured("CONFIG_CONFORM_IPV6_AUTOCONF=n"),
		func(p *probe.P) {
			r := router(p)
			offers(r, ndp.Advertised(prefix2))
			alive(r.LinkLocal())
			p.That("RFC4862:5.5-1", "addresses of the prefix", addressesIn(p, prefix2), gomega.BeEmpty())
		})

	suite.It("slaac.routers.none", "routers are asked for; without one, the link-local address is all that there is",
		check.Proves("RFC4862:5.5.1-1", mutate.Missing(ndp.RouterSolicit())).
			And("RFC4862:5.5.2-1", mutate.Tells("makes one up", func(r agent.Request, reply *agent.Reply) {
				if r.Do == agent.Addrs {
					reply.Addrs = append(reply.Addrs, agent.Address{Addr: ipv6.MustAddr("2001:db8:a5::1"), State: "preferred"})
				}
			})).Needs(target.SLAAC, target.Management6, target.Agent).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			f := lan.Expect(ndp.RouterSolicit(), probe.For("RFC4862:5.5.1-1"), probe.Within(5*time.Second), probe.Because("the interface is enabled"))
			p.Must("RFC4862:5.5.1-1", f, ipv6.Dst.Is(ipv6.AllRouters), ipv6.HopLimit.Is(255))
			p.Wait(15 * time.Second)
			own := lan.LinkLocal().TargetIP()
			that(p, "the link-local address is used", answers(lan, own), "RFC4862:5.5.2-1")
			p.That("RFC4862:5.5.2-1", "addresses that are not link-local", addressesIn(p, netip.MustParsePrefix("2000::/3")), gomega.BeEmpty())
		})

	suite.It("slaac.prefix.link", "what is advertised on one link is for the interface there, and for no other",
		check.Proves("RFC4862:5-1", mutate.Between(func(near, far target.Net) mutate.Mutation {
			return mutate.Missing(ndp.Advert(ndp.NATarget.Is(far.Target.LinkLocal)))
		})).Needs(target.SLAAC, target.SecondLink),
		func(p *probe.P) {
			r := router(p)
			far := r.Link(1)
			offers(r, ndp.Advertised(prefix2))
			near := r.In(prefix2).FindTarget()
			p.Forget()
			own := far.Net().Target.LinkLocal
			there := far.LinkLocal()
			there.Ask(ndp.Solicit(own), ndp.Advert(ndp.NATarget.Is(own)), probe.For("RFC4862:5-1"), probe.Because("each interface has its link-local address"))
			far.Send(ndp.Solicit(near.TargetIP()))
			p.Wait(fence(p))
			p.That("RFC4862:5-1", "answers for the address of the first link on the second", far.Seen(ndp.Advert(ndp.NATarget.Is(near.TargetIP()))), gomega.BeEmpty())
		})
}

// lasts asserts the lifetimes of an address; negative for ever. A target may tell whole seconds, and have told them a moment
// ago.
func lasts(p *probe.P, req, what string, a agent.Address, valid, preferred time.Duration) {
	if a.Lifetimes == nil {
		p.Inconclusive("the target does not tell how long an address lasts")
	}
	for _, x := range []struct {
		name      string
		got, want time.Duration
	}{{"valid", a.Lifetimes.Valid, valid}, {"preferred", a.Lifetimes.Preferred, preferred}} {
		if x.want < 0 || x.got < 0 {
			p.That(req, fmt.Sprintf("%s is %s for ever", what, x.name), x.got < 0, gomega.Equal(x.want < 0))
			continue
		}
		slack := 100 * time.Millisecond
		if !p.Virtual() {
			slack = 2 * time.Second
		}
		p.That(req, fmt.Sprintf("for how long %s is %s", what, x.name), x.got, gomega.And(gomega.BeNumerically(">=", max(0, x.want-slack)), gomega.BeNumerically("<=", x.want)))
	}
}
