package icmpv6

import (
	"fmt"
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
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
	"github.com/onsi/gomega"
)

// Errors that the target sends: RFC 4443, sections 2.4 and 3.

var (
	anyError    = icmpv6.Error()
	unreachable = icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeUnreachable))
	problem     = icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeParameterProblem))
)

// cause is a packet that draws an error, with data of a size.
type cause struct {
	name             string
	kind, code       uint
	pointer          uint
	packet           func(p *probe.P, n int) packet.Template
	group            bool // also in a packet to a group
	toClosed, header bool
}

func (c cause) String() string { return c.name }

func causes() []cause {
	to := func(n int) packet.Template {
		return udp.Datagram(udp.SrcPort.Is(4001), udp.DstPort.Is(9)).Then(packet.Payload(kit.Pattern(n)))
	}
	optioned := func(kind byte) packet.Template {
		return ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(kind, 1, 2, 3, 4)))
	}
	return []cause{
		{name: "port", kind: icmpv6.TypeUnreachable, code: icmpv6.CodePort, toClosed: true,
			packet: func(_ *probe.P, n int) packet.Template { return ipv6.Header().Then(to(n)) }},
		{name: "field", kind: icmpv6.TypeParameterProblem, code: icmpv6.CodeErroneousField, pointer: 42, header: true,
			packet: func(_ *probe.P, n int) packet.Template {
				return ipv6.Header().Then(ipv6.Routing(ipv6.RouteType.Is(253), ipv6.SegmentsLeft.Is(1)), to(n))
			}},
		{name: "next", kind: icmpv6.TypeParameterProblem, code: icmpv6.CodeUnknownNext, pointer: 40, header: true,
			packet: func(_ *probe.P, n int) packet.Template {
				return ipv6.Header().Then(ipv6.Destination(), packet.Payload(kit.Pattern(n))).With(ipv6.DestNext.Is(253))
			}},
		{name: "option", kind: icmpv6.TypeParameterProblem, code: icmpv6.CodeUnknownOption, pointer: 42, header: true, group: true,
			packet: func(_ *probe.P, n int) packet.Template { return ipv6.Header().Then(optioned(0x9e), to(n)) }},
	}
}

// sized is a cause with data of a size.
type sized struct {
	cause
	n int
}

func (s sized) String() string { return fmt.Sprintf("%s,%d", s.name, s.n) }

// Proves leaves out what only one kind of error shows.
func (s sized) Proves() []string {
	rs := []string{"RFC4443:2.1-1", "RFC4443:2.1-2", "RFC4443:2.1-3", "RFC4443:2.2-1", "RFC4443:2.3-1", "RFC4443:2.4-3", "RFC4443:2.4-4", "RFC4443:A-1", "RFC4443:2-1"}
	if s.kind == icmpv6.TypeUnreachable {
		return append(rs, "RFC4443:3.1-1", "RFC4443:3.1-2", "RFC4443:3.1-3", "RFC4443:3.1-15")
	}
	rs = append(rs, "RFC4443:3.4-1", "RFC4443:3.4-2", "RFC4443:3.4-3", "RFC4443:3.4-6", "RFC4443:3.4-8")
	if s.name == "next" {
		rs = append(rs, "RFC4443:3.4-7")
	}
	return rs
}

func sizes() (all []sized) {
	for _, c := range causes() {
		for _, n := range []int{0, 1, 100, 1176, 1177, 1184, 1400} {
			all = append(all, sized{c, n})
		}
	}
	return all
}

