package requirement

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"gopkg.in/yaml.v3"

	"github.com/conform-stack/conform/harness/internal/rows"
	"github.com/conform-stack/conform/requirements"
)

// reasonsFile holds the reasons for testable requirements without a check.
const reasonsFile = "untested.yaml"

// embedded is read at the first use: it takes some 0.1 s.
var embedded = sync.OnceValues(func() (*Catalogue, error) { return LoadFS(requirements.Files) })

// Load gives the catalogue of the project, which all callers share.
func Load() (*Catalogue, error) { return embedded() }

// LoadFS reads a catalogue: the files GROUP/NAME.yaml of a tree, and the reasons in untested.yaml if there is one. It is
// strict: the first unknown key, level, role or need, missing field or repeated id is an error with its file and line.
func LoadFS(tree fs.FS) (*Catalogue, error) {
	files, err := fs.Glob(tree, "*/*.yaml")
	if err != nil {
		return nil, err
	}
	read := make([][]Requirement, len(files))
	faults := make([]error, len(files))
	var readers sync.WaitGroup
	for i, file := range files {
		readers.Go(func() { read[i], faults[i] = readCatalogue(tree, file) })
	}
	readers.Wait()
	c := &Catalogue{untested: make(map[string]string)}
	seen := make(map[string]Requirement)
	for i := range files {
		if faults[i] != nil {
			return nil, faults[i]
		}
		for _, r := range read[i] {
			if first, twice := seen[r.ID]; twice {
				return nil, fmt.Errorf("%s:%d: %s is in the catalogue already, at %s:%d", r.File, r.Line, r.ID, first.File, first.Line)
			}
			seen[r.ID] = r
			c.all = append(c.all, r)
		}
	}
	if len(c.all) == 0 {
		return nil, fmt.Errorf("the catalogue is empty: it has no file GROUP/NAME.yaml with entries")
	}
	c.order()
	if err := c.readReasons(tree); err != nil {
		return nil, err
	}
	return c, c.replacements()
}

// replacements gives the reason of requirements that a newer specification replaces: it is the newer one that is tested.
func (c *Catalogue) replacements() error {
	for _, r := range c.all {
		if r.Replaced == "" || r.Testable == None {
			continue
		}
		if _, known := c.Get(r.Replaced); !known {
			return fmt.Errorf("%s:%d: %s is superseded by %s, which is not in the catalogue", r.File, r.Line, r.ID, r.Replaced)
		}
		if _, twice := c.untested[r.ID]; twice {
			return fmt.Errorf("%s:%d: %s is superseded by %s, and has a reason in %s as well", r.File, r.Line, r.ID, r.Replaced, reasonsFile)
		}
		c.untested[r.ID] = "replaced by " + r.Replaced
	}
	return nil
}

// readCatalogue reads one file of the catalogue.
func readCatalogue(tree fs.FS, file string) ([]Requirement, error) {
	b, err := fs.ReadFile(tree, file)
	if err != nil {
		return nil, err
	}
	entries, err := rows.Read(file, b)
	if err != nil {
		return nil, err
	}
	list := make([]Requirement, 0, len(entries))
	for _, row := range entries {
		r, err := fromRow(row)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// fromRow makes a requirement out of a row of a catalogue file.
func fromRow(row rows.Row) (Requirement, error) {
	r := Requirement{Role: "host", Group: path.Dir(row.File), File: row.File, Line: row.Line}
	for _, f := range row.Fields {
		var err error
		switch f.Key {
		case "id":
			r.ID, err = f.Text()
		case "section":
			r.Section, err = f.Text()
		case "level":
			r.Level, err = rows.OneOf(f, func(l Level) bool { return l.Class() != 0 }, "MUST, SHOULD, MAY, each of their other forms in RFC 2119, or RULE")
		case "text":
			r.Text, err = f.Text()
		case "testable":
			r.Testable, err = rows.OneOf(f, func(t Testable) bool { return t == Wire || t == API || t == None }, "wire, api or none")
		case "role":
			r.Role, err = rows.OneOf(f, isRole, strings.Join(roles(), ", "))
		case "needs":
			r.Needs, err = needs(f)
		case "superseded_by":
			r.Replaced, err = f.Text()
		default:
			err = f.Errorf("key %q is unknown: an entry has id, section, level, text, testable, role, needs and superseded_by", f.Key)
		}
		if err != nil {
			return r, err
		}
	}
	if err := row.Demand("id", "section", "level", "text", "testable"); err != nil {
		return r, err
	}
	if r.Spec = specOf(r.ID); r.Spec == "" {
		return r, row.Errorf("id %q has no known form: it begins with RFC and a number, or the name of another known specification, and a colon", r.ID)
	}
	return r, nil
}

// readReasons reads untested.yaml.
func (c *Catalogue) readReasons(tree fs.FS) error {
	b, err := fs.ReadFile(tree, reasonsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	entries, err := rows.Read(reasonsFile, b)
	if err != nil {
		return err
	}
	for _, row := range entries {
		var id, reason string
		for _, f := range row.Fields {
			switch f.Key {
			case "id":
				id, err = f.Text()
			case "reason":
				reason, err = f.Text()
			default:
				err = f.Errorf("key %q is unknown: an entry has id and reason", f.Key)
			}
			if err != nil {
				return err
			}
		}
		if err := row.Demand("id", "reason"); err != nil {
			return err
		}
		r, known := c.Get(id)
		switch _, twice := c.untested[id]; {
		case !known:
			return row.Errorf("%s is not in the catalogue", id)
		case r.Testable == None:
			return row.Errorf("%s needs no reason: its entry says testable none", id)
		case twice:
			return row.Errorf("%s has a reason already", id)
		}
		c.untested[id] = reason
	}
	return nil
}

func roles() []string {
	return []string{"host", "router", "both", "client", "server", "proxy", "border-router", "nat", "tunnel"}
}

func isRole(s string) bool { return slices.Contains(roles(), s) }

func isNeed(n Need) bool {
	switch n {
	case Services, Agent, Management, Router, SecondLink:
		return true
	}
	return false
}

// needs reads a list of needs.
func needs(f rows.Field) ([]Need, error) {
	if f.Value.Kind != yaml.SequenceNode || len(f.Value.Content) == 0 {
		return nil, f.Errorf("needs is a list, such as [agent]; leave it out when nothing is needed")
	}
	var list []Need
	for _, v := range f.Value.Content {
		n, err := rows.OneOf(rows.Field{File: f.File, Key: f.Key, Value: v}, isNeed, "services, agent, management, router, second-link")
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}
