package page

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/report"
)

func TestCompareShowsWhereReportsDiffer(t *testing.T) {
	g := NewWithT(t)
	one := &report.Report{Target: report.Target{Name: "one", Version: "<b>1</b>"}, Requirements: []report.Requirement{
		{ID: "RFC1:1", Outcome: report.Pass}, {ID: "RFC1:2", Outcome: report.Fail, Text: "<script>alert(1)</script>"}, {ID: "RFC2:1", Outcome: report.NotApplicable},
	}}
	two := &report.Report{Target: report.Target{Name: "two"}, Requirements: []report.Requirement{
		{ID: "RFC1:1", Outcome: report.Pass}, {ID: "RFC1:2", Outcome: report.Pass},
	}}
	var b strings.Builder
	g.Expect(Compare(&b, []*report.Report{one, two})).To(Succeed())
	page := b.String()
	g.Expect(page).NotTo(ContainSubstring("<script>alert"))
	g.Expect(page).To(ContainSubstring(`"text":"\u003cscript\u003ealert`))
	g.Expect(page).To(ContainSubstring("&lt;b&gt;1&lt;/b&gt;"))
	g.Expect(page).To(ContainSubstring(`{"id":"RFC2:1","group":"RFC2","level":"","text":"","by":["not-applicable",""]}`), "one report lacks it")
	g.Expect(page).To(MatchRegexp(`RFC1</button></th><td class="number"><b class="fail">1</b> <span class="dim">of 2</span></td><td class="number">0 <span class="dim">of 2</span></td>`))
	g.Expect(Compare(&b, []*report.Report{one})).To(MatchError(ContainSubstring("two reports")))
}