func init() {
	elsewhere := func(on packet.Template) mutate.Mutation {
		return mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(on, ipv6.Dst.Is(n.Unused6)) })
	}
	check.Grid(suite, "icmp6.error.form", "an error has the form of its type, and as much of the packet as fits into 1280 octets",
		check.Proves("RFC4443:2-1", mutate.Missing(anyError)).
			And("RFC4443:2.1-1", mutate.Octets(anyError, "with protocol 1", func(b []byte) []byte { b[20] = 1; return b })).
			And("RFC4443:2.1-2", mutate.Field(anyError, icmpv6.Code.Is(77))).
			And("RFC4443:2.1-3", mutate.Field(anyError, icmpv6.Type.Is(200))).
			And("RFC4443:2.2-1", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(anyError, ipv6.Src.Is(n.Unused6)) })).
			And("RFC4443:2.3-1", mutate.Field(anyError, icmpv6.Checksum.Is(0xbad1))).
			And("RFC4443:2.4-3", mutate.Octets(anyError, "with 8 octets of it", func(b []byte) []byte {
				b[18], b[19] = 0, 56
				return b[:14+40+8+48]
			})).
			And("RFC4443:2.4-4", mutate.Octets(anyError, "with 300 octets more", func(b []byte) []byte {
				b = append(b, make([]byte, 300)...)
				n := len(b) - 54
				b[18], b[19] = byte(n>>8), byte(n)
				return b
			})).
			And("RFC4443:A-1", mutate.Octets(anyError, "with 64 bits before the packet", func(b []byte) []byte {
				b = append(b[:62:62], append(make([]byte, 4), b[62:]...)...)
				n := len(b) - 54
				b[18], b[19] = byte(n>>8), byte(n)
				return b
			})).
			And("RFC4443:3.1-1", elsewhere(unreachable)).
			And("RFC4443:3.1-2", mutate.Field(unreachable, icmpv6.Type.Is(3))).
			And("RFC4443:3.1-3", mutate.Field(unreachable, icmpv6.Unused.Is(1))).
			And("RFC4443:3.1-15", mutate.Missing(unreachable)).
			And("RFC4443:3.4-1", elsewhere(problem)).
			And("RFC4443:3.4-2", mutate.Field(problem, icmpv6.Type.Is(3))).
			And("RFC4443:3.4-3", mutate.Field(problem, icmpv6.Pointer.Is(6))).
			And("RFC4443:3.4-6", mutate.Missing(problem)).
			And("RFC4443:3.4-7", mutate.Field(problem, icmpv6.Pointer.Is(0))).
			And("RFC4443:3.4-8", mutate.Field(problem, icmpv6.Code.Is(3))),
		sizes(),
		func(p *probe.P, s sized) {
			lan := p.IPv6()
			sent := kit.Framed(lan, s.packet(p, s.n))
			lan.SendBytes(sent.Bytes)
			// Whatever comes in an IPv6 packet is looked at as octets, so that a wrong field does not hide the rest.
			var f *packet.Frame
			var b []byte
			requires := "RFC4443:3.4-6"
			if s.kind == icmpv6.TypeUnreachable {
				requires = "RFC4443:3.1-15"
			}
			for len(b) < 48 || b[40] >= 130 && b[40] < 138 {
				f = lan.Expect(ethernet.Frame(ethernet.Type.Is(0x86dd)), probe.For("RFC4443:2-1", requires))
				b = f.Body(ethernet.Proto)
			}
			quote := sent.Body(ethernet.Proto)
			room := min(len(quote), icmpv6.MinimumMTU-48)
			length := int(b[4])<<8 | int(b[5])
			equal := func(requirement, what string, got, want any) { p.That(requirement, what, got, gomega.Equal(want)) }
			equal("RFC4443:2.1-1", "the next header", int(b[6]), 58)
			equal("RFC4443:2.1-2", "the code", uint(b[41]), s.code)
			equal("RFC4443:2.1-3", "an error's type", b[40] < 128, true)
			equal("RFC4443:2.2-1", "the source", netip.AddrFrom16([16]byte(b[8:24])), lan.TargetIP())
			sum, _ := icmpv6.Checksum.Of(f)
			right, _ := icmpv6.Checksum.Of(packet.Dissect(f.Link, f.Rewrite(ipv6.HopLimit.Is(9))))
			equal("RFC4443:2.3-1", "the checksum", sum, right)
			equal("RFC4443:2.4-3", "octets of the packet", length-8 >= room, true)
			equal("RFC4443:2.4-4", "at most 1280 octets", 40+length <= icmpv6.MinimumMTU, true)
			equal("RFC4443:A-1", "the packet behind 32 bits", string(b[48:min(len(b), 48+40)]), string(quote[:40]))
			to, word := netip.AddrFrom16([16]byte(b[24:40])), uint(b[44])<<24|uint(b[45])<<16|uint(b[46])<<8|uint(b[47])
			if s.kind == icmpv6.TypeUnreachable {
				equal("RFC4443:3.1-1", "the destination", to, lan.IP())
				equal("RFC4443:3.1-2", "the type", b[40], byte(1))
				// RFC 4884 has the length of the packet in what is unused here; without extensions it is zero.
				equal("RFC4443:3.1-3", "the unused field", word, uint(0))
				return
			}
			equal("RFC4443:3.4-1", "the destination", to, lan.IP())
			equal("RFC4443:3.4-2", "the type", b[40], byte(4))
			equal("RFC4443:3.4-3", "the pointer", word, s.pointer)
			equal("RFC4443:3.4-8", "the code", uint(b[41]), s.code)
			if s.name == "next" {
				equal("RFC4443:3.4-7", "the pointer", word, uint(40))
			}
		})

	check.Grid(suite, "icmp6.error.discard", "what draws a Parameter Problem is discarded",
		check.Proves("RFC4443:3.4-5", mutate.Gullible()),
		[]packet.Template{
			ipv6.Routing(ipv6.RouteType.Is(253), ipv6.SegmentsLeft.Is(1)),
			ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x9e, 1, 2, 3, 4))),
			ipv6.HopByHop(ipv6.HopOptions.Is(ipv6.Option(0xde, 1, 2, 3, 4))),
		},
		func(p *probe.P, header packet.Template) {
			lan := p.IPv6()
			request := icmpv6.Echo(p.Serial(), 1, nil)
			lan.Silent(ipv6.Header().Then(header, request), request, anyReply)
		})

	check.Grid(suite, "icmp6.error.pointer-beyond", "the pointer may lie beyond the octets that an error has room for",
		check.Proves("RFC4443:3.4-4", mutate.Field(problem, icmpv6.Pointer.Is(0))),
		[]int{5, 6},
		func(p *probe.P, headers int) {
			lan := p.IPv6()
			// Headers of 248 octets, then one with an unknown option.
			var hs []packet.Template
			for range headers {
				hs = append(hs, ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, make([]byte, 244)...))))
			}
			if headers == 6 { // 40 + 6 * 248 + 8 would not fit the link
				hs = append(hs[:5], ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, make([]byte, 100)...))))
			}
			size := 0
			for _, h := range hs {
				size += len(kit.Framed(lan, ipv6.Header().Then(h)).Body(ipv6.Proto))
			}
			hs = append(hs, ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x9e, 1, 2, 3, 4))))
			e := lan.Ask(ipv6.Header().Then(hs...).Then(icmpv6.Echo(1, 1, nil)), problem, probe.For())
			p.Must("RFC4443:3.4-4", e, icmpv6.Pointer.Is(uint(40+size+2)))
		})

	never()
	rates()
}

