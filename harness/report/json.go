package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// File names of a report's folder.
const (
	JSONFile  = "report.json"
	JUnitFile = "junit.xml"
)

// WriteJSON writes a complete report. Equal reports give equal bytes.
func WriteJSON(w io.Writer, r *Report) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// Save writes report.json and junit.xml of a complete report into a folder, which it makes. Each file appears whole or
// not at all.
func Save(folder string, r *Report) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	for _, file := range []struct {
		name  string
		write func(io.Writer, *Report) error
	}{{JSONFile, WriteJSON}, {JUnitFile, WriteJUnit}} {
		var b bytes.Buffer
		if err := file.write(&b, r); err != nil {
			return fmt.Errorf("%s: %w", file.name, err)
		}
		name := filepath.Join(folder, file.name)
		if err := os.WriteFile(name+".part", b.Bytes(), 0o666); err != nil {
			return err
		}
		if err := os.Rename(name+".part", name); err != nil {
			return err
		}
	}
	return nil
}

// Read reads report.json of a folder. Fields that are not known are left out; a report of another schema, or one that
// contradicts itself, is refused.
func Read(folder string) (*Report, error) {
	name := filepath.Join(folder, JSONFile)
	b, err := os.ReadFile(name)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("%s holds no report: there is no %s", folder, JSONFile)
	case err != nil:
		return nil, err
	}
	r, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return r, nil
}

func parse(b []byte) (*Report, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return nil, located(b, err)
	}
	var schema string
	if err := json.Unmarshal(fields["schema"], &schema); err != nil || schema != Schema {
		return nil, fmt.Errorf("the schema is %q, and this program reads %q", schema, Schema)
	}
	for _, key := range []string{"target", "level", "selected", "summary", "checks", "requirements"} {
		if _, ok := fields[key]; !ok {
			return nil, fmt.Errorf("the report has no %s", key)
		}
	}
	r := new(Report)
	if err := json.Unmarshal(b, r); err != nil {
		return nil, located(b, err)
	}
	return r, r.validate()
}

// located adds the line to an error of JSON's grammar or types.
func located(b []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("line %d: %w", 1+bytes.Count(b[:min(int(syntax.Offset), len(b))], []byte("\n")), err)
	case errors.As(err, &kind):
		return fmt.Errorf("line %d: %s holds a %s", 1+bytes.Count(b[:min(int(kind.Offset), len(b))], []byte("\n")), kind.Field, kind.Value)
	}
	return err
}

// validate refuses a report that Complete would not have made.
func (r *Report) validate() error {
	ids := make(map[string]bool)
	for _, c := range r.Checks {
		switch {
		case c.ID == "":
			return errors.New("a check has no id")
		case ids[c.ID]:
			return fmt.Errorf("check %s is in the report twice", c.ID)
		case c.Outcome == "":
			return fmt.Errorf("check %s has no outcome", c.ID)
		case c.Evidence != "" && !filepath.IsLocal(filepath.FromSlash(c.Evidence)):
			return fmt.Errorf("check %s has its evidence outside the report's folder: %q", c.ID, c.Evidence)
		}
		ids[c.ID] = true
	}
	if !maps.Equal(r.Summary, count(r.Checks)) {
		return errors.New("the summary does not agree with the checks")
	}
	known := make(map[string]bool)
	for _, q := range r.Requirements {
		switch {
		case q.Level.Class() == 0:
			return fmt.Errorf("requirement %s has level %q, which does not exist", q.ID, q.Level)
		case q.Outcome == "":
			return fmt.Errorf("requirement %s has no outcome", q.ID)
		}
		known[q.ID] = true
	}
	for _, c := range r.Checks {
		for _, id := range c.Requirements {
			if !known[id] {
				return fmt.Errorf("check %s names requirement %q, which the report does not list", c.ID, id)
			}
		}
	}
	for _, f := range r.Findings {
		if !known[f.Requirement] {
			return fmt.Errorf("the judge names requirement %q, which the report does not list", f.Requirement)
		}
	}
	return r.whole()
}

// Strip gives a copy without what differs between two executions of the same run: Run, the wall time of each check, and,
// where the target's clock is real, the time on it as well.
func Strip(r *Report) *Report {
	s := *r
	s.Run = nil
	s.Checks = append([]Check{}, r.Checks...)
	for i := range s.Checks {
		s.Checks[i].WallMS = 0
		if earlier := s.Checks[i].Earlier; earlier != nil {
			s.Checks[i].Earlier = slices.Clone(earlier)
			for j := range earlier {
				s.Checks[i].Earlier[j].WallMS = 0
			}
		}
		if !s.Target.Virtual {
			s.Checks[i].VirtualMS = 0
		}
	}
	return &s
}

// Outcomes by requirement, for the coverage table.
func (r *Report) Outcomes() map[string]string {
	m := make(map[string]string, len(r.Requirements))
	for _, q := range r.Requirements {
		m[q.ID] = string(q.Outcome)
	}
	return m
}

// wall gives how long the run took, and when it started; zero when the report does not say.
func (r *Report) wall() (time.Time, time.Duration) {
	if r.Run == nil {
		return time.Time{}, 0
	}
	return r.Run.Started, time.Duration(r.Run.WallMS) * time.Millisecond
}
