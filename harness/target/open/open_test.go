package open

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestUnknownNames(t *testing.T) {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.String())
	}
	known := "; there are " + strings.Join(append(names, "FILE.yaml"), ", ")
	for name, hint := range map[string]string{
		"lunix":     " (did you mean linux?)",
		"linux:rcf": " (did you mean linux:rfc?)",
		"tap":       "",
		"tap:":      " (did you mean tap:NAME?)",
		"":          "",
		"toaster":   "",
	} {
		_, err := Target(name, Options{})
		if want := `there is no target "` + name + `"` + known + hint; err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
}

func TestKnownNamesReachTheirTargets(t *testing.T) {
	_, err := Target("tap:board9", Options{})
	if err == nil || !strings.Contains(err.Error(), "board9") {
		t.Errorf("tap:board9, which is not there: %v", err)
	}
	for _, name := range []string{"linux", "linux:rfc"} {
		tgt, err := Target(name, Options{})
		switch {
		case runtime.GOOS != "linux":
			if err == nil || !strings.Contains(err.Error(), runtime.GOOS) {
				t.Errorf("%s on %s: %v", name, runtime.GOOS, err)
			}
		case os.Geteuid() != 0:
			t.Log("linux targets take network namespaces: run as root")
		case err != nil:
			t.Error(err)
		default:
			if tgt.Info().Name != name {
				t.Errorf("%s opens %s", name, tgt.Info().Name)
			}
			if err := tgt.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestReferences(t *testing.T) {
	file := filepath.Join(t.TempDir(), "prj.conf")
	if err := os.WriteFile(file, []byte("CONFIG_NET_INITIAL_TTL=9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"reference": "reference", "reference:rfc": "reference", "reference:zephyr": "reference:zephyr", "reference:" + file: "reference:" + file,
	} {
		tgt, err := Target(name, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if i := tgt.Info(); i.Name != want || (i.Params.DefaultTTL == 9) != strings.HasSuffix(name, ".conf") {
			t.Errorf("%s: %+v", name, i)
		}
	}
	_, err := Target("reference:nowhere.conf", Options{})
	if want := "a reference is called by a profile, rfc or zephyr, or by a file: open nowhere.conf: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Error(err)
	}
}

func TestPrivileged(t *testing.T) {
	for name, want := range map[string]bool{"linux": true, "linux:rfc": true, "tap:x": false, "toaster": false} {
		if got := Privileged(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"linux", "linux", 0}, {"lunix", "linux", 2}, {"linx", "linux", 1}, {"linuux", "linux", 1}, {"kitten", "sitting", 3}} {
		if got := edits(row.a, row.b); got != row.want {
			t.Errorf("edits(%q, %q) = %d, want %d", row.a, row.b, got, row.want)
		}
	}
}
