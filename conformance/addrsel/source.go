package addrsel

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Sources: RFC 6724, 4 and 5, with the default policy table.

// A choice is of a source: what a host has, where it sends to, and what it sends from. "LL" is its link-local address.
type choice struct {
	name    string
	dst     string
	sources []string // beside the link-local one; "-" in front of all: without that
	want    string
	reqs    []string
}

func (c choice) String() string   { return c.name }
func (c choice) Proves() []string { return c.reqs }

// loser is a source that is not the right one.
func (c choice) loser() netip.Addr {
	for _, s := range c.sources {
		if s == "-" {
			continue
		}
		if a, _ := given(s); c.want == "LL" || a.Addr() != addr(c.want) {
			return a.Addr()
		}
	}
	return addr("fe80::99")
}

var choices = []choice{
	{"2: global destination", "2001:db8:1::1", []string{"2001:db8:3::1"}, "2001:db8:3::1",
		[]string{"RFC6724:5-4", "RFC6724:10.1-1", "RFC6724:2-2", "RFC6724:4-12", "RFC6724:5-1", "RFC6724:4-7", "RFC6724:4-8", "RFC6724:3.1-1"}},
	{"2: group of the site", "ff05::1", []string{"2001:db8:3::1"}, "2001:db8:3::1", []string{"RFC6724:5-4", "RFC6724:10.1-2"}},
	{"2: group of the link", "ff02::1:2345", []string{"2001:db8:3::1"}, "LL", []string{"RFC6724:5-4", "RFC6724:4-4", "RFC6724:3.1-1"}},
	{"2: group of everywhere", "ff0e::1:2345", []string{"2001:db8:3::1"}, "2001:db8:3::1", []string{"RFC6724:5-4"}},
	{"2: link-local destination", "fe80::1:1", []string{"2001:db8:3::1"}, "LL", []string{"RFC6724:5-4", "RFC6724:4-5"}},
	{"2: unique local addresses are global", "2001:db8:1::1", []string{"fd00:1::1"}, "fd00:1::1", []string{"RFC6724:3.1-2"}},
	{"2: site-local", "fec0::99:1", []string{"fec0::1:0:0:0:1", "2001:db8:3::1"}, "fec0::1:0:0:0:1", []string{"RFC6724:3.1-1", "RFC6724:5-4"}},
	{"2: the larger of two that are too small", "2001:db8:1::1", []string{"fec0::1:0:0:0:1"}, "fec0::1:0:0:0:1", []string{"RFC6724:5-4"}},
	{"2: IPv4-compatible addresses are global", "2001:db8:1::1", []string{"::198.51.100.1/96"}, "::198.51.100.1", []string{"RFC6724:3.3-1", "RFC6724:3.3-2"}},
	{"2: addresses of 6to4 are global", "2001:db8:1::1", []string{"2002:c633:6401::1"}, "2002:c633:6401::1", []string{"RFC6724:3.3-1"}},
	{"2: unknown formats are global", "2001:db8:1::1", []string{"8000:1::1"}, "8000:1::1", []string{"RFC6724:3.4-2"}},
	{"2 before 3", "fe80::1:1", []string{"-", "!fe80::2", "2001:db8:1::1"}, "fe80::2", []string{"RFC6724:10.1-4", "RFC6724:5-1"}},
	{"3", "2001:db8:1::99", []string{"!2001:db8:1::1", "2001:db8:3::1"}, "2001:db8:3::1", []string{"RFC6724:5-5"}},
	{"3 before 6", "fd00:1::99", []string{"!fd00:2::1", "2001:db8:3::1"}, "2001:db8:3::1", []string{"RFC6724:5-5", "RFC6724:5-1"}},
	{"6: 2002::/16", "2003:1::99", []string{"2002:1::1", "4000:1::1"}, "4000:1::1", []string{"RFC6724:5-11", "RFC6724:2.1-7", "RFC6724:2.1-3", "RFC6724:2.1-1"}},
	{"6: 2002::/16, to one", "2002:c633:6401::1", []string{"2002:c633:6401::d5e3:7953:13eb:22e8", "2001:db8:1::2"}, "2002:c633:6401::d5e3:7953:13eb:22e8", []string{"RFC6724:10.1-7"}},
	{"6: 2001::/32", "2001:db8:1::1", []string{"2001:0:1::1", "4000:1::1"}, "4000:1::1", []string{"RFC6724:5-11", "RFC6724:2.1-8"}},
	{"6: fc00::/7", "fe00:1::99", []string{"fd00:1::1", "8000:1::1"}, "8000:1::1", []string{"RFC6724:5-11", "RFC6724:2.1-9"}},
	{"6: fc00::/7, to one", "fd00:1::99", []string{"fe00:2::1", "fc00:2::1"}, "fc00:2::1", []string{"RFC6724:5-11", "RFC6724:2.1-9"}},
	{"6: ::/96", "1::1", []string{"::198.51.100.1/96", "8000:1::1"}, "8000:1::1", []string{"RFC6724:2.1-10"}},
	{"6: 3ffe::/16", "3fff:1::99", []string{"3ffe:1::1", "2001:db8:3::1"}, "2001:db8:3::1", []string{"RFC6724:2.1-12"}},
	{"6: a group of everywhere", "ff0e::1:2345", []string{"fd11:1111:1111:1::1", "2001:db8:1::1"}, "2001:db8:1::1", []string{"RFC6724:10.6-3"}},
	{"6 before 8", "2001:db8:1::1", []string{"2001:0:1::1", "8000:1::1"}, "8000:1::1", []string{"RFC6724:5-1", "RFC6724:2.1-5"}},
	{"8", "2001:db8:1::1", []string{"2001:db8:3::2", "2001:db8:1::2"}, "2001:db8:1::2", []string{"RFC6724:5-18", "RFC6724:10.1-5"}},
	{"8: as many bits as the prefix has", "2001:db8:1:1::99", []string{"2001:db8:1:1::1/48", "2001:db8:1:2::1/64"}, "2001:db8:1:2::1", []string{"RFC6724:2.2-1"}},
}

