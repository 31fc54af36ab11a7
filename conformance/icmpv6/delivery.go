package icmpv6

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
	"github.com/onsi/gomega"
)

// Errors that the target receives, and who is told: RFC 4443, sections 2.4 (a), (d) and 3, 4.2.

// told is an error about a datagram of the target.
type told struct {
	kit.Aspect
	kind, code, word uint
}

const discard = 9

var toTester = udp.Datagram(udp.DstPort.Is(discard))

// connected is a UDP socket of the target with the tester as its peer, which asks for all errors.
func connected(lan *probe.Tester) *probe.Socket {
	s := lan.UDP(0)
	_ = s.SetOption("IPV6_RECVERR", 1) // a stack without it gives all errors, or shows that it does not
	if err := s.Connect(netip.AddrPortFrom(lan.IP(), discard)); err != nil {
		lan.Inconclusive("the target cannot connect a UDP socket to the tester: %v", err)
	}
	return s
}

// sends lets the socket send, and gives the frame.
func sends(lan *probe.Tester, s *probe.Socket) *packet.Frame {
	if err := s.SendTo(kit.Pattern(16), netip.AddrPort{}); err != nil { // an older error is told once
		if err := s.SendTo(kit.Pattern(16), netip.AddrPort{}); err != nil {
			lan.Step("the target refuses to send: %v", err)
		}
	}
	return lan.Expect(toTester, probe.For())
}

// about is an error with the octets of a packet in it.
func (t told) about(quote []byte) packet.Template {
	word := []byte{byte(t.word >> 24), byte(t.word >> 16), byte(t.word >> 8), byte(t.word)}
	return icmpv6.Message(icmpv6.Type.Is(t.kind), icmpv6.Code.Is(t.code)).Then(packet.Payload(append(word, quote...)))
}

