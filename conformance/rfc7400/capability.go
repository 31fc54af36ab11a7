package rfc7400

import (
	"fmt"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
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
		check.Proves("RFC7400:3.4-3", mutate.Missing(ndp.Advert())).
			And("RFC7400:3.4-4", mutate.Missing(ndp.Advert())).
			And("RFC7400:3.4-7", mutate.Missing(ndp.Advert())).
			And("RFC7400:3.3-2", mutate.Missing(ndp.Advert())).
			And("RFC7400:3.4-8", mutate.Missing(ndp.Advert())),
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
}
