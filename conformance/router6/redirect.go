package router6

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
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var (
	redirect = icmpv6.With(icmpv6.TypeRedirect, ndp.RD)
	crossed  = udp.Datagram(udp.DstPort.Is(4002))
	remote   = ipv6.MustAddr("2001:db8:ffff::1")
)

// wayward is a datagram of a neighbour that the target is sent to forward to another one on the same link, or beyond it.
func wayward(lan *probe.Tester, to netip.Addr, n int) packet.Template {
	return ipv6.Header(ipv6.Dst.Is(to)).Then(udp.Datagram(udp.SrcPort.Is(4001), udp.DstPort.Is(4002)), packet.Payload(kit.Pattern(n))).
		With(ethernet.Dst.Is(lan.TargetMAC()))
}

// redirected are the octets that a Redirected Header option holds, nil if there is none.
func redirected(b []byte) []byte {
	found := ndp.FindOptions(b, ndp.RedirectedType)
	if len(found) != 1 || len(found[0]) < 8 {
		return nil
	}
	return found[0][8:]
}

func init() {
	neighbour := func(n target.Net) netip.Addr { return n.Testers[1].IP6 }
	rows := []row{
		{"RFC4861:4.5-1", func(n target.Net) packet.Cond { return ipv6.Src.Is(n.Target.IP6) }, func(n target.Net) packet.Cond { return ipv6.Src.Is(n.Target.LinkLocal) }},
		{"RFC4861:4.5-2", func(n target.Net) packet.Cond { return ipv6.Dst.Is(n.Testers[0].LinkLocal) }, func(n target.Net) packet.Cond { return ipv6.Dst.Is(n.Testers[0].IP6) }},
		{"RFC4861:4.5-3", is(ipv6.HopLimit.Is(64)), is(ipv6.HopLimit.Is(255))},
		{"RFC4861:4.5-4", is(icmpv6.Code.Is(1)), is(icmpv6.Code.Is(0))},
		{"RFC4861:4.5-5", is(ndp.RDReserved.Is(1)), is(ndp.RDReserved.Is(0))},
		{"RFC4861:4.5-7", func(n target.Net) packet.Cond { return ndp.RDTarget.Is(n.Testers[1].LinkLocal) }, func(n target.Net) packet.Cond { return ndp.RDTarget.Is(neighbour(n)) }},
		{"RFC4861:8.2-5", func(n target.Net) packet.Cond { return ndp.RDTarget.Is(n.Testers[0].IP6) }, func(n target.Net) packet.Cond { return ndp.RDTarget.Is(neighbour(n)) }},
		{"RFC4861:4.5-9", func(n target.Net) packet.Cond { return ndp.RDDst.Is(n.Testers[0].IP6) }, func(n target.Net) packet.Cond { return ndp.RDDst.Is(neighbour(n)) }},
		{"RFC4861:8.2-6", func(n target.Net) packet.Cond { return ndp.RDDst.Is(n.Target.IP6) }, func(n target.Net) packet.Cond { return ndp.RDDst.Is(neighbour(n)) }},
		{"RFC4861:4.5-10", is(ndp.RDLink.None()), func(n target.Net) packet.Cond { return ndp.RDLink.Is(n.Testers[1].MAC) }},
		{"RFC4861:8.2-7", func(n target.Net) packet.Cond { return ndp.RDLink.Is(n.Target.MAC) }, func(n target.Net) packet.Cond { return ndp.RDLink.Is(n.Testers[1].MAC) }},
	}
	link := func(n target.Net, rest ...byte) packet.Cond {
		return ndp.RDOptions.Is(append(ndp.TargetLink(n.Testers[1].MAC), rest...))
	}
	options := []claim{
		by(mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(redirect, link(n)) }), "RFC4861:8.2-8", "RFC4861:4.6.3-1"),
		by(mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Instead(redirect, "with reserved octets", func(f *packet.Frame) []packet.Cond {
				o := append([]byte(nil), ndp.OptionsOf(f)...)
				for _, header := range ndp.FindOptions(o, ndp.RedirectedType) {
					header[2] = 1
				}
				return []packet.Cond{ndp.RDOptions.Is(o)}
			})
		}), "RFC4861:4.6.3-2"),
		by(mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(redirect, link(n, ndp.Redirected(make([]byte, 1400))...))
		}), "RFC4861:4.5-12", "RFC4861:4.6.3-4", "RFC4861:9-7"),
	}
	check.Grid(suite, "router6.redirect.neighbour", "who sends by the router to a neighbour of its own is told, in a Redirect as RFC 4861 has it",
		proves(append(append(wrongs(redirect, rows), options...), by(mutate.Missing(redirect), "RFC4861:8.2-1"))...),
		[]int{16, 1400}, func(p *probe.P, n int) {
			lan := p.IPv6()
			lan.As(1).Ping() // the target knows where it is
			sent := wayward(lan, neighbour(p.Net()), n)
			whole := kit.Framed(lan, sent).Bytes[14:]
			f := lan.Ask(sent, redirect, probe.For("RFC4861:8.2-1"))
			must(p, f, rows)
			b := ndp.OptionsOf(f)
			quoted := redirected(b)
			for _, req := range []string{"RFC4861:8.2-8", "RFC4861:4.6.3-1"} {
				p.That(req, "octets of the packet in a Redirected Header option", len(quoted), gomega.BeNumerically(">=", min(len(whole), 1100)&^7))
			}
			same := min(len(quoted), len(whole))
			p.That("RFC4861:8.2-8", "they are those of the packet", string(quoted[:same]) == string(whole[:same]) || string(quoted[8:same]) == string(whole[8:same]), gomega.BeTrue())
			for _, o := range ndp.FindOptions(b, ndp.RedirectedType) {
				p.That("RFC4861:4.6.3-2", "the reserved octets of the option", o[2:8], gomega.Equal(make([]byte, 6)))
			}
			length, _ := ipv6.PayloadLength.Of(f)
			for _, req := range []string{"RFC4861:4.5-12", "RFC4861:4.6.3-4", "RFC4861:9-7"} {
				p.That(req, "octets of the Redirect, the IPv6 header included", length+40, gomega.BeNumerically("<=", 1280))
			}
		})

	suite.It("router6.redirect.router", "who sends by the router what another router of the link forwards is told of that",
		proves(
			by(mutate.Missing(redirect), "RFC4861:8-1"),
			by(mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(redirect, ndp.RDTarget.Is(n.Testers[0].IP6)) }), "RFC4861:4.5-8"),
			by(mutate.Field(redirect, ndp.RDTarget.Is(remote)), "RFC4861:8.2-4"),
		).Needs(target.Gateway),
		func(p *probe.P) {
			lan := p.IPv6()
			f := lan.As(1).Ask(wayward(lan, remote, 16), redirect, probe.For("RFC4861:8-1"))
			for _, req := range []string{"RFC4861:4.5-8", "RFC4861:8.2-4"} {
				p.Must(req, f, ndp.RDTarget.Is(lan.Host().LinkLocal), ndp.RDDst.Is(remote))
			}
		})

	// The good packet is a neighbour's.
	suite.It("router6.redirect.stranger", "who is no neighbour is not told",
		proves(by(mutate.Gullible(), "RFC4861:8.2-2")),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.As(1).Ping()
			good := wayward(lan, neighbour(p.Net()), 16)
			lan.Silent(good.With(ipv6.Src.Is(remote)), good, redirect)
		})

	suite.It("router6.redirect.group", "nobody is told of a better way to a group",
		proves(by(mutate.Gullible(), "RFC4861:8.2-3")),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.As(1).Ping()
			to := ipv6.MustAddr("ff1e::42")
			good := wayward(lan, neighbour(p.Net()), 16)
			lan.Silent(good.With(ipv6.Dst.Is(to), ethernet.Dst.Is(ipv6.GroupMAC(to))), good, redirect)
		})

	suite.It("router6.redirect.rate", "Redirects are sent at a limited rate",
		proves(by(mutate.Forge(crossed, redirect), "RFC4861:8.2-9")).Needs(target.ErrorRate),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.As(1).Ping()
			const n = 200
			for range n {
				lan.Send(wayward(lan, neighbour(p.Net()), 16))
			}
			p.Wait(200 * time.Millisecond)
			told, passed := len(lan.Seen(redirect)), len(lan.Seen(crossed)) // not all of them, where queues are short
			p.That("RFC4861:8.2-9", "Redirects about the packets that were passed on, of which there are some", told,
				gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<", passed)))
		})

	suite.It("router6.redirect.ignored", "a Redirect does not change the way that a router forwards",
		proves(by(mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.FieldFrom(1, crossed, ethernet.Dst.Is(n.Testers[1].MAC))
		}), "RFC4861:8.2-10")).Needs(target.Gateway),
		func(p *probe.P) {
			lan := p.IPv6()
			gateway, other := lan.Host(), lan.As(1).Host()
			far := lan.Link(1)
			sent := ipv6.Header(ipv6.Dst.Is(remote)).Then(udp.Datagram(udp.SrcPort.Is(4001), udp.DstPort.Is(4002)), packet.Payload([]byte("away")))
			far.Send(sent)
			lan.Expect(crossed.With(ethernet.Dst.Is(gateway.MAC)), probe.For())
			lan.Forget()
			lan.LinkLocal().Send(ndp.Redirect(other.LinkLocal, remote, ndp.RDLink.Is(other.MAC)))
			kit.Alive(lan)
			far.Send(sent)
			p.Must("RFC4861:8.2-10", lan.Expect(crossed, probe.For()), ethernet.Dst.Is(gateway.MAC))
		})
}
