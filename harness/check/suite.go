// Package check registers the checks of the suites: a thin layer over Ginkgo.
//
// A suite is a package with one Suite and, in each file, an init that adds checks to it:
//
//	suite.It("arp.rx.other-target", "stays silent when the request is for another address",
//		check.Proves("RFC826:RX-8", mutate.Gullible()),
//		func(p *probe.P) {
//			lan := p.Ethernet()
//			lan.Silent(arp.Request(lan.UnusedIP()), arp.Request(lan.TargetIP()), arp.Reply())
//		})
//
// The id is written by hand, short, unique and never reused. Each requirement that a check proves comes with the
// mutation of a target that violates it; the self-test shows that the check fails on that, for that requirement.
package check

import (
	"fmt"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A Suite is the checks of one specification or layer.
type Suite struct {
	Name, Title string
	Links       []target.LinkType // that it is about; empty for any
	checks      []*Check
	needs       []target.Feature // of every check
	strangers   bool             // every check is about testers of which the target has not heard
}

// suites are all that the program holds, in the order of their packages' initialisation.
var suites []*Suite

// NewSuite makes a suite and gives it to Ginkgo.
func NewSuite(name, title string) *Suite {
	s := &Suite{Name: name, Title: title}
	suites = append(suites, s)
	register(s)
	return s
}

// Needing declares features that every check of the suite needs. It comes before the checks.
func (s *Suite) Needing(f ...target.Feature) *Suite {
	s.needs = append(s.needs, f...)
	return s
}

// Suites are all suites of the program.
func Suites() []*Suite { return suites }

// Checks are the suite's checks in the order of their registration.
func (s *Suite) Checks() []*Check { return s.checks }

// A Check is one question to a target.
type Check struct {
	ID, Title string
	Suite     *Suite
	Claims    []Claim
	Needs     []target.Feature
	Slow      bool             // takes more than 5 s on a live target
	Crowds    bool             // fills what worlds of a live target may share; nothing runs beside it
	Strangers bool             // asks whom the target knows: it must not have heard of the testers before
	Config    []string         // lines of Kconfig for all cases
	BitRate   int64            // of the first link; 0 for the target's own
	Security  *target.Security // of frames of IEEE 802.15.4, for all cases; nil for the target's own
	File      string
	Cases     []Case // one, without a name, unless the check is a grid
}

// A Claim is a requirement that a check proves and the mutation that violates it.
type Claim struct {
	Requirement string
	Mutation    mutate.Mutation
}

// A Case is one body to run, with its coordinates in the grid.
type Case struct {
	Name     string
	Config   []string         // lines of Kconfig behind those of the check
	Security *target.Security // in the place of the check's; nil for that
	Proves   []string         // of the check's requirements those that the case is about; nil for all
	Body     func(*probe.P)
}

// Requirements are the ids of all claims.
func (c *Check) Requirements() []string {
	ids := make([]string, len(c.Claims))
	for i, cl := range c.Claims {
		ids[i] = cl.Requirement
	}
	return ids
}

// A Claims is built by Proves and refined by its methods.
type Claims struct {
	claims []Claim
	needs  []target.Feature
	slow   bool
	crowds bool
	anew   bool
	config []string
	rate   int64
	secure *target.Security
}

// Proves claims a requirement, with the mutation that violates it.
func Proves(requirement string, violated mutate.Mutation) Claims {
	return Claims{}.And(requirement, violated)
}

// And claims another requirement.
func (c Claims) And(requirement string, violated mutate.Mutation) Claims {
	c.claims = append(c.claims[:len(c.claims):len(c.claims)], Claim{requirement, violated})
	return c
}

// Requirements are the ids of what is claimed, in their order.
func (c Claims) Requirements() []string { return (&Check{Claims: c.claims}).Requirements() }

// Needs declares features without which the check is not applicable.
func (c Claims) Needs(f ...target.Feature) Claims {
	c.needs = slices.Clip(c.needs)
	for _, need := range f {
		if !slices.Contains(c.needs, need) {
			c.needs = append(c.needs, need)
		}
	}
	return c
}

// Configured wants the target configured by lines of Kconfig: CONFIG_NET_TC_RX_COUNT=4. It needs target.Kconfig.
func (c Claims) Configured(lines ...string) Claims {
	c.config = append(c.config[:len(c.config):len(c.config)], lines...)
	return c.Needs(target.Kconfig)
}

// BitRate wants a first link of so many bits a second. It needs target.LinkRate.
func (c Claims) BitRate(bits int64) Claims {
	c.rate = bits
	return c.Needs(target.LinkRate)
}

// Secured wants frames of IEEE 802.15.4 secured in a certain way, with keys of the target's choice. It needs target.Secured
// and target.Securing.
func (c Claims) Secured(s target.Security) Claims {
	c.secure = &s
	return c.Needs(target.Secured, target.Securing)
}

// Slow declares that the check takes more than 5 s on a live target.
func (c Claims) Slow() Claims { c.slow = true; return c }

// Crowds declares that the check fills what worlds of a live target may share: it runs when no other does. The namespaces of
// Linux share the table of neighbours, and on each processor the socket that echo replies and ICMP errors are sent from,
// whose buffer of some 260 kilo-octets is full when that many wait for an address: then those of all others are dropped.
func (c Claims) Crowds() Claims { c.crowds = true; return c }

// Strangers declares that the check asks whom the target knows: it is not about testers of which the target has heard
// before. A target of which there is one, and which remembers them, gives such a check others, as long as it has any.
func (c Claims) Strangers() Claims { c.anew = true; return c }

// It adds a check.
func (s *Suite) It(id, title string, claims Claims, body func(*probe.P)) {
	s.add(id, title, claims, []Case{{Body: body}})
}

// Grid adds a check with a case for each value of an axis: all run, each in a world of its own, and those that fail are
// named by their coordinates, which fmt.Sprint gives. A value that is Configured says how its world is to be.
func Grid[T any](s *Suite, id, title string, claims Claims, axis []T, body func(*probe.P, T)) {
	cases, claims := casesOf(claims, axis, body)
	s.add(id, title, claims, cases)
}

func casesOf[T any](claims Claims, axis []T, body func(*probe.P, T)) (cases []Case, _ Claims) {
	for _, v := range axis {
		c := Case{Name: fmt.Sprint(v), Body: func(p *probe.P) { body(p, v) }}
		if v, ok := any(v).(Configured); ok {
			c.Config = v.Config()
			claims = claims.Configured()
		}
		if v, ok := any(v).(Securing); ok {
			s := v.Security()
			if c.Security = &s; claims.secure == nil {
				claims = claims.Secured(s)
			}
		}
		if v, ok := any(v).(Proving); ok {
			c.Proves = v.Proves()
		}
		cases = append(cases, c)
	}
	return cases, claims
}

// Configured is a value of an axis that wants the target configured by lines of Kconfig.
type Configured interface{ Config() []string }

// Securing is a value of an axis that wants frames of IEEE 802.15.4 secured in a certain way.
type Securing interface{ Security() target.Security }

// Proving is a value of an axis that is about some of the check's requirements only: its case has to assert these and no
// others, and only it and its like are run on the mutants that violate them.
type Proving interface{ Proves() []string }

// requirements are those that a case of the check has to assert.
func (c *Check) requirements(k Case) []string {
	if k.Proves != nil {
		return k.Proves
	}
	return c.Requirements()
}

// About is the check with those of its cases that are about a requirement.
func (c *Check) About(requirement string) *Check {
	some := *c
	some.Cases = slices.DeleteFunc(slices.Clone(c.Cases), func(k Case) bool { return !slices.Contains(c.requirements(k), requirement) })
	return &some
}

func (s *Suite) add(id, title string, claims Claims, cases []Case) {
	_, file, _, _ := runtime.Caller(2)
	for n := 3; path.Base(file) == "suite.go"; n++ { // a suite's own way to add checks is not where a check stands
		_, above, _, ok := runtime.Caller(n)
		if !ok || !strings.Contains(above, "conformance/") {
			break
		}
		file = above
	}
	if i := strings.Index(file, "conformance/"); i >= 0 {
		file = file[i:]
	}
	s.checks = append(s.checks, &Check{
		ID: id, Title: title, Suite: s, Claims: claims.claims, Needs: slices.Concat(s.needs, claims.needs), Slow: claims.slow, Crowds: claims.crowds, File: file, Cases: cases,
		Strangers: claims.anew || s.strangers, Config: claims.config, BitRate: claims.rate, Security: claims.secure,
	})
}

// idForm keeps ids usable as Ginkgo labels, file names and JUnit names.
var idForm = regexp.MustCompile(`^[a-z0-9]+(\.[a-z0-9-]+)+(\[[a-z0-9.,=-]+\])?$`)

// Validate tells everything that is wrong with the registered checks: ids that are taken or malformed, requirements that
// known does not have, claims without a mutation, grids with the same coordinates twice.
func Validate(known func(requirement string) bool) (faults []string) {
	taken := map[string]*Check{}
	fault := func(c *Check, format string, args ...any) {
		faults = append(faults, fmt.Sprintf("%s: check %s: ", c.File, c.ID)+fmt.Sprintf(format, args...))
	}
	for _, s := range suites {
		for _, c := range s.checks {
			if first := taken[c.ID]; first != nil {
				fault(c, "the id is taken by a check in %s", first.File)
			}
			taken[c.ID] = c
			if !idForm.MatchString(c.ID) {
				fault(c, "the id does not have the form a.b-c.d or a.b[x=y]")
			}
			if len(c.Claims) == 0 {
				fault(c, "it proves no requirement")
			}
			claimed := map[string]bool{}
			for _, cl := range c.Claims {
				if !known(cl.Requirement) {
					fault(c, "the catalogue has no requirement %s", cl.Requirement)
				}
				if claimed[cl.Requirement] {
					fault(c, "it claims %s twice", cl.Requirement)
				}
				claimed[cl.Requirement] = true
				if cl.Mutation.Name == "" {
					fault(c, "%s has no mutation that violates it", cl.Requirement)
				}
				if len(c.Cases) > 0 && len(c.About(cl.Requirement).Cases) == 0 {
					fault(c, "no case is about %s", cl.Requirement)
				}
			}
			names := map[string]bool{}
			for _, k := range c.Cases {
				if names[k.Name] {
					fault(c, "two cases have the coordinates %q", k.Name)
				}
				names[k.Name] = true
				for _, r := range k.Proves {
					if !claimed[r] {
						fault(c, "the case %q is about %s, which the check does not claim", k.Name, r)
					}
				}
			}
			if len(c.Cases) == 0 {
				fault(c, "its grid has no cases")
			}
		}
	}
	return faults
}
