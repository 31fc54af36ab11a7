package panics

import (
	"regexp"
	"testing"
)

func divides(by int) int { return 1 / by }

func TestCulprit(t *testing.T) {
	for name, f := range map[string]func(){
		"by the runtime": func() { divides(len(t.Name()) - len(t.Name())) },
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
		if !regexp.MustCompile(`^panics\.(divides|TestCulprit\.func[12])$`).MatchString(function) || !regexp.MustCompile(`^panics_test\.go:\d+$`).MatchString(at) {
			t.Errorf("%s: %s at %s", name, function, at)
		}
	}
}
