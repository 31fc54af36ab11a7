package ndp

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	ra := ndp.RouterAdvert
	// IsRouter shows when it ends: a router that says that it is none goes from the list of routers (7.2.5). Where the entry
	// was never marked, nothing would end.
	ended := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Ignores(ndp.Advert(ndp.NATarget.Is(n.Testers[0].LinkLocal), ndp.Router.Is(0)))
	})
	check.Grid(suite, "ndp.role.marked", "a neighbour is marked as a router by its advertisement, and by its answer to a solicitation",
		check.Proves("RFC4861:6.3.4-18", ended).And("RFC4861:7.2.5-6", ended),
		[]kit.Aspect{
			kit.About("RA without link address for an entry", "RFC4861:6.3.4-18"),
			kit.About("NA with R for an unresolved entry", "RFC4861:7.2.5-6"),
		}, func(p *probe.P, how kit.Aspect) {
			lan := p.IPv6()
			link := lan.LinkLocal()
			r := lan.Router(ndp.RALink.None())
			if how.Requirements[0] == "RFC4861:6.3.4-18" { // the solicitation makes the entry, for a host
				link.Send(ndp.Solicitation())
				kit.Alive(lan)
			}
			r.Advertise()
			if by := wayOf(lan, remote); named(by) != named(lan.MAC()) {
				p.Inconclusive("the router that advertises itself is not used: %s forwards", named(by))
			}
			lan.As(1).Send(ra())
			gone := lan.Host().LinkLocal
			link.Send(ndp.Unsolicited(gone, ndp.Router.Is(0), ndp.Override.Is(1)).With(ipv6.Src.Is(gone)))
			all(p, "who forwards, the first being a host now", named(wayOf(lan, remote)), named(lan.As(1).MAC()), how.Requirements...)
		})

	check.Grid(suite, "ndp.role.kept", "a router is one still after a message that says nothing of it",
		check.Proves("RFC4861:7.2.3-9", byOther(1)).And("RFC4861:D-1", byOther(1)),
		[]kit.Aspect{
			kit.About("NS", "RFC4861:7.2.3-9", "RFC4861:D-1"),
			kit.About("NS without link address", "RFC4861:7.2.3-9", "RFC4861:D-1"),
			kit.About("Redirect to itself", "RFC4861:D-1"),
		}, func(p *probe.P, what kit.Aspect) {
			w := routed(p)
			w.way(remote)
			link := w.lan.LinkLocal()
			me := w.lan.Host().LinkLocal
			switch what.Name {
			case "NS":
				link.Send(ndp.Solicitation())
			case "NS without link address":
				link.Send(ndp.Solicitation(ndp.NSLink.None()))
			default:
				link.Send(ndp.Redirect(me, me, ndp.RDLink.Is(w.lan.MAC())))
			}
			kit.Alive(w.lan)
			all(p, "who forwards", named(w.way(remote)), named(w.lan.MAC()), what.Requirements...)
		})

	toRemote := ipv6.Header(ipv6.Dst.Is(remote))
	byHost := mutate.Forge(ipv6.Header(ipv6.Src.Is(remote)).Then(icmpv6.EchoRequest()), toRemote.Then(icmpv6.EchoReply(icmpv6.ID.Is(2))))
	check.Grid(suite, "ndp.role.host", "a neighbour that is known by a message that says nothing of its role is no router",
		check.Proves("RFC4861:7.2.3-8", byHost).And("RFC4861:D-2", byHost),
		[]string{"NS", "Redirect"}, func(p *probe.P, what string) {
			lan := p.IPv6()
			link := lan.LinkLocal()
			if what == "NS" {
				link.Send(ndp.Solicitation())
			} else {
				w := routed(p)
				other := lan.As(1).Host()
				lan.Send(ndp.Redirect(other.LinkLocal, other.LinkLocal, ndp.RDLink.Is(other.MAC)))
				kit.Alive(lan)
				w.r.Advertise(ndp.Lifetime.Is(0))
			}
			kit.Alive(lan)
			p.Forget()
			by := wayOf(lan, remote)
			all(p, "who forwards", named(by), "nobody", "RFC4861:7.2.3-8", "RFC4861:D-2")
			all(p, "packets beyond the link", len(lan.Seen(toRemote)), 0, "RFC4861:7.2.3-8", "RFC4861:D-2")
		})

	suite.It("ndp.role.off-link", "an entry that a solicitation made does not bring its address onto the link",
		check.Proves("RFC5942:3-11", byOther(1)),
		func(p *probe.P) {
			w := routed(p)
			w.way(remote)
			away := w.lan.As(1).Claiming(remote)
			away.Send(ndp.Solicitation(ndp.NSLink.Is(w.lan.As(1).MAC())))
			kit.Alive(w.lan)
			all(p, "who forwards", named(w.way(remote)), named(w.lan.MAC()), "RFC5942:3-11")
		})

	host := ipv6.MustAddr("2001:db8:77::99")
	suite.It("ndp.prefix.manual", "a prefix that is configured by hand is on the link",
		check.Proves("RFC5942:3-4", mutate.Missing(ndp.Solicit(host))).Needs(target.Management6, target.Agent),
		func(p *probe.P) {
			w := routed(p)
			p.AddAddress(netip.MustParsePrefix("2001:db8:77::2/64"))
			x := nobodyAt(w.lan, host)
			x.ask()
			p.Wait(50 * time.Millisecond)
			all(p, "the address is asked for on the link", len(x.asked(0)) > 0, true, "RFC5942:3-4")
		})

	// An advertisement may leave out what another one of the same router has said.
	onLink, neighbour := netip.MustParsePrefix("2001:db8:abcd::/64"), ipv6.MustAddr("2001:db8:abcd::77")
	prefix := ndp.Prefix{Prefix: onLink, OnLink: true, Valid: 600, Preferred: 600}
	taken := prefix
	taken.Valid, taken.Preferred = 0, 0
	bare := ra(ndp.RAOptions.Is(nil))
	suite.It("ndp.router.absent", "an option that an advertisement leaves out takes nothing back",
		check.Proves("RFC4861:9-4", mutate.Misreads(bare, ndp.RAOptions.Is(taken.Option()))),
		func(p *probe.P) {
			w := routed(p)
			w.r.Advertise(ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(w.lan.MAC()), prefix.Option(), ndp.MTU(1400))))
			w.way(remote)
			w.lan.Send(bare)
			x := nobodyAt(w.lan, neighbour)
			x.ask()
			p.Wait(50 * time.Millisecond)
			all(p, "the prefix is on the link still", len(x.asked(0)) > 0, true, "RFC4861:9-4")
			all(p, "who forwards", named(w.way(remote)), named(w.lan.MAC()), "RFC4861:9-4")
			w.lan.Send(icmpv6.Echo(9999, 1, kit.Pattern(1400)))
			kit.Alive(w.lan)
			p.Wait(20 * time.Millisecond)
			all(p, "a reply of 1448 octets comes in fragments, for an MTU of 1400", len(w.lan.Seen(ipv6.Fragment())) > 0, true, "RFC4861:9-4")
		})

	suite.It("ndp.group.all-nodes", "the group of all nodes is joined",
		check.Proves("RFC4861:6.3.3-1", mutate.Ignores(ra().With(ipv6.Dst.Is(ipv6.AllNodes)))).
			And("RFC4861:7.2.1-1", mutate.Ignores(ra().With(ethernet.Dst.Is(ipv6.GroupMAC(ipv6.AllNodes))))),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Send(ra(ndp.CurHopLimit.Is(77)))
			hops, _ := ipv6.HopLimit.Of(lan.Ping())
			all(p, "the hop limit that was told to all nodes", hops, uint(77), "RFC4861:6.3.3-1", "RFC4861:7.2.1-1")
		})

	rs := ndp.RouterSolicit()
	suite.It("ndp.rs.despite", "a host asks for routers even if one has advertised itself before",
		check.Proves("RFC4861:6.3.7-11", mutate.Missing(rs)).Needs(target.SLAAC),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Send(ra(ndp.CurHopLimit.Is(77)))
			p.Wait(5 * time.Second)
			p.That("RFC4861:6.3.7-11", "solicitations", len(lan.Seen(rs)), gomega.BeNumerically(">=", 1))
		})

	// Two destinations behind one router, which is in doubt as one neighbour.
	probes := func(n target.Net) packet.Template {
		return ndp.Solicit(n.Testers[0].LinkLocal).With(unicastDst)
	}
	suite.It("ndp.unreachable.shared", "destinations behind a router share what is known of it: it is asked once for all",
		check.Proves("RFC4861:5.1-3", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Repeat(probes(n), 100*time.Millisecond) })).Slow(),
		func(p *probe.P) {
			w := routed(p)
			destinations := []netip.Addr{remote, remote2, ipv6.MustAddr("2001:db8:ffff::3")}
			for _, d := range destinations {
				w.way(d)
			}
			p.Forget()
			w.r.Advertise(ndp.RALink.Is(w.lan.As(1).MAC())) // moved, and back: the entry is stale
			w.r.Advertise()
			for _, d := range destinations {
				w.way(d)
			}
			p.Wait(firstProbe + retrans)
			fs := w.lan.Seen(probes(p.Net()))
			p.That("RFC4861:5.1-3", "solicitations for the router", len(fs), gomega.BeNumerically(">=", 1))
			for i := 1; i < len(fs); i++ { // an answer may come late: then it is asked again, but at its time
				p.Between("RFC4861:5.1-3", "from one to the next", fs[i].At-fs[i-1].At, retrans*9/10, time.Hour)
			}
		})
}
