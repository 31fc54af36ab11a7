// Package page makes report.html: one file that shows a whole report in a browser, without network.
//
// The page carries the report as JSON and draws from it; what comes from a packet, a file name or a target reaches the
// document as text, never as markup, and a content security policy forbids everything but the page's own script. Checks
// that did not pass carry their packets with them, up to a bound; for others the page names the capture.
package page

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/conform-stack/conform/harness/internal/csp"
	"github.com/conform-stack/conform/harness/report"
)

// File is the name of the page in a report's folder.
const File = "report.html"

//go:embed page.html
var markup string

//go:embed page.css
var style string

//go:embed page.js
var script string

// The page carries the packets of at most maxLadders checks, those that are not as expected first, and maxOctets of JSON
// for them. A page of 5,000 checks stays one that a browser opens at once.
const (
	maxLadders = 400
	maxOctets  = 8 << 20
)

var document = template.Must(template.New(File).Parse(markup)) // never written

// data is what the page's script reads.
type data struct {
	Report  *report.Report    `json:"report"`
	Specs   map[string]string `json:"specs"` // requirement: its specification
	Title   string            `json:"title"`
	Verdict string            `json:"verdict"`
	Good    bool              `json:"good"`
	Tiers   []report.Tier     `json:"tiers"`   // what checks ask of a target, and how many could be asked
	Ladders map[string]ladder `json:"ladders"` // by check
	Left    int               `json:"left"`    // checks whose packets were left out for the bound
}

// Write writes the page of a complete report. folder is where the report's evidence lies; "" means that there is none.
func Write(w io.Writer, r *report.Report, folder string) error {
	ladders, left := collect(r, folder)
	d := data{
		Report: r, Specs: specs(r), Title: "conform: " + r.Target.Name, Verdict: r.Conclusion(),
		Good: r.AsExpected() == report.ExitAsExpected, Ladders: ladders, Left: left, Tiers: r.Tiers(),
	}
	encoded, err := json.Marshal(d) // escapes <, > and &: it cannot end the element that it stands in
	if err != nil {
		return err
	}
	return document.Execute(w, struct {
		Title, Policy string
		Style         template.CSS
		Script        template.JS
		Data          template.JS
		Report        *report.Report
		Verdict       string
	}{
		Title: d.Title, Policy: csp.Policy(style, script, "img-src data:"), Style: template.CSS(style), Script: template.JS(script),
		Data: template.JS(encoded), Report: r, Verdict: d.Verdict,
	})
}

// Save writes the page of a report into its folder. It appears whole or not at all.
func Save(folder string, r *report.Report) error {
	var b bytes.Buffer
	if err := Write(&b, r, folder); err != nil {
		return fmt.Errorf("%s: %w", File, err)
	}
	name := filepath.Join(folder, File)
	if err := os.WriteFile(name+".part", b.Bytes(), 0o666); err != nil {
		return err
	}
	return os.Rename(name+".part", name)
}

// specs names the specification of each requirement.
func specs(r *report.Report) map[string]string {
	m := make(map[string]string, len(r.Requirements))
	for _, q := range r.Requirements {
		spec, _, _ := strings.Cut(q.ID, ":")
		m[q.ID] = cmp.Or(spec, q.ID)
	}
	return m
}
