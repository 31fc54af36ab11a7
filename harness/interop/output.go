package interop

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/conform-stack/conform/harness/report"
)

// The files of a report.
const (
	JSONFile     = "interop.json"
	HTMLFile     = "interop.html"
	MarkdownFile = "interop.md"
)

// Line is a cell on one line.
func (c Cell) Line() string {
	line := fmt.Sprintf("%s: %s -> %s, %s", c.Outcome, c.A, c.B, c.Scenario)
	if c.Message != "" {
		line += ": " + c.Message
	}
	for _, f := range c.Findings {
		if f.Expected == "" {
			line += fmt.Sprintf("; %s (%s) broke %s", c.side(f.Side), f.Side, f.Requirement)
		}
	}
	return report.Clean(strings.ReplaceAll(line, "\n", " "))
}

// side is the target in a role.
func (c Cell) side(role string) string {
	if role == "a" {
		return c.A
	}
	return c.B
}

// pair is a column of the matrix.
type pair struct{ A, B string }

// row is a scenario with its cells, by pair; nil where it was not played.
type row struct {
	Scenario, Title string
	Cells           []*Cell
}

// table arranges the cells.
func (m *Matrix) table() (pairs []pair, rows []*row) {
	at, in := map[pair]int{}, map[string]*row{}
	for i := range m.Cells {
		c := &m.Cells[i]
		p := pair{c.A, c.B}
		if _, there := at[p]; !there {
			at[p] = len(pairs)
			pairs = append(pairs, p)
		}
		if in[c.Scenario] == nil {
			in[c.Scenario] = &row{Scenario: c.Scenario, Title: c.Title}
			rows = append(rows, in[c.Scenario])
		}
	}
	for _, r := range rows {
		r.Cells = make([]*Cell, len(pairs))
	}
	for i := range m.Cells {
		c := &m.Cells[i]
		in[c.Scenario].Cells[at[pair{c.A, c.B}]] = c
	}
	return pairs, rows
}

// conclusion is the matrix in a sentence.
func (m *Matrix) conclusion() string {
	var parts []string
	for _, o := range report.Outcomes() {
		if n := m.Count(o); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, o))
		}
	}
	text := fmt.Sprintf("%d cells: %s", len(m.Cells), strings.Join(parts, ", "))
	if m.Interrupted {
		text += "; interrupted"
	}
	return text
}

// WriteConsole writes the matrix as a table of text.
func (m *Matrix) WriteConsole(w io.Writer) error {
	pairs, rows := m.table()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprint(t, "scenario")
	for _, p := range pairs {
		fmt.Fprintf(t, "\t%s -> %s", report.Clean(p.A), report.Clean(p.B))
	}
	fmt.Fprintln(t)
	for _, r := range rows {
		fmt.Fprint(t, r.Scenario)
		for _, c := range r.Cells {
			fmt.Fprintf(t, "\t%s", mark(c))
		}
		fmt.Fprintln(t)
	}
	fmt.Fprintf(t, "\n%s\n", m.conclusion())
	return t.Flush()
}

// mark is what stands in a cell of a table.
func mark(c *Cell) string {
	switch {
	case c == nil:
		return ""
	case c.Outcome == report.NotApplicable:
		return "-"
	case len(c.Blame) > 0:
		return fmt.Sprintf("%s (%s)", c.Outcome, strings.Join(c.Blame, ", "))
	}
	return string(c.Outcome)
}

// WriteMarkdown writes the matrix as Markdown, for the page of a CI job.
func (m *Matrix) WriteMarkdown(w io.Writer) error {
	pairs, rows := m.table()
	var b strings.Builder
	fmt.Fprintf(&b, "## Interoperability\n\n**%s**.\n\n| scenario |", m.conclusion())
	for _, p := range pairs {
		fmt.Fprintf(&b, " %s → %s |", report.Markdown(p.A), report.Markdown(p.B))
	}
	b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(pairs)) + "\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s |", report.Markdown(r.Scenario))
		for _, c := range r.Cells {
			fmt.Fprintf(&b, " %s |", mark(c))
		}
		b.WriteString("\n")
	}
	for _, c := range m.Cells {
		if c.Outcome != report.Pass && c.Outcome != report.NotApplicable {
			fmt.Fprintf(&b, "\n* %s", report.Markdown(c.Line()))
		}
	}
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}

//go:embed matrix.html
var markup string

var document = template.Must(template.New(HTMLFile).Funcs(template.FuncMap{"mark": mark}).Parse(markup)) // never written

// WriteHTML writes the matrix as one page that needs no network and no script.
func (m *Matrix) WriteHTML(w io.Writer) error {
	pairs, rows := m.table()
	var open []Cell
	for _, c := range m.Cells {
		if c.Message != "" || len(c.Findings) > 0 {
			open = append(open, c)
		}
	}
	return document.Execute(w, map[string]any{"M": m, "Pairs": pairs, "Rows": rows, "Open": open, "Conclusion": m.conclusion(), "Good": m.AsExpected()})
}

// Save writes the report into a folder.
func (m *Matrix) Save(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return fmt.Errorf("the folder of the report: %w", err)
	}
	for _, file := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{JSONFile, func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", " ")
			return e.Encode(m)
		}},
		{HTMLFile, m.WriteHTML},
		{MarkdownFile, m.WriteMarkdown},
	} {
		if err := save(filepath.Join(folder, file.name), file.write); err != nil {
			return err
		}
	}
	return nil
}

func save(name string, write func(io.Writer) error) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	return write(f)
}
