package slaac

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// What becomes of an interface whose link-local address somebody else has: RFC 4862, 5.4.5; and routers.

// lost is a world in which somebody else has the target's link-local address, which is made of its link address.
func lost(p *probe.P) *probe.Tester {
	lan := p.IPv6()
	own := lan.LinkLocal().TargetIP()
	if own != ipv6.LinkLocal(lan.TargetMAC()) {
		p.Inconclusive("the link-local address %s is not made of the link address", own)
	}
	lan.Expect(ndp.Solicit(own), probe.For(), probe.Within(delay+2*time.Second), probe.Because("the interface is enabled"))
	lan.Send(ndp.Unsolicited(own))
	p.Wait(2 * retrans)
	p.Forget()
	return lan
}

func init() {
	fromTarget := mutate.Forge(icmpv6.EchoRequest(), icmpv6.EchoReply())
	suite.It("slaac.disabled", "when another station has the link-local address that is made of the link address, IPv6 is not used on the interface",
		check.Proves("RFC4862:5.4.5-3", mutate.Ignores(ndp.Advert())).
			And("RFC4862:5.4.5-4", mutate.Forge(ndp.RouterAdvert(), anyNS)).
			And("RFC4862:5.4.5-5", fromTarget).
			And("RFC4862:4-4", mutate.Forge(ndp.RouterAdvert(), ndp.Solicit(ipv6.MustAddr("2001:db8:a5::1")))).
			Needs(target.DAD, target.SLAAC, target.Agent),
		func(p *probe.P) {
			lan := lost(p)
			s := lan.UDP(4000)
			from := p.Now()
			lan.Send(ndp.RouterAdvert(ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(lan.MAC()), ndp.Advertised(prefix2).Option()))))
			lan.Send(icmpv6.Echo(1, 1, nil).With(ipv6.Dst.Is(ipv6.AllNodes)))
			lan.Send(ndp.Solicit(lan.LinkLocal().TargetIP()))
			_ = s.SendTo([]byte("anybody?"), netip.AddrPortFrom(lan.Zoned(ipv6.AllNodes), 9)) // the error is the application's
			p.Wait(8 * time.Second)
			var sent []*packet.Frame
			for _, f := range lan.Seen(ipv6.Header()) {
				if f.At >= from {
					sent = append(sent, f)
				}
			}
			each([]string{"RFC4862:5.4.5-3", "RFC4862:5.4.5-4", "RFC4862:5.4.5-5", "RFC4862:4-4"}, func(r string) {
				p.That(r, "packets of IPv6 that are sent", sent, gomega.BeEmpty())
			})
		})

	suite.It("slaac.disabled.recovers", "another identifier that is set by hand takes the interface into use",
		check.Proves("RFC4862:4-5", mutate.Missing(anyReply)).Needs(target.DAD, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := lost(p)
			other := netip.MustParsePrefix("fe80::77/64")
			if err := p.AddAddressTo(0, other); err != nil {
				p.Fail("RFC4862:4-5", probe.Value, "the address is taken: %v", err)
				return
			}
			p.Wait(delay + 2*retrans)
			that(p, "the link-local address set by hand is used", answers(lan, other.Addr()), "RFC4862:4-5")
		})

	suite.It("slaac.disabled.forwarding", "nothing is forwarded to such an interface",
		check.Proves("RFC4862:5.4.5-6", mutate.Between(func(near, far target.Net) mutate.Mutation {
			return mutate.Ignores(ndp.Advert(ndp.NATarget.Is(far.Target.LinkLocal)))
		})).Needs(target.DAD, target.Forwarding6, target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv6()
			far := lan.Link(1)
			own := far.Net().Target.LinkLocal
			far.Expect(ndp.Solicit(own), probe.For(), probe.Within(delay+2*time.Second), probe.Because("the interface is enabled"))
			far.Send(ndp.Unsolicited(own))
			p.Wait(3 * retrans)
			through := udp.Datagram(udp.DstPort.Is(9)).With(ipv6.Dst.Is(far.IP()))
			lan.Send(ipv6.Header(ipv6.Dst.Is(far.IP())).Then(udp.Datagram(udp.DstPort.Is(9))))
			p.Wait(2 * retrans)
			p.That("RFC4862:5.4.5-6", "packets that were forwarded, or were to be", len(far.Seen(through))+len(far.Seen(ndp.Solicit(far.IP()))), gomega.BeZero())
		})

	suite.It("slaac.router.dad", "a router probes for its addresses, but not for the anycast address of its subnets",
		check.Proves("RFC4862:5-2", mutate.Missing(anyProbe)).
			And("RFC4862:5.4-3", mutate.Also(anyProbe, ndp.NSTarget.Is(prefix2.Addr()))).
			Needs(target.DAD, target.Forwarding6, target.SecondLink, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(3 * time.Second)
			own := ipv6.MustAddr("2001:db8:a5::77")
			p.AddAddress(netip.PrefixFrom(own, 64))
			p.Wait(delay + 2*retrans)
			each([]string{"RFC4862:5-2"}, func(r string) {
				p.That(r, "probes for the link-local address", len(lan.Seen(probesIn(linkHere))), gomega.BeNumerically(">", 0))
				p.That(r, "probes for the address set by hand", len(lan.Seen(ndp.Solicit(own))), gomega.BeNumerically(">", 0))
			})
			p.That("RFC4862:5.4-3", "probes for the subnet-router anycast address", lan.Seen(ndp.Solicit(prefix2.Addr())), gomega.BeEmpty())
		})

	suite.It("slaac.router.none", "a router does not form addresses of what other routers advertise",
		check.Proves("RFC4862:4-3", mutate.Forge(ndp.RouterAdvert(), ndp.Advert())).
			Needs(target.DAD, target.Forwarding6, target.SecondLink, target.Management6, target.Agent),
		func(p *probe.P) {
			r := router(p)
			p.Wait(3 * time.Second)
			p.Forget()
			offers(r, ndp.Advertised(prefix2))
			p.Wait(delay + 2*retrans)
			p.That("RFC4862:4-3", "addresses of the prefix", addressesIn(p, prefix2), gomega.BeEmpty())
			p.That("RFC4862:4-3", "messages about it", len(r.Seen(probesIn(prefix2)))+len(r.Seen(ndp.Advert())), gomega.BeZero())
		})
}