// homeChoices are those that take a home address.
var homeChoices = []choice{
	{"4", "2001:db8:1::1", []string{"2001:db8:1::2", "^2001:db8:3::2"}, "2001:db8:3::2", []string{"RFC6724:5-6", "RFC6724:10.1-6"}},
	{"4 before 6", "fd00:1::99", []string{"fd00:2::1", "^2001:db8:3::1"}, "2001:db8:3::1", []string{"RFC6724:5-6"}},
	{"3 before 4", "2001:db8:1::99", []string{"!2001:db8:1::1", "^2001:db8:3::1"}, "2001:db8:3::1", []string{"RFC6724:5-6"}},
}

func init() {
	needs := []target.Feature{target.Management6, target.Agent}
	choosing("addrsel.source", "the source is the one that the rules prefer", choices, needs)
	choosing("addrsel.source.home", "a home address is preferred to a care-of address", homeChoices, append(needs, target.Mobile))

	suite.It("addrsel.source.same", "what a host sends to one of its own addresses comes from there",
		check.Proves("RFC6724:5-3", elsewhere).And("RFC6724:10.1-3", elsewhere).Needs(needs...),
		func(p *probe.P) {
			lan := host(p, false, "!2001:db8:1::1", "2001:db8:2::1")
			s := lan.UDP(0)
			if err := s.Connect(netip.AddrPortFrom(addr("2001:db8:1::1"), discard)); err != nil {
				p.Inconclusive("the target refuses: %v", err)
			}
			local, err := s.SockName()
			if err != nil {
				p.Inconclusive("the target does not tell: %v", err)
			}
			for _, req := range []string{"RFC6724:5-3", "RFC6724:10.1-3"} {
				p.That(req, "the source", local.Addr().WithZone(""), gomega.Equal(addr("2001:db8:1::1")))
			}
		})

	suite.It("addrsel.source.chosen", "the source that an application chooses is taken, whatever the rules prefer; one that the host has not is an error",
		check.Proves("RFC6724:1-1", mutate.Field(datagram, ipv6.Src.Is(addr("2001:db8:1::2")))).
			And("RFC6724:4-11", mutate.Field(datagram, ipv6.Src.Is(addr("2001:db8:1::3")))).
			And("RFC6724:4-10", mutate.Errno(agent.Bind, "", "EADDRNOTAVAIL", "EINVAL")).Needs(needs...),
		func(p *probe.P) {
			lan := host(p, false, "2001:db8:1::2", "!2001:db8:3::2")
			chosen := addr("2001:db8:3::2")
			got := from(lan, lan.UDPAt(netip.AddrPortFrom(chosen, 0)), addr("2001:db8:1::1"))
			for _, req := range []string{"RFC6724:1-1", "RFC6724:4-11"} {
				p.That(req, "the source", got, gomega.Equal(chosen))
			}
			s := p.Open("inet6", "dgram", 0)
			p.That("RFC6724:4-10", "the error", s.Bind(netip.AddrPortFrom(addr("2001:db8:9::9"), 0)), gomega.HaveOccurred())
		})

	suite.It("addrsel.source.answer", "the answer to a request that came by a group has a source by the same rules",
		check.Proves("RFC6724:2-4", mutate.Field(icmpv6.EchoReply().With(ipv6.Dst.Is(addr("2001:db8:1::1"))), ipv6.Src.Is(addr("fe80::99")))).Needs(needs...),
		func(p *probe.P) {
			lan := host(p, false, "2001:db8:3::2", "2001:db8:1::2")
			x := lan.Owns(addr("2001:db8:1::1"))
			f := x.Ask(icmpv6.Echo(p.Serial(), 1, nil).With(ipv6.Dst.Is(ipv6.AllNodes)), icmpv6.EchoReply(), probe.For())
			p.Must("RFC6724:2-4", f, ipv6.Src.Is(addr("2001:db8:1::2")))
			local := lan.LinkLocal()
			f = local.Ask(icmpv6.Echo(p.Serial(), 1, nil).With(ipv6.Dst.Is(ipv6.AllNodes)), icmpv6.EchoReply(), probe.For())
			p.Must("RFC6724:2-4", f, ipv6.Src.Is(local.TargetIP()))
		})

	suite.It("addrsel.source.interface", "the source is an address of the interface that the datagram leaves by, which is chosen before",
		check.Proves("RFC6724:5-9", mutate.Field(datagram, ipv6.Src.Is(addr("2001:db8:2::2")))).
			And("RFC6724:4-1", mutate.Between(func(near, far target.Net) mutate.Mutation {
				return mutate.Field(datagram, ipv6.Src.Is(far.Target.IP6))
			})).
			And("RFC6724:7-1", mutate.Elsewhere(datagram)).Needs(target.SecondLink, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Router(ndp.Lifetime.Is(9000)).Advertise()
			p.Wait(settled(p))
			dst := addr("2001:db8:2:1::1") // as far as bits go, nearer to the address on the other link
			got := from(lan, lan.UDP(0), dst)
			for _, req := range []string{"RFC6724:5-9", "RFC6724:4-1"} {
				p.That(req, "the source", got, gomega.Equal(lan.TargetIP()))
			}
			p.That("RFC6724:7-1", "datagrams on the first link, where the router is", len(lan.Seen(datagram)), gomega.BeNumerically(">", 0))
		})

	suite.It("addrsel.source.router", "an address that the next hop has assigned is preferred, by a host that knows who assigned it",
		check.Proves("RFC6724:5-10", mutate.Instead(datagram, "from the address of the other router", func(f *packet.Frame) []packet.Cond {
			src, _ := ipv6.Src.Of(f)
			b := src.As16()
			b[5] ^= 0x0a ^ 0x0b
			return []packet.Cond{ipv6.Src.Is(netip.AddrFrom16(b))}
		})).Needs(target.SLAAC, target.Agent, target.Management6).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			nets := []netip.Prefix{netip.MustParsePrefix("2001:db8:a::/64"), netip.MustParsePrefix("2001:db8:b::/64")}
			var routers []*probe.Router
			for i, net := range nets {
				r := lan.As(i).Router(ndp.Lifetime.Is(9000))
				x := ndp.Advertised(net)
				x.OnLink = false
				r.Advertise(r.Prefixes(x))
				routers = append(routers, r)
			}
			p.Wait(2 * time.Second)
			sources := map[int]int{}
			for turn := range 2 {
				// The other router is one no longer, so that this one is the next hop; its prefix stays.
				routers[1-turn].Send(ndp.RouterAdvert(ndp.Lifetime.Is(0)))
				routers[turn].Advertise()
				x := ndp.Advertised(nets[turn])
				x.OnLink = false
				routers[turn].Advertise(routers[turn].Prefixes(x))
				p.Wait(settled(p))
				src := from(lan, lan.UDP(0), addr("2001:db8:c::1"))
				for i, net := range nets {
					if net.Contains(src) {
						sources[turn] = i
					}
				}
			}
			switch {
			case sources[0] == sources[1]:
				p.Observed("RFC6724:5-10", "the target does not know who assigned an address")
			default:
				p.Observed("RFC6724:5-10", "the target takes the address that the next hop assigned")
				p.That("RFC6724:5-10", "the router whose prefix the source is of, with the first as next hop", sources[0], gomega.Equal(0))
			}
		})

	preferences(needs)
}