// unanswered is why a packet that would draw an error must draw none.
type unanswered struct {
	kit.Aspect
	cause
	change func(lan *probe.Tester, good packet.Template) packet.Template
}

func (u unanswered) String() string { return u.Name }

func never() {
	with := func(conds ...packet.Cond) func(*probe.Tester, packet.Template) packet.Template {
		return func(_ *probe.Tester, good packet.Template) packet.Template { return good.With(conds...) }
	}
	group := ipv6.MustAddr("ff02::1")
	var all []unanswered
	for _, c := range causes() {
		add := func(name, requirement string, change func(*probe.Tester, packet.Template) packet.Template) {
			all = append(all, unanswered{kit.About(c.name+","+name, requirement, "RFC4443:2.4-22"), c, change})
		}
		add("source unspecified", "RFC4443:2.4-14", with(ipv6.Src.Is(ipv6.Unspecified)))
		add("source group", "RFC4443:2.4-15", with(ipv6.Src.Is(group)))
		add("source group far", "RFC4443:2.4-15", with(ipv6.Src.Is(ipv6.MustAddr("ff0e::1234"))))
		if !c.group {
			add("to a group", "RFC4443:2.4-9", with(ipv6.Dst.Is(group)))
			add("link multicast", "RFC4443:2.4-12", with(ethernet.Dst.Is(net.HardwareAddr{0x33, 0x33, 0, 0, 0, 1})))
			add("link broadcast", "RFC4443:2.4-13", with(ethernet.Dst.Is(ethernet.Broadcast)))
		}
		if c.header {
			for _, kind := range []uint{1, 2, 3, 4, 5, 100, 127} {
				add(fmt.Sprintf("error %d", kind), "RFC4443:2.4-7", inPlace(func(lan *probe.Tester) packet.Template {
					return icmpv6.Message(icmpv6.Type.Is(kind), icmpv6.Code.Is(0)).Then(packet.Payload(append(make([]byte, 4), kit.Framed(lan, icmpv6.Echo(1, 1, nil)).Body(ethernet.Proto)...)))
				}, c))
			}
			add("redirect", "RFC4443:2.4-8", inPlace(func(lan *probe.Tester) packet.Template {
				return icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeRedirect)).Then(packet.Payload(make([]byte, 36)))
			}, c))
		}
	}
	check.Grid(suite, "icmp6.never", "no error is sent about what must draw none",
		check.Proves("RFC4443:2.4-7", mutate.Gullible()).And("RFC4443:2.4-8", mutate.Gullible()).And("RFC4443:2.4-9", mutate.Gullible()).
			And("RFC4443:2.4-12", mutate.Gullible()).And("RFC4443:2.4-13", mutate.Gullible()).And("RFC4443:2.4-14", mutate.Gullible()).
			And("RFC4443:2.4-15", mutate.Gullible()).And("RFC4443:2.4-22", mutate.Persuaded()),
		all,
		func(p *probe.P, u unanswered) {
			lan := p.IPv6()
			good := u.packet(p, 32)
			lan.Silent(u.change(lan, good), good, anyError, probe.For(u.Requirements...))
		})

	for _, exception := range []struct {
		id, title, requirement string
		cond                   func(lan *probe.Tester) packet.Cond
	}{
		{"icmp6.group.option", "an unknown option of kind 10 draws an error in a packet to a group, too", "RFC4443:2.4-11",
			func(*probe.Tester) packet.Cond { return ipv6.Dst.Is(group) }},
	} {
		suite.It(exception.id, exception.title,
			check.Proves(exception.requirement, mutate.Missing(anyError)).
				And("RFC4443:2.2-2", mutate.Field(anyError, ipv6.Src.Is(group))).
				And("RFC4443:2.2-3", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(anyError, ipv6.Src.Is(n.Unused6)) })),
			func(p *probe.P) {
				lan := p.IPv6()
				e := lan.Ask(causes()[3].packet(p, 32).With(exception.cond(lan)), anyError, probe.For(exception.requirement))
				p.Must("RFC4443:2.2-2", e, ipv6.Src.Not(group))
				p.Must("RFC4443:2.2-3", e, ipv6.Src.In(lan.TargetIP(), lan.Net().Target.LinkLocal))
			})
	}

	check.Grid(suite, "icmp6.unknown.informational", "an informational message of unknown type is discarded without a word",
		check.Proves("RFC4443:2.4-2", mutate.Gullible()),
		[]uint{160, 180, 199, 200, 201, 254, 255},
		func(p *probe.P, kind uint) {
			lan := p.IPv6()
			good := icmpv6.Echo(p.Serial(), 1, kit.Pattern(16))
			lan.Silent(good.With(icmpv6.Type.Is(kind)), good, anyReply)
			if fs := lan.Seen(anyError); len(fs) > 0 {
				p.Fail("RFC4443:2.4-2", probe.Spurious, "it draws an error: %s", fs[0])
			}
		})

	check.Grid(suite, "icmp6.error.checksum", "a packet with a wrong checksum draws no error",
		check.Proves("RFC4443:2.3-2", mutate.Gullible()),
		[]uint{1, 0xffff},
		func(p *probe.P, sum uint) {
			lan := p.IPv6()
			good := causes()[0].packet(p, 32)
			lan.Silent(good.With(udp.Checksum.Is(sum)), good, anyError)
		})
}

