package ipv6

import (
	"net"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
	"github.com/onsi/gomega"
)

// Addresses: RFC 4291.

func addr(s string) netip.Addr { return ipv6.MustAddr(s) }

// bad is a packet that must have no effect, for the address that it has.
type bad struct {
	kit.Aspect
	field packet.Field[netip.Addr]
	addr  string
}

func init() {
	check.Grid(suite, "ipv6.addr.invalid", "a packet with an address that cannot be there has no effect",
		check.Proves("RFC4291:2.7-7", mutate.Gullible()).
			And("RFC4291:2.5.3-6", mutate.Gullible()).
			And("RFC4291:2.5.3-3", mutate.Gullible()).
			And("RFC4291:2.5.2-2", mutate.Gullible()).
			And("RFC4291:2.5.2-1", mutate.Gullible()).
			And("RFC4291:2.4-1", mutate.Persuaded()).
			And("RFC4291:2.4-2", mutate.Persuaded()).
			And("RFC4291:2.4-3", mutate.Persuaded()).
			And("RFC4291:2.7-11", mutate.Gullible()),
		[]bad{
			{kit.About("source ff02::1", "RFC4291:2.7-7", "RFC4291:2.4-3"), ipv6.Src, "ff02::1"},
			{kit.About("source ff0e::1234", "RFC4291:2.7-7", "RFC4291:2.4-3"), ipv6.Src, "ff0e::1234"},
			{kit.About("source ffff::1", "RFC4291:2.7-7", "RFC4291:2.4-3"), ipv6.Src, "ffff::1"},
			{kit.About("source loopback", "RFC4291:2.5.3-3", "RFC4291:2.4-2"), ipv6.Src, "::1"},
			{kit.About("destination loopback", "RFC4291:2.5.3-6", "RFC4291:2.4-2"), ipv6.Dst, "::1"},
			{kit.About("destination unspecified", "RFC4291:2.5.2-2", "RFC4291:2.5.2-1", "RFC4291:2.4-1"), ipv6.Dst, "::"},
			{kit.About("group of scope 0", "RFC4291:2.7-11"), ipv6.Dst, "ff00::1"},
			{kit.About("transient group of scope 0", "RFC4291:2.7-11"), ipv6.Dst, "ff10::1234"},
		},
		func(p *probe.P, b bad) {
			lan := p.IPv6()
			good := echo(p)
			conds := []packet.Cond{b.field.Is(addr(b.addr))}
			if b.field.Name() == ipv6.Dst.Name() && !addr(b.addr).IsMulticast() {
				conds = append(conds, ethernet.Dst.Is(lan.TargetMAC()))
			}
			lan.Silent(good.With(conds...), good, anyReply, probe.For(b.Requirements...))
			// An answer to an address that the tester does not have would be seen as well: as a packet, or as a question for it.
			for _, r := range b.Requirements {
				none(lan, r, "nothing goes to such an address", ipv6.Header(ipv6.Dst.Is(addr(b.addr))))
			}
		})

	check.Grid(suite, "ipv6.addr.global", "addresses that are of no kind of their own are global unicast",
		check.Proves("RFC4291:2.4-5", mutate.Missing(anyReply)).
			And("RFC4291:2.2-3", mutate.Missing(anyReply)).
			And("RFC4291:2-2", mutate.Missing(anyReply)).
			And("RFC4291:2.5-1", mutate.Missing(anyReply)).
			And("RFC4291:2.5.7-1", mutate.Missing(anyReply)).
			And("RFC4291:2.5.7-2", mutate.Missing(anyReply)).
			And("RFC4291:2.5.4-1", mutate.Missing(anyReply)).Needs(target.Management6, target.Agent),
		[]string{"2001:db8:77::", "fec0::77:0", "4000::77:0", "8000::77:0", "fc00::77:0", "f000::77:0", "100:1::77:0"},
		func(p *probe.P, prefix string) {
			// The target has ...1 of the prefix, and the tester ...2.
			own, peer := lastOctet(prefix, 1), lastOctet(prefix, 2)
			added(p, own)
			lan := p.IPv6().Owns(peer).Facing(own)
			reply := lan.Ask(echo(p), anyReply, probe.For("RFC4291:2.4-5", "RFC4291:2.2-3", "RFC4291:2-2", "RFC4291:2.5-1", "RFC4291:2.5.7-1", "RFC4291:2.5.7-2", "RFC4291:2.5.4-1"))
			p.Must("RFC4291:2.4-5", reply, ipv6.Src.Is(own))
		})

	suite.It("ipv6.addr.several", "an interface may have several addresses, and answers to each",
		check.Proves("RFC4291:2.1-1", mutate.Missing(anyReply)).
			And("RFC4291:2.1-2", fromLinkLocal).
			And("RFC4291:2.1-3", mutate.Missing(anyReply)).
			And("RFC4291:2.1-5", mutate.Missing(anyReply)).
			And("RFC4291:2.4-4", fromLinkLocal).
			And("RFC4291:2.5.6-1", fromLinkLocal).
			And("RFC4291:2.8-1", fromLinkLocal).
			And("RFC4291:2.8-2", mutate.Missing(anyReply)).Needs(target.Management6, target.Agent),
		func(p *probe.P) {
			more := []netip.Addr{addr("2001:db8:1::77"), addr("2001:db8:78::1")}
			for _, a := range more {
				added(p, a)
			}
			lan := p.IPv6()
			for _, a := range append(more, lan.TargetIP()) {
				reply := lan.Facing(a).Ask(echo(p), anyReply, probe.For("RFC4291:2.1-1", "RFC4291:2.1-3", "RFC4291:2.1-5", "RFC4291:2.8-2"))
				p.Must("RFC4291:2.8-2", reply, ipv6.Src.Is(a))
			}
			lan.LinkLocal().Ask(echo(p), anyReply.With(ipv6.Src.Is(lan.LinkLocal().TargetIP())), probe.For("RFC4291:2.1-2", "RFC4291:2.4-4", "RFC4291:2.5.6-1", "RFC4291:2.8-1"))
		})

	suite.It("ipv6.addr.link-local", "the link-local address is fe80::/64 with an identifier of 64 bits",
		check.Proves("RFC4291:2.5.6-1", mutate.Field(anyReply, ipv6.Src.Is(addr("fe80:1::1")))).
			And("RFC4291:2.5.1-4", mutate.Field(anyReply, ipv6.Src.Is(addr("fe80:1::1")))).
			And("RFC4291:2.1-2", mutate.Missing(anyReply)).
			And("RFC4291:2.8-1", mutate.Missing(anyReply)),
		func(p *probe.P) {
			lan := p.IPv6().LinkLocal()
			reply := lan.Ask(echo(p).With(ipv6.Dst.Is(ipv6.AllNodes)), anyReply, probe.For("RFC4291:2.1-2", "RFC4291:2.8-1"))
			for _, r := range []string{"RFC4291:2.5.6-1", "RFC4291:2.5.1-4"} {
				p.Must(r, reply, ipv6.Src.Where("in fe80::/64", ipv6.LinkLocalPrefix.Contains))
			}
		})

	groups()
	fromSockets()
}

