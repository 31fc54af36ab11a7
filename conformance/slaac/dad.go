package slaac

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Sending: RFC 4862, 5.4 and 5.4.2.

// ofLinkLocal is a mutation of what the target sends about its link-local address.
func ofLinkLocal(f func(ns packet.Template) mutate.Mutation) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation { return f(ndp.Solicit(n.Target.LinkLocal)) })
}

func init() {
	suite.It("slaac.dad.link-local", "an interface gives itself a link-local address, and probes for it once before it uses it",
		check.Proves("RFC4862:4-1", ofLinkLocal(mutate.Missing)).
			And("RFC4862:4-2", mutate.Missing(probesIn(linkHere))).
			And("RFC4862:5.3-1", mutate.Missing(anyProbe)).
			And("RFC4862:5.3-2", mutate.Field(probesIn(linkHere), ndp.NSTarget.Is(ipv6.MustAddr("fe80:1::1")))).
			And("RFC4862:5.1-2", mutate.Repeat(anyProbe, retrans)).
			And("RFC4862:5.1-4", mutate.Repeat(anyProbe, 2*retrans)).
			And("RFC4862:5.4.2-4", mutate.Field(anyProbe, ndp.NSTarget.Is(ipv6.MustAddr("fe80::99:99")))).
			And("RFC4862:5.4.2-5", ofLinkLocal(func(ns packet.Template) mutate.Mutation {
				return mutate.Field(ns, ipv6.Src.Is(ipv6.MustAddr("fe80::99:99")))
			})).
			And("RFC4862:5.4.2-6", mutate.Field(anyProbe, ipv6.Dst.Is(ipv6.AllNodes))).Needs(target.DAD),
		func(p *probe.P) {
			lan := p.IPv6().LinkLocal()
			probed := func() *packet.Frame {
				return lan.Expect(ndp.Solicitation(in(ndp.NSTarget, netip.MustParsePrefix("fe80::/10"))), probe.Within(delay+2*time.Second),
					probe.For("RFC4862:4-1", "RFC4862:4-2", "RFC4862:5.3-1"), probe.Because("the interface is enabled"))
			}
			f := probed()
			own, _ := ndp.NSTarget.Of(f)
			p.Must("RFC4862:5.3-2", f, in(ndp.NSTarget, linkHere))
			p.Must("RFC4862:5.4.2-5", f, ipv6.Src.Is(ipv6.Unspecified))
			p.Must("RFC4862:5.4.2-6", f, ipv6.Dst.Is(ipv6.SolicitedNode(own)))
			each([]string{"RFC4862:5.1-2", "RFC4862:5.1-4"}, func(r string) {
				lan.Never(ndp.Solicitation(ndp.NSTarget.Is(own)), 1500*time.Millisecond, probe.For(r))
			})
			that(p, "the address that was probed for is used", answers(lan, own), "RFC4862:5.4.2-4")
		})

	suite.It("slaac.dad.every-address", "each unicast address is probed for by itself, whatever it comes of",
		check.Proves("RFC4862:5.4-1", mutate.Missing(moreNS)).
			And("RFC4862:4-6", mutate.Missing(ndp.Solicit(ipv6.MustAddr("fe80::77")))).
			And("RFC4862:5.4-4", mutate.Missing(ndp.Solicit(ipv6.MustAddr("2001:db8:78::77")))).
			And("RFC4862:5.4-5", sameIdentifier(mutate.Missing)).
			And("RFC4862:5.4-6", sameIdentifier(func(on packet.Template) mutate.Mutation {
				return mutate.Field(on, ndp.NSTarget.Is(ipv6.MustAddr("2001:db8:1::99:99")))
			})).Needs(target.DAD, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(3 * time.Second) // that of the link-local address
			for _, c := range []struct {
				addr netip.Addr
				reqs []string
			}{
				{more.Addr(), []string{"RFC4862:5.4-1"}},
				{ipv6.MustAddr("fe80::77"), []string{"RFC4862:4-6"}},
				{ipv6.MustAddr("2001:db8:78::77"), []string{"RFC4862:5.4-4"}},
				{withIdentifierOf(prefix, lan.LinkLocal().TargetIP()), []string{"RFC4862:5.4-5", "RFC4862:5.4-6"}},
			} {
				p.AddAddress(netip.PrefixFrom(c.addr, 64))
				p.Wait(delay + 2*retrans)
				each(c.reqs, func(r string) {
					p.That(r, fmt.Sprintf("probes for %s", c.addr), len(lan.Seen(ndp.Solicit(c.addr).With(ipv6.Src.Is(ipv6.Unspecified)))), gomega.BeNumerically(">", 0))
				})
			}
		})

	check.Grid(suite, "slaac.dad.transmits", "DupAddrDetectTransmits solicitations are sent, RetransTimer apart, and the address is used RetransTimer after the last",
		check.Proves("RFC4862:5.1-1", mutate.Drops(moreNS, 1)).
			And("RFC4862:5.1-3", doubt).
			And("RFC4862:5.4-2", doubt).
			And("RFC4862:4-7", doubt).
			And("RFC4862:5.1-5", mutate.Lags(moreNS, 1, 100*time.Millisecond)).
			And("RFC4862:5.1-6", hasty).
			And("RFC4862:5.4.2-3", mutate.Repeat(moreNS, 100*time.Millisecond)).
			And("RFC4862:5.4-11", doubt).Needs(target.DAD, target.Management6, target.Agent),
		transmitCases,
		func(p *probe.P, c transmits) { c.run(p) })

	suite.It("slaac.dad.ends", "an address is used RetransTimer after the last solicitation, and not before",
		check.Proves("RFC4862:5.4-12", early).
			And("RFC4862:5.1-6", hasty).
			And("RFC4862:5.4-11", doubt).
			Needs(target.DAD, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(3 * time.Second)
			p.AddAddress(more)
			f := lan.Expect(moreNS, probe.For(), probe.Within(soon), probe.Because("the address is new"))
			p.That("RFC4862:5.4-12", "the state of the address while it is probed for", state(p, more.Addr()), gomega.Equal("tentative"))
			ready := until(p, 3*retrans, func() bool { return usable(p, more.Addr()) })
			that(p, "the address is used in the end", ready, "RFC4862:5.4-11")
			p.Between("RFC4862:5.1-6", "from the last solicitation to the use of the address", p.Now()-f.At, retrans-wire, retrans+late(p))
		})

	delays()
}

