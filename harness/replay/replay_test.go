package replay_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/replay"
	"github.com/conform-stack/conform/harness/target"
)

// run plays all roles of s and fails the test when the request is bad.
func run(t *testing.T, s *replay.Scenario, on target.Target, o replay.Options) []replay.Result {
	t.Helper()
	results, err := s.Run(context.Background(), on, o)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// problems are the failures and faults of results, as text.
func problems(results []replay.Result) string {
	var lines []string
	for _, r := range results {
		if r.Err != nil {
			lines = append(lines, r.ID()+": error: "+r.Err.Error())
		}
		if r.NotApplicable != "" {
			lines = append(lines, r.ID()+": not applicable: "+r.NotApplicable)
		}
		if r.Log != nil && r.Log.Inconclusive != "" {
			lines = append(lines, r.ID()+": inconclusive: "+r.Log.Inconclusive)
		}
		for _, f := range r.Failures {
			lines = append(lines, r.ID()+": "+f.Requirement+"\n"+f.Text)
		}
	}
	return strings.Join(lines, "\n")
}

func builtin(t *testing.T, name string) *replay.Scenario {
	t.Helper()
	all, err := replay.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no scenario %s", name)
	return nil
}

// cheapest is the simplest target that can play a scenario.
func cheapest(t *testing.T, s *replay.Scenario) target.Target {
	for _, h := range s.Hosts {
		if len(h.MAC) == 8 || slices.Contains(h.Needs, target.Timestamps) || slices.Contains(h.Needs, target.IPv6) && len(s.Sockets)+len(s.Assigns) > 0 || slices.Contains(h.Needs, target.SLAAC) {
			return referenceStack(t)
		}
	}
	return &fake{}
}

func TestFixturesPass(t *testing.T) {
	all, err := replay.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			results := run(t, s, cheapest(t, s), replay.Options{})
			if p := problems(results); p != "" {
				t.Error(p)
			}
			var shown []string
			for _, r := range results {
				shown = append(shown, r.Requirements()...)
				if !r.Passed() {
					t.Errorf("%s did not pass", r.ID())
				}
				for _, p := range r.Packets {
					if p.Outcome == replay.Pending || p.Outcome == "" {
						t.Errorf("packet %d of %s is %q", p.Number, r.ID(), p.Outcome)
					}
				}
			}
			slices.Sort(shown)
			claimed := slices.Sorted(slices.Values(s.Shows))
			if shown = slices.Compact(shown); !slices.Equal(shown, claimed) {
				t.Errorf("the scenario claims to show\n%v\nand the runs showed\n%v", claimed, shown)
			}
		})
	}
}

func TestEveryBenignTargetPasses(t *testing.T) {
	all, err := replay.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if strings.Contains(s.Name, "bulk") { // what it shows the small ones show, faster
			continue
		}
		for _, m := range mutate.Benign() {
			t.Run(s.Name+"/"+m.Name, func(t *testing.T) {
				if p := problems(run(t, s, cheapest(t, s), replay.Options{Mutation: m})); p != "" {
					t.Error(p)
				}
			})
		}
	}
}

func TestWhatBecomesOfEachPacket(t *testing.T) {
	g := NewWithT(t)
	results := run(t, builtin(t, "linux-arp-ping4"), &fake{}, replay.Options{})
	g.Expect(results).To(HaveLen(2))
	outcomes := func(r replay.Result) (o []replay.Outcome) {
		for _, p := range r.Packets {
			o = append(o, p.Outcome)
		}
		return o
	}
	om, se, ma := replay.Omitted, replay.Sent, replay.Matched
	g.Expect(results[0].Role).To(Equal("responder"))
	g.Expect(outcomes(results[0])).To(Equal([]replay.Outcome{om, se, ma, se, ma, se, ma, se, ma}))
	g.Expect(results[1].Role).To(Equal("pinger"))
	g.Expect(outcomes(results[1])).To(Equal([]replay.Outcome{om, ma, se, ma, se, ma, se, ma, se}))
}

func TestThePaceOfTheCaptureIsKept(t *testing.T) {
	g := NewWithT(t)
	r := run(t, builtin(t, "linux-arp-ping4"), &fake{}, replay.Options{Roles: []string{"responder"}})[0]
	var sent []time.Duration
	for _, rec := range r.Log.Records {
		if rec.Frame != nil && !rec.FromTarget {
			sent = append(sent, rec.At)
		}
	}
	// Packets 2, 4, 6 and 8; the answer to the first takes longer than in the capture, and moves the others.
	late := delay - 28*time.Microsecond
	g.Expect(sent).To(Equal([]time.Duration{
		0, delay, 203741*time.Microsecond + late, 407725*time.Microsecond + late,
	}))
	g.Expect(run(t, builtin(t, "linux-arp-ping4"), &fake{}, replay.Options{Roles: []string{"responder"}, MaxGap: time.Millisecond})[0].Elapsed).
		To(BeNumerically("<", 210*time.Millisecond), "long pauses are cut to the bound")
}

func TestATargetThatSaysNothing(t *testing.T) {
	g := NewWithT(t)
	r := run(t, builtin(t, "linux-arp-ping4"), &fake{dead: true}, replay.Options{Roles: []string{"responder"}})[0]
	g.Expect(r.Passed()).To(BeFalse())
	g.Expect(r.Failures[0].Kind).To(BeEquivalentTo("missing"))
	g.Expect(r.Failures[0].Requirement).To(Equal("RFC826:RX-15"))
	g.Expect(r.Failures[0].Packet).To(Equal(3))
	g.Expect(r.Failures[0].Want).To(Equal("ARP reply of 192.0.2.2 to 192.0.2.1"))
	g.Expect(r.Failures).To(HaveLen(4), "the reply and three echo replies")
}