// fromLinkLocal is a target that never answers from its link-local address.
var fromLinkLocal = mutate.Here(func(n target.Net) mutate.Mutation {
	return mutate.Missing(icmpv6.EchoReply().With(ipv6.Src.Is(n.Target.LinkLocal)))
})

// added gives the target an address, and waits until it is in use.
func added(p *probe.P, a netip.Addr) {
	p.AddAddress(netip.PrefixFrom(a, 64))
	for range 30 {
		for _, have := range p.Addresses() {
			if have.Addr == a && have.State != "tentative" {
				return
			}
		}
		p.Wait(100 * time.Millisecond)
	}
	p.Inconclusive("the target does not take %s into use", a)
}

func lastOctet(prefix string, n byte) netip.Addr {
	b := addr(prefix).As16()
	b[15] = n
	return netip.AddrFrom16(b)
}

// groups are those that a host is in (RFC 4291, sections 2.7.1 and 2.8).
func groups() {
	check.Grid(suite, "ipv6.group.all-nodes", "a host answers to the all-nodes groups",
		check.Proves("RFC4291:2.8-4", mutate.Missing(anyReply)).
			And("RFC4291:2.7.1-3", mutate.Missing(anyReply)).
			And("RFC4291:2-1", mutate.Missing(anyReply)),
		[]string{"ff02::1"},
		func(p *probe.P, group string) {
			lan := p.IPv6()
			lan.Ask(echo(p).With(ipv6.Dst.Is(addr(group))), anyReply, probe.For("RFC4291:2.8-4", "RFC4291:2.7.1-3", "RFC4291:2-1"))
		})

	check.Grid(suite, "ipv6.group.solicited-node", "a host is in the solicited-node group of each of its addresses, and in no other",
		check.Proves("RFC4291:2.7.1-5", mutate.Gullible()).
			And("RFC4291:2.7.1-6", mutate.Missing(ndp.Advert())).
			And("RFC4291:2.8-5", mutate.Missing(anyReply)),
		[]string{"global", "link-local"},
		func(p *probe.P, which string) {
			lan := p.IPv6()
			if which == "link-local" {
				lan = lan.LinkLocal()
			}
			own := ipv6.SolicitedNode(lan.TargetIP())
			other := own.As16()
			other[13] ^= 0x40
			lan.Ask(ndp.Solicit(lan.TargetIP()).With(ipv6.Dst.Is(own)), ndp.Advert(ndp.NATarget.Is(lan.TargetIP())), probe.For("RFC4291:2.7.1-6"))
			lan.Ask(echo(p).With(ipv6.Dst.Is(own)), anyReply, probe.For("RFC4291:2.8-5"))
			lan.Silent(echo(p).With(ipv6.Dst.Is(netip.AddrFrom16(other)), ethernet.Dst.Is(ipv6.GroupMAC(own))), echo(p), anyReply, probe.For("RFC4291:2.7.1-5"))
		})

	suite.It("ipv6.group.solicited-node.added", "an address that is added brings its solicited-node group",
		check.Proves("RFC4291:2.7.1-6", mutate.Missing(ndp.Advert())).
			And("RFC4291:2.8-5", mutate.Missing(anyReply)).Needs(target.Management6, target.Agent),
		func(p *probe.P) {
			own := addr("2001:db8:1::12:3456")
			added(p, own)
			lan := p.IPv6().Facing(own)
			lan.Ask(ndp.Solicit(own), ndp.Advert(ndp.NATarget.Is(own)), probe.For("RFC4291:2.7.1-6"))
			lan.Ask(echo(p).With(ipv6.Dst.Is(addr("ff02::1:ff12:3456"))), anyReply, probe.For("RFC4291:2.8-5"))
		})

	check.Grid(suite, "ipv6.group.joined", "a host hears the groups that it belongs to, of any scope and flags, and no others",
		check.Proves("RFC4291:2.8-6", mutate.Missing(anyReply)).
			And("RFC4291:2.7-1", mutate.Missing(anyReply)).
			And("RFC4291:2.7-3", mutate.Missing(anyReply)).
			And("RFC4291:2.7-4", mutate.Missing(anyReply)).
			And("RFC4291:2.7-6", mutate.Gullible()).
			And("RFC4291:2.7-13", mutate.Missing(anyReply)).Needs(target.Agent),
		[]string{"ff02::1234", "ff12::1234", "ff03::1234", "ff05::1234", "ff15::1234", "ff08::1234", "ff0e::1234", "ff1e::1234", "ff0f::1234"},
		func(p *probe.P, group string) {
			lan := p.IPv6()
			s := lan.UDP(0)
			if err := s.Join(addr(group)); err != nil {
				p.Inconclusive("the target does not join %s: %v", group, err)
			}
			lan.Ask(echo(p).With(ipv6.Dst.Is(addr(group))), anyReply, probe.For("RFC4291:2.8-6", "RFC4291:2.7-1", "RFC4291:2.7-3", "RFC4291:2.7-4", "RFC4291:2.7-13"))
			// The same identifier in another scope is another group, which has the same link address.
			b := addr(group).As16()
			b[1] ^= 0x0b
			other := netip.AddrFrom16(b)
			lan.Silent(echo(p).With(ipv6.Dst.Is(other), ethernet.Dst.Is(ipv6.GroupMAC(other))), echo(p), anyReply, probe.For("RFC4291:2.7-6"))
		})

	suite.It("ipv6.group.left", "a host does not answer to a group that it is not in",
		check.Proves("RFC4291:2.8-6", mutate.Gullible()).
			And("RFC4291:2.7.1-4", mutate.Gullible()),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Silent(echo(p).With(ipv6.Dst.Is(addr("ff02::4321"))), echo(p), anyReply, probe.For("RFC4291:2.8-6"))
			lan.Silent(echo(p).With(ipv6.Dst.Is(ipv6.AllRouters)), echo(p), anyReply, probe.For("RFC4291:2.7.1-4"))
		})
}

