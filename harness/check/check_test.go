package check_test

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/internal/faketarget"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// answered asserts that the target answers for its address.
func answered(p *probe.P) {
	lan := p.Ethernet()
	lan.Ask(arp.Request(lan.TargetIP()), arp.Reply())
}

func TestValidateNamesEachFault(t *testing.T) {
	g := NewWithT(t)
	s := check.NewSuite("faulty", "Checks with faults")
	claims := check.Proves("RFC0:1", mutate.Missing(arp.Reply()))
	s.It("a.good", "nothing is wrong", claims, answered)
	s.It("a.good", "the id is taken", claims, answered)
	s.It("Bad Id", "the id is malformed", claims, answered)
	s.It("a.nothing", "no claim", check.Claims{}, answered)
	s.It("a.unknown", "no such requirement", check.Proves("RFC0:2", mutate.Missing(arp.Reply())), answered)
	s.It("a.twice", "a claim twice", claims.And("RFC0:1", mutate.Missing(arp.Reply())), answered)
	s.It("a.unkillable", "no mutation", check.Proves("RFC0:1", mutate.Mutation{}), answered)
	check.Grid(s, "a.empty", "a grid of nothing", claims, []int{}, func(*probe.P, int) {})
	check.Grid(s, "a.same", "the same coordinates twice", claims, []int{1, 1}, func(*probe.P, int) {})
	faults := check.Validate(func(id string) bool { return id == "RFC0:1" })
	at := `^.*check_test.go: check `
	g.Expect(faults).To(ConsistOf(
		MatchRegexp(at+`a.good: the id is taken by a check in .*check_test.go$`),
		MatchRegexp(at+`Bad Id: the id does not have the form a.b-c.d or a.b\[x=y\]$`),
		MatchRegexp(at+`a.nothing: it proves no requirement$`),
		MatchRegexp(at+`a.unknown: the catalogue has no requirement RFC0:2$`),
		MatchRegexp(at+`a.twice: it claims RFC0:1 twice$`),
		MatchRegexp(at+`a.unkillable: RFC0:1 has no mutation that violates it$`),
		MatchRegexp(at+`a.empty: its grid has no cases$`),
		MatchRegexp(at+`a.same: two cases have the coordinates "1"$`),
	))
}

// about is a value of an axis whose case is about some requirements of the check.
type about []string

func (a about) Proves() []string { return a }

func TestCasesAboutSomeRequirements(t *testing.T) {
	g := NewWithT(t)
	s := &check.Suite{}
	claims := check.Proves("RFC0:1", mutate.Missing(arp.Reply())).And("RFC0:2", mutate.Missing(arp.Reply()))
	check.Grid(s, "a.partial", "each case asserts what it is about", claims, []about{{"RFC0:1"}, {"RFC0:1", "RFC0:2"}},
		func(p *probe.P, a about) {
			for _, r := range a {
				p.Meets(r)
			}
		})
	c := s.Checks()[0]
	r := check.Runner{Target: &faketarget.Target{}}
	g.Expect(r.Run(context.Background(), c).Passed()).To(BeTrue())
	g.Expect(c.About("RFC0:1").Cases).To(HaveLen(2))
	g.Expect(c.About("RFC0:2").Cases).To(HaveLen(1))

	c.Cases[0].Proves = []string{"RFC0:2"}
	g.Expect(r.Run(context.Background(), c).Err()).To(MatchError(ContainSubstring("RFC0:1, which it does not claim")))
}

// one runs a check of one case on a fake target.
func one(tgt *faketarget.Target, c *check.Check, body func(*probe.P)) check.Result {
	c.ID, c.Cases = "a.check", []check.Case{{Body: body}}
	c.Claims = []check.Claim{{Requirement: "RFC0:1"}}
	if c.Suite == nil {
		c.Suite = &check.Suite{}
	}
	r := check.Runner{Target: tgt}
	return r.Run(context.Background(), c)
}

func TestOutcomesAreToldApart(t *testing.T) {
	g := NewWithT(t)
	host := &faketarget.Target{Answers: faketarget.Host}

	g.Expect(one(host, &check.Check{}, answered).Passed()).To(BeTrue())

	failed := one(&faketarget.Target{}, &check.Check{}, answered)
	g.Expect(failed.Passed()).To(BeFalse())
	g.Expect(failed.Cases[0].Failed()).To(BeTrue())
	g.Expect(failed.Failures("RFC0:1")).To(HaveLen(1))

	unprepared := one(&faketarget.Target{}, &check.Check{}, func(p *probe.P) {
		lan := p.Ethernet()
		lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(), probe.For())
	})
	g.Expect(unprepared.Cases[0].Failed()).To(BeFalse())
	g.Expect(unprepared.Cases[0].Unprepared()).To(BeTrue())

	idle := one(host, &check.Check{}, func(*probe.P) {})
	g.Expect(idle.Err()).To(MatchError("the check claims to prove RFC0:1 and asserted nothing for it"))

	leaky := one(&faketarget.Target{Answers: faketarget.Host, CloseErr: errors.New("two packets are lost")}, &check.Check{}, answered)
	g.Expect(leaky.Err()).To(MatchError("after the check: two packets are lost"))
}

// clumsy is a target whose worlds panic.
type clumsy struct{ *faketarget.Target }

func (clumsy) New(context.Context, target.Spec) (target.World, error) { panic("out of worlds") }

// A panic outside of a check's body would look like a run that somebody interrupted.
func TestPanicOfATarget(t *testing.T) {
	g := NewWithT(t)
	r := check.Runner{Target: clumsy{&faketarget.Target{}}}
	res := r.Run(t.Context(), &check.Check{ID: "a.check", Suite: &check.Suite{}, Cases: []check.Case{{Body: answered}}})
	g.Expect(res.Passed()).To(BeFalse())
	g.Expect(res.Err()).To(MatchError(MatchRegexp(`^the harness panicked in check_test\.clumsy\.New \(check_test\.go:\d+\): out of worlds$`)))
}

func TestNotApplicable(t *testing.T) {
	g := NewWithT(t)
	host := &faketarget.Target{Answers: faketarget.Host}
	r := one(host, &check.Check{Needs: []target.Feature{target.Agent}}, answered)
	g.Expect(r.NotApplicable).To(Equal(`the target does not declare "agent"`))
	g.Expect(r.Passed()).To(BeFalse(), "never a pass")
	r = one(host, &check.Check{Suite: (&check.Suite{}).On(target.IEEE802154)}, answered)
	g.Expect(r.NotApplicable).To(Equal("the suite is for links of ieee802154, the target has none"))
}

// What a check does not declare is hidden, also on a target that has it.
func TestNeedsAreEnforced(t *testing.T) {
	g := NewWithT(t)
	tgt := &faketarget.Target{Features: []target.Feature{target.Agent}, Sockets: refusing{}}
	opens := func(p *probe.P) { p.UDP(0) }
	r := one(tgt, &check.Check{Needs: []target.Feature{target.Agent}}, opens)
	g.Expect(r.Err()).To(MatchError("opening a socket (inet, dgram) on the target: EPERM"), "the agent is asked")
	r = one(tgt, &check.Check{}, opens)
	g.Expect(r.Err()).To(MatchError(`the check uses the target's sockets without declaring that it needs "agent"`))
}

// refusing is an agent that allows no socket.
type refusing struct{}

func (refusing) Start(r agent.Request) *agent.Op {
	op := &agent.Op{Request: r}
	op.End(agent.Reply{Errno: "EPERM"})
	return op
}
