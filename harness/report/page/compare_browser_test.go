package page

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/conform-stack/conform/harness/report"
)

const rowsShown = `document.querySelectorAll("#rows tr").length`

// Three reports of 3,000 checks side by side: what one keeps and another breaks is shown first, and the rest is a choice away.
func TestComparisonInABrowser(t *testing.T) {
	folder := t.TempDir()
	one, two, three := sample(t, 3000), sample(t, 3000), sample(t, 3000)
	two.Target.Name, three.Target.Name = "two", "three"
	two.Requirements[5].Outcome, two.Checks[7].Outcome = report.ExpectedFail, report.ExpectedFail
	three.Requirements[6].Outcome = report.NotApplicable
	f, err := os.Create(filepath.Join(folder, File))
	if err != nil {
		t.Fatal(err)
	}
	if err := Compare(f, []*report.Report{one, two, three}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	v := open(t, folder, "")
	t.Logf("loaded after %.0f ms", eval[float64](v, `performance.getEntriesByType("navigation")[0].loadEventEnd`))
	all := len(one.Requirements)
	for _, tt := range []struct {
		what, do string
		want     int
	}{
		{"kept by one, broken by another", ``, 1},
		{"all that differ", `document.getElementById("show").value = "differ"`, 2},
		{"all", `document.getElementById("show").value = "all"`, all},
		{"one by its id", `document.getElementById("search").value = "` + one.Requirements[5].ID + ` expected-fail"`, 1},
	} {
		if n := eval[int](v, tt.do+`; document.getElementById("show").dispatchEvent(new Event("input")); `+rowsShown); n != tt.want {
			t.Errorf("%s: %d rows, want %d", tt.what, n, tt.want)
		}
	}
	if n := eval[int](v, `document.getElementById("search").value = ""; document.getElementById("show").value = "apart"; document.getElementById("kind").value = "checks"; document.getElementById("kind").dispatchEvent(new Event("input")); `+rowsShown); n != 1 {
		t.Errorf("%d checks are kept by one and broken by another, want 1", n)
	}
	if kind := eval[string](v, `document.querySelector("button[data-group]").click(); document.getElementById("kind").value + " " + document.getElementById("group").value`); kind != "requirements "+specs(one)[one.Requirements[0].ID] {
		t.Errorf("a specification shows %q", kind)
	}
	// The names of the columns stay in sight.
	if d := eval[float64](v, `document.getElementById("show").value = "all"; document.getElementById("group").value = ""; document.getElementById("show").dispatchEvent(new Event("input"));
		const s = document.getElementById("scroll"); s.scrollTop = 2000; s.querySelector("thead th").getBoundingClientRect().top - s.getBoundingClientRect().top`); d < 0 || d > 2 {
		t.Errorf("the head of the table is %.0f pixels away from its top", d)
	}
	v.quiet()
}
