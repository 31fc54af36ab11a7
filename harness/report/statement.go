package report

import (
	"fmt"
	"io"
	"slices"
	"time"

	"gopkg.in/yaml.v3"
)

// StatementSchema names the format of a conformance statement. Fields may be added to it, none is taken away.
const StatementSchema = "conform.statement/v1"

// A Statement is what a vendor publishes of a run: which implementation was checked, what passed, and what it does not
// have. Nothing in it can be set that the report does not hold, apart from who publishes it.
type Statement struct {
	Schema         string         `yaml:"schema"`
	Implementation Implementation `yaml:"implementation"`
	Date           string         `yaml:"date"` // of the run, RFC 3339; empty when the report does not say
	Level          string         `yaml:"level"`
	Result         Result         `yaml:"result"`
	Features       struct {
		Supported   []string `yaml:"supported"`
		Unsupported []string `yaml:"unsupported"`
	} `yaml:"features"`
	Profiles []Profile `yaml:"profiles"`
}

// Implementation is the stack, and who answers for it.
type Implementation struct {
	Organization string `yaml:"organization,omitempty"`
	Project      string `yaml:"project"`
	Version      string `yaml:"version"`
	URL          string `yaml:"url,omitempty"`
	Contact      string `yaml:"contact,omitempty"`
}

// A Result is the outcome of a set of checks.
type Result string

const (
	Conforms Result = "conforms" // all that apply passed
	Partial  Result = "partial"  // all is as expected, and some of that are deviations with a reason
	Fails    Result = "fails"    // something is not as expected
	Absent   Result = "absent"   // nothing applies
)

// A Profile is one suite. Core are the checks that every target can be asked, by frames and sockets alone; extended are
// those that take a feature that a target may do without.
type Profile struct {
	Name     string `yaml:"name"`
	Core     Part   `yaml:"core"`
	Extended *Part  `yaml:"extended,omitempty"`
}

// A Part is a set of checks, counted.
type Part struct {
	Result      Result      `yaml:"result"`
	Passed      int         `yaml:"passed"`
	Failed      int         `yaml:"failed"`
	Left        int         `yaml:"not_applicable"`
	Deviations  []Deviation `yaml:"deviations,omitempty"` // that are expected, with the reason
	FailedNames []string    `yaml:"failed_checks,omitempty"`
}

// A Deviation is a check that fails for a reason that is known.
type Deviation struct {
	Check        string   `yaml:"check"`
	Requirements []string `yaml:"requirements"`
	Reason       string   `yaml:"reason"`
}

// basic are the features that no check counts as extended for.
var basic = []string{"agent", "udp-echo"} // never written

// State makes the statement of a complete report.
func State(r *Report, by Implementation) (*Statement, error) {
	switch {
	case r.Interrupted:
		return nil, fmt.Errorf("the run was interrupted: a statement is about a whole one")
	case r.Shard != "":
		return nil, fmt.Errorf("the report is the part %s of a run: merge the parts first", r.Shard)
	}
	if by.Project == "" {
		by.Project = r.Target.Name
	}
	if by.Version == "" {
		by.Version = r.Target.Version
	}
	s := &Statement{Schema: StatementSchema, Implementation: by, Level: fmt.Sprint(r.Level), Result: Absent}
	if r.Run != nil && !r.Run.Started.IsZero() {
		s.Date = r.Run.Started.UTC().Format(time.RFC3339)
	}
	s.Features.Supported = slices.Clone(r.Target.Features)
	levels := r.levels()
	profiles := map[string]*Profile{}
	for i := range r.Checks {
		c := &r.Checks[i]
		p := profiles[c.Suite]
		if p == nil {
			p = &Profile{Name: c.Suite}
			profiles[c.Suite] = p
		}
		part := &p.Core
		for _, f := range c.Needs {
			if !slices.Contains(basic, f) {
				if p.Extended == nil {
					p.Extended = new(Part)
				}
				part = p.Extended
			}
			if !slices.Contains(r.Target.Features, f) && !slices.Contains(s.Features.Unsupported, f) {
				s.Features.Unsupported = append(s.Features.Unsupported, f)
			}
		}
		part.add(c, r.tolerated(c, levels))
	}
	slices.Sort(s.Features.Unsupported)
	for _, name := range sortedKeys(profiles) {
		p := profiles[name]
		p.Core.settle()
		s.Result = worse(s.Result, p.Core.Result)
		if p.Extended != nil {
			p.Extended.settle()
			s.Result = worse(s.Result, p.Extended.Result)
		}
		s.Profiles = append(s.Profiles, *p)
	}
	return s, nil
}

func (p *Part) add(c *Check, tolerated bool) {
	switch {
	case c.Outcome == NotApplicable:
		p.Left++
	case c.Outcome == Pass:
		p.Passed++
	case c.Outcome == ExpectedFail || tolerated:
		p.Failed++
		reason := c.Reason
		if reason == "" {
			reason = "below the level of the run"
		}
		p.Deviations = append(p.Deviations, Deviation{c.ID, c.Requirements, Clean(reason)})
	default:
		p.Failed++
		p.FailedNames = append(p.FailedNames, c.ID)
	}
}

func (p *Part) settle() {
	switch {
	case len(p.FailedNames) > 0:
		p.Result = Fails
	case len(p.Deviations) > 0:
		p.Result = Partial
	case p.Passed > 0:
		p.Result = Conforms
	default:
		p.Result = Absent
	}
}

// worse is the result of two parts together.
func worse(a, b Result) Result {
	order := []Result{Absent, Conforms, Partial, Fails}
	return order[max(slices.Index(order, a), slices.Index(order, b))]
}

// WriteYAML writes the statement.
func (s *Statement) WriteYAML(w io.Writer) error {
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(s); err != nil {
		return err
	}
	return e.Close()
}