// choosing adds a check of choices.
func choosing(id, title string, axis []choice, needs []target.Feature) {
	claims := check.Claims{}
	done := map[string]bool{}
	for _, c := range axis {
		for _, req := range c.reqs {
			if done[req] {
				continue
			}
			done[req] = true
			m := mutate.Field(datagram.With(ipv6.Dst.Is(addr(c.dst))), ipv6.Src.Is(c.loser()))
			switch req {
			case "RFC6724:4-7":
				m = mutate.Field(datagram, ipv6.Src.Is(addr("ff02::1")))
			case "RFC6724:4-8":
				m = mutate.Field(datagram, ipv6.Src.Is(addr("::")))
			}
			claims = claims.And(req, m)
		}
	}
	check.Grid(suite, id, title, claims.Needs(needs...), axis, func(p *probe.P, c choice) {
		bare, sources := c.sources[0] == "-", c.sources
		if bare {
			sources = sources[1:]
		}
		lan := host(p, bare, sources...)
		want := lan.LinkLocal().TargetIP()
		if c.want != "LL" {
			want = addr(c.want)
		}
		got := from(lan, lan.UDP(0), addr(c.dst))
		for _, req := range c.reqs {
			p.That(req, "the source of a datagram to "+c.dst, got.String(), gomega.Equal(want.String()))
		}
	})
}

