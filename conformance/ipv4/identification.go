package ipv4

import (
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

// sample is how many datagrams are looked at for repeated identifications. A counter does not repeat one in so many. A
// target that draws each from all 65536 values repeats one with a probability of 1 - exp(-1000*999/2/65536), which is
// above 0.9995, and fails; that is no error of the check, for a repeated one is against the RFC at any rate.
const sample = 1000

// repeated counts, among datagrams of one source, destination and protocol, those that may be fragmented and repeat an
// identification.
func repeated(fs []*packet.Frame) (n int) {
	seen := map[uint]bool{}
	for _, f := range fs {
		if len(packet.Check(f, ipv4.DF.Is(1), ipv4.MF.Is(0), ipv4.Offset.Is(0))) == 0 {
			continue // atomic: any value is right
		}
		id, _ := ipv4.ID.Of(f)
		if seen[id] {
			n++
		}
		seen[id] = true
	}
	return n
}

func init() {
	constant := mutate.Field(anyReply, ipv4.DF.Is(0), ipv4.ID.Is(7))
	unique := []string{"RFC6864:4.3-1", "RFC791:2.3-4", "RFC791:3.2-ID-1", "RFC6864:6.1-1"}
	claims := check.Proves(unique[0], constant)
	for _, req := range unique[1:] {
		claims = claims.And(req, constant)
	}
	suite.It("ipv4.id.unique", "datagrams that may be fragmented repeat no identification", claims,
		func(p *probe.P) {
			host := p.IPv4()
			for range sample {
				f := asked(host, nil)
				host.SendBytes(f.Bytes)
				host.Expect(f.reply, probe.For())
			}
			for _, req := range unique {
				p.That(req, "identifications repeated", repeated(host.Seen(anyReply)), gomega.BeZero())
			}
		})

	// IP_MTU_DISCOVER 0 is IP_PMTUDISC_DONT: no DF in what is sent.
	again := []string{"RFC6864:4.2-1", "RFC6864:6.1-2", "RFC6864:6.2-2"}
	copied := mutate.Field(toDiscard, ipv4.ID.Is(7))
	suite.It("ipv4.id.copy", "a copy of a datagram that may be fragmented has an identification of its own",
		check.Proves(again[0], copied).And(again[1], copied).And(again[2], copied).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			s := p.UDP(0)
			setOption(p, s, "IP_MTU_DISCOVER", 0)
			for range 10 {
				sendTo(p, s, host.IP(), "once more")
				host.Expect(toDiscard, probe.For())
			}
			for _, req := range again {
				p.That(req, "identifications repeated among ten copies", repeated(host.Seen(toDiscard)), gomega.BeZero())
			}
		})

	twice := []string{"RFC6864:4.1-1", "RFC6864:4.1-2", "RFC6864:6.2-1"}
	suppressed := mutate.DeafAfter(1, anyEcho.With(ipv4.ID.Is(0x1234)), anyEcho.With(ipv4.ID.Is(0x1234)))
	check.Grid(suite, "ipv4.id.no-duplicates", "two datagrams with the same identification are both delivered",
		check.Proves(twice[0], suppressed).And(twice[1], suppressed).And(twice[2], suppressed),
		[]uint{0, 1},
		func(p *probe.P, df uint) {
			host := p.IPv4()
			f := asked(host, kit.Pattern(32), ipv4.ID.Is(0x1234), ipv4.DF.Is(df))
			for range 2 {
				host.SendBytes(f.Bytes)
				host.Expect(f.reply, probe.For(twice...))
			}
		})

	suite.It("ipv4.id.atomic", "the identification of an atomic datagram means nothing: it does not touch fragments that wait",
		check.Proves("RFC6864:4.1-4", mutate.DeafAfter(1, anyEcho.With(ipv4.DF.Is(1)), last)),
		func(p *probe.P) {
			host := p.IPv4()
			f := whole(host, kit.Pattern(64))
			id, _ := ipv4.ID.Of(f)
			parts := thirds(f)
			sendAll(host, parts, 0, 1)
			atomic := asked(host, kit.Pattern(64), ipv4.ID.Is(id), ipv4.DF.Is(1))
			host.SendBytes(atomic.Bytes)
			host.Expect(atomic.reply, probe.For("RFC6864:4.1-4"))
			sendAll(host, parts, 2)
			reassembled(host, f, kit.Pattern(64), "RFC6864:4.1-4")
		})

	check.Grid(suite, "ipv4.id.values", "no identification is special, in fragments either",
		check.Proves("RFC6864:4.1-5", mutate.Ignores(ipv4.Header(ipv4.ID.Is(0), ipv4.MF.Is(1)))),
		[]uint{0, 1, 0x8000, 0xffff},
		func(p *probe.P, id uint) {
			host := p.IPv4()
			f := whole(host, kit.Pattern(64), ipv4.ID.Is(id))
			sendAll(host, thirds(f), 0, 1, 2)
			reassembled(host, f, kit.Pattern(64), "RFC6864:4.1-5")
		})

	suite.It("ipv4.id.any-destination", "a counter for all destinations, or one for each, is a choice of the target",
		check.Proves("RFC791:3.2-ID-2", constant),
		func(p *probe.P) {
			host := p.IPv4()
			for i := range 20 {
				tester := host.As(i % 2)
				f := asked(tester, nil)
				tester.SendBytes(f.Bytes)
				tester.Expect(f.reply, probe.For())
			}
			for i := range 2 {
				to := host.As(i).IP()
				p.That("RFC791:3.2-ID-2", "identifications repeated to "+to.String(), repeated(host.Seen(anyReply.With(ipv4.Dst.Is(to)))), gomega.BeZero())
			}
			what := "counters shared by destinations, or atomic datagrams only"
			if repeated(host.Seen(icmpv4.EchoReply())) > 0 {
				what = "counters of destinations that meet"
			}
			p.Observed("RFC791:3.2-ID-2", "%s", what)
		})
}
