//go:build linux

package agents

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The kernel driven by the agent in C has the outcomes that it has with the built-in one.
func TestSuitesHaveTheSameOutcomes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a network namespace takes root")
	}
	if testing.Short() {
		t.Skip("runs suites on the kernel")
	}
	path, dir := plain(t), t.TempDir()
	conform := filepath.Join(dir, "conform")
	if b, err := exec.Command("go", "build", "-o", conform, "../cmd/conform").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	for _, suite := range [][]string{
		{"udp"},
		{"sockets", "--filter", "!slow"},
		// What asks the most of an agent: calls, options and errors of sockets, how connections open and close. (The other checks
		// of TCP ask for the same calls, and have the same outcomes; they take minutes.)
		{"tcp", "--filter", `/^check:tcp\.(call|close|urgent|option|uto|nagle)\./ && !slow`},
	} {
		var reports []string
		for _, agent := range []string{"", path + " --stdio"} {
			out := filepath.Join(dir, suite[0]+filepath.Base(strings.TrimSuffix(agent, " --stdio")))
			args := append([]string{"run", "--target", "linux", "--jobs", "8", "--out", out}, suite...)
			if agent != "" {
				args = append(args, "--agent", agent)
			}
			if b, err := exec.Command(conform, args...).CombinedOutput(); err != nil {
				t.Fatalf("%s with agent %q: %v\n%s", suite[0], agent, err, b)
			}
			reports = append(reports, out)
		}
		b, err := exec.Command(conform, "report", "compare", reports[0], reports[1]).CombinedOutput()
		if err != nil || !strings.Contains(string(b), "no difference in ") || strings.Count(string(b), "no difference in ") != 2 {
			t.Errorf("%s: %v\n%s", suite[0], err, b)
		}
	}
}
