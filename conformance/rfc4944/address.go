package rfc4944

import (
	"net"
	"net/netip"
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Addresses: identifiers of section 6, link-layer address options of section 8, the ranges of section 12.

// option is the link-layer address option of a type in the options of a message.
func option(options []byte, kind byte) []byte {
	if all := ndp.FindOptions(options, kind); len(all) > 0 {
		return all[0]
	}
	return nil
}

// asked has the target look for a neighbour that it does not know, and gives its solicitation.
func asked(lan *probe.Tester, reqs ...string) *packet.Frame {
	lan.IgnoreND()
	unknown := ipv6.MustAddr("fe80::7777")
	request, _ := ping(lan, 4)
	return lan.Ask(local(lan, request).With(ipv6.Src.Is(unknown)), ndp.Solicit(unknown), probe.For(reqs...))
}

func init() {
	suite.It("iid.universal", "the identifier of the link-local address shows whether its EUI-64 is universal",
		check.Proves("RFC4944:6-6", mutate.Field(icmpv6.EchoReply(), ipv6.Src.Is(ipv6.MustAddr("fe80::200:0:0:2")))).
			And("RFC4944:6-5", mutate.Missing(icmpv6.EchoReply())),
		func(p *probe.P) {
			const bit, any = "RFC4944:6-6", "RFC4944:6-5"
			lan := p.IPv6().LinkLocal()
			mac := lan.Net().Target.MAC
			request, reply := ping(lan, 4)
			f := lan.Ask(request, reply, probe.For(bit, any))
			a, _ := ipv6.Src.Of(f)
			iid := a.As16()
			derived := a == target.LinkLocalOf(mac)
			p.Observed(any, "the link-local address is %v, made from the EUI-64 of the station: %v", a, derived)
			if slices.Equal(iid[9:16], mac[1:8]) { // it has the bits of the EUI-64
				p.That(bit, "the universal bit, inverted", iid[8]&2, gomega.Equal(mac[0]&2^2))
			}
		})
	suite.It("iid.prefix", "a prefix that is not 64 bits long gives no address",
		check.Proves("RFC4944:6-7", mutate.Gullible()).Needs(target.SLAAC, target.Management6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			r := lan.Router()
			for _, bits := range []int{48, 63, 65, 80} {
				bad := ndp.Advertised(netip.PrefixFrom(ipv6.MustAddr("2001:db8:a5::"), bits))
				good := ndp.Advertised(netip.MustParsePrefix("2001:db8:a5::/64"))
				r.SendBad(r.Advert(r.Prefixes(bad)), r.Advert(r.Prefixes(good)))
				lan.LinkLocal().Ping()
				var global []netip.Addr
				for _, a := range p.Addresses() {
					if in := bad.Prefix.Masked(); in.Contains(a.Addr) {
						global = append(global, a.Addr)
					}
				}
				p.That("RFC4944:6-7", "addresses of the prefix", global, gomega.BeEmpty())
			}
		})

	solicitation := ndp.Solicitation(ndp.NSTarget.Is(ipv6.MustAddr("fe80::7777")))
	suite.It("nd.option.extended", "the option of an EUI-64 has length 2, and zeros behind the address that the target answers to",
		check.Proves("RFC4944:8-1", mutate.Field(solicitation, ndp.NSOptions.Is([]byte{1, 2, 2, 0, 0, 0, 0, 0, 0, 2, 1, 1, 1, 1, 1, 1}))).
			And("RFC4944:8-3", mutate.SendsAs(solicitation, "with the address of another station", func(f *packet.Frame) [][]byte {
				return f.Rewrites(ndp.NSLink.Is([]byte{2, 0, 0, 0, 0, 0, 0, 0x22}))
			})),
		func(p *probe.P) {
			const form, answers = "RFC4944:8-1", "RFC4944:8-3"
			lan := p.IPv6()
			f := asked(lan, form, answers)
			options, _ := ndp.NSOptions.Of(f)
			o := option(options, ndp.SourceLinkType)
			p.That(form, "the option", len(o), gomega.Or(gomega.Equal(16), gomega.Equal(8)))
			if len(o) == 16 {
				p.That(form, "the padding", o[10:], gomega.Equal(make([]byte, 6)))
			}
			at, _ := ndp.NSLink.Of(f)
			lan.AnswerND()
			request, reply := ping(lan, 4)
			lan.Ask(request.With(ieee802154.Dst.Is(at)), reply, probe.For(answers), probe.Because("the station answers to the address that it tells"))
		})
	suite.It("nd.option.short", "an option of length 1 tells a short address, and the target has such a one for its own",
		check.Proves("RFC4944:8-2", mutate.Misreads(ndp.Advert(), ndp.NALink.Is([]byte{2, 0, 0, 0, 0, 0, 0, 1}))),
		func(p *probe.P) {
			const req = "RFC4944:8-2"
			lan := p.IPv6()
			f := asked(lan, req)
			options, _ := ndp.NSOptions.Of(f)
			if o := option(options, ndp.SourceLinkType); len(o) == 8 {
				p.That(req, "the padding", o[4:], gomega.Equal(make([]byte, 4)))
			}
			// The neighbour says that it has a short address.
			who, _ := ndp.NSTarget.Of(f)
			short := lan.Host().ShortAddr
			lan.Send(ndp.Advert(ndp.NATarget.Is(who), ndp.NALink.Is(short), ndp.Solicited.Is(1)).With(ipv6.Src.Is(who), ipv6.Dst.Is(lan.Net().Target.LinkLocal)))
			reply := lan.Expect(ipv6.Header(ipv6.Dst.Is(who)).Then(icmpv6.EchoReply()), probe.For(req))
			p.Must(req, reply, ieee802154.Dst.Is(short))
		})

	suite.It("frame.addresses", "the addresses of what the target sends are not zero, and within their ranges",
		check.Proves("RFC4944:6-4", mutate.Field(icmpv6.EchoReply(), ieee802154.Src.Is(make([]byte, 8)))).
			And("RFC4944:12-2", mutate.Field(icmpv6.EchoReply(), ieee802154.Src.Is([]byte{0xc0, 1}))).
			And("RFC4944:12-3", mutate.Field(icmpv6.EchoReply(), ieee802154.Src.Is([]byte{0x80, 2}))).
			Needs(target.ShortAddress),
		func(p *probe.P) {
			lan := p.IPv6()
			for _, peer := range []*probe.Tester{lan, lan.LinkLocal(), lan.LinkLocal().Short().ToShort()} {
				request, reply := ping(peer, 4)
				peer.Ask(request, reply, probe.For("RFC4944:6-4", "RFC4944:12-2", "RFC4944:12-3"))
			}
			for _, f := range lan.Seen(ieee802154.Data()) {
				src, _ := ieee802154.Src.Of(f)
				p.That("RFC4944:6-4", "the source is not all zero", slices.Max(src), gomega.BeNumerically(">", 0))
				p.That("RFC4944:12-3", "the source is one of a station", len(src) != 2 || src[0]&0x80 == 0, gomega.BeTrue())
				dst, _ := ieee802154.Dst.Of(f)
				for _, a := range []net.HardwareAddr{src, dst} {
					reserved := len(a) == 2 && a[0]>>5 >= 5 && !slices.Equal(a, ieee802154.Broadcast) && !slices.Equal(a, ieee802154.NoShort)
					p.That("RFC4944:12-2", "an address of the reserved ranges", reserved, gomega.BeFalse())
				}
			}
		})
}