func init() {
	errors := icmpv6.Message(icmpv6.Type.Where("below 128", func(v uint) bool { return v < 128 }))
	var all []told
	for code := uint(0); code <= 6; code++ {
		all = append(all, told{kit.About(fmt.Sprintf("unreachable,%d", code), "RFC4443:3.1-20", "RFC4443:2.4-5", "RFC4443:5.2-1"), 1, code, 0})
	}
	all = append(all,
		told{kit.About("unreachable,unused", "RFC4443:3.1-4", "RFC4443:3.1-20"), 1, 4, 0xffffffff},
		told{kit.About("exceeded,0", "RFC4443:3.3-8", "RFC4443:2.4-5"), 3, 0, 0},
		told{kit.About("exceeded,1", "RFC4443:3.3-8"), 3, 1, 0},
		told{kit.About("exceeded,unused", "RFC4443:3.3-4", "RFC4443:3.3-8"), 3, 0, 0xffffffff},
		told{kit.About("problem,0", "RFC4443:3.4-9"), 4, 0, 6},
		told{kit.About("problem,1", "RFC4443:3.4-9"), 4, 1, 6},
		told{kit.About("problem,2", "RFC4443:3.4-9"), 4, 2, 40},
		told{kit.About("unknown,5", "RFC4443:2.4-1"), 5, 0, 0},
		told{kit.About("unknown,100", "RFC4443:2.4-1"), 100, 1, 0},
	)
	check.Grid(suite, "icmp6.delivery", "an error reaches the application that sent the packet",
		check.Proves("RFC4443:3.1-20", mutate.Ignores(errors)).
			And("RFC4443:3.1-4", mutate.Ignores(errors)).
			And("RFC4443:3.3-8", mutate.Ignores(errors)).
			And("RFC4443:3.3-4", mutate.Ignores(errors)).
			And("RFC4443:3.4-9", mutate.Ignores(errors)).
			And("RFC4443:2.4-1", mutate.Ignores(errors)).
			And("RFC4443:2.4-5", mutate.Ignores(errors)).
			And("RFC4443:5.2-1", mutate.Ignores(errors)).Needs(target.Agent),
		all,
		func(p *probe.P, e told) {
			lan := p.IPv6()
			s := connected(lan)
			sent := sends(lan, s)
			receiving := s.Recv()
			lan.Send(e.about(sent.Body(ethernet.Proto)))
			reply, _ := receiving.Delivered()
			lan.Step("the application is told %q", reply.Errno)
			for _, r := range e.Requirements {
				p.That(r, "the application is told of the error", reply.Errno, gomega.Not(gomega.BeEmpty()))
			}
		})

	type stray struct {
		kit.Aspect
		change func(lan *probe.Tester, quote *packet.Frame) []byte
	}
	rewritten := func(conds ...packet.Cond) func(*probe.Tester, *packet.Frame) []byte {
		return func(_ *probe.Tester, f *packet.Frame) []byte {
			return packet.Dissect(f.Link, f.Rewrite(conds...)).Body(ethernet.Proto)
		}
	}
	check.Grid(suite, "icmp6.delivery.stray", "an error about what nobody sent, or that cannot be told, reaches nobody",
		check.Proves("RFC4443:2.4-6", mutate.Gullible()).
			And("RFC4443:5.2-1", mutate.Gullible()).Needs(target.Agent),
		[]stray{
			{kit.About("port", "RFC4443:5.2-1"), rewritten(udp.SrcPort.Is(1))},
			{kit.About("peer's port", "RFC4443:5.2-1"), rewritten(udp.DstPort.Is(1))},
			{kit.About("cut in the header", "RFC4443:2.4-6"), func(_ *probe.Tester, f *packet.Frame) []byte { return f.Body(ethernet.Proto)[:36] }},
			{kit.About("cut behind the header", "RFC4443:2.4-6"), func(_ *probe.Tester, f *packet.Frame) []byte { return f.Body(ethernet.Proto)[:40] }},
			{kit.About("cut in the ports", "RFC4443:2.4-6"), func(_ *probe.Tester, f *packet.Frame) []byte { return f.Body(ethernet.Proto)[:42] }},
		},
		func(p *probe.P, c stray) {
			lan := p.IPv6()
			s := connected(lan)
			sent := sends(lan, s)
			receiving := s.Recv()
			lan.Stray(told{kind: 1, code: 4}.about(c.change(lan, sent)), told{kind: 1, code: 4}.about(sent.Body(ethernet.Proto)))
			lan.Ping(probe.For()) // the target lives, and has seen what came before
			reply, done := receiving.Done()
			for _, r := range c.Requirements {
				p.That(r, "the application has been told "+reply.Errno, done, gomega.BeFalse())
			}
		})

	suite.It("icmp6.delivery.echo", "an echo reply reaches the application that sent the request",
		check.Proves("RFC4443:4.2-11", mutate.Ignores(icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeEchoReply)))).
			And("RFC4443:4.1-5", mutate.Missing(icmpv6.EchoRequest())).
			And("RFC4443:4.1-1", mutate.Field(icmpv6.EchoRequest(), icmpv6.Code.Is(1))).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			s := p.Open("inet6", "raw", 58)
			request := []byte{128, 0, 0, 0, 0x12, 0x34, 0, 1, 'p', 'i', 'n', 'g'}
			if err := s.SendTo(request, netip.AddrPortFrom(lan.IP(), 0)); err != nil {
				p.Inconclusive("the target does not send an echo request: %v", err)
			}
			sent := lan.Expect(icmpv6.EchoRequest(), probe.For("RFC4443:4.1-5"))
			p.Must("RFC4443:4.1-1", sent, icmpv6.Type.Is(128), icmpv6.Code.Is(0))
			p.Must("RFC4443:4.1-5", sent, icmpv6.ID.Is(0x1234))
			reply := icmpv6.EchoReply(icmpv6.ID.Is(0x1234), icmpv6.Seq.Is(1)).Then(packet.Payload([]byte("ping")))
			lan.Send(reply)
			for range 8 { // other messages are delivered, too: solicitations, for one
				r, ok := s.Recv().Delivered()
				if ok && len(r.Data) >= 8 && r.Data[0] != 129 {
					continue
				}
				p.That("RFC4443:4.2-11", "what the application receives", string(r.Data[min(len(r.Data), 4):]), gomega.Equal("\x12\x34\x00\x01ping"))
				break
			}
		})

	suite.It("icmp6.unresolved", "a datagram of the target's own to a neighbour that is not there ends in an error, not on the link",
		check.Proves("RFC4443:3.1-6", mutate.Replies("that nothing is wrong", mutate.Verb("recv"), cleared)).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			_ = s.SetOption("IPV6_RECVERR", 1)
			if err := s.Connect(netip.AddrPortFrom(lan.UnusedIP(), discard)); err != nil {
				p.Inconclusive("the target cannot connect a UDP socket: %v", err)
			}
			if err := s.SendTo(kit.Pattern(16), netip.AddrPort{}); err != nil {
				p.Inconclusive("the target refuses to send: %v", err)
			}
			reply, _ := s.Recv().Await(8 * time.Second) // three solicitations, a second apart (RFC 4861, 10)
			p.That("RFC4443:3.1-6", "the application is told of the failure", reply.Errno, gomega.Not(gomega.BeEmpty()))
		})
}