// inPlace puts an ICMPv6 message in the place of what a cause carries.
func inPlace(message func(*probe.Tester) packet.Template, c cause) func(*probe.Tester, packet.Template) packet.Template {
	return func(lan *probe.Tester, _ packet.Template) packet.Template {
		switch c.name {
		case "field":
			return ipv6.Header().Then(ipv6.Routing(ipv6.RouteType.Is(253), ipv6.SegmentsLeft.Is(1)), message(lan))
		case "next": // behind a header that is in its place no more
			return ipv6.Header().Then(ipv6.Routing(ipv6.RouteType.Is(253), ipv6.SegmentsLeft.Is(1)), message(lan))
		}
		return ipv6.Header().Then(ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x9e, 1, 2, 3, 4))), message(lan))
	}
}

// rates are the limits of RFC 4443, section 2.4 (f). A limit cannot be read off a target: that a flood is not answered packet
// by packet shows it, and that errors come again later.
func rates() {
	suite.It("icmp6.rate", "a flood does not draw an error for each packet, and errors come again when it is over",
		check.Proves("RFC4443:2.4-17", unlimited()).
			And("RFC4443:2.4-18", mutate.Missing(unreachable)).
			And("RFC4443:2.4-19", mutate.Missing(unreachable)).Needs(target.ErrorRate).Crowds(),
		func(p *probe.P) {
			lan := p.IPv6()
			flood := causes()[0]
			const n = 2000
			for range n {
				lan.Send(flood.packet(p, 8))
			}
			lan.Ping(probe.For())
			got := len(lan.Seen(unreachable))
			p.Step("%d packets drew %d errors", n, got)
			p.That("RFC4443:2.4-17", "errors for 2000 packets at once", got, gomega.BeNumerically("<", n/2))
			p.That("RFC4443:2.4-18", "errors at once", got, gomega.BeNumerically(">=", 1))
			p.Wait(3 * time.Second)
			lan.Ask(flood.packet(p, 8), unreachable, probe.For("RFC4443:2.4-19"))
		})
}

// unlimited is a target that answers each datagram to a closed port.
func unlimited() mutate.Mutation {
	return mutate.Forge(udp.Datagram(udp.DstPort.Is(9)), icmpv6.Unreachable(icmpv6.CodePort).Then(packet.Payload(kit.Pattern(48))))
}
