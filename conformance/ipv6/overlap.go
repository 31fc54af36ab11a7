package ipv6

import (
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// What has a packet given up: overlaps (RFC 8200, section 4.5; RFC 5722), a first fragment without all headers (RFC 7112),
// and time.

// overlap is the octets of a fragment that comes after [0,48), and those that would make the packet whole but for it.
type overlap struct {
	kit.Aspect
	from, to int
}

func overlaps() []overlap {
	return []overlap{
		{kit.Aspect{Name: "tail of the first"}, 40, 96},
		{kit.Aspect{Name: "one unit"}, 40, 56},
		{kit.Aspect{Name: "within"}, 16, 32},
		{kit.Aspect{Name: "head"}, 0, 24},
		{kit.Aspect{Name: "around"}, 0, 96},
		{kit.Aspect{Name: "end"}, 40, 128},
	}
}

func init() {
	all := []string{"RFC8200:4.5-50", "RFC8200:4.5-51", "RFC5722:4-2", "RFC5722:4-3", "RFC5722:4-4", "RFC5722:4-5"}
	check.Grid(suite, "ipv6.overlap.discard", "a packet with fragments that overlap is given up, silently",
		check.Proves("RFC8200:4.5-50", mutate.Gullible()).
			And("RFC8200:4.5-51", mutate.Gullible()).
			And("RFC8200:4.5-52", errs(later)).
			And("RFC5722:4-2", mutate.Gullible()).
			And("RFC5722:4-3", mutate.Persuaded()).
			And("RFC5722:4-4", mutate.Persuaded()).
			And("RFC5722:4-5", mutate.Gullible()),
		overlaps(),
		func(p *probe.P, o overlap) {
			lan := p.IPv6()
			f := whole(lan)
			send := parts(f, 0x51)
			lan.Send(send[0])
			lan.Send(ipv6.Part(f, 0x51, o.from, o.to))
			lan.Send(send[1])
			// The last one would complete it, if anything were left of it.
			lan.Silent(send[2], echo(p), anyReply, probe.For(all...))
			none(lan, "RFC8200:4.5-52", "no error is sent about an overlap", anyError)
			none(lan, "RFC5722:4-5", "no error is sent about an overlap", anyError)
		})

	suite.It("ipv6.overlap.duplicate", "an exact duplicate of a fragment is dropped, or the packet is given up",
		check.Proves("RFC8200:4.5-53", mutate.Field(anyReply, packet.Data.Is(kit.Pattern(8)))),
		func(p *probe.P) {
			lan := p.IPv6()
			for _, part := range parts(whole(lan), 0x52) {
				lan.Send(part)
				lan.Send(part)
			}
			id := p.Serial()
			lan.Ask(icmpv6.Echo(id, 2, kit.Pattern(size)), icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For())
			replies := lan.Seen(icmpv6.EchoReply(icmpv6.Seq.Is(1)))
			if len(replies) == 0 {
				p.Observed("RFC8200:4.5-53", "the packet is given up")
				p.Meets("RFC8200:4.5-53")
				return
			}
			p.Observed("RFC8200:4.5-53", "the duplicate is dropped")
			for _, r := range replies {
				p.Must("RFC8200:4.5-53", r, packet.Data.Is(kit.Pattern(size)))
			}
		})

	check.Grid(suite, "ipv6.headers.incomplete", "a first fragment that lacks headers is discarded, with Parameter Problem code 3",
		check.Proves("RFC8200:4.5-48", mutate.Gullible()).
			And("RFC8200:4.5-49", mutate.Missing(anyProblem)).
			And("RFC7112:5-2", mutate.Persuaded()).
			And("RFC7112:5-3", mutate.Missing(anyError)).
			And("RFC7112:5-8", mutate.Field(anyProblem, icmpv6.Type.Is(icmpv6.TypeTimeExceeded))).
			And("RFC7112:5-9", mutate.Field(anyProblem, icmpv6.Code.Is(0))).
			And("RFC7112:5-10", mutate.Field(anyProblem, icmpv6.Pointer.Is(40))).
			And("RFC7112:5-11", mutate.Field(anyProblem, packet.Data.Is(kit.Pattern(48)))).
			And("RFC7112:3-4", mutate.Missing(anyProblem)),
		incompletes(),
		func(p *probe.P, i incomplete) {
			lan := p.IPv6()
			f := kit.Framed(lan, ipv6.Header().Then(i.layers(p)...))
			bad := ipv6.Part(f, 0x61, 0, i.cut)
			lan.Send(ipv6.Part(f, 0x61, i.cut, len(ipv6.Fragmentable(f))))
			lan.Silent(bad, echo(p), packet.Template(anyReply), probe.For("RFC8200:4.5-48", "RFC7112:5-2"))
			e := lan.Expect(anyError, probe.For("RFC8200:4.5-49", "RFC7112:5-3", "RFC7112:3-4"))
			p.Must("RFC8200:4.5-49", e, icmpv6.Type.Is(icmpv6.TypeParameterProblem), icmpv6.Code.Is(3), icmpv6.Pointer.Is(0))
			p.Must("RFC7112:5-8", e, icmpv6.Type.Is(icmpv6.TypeParameterProblem))
			p.Must("RFC7112:5-9", e, icmpv6.Code.Is(icmpv6.CodeFirstFragment))
			p.Must("RFC7112:5-10", e, icmpv6.Pointer.Is(0))
			p.Must("RFC7112:5-11", e, icmpv6.Quotes(kit.Framed(lan, bad)))
		})

	check.Grid(suite, "ipv6.headers.complete", "No Next Header, ESP and a second IPv6 header end the chain: nothing is missing behind them",
		check.Proves("RFC7112:3-1", errs(ipv6.Fragment(ipv6.FragNext.Is(ipv6.NextNone)))).
			And("RFC7112:3-2", mutate.Forge(ipv6.Fragment(ipv6.FragNext.Is(41)), icmpv6.ParameterProblem(3, icmpv6.Pointer.Is(0)).Then(packet.Payload(kit.Pattern(48))))).
			And("RFC7112:3-3", mutate.Forge(ipv6.Fragment(ipv6.FragNext.Is(ipv6.NextESP)), icmpv6.ParameterProblem(3, icmpv6.Pointer.Is(0)).Then(packet.Payload(kit.Pattern(48))))),
		[]kit.Aspect{kit.About("59", "RFC7112:3-1"), kit.About("41", "RFC7112:3-2"), kit.About("50", "RFC7112:3-3")},
		func(p *probe.P, a kit.Aspect) {
			lan := p.IPv6()
			next := map[string]uint{"59": ipv6.NextNone, "41": 41, "50": ipv6.NextESP}[a.Name]
			inner := append(kit.Framed(lan, echo(p, ipv6.Destination())).Header(ipv6.Proto), make([]byte, 64)...)
			f := kit.Framed(lan, ipv6.Header(ipv6.NextHeader.Is(ipv6.NextDestination)).Then(packet.Payload(append([]byte{0, 0, 1, 4, 0, 0, 0, 0}, inner...))))
			lan.Send(ipv6.Header().Then(ipv6.Fragment(ipv6.FragMore.Is(1), ipv6.FragNext.Is(next), ipv6.FragID.Is(0x62)), packet.Payload(f.Body(ipv6.Proto)[8:48])))
			lan.Ask(echo(p), anyReply, probe.For())
			requirement := a.Requirements[0]
			what := anyProblem.With(icmpv6.Code.Is(icmpv6.CodeFirstFragment))
			if a.Name == "59" {
				what = anyError
			}
			none(lan, requirement, "the first fragment has all headers", what)
		})

	expired := icmpv6.TimeExceeded(icmpv6.CodeReassembly)
	suite.It("ipv6.timeout.first", "a packet that is not complete after 60 s is given up, and its source is told",
		check.Proves("RFC8200:4.5-39", mutate.Late(expired, 8*time.Second)).
			And("RFC8200:4.5-40", mutate.Gullible()).
			And("RFC8200:4.5-41", mutate.Late(expired, 30*time.Second)).
			And("RFC8200:4.5-42", mutate.Missing(expired)).
			And("RFC4443:3.3-7", mutate.Field(expired, icmpv6.Code.Is(0))).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			f := whole(lan)
			send := parts(f, 0x71)
			began := p.Now()
			lan.Send(send[0])
			p.Wait(30 * time.Second)
			lan.Send(send[1])
			p.Wait(28 * time.Second)
			none(lan, "RFC8200:4.5-39", "60 s have not passed", anyError)
			e := lan.Expect(icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeTimeExceeded)), probe.For("RFC8200:4.5-42"), probe.Within(40*time.Second))
			p.Must("RFC4443:3.3-7", e, icmpv6.Code.Is(icmpv6.CodeReassembly))
			p.Must("RFC8200:4.5-42", e, ipv6.Dst.Is(lan.IP()), icmpv6.QuotesSome(kit.Framed(lan, send[0])))
			p.Between("RFC8200:4.5-39", "60 s after the first fragment", e.At-began, 60*time.Second, 62*time.Second)
			p.Between("RFC8200:4.5-41", "the second fragment does not begin the time anew", e.At-began, 60*time.Second, 62*time.Second)
			lan.Silent(send[2], echo(p), anyReply, probe.For("RFC8200:4.5-40"))
		})

	check.Grid(suite, "ipv6.timeout.later", "nothing is said when the first fragment never came",
		check.Proves("RFC8200:4.5-43", errs(later)).Slow(),
		[]int{1, 2},
		func(p *probe.P, i int) {
			lan := p.IPv6()
			lan.Send(parts(whole(lan), 0x72)[i])
			p.Wait(65 * time.Second)
			lan.Ask(echo(p), anyReply, probe.For())
			none(lan, "RFC8200:4.5-43", "the first fragment never came", anyError)
		})
}

