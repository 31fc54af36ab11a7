package probe_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/internal/faketarget"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

const req = "RFC0:1"

// run runs a body that proves req against a target that answers with f.
func run(t *testing.T, f func(*packet.Frame) []faketarget.Answer, body func(*probe.P)) *probe.Log {
	t.Helper()
	tgt := &faketarget.Target{Answers: f}
	w, _ := tgt.New(context.Background(), target.Spec{})
	return probe.New(context.Background(), probe.Config{World: w, Info: tgt.Info(), Proves: []string{req}}).Run(body)
}

func TestExpectFindsTheFrameAmongOthers(t *testing.T) {
	g := NewWithT(t)
	noisy := func(f *packet.Frame) []faketarget.Answer {
		hum := faketarget.Answer{Frame: arp.Request(faketarget.Net.Unused4).Build(packet.Env{Local: faketarget.Net.Target, Peer: faketarget.Net.Testers[1]})}
		return append([]faketarget.Answer{hum}, faketarget.Host(f)...)
	}
	log := run(t, noisy, func(p *probe.P) {
		lan := p.Ethernet()
		reply := lan.Ask(arp.Request(lan.TargetIP()), arp.Reply())
		p.Must(req, reply, arp.SenderIP.Is(lan.TargetIP()), ethernet.Dst.Is(lan.MAC()))
	})
	g.Expect(log.Failures).To(BeEmpty())
	g.Expect(log.Err).NotTo(HaveOccurred())
	g.Expect(log.Asserted).To(Equal(map[string]int{req: 2}))
}

// The three ways to be wrong have three messages: nothing came, something like it came, a field differs.
func TestMessages(t *testing.T) {
	for _, tt := range []struct {
		name string
		body func(*probe.P)
		want probe.Failure
	}{
		{"nothing came", func(p *probe.P) {
			lan := p.Ethernet()
			lan.Ask(arp.Request(lan.UnusedIP()), arp.Reply(), probe.Because("it is asked for"))
		}, probe.Failure{Requirement: req, Kind: probe.Missing,
			Brief: "want ARP ar$op=reply (2)  (it is asked for): nothing like it came in 5s", Text: `
sent       0 ms  02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ARP request who-has 192.0.2.99 tell 192.0.2.1
want             ARP ar$op=reply (2)  (it is asked for)
                 nothing like it came in 5s`}},
		{"something like it came", func(p *probe.P) {
			lan := p.Ethernet()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(arp.SenderIP.Is(lan.UnusedIP())))
		}, probe.Failure{Requirement: req, Kind: probe.Missing, Brief: "ar$spa is 192.0.2.2, want 192.0.2.99", Text: `
sent       0 ms  02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ARP request who-has 192.0.2.2 tell 192.0.2.1
want             ARP ar$op=reply (2) ar$spa=192.0.2.99
got        0 ms  02:00:00:00:00:02 > 02:00:00:00:00:01, ARP reply 192.0.2.2 is-at 02:00:00:00:00:02
                 ar$spa is 192.0.2.2, want 192.0.2.99`}},
		{"a field differs", func(p *probe.P) {
			host := p.IPv4()
			p.Must(req, host.Ask(icmpv4.Echo(1, 2, nil), icmpv4.EchoReply()), icmpv4.Seq.Is(3))
		}, probe.Failure{Requirement: req, Kind: probe.Field, Brief: "sequence number is 2, want 3", Text: `
sent       0 ms  02:00:00:00:00:01 > 02:00:00:00:00:02, IPv4 192.0.2.1 > 192.0.2.2 ttl 64, ICMP echo id 1 seq 2
want             sequence number=3
got        0 ms  02:00:00:00:00:02 > 02:00:00:00:00:01, IPv4 192.0.2.2 > 192.0.2.1 ttl 64, ICMP echo reply id 1 seq 2
                 sequence number is 2, want 3`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			log := run(t, faketarget.Host, tt.body)
			tt.want.Text = strings.TrimPrefix(tt.want.Text, "\n")
			g.Expect(log.Failures).To(HaveLen(1))
			g.Expect(log.Failures[0].Brief).To(Equal(tt.want.Brief))
			tt.want.Brief = log.Failures[0].Brief
			g.Expect(log.Failures[0]).To(Equal(tt.want))
		})
	}
}

