package report

import "fmt"

// An Outcome is what became of a check or of a requirement.
type Outcome string

const (
	Pass           Outcome = "pass"
	Fail           Outcome = "fail"
	ExpectedFail   Outcome = "expected-fail"   // listed in an expectations file, with the reason
	UnexpectedPass Outcome = "unexpected-pass" // listed, and yet it passes
	Inconclusive   Outcome = "inconclusive"    // the target could not be judged
	NotApplicable  Outcome = "not-applicable"  // the target lacks what the check needs; never a pass
	Error          Outcome = "error"           // of the harness, or a target without end
)

// Outcomes are all of them, in the order of the summary.
func Outcomes() []Outcome {
	return []Outcome{Pass, Fail, ExpectedFail, UnexpectedPass, Inconclusive, NotApplicable, Error}
}

// UnmarshalText refuses what is no outcome.
func (o *Outcome) UnmarshalText(b []byte) error {
	for _, known := range Outcomes() {
		if string(b) == string(known) {
			*o = known
			return nil
		}
	}
	return fmt.Errorf("outcome %q is unknown", b)
}

// rank orders outcomes for Combine. A requirement that several checks prove has, of their outcomes, the highest:
//
//	fail              one check shows that the rule is broken; nothing outweighs that
//	unexpected-pass   the expectations are wrong about it; that is to be settled first
//	expected-fail     it is broken, and all that show it are expected
//	pass              it was shown, and nothing speaks against it
//	error             nothing was shown; the most alarming reason stands for the others
//	inconclusive
//	not-applicable
func (o Outcome) rank() int {
	switch o {
	case Fail:
		return 7
	case UnexpectedPass:
		return 6
	case ExpectedFail:
		return 5
	case Pass:
		return 4
	case Error:
		return 3
	case Inconclusive:
		return 2
	case NotApplicable:
		return 1
	}
	return 0
}

// Combine gives the outcome of what has all of these outcomes; it is empty for none. Order and repetition do not matter.
func Combine(outcomes ...Outcome) Outcome {
	var highest Outcome
	for _, o := range outcomes {
		if o.rank() > highest.rank() {
			highest = o
		}
	}
	return highest
}
