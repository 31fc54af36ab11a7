package selftest_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/selftest"
)

// The page holds each pair and each check that is weak, and nothing in it is markup.
func TestPage(t *testing.T) {
	g := NewWithT(t)
	c := func(id string) *check.Check { return &check.Check{ID: id, Suite: &check.Suite{Name: "suite"}} }
	r := selftest.Result{
		Trials: []selftest.Trial{
			{Check: c("a.good"), Requirement: "RFC1:1", Mutant: "says </script><b>no", OK: true},
			{Check: c("a.good"), Mutant: "pads", OK: true},
			{Check: c("a.good"), Mutant: "waits", OK: true},
			{Check: c("a.good"), Requirement: "RFC1:2", Mutant: "another's", OK: true, Foreign: true, Killed: true},
			{Check: c("b.weak"), Requirement: "RFC1:3", Mutant: "is silent", Why: "the check passed"},
			{Check: c("b.weak"), Mutant: "pads", Why: "asks for no padding"},
		},
		Unproven: map[string]string{"c.broken": "it fails"}, NotApplicable: map[string]string{"d.far": "no agent"},
	}
	var b strings.Builder
	g.Expect(r.WritePage(&b, "a <target>")).To(Succeed())
	page := b.String()
	g.Expect(page).NotTo(ContainSubstring("</script><b>"))
	g.Expect(page).NotTo(ContainSubstring("<target>"))
	g.Expect(page).To(ContainSubstring("There are checks that cannot fail"))
	g.Expect(page).To(ContainSubstring("violations  1 of 2 pairs of check and requirement killed"))
	for _, row := range []string{
		`{"c":"b.weak","s":"suite","r":"RFC1:3","m":"is silent","v":"survived","w":"the check passed"}`,
		`{"c":"b.weak","s":"suite","m":"pads","v":"over-strict","w":"asks for no padding"}`,
		`{"c":"c.broken","s":"","m":"","v":"unproven","w":"it fails"}`,
		`"v":"killed","a":"1 mutant of 1 other"}`,
		`{"c":"a.good","s":"suite","m":"2 benign mutants","v":"passed"}`,
		`{"c":"d.far","s":"","m":"","v":"not applicable","w":"no agent"}`,
	} {
		g.Expect(page).To(ContainSubstring(row))
	}
	g.Expect(strings.Index(page, `"survived"`)).To(BeNumerically("<", strings.Index(page, `"killed"`)), "what is weak comes first")
}