// elsewhere is a target whose sockets say that they are bound to another address.
var elsewhere = mutate.Replies("says another address", mutate.Verb(agent.SockName), func(r *agent.Reply) {
	r.Local = netip.AddrPortFrom(addr("2001:db8:2::1"), r.Local.Port())
})

// Of IPV6_ADDR_PREFERENCES (RFC 5014), with the values of Linux.
const (
	preferTemporary = 0x1
	preferPublic    = 0x2
	preferCareOf    = 0x4
)

// preferences are what applications and administrators may turn round.
func preferences(needs []target.Feature) {
	const option = "IPV6_ADDR_PREFERENCES"
	suite.It("addrsel.prefer.home", "an application may prefer care-of addresses, for itself alone",
		check.Proves("RFC6724:5-7", mutate.Unheeded("does not heed what an application prefers", mutate.Option(agent.SetOpt, option))).
			And("RFC6724:5-8", mutate.Field(datagram, ipv6.Src.Is(addr("2001:db8:1::2")))).Needs(append(needs, target.Mobile)...),
		func(p *probe.P) {
			lan := host(p, false, "2001:db8:1::2", "^2001:db8:3::2")
			s, other := lan.UDP(0), lan.UDP(0)
			if err := s.SetOption(option, preferCareOf); err != nil {
				p.Fail("RFC6724:5-7", probe.Value, "the application can say what it prefers: %v", err)
				p.Meets("RFC6724:5-8")
				return
			}
			p.That("RFC6724:5-7", "the source", from(lan, s, addr("2001:db8:1::1")), gomega.Equal(addr("2001:db8:1::2")))
			p.That("RFC6724:5-8", "the source of another socket", from(lan, other, addr("2001:db8:1::1")), gomega.Equal(addr("2001:db8:3::2")))
		})

	temp := []target.Feature{target.SLAAC, target.TempAddrs, target.Management6, target.Agent}
	net := netip.MustParsePrefix("2001:db8:a::/64")
	inNet := ipv6.Src.Where("in "+net.String(), net.Contains)
	both := func(p *probe.P) (lan *probe.Tester, public, temporary netip.Addr) {
		r := p.IPv6().Router(ndp.Lifetime.Is(9000))
		r.Advertise(r.Prefixes(ndp.Advertised(net)))
		p.Wait(max(settled(p), 10*settled(p)))
		for _, a := range p.Addresses() {
			switch {
			case !net.Contains(a.Addr):
			case a.Temporary:
				temporary = a.Addr
			default:
				public = a.Addr
			}
		}
		if !public.IsValid() || !temporary.IsValid() {
			p.Inconclusive("the target has no temporary address beside a public one")
		}
		return r.In(net), public, temporary
	}
	suite.It("addrsel.prefer.temporary", "a temporary address is preferred to a public one, unless an application asks for the other, for itself",
		check.Proves("RFC6724:5-12", mutate.Field(datagram, ipv6.Src.Is(addr("2001:db8:a::99")))).
			And("RFC6724:10.1-8", mutate.Field(datagram.With(inNet), ipv6.Src.Is(addr("2001:db8:a::98")))).
			And("RFC6724:5-13", mutate.Unheeded("does not heed what an application prefers", mutate.Option(agent.SetOpt, option))).
			And("RFC6724:5-14", mutate.Field(datagram, ipv6.Src.Is(addr("2001:db8:a::97")))).
			And("RFC6724:5-15", mutate.Missing(datagram)).Needs(temp...),
		func(p *probe.P) {
			lan, public, temporary := both(p)
			s, other := lan.UDP(0), lan.UDP(0)
			peer := addr("2001:db8:1::d5e3:0:0:1")
			got := from(lan, other, peer)
			that := gomega.Equal(temporary)
			p.Observed("RFC6724:5-15", "the source is %s, of the temporary %s and the public %s", got, temporary, public)
			p.That("RFC6724:5-15", "the source is one of both", got == public || got == temporary, gomega.BeTrue())
			p.That("RFC6724:5-12", "the source", got, that)
			p.That("RFC6724:10.1-8", "the source", got, that)
			if err := s.SetOption(option, preferPublic); err != nil {
				p.Fail("RFC6724:5-13", probe.Value, "the application can say what it prefers: %v", err)
				p.Meets("RFC6724:5-14")
				return
			}
			p.That("RFC6724:5-13", "the source of who prefers public addresses", from(lan, s, peer), gomega.Equal(public))
			p.That("RFC6724:5-14", "the source of another socket", from(lan, other, peer), that)
		})

	suite.It("addrsel.prefer.public", "an administrator may prefer public addresses; an application may still ask for temporary ones",
		check.Proves("RFC6724:5-16", mutate.Field(datagram, ipv6.Src.Is(addr("2001:db8:a::99")))).
			And("RFC6724:2-7", mutate.Field(datagram, ipv6.Src.Is(addr("2001:db8:a::98")))).
			And("RFC6724:5-13", mutate.Unheeded("does not heed what an application prefers", mutate.Option(agent.SetOpt, option))).
			Needs(temp...).Configured("CONFIG_NET_IPV6_PE_PREFER_PUBLIC_ADDRESSES=y"),
		func(p *probe.P) {
			lan, public, temporary := both(p)
			s, other := lan.UDP(0), lan.UDP(0)
			peer := addr("2001:db8:1::d5e3:0:0:1")
			got := from(lan, other, peer)
			p.That("RFC6724:5-16", "the source", got, gomega.Equal(public))
			p.That("RFC6724:2-7", "the source", got, gomega.Equal(public))
			_ = s.SetOption(option, preferTemporary)
			p.That("RFC6724:5-13", "the source of who prefers temporary addresses", from(lan, s, peer), gomega.Equal(temporary))
		})
}
