package expect

import "testing"

func TestRangeContains(t *testing.T) {
	for _, tt := range []struct {
		bounds  string
		yes, no []string // both sides of each edge
	}{
		{"", []string{"1", "", "devel"}, nil},
		{">=6.1", []string{"6.1", "6.1.0", "6.1.1", "6.10", "7", "v6.1", "6.1.90+deb12-amd64"}, []string{"6.0.99", "6", "5.15", "0"}},
		{">6.1", []string{"6.1.1", "6.2"}, []string{"6.1", "6.1.0.0", "6"}},
		{"<7", []string{"6.99.99", "6"}, []string{"7", "7.0", "7.0.1", "10"}},
		{"<=7", []string{"7", "7.0.0", "6"}, []string{"7.0.1", "8"}},
		{"=6.1", []string{"6.1", "6.01.0", "6.1-rc3"}, []string{"6.1.1", "6.10", "6"}},
		{">=6.1 <7", []string{"6.1", "6.12.48", "6.99"}, []string{"6.0", "7", "7.1"}},
		{"<6 >7", nil, []string{"5", "6.5", "8"}},
		{">=99999999999999999999", []string{"99999999999999999999", "100000000000000000000"}, []string{"9"}},
	} {
		r, err := ParseRange(tt.bounds)
		if err != nil {
			t.Fatal(err)
		}
		if r.String() != tt.bounds {
			t.Errorf("%q prints as %q", tt.bounds, r)
		}
		check := func(version string, want bool) {
			if got, err := r.Contains(version); got != want || err != nil {
				t.Errorf("%q contains %q: %v, %v, want %v", tt.bounds, version, got, err, want)
			}
		}
		for _, v := range tt.yes {
			check(v, true)
		}
		for _, v := range tt.no {
			check(v, false)
		}
	}
}

func TestRangeRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"6.1":       `versions "6.1": "6.1" is no bound; a range reads such as >=6.1 <7`,
		">= 6.1":    `versions ">= 6.1": ">=" is no bound; a range reads such as >=6.1 <7`,
		">=6.1,<7":  `versions ">=6.1,<7": ">=6.1,<7" is no bound; a range reads such as >=6.1 <7`,
		"~6":        `versions "~6": "~6" is no bound; a range reads such as >=6.1 <7`,
		">=6.1-rc1": `versions ">=6.1-rc1": ">=6.1-rc1" is no bound; a range reads such as >=6.1 <7`,
		"<6.":       `versions "<6.": "<6." is no bound; a range reads such as >=6.1 <7`,
	} {
		if _, err := ParseRange(in); err == nil || err.Error() != want {
			t.Errorf("ParseRange(%q): %v\nwant %s", in, err, want)
		}
	}
	l, err := Parse("f.yaml", []byte(`- {check: a, reason: r, rfc: "RFC 1 section 1", versions: "<7"}`), Known{})
	if err != nil {
		t.Fatal(err)
	}
	want := `f.yaml:1: versions <7 cannot be compared with version "devel" of the target`
	if _, err := l.For("devel"); err == nil || err.Error() != want {
		t.Errorf("For: %v\nwant %s", err, want)
	}
}