// incomplete is a packet and where its first fragment ends: before its headers do.
type incomplete struct {
	kit.Aspect
	cut    int
	layers func(p *probe.P) []packet.Template
}

func incompletes() []incomplete {
	ping := func(hs ...packet.Template) func(p *probe.P) []packet.Template {
		return func(p *probe.P) []packet.Template { return append(hs, icmpv6.Echo(p.Serial(), 1, kit.Pattern(40))) }
	}
	long := ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, make([]byte, 20)...)))
	segment := func(*probe.P) []packet.Template {
		return []packet.Template{tcp.Segment(tcp.SYNBit.Is(1), tcp.DstPort.Is(9), tcp.SrcPort.Is(4009))}
	}
	return []incomplete{
		{kit.Aspect{Name: "destination"}, 8, ping(ipv6.Destination())},
		{kit.Aspect{Name: "destination,destination"}, 8, ping(ipv6.Destination(), ipv6.Destination())},
		{kit.Aspect{Name: "second destination"}, 16, ping(ipv6.Destination(), ipv6.Destination())},
		{kit.Aspect{Name: "within a header"}, 16, ping(long)},
		{kit.Aspect{Name: "tcp 8"}, 8, segment},
		{kit.Aspect{Name: "tcp 16"}, 16, segment},
	}
}
