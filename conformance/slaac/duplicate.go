package slaac

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
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

// Receiving: RFC 4862, 5.4.1, 5.4.3 and 5.4.4.

// A rival is somebody else with the address that the target probes for.
type rival struct {
	kit.Aspect
	says packet.Template
}

// theirs is the advertisement of somebody who has the address.
func theirs(conds ...packet.Cond) packet.Template { return ndp.Unsolicited(more.Addr(), conds...) }

// their is the probe of somebody who wants it, too.
func their(conds ...packet.Cond) packet.Template { return ndp.Probe(more.Addr(), conds...) }

// badRivals are messages that are not valid, each with one fault, and what they would be without it.
var badRivals = []rival{
	{kit.About("advertisement, hop limit 254"), theirs().With(ipv6.HopLimit.Is(254))},
	{kit.About("advertisement, code 1"), theirs(icmpv6.Code.Is(1))},
	{kit.About("advertisement, wrong checksum"), theirs(icmpv6.Checksum.Is(0x1234))},
	{kit.About("advertisement to a group, solicited"), theirs(ndp.Solicited.Is(1))},
	{kit.About("advertisement, option of length 0"), theirs(ndp.NAOptions.Is(ndp.RawOption(2, 0, 2, 0, 0, 0, 0, 9)))},
	{kit.About("probe, hop limit 1"), their().With(ipv6.HopLimit.Is(1))},
	{kit.About("probe, code 3"), their(icmpv6.Code.Is(3))},
	{kit.About("probe, wrong checksum"), their(icmpv6.Checksum.Is(0x1234))},
	{kit.About("probe with a link address"), their(ndp.NSLink.Is([]byte{2, 0, 0, 0, 0, 1}))},
	{kit.About("probe to all nodes"), their().With(ipv6.Dst.Is(ipv6.AllNodes))},
	{kit.About("probe, option of length 0"), their(ndp.NSOptions.Is(ndp.RawOption(14, 0, 1, 2, 3, 4, 5, 6)))},
}

var goodRivals = []rival{
	{kit.About("advertisement", "RFC4862:5.4.4-1", "RFC4862:5.4.2-1", "RFC4862:5.4-7", "RFC4862:5.4.5-1", "RFC4862:5.4-8"), theirs()},
	{kit.About("advertisement without Override", "RFC4862:5.4.4-1"), theirs(ndp.Override.Is(0))},
	{kit.About("advertisement without link address", "RFC4862:5.4.4-1"), theirs(ndp.NALink.None())},
	{kit.About("advertisement of a router", "RFC4862:5.4.4-1"), theirs(ndp.Router.Is(1))},
	{kit.About("probe", "RFC4862:5.4.3-4", "RFC4862:5.4.3-7", "RFC4862:5.4.2-2", "RFC4862:5.4-8", "RFC4862:5.4-7"), their()},
	{kit.About("probe with a nonce", "RFC4862:5.4.3-4"), their(ndp.NSOptions.Is(ndp.Nonce([]byte("other!"))))},
	{kit.About("advertisement from the target's link address", "RFC4862:A-1"), theirs()},
}

// probing brings the target to where it probes for the address, and has just sent a solicitation for it.
func probing(p *probe.P) *probe.Tester {
	lan := p.IPv6()
	p.Wait(3 * time.Second)
	p.AddAddress(more)
	lan.Expect(moreNS, probe.For(), probe.Within(soon), probe.Because("the address is new"))
	p.Wait(100 * time.Millisecond)
	return lan
}

// taken tells whether the target has given the address up, some time later.
func taken(lan *probe.Tester) bool {
	lan.Wait(3 * retrans)
	s := state(lan.P, more.Addr())
	return !answers(lan, more.Addr()) && (s == "none" || s == "conflict" || s == "tentative")
}

