package page

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/conform-stack/conform/harness/internal/csp"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/requirement"
)

// CompareFile is the name of the page that shows several reports side by side.
const CompareFile = "compare.html"

//go:embed compare.html
var compareMarkup string

//go:embed compare.css
var compareStyle string

//go:embed compare.js
var compareScript string

var compareDocument = template.Must(template.New(CompareFile).Parse(compareMarkup)) // never written

// sideBySide is what the page shows. By has one entry a report.
type sideBySide struct {
	Names, Versions, Conclusions []string
	Counts                       []counted
	Specs                        []specified
	Total                        []share
	Policy                       string
	Style                        template.CSS
	Script, Data                 template.JS
}

type counted struct {
	Outcome report.Outcome
	By      []int
}

type specified struct {
	Name string
	By   []share
}

// A share is how many requirements are broken, of those that were put to the test.
type share struct{ Broken, Tested int }

func (s *share) add(o report.Outcome) {
	switch o {
	case report.Fail, report.ExpectedFail:
		s.Broken++
		s.Tested++
	case report.Pass, report.UnexpectedPass:
		s.Tested++
	}
}

// A compared row is a requirement or a check; what a report does not have is empty.
type compared struct {
	ID    string           `json:"id"`
	Group string           `json:"group"` // its specification, or suite
	Level string           `json:"level"`
	Text  string           `json:"text"`
	By    []report.Outcome `json:"by"`
}

// lines are rows by id.
type lines struct {
	n   int // reports
	all map[string]*compared
}

func (l *lines) at(id string) *compared {
	c := l.all[id]
	if c == nil {
		c = &compared{ID: id, By: make([]report.Outcome, l.n)}
		l.all[id] = c
	}
	return c
}

func (l *lines) sorted() []*compared {
	list := make([]*compared, 0, len(l.all))
	for _, c := range l.all {
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b *compared) int { return requirement.Compare(a.ID, b.ID) })
	return list
}

// Compare writes a page with several reports side by side: outcomes, deviations by specification, and requirements and
// checks row by row, those first that one target keeps and another breaks. It needs no network.
func Compare(w io.Writer, rs []*report.Report) error {
	if len(rs) < 2 {
		return fmt.Errorf("comparing takes at least two reports")
	}
	s := sideBySide{
		Names: report.ColumnNames(rs), Total: make([]share, len(rs)),
		Policy: csp.Policy(compareStyle, compareScript, "img-src data:"), Style: template.CSS(compareStyle), Script: template.JS(compareScript),
	}
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
	requirements, checks := &lines{len(rs), map[string]*compared{}}, &lines{len(rs), map[string]*compared{}}
	bySpec := map[string]*specified{}
	for i, r := range rs {
		ofSpec := specs(r)
		for _, q := range r.Requirements {
			line := requirements.at(q.ID)
			line.Group, line.Level, line.Text, line.By[i] = ofSpec[q.ID], string(q.Level), cmp.Or(q.Text, line.Text), q.Outcome
			sp := bySpec[line.Group]
			if sp == nil {
				sp = &specified{Name: line.Group, By: make([]share, len(rs))}
				bySpec[line.Group] = sp
			}
			sp.By[i].add(q.Outcome)
			s.Total[i].add(q.Outcome)
		}
		for _, c := range r.Checks {
			line := checks.at(c.ID)
			line.Group, line.Text, line.By[i] = c.Suite, cmp.Or(c.Title, line.Text), c.Outcome
		}
	}
	for _, sp := range bySpec {
		s.Specs = append(s.Specs, *sp)
	}
	slices.SortFunc(s.Specs, func(a, b specified) int { return requirement.Compare(a.Name, b.Name) })
	data, err := json.Marshal(struct { // escapes <, > and &: it cannot end the element that it stands in
		Requirements []*compared `json:"requirements"`
		Checks       []*compared `json:"checks"`
	}{requirements.sorted(), checks.sorted()})
	if err != nil {
		return err
	}
	s.Data = template.JS(data)
	return compareDocument.Execute(w, s)
}
