package main

import "regexp"

var mark = regexp.MustCompile(`\b(TODO|FIXME|XXX|HACK)\b`)

// noMarks keeps promises out of the code: what is missing is an issue, what is wrong is mended.
func noMarks(p *pkg, report report) {
	for _, f := range p.files {
		for _, g := range f.Comments {
			for _, c := range g.List {
				if m := mark.FindString(c.Text); m != "" {
					report(c.Pos(), "a %s mark: write an issue or mend it", m)
				}
			}
		}
	}
}