func init() {
	heedless := func(of packet.Template) mutate.Mutation { return mutate.Ignores(of) }
	check.Grid(suite, "slaac.dad.duplicate", "an address that somebody else has, or wants, is not used",
		check.Proves("RFC4862:5.4.4-1", heedless(ndp.Advert(ndp.NATarget.Is(more.Addr())))).
			And("RFC4862:5.4.3-4", heedless(their())).
			And("RFC4862:5.4.3-7", heedless(ndp.Solicitation().With(ipv6.Src.Is(ipv6.Unspecified)))).
			And("RFC4862:5.4.2-1", heedless(ipv6.Header(ipv6.Dst.Is(ipv6.AllNodes)).Then(ndp.Advert()))).
			And("RFC4862:5.4.2-2", heedless(ipv6.Header(ipv6.Dst.Is(ipv6.SolicitedNode(more.Addr()))))).
			And("RFC4862:5.4-7", mutate.Misreads(ndp.Advert(ndp.NATarget.Is(more.Addr())), ndp.NATarget.Is(ipv6.MustAddr("2001:db8:1::78")))).
			And("RFC4862:5.4.5-1", mutate.Tells("keeps an address that somebody else has", func(r agent.Request, reply *agent.Reply) {
				if _, ok := has(reply, more.Addr()); r.Do == agent.Addrs && !ok {
					reply.Addrs = append(reply.Addrs, agent.Address{Addr: more.Addr(), State: "preferred"})
				}
				setState(reply, more.Addr(), "conflict", "preferred")
			})).
			And("RFC4862:5.4-8", heedless(icmpv6.Message(icmpv6.Type.In(icmpv6.TypeNeighborAdvert, icmpv6.TypeNeighborSolicit)))).
			And("RFC4862:A-1", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Ignores(ndp.Advert().With(ethernet.Src.Is(n.Target.MAC)))
			})).Needs(target.DAD, target.Management6, target.Agent),
		goodRivals,
		func(p *probe.P, r rival) {
			lan := probing(p)
			says := r.says
			if r.Name == "advertisement from the target's link address" {
				says = says.With(ethernet.Src.Is(lan.TargetMAC()))
			}
			lan.Send(says)
			gone := taken(lan)
			that(p, "the address is given up", gone, r.Requirements...)
			that(p, "others are still in use", answers(lan, lan.TargetIP()), r.Requirements...)
		})

	check.Grid(suite, "slaac.dad.invalid", "a message that is not valid does not take an address away",
		check.Proves("RFC4862:5.4.1-1", mutate.Gullible()).Needs(target.DAD, target.Management6, target.Agent),
		badRivals,
		func(p *probe.P, r rival) {
			lan := probing(p)
			good := theirs()
			if r.Name[0] == 'p' {
				good = their()
			}
			lan.SendBad(r.says, good)
			that(p, "the address is used", until(p, 3*retrans, func() bool { return usable(p, more.Addr()) }), "RFC4862:5.4.1-1")
		})

	others := ipv6.MustAddr("2001:db8:1::66:66")
	check.Grid(suite, "slaac.dad.tentative", "a tentative address is not answered for, and nothing else that is sent to it is heard",
		check.Proves("RFC4862:5.4.3-2", mutate.Misreads(ndp.Solicit(more.Addr()), ipv6.Src.Is(ipv6.Unspecified), ndp.NSLink.None())).
			And("RFC4862:5.4.3-3", mutate.Forge(ndp.Solicit(more.Addr()), ndp.Advert(ndp.NATarget.Is(more.Addr())))).
			And("RFC4862:5.4-9", mutate.Forge(ipv6.Header(ipv6.Dst.Is(more.Addr())).Then(icmpv6.EchoRequest()), ipv6.Header(ipv6.Src.Is(more.Addr())).Then(icmpv6.EchoReply()))).
			And("RFC4862:2-1", mutate.Forge(ipv6.Header(ipv6.Dst.Is(more.Addr())).Then(icmpv6.EchoRequest()), icmpv6.EchoReply())).
			And("RFC4862:5.4-10", mutate.Misreads(ndp.Advert(ndp.NATarget.Is(more.Addr())), ipv6.Dst.Is(ipv6.AllNodes), ethernet.Dst.Is(ipv6.GroupMAC(ipv6.AllNodes)), ndp.Solicited.Is(0))).
			Needs(target.DAD, target.Management6, target.Agent),
		[]rival{
			{kit.About("solicitation", "RFC4862:5.4.3-2", "RFC4862:5.4.3-3"), ndp.Solicit(more.Addr())},
			{kit.About("solicitation to the address", "RFC4862:5.4-10", "RFC4862:5.4.3-3"), ndp.Solicit(more.Addr()).With(ipv6.Dst.Is(more.Addr()))},
			{kit.About("advertisement to the address", "RFC4862:5.4-10"), ndp.Advert(ndp.NATarget.Is(more.Addr())).With(ipv6.Dst.Is(more.Addr()))},
			{kit.About("echo", "RFC4862:5.4-9", "RFC4862:2-1"), ipv6.Header(ipv6.Dst.Is(more.Addr())).Then(icmpv6.EchoRequest())},
		},
		func(p *probe.P, r rival) {
			lan := probing(p)
			p.Forget()
			says := r.says
			if r.Name != "solicitation" {
				says = says.With(ethernet.Dst.Is(lan.TargetMAC()))
			}
			lan.Send(says)
			alive(lan)
			said := len(lan.Seen(ndp.Advert(ndp.NATarget.Is(more.Addr())))) + len(lan.Seen(anyReply.With(ipv6.Src.Is(more.Addr())))) +
				len(lan.Seen(anyReply)) - 1 // the sign of life
			used := until(p, 3*retrans, func() bool { return usable(p, more.Addr()) })
			each(r.Requirements, func(req string) {
				p.That(req, "answers while the address is tentative", said, gomega.BeZero())
				p.That(req, "the address is used in the end", used, gomega.BeTrue())
			})
		})

	suite.It("slaac.dad.no-source", "a tentative address is no source of packets",
		check.Proves("RFC4862:5.4-12", mutate.Field(ipv6.Header(in(ipv6.Dst, netip.MustParsePrefix("2001:db8:1::/64"))).Then(icmpv6.EchoReply()), ipv6.Src.Is(more.Addr()))).
			Needs(target.DAD, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := probing(p)
			lan.Ping()
			lan.Ask(icmpv6.Echo(p.Serial(), 1, nil).With(ipv6.Dst.Is(ipv6.AllNodes)), anyReply, probe.For("RFC4862:5.4-12"))
			p.That("RFC4862:5.4-12", "packets from the tentative address", lan.Seen(ipv6.Header(ipv6.Src.Is(more.Addr()))), gomega.BeEmpty())
		})

	suite.It("slaac.dad.before", "what is heard during the delay before the first solicitation counts: others who want the address have it",
		check.Proves("RFC4862:5.4.3-6", ofLinkLocal(func(ns packet.Template) mutate.Mutation { return mutate.Ignores(ns) })).
			And("RFC4862:5.4.2-11", mutate.Ignores(ndp.Solicitation().With(ipv6.Src.Is(ipv6.Unspecified)))).
			Needs(target.DAD, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			own := lan.LinkLocal().TargetIP()
			p.Wait(4 * time.Second)
			p.LinkDown()
			p.Wait(200 * time.Millisecond)
			from := p.Now()
			p.LinkUp()
			p.Wait(time.Millisecond)
			lan.Send(ndp.Probe(own))
			for _, f := range lan.Seen(ndp.Solicit(own).With(ipv6.Src.Is(ipv6.Unspecified))) {
				if f.At >= from && f.At <= p.Now() {
					p.Inconclusive("the target's first solicitation came at once")
				}
			}
			p.Wait(delay + 2*retrans)
			s := state(p, own)
			that(p, "the address is given up", s != "preferred" && s != "deprecated", "RFC4862:5.4.3-6", "RFC4862:5.4.2-11")
		})

	suite.It("slaac.dad.assigned", "a solicitation for an address in use is answered, whoever asks",
		check.Proves("RFC4862:5.4.3-1", mutate.Missing(ndp.Advert(ndp.NATarget.Is(more.Addr())))).
			And("RFC4862:5.4.4-2", mutate.Missing(anyReply.With(ipv6.Src.Is(more.Addr())))).
			And("RFC4862:5.4.4-3", mutate.Ignores(ndp.Advert(ndp.NATarget.Is(others)))).
			Needs(target.DAD, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(3 * time.Second)
			p.AddAddress(more)
			until(p, 4*retrans, func() bool { return usable(p, more.Addr()) })
			lan.Ask(ndp.Solicit(more.Addr()), ndp.Advert(ndp.NATarget.Is(more.Addr()), ndp.Solicited.Is(1)), probe.For("RFC4862:5.4.3-1"))
			lan.Ask(ndp.Probe(more.Addr()), ndp.Advert(ndp.NATarget.Is(more.Addr()), ndp.Solicited.Is(0)).With(ipv6.Dst.Is(ipv6.AllNodes)), probe.For("RFC4862:5.4.3-1"))
			// Another neighbour's address is learned of an advertisement, as always: it answers the question for it.
			x := lan.Claiming(others)
			id := p.Serial()
			x.Send(icmpv6.Echo(id, 1, nil))
			x.Expect(ndp.Solicit(others), probe.For(), probe.Because("the address is to be resolved"))
			x.Send(ndp.Advert())
			x.Expect(icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For("RFC4862:5.4.4-3"), probe.Because("its link address is known now"))
			lan.Send(theirs())
			p.Wait(100 * time.Millisecond)
			kept := answers(lan, more.Addr())
			p.Observed("RFC4862:5.4.4-2", "the address is kept: %v; its state is %s", kept, state(p, more.Addr()))
			that(p, "the rest of the host goes on", answers(lan, lan.TargetIP()), "RFC4862:5.4.4-2")
			if state(p, more.Addr()) == "preferred" {
				that(p, "an address that is kept answers", kept, "RFC4862:5.4.4-2")
			}
		})

	suite.It("slaac.dad.logged", "an address that is found to be a duplicate is told to the management",
		check.Proves("RFC4862:5.4.5-2", mutate.Mute("IPV6_DAD_FAILED")).
			Needs(target.DAD, target.Management6, target.Agent, target.Events),
		func(p *probe.P) {
			s := p.Subscribe(ipv6Events)
			lan := probing(p)
			lan.Send(theirs())
			p.Wait(retrans)
			p.That("RFC4862:5.4.5-2", "events", probe.Names(s.Events()), gomega.ContainElement("IPV6_DAD_FAILED"))
		})
}

// has finds an address in a reply.
func has(r *agent.Reply, a netip.Addr) (agent.Address, bool) {
	for _, x := range r.Addrs {
		if x.Addr == a {
			return x, true
		}
	}
	return agent.Address{}, false
}