// Silent tells targets apart: right, gullible, dead, one that answers late, and one that the bad stimulus has shut the tester
// out of.
func TestSilent(t *testing.T) {
	body := func(p *probe.P) {
		lan := p.Ethernet()
		lan.Silent(arp.Request(lan.UnusedIP()), arp.Request(lan.TargetIP()), arp.Reply())
	}
	reply := func(after time.Duration) []faketarget.Answer {
		return []faketarget.Answer{{After: after, Frame: arp.Reply(arp.TargetMAC.Is(faketarget.Net.Testers[0].MAC)).Build(packet.Env{Local: faketarget.Net.Target, Peer: faketarget.Net.Testers[0]})}}
	}
	for _, tt := range []struct {
		name    string
		answers func(*packet.Frame) []faketarget.Answer
		req     string
		kind    probe.Kind
	}{
		{"right", faketarget.Host, "", ""},
		{"gullible", func(*packet.Frame) []faketarget.Answer { return reply(0) }, req, probe.Spurious},
		{"gullible and slow", func(f *packet.Frame) []faketarget.Answer {
			if arp.Request(faketarget.Net.Unused4).Matches(f) {
				return reply(50 * time.Millisecond) // behind the fence: another thread answers
			}
			return reply(0)
		}, req, probe.Spurious},
		{"dead", nil, "", probe.Missing},
		{"shut out", func() func(f *packet.Frame) []faketarget.Answer {
			shut := false
			return func(f *packet.Frame) []faketarget.Answer {
				if arp.Request(faketarget.Net.Unused4).Matches(f) {
					shut = true
				}
				if shut && arp.Packet(arp.SenderMAC.Is(faketarget.Net.Testers[0].MAC)).Matches(f) {
					return nil
				}
				return faketarget.Host(f)
			}
		}(), req, probe.Spurious},
		{"busy for a while", func() func(f *packet.Frame) []faketarget.Answer {
			n := 0
			return func(f *packet.Frame) []faketarget.Answer {
				if n++; n < 4 {
					return nil
				}
				return faketarget.Host(f)
			}
		}(), "", probe.Missing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			log := run(t, tt.answers, body)
			g.Expect(log.Err).NotTo(HaveOccurred())
			if tt.kind == "" {
				g.Expect(log.Failures).To(BeEmpty())
				return
			}
			g.Expect(log.Failures).To(HaveLen(1))
			g.Expect(log.Failures[0].Kind).To(Equal(tt.kind))
			g.Expect(log.Failures[0].Requirement).To(Equal(tt.req), "a dead target proves nothing about the requirement")
		})
	}
}

func TestTesterAnswersARPAsEveryTester(t *testing.T) {
	g := NewWithT(t)
	asks := func(f *packet.Frame) []faketarget.Answer {
		if !icmpv4.Message().Matches(f) {
			return nil
		}
		return []faketarget.Answer{{Frame: arp.Request(faketarget.Net.Testers[1].IP4).Build(packet.Env{Local: faketarget.Net.Target, Peer: faketarget.Net.Testers[1]})}}
	}
	log := run(t, asks, func(p *probe.P) {
		p.IPv4().Send(icmpv4.Echo(1, 1, nil))
		p.Wait(time.Second)
	})
	last := log.Records[len(log.Records)-1]
	g.Expect(last.FromTarget).To(BeFalse())
	g.Expect(last.Frame).To(packet.Like(arp.Reply(arp.SenderMAC.Is(faketarget.Net.Testers[1].MAC), arp.TargetMAC.Is(faketarget.Net.Target.MAC))))
}

