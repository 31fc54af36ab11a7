package icmpv4

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// oddLength is data of an odd length.
var oddLength = packet.PayloadWith(packet.Data.Where("of an odd length", func(b []byte) bool { return len(b)%2 == 1 }))

func init() {
	wrong := icmpv4.Checksum.Is(0xbad0)
	// The identifiers are the same in every run, so that no right checksum is by chance what the mutants send.
	check.Grid(suite, "icmp.checksum.sent", "the checksum of a reply is computed anew, over the whole message",
		check.Proves("RFC792:MF-8", mutate.Field(anyReply, wrong)).
			And("RFC792:MF-9", mutate.Field(anyReply.Then(oddLength), wrong)).
			And("RFC792:EC-6", mutate.Field(anyReply, wrong)).
			And("RFC792:EC-7", mutate.Field(anyReply.Then(oddLength), wrong)),
		[]int{0, 1, 2, 3, 255, 256, 1471, 1472},
		func(p *probe.P, n int) {
			host := p.IPv4()
			reply := host.Ask(icmpv4.Echo(0x0102, 0x0304, kit.Pattern(n)), anyReply, probe.For())
			message := reply.Body(ipv4.Proto)
			for _, req := range []string{"RFC792:MF-8", "RFC792:EC-6"} {
				p.That(req, "the sum over the message and its checksum is 0xffff", packet.Sum(message), gomega.Equal(uint16(0xffff)))
			}
			for _, req := range []string{"RFC792:MF-9", "RFC792:EC-7"} {
				if n%2 == 1 {
					p.That(req, "the sum over the message and one zero octet is 0xffff", packet.Sum(message), gomega.Equal(uint16(0xffff)))
					p.That(req, "the zero octet is not sent", len(message), gomega.Equal(8+n))
				} else {
					p.Meets(req)
				}
			}
		})

	check.Grid(suite, "icmp.checksum.wrong", "a message with a wrong checksum has no effect",
		check.Proves("RFC792:MF-10", mutate.Gullible()),
		[]string{"0x0000", "0xffff", "one-bit", "without-last-octet"},
		func(p *probe.P, sum string) {
			host := p.IPv4()
			good := icmpv4.Echo(p.Serial(), 1, []byte("checksum!"))
			f := kit.Framed(host, good)
			right, _ := icmpv4.Checksum.Of(f)
			message := append([]byte(nil), f.Body(ipv4.Proto)...)
			message[2], message[3] = 0, 0
			wrong := map[string]uint{
				"0x0000": 0, "0xffff": 0xffff, "one-bit": right ^ 0x0100, "without-last-octet": packet.Checksum(message[:len(message)-1]),
			}[sum]
			host.Silent(good.With(icmpv4.Checksum.Is(wrong)), good, anyReply)
		})
}
