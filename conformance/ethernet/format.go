package ethernet

import (
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// The frame types of trailers (RFC 893): the number of 512-octet blocks that stand before the headers.
const firstTrailer, lastTrailer = 0x1001, 0x100f

// filled has something between the headers of Ethernet and IP.
func filled(frame []byte) []byte { return slices.Insert(frame, header, 0, 0) }

func init() {
	suite.It("ethernet.format.type", "a frame with a datagram has the type 0x0800",
		check.Proves("RFC894:FF-1", mutate.Field(anyReply, ethernet.Type.Is(0x0801))).
			And("RFC1122:2.3.3-1", mutate.Missing(anyReply)).
			And("RFC1042:TF-1", mutate.Missing(anyReply)),
		func(p *probe.P) {
			host := p.IPv4()
			request, _ := echo(p, kit.Pattern(64))
			f := host.Ask(request, datagram(host), probe.For("RFC1122:2.3.3-1", "RFC1042:TF-1"))
			p.Must("RFC894:FF-1", f, ethernet.Type.Is(0x0800))
		})

	check.Grid(suite, "ethernet.format.other-type", "a frame of another type holds no datagram",
		check.Proves("RFC894:FF-1", mutate.Gullible()),
		[]uint{0x0600, 0x0801, 0x0008, 0x86dd, 0xffff},
		func(p *probe.P, other uint) {
			host := p.IPv4()
			request, reply := echo(p, kit.Pattern(64))
			host.Silent(request.With(ethernet.Type.Is(other)), request, reply)
		})

	suite.It("ethernet.format.headers", "the headers follow one another without a gap, the data follow the headers",
		check.Proves("RFC894:FF-2", mutate.Octets(anyReply, "two octets behind the Ethernet header", filled)),
		func(p *probe.P) {
			host := p.IPv4()
			data := kit.Pattern(64)
			request, _ := echo(p, data)
			f := host.Ask(request, datagram(host), probe.For())
			p.That("RFC894:FF-2", "an IPv4 header of 20 octets begins behind the Ethernet header", f.Bytes[header:][:1], gomega.Equal([]byte{0x45}))
			rest := f.Bytes[header+20:]
			p.That("RFC894:FF-2", "an ICMP message with the data begins behind the IPv4 header", rest[8:][:len(data)], gomega.Equal(data))
		})

	// Trailers were for data of whole blocks of 512 octets.
	check.Grid(suite, "ethernet.format.trailer", "trailers are not sent to a host that has not agreed to them",
		check.Proves("RFC894:TF-2", mutate.Field(anyReply, ethernet.Type.Is(firstTrailer))).
			And("RFC1122:2.3.1-2", mutate.Field(anyReply, ethernet.Type.Is(firstTrailer))),
		[]int{512, 1024},
		func(p *probe.P, n int) {
			host := p.IPv4()
			request, _ := echo(p, kit.Pattern(n))
			f := host.Ask(request, datagram(host), probe.For())
			none := ethernet.Type.Where("no type of trailers", func(t uint) bool { return t < firstTrailer || t > lastTrailer })
			p.Must("RFC894:TF-2", f, none)
			p.Must("RFC1122:2.3.1-2", f, none)
		})

	// The identifier's octets differ, and those of the length do: 20 + 8 + 736 is 0x02fc.
	suite.It("ethernet.format.order", "numbers are sent with the most significant octet first",
		check.Proves("RFC894:BO-1", mutate.Field(anyReply, ipv4.TotalLength.Is(0xfc02))),
		func(p *probe.P) {
			host := p.IPv4()
			f := host.Ask(ipv4.Header().Then(icmpv4.Echo(0x1234, 0x5678, kit.Pattern(736))), datagram(host), probe.For())
			p.Must("RFC894:BO-1", f, ipv4.TotalLength.Is(0x02fc))
			p.That("RFC894:BO-1", "identifier and sequence number as they were sent", f.Bytes[header+24:header+28],
				gomega.Equal([]byte{0x12, 0x34, 0x56, 0x78}))
		})

	suite.It("ethernet.format.sap-6", "802.2 headers with the protocol id 6 are not sent, not even to one who does",
		check.Proves("RFC1122:2.3.3-5", mutate.Octets(anyReply, "behind an 802.2 header with protocol id 6", behindSAP6)),
		func(p *probe.P) {
			host := p.IPv4()
			request, reply := echo(p, kit.Pattern(64))
			host.Send(sap6(request))
			request, _ = echo(p, kit.Pattern(64))
			host.Send(request)
			f := host.Expect(datagram(host), probe.For())
			host.Seen(reply)
			p.That("RFC1122:2.3.3-5", "no 802.2 header with protocol id 6", isSAP6(f.Bytes), gomega.BeFalse())
			p.That("RFC1122:2.3.3-5", "none in any other frame", slices.ContainsFunc(host.Seen(packet.Template{}), func(f *packet.Frame) bool {
				return isSAP6(f.Bytes)
			}), gomega.BeFalse())
		})
}