func TestBetweenHoldsAtBothEdges(t *testing.T) {
	g := NewWithT(t)
	log := run(t, nil, func(p *probe.P) {
		p.Between(req, "a second", time.Second, time.Second, 2*time.Second)
		p.Between(req, "two seconds", 2*time.Second, time.Second, 2*time.Second)
		p.Between(req, "too early", time.Second-1, time.Second, 2*time.Second)
		p.Between(req, "too late", 2*time.Second+1, time.Second, 2*time.Second)
	})
	g.Expect(log.Failures).To(HaveLen(2))
	g.Expect(log.Failures[0].Text).To(Equal("want             too early: 1s to 2s\n                 it was 999.999999ms"))
}

func TestFaultsAreNotFailures(t *testing.T) {
	for _, tt := range []struct {
		name string
		body func(*probe.P)
		want string
	}{
		{"a panic of the body", func(*probe.P) { panic("oops") }, "the check panicked: oops"},
		{"a claim that is not made", func(p *probe.P) { p.Meets("RFC0:2") }, "the check asserts RFC0:2, which it does not claim to prove"},
		{"a matcher for another type", func(p *probe.P) { p.That(req, "a length", 1, HaveLen(1)) }, "comparing a length: HaveLen matcher expects"},
		{"sockets that are not there", func(p *probe.P) { p.UDP(0) }, `the check uses the target's sockets without declaring that it needs "agent"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			log := run(t, faketarget.Host, tt.body)
			g.Expect(log.Err).To(MatchError(HavePrefix(tt.want)))
			g.Expect(log.Failures).To(BeEmpty())
		})
	}
}

func TestMissingOptionsAreNotFaults(t *testing.T) {
	g := NewWithT(t)
	refused := agent.Reply{Errno: "ENOPROTOOPT"}
	log := run(t, nil, func(*probe.P) { panic(fmt.Errorf("IP_OPTIONS: %w", refused.Err())) })
	g.Expect(log.Err).NotTo(HaveOccurred())
	g.Expect(log.Inconclusive).To(Equal("the target lacks a socket option: IP_OPTIONS: ENOPROTOOPT"))
}

func TestInterruptedRunsCleanUp(t *testing.T) {
	g := NewWithT(t)
	tgt := &faketarget.Target{}
	w, _ := tgt.New(context.Background(), target.Spec{})
	ctx, cancel := context.WithCancel(context.Background())
	cleaned := false
	log := probe.New(ctx, probe.Config{World: w, Info: tgt.Info()}).Run(func(p *probe.P) {
		p.Cleanup(func() { cleaned = true })
		cancel()
		p.Wait(time.Hour)
	})
	g.Expect(errors.Is(log.Err, context.Canceled)).To(BeTrue())
	g.Expect(cleaned).To(BeTrue())
	g.Expect(log.Elapsed).To(BeNumerically("<", time.Hour))
}

func TestInboxKeepsWhatWasNotAskedFor(t *testing.T) {
	g := NewWithT(t)
	log := run(t, faketarget.Host, func(p *probe.P) {
		host := p.IPv4()
		host.Send(icmpv4.Echo(1, 1, nil))
		host.Send(icmpv4.Echo(1, 2, nil))
		second := host.Expect(icmpv4.EchoReply(icmpv4.Seq.Is(2)))
		first := host.Expect(icmpv4.EchoReply())
		p.Must(req, first, icmpv4.Seq.Is(1))
		p.Must(req, second, ipv4.Src.Is(host.TargetIP()))
		host.Never(icmpv4.EchoReply(), time.Second)
	})
	g.Expect(log.Failures).To(BeEmpty())
}

func TestPanicsNameTheirLine(t *testing.T) {
	g := NewWithT(t)
	log := run(t, nil, func(*probe.P) {
		var none []int
		_ = none[0]
	})
	g.Expect(log.Err).To(MatchError(MatchRegexp(`^the check panicked in probe_test\.go:\d+: runtime error: index out of range`)))
}
