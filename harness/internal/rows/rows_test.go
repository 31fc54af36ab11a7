package rows

import "testing"

func TestReadKeepsOrderAndLines(t *testing.T) {
	rows, err := Read("f.yaml", []byte("# first\n- {b: 1, a: two words}\n\n-\n  c: >\n    folded\n    text\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 2 || rows[0].Line != 2 || rows[1].Line != 5 || rows[0].Fields[0].Key != "b" || rows[0].Fields[1].Key != "a" {
		t.Fatalf("rows are %+v", rows)
	}
	for _, tt := range []struct {
		field Field
		want  string
	}{{rows[0].Fields[0], "1"}, {rows[0].Fields[1], "two words"}, {rows[1].Fields[0], "folded text\n"}} {
		if got, err := tt.field.Text(); got != tt.want || err != nil {
			t.Errorf("%s is %q, %v, want %q", tt.field.Key, got, err, tt.want)
		}
	}
}

func TestReadOfNothing(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "---\n", "[]", "~"} {
		if rows, err := Read("f.yaml", []byte(text)); len(rows) != 0 || err != nil {
			t.Errorf("Read(%q) = %v, %v", text, rows, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"a: b":                     "f.yaml:1: the file is not a list of entries: each begins with a dash",
		"\n- a":                    "f.yaml:2: the entry has no fields: it reads {id: ..., ...}",
		"- {a: 1}\n- {a: 1, a: 2}": `f.yaml:2: key "a" occurs twice in one entry`,
		"- {a: 1}\n---\n- {b: 1}":  "f.yaml: the file holds a second document: it is one list",
		"- {a":                     "f.yaml: line 1: did not find expected ',' or '}'",
		"- *a":                     "f.yaml: unknown anchor 'a' referenced",
	} {
		if _, err := Read("f.yaml", []byte(text)); err == nil || err.Error() != want {
			t.Errorf("Read(%q): %v\nwant %s", text, err, want)
		}
	}
}
