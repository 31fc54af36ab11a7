package icmpv4

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// malformed is a header with an option in error; the pointer may name any of the option's octets that are wrong only
// together: its type or its length.
type malformed struct {
	name    string
	options []byte
	from    uint // of the octets in error, in the header, both included
	to      uint
}

func (m malformed) String() string { return m.name }

var malformedOptions = []malformed{
	{"length-0", []byte{7, 0, 4, 0}, 20, 21},
	{"length-1", []byte{7, 1, 4, 0}, 20, 21},
	{"length-beyond-header", []byte{7, 40, 4, 0}, 20, 21},
	{"behind-no-operations", []byte{1, 1, 1, 1, 7, 1, 4, 0}, 24, 25},
	{"record-route-pointer", []byte{7, 7, 3, 0, 0, 0, 0, 0}, 20, 22},
	{"record-route-pointer-behind", []byte{1, 1, 1, 1, 7, 7, 3, 0, 0, 0, 0, 0}, 24, 26},
}

func init() {
	problem := icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeParameterProblem))
	check.Grid(suite, "icmp.parameter.option", "Parameter Problem tells the source which octet of its header is in error",
		check.Proves("RFC1122:3.2.2.5-1", mutate.Missing(problem)).
			And("RFC792:PP-1", mutate.Field(problem, icmpv4.Unused.Is(0x14000001))).
			And("RFC792:PP-2", mutate.Field(problem, icmpv4.Code.Is(1))).
			And("RFC792:PP-3", mutate.Field(problem, icmpv4.Pointer.Is(1))).
			And("RFC792:PP-4", mutate.Field(problem, icmpv4.Pointer.Is(19))).
			And("RFC792:PP-6", mutate.Field(anyError, icmpv4.Type.Is(icmpv4.TypeUnreachable))),
		malformedOptions,
		func(p *probe.P, m malformed) {
			host := p.IPv4()
			echo := icmpv4.Echo(p.Serial(), 1, nil).With(ipv4.Options.Is(m.options))
			sent := kit.Framed(host, echo)
			e := host.Ask(echo, anyError, probe.For("RFC1122:3.2.2.5-1"))
			p.Observed("RFC792:PP-6", "a datagram discarded for its header draws an error")
			p.Must("RFC792:PP-6", e, icmpv4.Type.Is(icmpv4.TypeParameterProblem), ipv4.Dst.Is(host.IP()))
			p.Must("RFC792:PP-1", e, icmpv4.Quotes(sent), icmpv4.Unused.Where("0 but for the pointer", func(v uint) bool { return v&0xffffff == 0 }))
			p.Must("RFC792:PP-2", e, icmpv4.Code.Is(0))
			inOption := icmpv4.Pointer.Where("an octet in error, counted from 0", func(v uint) bool { return v >= m.from && v <= m.to })
			p.Must("RFC792:PP-3", e, inOption)
			p.Must("RFC792:PP-4", e, inOption)
		})

	check.Grid(suite, "icmp.parameter.discarded", "a datagram about which Parameter Problem is sent is discarded",
		check.Proves("RFC792:PP-5", mutate.Gullible()).
			And("RFC792:PP-7", mutate.Gullible()),
		malformedOptions,
		func(p *probe.P, m malformed) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, nil)
			host.Silent(good.With(ipv4.Options.Is(m.options)), good, anyReply, probe.For("RFC792:PP-5", "RFC792:PP-7"))
		})

	check.Grid(suite, "icmp.parameter.unknown-option", "no Parameter Problem is sent about an option that is unknown but well formed: it is no error",
		check.Proves("RFC792:PP-7", mutate.Forge(icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeEcho)), problem)),
		[]byte{0x1e, 0x5e, 0x9e, 0xde}, // the experimental options of RFC 4727, of each class and copied flag
		func(p *probe.P, kind byte) {
			host := p.IPv4()
			id := p.Serial()
			host.Ask(icmpv4.Echo(id, 1, nil).With(ipv4.Options.Is(ipv4.Option(kind, 0, 0))), icmpv4.EchoReply(icmpv4.ID.Is(id)), probe.For())
			p.That("RFC792:PP-7", "no Parameter Problem about a datagram that was answered", host.Seen(problem), gomega.BeEmpty())
		})
}
