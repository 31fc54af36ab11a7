package panics

import (
	"regexp"
	"testing"
)

func index(values []int, at int) int { return values[at] }

func TestCulprit(t *testing.T) {
	for name, f := range map[string]func(){
		"by the runtime": func() { _ = index(nil, len(t.Name())) },
		"by panic":       func() { panic("here") },
	} {
		function, at := "", ""
		func() {
			defer func() {
				if recover() != nil {
					function, at = Culprit()
				}
			}()
			f()
		}()
		if !regexp.MustCompile(`^panics\.(index|TestCulprit\.func[12])$`).MatchString(function) || !regexp.MustCompile(`^panics_test\.go:\d+$`).MatchString(at) {
			t.Errorf("%s: %s at %s", name, function, at)
		}
	}
}
