package udp

import (
	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	suite.Families("udp.length.empty", "a datagram without data is delivered as empty",
		check.Both(check.Proves("RFC768:FI-6", mutate.Ignores(udp.Datagram(udp.Length.Is(8)))).Needs(target.UDPEcho)),
		func(_ *probe.P, host *probe.Tester) {
			host.Ask(to(host.UDPEcho(), nil), answer.Then(packet.Payload(nil)))
		})

	// Over IPv4 there is no checksum, so that nothing but the length can be why a datagram is dropped. Over IPv6 there has to be
	// one (RFC 8200, 8.1); it is that of the datagram with its length right.
	unchecked := func(host *probe.Tester, good packet.Template) packet.Template {
		if host.Family() == probe.IPv4 {
			return good.With(udp.Checksum.Is(0))
		}
		return good
	}
	check.GridFamilies(suite, "udp.length.short", "a datagram with a length below 8 is not delivered",
		check.Both(check.Proves("RFC768:FI-7", mutate.Gullible()).Needs(target.UDPEcho)),
		[]uint{0, 1, 7},
		func(_ *probe.P, host *probe.Tester, length uint) {
			good := unchecked(host, to(host.UDPEcho(), kit.Pattern(16)))
			host.Silent(good.With(udp.Length.Is(length)), good, udp.Datagram())
		})

	check.GridFamilies(suite, "udp.length.long", "a datagram with a length beyond what IP delivered is not delivered",
		check.Both(check.Proves("RFC768:FI-8", mutate.Gullible()).Needs(target.UDPEcho)),
		[]uint{25, 32, 1480, 65535},
		func(_ *probe.P, host *probe.Tester, length uint) {
			good := unchecked(host, to(host.UDPEcho(), kit.Pattern(16)))
			host.Silent(good.With(udp.Length.Is(length)), good, udp.Datagram())
		})

	// The whole of what IP delivered is 16 octets of data. RFC 768 does not say that a datagram must fill it: dropping the
	// datagram and delivering what its length says are both right. The checksum is that of what the length says.
	longer := mutate.Field(answer, packet.Data.Is(kit.Pattern(16)))
	check.GridFamilies(suite, "udp.length.trailing", "octets behind the length are not delivered",
		check.Both(check.Proves("RFC768:FI-9", longer).Needs(target.UDPEcho)),
		[]int{0, 1, 8, 15},
		func(p *probe.P, host *probe.Tester, n int) {
			port := host.UDPEcho()
			sum, _ := udp.Checksum.Of(kit.Framed(host, to(port, kit.Pattern(n))))
			host.Send(to(port, kit.Pattern(16)).With(udp.Length.Is(uint(8+n)), udp.Checksum.Is(sum)))
			kit.Alive(host)
			p.Wait(settle)
			p.Meets("RFC768:FI-9")
			for _, f := range host.Seen(answer) {
				p.Must("RFC768:FI-9", f, packet.Data.Is(kit.Pattern(n)))
			}
		})
}
