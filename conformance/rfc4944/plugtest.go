package rfc4944

import (
	"fmt"
	"net"
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The cases TD_6LoWPAN_FORMAT_01 to 08 of the 6lo plugtest: echos that are not compressed, between addresses of all forms,
// in one frame and in fragments.

// A format is one of them.
type format struct {
	from, to string // EUI-64, short, or all nodes
	octets   int    // of the packet
}

func (f format) String() string { return fmt.Sprintf("%s to %s, %d octets", f.from, f.to, f.octets) }

// speaking is the tester between the link-local addresses of a format.
func (f format) speaking(lan *probe.Tester) *probe.Tester {
	lan = lan.LinkLocal()
	if f.from == "short" {
		lan = lan.Short()
	}
	if f.to == "short" {
		lan = lan.ToShort()
	}
	return lan
}

func init() {
	check.Grid(suite, "format.echo", "an echo that is not compressed is answered, whatever the form of its addresses",
		check.Proves("RFC4944:5.1-3", mutate.Ignores(lowpan.Uncompressed().With(ieee802154.Src.Where("a short one", short)))).
			And("RFC4944:5.3-14", mutate.Ignores(lowpan.AnyLater(lowpan.FragNSize.Is(301)))).
			Needs(target.ShortAddress),
		[]format{
			{"EUI-64", "EUI-64", 52}, {"short", "short", 52}, {"EUI-64", "EUI-64", 301}, {"EUI-64", "EUI-64", 1280},
			{"short", "all nodes", 52}, {"EUI-64", "all nodes", 52}, {"EUI-64", "short", 52}, {"short", "EUI-64", 52},
		},
		func(p *probe.P, f format) {
			const req, parts = "RFC4944:5.1-3", "RFC4944:5.3-14"
			lan := f.speaking(p.IPv6())
			request, reply := ping(lan, f.octets-48)
			if f.to == "all nodes" {
				request = request.With(ipv6.Dst.Is(ipv6.AllNodes))
			}
			if f.octets < 80 {
				lan.Send(lowpan.Uncompressed().Then(request))
			} else {
				sendAll(lan, lowpan.SplitEvery(request.Packet(lan.Env()), 301, 96)...)
			}
			answer := lan.Expect(reply, probe.For(req, parts), probe.Within(5*time.Second))
			p.Must(req, answer, ipv6.Dst.Is(lan.IP()), ieee802154.Dst.Is(lan.MAC()))
			if f.to != "all nodes" {
				p.Must(req, answer, ipv6.Src.Is(lan.TargetIP()))
			}
			p.Must(parts, answer, packet.Data.Is(kit.Pattern(f.octets-48)))
		})
}

func short(a net.HardwareAddr) bool { return len(a) == 2 }
