package ipv4

import (
	"slices"
	"strings"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// large is more data than goes into two frames.
const large = 4000

// inFragments are all fragments that the target has sent of one protocol, in the order of their offsets. The check ends
// when there are none: a host need not fragment (RFC 1122, 3.3.3).
func inFragments(t *probe.Tester, of packet.Template) []*packet.Frame {
	fs := t.Seen(of)
	if len(fs) < 2 {
		t.Inconclusive("the target does not fragment what it sends, as RFC 1122, 3.3.3 allows: %d datagrams came", len(fs))
	}
	slices.SortStableFunc(fs, func(a, b *packet.Frame) int { return offset(a) - offset(b) })
	return fs
}

// offset is where the data of a fragment belongs, in octets.
func offset(f *packet.Frame) int {
	o, _ := ipv4.Offset.Of(f)
	return 8 * int(o)
}

// fragmentsOfReply asks with a large echo and gives the fragments of the reply.
func fragmentsOfReply(host *probe.Tester) []*packet.Frame {
	alive(host)
	f := whole(host, kit.Pattern(large))
	for _, part := range ipv4.SplitEvery(f, 1480) {
		host.Send(part)
	}
	alive(host)
	id, _ := icmpv4.ID.Of(f)
	fs := inFragments(host, anyICMP.With(ipv4.TotalLength.Where("above 28", func(n uint) bool { return n > 28 })))
	return slices.DeleteFunc(fs, func(g *packet.Frame) bool { // whole answers to other echoes
		other, ok := icmpv4.ID.Of(g)
		return ok && other != id
	})
}

// shortened is a target whose fragments like on end 4 octets early.
func shortened(on packet.Template) mutate.Mutation {
	return mutate.Octets(on, "with 4 octets less", func(b []byte) []byte {
		h := b[14:34]
		total := int(h[2])<<8 | int(h[3]) - 4
		h[2], h[3], h[10], h[11] = byte(total>>8), byte(total), 0, 0
		sum := packet.Checksum(h)
		h[10], h[11] = byte(sum>>8), byte(sum)
		return b[:len(b)-4]
	})
}

// same asserts for a requirement that fields are the same in all frames.
func same[V any](p *probe.P, requirement string, fs []*packet.Frame, field packet.Field[V]) {
	want, _ := field.Of(fs[0])
	for _, f := range fs[1:] {
		p.Must(requirement, f, field.Is(want))
	}
}

// withoutCopied are the octets of options that are not copied into every fragment, up to the End of Option List.
func withoutCopied(options []byte) (rest []byte) {
	all, _ := ipv4.SplitOptions(options)
	for _, o := range all {
		if o[0]&0x80 == 0 {
			rest = append(rest, o...)
		}
	}
	return rest
}

func init() {
	suite.It("ipv4.fragmentation", "what does not fit is sent in fragments as the procedure makes them",
		check.Proves("RFC791:2.3-6", mutate.Field(last, ipv4.ID.Is(9))).
			And("RFC791:2.3-7", mutate.Field(last, ipv4.TOS.Is(4))).
			And("RFC791:2.3-8", shortened(first)).
			And("RFC791:2.3-9", mutate.Field(last, ipv4.MF.Is(1))).
			And("RFC791:2.3-10", mutate.Field(last, ipv4.Offset.Is(1))).
			And("RFC791:3.1-HF-16", mutate.Field(middle, ipv4.MF.Is(0))).
			And("RFC791:3.1-HF-18", mutate.Field(first, ipv4.Offset.Is(1))).
			And("RFC791:3.2-FR-1", mutate.Field(first, ipv4.MF.Is(0))).
			And("RFC791:3.2-FR-3", shortened(middle)).
			And("RFC791:3.2-FR-6", mutate.Field(last, ipv4.TTL.Is(3))).
			And("RFC791:3.2-FP-2", mutate.Field(first, ipv4.Checksum.Is(0x1234))).
			And("RFC791:3.2-FP-4", mutate.Field(middle, ipv4.Offset.Is(2))).
			And("RFC791:3.2-FP-5", mutate.Field(middle, ipv4.TotalLength.Is(1508))).
			And("RFC1122:3.3.3-2", mutate.Field(last, ipv4.DF.Is(1))).
			And("RFC1122:3.3.3-3", mutate.Field(middle, ipv4.TotalLength.Is(1508))),
		func(p *probe.P) {
			host := p.IPv4()
			fs := fragmentsOfReply(host)
			mtu := uint(p.Net().MTU)
			end := fs[len(fs)-1]
			at := 0
			for _, f := range fs {
				n := len(f.Body(ipv4.Proto))
				for _, req := range []string{"RFC791:2.3-10", "RFC791:3.2-FP-4"} {
					p.That(req, "where the fragment begins: at the end of the one before", offset(f), gomega.Equal(at))
				}
				at += n
				for _, req := range []string{"RFC791:3.1-HF-16", "RFC791:3.2-FR-1"} {
					if f == end {
						p.Must(req, f, ipv4.MF.Is(0))
					} else {
						p.Must(req, f, ipv4.MF.Is(1))
					}
				}
				if f != end {
					p.That("RFC791:3.2-FR-3", "the octets of a fragment, modulo 8", n%8, gomega.BeZero())
				}
				for _, req := range []string{"RFC791:3.2-FP-5", "RFC1122:3.3.3-3"} {
					p.Must(req, f, ipv4.TotalLength.Where("at most the MTU of the link", func(total uint) bool { return total <= mtu }))
				}
				p.Must("RFC1122:3.3.3-2", f, ipv4.DF.Is(0))
				p.That("RFC791:3.2-FP-2", "the sum over the header", packet.Sum(f.Header(ipv4.Proto)), gomega.Equal(uint16(0xffff)))
			}
			p.That("RFC791:2.3-8", "the octets of the first fragment, modulo 8", len(fs[0].Body(ipv4.Proto))%8, gomega.BeZero())
			p.Must("RFC791:2.3-9", end, ipv4.MF.Is(0))
			p.Must("RFC791:3.1-HF-18", fs[0], ipv4.Offset.Is(0))
			same(p, "RFC791:2.3-6", fs, ipv4.ID)
			same(p, "RFC791:2.3-6", fs, ipv4.Protocol)
			same(p, "RFC791:2.3-7", fs, ipv4.TOS)
			same(p, "RFC791:3.2-FR-6", fs, ipv4.TTL)
			message, err := ipv4.Join(fs)
			if p.That("RFC791:2.3-7", "what the fragments make", err, gomega.BeNil()) {
				p.That("RFC791:2.3-7", "their data", message[8:], gomega.Equal(kit.Pattern(large)))
			}
			p.Observed("RFC1122:3.3.3-2", "what does not fit is fragmented")
			p.Observed("RFC791:3.2-FP-5", "%d fragments, the first of %d octets", len(fs), len(fs[0].Body(ipv4.Proto)))
		})

	suite.It("ipv4.fragmentation.fits", "a datagram as long as the MTU is sent whole",
		check.Proves("RFC791:3.2-FP-1", mutate.Field(anyICMP, ipv4.MF.Is(1))),
		func(p *probe.P) {
			host := p.IPv4()
			mtu := p.Net().MTU
			host.SendBytes(asked(host, kit.Pattern(mtu-28)).Bytes)
			f := host.Expect(anyICMP)
			p.Must("RFC791:3.2-FP-1", f, ipv4.MF.Is(0), ipv4.Offset.Is(0), ipv4.TotalLength.Is(uint(mtu)))
		})

	// IP_MTU_DISCOVER 2 is IP_PMTUDISC_DO: DF in all that is sent.
	toTester := ipv4.Header(ipv4.Protocol.Is(17))
	suite.It("ipv4.fragmentation.df", "a datagram with DF is never sent in fragments",
		check.Proves("RFC791:2.3-3", mutate.Field(toTester, ipv4.MF.Is(1))).
			And("RFC791:3.2-FR-7", mutate.Field(toTester, ipv4.Offset.Is(1))).
			And("RFC6864:4.3-2", mutate.Field(toTester, ipv4.MF.Is(1))).
			And("RFC791:3.1-HF-15", mutate.Field(toTester, ipv4.DF.Is(0))).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			s := p.UDP(0)
			setOption(p, s, "IP_MTU_DISCOVER", 2)
			err := s.SendTo(kit.Pattern(large), addrPort(host.IP(), discard))
			p.Step("sending %d octets with DF: %v", large, err)
			sendTo(p, s, host.IP(), "small")
			f := host.Expect(toTester, probe.For())
			p.Must("RFC791:3.1-HF-15", f, ipv4.DF.Is(1))
			for _, req := range []string{"RFC791:2.3-3", "RFC791:3.2-FR-7", "RFC6864:4.3-2"} {
				for _, f := range host.Seen(toTester) {
					p.Must(req, f, ipv4.MF.Is(0), ipv4.Offset.Is(0))
				}
			}
		})

	for _, r := range []sourceRoute{loose, strict} {
		copied := map[string]string{"loose": "RFC791:3.1-LS-9", "strict": "RFC791:3.1-SS-6"}[r.name]
		with := func(options ...[]byte) mutate.Mutation {
			return mutate.Field(later, ipv4.Options.Is(join(options...)))
		}
		route, record, stamps := r.option(4, offLink), ipv4.RecordRoute(4, offLink), ipv4.Timestamp(5, 0, ipv4.TimestampsOnly, make([]byte, 4))
		suite.It("ipv4.fragmentation.options["+r.name+"]", "options with the copied flag are in every fragment, the others in the first",
			check.Proves(copied, with(nil)).
				And("RFC791:3.1-OP-5", with(route, record)).
				And("RFC791:3.1-RR-10", with(route, record)).
				And("RFC791:3.1-TS-16", with(route, stamps)).
				And("RFC791:3.2-FP-3", with(route, stamps)).
				And("RFC791:3.1-OE-3", with(route, record)).
				And("RFC791:3.1-OE-5", with(route, record)).Needs(target.Agent),
			func(p *probe.P) {
				noOperations := gomega.Or(gomega.BeEmpty(), gomega.HaveEach(byte(ipv4.NoOperation))) // they may be put in
				host := p.IPv4()
				s := p.UDP(0)
				given := join(r.option(4, host.As(1).IP()), record, stamps)
				if err := s.SetOptionOctets("IP_OPTIONS", given); err != nil {
					p.Inconclusive("the target refused the option IP_OPTIONS: %v", err)
				}
				setOption(p, s, "IP_MTU_DISCOVER", 0) // IP_PMTUDISC_DONT
				sendTo(p, s, offLink, strings.Repeat("large ", large/6))
				host.Expect(last.With(ipv4.Protocol.Is(17)), probe.For())
				for _, f := range inFragments(host, toTester)[1:] {
					options, _ := ipv4.Options.Of(f)
					kinds := func(kind byte) int { return len(ipv4.FindOptions(options, kind)) }
					p.That(copied, "source routes in a later fragment", kinds(r.kind), gomega.Equal(1))
					p.That("RFC791:3.1-RR-10", "Record Route options in a later fragment", kinds(ipv4.RecordRouteType), gomega.BeZero())
					p.That("RFC791:3.1-TS-16", "Timestamp options in a later fragment", kinds(ipv4.TimestampType), gomega.BeZero())
					for _, req := range []string{"RFC791:3.1-OP-5", "RFC791:3.2-FP-3"} {
						p.That(req, "the options that are copied into a later fragment", ipv4.CopiedOptions(options), gomega.Equal(route))
						p.That(req, "what else is in its header", withoutCopied(options), noOperations)
					}
					for _, req := range []string{"RFC791:3.1-OE-3", "RFC791:3.1-OE-5"} {
						p.That(req, "what else is in its header", withoutCopied(options), noOperations)
						p.Observed(req, "later fragments have %d octets of No Operation", len(withoutCopied(options)))
					}
				}
			})
	}
}