// fromSockets is what an application cannot make the target send.
func fromSockets() {
	to := udp.Datagram(udp.DstPort.Is(discard))
	check.Grid(suite, "ipv6.addr.never-sent", "nothing is sent from or to an address that cannot be on a link",
		check.Proves("RFC4291:2.5.2-2", strays("::")).
			And("RFC4291:2.5.3-4", strays("::1")).
			And("RFC4291:2.5.3-3", strays("::1")).
			And("RFC4291:2.7-10", strays("ff00::1234")).
			And("RFC4291:2.7-5", strays("ff01::1234")).
			And("RFC4291:2.8-3", mutate.Replies("with nothing", mutate.Verb("recv"), emptied)).Needs(target.Agent),
		[]bad{
			{kit.About("unspecified", "RFC4291:2.5.2-2"), ipv6.Dst, "::"},
			{kit.About("loopback", "RFC4291:2.5.3-4", "RFC4291:2.5.3-3", "RFC4291:2.8-3"), ipv6.Dst, "::1"},
			{kit.About("group of scope 0", "RFC4291:2.7-10"), ipv6.Dst, "ff00::1234"},
			{kit.About("group of the interface", "RFC4291:2.7-5"), ipv6.Dst, "ff01::1234"},
		},
		func(p *probe.P, b bad) {
			lan := p.IPv6()
			s := lan.UDP(0)
			receiver := lan.UDP(discard)
			r := receiver.Recv()
			_ = s.SendTo(kit.Pattern(4), netip.AddrPortFrom(addr(b.addr), discard)) // the error is the application's
			sendTo(lan, s, 8)
			lan.Expect(to, probe.For(), probe.Because("other datagrams of the socket go out"))
			stray := udp.Datagram().With(ipv6.Dst.Is(addr(b.addr)))
			for _, requirement := range b.Requirements {
				if requirement == "RFC4291:2.8-3" {
					reply, ok := r.Await(0)
					if !ok {
						reply, _ = r.Delivered()
					}
					p.That(requirement, "what the host sent to its loopback address came back", reply.Data, gomega.Equal(kit.Pattern(4)))
					continue
				}
				p.That(requirement, "datagrams to such an address", lan.Seen(stray), gomega.BeEmpty())
				p.That(requirement, "datagrams from such an address", lan.Seen(udp.Datagram().With(ipv6.Src.Is(addr(b.addr)))), gomega.BeEmpty())
			}
		})
}

// strays is a target that sends its datagrams to a as well.
func strays(a string) mutate.Mutation {
	return mutate.Field(udp.Datagram(udp.DstPort.Is(discard)), ipv6.Dst.Is(addr(a)), ethernet.Dst.Is(net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1}))
}
