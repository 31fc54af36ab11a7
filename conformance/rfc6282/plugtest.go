package rfc6282

import (
	"fmt"
	"net"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The cases TD_6LoWPAN_HC_01 to 10 of the 6lo plugtest: what is compressed as far as it can be, between addresses of all
// forms. Both ways are looked at: the target's answer decompresses to what it means.

// A form is one of them.
type form struct {
	from, to string // EUI-64 or short
	hops     uint
	port     uint // of UDP; 0 is an echo
}

func (f form) String() string {
	what := "echo"
	if f.port > 0 {
		what = fmt.Sprintf("UDP from port %d", f.port)
	}
	return fmt.Sprintf("%s to %s, %s, hop limit %d", f.from, f.to, what, f.hops)
}

// speaking is the tester between the link-local addresses of a form.
func (f form) speaking(lan *probe.Tester) *probe.Tester {
	lan = lan.LinkLocal()
	if f.from == "short" {
		lan = lan.Short()
	}
	if f.to == "short" {
		lan = lan.ToShort()
	}
	return lan
}

func shortAddr(a net.HardwareAddr) bool { return len(a) == 2 }

func init() {
	elided := append(src(0, 3), dst(0, 0, 3)...)
	fromShortAddr := ieee802154.Src.Where("a short one", shortAddr)
	check.Grid(suite, "hc.local", "between link-local addresses of all forms, with both elided, packets are read, and answered from the address that was asked",
		check.Proves("RFC6282:3.2.2-5", mutate.Misreads(iphc(elided...).With(fromShortAddr), ipv6.Src.Is(ipv6.MustAddr("fe80::1")))).
			And("RFC6282:3.2.2-4", mutate.Ignores(iphc(elided...).With(ieee802154.Src.Where("an extended one", func(a net.HardwareAddr) bool { return len(a) == 8 })))).
			And("RFC6282:3.1.1-8", mutate.Ignores(iphc(lowpan.InlineHops.Is(63)))).
			Needs(target.UDPEcho, target.ShortAddress),
		[]form{
			{"EUI-64", "EUI-64", 64, 0}, {"short", "short", 64, 0}, {"EUI-64", "EUI-64", 63, 0}, {"short", "short", 63, 0},
			{"EUI-64", "EUI-64", 64, 5683}, {"short", "short", 64, 5683}, {"EUI-64", "EUI-64", 64, 61616}, {"short", "short", 64, 61616},
			{"EUI-64", "short", 64, 0}, {"short", "EUI-64", 64, 0},
		},
		func(p *probe.P, f form) {
			reqs := []string{"RFC6282:3.2.2-5", "RFC6282:3.2.2-4", "RFC6282:3.1.1-8"}
			lan := f.speaking(p.IPv6())
			id := p.Serial()
			request, answer := icmpv6.Echo(id, 1, pattern(20)), icmpv6.EchoReply(icmpv6.ID.Is(id))
			if f.port > 0 {
				request = udp.Datagram(udp.SrcPort.Is(f.port), udp.DstPort.Is(uint(lan.UDPEcho()))).Then(packet.Payload(pattern(20)))
				answer = udp.Datagram(udp.DstPort.Is(f.port))
			}
			got := lan.Ask(request.With(append(elided, ipv6.HopLimit.Is(f.hops))...), answer, probe.For(reqs...))
			conds := []packet.Cond{ipv6.Dst.Is(lan.IP()), packet.Data.Is(pattern(20))}
			if f.port == 0 { // a service on all addresses may answer from another one
				conds = append(conds, ipv6.Src.Is(lan.TargetIP()))
			}
			for _, r := range reqs {
				p.Must(r, got, conds...)
			}
		})
}
