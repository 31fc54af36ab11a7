// Package expect knows the deviations that a run expects of a target, each with its reason and the rule that is broken.
//
// An expectations file is a list. An entry names a check, or a requirement that the judge finds broken:
//
//   - {check: arp.rx.other-target, reason: "the kernel answers for all its addresses", rfc: "RFC 826 Packet Reception"}
//   - {check: udp.checksum.zero, requirement: "RFC768:CK-3", case: "len=0", reason: "...", rfc: "RFC 768 Fields", versions: ">=6.1 <7"}
//   - {finding: "RFC1122:3.2.1.5-1", reason: "...", rfc: "RFC 1122 section 3.2.1.5"}
//
// A check fails as expected when an entry covers each of its failures; one with a requirement or a case covers only the
// failures of that. A check, requirement or case that passes although an entry says that it fails is an unexpected pass,
// which is an error: the entry is to be removed. An entry never excuses an error. A check that cannot even be asked of a target,
// because of what the target lacks, is inconclusive; an entry expects that only if it says so, outcome: inconclusive.
package expect

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/internal/rows"
	"github.com/conform-stack/conform/harness/requirement"
)

// An Expectation is one entry. Either Check or Finding is set; with both, the finding is expected during that check only.
type Expectation struct {
	Check       string
	Requirement string // of the check, whose failures alone are expected; empty for all
	Case        string // of the check, by its coordinates; empty for all
	Unasked     bool   // outcome: inconclusive: the check is expected to be that, and not to fail
	Finding     string // the requirement that the judge finds broken
	Reason      string
	RFC         string // specification and section: RFC 1122 section 3.2.1.3
	Versions    Range  // of the target; the zero Range is all
	File        string
	Line        int
}

// why is the reason with the rule that is broken.
func (e Expectation) why() string { return fmt.Sprintf("%s (%s)", e.Reason, e.RFC) }

// Known is what entries may name. A nil part is not checked.
type Known struct {
	Checks    []requirement.CheckRef
	Replays   func() []requirement.CheckRef // those of replayed captures, read when an entry names one; nil for none
	Catalogue *requirement.Catalogue
}

// A List is the entries of one or more files, for any version of the target.
type List struct{ entries []Expectation }

// Load reads expectations files. The first unknown key, missing reason or rfc, unreadable version range, and name that is
// not known, is an error with its file and line.
func Load(files []string, known Known) (*List, error) {
	l := new(List)
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("expectations: %w", err)
		}
		entries, err := parse(file, b, known)
		if err != nil {
			return nil, err
		}
		l.entries = append(l.entries, entries...)
	}
	return l, nil
}

// Add appends the entries of another list.
func (l *List) Add(other *List) { l.entries = append(l.entries, other.entries...) }

// Parse reads the text of one expectations file, whose name is for errors only.
func Parse(file string, b []byte, known Known) (*List, error) {
	entries, err := parse(file, b, known)
	if err != nil {
		return nil, err
	}
	return &List{entries}, nil
}

func parse(file string, b []byte, known Known) ([]Expectation, error) {
	list, err := rows.Read(file, b)
	if err != nil {
		return nil, err
	}
	var entries []Expectation
	for _, row := range list {
		e, err := fromRow(row)
		if err == nil {
			err = known.names(row, e)
		}
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// rule is the form of rfc: a specification, and where in it.
var rule = regexp.MustCompile(`^(RFC [0-9]+|MQTT [0-9.]+|LwM2M [0-9.]+|IEEE 802.1Q|POSIX|Linux),? \S`)

func fromRow(row rows.Row) (Expectation, error) {
	e := Expectation{File: row.File, Line: row.Line}
	for _, f := range row.Fields {
		s, err := f.Text()
		switch {
		case err != nil:
			return e, err
		case f.Key == "check":
			e.Check = s
		case f.Key == "requirement":
			e.Requirement = s
		case f.Key == "case":
			e.Case = s
		case f.Key == "finding":
			e.Finding = s
		case f.Key == "outcome":
			if e.Unasked = s == "inconclusive"; !e.Unasked && s != "fail" {
				return e, f.Errorf("outcome is %q; it is fail, which is also what no outcome means, or inconclusive", s)
			}
		case f.Key == "reason":
			e.Reason = s
		case f.Key == "rfc":
			e.RFC = s
		case f.Key == "versions":
			if e.Versions, err = ParseRange(s); err != nil {
				return e, f.Errorf("%v", err)
			}
		default:
			return e, f.Errorf("key %q is unknown: an entry has check, requirement, case, outcome, finding, reason, rfc and versions", f.Key)
		}
	}
	switch {
	case e.Check == "" && e.Finding == "":
		return e, row.Errorf("the entry names neither a check nor a finding")
	case e.Finding != "" && e.Requirement != "":
		return e, row.Errorf("the entry has a finding and a requirement: finding is the requirement that the judge finds broken")
	case e.Unasked && (e.Finding != "" || e.Requirement != "" || e.Case != ""):
		return e, row.Errorf("the entry has an outcome of inconclusive: that is of a check as a whole")
	case e.Finding != "" && e.Case != "":
		return e, row.Errorf("the entry has a finding and a case: findings belong to a check as a whole")
	}
	if err := row.Demand("reason", "rfc"); err != nil {
		return e, err
	}
	if !rule.MatchString(e.RFC) {
		return e, row.Errorf("rfc %q does not name a rule: it is a specification and a section, such as RFC 1122 section 3.2.1.3", e.RFC)
	}
	return e, nil
}

// names refuses an entry that names what is not known.
func (k Known) names(row rows.Row, e Expectation) error {
	if k.Catalogue != nil {
		for _, id := range []string{e.Requirement, e.Finding} {
			if _, ok := k.Catalogue.Get(id); id != "" && !ok {
				return row.Errorf("requirement %q is not in the catalogue", id)
			}
		}
	}
	if k.Checks == nil || e.Check == "" {
		return nil
	}
	among := k.Checks
	if k.Replays != nil && strings.HasPrefix(e.Check, "replay.") {
		among = k.Replays()
	}
	i := slices.IndexFunc(among, func(c requirement.CheckRef) bool { return c.ID == e.Check })
	switch {
	case i < 0:
		return row.Errorf("check %q does not exist", e.Check)
	case e.Requirement != "" && !slices.Contains(among[i].Requirements, e.Requirement):
		return row.Errorf("check %s does not prove %s", e.Check, e.Requirement)
	}
	return nil
}
