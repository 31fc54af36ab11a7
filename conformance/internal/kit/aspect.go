package kit

import "github.com/conform-stack/conform/harness/check"

// Aspect is a value of an axis with a name, and with the requirements of its check that its case is about. The cases of a
// grid embed it.
type Aspect struct {
	Name         string
	Requirements []string
}

// About is the aspect of a name and of requirements.
func About(name string, requirements ...string) Aspect { return Aspect{name, requirements} }

func (a Aspect) String() string { return a.Name }

// Proves makes an Aspect check.Proving.
func (a Aspect) Proves() []string { return a.Requirements }

var _ check.Proving = Aspect{}
