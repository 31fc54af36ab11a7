package icmpv4

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// A recorder is an option that hosts write into.
type recorder struct {
	name   string
	kind   byte
	option func(visited netip.Addr) []byte // with one entry used and three free
	from   int                             // of the first entry, in the option
}

func (r recorder) String() string { return r.name }

var recorders = []recorder{
	{"record-route", ipv4.RecordRouteType, func(a netip.Addr) []byte {
		return ipv4.RecordRoute(8, a, netip.Addr{}, netip.Addr{}, netip.Addr{})
	}, 3},
	{"timestamp", ipv4.TimestampType, func(a netip.Addr) []byte {
		area := append(a.AsSlice(), 0, 0, 0, 1)
		return ipv4.Timestamp(13, 0, ipv4.TimestampsWithAddrs, append(area, make([]byte, 16)...))
	}, 4},
}

// recorded asks with a recorder of an entry in the options of a request and asserts that the reply has it with that
// entry kept and the target's address behind.
func recorded(host *probe.Tester, requirement string, r recorder, request, reply packet.Template) {
	first := offLink
	f := host.Ask(request.With(ipv4.Options.Is(r.option(first))), reply, probe.For())
	options, _ := ipv4.Options.Of(f)
	found := ipv4.FindOptions(options, r.kind)
	if !host.That(requirement, "the reply has the option, once", len(found), gomega.Equal(1)) {
		return
	}
	o := found[0]
	host.That(requirement, "what stood in the option stands there still", string(o[r.from:r.from+4]), gomega.Equal(string(first.AsSlice())))
	host.That(requirement, "the target's address is written behind it", addresses(o[r.from+4:]), gomega.ContainElement(host.TargetIP()))
}

// addresses are the words of an option, read as addresses.
func addresses(b []byte) (as []netip.Addr) {
	for ; len(b) >= 4; b = b[4:] {
		as = append(as, netip.AddrFrom4([4]byte(b)))
	}
	return as
}

// sourceRouted is a request that has come from far through the second tester: the route recorded is that tester, and the
// way back leads through it.
func sourceRouted(host *probe.Tester, request packet.Template) packet.Template {
	return request.With(ipv4.Src.Is(offLink), ipv4.Options.Is(ipv4.LooseRoute(8, host.As(1).IP())))
}

// routedBack asserts that a reply goes the way back of sourceRouted.
func routedBack(host *probe.Tester, requirement string, reply *packet.Frame) {
	host.Must(requirement, reply, ipv4.Dst.Is(host.As(1).IP()))
	options, _ := ipv4.Options.Of(reply)
	routes := ipv4.FindOptions(options, ipv4.LooseRouteType)
	if host.That(requirement, "the reply has a source route, once", len(routes), gomega.Equal(1)) {
		host.That(requirement, "the route ends at the source of the request", addresses(routes[0][3:]), gomega.Equal([]netip.Addr{offLink}))
		host.That(requirement, "the route is yet to be gone", routes[0][2], gomega.Equal(byte(4)))
	}
}

// straightBack is a target that answers to the source of a request, whatever its source route.
func straightBack(on packet.Template) mutate.Mutation {
	return mutate.Field(on, ipv4.Dst.Is(offLink), ipv4.Options.Is(nil))
}

// withoutOptions is a target that returns no options.
func withoutOptions(on packet.Template) mutate.Mutation {
	return mutate.Field(on, ipv4.Options.Is(nil))
}

func init() {
	check.Grid(suite, "icmp.echo.recorded", "Record Route and Timestamp options of an echo are updated and returned",
		check.Proves("RFC1122:3.2.2.6-8", withoutOptions(anyReply)),
		recorders,
		func(p *probe.P, r recorder) {
			id := p.Serial()
			recorded(p.IPv4(), "RFC1122:3.2.2.6-8", r, icmpv4.Echo(id, 1, kit.Pattern(16)), icmpv4.EchoReply(icmpv4.ID.Is(id)))
		})

	suite.It("icmp.echo.source-route", "the source route of an echo is reversed and used for the reply",
		check.Proves("RFC1122:3.2.2.6-9", straightBack(anyReply)),
		func(p *probe.P) {
			host := p.IPv4()
			id := p.Serial()
			reply := host.Ask(sourceRouted(host, icmpv4.Echo(id, 1, nil)), icmpv4.EchoReply(icmpv4.ID.Is(id)), probe.For("RFC1122:3.2.2.6-9"))
			routedBack(host, "RFC1122:3.2.2.6-9", reply)
		})
}
