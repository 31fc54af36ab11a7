// Package rfc8025 checks what may stand in front of a compressed packet on a 6LoWPAN: the pages of RFC 8025, and the escape
// of RFC 8066.
package rfc8025

import (
	"fmt"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("rfc8025", "RFC 8025 and RFC 8066: pages and escapes on 6LoWPANs").On(target.IEEE802154).Needing(target.IPv6)

// front is octets in front of a compressed packet, named by what they are.
type front []byte

func (f front) String() string { return fmt.Sprintf("%x", []byte(f)) }

// behind is a frame with an echo behind other octets.
func behind(lan *probe.Tester, id uint, octets []byte) packet.Template {
	f := lan.Framed(icmpv6.Echo(id, 1, []byte("8025")))
	head := f.Header(lowpan.IPHCProto)
	rest := append(append([]byte(nil), octets[min(1, len(octets)):]...), head...)
	rest = append(rest, f.Body(lowpan.IPHCProto)...)
	if len(octets) == 0 {
		return lowpan.IPHC(lowpan.Encoded.Is(head)).Then(packet.Payload(f.Body(lowpan.IPHCProto)))
	}
	return lowpan.Other(uint(octets[0])).Then(packet.Payload(rest))
}

// taken asserts that a packet behind these octets is answered.
func taken(p *probe.P, octets front, reqs ...string) {
	lan := p.IPv6()
	id := p.Serial()
	lan.Ask(behind(lan, id, octets), icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For(reqs...))
}

// refused asserts that a packet behind these octets is not.
func refused(p *probe.P, octets front, reqs ...string) {
	lan := p.IPv6()
	id := p.Serial()
	lan.Silent(behind(lan, id, octets), behind(lan, id, nil), icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For(reqs...))
}

func init() {
	answer := icmpv6.EchoReply()
	check.Grid(suite, "page.one", "in page 1 a LOWPAN_IPHC is what it is in page 0",
		check.Proves("RFC8025:4-1", mutate.Ignores(lowpan.Paging(1).Then(lowpan.IPHC()))).
			And("RFC8025:3-1", mutate.Misreads(lowpan.Paging(1), lowpan.Page.Is(2))).
			And("RFC8025:6.1-1", mutate.Ignores(lowpan.Paging(1).Then(lowpan.Paging(1)))),
		[]front{{0xf1}, {0xf1, 0xf1}},
		func(p *probe.P, f front) { taken(p, f, "RFC8025:4-1", "RFC8025:3-1", "RFC8025:6.1-1") })

	suite.It("page.zero", "page 0 is the one that a packet begins in",
		check.Proves("RFC8025:3-2", mutate.Missing(answer)),
		func(p *probe.P) { taken(p, nil, "RFC8025:3-2") })

	check.Grid(suite, "page.switches", "a page lasts until the next switch, which is the same in each page",
		check.Proves("RFC8025:3-4", mutate.Ignores(lowpan.Paging(1).Then(lowpan.Paging(0)))).
			And("RFC8025:3-5", mutate.Ignores(lowpan.Paging(0).Then(lowpan.Paging(1)))), []front{{0xf0, 0xf1}, {0xf1, 0xf0}, {0xf1, 0xf0, 0xf1}},
		func(p *probe.P, f front) { taken(p, f, "RFC8025:3-4", "RFC8025:3-5") })

	check.Grid(suite, "page.unknown", "a packet in a page that nobody has defined is not taken",
		check.Proves("RFC8025:3-7", mutate.Gullible()).And("RFC8025:3-6", mutate.Persuaded()),
		[]front{{0xf2}, {0xf3}, {0xf8}, {0xfe}, {0xff}, {0xf1, 0xf2}}, func(p *probe.P, f front) { refused(p, f, "RFC8025:3-7", "RFC8025:3-6") })

	check.Grid(suite, "page.order", "what belongs to page 0 has no meaning behind a switch to page 1",
		check.Proves("RFC8025:3-3", mutate.Gullible()).And("RFC8025:4-2", mutate.Persuaded()).And("RFC8025:4-3", mutate.Gullible()),
		[]front{{0xf1, 0x41}, {0xf1, 0x50, 1}, {0xf1, 0xb1, 0, 1, 0, 2}, {0xf1, 0xc0, 60, 0, 1}}, func(p *probe.P, f front) { refused(p, f, "RFC8025:3-3", "RFC8025:4-2", "RFC8025:4-3") })

	check.Grid(suite, "escape.unknown", "an escape whose extension type is not known makes a packet that is dropped",
		check.Proves("RFC8066:3.1-1", mutate.Gullible()).And("RFC8066:3-1", mutate.Persuaded()).And("RFC8066:3-2", mutate.Gullible()),
		[]front{{0x40, 0}, {0x40, 32}, {0x40, 100}, {0x40, 254}, {0x40, 255}, {0x40, 200, 0x40, 201}}, func(p *probe.P, f front) { refused(p, f, "RFC8066:3.1-1", "RFC8066:3-1", "RFC8066:3-2") })
}
