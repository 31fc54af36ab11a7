package tcp

import "testing"

// Every row of the grid is run.
func TestGridIsWhole(t *testing.T) {
	rows, err := readGrid(gridFile)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]bool{}
	for _, c := range suite.Checks() {
		for _, k := range c.Cases {
			if len(k.Name) > 5 && k.Name[:5] == "GRID:" {
				cases[k.Name] = true
			}
		}
	}
	if len(rows) != 991 || len(cases) != len(rows) {
		t.Errorf("%d rows, %d run", len(rows), len(cases))
	}
}