// sameIdentifier is a mutation of what is sent about the global address with the identifier of the link-local one.
func sameIdentifier(f func(packet.Template) mutate.Mutation) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation {
		return f(ndp.Solicit(withIdentifierOf(prefix, n.Target.LinkLocal)))
	})
}

// withIdentifierOf is the address of a prefix with the identifier of another address.
func withIdentifierOf(p netip.Prefix, a netip.Addr) netip.Addr {
	b, id := p.Addr().As16(), a.As16()
	copy(b[8:], id[8:])
	return netip.AddrFrom16(b)
}

// setState has a reply tell another state of an address.
func setState(r *agent.Reply, a netip.Addr, is, as string) {
	for i := range r.Addrs {
		if r.Addrs[i].Addr == a && r.Addrs[i].State == is {
			r.Addrs[i].State = as
		}
	}
}

// early is a target that uses the address set by hand at once, hasty one that does not wait for long enough, and one in doubt
// never uses it.
var (
	early = mutate.Tells("uses an address while it probes for it", func(_ agent.Request, r *agent.Reply) { setState(r, more.Addr(), "tentative", "preferred") })
	hasty = mutate.Late(moreNS, 100*time.Millisecond)
	doubt = mutate.Tells("is never sure of an address", func(_ agent.Request, r *agent.Reply) { setState(r, more.Addr(), "preferred", "tentative") })
)

// transmits is a number of solicitations, and what a router says of the time between them; 0 for nothing.
type transmits struct {
	n       int
	retrans time.Duration
}

var transmitCases = []transmits{{0, 0}, {1, 0}, {2, 0}, {3, 0}, {10, 0}, {1, 300 * time.Millisecond}, {3, 300 * time.Millisecond}, {2, 5 * time.Second}}

func (c transmits) String() string {
	if c.retrans == 0 {
		return fmt.Sprint(c.n)
	}
	return fmt.Sprintf("%d, %v apart", c.n, c.retrans)
}

// Config is the node's.
func (c transmits) Config() []string {
	return []string{fmt.Sprintf("CONFIG_CONFORM_IPV6_DAD_TRANSMITS=%d", c.n)}
}

// Proves are the requirements that the number is about.
func (c transmits) Proves() []string {
	switch c.n {
	case 0:
		return []string{"RFC4862:5.1-3", "RFC4862:5.4-2", "RFC4862:4-7"}
	case 1:
		return []string{"RFC4862:5.1-6", "RFC4862:5.4-11", "RFC4862:5.4.2-3"}
	}
	return []string{"RFC4862:5.1-1", "RFC4862:5.1-5", "RFC4862:5.1-6", "RFC4862:5.4-11", "RFC4862:5.4.2-3"}
}

func (c transmits) run(p *probe.P) {
	lan := p.IPv6()
	p.Wait(15 * time.Second)
	apart := retrans
	if c.retrans != 0 {
		apart = c.retrans
		lan.Send(ndp.RouterAdvert(ndp.Retrans.Is(uint(c.retrans/time.Millisecond)), ndp.Lifetime.Is(0)))
		p.Wait(time.Millisecond)
	}
	p.AddAddress(more)
	if c.n == 0 {
		each(c.Proves(), func(r string) {
			p.That(r, "the state of the address", state(p, more.Addr()), gomega.Equal("preferred"))
		})
		lan.Never(moreNS, 3*retrans, probe.For("RFC4862:5.1-3"))
		return
	}
	until(p, delay+time.Duration(c.n+2)*apart, func() bool { return usable(p, more.Addr()) })
	ready := p.Now()
	fs := lan.Seen(moreNS)
	if len(fs) == 0 {
		p.Inconclusive("there are no solicitations")
	}
	p.Between("RFC4862:5.1-6", "from the last solicitation to the use of the address", ready-fs[len(fs)-1].At, apart-wire, apart+wire)
	p.Between("RFC4862:5.4-11", "from the last solicitation to the use of the address", ready-fs[len(fs)-1].At, apart-wire, apart+wire)
	p.Wait(2 * apart)
	p.That("RFC4862:5.4.2-3", "solicitations", len(lan.Seen(moreNS)), gomega.Equal(c.n))
	if c.n == 1 {
		return
	}
	p.That("RFC4862:5.1-1", "solicitations", len(fs), gomega.Equal(c.n))
	gaps := probe.Gaps(fs)
	for _, g := range gaps {
		p.Between("RFC4862:5.1-5", "from one solicitation to the next", g, apart-wire/2, apart+wire/2)
	}
	if len(gaps) == 0 {
		p.Meets("RFC4862:5.1-5")
	}
}

