package ndp

import (
	"net"
	"net/netip"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
)

// A world with a default router: the first tester, which has advertised itself. Others may follow.
type world struct {
	*probe.P
	lan *probe.Tester
	r   *probe.Router
}

// routed makes one. Fields are those of the advertisement.
func routed(p *probe.P, conds ...packet.Cond) world {
	lan := p.IPv6()
	w := world{P: p, lan: lan, r: lan.Router(conds...)}
	w.r.Advertise()
	return w
}

// second is the i-th tester as another router. It does not answer solicitations with the R flag by itself: what the
// target learns of it its advertisement tells.
func (w world) advertise(i int, conds ...packet.Cond) {
	w.lan.As(i).Send(ndp.RouterAdvert(conds...))
}

// way is the link address by which the target sends to an address that is not on the link, nil when it sends nothing. It
// answers an echo from there, which comes by the i-th tester.
func (w world) way(from netip.Addr) net.HardwareAddr { return wayOf(w.lan, from) }

func wayOf(lan *probe.Tester, from netip.Addr) net.HardwareAddr {
	f := replyTo(lan, from)
	if f == nil {
		return nil
	}
	mac, _ := ethernet.Dst.Of(f)
	return mac
}

// replyTo is the reply to an echo from an address, nil when there is none by the time at which a neighbour is answered.
func replyTo(lan *probe.Tester, from netip.Addr) *packet.Frame {
	id := lan.Serial()
	lan.Claiming(from).Send(icmpv6.Echo(id, 1, nil))
	kit.Alive(lan)
	if fs := lan.Seen(icmpv6.EchoReply(icmpv6.ID.Is(id))); len(fs) > 0 {
		return fs[0]
	}
	kit.Alive(lan) // what had to be asked first has been answered
	if fs := lan.Seen(icmpv6.EchoReply(icmpv6.ID.Is(id))); len(fs) > 0 {
		return fs[0]
	}
	return nil
}
