package run_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/internal/faketarget"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/run"
	"github.com/conform-stack/conform/harness/target"
)

// Each check asks for the target's address, which is told from the n-th execution on; 0 is never.
var noisy = []struct { // never written
	id   string
	from int
}{{"repeat.broken", 0}, {"repeat.late", 3}, {"repeat.once", 2}, {"repeat.steady", 1}}

func init() {
	suite := check.NewSuite("repeat", "checks of a target that is noisy")
	for _, n := range noisy {
		suite.It(n.id, "the address is told", check.Proves("RFC826:RX-14", mutate.Missing(arp.Packet())), func(p *probe.P) {
			lan := p.Ethernet()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply())
		})
	}
}

// live is a fake target that says that its clock is the world's, and counts its worlds.
type live struct {
	faketarget.Target
	virtual bool
	worlds  map[string]int // by check
}

func (l *live) Info() target.Info {
	i := l.Target.Info()
	i.Virtual = l.virtual
	return i
}

func (l *live) New(ctx context.Context, spec target.Spec) (target.World, error) {
	l.worlds[spec.Check]++
	deaf := faketarget.Target{Answers: faketarget.Host}
	for _, n := range noisy {
		if n.id == spec.Check && (n.from == 0 || l.worlds[spec.Check] < n.from) {
			deaf.Answers = nil
		}
	}
	return deaf.New(ctx, spec)
}

func newLive(virtual bool) *live { return &live{virtual: virtual, worlds: map[string]int{}} }

// repeated runs the checks and repeats what was not as expected.
func repeated(t *testing.T, l *live, filter string, times int) (*report.Report, string) {
	t.Helper()
	out := t.TempDir()
	s, err := run.New(run.Options{
		Target: l, Selection: run.Selection{Suites: []string{"repeat"}, Filter: filter}, Seed: 1, Partial: true, Out: out, Evidence: run.EvidenceFail,
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.All(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Repeat(context.Background(), l, r, times); err != nil {
		t.Fatal(err)
	}
	saved, err := report.Read(out)
	if err != nil {
		t.Fatal(err)
	}
	if len(saved.FlakyChecks) != len(r.FlakyChecks) {
		t.Errorf("the report that was written has %v, the one that was given %v", saved.FlakyChecks, r.FlakyChecks)
	}
	return r, out
}

func outcomes(r *report.Report) (all []string) {
	for i := range r.Checks {
		c := &r.Checks[i]
		words := strings.TrimPrefix(c.ID, "repeat.") + " " + string(c.Outcome)
		for _, a := range c.Earlier {
			words += " after " + string(a.Outcome)
		}
		all = append(all, words)
	}
	return all
}

func TestUnexpectedChecksAreRepeated(t *testing.T) {
	for _, tt := range []struct {
		name       string
		filter     string
		times      int
		virtual    bool
		want       []string
		flaky      []string
		conclusion string
		code       int
	}{
		{"not at all", "", 0, false, []string{"broken fail", "late fail", "once fail", "steady pass"}, nil, "not as expected: 3 checks failed", 1},
		{"once", "", 1, false, []string{"broken fail after fail", "late fail after fail", "once pass after fail", "steady pass"},
			[]string{"repeat.once"}, "not as expected: 2 checks failed, 1 check as expected only when repeated", 1},
		{"twice", "", 2, false, []string{"broken fail after fail after fail", "late pass after fail after fail", "once pass after fail", "steady pass"},
			[]string{"repeat.late", "repeat.once"}, "not as expected: 1 check failed, 2 checks as expected only when repeated", 1},
		{"noise alone", "!check:repeat.broken", 2, false, []string{"late pass after fail after fail", "once pass after fail", "steady pass"},
			[]string{"repeat.late", "repeat.once"}, "all as expected, but 2 checks only when repeated", 0},
		{"in virtual time, where nothing changes", "", 2, true, []string{"broken fail", "late fail", "once fail", "steady pass"}, nil, "not as expected: 3 checks failed", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := newLive(tt.virtual)
			r, out := repeated(t, l, tt.filter, tt.times)
			if got := outcomes(r); !slices.Equal(got, tt.want) {
				t.Errorf("the outcomes are %q, want %q", got, tt.want)
			}
			if !slices.Equal(r.FlakyChecks, tt.flaky) || r.Conclusion() != tt.conclusion || r.AsExpected() != tt.code {
				t.Errorf("flaky %v, %q, exit code %d; want %v, %q, %d", r.FlakyChecks, r.Conclusion(), r.AsExpected(), tt.flaky, tt.conclusion, tt.code)
			}
			if n := l.worlds["repeat.steady"]; n != 1 {
				t.Errorf("the check that passed ran %d times", n)
			}
			var console bytes.Buffer
			if err := report.WriteConsole(&console, r, report.ConsoleOptions{}); err != nil {
				t.Fatal(err)
			}
			for _, id := range tt.flaky {
				if !strings.Contains(console.String(), id+"\n    attempt 1: fail: RFC826:RX-14: ") {
					t.Errorf("%s is not named:\n%s", id, console.String())
				}
			}
			for _, c := range r.Checks {
				for _, a := range c.Earlier {
					if _, err := os.Stat(filepath.Join(out, filepath.FromSlash(a.Evidence))); a.Evidence == "" || err != nil {
						t.Errorf("the evidence %q of an attempt of %s: %v", a.Evidence, c.ID, err)
					}
				}
			}
		})
	}
}
