package ipv4

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
	"github.com/conform-stack/conform/harness/target"
)

// returned asks with options and gives the option of one kind that the reply has. A target may do without Record Route
// and Timestamp (RFC 1122, 3.2.1.8 (d) and (e)): without one in the reply it is nil and noted for the requirements.
func returned(host *probe.Tester, kind byte, options []byte, requirements ...string) []byte {
	f := asked(host, kit.Pattern(32), ipv4.Options.Is(options))
	host.SendBytes(f.Bytes)
	reply := host.Expect(f.reply, probe.For())
	got, _ := ipv4.Options.Of(reply)
	found := ipv4.FindOptions(got, kind)
	if len(found) == 0 {
		for _, req := range requirements {
			host.Observed(req, "the option is not supported: the reply is without it")
		}
		return nil
	}
	return found[0]
}

// hops are the addresses that a Record Route or source route option has from the first slot up to its pointer.
func hops(option []byte) (as []netip.Addr) {
	for at := 3; at+4 <= len(option) && at+1 < int(option[2]); at += 4 {
		as = append(as, netip.AddrFrom4([4]byte(option[at:at+4])))
	}
	return as
}

// recordedOnce tells whether a target that a datagram passed has put its address into an option: once, or once on its way
// in and once on its way out.
func recordedOnce(host *probe.Tester) gomega.OmegaMatcher {
	self := host.TargetIP()
	return gomega.Or(gomega.Equal([]netip.Addr{offLink, self}), gomega.Equal([]netip.Addr{offLink, self, self}))
}

// dropsBad sends an echo with a bad option and one with that option made right. A target that does not know the option
// answers both, without it; one that does must not take the bad one for good.
func dropsBad(p *probe.P, kind byte, bad, good []byte) {
	host := p.IPv4()
	echo := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32)).With(ipv4.Options.Is(good))
	host.Silent(echo.With(ipv4.Options.Is(bad)), echo, anyReply.With(holds(kind)), probe.Fence(anyReply))
}

func init() {
	four := []netip.Addr{offLink, {}, {}, {}}
	unrecorded := mutate.Field(anyReply.With(holds(ipv4.RecordRouteType)), ipv4.Options.Is(ipv4.RecordRoute(8, four...)))
	shorter := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Field(anyReply.With(holds(ipv4.RecordRouteType)), ipv4.Options.Is(ipv4.RecordRoute(12, offLink, n.Target.IP4)))
	})
	suite.It("ipv4.option.record-route", "the target puts its address behind those recorded and moves the pointer",
		check.Proves("RFC791:3.1-RR-5", unrecorded).
			And("RFC791:3.1-RR-1", shorter).
			And("RFC791:3.1-RR-6", shorter).
			And("RFC791:3.1-RR-11", mutate.Field(anyReply.With(holds(ipv4.RecordRouteType)), ipv4.Options.Is(join(ipv4.RecordRoute(8, four...), ipv4.RecordRoute(4, offLink))))).
			And("RFC1122:3.2.1.8d-1", unrecorded).
			And("RFC791:3.1-HF-25", mutate.Field(anyReply.With(withOptions), ipv4.Checksum.Is(0x1234))).
			And("RFC791:3.2-CK-1", mutate.Field(anyReply.With(withOptions), ipv4.Checksum.Is(0x1234))),
		func(p *probe.P) {
			host := p.IPv4()
			o := returned(host, ipv4.RecordRouteType, ipv4.RecordRoute(8, four...),
				"RFC791:3.1-RR-5", "RFC791:3.1-RR-1", "RFC791:3.1-RR-6", "RFC791:3.1-RR-11", "RFC1122:3.2.1.8d-1", "RFC791:3.1-HF-25", "RFC791:3.2-CK-1")
			if o == nil {
				return
			}
			p.Observed("RFC1122:3.2.1.8d-1", "Record Route is supported")
			p.That("RFC791:3.1-RR-5", "the addresses recorded", hops(o), recordedOnce(host))
			p.That("RFC1122:3.2.1.8d-1", "the addresses recorded", hops(o), recordedOnce(host))
			p.That("RFC791:3.1-RR-6", "the length of the option", len(o), gomega.Equal(19))
			p.That("RFC791:3.1-RR-1", "the length octet", int(o[1]), gomega.Equal(19))
			reply := host.Seen(anyReply)[0]
			options, _ := ipv4.Options.Of(reply)
			p.That("RFC791:3.1-RR-11", "Record Route options in the reply", len(ipv4.FindOptions(options, ipv4.RecordRouteType)), gomega.Equal(1))
			for _, req := range []string{"RFC791:3.1-HF-25", "RFC791:3.2-CK-1"} {
				p.That(req, "the sum over the header with the changed option", packet.Sum(reply.Header(ipv4.Proto)), gomega.Equal(uint16(0xffff)))
			}
		})

	suite.It("ipv4.option.record-route.full", "a datagram whose route is full goes on with the route as it is",
		check.Proves("RFC791:3.1-RR-7", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(anyReply.With(holds(ipv4.RecordRouteType)), ipv4.Options.Is(ipv4.RecordRoute(8, n.Target.IP4)))
		})),
		func(p *probe.P) {
			if o := returned(p.IPv4(), ipv4.RecordRouteType, ipv4.RecordRoute(8, offLink), "RFC791:3.1-RR-7"); o != nil {
				p.That("RFC791:3.1-RR-7", "the option", o, gomega.Equal(ipv4.RecordRoute(8, offLink)))
			}
		})

	check.Grid(suite, "ipv4.option.record-route.no-room", "a route with room for less than an address is an error",
		check.Proves("RFC791:3.1-RR-8", mutate.Gullible()),
		[]byte{5, 6, 7},
		func(p *probe.P, pointer byte) {
			dropsBad(p, ipv4.RecordRouteType, ipv4.RecordRoute(pointer, offLink), ipv4.RecordRoute(4, offLink))
		})

	check.Grid(suite, "ipv4.option.record-route.pointer", "the smallest pointer of Record Route is 4",
		check.Proves("RFC791:3.1-RR-2", mutate.Gullible()),
		[]byte{0, 1, 3},
		func(p *probe.P, pointer byte) {
			dropsBad(p, ipv4.RecordRouteType, ipv4.RecordRoute(pointer, offLink), ipv4.RecordRoute(4, offLink))
		})
}
