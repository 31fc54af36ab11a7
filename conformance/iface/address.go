package iface

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// second is another address of the link's subnet, and elsewhere one of another subnet.
func second(p *probe.P) netip.Prefix {
	a := p.Net().Prefix4.Addr().As4()
	a[3] = 77
	return netip.PrefixFrom(netip.AddrFrom4(a), p.Net().Prefix4.Bits())
}

var elsewhere = netip.MustParsePrefix("203.0.113.77/24")

// resolved asks for the link address of an address of the target.
func resolved(t *probe.Tester, ip netip.Addr) (request, reply packet.Template) {
	return arp.Request(ip), arp.Packet(arp.Op.Is(arp.OpReply), arp.SenderIP.Is(ip))
}

// defaultIs is a target that says which of its interfaces is the default, by their order.
func defaultIs(n int) mutate.Mutation {
	return mutate.Tells("chooses another default", func(_ agent.Request, r *agent.Reply) {
		for i := range r.Ifaces {
			r.Ifaces[i].Default = i == n
		}
	})
}

// defaults is the place of the default interface among all, -1 for none or several.
func defaults(all []agent.Iface) int {
	at := -1
	for i, f := range all {
		if f.Default && at >= 0 {
			return -1
		} else if f.Default {
			at = i
		}
	}
	return at
}

