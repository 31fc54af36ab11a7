package rfc6282

import (
	"bytes"
	"fmt"
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The UDP checksum in frames that are secured: section 4.3.2. The code of the frame is the further integrity check that an
// elided checksum needs.

// authorised is what an upper layer says so that checksums may be elided.
const authorised = "CONFIG_CONFORM_6LO_ELIDE_UDP_CHECKSUM=y"

const elidedPort = 0xf0b5

// A level is one of security, of the target's frames.
type level uint8

func (l level) String() string { return fmt.Sprintf("level %d", uint8(l)) }

// Security implements check.Securing.
func (l level) Security() target.Security {
	return target.Security{Level: uint8(l), KeyMode: 1, KeyIndex: 1}
}

// wrong is what a datagram says whose checksum is wrong.
var wrong = []byte("wrong sum")

// datagramOf is a datagram of the target to the tester, as a raw socket sends it.
func datagramOf(lan *probe.Tester, data []byte) []byte {
	env := lan.Env().Uncounted()
	env.Local, env.Peer = env.Peer, env.Local
	ip := udp.Datagram(udp.SrcPort.Is(0xf0b1), udp.DstPort.Is(elidedPort)).Then(packet.Payload(data)).Packet(env)
	return ip[40:]
}

// spoil makes the checksum of a datagram wrong, or a wrong one right again.
func spoil(d []byte) []byte {
	d = bytes.Clone(d)
	d[7] ^= 1
	return d
}

// unverified is a target that takes a wrong checksum for a right one when it elides it.
func unverified() mutate.Mutation {
	return mutate.Mistakes("elides the checksum of a datagram without a look at it", func(r *agent.Request) {
		if r.Do == agent.Send && bytes.HasSuffix(r.Data, wrong) {
			r.Data = spoil(r.Data)
		}
	})
}

// inLine is a target that sends a datagram whose checksum is wrong with it in line.
func inLine() mutate.Mutation {
	return mutate.Together("sends a datagram whose checksum is wrong, with it in line", unverified(),
		mutate.SendsAs(udp.Datagram(udp.DstPort.Is(elidedPort)).Then(packet.Payload(wrong)), "with a wrong checksum", func(f *packet.Frame) [][]byte {
			sum, _ := udp.Checksum.Of(f)
			return f.Rewrites(udp.Checksum.Is(sum ^ 1))
		}))
}

func init() {
	suite.It("udp.elided.verified", "the checksum of a datagram is verified before it is elided, and a datagram with a wrong one is dropped",
		check.Proves("RFC6282:4.3.2-6", unverified()).And("RFC6282:4.3.2-8", inLine()).
			Needs(target.Secured, target.Agent).Configured(authorised),
		func(p *probe.P) {
			const verifies, drops = "RFC6282:4.3.2-6", "RFC6282:4.3.2-8"
			lan := p.IPv6()
			s := p.Open("inet6", "raw", 17)
			send := func(d []byte) {
				if err := s.SendTo(d, netip.AddrPortFrom(lan.IP(), 0)); err != nil {
					p.Inconclusive("the target refused to send: %v", err)
				}
			}
			arrives := udp.Datagram(udp.DstPort.Is(elidedPort))
			send(datagramOf(lan, []byte("right sum")))
			first := lan.Expect(arrives, probe.For())
			c, _ := lowpan.C.Of(first)
			p.Step("the target elides the checksum of a datagram that may be sent without: %v", c == 1)
			send(spoil(datagramOf(lan, wrong)))
			send(datagramOf(lan, []byte("behind it")))
			lan.Expect(arrives.Then(packet.Payload([]byte("behind it"))), probe.For())
			lan.Wait(settles)
			p.Meets(verifies)
			p.Meets(drops)
			for _, f := range lan.Seen(arrives.Then(packet.Payload(wrong))) {
				elided, _ := lowpan.C.Of(f)
				p.That(verifies, "the checksum is elided of a datagram whose own was wrong", elided == 1, gomega.BeFalse())
				if c == 1 && elided == 0 {
					p.Fail(drops, probe.Spurious, "a datagram whose checksum is wrong is dropped by who elides checksums")
				}
			}
		})
	check.Grid(suite, "udp.elided.sent", "a checksum is elided only in frames that have a code, and such a datagram is right again",
		check.Proves("RFC6282:4.3.2-5", mutate.Recoded(udp.Datagram(udp.DstPort.Is(elidedPort)), lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.UDPNHC(lowpan.C.Is(1))))).
			And("RFC6282:4.3.2-1", mutate.Missing(udp.Datagram(udp.DstPort.Is(elidedPort)))).
			Needs(target.UDPEcho).Configured(authorised), []level{1, 2, 3, 4, 5, 6, 7},
		func(p *probe.P, l level) {
			const further, may = "RFC6282:4.3.2-5", "RFC6282:4.3.2-1"
			lan := p.IPv6()
			f := lan.Ask(udp.Datagram(udp.SrcPort.Is(elidedPort), udp.DstPort.Is(uint(lan.UDPEcho()))).Then(packet.Payload(pattern(9))),
				udp.Datagram(udp.DstPort.Is(elidedPort)), probe.For(may, further))
			c, _ := lowpan.C.Of(f)
			p.Observed(may, "at %s: C=%d", l, c)
			if ieee802154.CodeOctets(ieee802154.LevelOf(f)) == 0 {
				p.That(further, "C of a frame without a code", c, gomega.BeZero())
			}
			p.Meets(further)
		})
	suite.It("udp.elided.unasked", "a checksum is not elided because a frame is secured: the upper layer has to say so",
		check.Proves("RFC6282:4.3.2-2", mutate.Recoded(udp.Datagram(udp.DstPort.Is(elidedPort)), lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.UDPNHC(lowpan.C.Is(1))))).
			Needs(target.Secured, target.UDPEcho),
		func(p *probe.P) {
			lan := p.IPv6()
			f := lan.Ask(udp.Datagram(udp.SrcPort.Is(elidedPort), udp.DstPort.Is(uint(lan.UDPEcho()))).Then(packet.Payload(pattern(9))),
				udp.Datagram(udp.DstPort.Is(elidedPort)))
			c, _ := lowpan.C.Of(f)
			p.That("RFC6282:4.3.2-2", "C, when the upper layer said nothing", c, gomega.BeZero())
		})
	suite.It("udp.elided.read", "a checksum that was elided in a frame with a code is there again",
		check.Proves("RFC6282:4.3.2-9", mutate.Misreads(lowpan.UDPNHC(lowpan.C.Is(1)), udp.Checksum.Is(0xbeef))).Needs(target.Secured),
		func(p *probe.P) {
			quoted(p.IPv6(), "RFC6282:4.3.2-9", ext(refusedUDP, lowpan.UDPNHC(lowpan.C.Is(1))))
		})
	check.Grid(suite, "udp.elided.unverified", "a datagram without checksum is dropped when the code of its frame is wrong, or there is none",
		check.Proves("RFC6282:4.3.2-12", mutate.Gullible()).And("RFC6282:4.3.2-10", mutate.Persuaded()).Needs(target.Secured),
		[]fault{
			{"another code", func(target.Security) packet.Cond { return ieee802154.Spoilt.Is([]byte{1}) }},
			{"not secured", func(target.Security) packet.Cond { return ieee802154.Unsecured() }},
			{"encrypted, without a code", func(s target.Security) packet.Cond {
				return ieee802154.SecurityControl.Is(ieee802154.Control(ieee802154.ENC, uint(s.KeyMode)))
			}},
		},
		func(p *probe.P, f fault) {
			lan := p.IPv6()
			good := ext(refusedUDP, lowpan.UDPNHC(lowpan.C.Is(1)))
			lan.Silent(good.With(f.cond(lan.Net().Security)), good, icmpv6.Error(), probe.For("RFC6282:4.3.2-12", "RFC6282:4.3.2-10"))
		})
}

// fault is what is wrong with the security of a frame.
type fault struct {
	what string
	cond func(target.Security) packet.Cond
}

func (f fault) String() string { return f.what }
