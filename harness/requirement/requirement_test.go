package requirement

import "testing"

func TestLevelsHaveClasses(t *testing.T) {
	for level, want := range map[Level]Class{
		"MUST": Binding, "MUST NOT": Binding, "SHALL": Binding, "SHALL NOT": Binding, "REQUIRED": Binding, "RULE": Binding,
		"SHOULD": Advisory, "SHOULD NOT": Advisory, "RECOMMENDED": Advisory, "NOT RECOMMENDED": Advisory,
		"MAY": Permissive, "OPTIONAL": Permissive,
		"must": 0, "": 0, "MAY NOT": 0,
	} {
		if got := level.Class(); got != want {
			t.Errorf("%q is %v, want %v", level, got, want)
		}
		if level.Binding() != (want == Binding) || level.Advisory() != (want == Advisory) || level.Permissive() != (want == Permissive) {
			t.Errorf("%q: the predicates do not agree with its class %v", level, want)
		}
	}
	for _, level := range levels() {
		if level.Class() == 0 {
			t.Errorf("%q is in the order of tables and is no level", level)
		}
	}
}

func TestClassesAreNamed(t *testing.T) {
	for _, c := range []Class{Binding, Advisory, Permissive} {
		if got, err := ParseClass(c.String()); got != c || err != nil {
			t.Errorf("ParseClass(%q) = %v, %v", c, got, err)
		}
	}
	want := `level "MUST" is unknown: it is must, should or may`
	if _, err := ParseClass("MUST"); err == nil || err.Error() != want {
		t.Errorf("ParseClass: %v\nwant %s", err, want)
	}
}

func TestCompareReadsNumbers(t *testing.T) {
	ascending := []string{
		"", "MQTT5:1-1", "RFC826:RX-8", "RFC826:RX-08", "RFC826:RX-9", "RFC826:RX-10", "RFC826:TX-1",
		"RFC1122:3.2-1", "RFC1122:3.2.1.1-1", "RFC1122:3.2.1.1-2", "RFC1122:3.2.1.10-1", "RFC1122:3.10-1", "RFC9293:MUST-5", "RFC99999999999999999999:1",
	}
	for i, a := range ascending {
		for j, b := range ascending {
			if a == "RFC826:RX-8" && b == "RFC826:RX-08" || b == "RFC826:RX-8" && a == "RFC826:RX-08" {
				continue // of equal value: any order, but one
			}
			if got := Compare(a, b); sign(got) != sign(i-j) {
				t.Errorf("Compare(%q, %q) = %d", a, b, got)
			}
		}
	}
	if Compare("1", "01") == 0 || Compare("1", "01") != -Compare("01", "1") {
		t.Error("texts of equal value have no order")
	}
}

func sign(n int) int { return max(-1, min(1, n)) }
