package tcp

import "testing"

// Every row of the grid is run, or has a reason why it cannot be entered.
func TestGridIsWhole(t *testing.T) {
	rows, err := readGrid(gridFile)
	if err != nil {
		t.Fatal(err)
	}
	unreachable := 0
	for _, r := range rows {
		if r.unreachable() != "" {
			unreachable++
		}
	}
	cases := map[string]bool{}
	for _, c := range suite.Checks() {
		for _, k := range c.Cases {
			if len(k.Name) > 5 && k.Name[:5] == "GRID:" {
				cases[k.Name] = true
			}
		}
	}
	if len(rows) != 990 || len(cases)+unreachable != len(rows) || unreachable != 46 {
		t.Errorf("%d rows, %d run, %d that cannot be entered", len(rows), len(cases), unreachable)
	}
}