func TestAnAnswerTooMany(t *testing.T) {
	g := NewWithT(t)
	s := builtin(t, "linux-arp-ping4")
	twice := mutate.Repeat(icmpv4.EchoReply(icmpv4.Seq.Is(2)), time.Millisecond)
	r := run(t, s, &fake{}, replay.Options{Roles: []string{"responder"}, Mutation: twice})[0]
	g.Expect(r.Failures).To(HaveLen(1))
	g.Expect(r.Failures[0].Kind).To(BeEquivalentTo("spurious"))
	g.Expect(r.Failures[0].Requirement).To(Equal("RFC1122:3.2.2.6-1"))
	g.Expect(r.Check().Cases[0].Failed()).To(BeTrue(), "it is no failure to prepare the check")
	g.Expect(r.Log.Failures[0].Brief).To(HavePrefix("want nothing, got ICMP echo reply"))
}

// A host reports a change once or more often, as its Robustness Variable says, and the capture has two reports of each.
func TestReportsAreRepeatedAsOftenAsTheTargetLikes(t *testing.T) {
	g := NewWithT(t)
	s := builtin(t, "linux-igmpv3-mldv2-join-leave")
	g.Expect(problems(run(t, s, &fake{reports: 4}, replay.Options{}))).To(BeEmpty())

	once := run(t, s, &fake{reports: 1}, replay.Options{})[0]
	g.Expect(once.Failures).To(HaveLen(2), "of the join and of the leave")
	for i, packet := range []int{4, 7} {
		f := once.Failures[i]
		g.Expect([]any{f.Kind, f.Requirement, f.Packet}).To(Equal([]any{probe.Missing, "RFC3376:5.1-8", packet}))
	}

	r := run(t, s, &fake{reports: 8}, replay.Options{})[0]
	g.Expect(r.Failures).NotTo(BeEmpty())
	g.Expect(r.Failures[0].Kind).To(Equal(probe.Spurious), "more than any Robustness Variable, and a join that goes on after the leave")
}

func TestARouterWithALinkOfAnotherMTU(t *testing.T) {
	g := NewWithT(t)
	results := run(t, builtin(t, "linux-pmtu-ping4-df"), &fake{farMTU: 1400}, replay.Options{})
	g.Expect(results[0].Passed()).To(BeTrue(), "the pinger has one link")
	g.Expect(results[1].NotApplicable).To(Equal("the capture has a link with an MTU of 1280 behind router, the one behind the target has 1400"))
}

// The judge of a run is made for its world, and is told what the role needs.
func TestTheJudgeIsToldOfTheTarget(t *testing.T) {
	g := NewWithT(t)
	var c *check.Check
	judge := func(of *check.Check, w target.World) func(*packet.Frame, bool) []check.Finding {
		c = of
		own := w.Nets()[0].Target.IP4
		return func(f *packet.Frame, fromTarget bool) (found []check.Finding) {
			if src, ok := ipv4.Src.Of(f); ok && fromTarget && src == own {
				found = append(found, check.Finding{Requirement: "RFC791:3.1-HF-22", Text: "for this test"})
			}
			return found
		}
	}
	r := run(t, builtin(t, "linux-pmtu-ping4-df"), &fake{}, replay.Options{Roles: []string{"router"}, Judge: judge})[0]
	g.Expect(c.ID).To(Equal(r.ID()))
	g.Expect(c.Needs).To(ConsistOf(target.Forwarding))
	g.Expect(r.Findings).To(HaveLen(1), "the error comes from the address of the world's target")
}

func TestRolesThatTheTargetCannotPlay(t *testing.T) {
	g := NewWithT(t)
	s := builtin(t, "linux-arp-ping4")
	results := run(t, s, &fake{noAgent: true}, replay.Options{})
	g.Expect(results[0].Passed()).To(BeTrue())
	g.Expect(results[1].NotApplicable).To(Equal(`to play pinger the target needs "agent", which it does not declare`))
	g.Expect(results[1].Passed()).To(BeFalse(), "not applicable is never a pass")
	_, err := s.Run(context.Background(), &fake{}, replay.Options{Roles: []string{"router"}})
	g.Expect(err).To(MatchError("the scenario linux-arp-ping4 has no role router: the target can play [responder pinger]"))
}

func TestTheResultAsThatOfACheck(t *testing.T) {
	g := NewWithT(t)
	r := run(t, builtin(t, "linux-udp-closed"), &fake{}, replay.Options{Roles: []string{"responder"}})[0]
	c := r.Check()
	g.Expect(c.Check.ID).To(Equal("replay.linux-udp-closed[target=responder]"))
	g.Expect(c.Check.Requirements()).To(ContainElement("RFC1122:4.1.3.1-1"))
	g.Expect(c.Passed()).To(BeTrue())
}

func TestTheSameSeedGivesTheSameFrames(t *testing.T) {
	g := NewWithT(t)
	frames := func() (b [][]byte) {
		for _, r := range run(t, builtin(t, "linux-arp-ping4"), &fake{}, replay.Options{Seed: 7})[0].Log.Records {
			if r.Frame != nil {
				b = append(b, r.Frame.Bytes)
			}
		}
		return b
	}
	g.Expect(frames()).To(Equal(frames()))
}
