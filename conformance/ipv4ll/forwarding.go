package ipv4ll

import (
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A router's rules: what has a link-local address stays on its link.
func init() {
	group := netip.MustParseAddr("239.1.2.3")
	for _, k := range []struct {
		id, title    string
		requirements []string
		src, dst     func(t, far *probe.Tester) netip.Addr
	}{
		{"source", "a packet with a link-local source is not forwarded", []string{"RFC3927:2.7-3", "RFC3927:7-1"},
			func(*probe.Tester, *probe.Tester) netip.Addr { return elsewhere },
			func(_, far *probe.Tester) netip.Addr { return far.IP() }},
		{"destination", "a packet with a link-local destination is not forwarded", []string{"RFC3927:7-2"},
			func(t, _ *probe.Tester) netip.Addr { return t.IP() },
			func(*probe.Tester, *probe.Tester) netip.Addr { return elsewhere }},
		{"multicast", "a multicast with a link-local source is not forwarded", []string{"RFC3927:2.7-5"},
			func(*probe.Tester, *probe.Tester) netip.Addr { return elsewhere },
			func(*probe.Tester, *probe.Tester) netip.Addr { return group }},
	} {
		claims := check.Proves(k.requirements[0], mutate.Gullible())
		for _, r := range k.requirements[1:] {
			claims = claims.And(r, mutate.Gullible())
		}
		suite.It("ll.forward."+k.id, k.title, claims.Needs(target.Forwarding), func(p *probe.P) {
			near := p.IPv4()
			far := near.Link(1)
			dst := k.dst(near, far)
			to := near.TargetMAC()
			if dst.IsMulticast() {
				a := dst.As4()
				to = net.HardwareAddr{0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3]}
			}
			good := icmpv4.Echo(p.Serial(), 1, nil).With(ipv4.Src.Is(near.IP()), ipv4.Dst.Is(far.IP())).With(ethernet.Dst.Is(near.TargetMAC()))
			bad := good.With(ipv4.Src.Is(k.src(near, far)), ipv4.Dst.Is(dst), ethernet.Dst.Is(to))
			near.Silent(bad, good, icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeEcho)), probe.On(far), probe.For(k.requirements...))
		})
	}
}
