package rfc7400

import (
	"fmt"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The option that tells of capabilities: section 3.4.

// capabilities is a 6CIO (ND option 36) behind its type and length.
type capabilities struct {
	length byte
	bits   []byte
}

func (c capabilities) String() string { return fmt.Sprintf("length %d bits %x", c.length, c.bits) }

func init() {
	check.Grid(suite, "ghc.capability.option", "a 6CIO with bits that nobody assigned, with none, or longer than it need be, changes nothing of its message",
		check.Proves("RFC7400:3.4-3", mutate.Ignores(solicits("with bits that nobody assigned", func(o []byte) bool { return o[7] != 0 }))).
			And("RFC7400:3.4-4", mutate.Ignores(solicits("longer than 8 octets", func(o []byte) bool { return len(o) > 8 }))).
			And("RFC7400:3.4-7", mutate.MisreadsAs(solicits("of any kind", func([]byte) bool { return true }), "as if it asked for somebody else", func(f *packet.Frame) [][]byte {
				return f.Rewrites(ndp.NSTarget.Is(ipv6.MustAddr("fe80::9999")))
			})).
			And("RFC7400:3.3-2", mutate.Ignores(solicits("with G and nothing else", func(o []byte) bool { return len(o) == 8 && o[2] == 0 && o[3] == 1 && o[7] == 0 }))).
			And("RFC7400:3.4-8", mutate.Ignores(solicits("with zeros", func(o []byte) bool { return slices.Max(o[2:]) == 0 }))),
		[]capabilities{
			{1, []byte{0, 1, 0, 0, 0, 0}}, {1, make([]byte, 6)}, {1, []byte{0xff, 0xfe, 0xff, 0xff, 0xff, 0xff}},
			{2, append([]byte{0, 1}, make([]byte, 12)...)}, {3, append([]byte{0xff, 0xff}, make([]byte, 20)...)},
		},
		func(p *probe.P, c capabilities) {
			lan := p.IPv6()
			to := lan.Net().Target.LinkLocal
			options := ndp.Options(ndp.SourceLink(lan.Host().MAC), ndp.RawOption(36, c.length, c.bits...))
			lan.Ask(near(lan, ndp.Solicit(to, ndp.NSOptions.Is(options))), ndp.Advert(ndp.NATarget.Is(to)),
				probe.For("RFC7400:3.4-3", "RFC7400:3.4-4", "RFC7400:3.4-7", "RFC7400:3.3-2", "RFC7400:3.4-8"))
		})

	const form, where, unassigned, experimental = "RFC7400:3.3-1", "RFC7400:3.4-1", "RFC7400:3.4-2", "RFC7400:3.4-6"
	suite.It("ghc.capability.sent", "a 6CIO in a solicitation for routers has length 1 and the G bit, and zeros in bits that nobody assigned",
		check.Proves(form, told(3, 0xfe)).
			And(where, mutate.Missing(ndp.RouterSolicit())).
			And(unassigned, told(7, 0xff)).
			And(experimental, told(2, 0x7f)).
			Needs(target.SLAAC, target.Registers, target.Registers2),
		func(p *probe.P) {
			lan := p.Bare(probe.IPv6).LinkLocal()
			rs := lan.Expect(ndp.RouterSolicit(), probe.For(form, where, unassigned, experimental), probe.Within(time.Minute))
			options, _ := ndp.RSOptions.Of(rs)
			all := ndp.FindOptions(options, 36)
			p.Observed(where, "the solicitation for routers has %d 6CIO", len(all))
			for _, o := range all {
				p.That(form, "its length, in octets", len(o), gomega.Equal(8))
				p.That(form, "flag 15, G", o[3]&1, gomega.BeEquivalentTo(1))
				p.That(experimental, "flags 0 to 7", o[2], gomega.BeZero())
				p.That(unassigned, "flags 16 to 47", o[4:8], gomega.Equal(make([]byte, 4)))
			}
			for _, req := range []string{form, unassigned, experimental} {
				p.Meets(req)
			}
		})
}

// solicits is a solicitation with a 6CIO of a kind.
func solicits(kind string, is func(option []byte) bool) packet.Template {
	return ndp.Solicitation(ndp.NSOptions.Where("with a 6CIO "+kind, func(b []byte) bool {
		return slices.ContainsFunc(ndp.FindOptions(b, 36), is)
	}))
}

// told is a target whose 6CIO is another one: an octet of it has bits that are not its own.
func told(octet int, bits byte) mutate.Mutation {
	return mutate.SendsAs(ndp.RouterSolicit(), fmt.Sprintf("with %#02x in octet %d of its 6CIO", bits, octet), func(f *packet.Frame) [][]byte {
		b, _ := ndp.RSOptions.Of(f)
		all, _ := ndp.SplitOptions(b)
		for i := range all {
			if all[i][0] == 36 {
				all[i] = slices.Clone(all[i])
				all[i][octet] = bits
			}
		}
		return f.Rewrites(ndp.RSOptions.Is(slices.Concat(all...)))
	})
}
