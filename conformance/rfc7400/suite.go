// Package rfc7400 checks generic header compression on 6LoWPANs: RFC 7400.
//
// How a target carries out code shows in its answers: an echo gives back what the code made, and a packet that is refused
// is quoted. The code is written here, octet by octet, beside what RFC 7400, section 2, says that it makes.
package rfc7400

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("rfc7400", "RFC 7400: generic header compression on 6LoWPANs").On(target.IEEE802154).Needing(target.IPv6, target.GHC)

// header is the octets of an echo in front of its data.
const header = 8

// coded is a frame with an echo of this data as code makes it of the whole message.
func coded(lan *probe.Tester, id uint, data []byte, code func(message []byte) []byte) packet.Template {
	whole := lan.Framed(lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.ICMPGHC()).Then(near(lan, icmpv6.Echo(id, 1, data))))
	return raw(whole, append([]byte{0xdf}, code(whole.Packet()[40:])...))
}

// raw is the IPHC of a frame with other octets behind it.
func raw(f *packet.Frame, rest []byte) packet.Template {
	return lowpan.IPHC(lowpan.Encoded.Is(f.Header(lowpan.IPHCProto))).Then(packet.Payload(rest))
}

// near is a packet between the link-local addresses, whose header takes least.
func near(lan *probe.Tester, t packet.Template) packet.Template {
	return t.With(ipv6.Src.Is(lan.Host().LinkLocal), ipv6.Dst.Is(lan.Net().Target.LinkLocal))
}

// literal is code for octets as they are.
func literal(b []byte) (code []byte) {
	for len(b) > 0 {
		n := min(len(b), 95)
		code = append(append(code, byte(n)), b[:n]...)
		b = b[n:]
	}
	return code
}

// refer is code for n octets that begin s octets to the left.
func refer(n, s int) (code []byte) {
	na, sa := (n-2)&^7, (s-n)&^7
	nnn, kkk := (n-2)&7, (s-n)&7
	for na > 0 || sa > 0 {
		c := byte(0xa0)
		if na > 0 {
			c |= 16
			na -= 8
		}
		step := min(sa, 120)
		code, sa = append(code, c|byte(step>>3)), sa-step
	}
	return append(code, 0xc0|byte(nnn)<<3|byte(kkk))
}

// echoes asserts that the target makes this data of the code.
func echoes(p *probe.P, req string, data []byte, code func(message []byte) []byte) *packet.Frame {
	lan := p.IPv6()
	id := p.Serial()
	reply := lan.Ask(coded(lan, id, data, code), icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For(req), probe.Because("the echo has the checksum of what the code makes"))
	lan.Must(req, reply, packet.Data.Is(data))
	return reply
}

// misread is a target that makes something else of a frame in generic form.
func misread(as string) mutate.Mutation {
	return mutate.Misreads(lowpan.ICMPGHC(), packet.Data.Is([]byte(as)))
}

// distinct are n octets of which none is like another one, and none is zero.
func distinct(n int) (b []byte) {
	for i := range n {
		b = append(b, byte(0x21+i))
	}
	return b
}
