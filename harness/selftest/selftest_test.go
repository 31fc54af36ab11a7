package selftest_test

import (
	"context"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/internal/faketarget"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/selftest"
)

// one makes a check that is in no suite of the program.
func one(id string, claims []check.Claim, body func(*probe.P)) *check.Check {
	return &check.Check{ID: id, Suite: &check.Suite{Name: "test"}, Claims: claims, Cases: []check.Case{{Body: body}}}
}

func try(t *testing.T, c *check.Check) selftest.Result {
	t.Helper()
	r, err := selftest.Run(context.Background(), selftest.Options{Target: &faketarget.Target{Answers: faketarget.Host}, Checks: []*check.Check{c}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each row is a way in which a check can pass for the wrong reason, or ask for too much, and the words that name it.
func TestWeakChecksAreNamed(t *testing.T) {
	wrongSender := mutate.Field(arp.Reply(), arp.SenderMAC.Is(ethernet.Broadcast))
	for _, tt := range []struct {
		name  string
		claim mutate.Mutation
		body  func(*probe.P)
		want  string
	}{
		{"a good check", wrongSender, func(p *probe.P) {
			lan := p.Ethernet()
			p.Must("RFC826:RX-13", lan.Ask(arp.Request(lan.TargetIP()), arp.Reply()), arp.SenderMAC.Is(lan.TargetMAC()))
		}, ""},
		{"it cannot fail", wrongSender, func(p *probe.P) {
			lan := p.Ethernet()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply())
			p.Meets("RFC826:RX-13")
		}, "the check passed: it cannot fail for this requirement"},
		{"it takes a wrong field for a missing answer", wrongSender, func(p *probe.P) {
			lan := p.Ethernet()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(arp.SenderMAC.Is(lan.TargetMAC())))
		}, `the check failed for the requirement with "missing", which does not show this mutation`},
		{"it fails for another reason", mutate.Missing(arp.Reply()), func(p *probe.P) {
			lan := p.Ethernet()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(), probe.For())
			p.Meets("RFC826:RX-13")
		}, "the check failed, but for another reason"},
		{"it is over-strict", wrongSender, func(p *probe.P) {
			lan := p.Ethernet()
			reply := lan.Ask(arp.Request(lan.TargetIP()), arp.Reply())
			p.Must("RFC826:RX-13", reply, arp.SenderMAC.Is(lan.TargetMAC()))
			p.That("RFC826:RX-13", "nothing but the reply", lan.Seen(ethernet.Frame()), HaveLen(1))
		}, "the check asks for more than its requirements"},
		{"it does not assert its claim", wrongSender, func(p *probe.P) {
			lan := p.Ethernet()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(), probe.For())
		}, "the check claims to prove RFC826:RX-13 and asserted nothing for it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := NewWithT(t)
			r := try(t, one("test."+strings.ReplaceAll(tt.name, " ", "-"), []check.Claim{{Requirement: "RFC826:RX-13", Mutation: tt.claim}}, tt.body))
			var b strings.Builder
			r.Print(&b)
			if tt.want == "" {
				g.Expect(r.Weak()).To(BeEmpty())
				return
			}
			g.Expect(r.Weak()).NotTo(BeEmpty())
			g.Expect(b.String()).To(ContainSubstring(tt.want))
			g.Expect(b.String()).To(ContainSubstring("test." + strings.ReplaceAll(tt.name, " ", "-")))
		})
	}
}