func init() {
	suite.It("iface.address.change", "an address that is added answers, and one that is removed does not",
		check.Proves("ZEPHYR:IF-8", mutate.Unheeded("keeps its addresses", mutate.Verb(agent.DelAddr))).
			Needs(target.Interfaces),
		func(p *probe.P) {
			lan := p.IPv4()
			a := second(p)
			p.Step("before it is added")
			request, reply := resolved(lan, a.Addr())
			lan.Send(request)
			answers(lan, probe.For())
			p.That("ZEPHYR:IF-8", "answers for an address that nobody has", len(lan.Seen(reply)), gomega.BeZero())
			p.That("ZEPHYR:IF-8", "adding it", saying(p.AddAddressTo(0, a)), gomega.Equal("nothing"))
			lan.Ask(request, reply)
			answers(lan.Facing(a.Addr()))
			p.RemoveAddress(a.Addr())
			p.Forget()
			lan.Send(request)
			asked, echoed := echo(lan)
			lan.Send(asked.With(ipv4.Dst.Is(a.Addr())))
			answers(lan, probe.For(), probe.Because("the other address is still there"))
			lan.Never(reply, stays/5)
			lan.Never(echoed, stays/5)
		})

	suite.It("iface.address.several", "several addresses, of one subnet and of others, are all in use",
		check.Proves("ZEPHYR:IF-9", mutate.Ignores(ipv4.Header(ipv4.Dst.Is(elsewhere.Addr())))).
			Needs(target.Interfaces),
		func(p *probe.P) {
			lan := p.IPv4()
			for _, a := range []netip.Prefix{second(p), elsewhere} {
				p.That("ZEPHYR:IF-9", "adding "+a.String(), saying(p.AddAddressTo(0, a)), gomega.Equal("nothing"))
			}
			there := lan.Facing(elsewhere.Addr()).Claiming(elsewhere.Addr().Next())
			request, reply := resolved(there, elsewhere.Addr())
			there.Ask(request, reply) // and so the target knows the tester by that address
			for _, t := range []*probe.Tester{lan, lan.Facing(second(p).Addr()), there} {
				request, reply := echo(t)
				f := t.Ask(request, reply)
				p.Must("ZEPHYR:IF-9", f, ipv4.Src.Is(t.TargetIP()))
			}
		})

	suite.It("iface.address.absent", "an address that is not there cannot be removed, and the others stay",
		check.Proves("ZEPHYR:IF-11", mutate.Tells("agrees to all", func(_ agent.Request, r *agent.Reply) { r.Errno = "" })).
			Needs(target.Interfaces),
		func(p *probe.P) {
			lan := p.IPv4()
			err := p.Manage(agent.Request{Do: agent.DelAddr, Local: netip.AddrPortFrom(elsewhere.Addr(), 0)})
			p.That("ZEPHYR:IF-11", "what removing it says", saying(err), gomega.Not(gomega.Equal("nothing")))
			p.That("ZEPHYR:IF-11", "how many addresses there are", len(p.Addresses()), gomega.BeNumerically(">=", 1))
			answers(lan, probe.For())
		})

	suite.It("iface.address.source", "what is sent has an address of the interface that it leaves by",
		check.Proves("ZEPHYR:IF-10", mutate.Between(func(near, far target.Net) mutate.Mutation {
			return mutate.Field(datagram.With(ipv4.Src.Is(far.Target.IP4)), ipv4.Src.Is(near.Target.IP4))
		})).Needs(target.Agent, target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv4()
			s := p.UDP(0)
			for n := range 2 {
				on := lan.Link(n)
				tell(on, s)
				p.Must("ZEPHYR:IF-10", on.Expect(datagram, probe.For()), ipv4.Src.Is(on.TargetIP()))
			}
		})

	suite.It("iface.default.first", "the default interface is the first one",
		check.Proves("ZEPHYR:IF-3", defaultIs(1)).Needs(target.Interfaces, target.SecondLink).Configured("CONFIG_NET_DEFAULT_IF_FIRST=y"),
		func(p *probe.P) {
			p.That("ZEPHYR:IF-3", "the default one of two", defaults(p.Ifaces()), gomega.Equal(0))
			p.LinkDown()
			p.That("ZEPHYR:IF-3", "the default one while the first is down", defaults(p.Ifaces()), gomega.Equal(0))
		})

	suite.It("iface.default.up", "with this choice the default interface is the first one that is up",
		check.Proves("ZEPHYR:IF-4", defaultIs(0)).Needs(target.Interfaces, target.SecondLink).Configured("CONFIG_NET_DEFAULT_IF_UP=y"),
		func(p *probe.P) {
			p.That("ZEPHYR:IF-4", "the default one of two", defaults(p.Ifaces()), gomega.Equal(0))
			p.LinkDown()
			p.That("ZEPHYR:IF-4", "the default one while the first is down", defaults(p.Ifaces()), gomega.Equal(1))
			p.LinkUp()
			p.That("ZEPHYR:IF-4", "the default one when it is up again", defaults(p.Ifaces()), gomega.Equal(0))
		})

	suite.It("iface.default.ethernet", "with this choice the default interface is the first Ethernet, and no VLAN on one",
		check.Proves("ZEPHYR:IF-5", defaultIs(1)).Needs(target.Interfaces, target.SecondLink, target.VLAN).Configured("CONFIG_NET_DEFAULT_IF_ETHERNET=y"),
		func(p *probe.P) {
			if _, err := p.AddVLAN(7); err != nil {
				p.Inconclusive("the target refused VLAN 7: %v", err)
			}
			p.That("ZEPHYR:IF-5", "the default one of three", defaults(p.Ifaces()), gomega.Equal(0))
		})

	suite.It("iface.index", "interfaces have indices, from 1, and names, each its own",
		check.Proves("ZEPHYR:IF-13", mutate.Tells("gives all the same index", func(_ agent.Request, r *agent.Reply) {
			for i := range r.Ifaces {
				r.Ifaces[i].Index = 1
			}
		})).Needs(target.Interfaces, target.SecondLink),
		func(p *probe.P) {
			indices, names := map[int]bool{}, map[string]bool{}
			all := p.Ifaces()
			for _, i := range all {
				p.That("ZEPHYR:IF-13", "the index", i.Index, gomega.BeNumerically(">=", 1))
				p.That("ZEPHYR:IF-13", "the name", i.Name, gomega.Not(gomega.BeEmpty()))
				indices[i.Index], names[i.Name] = true, true
			}
			p.That("ZEPHYR:IF-13", "different indices and names", []int{len(indices), len(names)}, gomega.Equal([]int{len(all), len(all)}))
			p.That("ZEPHYR:IF-13", "how many there are", len(all), gomega.BeNumerically(">=", 2))
		})
}
