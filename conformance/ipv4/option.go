package ipv4

import (
	"bytes"
	"fmt"
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

// anOption is the octets of the options of a header, by a name.
type anOption struct {
	name   string
	octets []byte
}

func (o anOption) String() string { return o.name }

// join puts options behind each other.
func join(options ...[]byte) []byte { return bytes.Join(options, nil) }

// holds is a condition on the options of a header: one of the given kind is among them.
func holds(kind byte) packet.Cond {
	return ipv4.Options.Where(fmt.Sprintf("with option %d", kind), func(o []byte) bool { return len(ipv4.FindOptions(o, kind)) > 0 })
}

// withOptions is a condition on a header: it has options.
var withOptions = ipv4.Options.Where("any options", func(o []byte) bool { return len(o) > 0 })

// accepted asserts for requirements that an echo with options is answered, and that no error is sent about it.
func accepted(p *probe.P, options []byte, requirements ...string) *packet.Frame {
	host := p.IPv4()
	f := asked(host, kit.Pattern(32), ipv4.Options.Is(options))
	host.SendBytes(f.Bytes)
	reply := host.Expect(f.reply, probe.For(requirements...))
	for _, req := range requirements {
		p.Must(req, reply, packet.Data.Is(kit.Pattern(32)))
		p.That(req, "no ICMP error about it", host.Seen(icmpv4.Error()), gomega.BeEmpty())
	}
	return reply
}

// The types 30, 94, 158 and 222 are for experiments (RFC 4727): of class 0 and 2, copied and not; 61 is of class 1, which is
// reserved. Router Alert asks nothing of a host.
var unknown = []anOption{
	{"30", ipv4.Option(30, 1, 2)}, {"61", ipv4.Option(61, 1, 2, 3)}, {"94", ipv4.Option(94)}, {"158", ipv4.Option(158, 0, 0)},
	{"222", ipv4.Option(222, make([]byte, 38)...)}, {"router-alert", ipv4.RouterAlert()},
}

func init() {
	check.Grid(suite, "ipv4.option.unknown", "an option that is not known is ignored silently",
		check.Proves("RFC1122:3.2.1.8-3", mutate.Ignores(anyEcho.With(withOptions))),
		unknown,
		func(p *probe.P, o anOption) { accepted(p, o.octets, "RFC1122:3.2.1.8-3") })

	suite.It("ipv4.option.stream", "a Stream Identifier is ignored silently and not sent",
		check.Proves("RFC1122:3.2.1.8b-2", mutate.Ignores(anyEcho.With(withOptions))).
			And("RFC1122:3.2.1.8b-1", mutate.Field(anyReply, ipv4.Options.Is(ipv4.Option(ipv4.StreamIDType, 0, 7)))),
		func(p *probe.P) {
			reply := accepted(p, ipv4.Option(ipv4.StreamIDType, 0, 7), "RFC1122:3.2.1.8b-2")
			p.Must("RFC1122:3.2.1.8b-1", reply, ipv4.Options.Where("without a Stream Identifier", func(o []byte) bool {
				return len(ipv4.FindOptions(o, ipv4.StreamIDType)) == 0
			}))
		})

	check.Grid(suite, "ipv4.option.no-operation", "No Operation may stand before, between and behind options",
		check.Proves("RFC791:3.1-OE-4", mutate.Ignores(anyEcho.With(withOptions))),
		[]anOption{
			{"alone", bytes.Repeat([]byte{ipv4.NoOperation}, 4)},
			{"before", join([]byte{1, 1}, ipv4.Option(30, 1, 2, 3, 4))},
			{"between", join(ipv4.Option(30, 1), []byte{1}, ipv4.Option(94, 1, 2))},
			{"behind", join(ipv4.Option(30, 1), []byte{1})},
			{"full", bytes.Repeat([]byte{ipv4.NoOperation}, 40)},
		},
		func(p *probe.P, o anOption) { accepted(p, o.octets, "RFC791:3.1-OE-4") })

	check.Grid(suite, "ipv4.option.end", "octets behind the End of Option List are not looked at",
		check.Proves("RFC791:3.1-OE-1", mutate.Ignores(anyEcho.With(withOptions))),
		[]anOption{
			{"at-once", []byte{0, 7, 1, 9}},
			{"behind-one", join(ipv4.Option(30, 1), []byte{0, 131, 1, 3, 255})},
			{"header-full-of-rest", join([]byte{0}, bytes.Repeat([]byte{7}, 39))},
		},
		func(p *probe.P, o anOption) { accepted(p, o.octets, "RFC791:3.1-OE-1") })

	suite.It("ipv4.option.no-end", "options that end together with the header need no End of Option List",
		check.Proves("RFC791:3.1-OE-2", mutate.Ignores(anyEcho.With(withOptions))).
			And("RFC791:3.1-OP-1", mutate.Ignores(anyEcho.With(withOptions))),
		func(p *probe.P) {
			accepted(p, ipv4.Option(30, 1, 2), "RFC791:3.1-OE-2", "RFC791:3.1-OP-1")
		})

	// A target that took the length for that of the data alone would look for the route within the timestamp.
	several := join(ipv4.Option(158), ipv4.Option(30, 7, 7), []byte{1}, ipv4.RecordRoute(4, netip.Addr{}))
	misread := mutate.Field(anyReply, ipv4.Options.Is(ipv4.RecordRoute(4, netip.Addr{})))
	suite.It("ipv4.option.several", "each of several options is found by the lengths of those before",
		check.Proves("RFC791:3.1-OP-2", misread).And("RFC791:3.1-OP-3", misread).And("RFC791:3.2-OD-1", misread),
		func(p *probe.P) {
			o := returned(p.IPv4(), ipv4.RecordRouteType, several, "RFC791:3.1-OP-2", "RFC791:3.1-OP-3", "RFC791:3.2-OD-1")
			if o == nil {
				return
			}
			for _, req := range []string{"RFC791:3.1-OP-2", "RFC791:3.1-OP-3", "RFC791:3.2-OD-1"} {
				p.That(req, "the route, behind three other options, is recorded", hops(o), gomega.Equal([]netip.Addr{p.Net().Target.IP4}))
			}
		})

	suite.It("ipv4.option.type", "copied flag, class and number together make the type",
		check.Proves("RFC791:3.1-OP-4", mutate.Misreads(anyEcho.With(withOptions), ipv4.Options.Is(ipv4.RecordRoute(4, netip.Addr{})))),
		func(p *probe.P) {
			almost := ipv4.RecordRoute(4, netip.Addr{})
			almost[0] |= 0x80
			reply := accepted(p, almost, "RFC791:3.1-OP-4")
			options, _ := ipv4.Options.Of(reply)
			p.That("RFC791:3.1-OP-4", "Record Route with the copied flag is another option: none is recorded",
				ipv4.FindOptions(options, ipv4.RecordRouteType), gomega.BeEmpty())
		})

	check.Grid(suite, "ipv4.option.malformed", "an option whose length is impossible or runs beyond the header makes the header malformed",
		check.Proves("RFC791:3.1-OP-6", mutate.Gullible()),
		[]anOption{
			{"length-0", []byte{7, 0, 4, 0}}, {"length-1", []byte{7, 1, 4, 0}}, {"beyond-the-header", []byte{7, 11, 4, 0, 0, 0, 0, 0}},
			{"unknown-length-0", []byte{30, 0, 0, 0}}, {"unknown-beyond", []byte{30, 5, 0, 0}}, {"no-length", []byte{1, 1, 1, 30}},
		},
		func(p *probe.P, o anOption) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32)).With(ipv4.Options.Is(bytes.Repeat([]byte{ipv4.NoOperation}, len(o.octets))))
			host.Silent(good.With(ipv4.Options.Is(o.octets)), good, anyReply)
		})

	pointsBefore := mutate.Forge(anyEcho.With(withOptions), icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeParameterProblem), icmpv4.Pointer.Is(9)))
	check.Grid(suite, "ipv4.option.parameter-problem", "what is said about a bad option is a Parameter Problem that points at it",
		check.Proves("RFC791:3.1-RR-9", pointsBefore).And("RFC791:3.1-TS-15", pointsBefore),
		[]anOption{
			{"record-route", ipv4.Option(ipv4.RecordRouteType, 5, 0, 0, 0, 0)},
			{"timestamp-no-room", ipv4.Timestamp(9, 0, ipv4.TimestampsOnly, make([]byte, 6))},
			{"timestamp-overflow", ipv4.Timestamp(9, 15, ipv4.TimestampsOnly, make([]byte, 4))},
		},
		func(p *probe.P, o anOption) {
			host := p.IPv4()
			host.SendBytes(asked(host, kit.Pattern(32), ipv4.Options.Is(join([]byte{1, 1}, o.octets))).Bytes)
			alive(host)
			for _, req := range []string{"RFC791:3.1-RR-9", "RFC791:3.1-TS-15"} {
				p.Observed(req, "nothing is sent")
				for _, e := range host.Seen(icmpv4.Error()) {
					kind, _ := icmpv4.Type.Of(e)
					at, _ := icmpv4.Pointer.Of(e)
					p.That(req, "the type", kind, gomega.BeEquivalentTo(icmpv4.TypeParameterProblem))
					p.That(req, "the pointer, into the option", int(at), gomega.And(gomega.BeNumerically(">=", 22), gomega.BeNumerically("<", 22+len(o.octets))))
					p.Observed(req, "a Parameter Problem is sent")
				}
			}
		})
}