// delays are those before the first solicitation: RFC 4862, 5.4.2.
func delays() {
	suite.It("slaac.dad.delay.start", "the first probe of an interface is delayed at random, and the report of its group with it",
		check.Proves("RFC4862:5.4.2-7", ofLinkLocal(func(ns packet.Template) mutate.Mutation { return mutate.Late(ns, 2*time.Second) })).
			And("RFC4862:5.4.2-9", mutate.Late(mld.Report2(), 2*time.Second)).Needs(target.DAD, target.SLAAC, target.Management6, target.Agent, target.Multicast6).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			own := lan.LinkLocal().TargetIP()
			p.Wait(5 * time.Second)
			var probes, reports []time.Duration
			for range 30 {
				p.LinkDown()
				p.Wait(long(p, 6*time.Second, 100*time.Millisecond))
				from := p.Now()
				p.LinkUp()
				p.Wait(delay + 2500*time.Millisecond)
				for _, f := range lan.Seen(ndp.Solicit(own).With(ipv6.Src.Is(ipv6.Unspecified))) {
					if f.At >= from {
						probes = append(probes, f.At-from)
						break
					}
				}
				group := ipv6.SolicitedNode(own)
				for _, f := range lan.Seen(icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeMLD2Report))) {
					if f.At >= from && tells(f, group) {
						reports = append(reports, f.At-from)
						break
					}
				}
			}
			if len(probes) < 30 || len(reports) < 30 {
				p.Inconclusive("of 30 times the target probed %d times and reported %d times", len(probes), len(reports))
			}
			p.Uniform("RFC4862:5.4.2-7", "from the start of the interface to the probe", probes, 0, delay)
			p.Uniform("RFC4862:5.4.2-9", "from the start of the interface to the report", reports, 0, delay)
		})

	suite.It("slaac.dad.delay.advertised", "the probe for an address of a multicast advertisement is delayed at random",
		check.Proves("RFC4862:5.4.2-8", mutate.Late(probesIn(netip.MustParsePrefix("2001:db8::/32")), 2*time.Second)).
			Needs(target.DAD, target.SLAAC).Slow(),
		func(p *probe.P) {
			r := router(p)
			p.Wait(3 * time.Second)
			var samples []time.Duration
			for n := range 30 {
				net := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, 0x10, 0, byte(n)}), 64)
				from := p.Now()
				offers(r, offered(net, 3, 2))
				p.Wait(delay + 2500*time.Millisecond)
				for _, f := range r.Seen(probesIn(net)) {
					samples = append(samples, f.At-from)
					break
				}
				offers(r, offered(net, 0, 0))
				p.Wait(time.Second)
			}
			if len(samples) < 10 {
				p.Inconclusive("the target probed for %d addresses of 30", len(samples))
			}
			p.Uniform("RFC4862:5.4.2-8", "from the advertisement to the probe", samples, 0, delay)
		})

	group := func(n target.Net) netip.Addr { return ipv6.SolicitedNode(more.Addr()) }
	suite.It("slaac.dad.joins-first", "the groups of an address are joined, and reported, before it is probed for",
		check.Proves("RFC4862:5.4.2-10", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Overtaken(mld.Report2(mld.Tells(mld.ToEx(group(n)))), moreNS)
		})).
			And("RFC4862:5.4.2-2", mutate.Late(mld.Report2(), 200*time.Millisecond)).
			Needs(target.DAD, target.Management6, target.Agent, target.Multicast6),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(5 * time.Second)
			p.AddAddress(more)
			f := lan.Expect(moreNS, probe.For(), probe.Within(soon), probe.Because("the address is new"))
			told := false
			for _, g := range lan.Seen(icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeMLD2Report))) {
				told = told || tells(g, group(lan.Net())) && g.At <= f.At
			}
			that(p, "the group was reported before", told, "RFC4862:5.4.2-10", "RFC4862:5.4.2-2")
		})
}

// tells tells whether a report of MLD version 2 is about a group.
func tells(f *packet.Frame, group netip.Addr) bool {
	for _, r := range mld.RecordsOf(f) {
		if r.Group == group {
			return true
		}
	}
	return false
}
