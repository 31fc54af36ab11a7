package ipv4

import (
	"bytes"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

func init() {
	check.Grid(suite, "ipv4.rx.version", "a datagram of another version is dropped silently",
		check.Proves("RFC1122:3.2.1.1-1", mutate.Gullible()),
		[]uint{0, 3, 5, 6, 15},
		func(p *probe.P, version uint) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32))
			host.Silent(good.With(ipv4.Version.Is(version)), good, anyReply)
		})

	check.Grid(suite, "ipv4.rx.ihl", "a header length below 5 words is not accepted",
		check.Proves("RFC791:3.1-HF-3", mutate.Gullible()),
		[]uint{0, 1, 4},
		func(p *probe.P, ihl uint) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32))
			host.Silent(good.With(ipv4.IHL.Is(ihl)), good, anyReply)
		})

	check.Grid(suite, "ipv4.rx.total-length.short", "a total length below the header length is not accepted",
		check.Proves("RFC791:3.1-HF-9", mutate.Gullible()),
		[]uint{1, 8, 19},
		func(p *probe.P, total uint) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32))
			host.Silent(good.With(ipv4.TotalLength.Is(total)), good, anyReply)
		})

	check.Grid(suite, "ipv4.rx.total-length.long", "a total length beyond what the link delivered is not accepted",
		check.Proves("RFC791:3.1-HF-8", mutate.Gullible()),
		[]uint{1, 8, 1000, 65535 - 92},
		func(p *probe.P, more uint) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(64)) // 92 octets in all
			host.Silent(good.With(ipv4.TotalLength.Is(92+more)), good, anyReply)
		})

	check.Grid(suite, "ipv4.rx.padding", "octets behind the total length are not part of the datagram",
		check.Proves("RFC791:3.1-HF-10", mutate.Field(anyReply, packet.Data.Is(append(kit.Pattern(64), 0xff)))),
		[]int{1, 2, 17, 500},
		func(p *probe.P, n int) {
			host := p.IPv4()
			f := asked(host, kit.Pattern(64))
			host.SendBytes(append(f.Bytes, bytes.Repeat([]byte{0xff}, n)...))
			reply := host.Expect(f.reply)
			p.Must("RFC791:3.1-HF-10", reply, packet.Data.Is(kit.Pattern(64)), ipv4.TotalLength.Is(92))
		})

	check.Grid(suite, "ipv4.rx.checksum", "a datagram with a wrong header checksum is dropped silently",
		check.Proves("RFC1122:3.2.1.2-1", mutate.Gullible()).And("RFC791:3.1-HF-24", mutate.Gullible()),
		[]string{"0x0000", "0xffff", "one-bit", "octets-swapped"},
		func(p *probe.P, sum string) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32))
			right, _ := ipv4.Checksum.Of(kit.Framed(host, good))
			wrong := map[string]uint{"0x0000": 0, "0xffff": 0xffff, "one-bit": right ^ 0x0100, "octets-swapped": right>>8 | right<<8&0xff00}[sum]
			host.Silent(good.With(ipv4.Checksum.Is(wrong)), good, anyReply, probe.For("RFC1122:3.2.1.2-1", "RFC791:3.1-HF-24"))
		})

	suite.It("ipv4.rx.checksum.options", "the header checksum covers the options and not the data",
		check.Proves("RFC791:3.1-HF-23", mutate.Gullible()),
		func(p *probe.P) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32)).With(ipv4.Options.Is(bytes.Repeat([]byte{ipv4.NoOperation}, 4)))
			fixed := kit.Framed(host, good.With(ipv4.Checksum.Is(0))).Header(ipv4.Proto)[:20]
			host.Silent(good.With(ipv4.Checksum.Is(packet.Checksum(fixed))), good, anyReply,
				probe.Because("the checksum is that of the first 20 octets alone"))
		})

	check.Grid(suite, "ipv4.rx.ttl", "a datagram for the target is accepted whatever its TTL",
		check.Proves("RFC1122:3.2.1.7-2", mutate.Ignores(ipv4.Header(ipv4.TTL.In(0, 1)))),
		[]uint{0, 1, 2, 255},
		func(p *probe.P, ttl uint) {
			host := p.IPv4()
			f := asked(host, kit.Pattern(32), ipv4.TTL.Is(ttl))
			host.SendBytes(f.Bytes)
			host.Expect(f.reply)
		})

	suite.It("ipv4.rx.reserved-flag", "a datagram with the reserved flag is accepted: its meaning is clear",
		check.Proves("RFC791:3.2-RB-2", mutate.Ignores(ipv4.Header(ipv4.Reserved.Is(1)))),
		func(p *probe.P) {
			host := p.IPv4()
			f := asked(host, kit.Pattern(32), ipv4.Reserved.Is(1))
			host.SendBytes(f.Bytes)
			host.Expect(f.reply)
		})

	suite.It("ipv4.rx.echo", "IP and ICMP are there: an echo is answered",
		check.Proves("RFC1122:3.1-1", mutate.Missing(anyReply)),
		func(p *probe.P) {
			host := p.IPv4()
			f := asked(host, kit.Pattern(32))
			host.SendBytes(f.Bytes)
			host.Expect(f.reply)
		})

	check.Grid(suite, "ipv4.rx.protocol", "the protocol field says who gets the data",
		check.Proves("RFC791:3.1-HF-21", mutate.Gullible()),
		[]uint{0, 2, 6, 17, 253},
		func(p *probe.P, protocol uint) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, kit.Pattern(32))
			host.Silent(good.With(ipv4.Protocol.Is(protocol)), good, anyReply)
		})

	// 253 is for experiments (RFC 3692): no target has a user of it.
	nobody := ipv4.Header(ipv4.Protocol.Is(253))
	unwanted := icmpv4.Unreachable(icmpv4.CodeProtocol)
	suite.It("ipv4.rx.protocol.nobody", "data for a protocol that nobody has is discarded and the source is told",
		check.Proves("RFC791:3.3-4", mutate.Missing(unwanted)).
			And("RFC1122:3.3.8-1", mutate.Missing(unwanted)).
			And("RFC791:3.2-ER-1", mutate.Field(icmpv4.Error(), icmpv4.Type.Is(icmpv4.TypeSourceQuench))),
		func(p *probe.P) {
			host := p.IPv4()
			e := host.Ask(nobody.Then(packet.Payload(kit.Pattern(32))), icmpv4.Error(), probe.For("RFC791:3.3-4", "RFC1122:3.3.8-1"))
			p.Must("RFC791:3.2-ER-1", e, icmpv4.Type.Is(icmpv4.TypeUnreachable), icmpv4.Code.Is(icmpv4.CodeProtocol))
		})

	// What 253 carries has no checksum that could be right: a target that looked at one would drop one of the two.
	check.Grid(suite, "ipv4.rx.data-unjudged", "errors in the data do not make IP drop a datagram",
		check.Proves("RFC791:3.2-CK-2", mutate.Ignores(nobody)),
		[]uint{0, 1},
		func(p *probe.P, flip uint) {
			host := p.IPv4()
			data := kit.Pattern(32)
			data[31] ^= byte(flip)
			host.Ask(nobody.Then(packet.Payload(data)), unwanted)
		})

	suite.It("ipv4.rx.576.whole", "a datagram of 576 octets is accepted whole",
		check.Proves("RFC791:3.1-HF-11", mutate.Ignores(ipv4.Header(ipv4.TotalLength.Is(576)))).
			And("RFC791:3.2-FR-5", mutate.Ignores(ipv4.Header(ipv4.TotalLength.Is(576)))),
		func(p *probe.P) {
			host := p.IPv4()
			f := asked(host, kit.Pattern(548))
			host.SendBytes(f.Bytes)
			reply := host.Expect(f.reply, probe.For("RFC791:3.1-HF-11", "RFC791:3.2-FR-5"))
			p.Must("RFC791:3.1-HF-11", reply, packet.Data.Is(kit.Pattern(548)))
		})
}
