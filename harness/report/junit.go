package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/requirement"
)

// judgeSuite holds, in junit.xml, a case for each requirement that the judge found broken.
const judgeSuite = "judge"

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name       string          `xml:"name,attr"`
	Tests      int             `xml:"tests,attr"`
	Failures   int             `xml:"failures,attr"`
	Errors     int             `xml:"errors,attr"`
	Skipped    int             `xml:"skipped,attr"`
	Time       string          `xml:"time,attr"`
	Timestamp  string          `xml:"timestamp,attr,omitempty"`
	Properties []junitProperty `xml:"properties>property"`
	Cases      []junitCase     `xml:"testcase"`
	wallMS     int64
}

type junitProperty struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type junitCase struct {
	Name    string       `xml:"name,attr"`
	Class   string       `xml:"classname,attr"`
	Time    string       `xml:"time,attr"`
	Failure *junitResult `xml:"failure"`
	Error   *junitResult `xml:"error"`
	Skipped *junitResult `xml:"skipped"`
	Output  *junitText   `xml:"system-out"`
}

type junitResult struct {
	Message string `xml:"message,attr"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",cdata"`
}

type junitText struct {
	Text string `xml:",cdata"`
}

// WriteJUnit writes a complete report as JUnit XML: a suite is a testsuite, a check a testcase.
//
//	pass                              passes
//	fail, unexpected-pass             failure
//	fail beyond the report's level    skipped, with that reason
//	error, inconclusive               error
//	expected-fail, not-applicable     skipped, with the reason
//
// What the judge found is a testsuite of its own. What became of a check before it was repeated stands in its output.
func WriteJUnit(w io.Writer, r *Report) error {
	levels := r.levels()
	started, wall := r.wall()
	doc := junitSuites{Name: "conform", Time: seconds(wall.Milliseconds())}
	index := make(map[string]int)
	suite := func(name string) *junitSuite {
		i, ok := index[name]
		if !ok {
			i = len(doc.Suites)
			index[name] = i
			s := junitSuite{Name: Clean(name), Properties: r.properties()}
			if !started.IsZero() {
				s.Timestamp = started.UTC().Format("2006-01-02T15:04:05")
			}
			doc.Suites = append(doc.Suites, s)
		}
		return &doc.Suites[i]
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		suite(c.Suite).add(r.junitCase(c, levels), c.WallMS)
	}
	for _, q := range r.Requirements {
		if q.Findings > 0 {
			suite(judgeSuite).add(r.junitFinding(q), 0)
		}
	}
	slices.SortStableFunc(doc.Suites, func(a, b junitSuite) int { return strings.Compare(a.Name, b.Name) })
	for i := range doc.Suites {
		s := &doc.Suites[i]
		s.Time = seconds(s.wallMS)
		doc.Tests += s.Tests
		doc.Failures += s.Failures
		doc.Errors += s.Errors
		doc.Skipped += s.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r *Report) properties() []junitProperty {
	return []junitProperty{
		{"target", Clean(r.Target.Name)},
		{"target.version", Clean(r.Target.Version)},
		{"seed", strconv.FormatUint(r.Seed, 10)},
		{"level", r.Level.String()},
	}
}

func (s *junitSuite) add(c junitCase, wallMS int64) {
	s.Tests++
	s.wallMS += wallMS
	switch {
	case c.Failure != nil:
		s.Failures++
	case c.Error != nil:
		s.Errors++
	case c.Skipped != nil:
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func (r *Report) junitCase(c *Check, levels map[string]requirement.Level) junitCase {
	j := junitCase{Name: Clean(c.ID), Class: Clean(c.Suite), Time: seconds(c.WallMS)}
	result := &junitResult{Message: oneLine(firstLine(c)), Type: string(c.Outcome), Text: Clean(c.details())}
	switch c.Outcome {
	case Fail, UnexpectedPass:
		if r.tolerated(c, levels) {
			result.Message = fmt.Sprintf("not counted at level %s: %s", r.Level, result.Message)
			j.Skipped = result
			break
		}
		j.Failure = result
	case Error, Inconclusive:
		j.Error = result
	case ExpectedFail, NotApplicable:
		result.Message = fmt.Sprintf("%s: %s", c.Outcome, oneLine(c.Reason))
		j.Skipped = result
	}
	var output []string
	for i, a := range c.Earlier {
		output = append(output, fmt.Sprintf("attempt %d: %s: %s", i+1, a.Outcome, Clean(a.Message)))
	}
	if r.Flaky(c) {
		output = append([]string{"flaky: as expected only when repeated"}, output...)
	}
	if c.Evidence != "" {
		output = append(output, "[[ATTACHMENT|"+Clean(c.Evidence)+"]]")
	}
	if len(output) > 0 {
		j.Output = &junitText{strings.Join(output, "\n")}
	}
	return j
}

// junitFinding is a requirement that the judge found broken.
func (r *Report) junitFinding(q Requirement) junitCase {
	j := junitCase{Name: Clean(q.ID), Class: judgeSuite, Time: seconds(0)}
	result := &junitResult{Message: oneLine(q.Text), Type: string(Fail)}
	var unexpected bool
	for _, f := range r.Findings {
		if f.Requirement == q.ID {
			unexpected = unexpected || f.outcome() == Fail
			result.Text += Clean(f.line()) + "\n"
		}
	}
	switch {
	case !unexpected:
		result.Type = string(ExpectedFail)
		result.Message = "expected-fail: " + result.Message
		j.Skipped = result
	case !r.counts(q.Level):
		result.Message = fmt.Sprintf("not counted at level %s: %s", r.Level, result.Message)
		j.Skipped = result
	default:
		j.Failure = result
	}
	return j
}

// seconds in the form of JUnit.
func seconds(ms int64) string {
	return strconv.FormatFloat((time.Duration(ms) * time.Millisecond).Seconds(), 'f', 3, 64)
}
