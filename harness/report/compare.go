package report

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/conform-stack/conform/harness/requirement"
)

// Compare writes the checks, and then the requirements, that have not the same outcome in all reports, side by side, and
// gives how many these are. A dash stands for what a report does not have.
func Compare(w io.Writer, reports []*Report) (differing int, err error) {
	if len(reports) < 2 {
		return 0, errors.New("comparing takes at least two reports")
	}
	checks := make([]map[string]Outcome, len(reports))
	requirements := make([]map[string]Outcome, len(reports))
	for i, r := range reports {
		checks[i], requirements[i] = make(map[string]Outcome), make(map[string]Outcome)
		for _, c := range r.Checks {
			checks[i][c.ID] = c.Outcome
		}
		for _, q := range r.Requirements {
			requirements[i][q.ID] = q.Outcome
		}
	}
	names := ColumnNames(reports)
	for _, part := range []struct {
		what string
		by   []map[string]Outcome
	}{{"check", checks}, {"requirement", requirements}} {
		text, n, all := sideBySide(part.what, names, part.by)
		differing += n
		if n > 0 {
			_, err = fmt.Fprintf(w, "%s%d of %s differ\n\n", text, n, plural(all, part.what))
		} else {
			_, err = fmt.Fprintf(w, "no difference in %s\n\n", plural(all, part.what))
		}
		if err != nil {
			return differing, err
		}
	}
	return differing, nil
}

// sideBySide makes a table of the ids whose outcomes differ. It counts these, and all ids.
func sideBySide(what string, names []string, by []map[string]Outcome) (text string, differing, all int) {
	var ids []string
	for _, outcomes := range by {
		ids = append(ids, sortedKeys(outcomes)...)
	}
	slices.SortFunc(ids, requirement.Compare)
	ids = slices.Compact(ids)
	t := table{textual: true}
	t.row(append([]string{what}, names...)...)
	for _, id := range ids {
		row := []string{oneLine(id)}
		same := true
		for _, outcomes := range by {
			o, ok := outcomes[id]
			if !ok {
				o = "-"
			}
			same = same && outcomes[id] == by[0][id]
			row = append(row, string(o))
		}
		if !same {
			differing++
			t.row(row...)
		}
	}
	return t.String(), differing, len(ids)
}

// columnNames names reports by their targets, told apart by version and, if need be, ordinal.
// ColumnNames name reports so that no two have the same name: by target, by version, by number.
func ColumnNames(reports []*Report) []string {
	names := make([]string, len(reports))
	for i, r := range reports {
		names[i] = oneLine(r.Target.Name)
	}
	if !distinct(names) {
		for i, r := range reports {
			names[i] = oneLine(r.Target.Name + " " + r.Target.Version)
		}
	}
	if !distinct(names) {
		for i := range names {
			names[i] = fmt.Sprintf("%d: %s", i+1, names[i])
		}
	}
	return names
}

func distinct(names []string) bool {
	sorted := slices.Sorted(slices.Values(names))
	return len(slices.Compact(sorted)) == len(names)
}
