package ipv4ll

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	stranger := mutate.Field(anyProbe, arp.SenderMAC.Is(ethernet.Broadcast))
	somebody := mutate.Field(anyProbe, arp.SenderIP.Is(elsewhere))
	anybody := mutate.Field(anyProbe, arp.TargetMAC.Is(ethernet.Broadcast))
	another := mutate.Field(anyProbe, arp.TargetIP.Is(neighbour))

	suite.It("ll.probe.fields", "a probe is a broadcast request from 0.0.0.0 for the chosen address",
		needs(check.Proves("RFC3927:1.2-1", stranger).And("RFC3927:2.2.1-1", stranger).
			And("RFC3927:2.2.1-2", somebody).
			And("RFC3927:1.2-2", anybody).And("RFC3927:2.2.1-3", anybody).
			And("RFC3927:1.2-3", another).And("RFC3927:2.2.1-4", another)),
		func(p *probe.P) {
			h := begin(p)
			f := h.Expect(fromTarget(h.Tester).Then(arp.Packet()), probe.For(), probe.Within(settled))
			for _, r := range []string{"RFC3927:1.2-1", "RFC3927:2.2.1-1"} {
				p.Must(r, f, arp.SenderMAC.Is(h.TargetMAC()))
			}
			p.Must("RFC3927:2.2.1-2", f, arp.SenderIP.Is(netip.IPv4Unspecified()))
			for _, r := range []string{"RFC3927:1.2-2", "RFC3927:2.2.1-3"} {
				p.Must(r, f, arp.TargetMAC.Is(make([]byte, 6)))
			}
			for _, r := range []string{"RFC3927:1.2-3", "RFC3927:2.2.1-4"} {
				p.Must(r, f, forLL, arp.Op.Is(arp.OpRequest), ethernet.Dst.Is(ethernet.Broadcast))
			}
		})

	suite.It("ll.probe.before-use", "the chosen address is probed for before it is used",
		needs(check.Proves("RFC3927:2.2-1", mutate.Missing(anyProbe))),
		func(p *probe.P) {
			h := begin(p)
			f := h.Expect(arp.Packet(forLL), probe.For(), probe.Within(settled))
			p.That("RFC3927:2.2-1", "the first packet for the address is a probe", anyProbe.Matches(f), gomega.BeTrue())
		})

	// The application broadcasts all the time. Whether it may without an address is not the question.
	suite.It("ll.probe.no-source", "until it has been probed for, the address is the source of nothing",
		needs(check.Proves("RFC3927:2.2-2", mutate.Field(anyProbe, arp.SenderIP.Is(elsewhere))), target.Agent).Slow(),
		func(p *probe.P) {
			h := begin(p)
			s := p.UDP(0)
			_ = s.SetOption("SO_BROADCAST", 1)
			until := arp.Packet(arp.Op.Is(arp.OpRequest), fromLL, forLL)
			for len(h.Seen(until)) == 0 && p.Now() < 2*settled {
				_ = s.SendTo([]byte("too early"), netip.MustParseAddrPort("255.255.255.255:9"))
				p.Wait(100 * time.Millisecond)
			}
			announced := h.Expect(until, probe.For())
			for _, f := range h.Seen(fromTarget(h.Tester)) {
				if f.At < announced.At {
					p.That("RFC3927:2.2-2", "no datagram with the address", datagramsFrom.Matches(f), gomega.BeFalse())
				}
			}
			probes := h.Seen(arp.Probe(mustTarget(announced)))
			p.That("RFC3927:2.2-2", "three probes without the address", probes, gomega.HaveLen(probeNum))
		})

	suite.It("ll.probe.number", "three probes are sent",
		needs(check.Proves("RFC3927:2.2.1-6", mutate.Drops(anyProbe, probeNum-1))).Slow(),
		func(p *probe.P) {
			h := begin(p)
			h.choose()
			for range probeNum - 1 {
				h.probed(probe.For("RFC3927:2.2.1-6"))
			}
			h.announced()
			h.Never(anyProbe, probeMax)
		})

	// The delay is known for the first choice and, until the rate is limited, for those after conflicts: 10 samples,
	// with 80 gaps beside. See probe.Uniform for what chance allows.
	suite.It("ll.probe.pace", "the first probe comes after a random delay, the others at random intervals",
		needs(check.Proves("RFC3927:2.2.1-5", mutate.Late(anyProbe, probeWait+100*time.Millisecond)).
			And("RFC3927:2.2.1-7", mutate.Repeat(anyProbe, probeMin/2))).Slow(),
		func(p *probe.P) {
			h := begin(p)
			var delays, gaps []time.Duration
			for n := range int(long(p, 40, 3)) {
				at := h.choose(probe.Within(2 * rateLimitInterval)).At
				if n < maxConflicts {
					delays = append(delays, at-h.began)
					p.Between("RFC3927:2.2.1-5", "the delay of the first probe", at-h.began, 0, probeWait+travel)
				}
				for range probeNum - 1 {
					next := h.probed().At
					gaps = append(gaps, next-at)
					p.Between("RFC3927:2.2.1-7", "the gap between two probes", next-at, probeMin, probeMax)
					at = next
				}
				p.Wait(probeMin * 6 / 10)
				h.began = p.Now()
				h.contest()
			}
			p.Uniform("RFC3927:2.2.1-5", "the delay of the first probe", delays, 0, probeWait+travel)
			p.Uniform("RFC3927:2.2.1-7", "the gap between two probes", gaps, probeMin, probeMax)
		})

	suite.It("ll.probe.link-up", "the address is probed for again when the link comes back",
		needs(check.Proves("RFC3927:2.2-3", mutate.Drops(anyProbe, probeNum))).Slow(),
		func(p *probe.P) {
			won(p)
			p.LinkDown()
			p.Wait(time.Second)
			p.Forget()
			p.LinkUp()
			p.Ethernet().Expect(anyProbe.With(forLL), probe.Within(settled))
		})

	suite.It("ll.probe.not-periodic", "an address in use is neither probed for nor announced again",
		needs(check.Proves("RFC3927:2.2-4", mutate.Repeat(anyProbe, settled+2*time.Second)).
			And("RFC3927:4-1", mutate.Repeat(anyAnnouncement, settled))).Slow(),
		func(p *probe.P) {
			h := won(p)
			quiet := long(p, time.Hour, 20*time.Second)
			h.Never(anyProbe, quiet, probe.For("RFC3927:2.2-4"))
			h.Never(anyAnnouncement, time.Second, probe.For("RFC3927:4-1"))
		})

	suite.It("ll.probe.router", "a router configures link-local addresses like a host",
		needs(check.Proves("RFC3927:1.2-5", mutate.Drops(anyProbe.With(forLL), 1)), target.Forwarding).Slow(),
		func(p *probe.P) {
			h := begin(p)
			h.choose()
			for range probeNum - 1 {
				h.probed(probe.For("RFC3927:1.2-5"))
			}
			h.announced()
		})
}
