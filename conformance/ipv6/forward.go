package ipv6

import (
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// What a router does: RFC 8200, sections 3, 4 and 4.7; RFC 4291 about scopes; RFC 4443 about its errors.

// crossed is a datagram that came over from the near link.
var crossed = udp.Datagram(udp.DstPort.Is(4002))

// hosts are one on each link of a router.
func hosts(p *probe.P) (near, far *probe.Tester) {
	near = p.IPv6()
	return near, near.Link(1)
}

// crossing is a datagram from near to far, behind headers.
func crossing(near, far *probe.Tester, n int, headers ...packet.Template) packet.Template {
	layers := append(headers, udp.Datagram(udp.SrcPort.Is(4001), udp.DstPort.Is(4002)), packet.Payload(kit.Pattern(n)))
	return ipv6.Header(ipv6.Dst.Is(far.IP())).Then(layers...)
}

func proves(requirement string, violated mutate.Mutation) check.Claims {
	return check.Proves(requirement, violated).Needs(target.Forwarding6, target.SecondLink)
}

func init() {
	check.Grid(suite, "ipv6.forward.hops", "a packet that is forwarded has its hop limit one lower",
		proves("RFC8200:3-6", mutate.Shifts(crossed, ipv6.HopLimit, 1)),
		[]uint{2, 3, 64, 255},
		func(p *probe.P, hops uint) {
			near, far := hosts(p)
			near.Send(crossing(near, far, 32).With(ipv6.HopLimit.Is(hops)))
			p.Must("RFC8200:3-6", far.Expect(crossed), ipv6.HopLimit.Is(hops-1))
		})

	exceeded := icmpv6.TimeExceeded(icmpv6.CodeHopLimit)
	check.Grid(suite, "ipv6.forward.exceeded", "a packet whose hop limit is used up is discarded, and its source is told",
		proves("RFC8200:3-7", mutate.Gullible()).
			And("RFC8200:3-8", mutate.Gullible()).
			And("RFC4443:3.3-5", mutate.Persuaded()).
			And("RFC4443:3.3-6", mutate.Missing(exceeded)).
			And("RFC4443:3.3-1", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(exceeded, ipv6.Dst.Is(n.Unused6)) })).
			And("RFC4443:3.3-2", mutate.Field(exceeded, icmpv6.Code.Is(icmpv6.CodeReassembly))).
			And("RFC4443:3.3-3", mutate.Field(exceeded, icmpv6.Unused.Is(1))),
		[]kit.Aspect{
			kit.About("0", "RFC8200:3-7", "RFC4443:3.3-5", "RFC4443:3.3-6", "RFC4443:3.3-1", "RFC4443:3.3-2", "RFC4443:3.3-3"),
			kit.About("1", "RFC8200:3-8", "RFC4443:3.3-5", "RFC4443:3.3-6", "RFC4443:3.3-1", "RFC4443:3.3-2", "RFC4443:3.3-3"),
		},
		func(p *probe.P, a kit.Aspect) {
			near, far := hosts(p)
			good := crossing(near, far, 32)
			near.Silent(good.With(ipv6.HopLimit.Is(uint(a.Name[0]-'0'))), good, crossed, probe.On(far), probe.For(a.Requirements[0], "RFC4443:3.3-5"))
			e := near.Expect(anyError, probe.For("RFC4443:3.3-6"))
			p.Must("RFC4443:3.3-6", e, icmpv6.Type.Is(icmpv6.TypeTimeExceeded))
			p.Must("RFC4443:3.3-1", e, ipv6.Dst.Is(near.IP()))
			p.Must("RFC4443:3.3-2", e, icmpv6.Type.Is(icmpv6.TypeTimeExceeded), icmpv6.Code.Is(0))
			p.Must("RFC4443:3.3-3", e, icmpv6.Unused.Is(0))
		})

	check.Grid(suite, "ipv6.forward.headers", "extension headers are passed on as they came, and only those that are hop by hop are looked at",
		proves("RFC8200:4-2", mutate.Field(crossed, udp.SrcPort.Is(1))).
			And("RFC8200:4-3", mutate.Octets(crossed, "with one more header", insertRouting)).
			And("RFC8200:4-5", mutate.Missing(crossed)).
			And("RFC8200:4-4", mutate.Missing(crossed)).
			And("RFC8200:4.6-3", errs(ipv6.Header().Then(ipv6.Destination()))),
		[]string{"none", "hop-by-hop", "destination", "routing", "fragment", "unknown destination option"},
		func(p *probe.P, name string) {
			near, far := hosts(p)
			header := map[string][]packet.Template{
				"hop-by-hop":                 {ipv6.HopByHop()},
				"destination":                {ipv6.Destination()},
				"routing":                    {ipv6.Routing(ipv6.RouteType.Is(253), ipv6.SegmentsLeft.Is(3))},
				"fragment":                   {ipv6.Fragment()},
				"unknown destination option": {ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x9e, 1, 2, 3, 4)))},
			}[name]
			sent := crossing(near, far, 32, header...)
			want := kit.Framed(near, sent).Body(ipv6.Proto)
			near.Send(sent)
			got := far.Expect(crossed, probe.For("RFC8200:4-5", "RFC8200:4-4"))
			p.Must("RFC8200:4-2", got, udp.SrcPort.Is(4001))
			if b := got.Body(ipv6.Proto); string(b) != string(want) {
				p.Fail("RFC8200:4-3", probe.Value, "what follows the IPv6 header is not what was sent: % x, want % x", b, want)
			} else {
				p.Meets("RFC8200:4-3")
			}
			none(near, "RFC8200:4.6-3", "destination options are for the destination", anyError)
		})

	stranger := ipv6.Header(ipv6.NextHeader.Is(ipv6.NextNone))
	suite.It("ipv6.forward.none", "octets behind No Next Header are passed on",
		proves("RFC8200:4.7-3", mutate.Octets(stranger, "without what follows", func(b []byte) []byte { b[18], b[19] = 0, 0; return b[:54] })),
		func(p *probe.P) {
			near, far := hosts(p)
			near.Send(ipv6.Header(ipv6.Dst.Is(far.IP()), ipv6.NextHeader.Is(ipv6.NextNone)).Then(packet.Payload([]byte("behind"))))
			got := far.Expect(stranger, probe.For())
			n := len("behind")
			body := got.Body(ipv6.Proto)
			if length, _ := ipv6.PayloadLength.Of(got); len(body) < n || string(body[:n]) != "behind" || length != uint(n) {
				p.Fail("RFC8200:4.7-3", probe.Value, "what followed is not there: % x", body)
			} else {
				p.Meets("RFC8200:4.7-3")
			}
		})

	// Fragments that the router does not make: what is larger than its next link goes nowhere. The links have the same MTU,
	// so that only a reassembled packet could show it; that all parts go through as they are does.
	suite.It("ipv6.forward.fragments", "fragments are passed on as they are",
		proves("RFC8200:4.5-1", mutate.Field(ipv6.Fragment(), ipv6.FragID.Is(1))).
			And("RFC7112:5-5", mutate.Missing(ipv6.Fragment())),
		func(p *probe.P) {
			near, far := hosts(p)
			parts := ipv6.SplitEvery(kit.Framed(near, crossing(near, far, 1000)), 0x1234, 256)
			for _, part := range parts {
				near.Send(part)
			}
			for range parts {
				p.Must("RFC8200:4.5-1", far.Expect(ipv6.Fragment(), probe.For("RFC7112:5-5")), ipv6.FragID.Is(0x1234))
			}
		})

	// dropped is what goes nowhere for one fault; bad has it.
	type dropped struct {
		kit.Aspect
		fault func(near, far *probe.Tester) []packet.Cond
	}
	is := func(cs ...packet.Cond) func(near, far *probe.Tester) []packet.Cond {
		return func(_, _ *probe.Tester) []packet.Cond { return cs }
	}
	group := func(s string) []packet.Cond {
		a := ipv6.MustAddr(s)
		return []packet.Cond{ipv6.Dst.Is(a), ethernet.Dst.Is(ipv6.GroupMAC(a))}
	}
	to := func(a string) func(near, far *probe.Tester) []packet.Cond {
		return func(near, _ *probe.Tester) []packet.Cond {
			return []packet.Cond{ipv6.Dst.Is(ipv6.MustAddr(a)), ethernet.Dst.Is(near.TargetMAC())}
		}
	}
	check.Grid(suite, "ipv6.forward.scope", "what has an address that is of one link, or of no host, is not forwarded",
		proves("RFC4291:2.5.2-4", mutate.Gullible()).
			And("RFC4291:2.5.3-5", mutate.Gullible()).
			And("RFC4291:2.5.6-2", mutate.Gullible()).
			And("RFC4291:2.5.6-3", mutate.Gullible()).
			And("RFC4291:2.7-7", mutate.Persuaded()).
			And("RFC4291:2.7-9", mutate.Gullible()),
		[]dropped{
			{kit.About("source unspecified", "RFC4291:2.5.2-4"), is(ipv6.Src.Is(ipv6.Unspecified))},
			{kit.About("destination loopback", "RFC4291:2.5.3-5"), to("::1")},
			{kit.About("source link-local", "RFC4291:2.5.6-2"), func(near, _ *probe.Tester) []packet.Cond { return []packet.Cond{ipv6.Src.Is(near.Host().LinkLocal)} }},
			{kit.About("destination link-local", "RFC4291:2.5.6-3"), func(near, far *probe.Tester) []packet.Cond {
				return []packet.Cond{ipv6.Dst.Is(far.Host().LinkLocal), ethernet.Dst.Is(near.TargetMAC())}
			}},
			{kit.About("source multicast", "RFC4291:2.7-7"), is(ipv6.Src.Is(ipv6.MustAddr("ff0e::1234")))},
			{kit.About("group of the link", "RFC4291:2.7-9"), is(group("ff02::1234")...)},
			{kit.About("group of the interface", "RFC4291:2.7-9"), is(group("ff01::1234")...)},
		},
		func(p *probe.P, d dropped) {
			near, far := hosts(p)
			good := crossing(near, far, 32)
			near.Silent(good.With(d.fault(near, far)...), good, crossed, probe.On(far), probe.For(d.Requirements...))
		})

	check.Grid(suite, "ipv6.forward.anycast", "a router answers to the Subnet-Router anycast address of each link",
		proves("RFC4291:2.6.1-1", mutate.Missing(anyReply)).
			And("RFC4291:2.6.1-2", mutate.Missing(anyReply)).
			And("RFC4291:2.6.1-3", mutate.Missing(anyReply)).
			And("RFC4291:2.8-7", mutate.Missing(anyReply)).
			And("RFC4443:2.2-2", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(anyReply, ipv6.Src.Is(n.Prefix6.Masked().Addr()))
			})).
			And("RFC4443:4.2-7", mutate.Missing(anyReply)),
		[]string{"near", "far"},
		func(p *probe.P, side string) {
			near, far := hosts(p)
			a := near.Net().Prefix6.Masked().Addr()
			if side == "far" {
				a = far.Net().Prefix6.Masked().Addr()
			}
			reply := near.Ask(icmpv6.Echo(p.Serial(), 1, nil).With(ipv6.Dst.Is(a), ethernet.Dst.Is(near.TargetMAC())), anyReply,
				probe.For("RFC4291:2.6.1-1", "RFC4291:2.6.1-2", "RFC4291:2.6.1-3", "RFC4291:2.8-7", "RFC4443:4.2-7"))
			p.Must("RFC4443:2.2-2", reply, ipv6.Src.Not(near.Net().Prefix6.Masked().Addr()), ipv6.Src.Not(far.Net().Prefix6.Masked().Addr()))
		})

	unreachable := icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeUnreachable))
	check.Grid(suite, "ipv6.forward.unreachable", "a router tells the source why a packet cannot be delivered",
		proves("RFC4443:3.1-5", mutate.Missing(unreachable)).
			And("RFC4443:3.1-8", mutate.Field(unreachable, icmpv6.Code.Is(3))).
			And("RFC4443:3.1-9", mutate.Field(unreachable, icmpv6.Code.Is(3))).
			And("RFC4443:3.1-11", mutate.Field(unreachable, icmpv6.Code.Is(3))).
			And("RFC4443:3.1-12", mutate.Field(unreachable, icmpv6.Code.Is(0))),
		[]kit.Aspect{
			kit.About("no route", "RFC4443:3.1-5", "RFC4443:3.1-8", "RFC4443:3.1-9"),
			kit.About("beyond scope", "RFC4443:3.1-5", "RFC4443:3.1-11"),
			kit.About("no neighbour", "RFC4443:3.1-5", "RFC4443:3.1-12"),
		},
		func(p *probe.P, a kit.Aspect) {
			near, far := hosts(p)
			packet, code := crossing(near, far, 32), uint(0)
			switch a.Name {
			case "no route":
				packet = packet.With(ipv6.Dst.Is(addr("2001:db8:99::1")), ethernet.Dst.Is(near.TargetMAC()))
			case "beyond scope":
				packet, code = packet.With(ipv6.Src.Is(near.Host().LinkLocal)), icmpv6.CodeBeyondScope
			case "no neighbour":
				packet, code = packet.With(ipv6.Dst.Is(far.UnusedIP())), icmpv6.CodeAddress
			}
			e := near.Ask(packet, anyError, probe.For("RFC4443:3.1-5"), probe.Within(8*time.Second))
			for _, r := range a.Requirements[1:] {
				p.Must(r, e, icmpv6.Type.Is(icmpv6.TypeUnreachable), icmpv6.Code.Is(code))
			}
		})

	check.Grid(suite, "ipv6.forward.all-routers", "a router answers to the all-routers groups",
		proves("RFC4291:2.8-9", mutate.Missing(anyReply)).
			And("RFC4291:2.7.1-4", mutate.Ignores(ipv6.Header(ipv6.Dst.Is(ipv6.AllRouters)))),
		[]string{"ff02::2"},
		func(p *probe.P, group string) {
			near, _ := hosts(p)
			near.Ask(icmpv6.Echo(p.Serial(), 1, nil).With(ipv6.Dst.Is(ipv6.MustAddr(group))), anyReply, probe.For("RFC4291:2.8-9", "RFC4291:2.7.1-4"))
		})
}
