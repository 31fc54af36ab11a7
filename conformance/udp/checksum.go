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

// checksumOf is what a datagram's checksum would be with another pseudo header: edit changes its octets.
func checksumOf(f *packet.Frame, of probe.Family, edit func(pseudo []byte)) uint {
	datagram := append([]byte(nil), f.Body(of.Proto())...)
	datagram[6], datagram[7] = 0, 0
	h := pseudo(f, of)
	edit(h)
	return packet.Checksum(h, datagram)
}

// A part of the pseudo header, and where it ends in that of IPv4 and of IPv6; what is there is altered.
type part struct {
	name       string
	ipv4, ipv6 int
}

func (p part) String() string { return p.name }

func init() {
	check.GridFamilies(suite, "udp.checksum.wrong", "a datagram with a wrong checksum is dropped silently",
		check.Both(check.Proves("RFC1122:4.1.3.4-2", mutate.Gullible()).Needs(target.UDPEcho)),
		[]uint{0x0001, 0x0100, 0x8000, 0xffff},
		func(_ *probe.P, host *probe.Tester, flip uint) {
			good := to(host.UDPEcho(), kit.Pattern(9))
			right, _ := udp.Checksum.Of(kit.Framed(host, good))
			host.Silent(good.With(udp.Checksum.Is(right^flip)), good, udp.Datagram())
		})

	const none = -1
	check.GridFamilies(suite, "udp.checksum.pseudo-header", "a checksum that fits another pseudo header is wrong",
		check.Both(check.Proves("RFC768:CK-7", mutate.Gullible()).Needs(target.UDPEcho)),
		[]part{
			{"none", none, none}, {"source", 3, 15}, {"destination", 7, 31}, {"zero-octet", 8, 38},
			{"protocol", 9, 39}, {"length", 11, 35},
		},
		func(_ *probe.P, host *probe.Tester, other part) {
			of := host.Family()
			at := other.ipv4
			if of == probe.IPv6 {
				at = other.ipv6
			}
			good := to(host.UDPEcho(), kit.Pattern(9))
			host.Silent(good.With(udp.Checksum.Is(checksumOf(kit.Framed(host, good), of, func(h []byte) {
				switch {
				case at == none:
					clear(h)
				case h[at] == 17:
					h[at] = 136 // UDP-Lite's
				default:
					h[at]++
				}
			}))), good, udp.Datagram())
		})

	suite.It("udp.checksum.none", "a datagram without a checksum is delivered",
		check.Proves("RFC768:CK-5", mutate.Ignores(udp.Datagram(udp.Checksum.Is(0)))).Needs(target.UDPEcho),
		func(p *probe.P) {
			host := p.IPv4()
			host.Ask(to(p.UDPEcho(), []byte("unchecked")).With(udp.Checksum.Is(0)), answer.Then(packet.Payload([]byte("unchecked"))))
		})

	suite.Families("udp.checksum.ffff", "a checksum of 0xffff is verified like any other",
		check.Both(check.Proves("RFC768:CK-6", mutate.Gullible()).Needs(target.UDPEcho)),
		func(_ *probe.P, host *probe.Tester) {
			good := to(host.UDPEcho(), kit.Pattern(9))
			host.Silent(good.With(udp.Checksum.Is(0xffff)), good, udp.Datagram())
		})

	suite.Families("udp.checksum.ffff-right", "a datagram whose checksum is rightly 0xffff is delivered",
		check.Both(check.Proves("RFC768:CK-6", mutate.Ignores(udp.Datagram(udp.Checksum.Is(0xffff)))).Needs(target.UDPEcho)),
		func(_ *probe.P, host *probe.Tester) {
			port := host.UDPEcho()
			data := kit.Pattern(8)
			data[0], data[1] = 0, 0
			rest, _ := udp.Checksum.Of(kit.Framed(host, to(port, data)))
			data[0], data[1] = byte(rest>>8), byte(rest)
			host.Ask(to(port, data).With(udp.Checksum.Is(0xffff)), answer.Then(packet.Payload(data)))
		})
}
