package replay

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// An Outcome says what became of a packet of the capture.
type Outcome string

const (
	Sent    Outcome = "sent"    // by the peer
	Matched Outcome = "matched" // the target said it too
	Differs Outcome = "differs" // the target said it with other fields
	Missing Outcome = "missing" // the target did not say it
	Left    Outcome = "left"    // to the target or to circumstances
	Omitted Outcome = "omitted" // by the scenario
	Pending Outcome = "pending" // the run ended before
)

// A Packet of the capture and what became of it.
type Packet struct {
	Number  int
	Text    string // as the capture has it
	Outcome Outcome
	Why     string // for those left out, and for those that were refilled
}

// A Failure is one way in which the target differs from the capture.
type Failure struct {
	// Requirement that it breaks, or, for a message that is one too many, the one by which such a message is sent. A field
	// that belongs to several gives a failure each.
	Requirement string
	Kind        probe.Kind // missing, field or spurious
	Packet      int        // of the capture; 0 for a message that the capture does not have
	Field       string     // with its protocol: "ARP ar$sha"; empty unless Kind is field
	Want, Got   string
	Text        string // several lines: what was sent, wanted, got
}

// A Result is what one role of a scenario showed.
type Result struct {
	Scenario      *Scenario
	Role          string
	NotApplicable string // why the target cannot play the role; empty otherwise
	Packets       []Packet
	Failures      []Failure
	Findings      []check.Finding // of the judge
	Log           *probe.Log      // nil when nothing was played; for evidence
	Elapsed       time.Duration   // in the world's time
	Err           error           // a fault that is not the target's answer; nil otherwise
}

// ID names the result as checks are named: replay.linux-arp-ping4[target=responder].
func (r *Result) ID() string { return r.Scenario.ID(r.Role) }

// ID names the result of the scenario in a role.
func (s *Scenario) ID(role string) string {
	return fmt.Sprintf("replay.%s[target=%s]", idWord(s.Name), idWord(role))
}

// idWord keeps what ids may hold.
func idWord(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '.':
			return c
		case c >= 'A' && c <= 'Z':
			return c + 'a' - 'A'
		}
		return '-'
	}, s)
}

// Passed tells whether the target did all that the capture shows, and nothing else.
func (r *Result) Passed() bool {
	return r.Log != nil && r.Err == nil && r.Log.Inconclusive == "" && len(r.Failures) == 0
}

// Requirements are those for which something was compared, in the order of the scenario's list, then of the run.
func (r *Result) Requirements() (reqs []string) {
	if r.Log == nil {
		return nil
	}
	seen := map[string]bool{}
	for _, id := range append(append([]string(nil), r.Scenario.Shows...), r.order()...) {
		if r.Log.Asserted[id] > 0 && !seen[id] {
			seen[id] = true
			reqs = append(reqs, id)
		}
	}
	return reqs
}

// order are the requirements that the role can show.
func (r *Result) order() []string { return r.Scenario.Requirements(r.Role) }

// Requirements are those that a role can show, in the order of its packets; none of a role that cannot be planned.
func (s *Scenario) Requirements(role string) []string {
	p, err := s.plan(role)
	if err != nil {
		return nil
	}
	var once []string
	for _, req := range p.requirements() {
		if !slices.Contains(once, req) {
			once = append(once, req)
		}
	}
	return once
}

// check is what was played, as a check that claims nothing.
func (r *Result) check(needs []target.Feature) *check.Check {
	return &check.Check{
		ID: r.ID(), Title: r.Scenario.Title, Suite: &check.Suite{Name: "replay", Title: "Replayed captures"},
		File: r.Scenario.Capture, Cases: []check.Case{{}}, Needs: needs,
	}
}

// Check is the result as that of a check with one case, for reports.
func (r *Result) Check() check.Result {
	var needs []target.Feature
	if p, err := r.Scenario.plan(r.Role); err == nil {
		needs = p.needs()
	}
	c := r.check(needs)
	claims := r.Requirements()
	if r.NotApplicable != "" {
		claims = r.order()
	}
	for _, req := range claims {
		c.Claims = append(c.Claims, check.Claim{Requirement: req})
	}
	res := check.Result{Check: c, NotApplicable: r.NotApplicable}
	if r.NotApplicable == "" {
		res.Cases = []check.CaseResult{{Log: r.Log, Findings: r.Findings, Err: r.Err}}
	}
	return res
}
