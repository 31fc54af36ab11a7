package icmpv4

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/probe"
)

// anyMessage is every ICMP message.
var anyMessage = icmpv4.Message()

func init() {
	// 1, 2 and 7 are unassigned, 19 is reserved, 20 to 29 stand for experiments of old, 42 and 43 are the extended echo of
	// RFC 8335, which a host may answer; 253 and 254 are for experiments.
	check.Grid(suite, "icmp.type.unknown", "a message of an unknown type is dropped silently",
		check.Proves("RFC1122:3.2.2-1", mutate.Gullible()),
		[]uint{1, 2, 7, 19, 20, 29, 44, 100, 252, 253, 254, 255},
		func(p *probe.P, kind uint) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, []byte("which type?"))
			host.Silent(good.With(icmpv4.Type.Is(kind)), good, anyMessage)
		})

	// A reply that nobody waits for, and an error about a datagram that nobody sent: nothing at all is said about them.
	check.Grid(suite, "icmp.about-icmp", "no message is sent about a reply or an error",
		check.Proves("RFC792:IN-2", mutate.Gullible()),
		[]uint{
			icmpv4.TypeEchoReply, icmpv4.TypeUnreachable, icmpv4.TypeSourceQuench, icmpv4.TypeRedirect, icmpv4.TypeTimeExceeded,
			icmpv4.TypeParameterProblem, icmpv4.TypeTimestampReply, icmpv4.TypeInfoReply, icmpv4.TypeMaskReply,
		},
		func(p *probe.P, kind uint) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, quoteOf(host.Net(), toClosedPort()))
			host.Silent(good.With(icmpv4.Type.Is(kind)), good, anyMessage)
		})
}
