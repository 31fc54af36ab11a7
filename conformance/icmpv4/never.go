package icmpv4

import (
	"fmt"
	"net/netip"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A pair is a stimulus in circumstances in which it must not draw its error.
type pair[T fmt.Stringer] struct {
	stimulus stimulus
	in       T
}

func (p pair[T]) String() string { return fmt.Sprintf("%s,%s", p.stimulus, p.in) }

func pairs[T fmt.Stringer](stimuli []stimulus, in []T) (all []pair[T]) {
	for _, s := range stimuli {
		for _, c := range in {
			all = append(all, pair[T]{s, c})
		}
	}
	return all
}

// A source is an address that is not a single host.
type source struct {
	name string
	ip   func(host *probe.Tester) netip.Addr
}

func (s source) String() string { return s.name }

func fixed(a string) func(*probe.Tester) netip.Addr {
	return func(*probe.Tester) netip.Addr { return netip.MustParseAddr(a) }
}

var badSources = []source{
	{"zero", fixed("0.0.0.0")}, {"loopback", fixed("127.0.0.1")}, {"limited-broadcast", fixed("255.255.255.255")},
	{"subnet-broadcast", func(host *probe.Tester) netip.Addr { return kit.LastOf(host.Net().Prefix4) }},
	{"multicast", fixed("224.0.0.1")}, {"class-e", fixed("240.0.0.1")},
}

func init() {
	// The twin that differs in the destination alone draws the error, so the destination is why there is none.
	check.Grid(suite, "icmp.never.group", "no error is sent about a datagram to a broadcast or multicast address",
		check.Proves("RFC1122:3.2.2-7", mutate.Gullible()),
		pairs(stimuli, groups),
		func(p *probe.P, k pair[group]) {
			host := p.IPv4()
			good := k.stimulus.sent()
			host.Silent(good.With(k.in.to(host.Net())...), good, anyError)
		})

	check.Grid(suite, "icmp.never.link-broadcast", "no error is sent about a datagram that came as a link-layer broadcast",
		check.Proves("RFC1122:3.2.2-8", mutate.Gullible()),
		stimuli,
		func(p *probe.P, s stimulus) {
			host := p.IPv4()
			good := s.sent()
			host.Silent(good.With(ethernet.Dst.Is(ethernet.Broadcast)), good, anyError)
		})

	// A last fragment of no datagram: the target keeps it, and says nothing of the protocol, port or option in it.
	check.Grid(suite, "icmp.never.fragment", "no error is sent about a fragment other than the first",
		check.Proves("RFC1122:3.2.2-9", mutate.Gullible()).And("RFC792:IN-3", mutate.Gullible()),
		stimuli,
		func(p *probe.P, s stimulus) {
			host := p.IPv4()
			good := s.sent()
			host.Silent(good.With(ipv4.Offset.Is(10)), good, anyError, probe.For("RFC1122:3.2.2-9", "RFC792:IN-3"))
		})

	check.Grid(suite, "icmp.never.source", "no error is sent about a datagram whose source is not a single host",
		check.Proves("RFC1122:3.2.2-10", mutate.Gullible()).Needs(target.Gateway),
		pairs(stimuli, badSources),
		func(p *probe.P, k pair[source]) {
			host := p.IPv4()
			good := k.stimulus.sent()
			host.Silent(good.With(ipv4.Src.Is(k.in.ip(host))), good, anyError)
		})

	// What draws an error about an ICMP message is its IP header; the twin is an echo with the same fault.
	check.Grid(suite, "icmp.never.about-error", "no error is sent about an error",
		check.Proves("RFC1122:3.2.2-6", mutate.Gullible()),
		[]uint{icmpv4.TypeUnreachable, icmpv4.TypeSourceQuench, icmpv4.TypeRedirect, icmpv4.TypeTimeExceeded, icmpv4.TypeParameterProblem},
		func(p *probe.P, kind uint) {
			host := p.IPv4()
			faulty := icmpv4.Message().Then(packet.Payload(quoteOf(host.Net(), toClosedPort()))).With(ipv4.Options.Is(badOption))
			host.Silent(faulty.With(icmpv4.Type.Is(kind)), faulty.With(icmpv4.Type.Is(icmpv4.TypeEcho)), anyError)
		})
}
