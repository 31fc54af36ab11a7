package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/requirement"
)

// CompareFile is the name of the page that shows several reports side by side.
const CompareFile = "compare.html"

//go:embed compare.html
var compareMarkup string

var compareDocument = template.Must(template.New(CompareFile).Parse(compareMarkup)) // never written

// sideBySide is what the page shows. By has one entry a report.
type sideBySide struct {
	Names, Versions, Conclusions []string
	Counts                       []counted
	Specs                        []specified
	Rows                         []differing
	All                          int // requirements
}

type counted struct {
	Outcome report.Outcome
	By      []int
}

type specified struct {
	Name string
	By   []struct{ Broken, Tested int }
}

type differing struct {
	ID, Level, Text string
	By              []report.Outcome
}

// Compare writes a page with several reports side by side: outcomes, deviations by specification, and the requirements
// that have not the same outcome in all. It needs no script and no network.
func Compare(w io.Writer, rs []*report.Report) error {
	if len(rs) < 2 {
		return fmt.Errorf("comparing takes at least two reports")
	}
	s := sideBySide{Names: report.ColumnNames(rs)}
	for _, r := range rs {
		s.Versions = append(s.Versions, r.Target.Version)
		s.Conclusions = append(s.Conclusions, r.Conclusion())
	}
	for _, o := range report.Outcomes() {
		c := counted{Outcome: o}
		for _, r := range rs {
			c.By = append(c.By, r.Summary[o])
		}
		s.Counts = append(s.Counts, c)
	}
	rows, bySpec := map[string]*differing{}, map[string]*specified{}
	for i, r := range rs {
		ofSpec := specs(r)
		for _, q := range r.Requirements {
			d := rows[q.ID]
			if d == nil {
				d = &differing{ID: q.ID, Level: fmt.Sprint(q.Level), Text: q.Text, By: make([]report.Outcome, len(rs))}
				rows[q.ID] = d
			}
			d.By[i] = q.Outcome
			name := ofSpec[q.ID]
			sp := bySpec[name]
			if sp == nil {
				sp = &specified{Name: name, By: make([]struct{ Broken, Tested int }, len(rs))}
				bySpec[name] = sp
			}
			switch q.Outcome {
			case report.Fail, report.ExpectedFail:
				sp.By[i].Broken++
				sp.By[i].Tested++
			case report.Pass, report.UnexpectedPass:
				sp.By[i].Tested++
			}
		}
	}
	s.All = len(rows)
	for _, d := range rows {
		if slices.ContainsFunc(d.By, func(o report.Outcome) bool { return o != d.By[0] }) {
			s.Rows = append(s.Rows, *d)
		}
	}
	slices.SortFunc(s.Rows, func(a, b differing) int { return requirement.Compare(a.ID, b.ID) })
	for _, sp := range bySpec {
		s.Specs = append(s.Specs, *sp)
	}
	slices.SortFunc(s.Specs, func(a, b specified) int { return requirement.Compare(a.Name, b.Name) })
	return compareDocument.Execute(w, s)
}
