package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/report"
)

// A target that dies in the middle of a run fails the check that it died of. Where it can be brought back, by opening its link
// again or by the reset command of its file, what comes after passes; where not, the rest is inconclusive.
func TestTargetThatDies(t *testing.T) {
	const checks = "check:icmp.echo.header || check:icmp.echo.reply || check:icmp.echo.tos || check:icmp.echo.zero || " +
		"check:icmp.timestamp.clock"
	program := filepath.Join(t.TempDir(), "mortal")
	if b, err := exec.Command("go", "build", "-o", program, "./testdata/mortal").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	for _, tt := range []struct {
		name, files string // of the target
		reset       string // the command; empty for none
		revived     bool
		wasReset    bool
	}{
		{name: "its program ends, and starts again", revived: true},
		{name: "its program ends, and a reset lets it start again", files: "needs-reset", reset: "touch reset", revived: true, wasReset: true},
		{name: "it is silent, until it is reset", files: "needs-reset hangs", reset: "touch reset", revived: true, wasReset: true},
		{name: "its program ends, and a reset does not help", files: "needs-reset", reset: "touch reset.without-effect"},
		{name: "it is silent, and the reset fails", files: "needs-reset hangs", reset: "echo the power switch is gone; exit 3"},
		{name: "it is silent, and nobody can reset it", files: "needs-reset hangs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			folder, out := t.TempDir(), t.TempDir()
			for _, name := range strings.Fields(tt.files) {
				g.Expect(os.WriteFile(filepath.Join(folder, name), nil, 0o666)).To(Succeed())
			}
			text := fmt.Sprintf("name: mortal\nlink: {exec: [%q, %q]}\nalive: 900ms\n", program, folder)
			if tt.reset != "" {
				text += fmt.Sprintf("reset: {command: [sh, -c, '%s'], within: 2s}\n", tt.reset)
			}
			file := filepath.Join(folder, "mortal.yaml")
			g.Expect(os.WriteFile(file, []byte(text), 0o666)).To(Succeed())

			code, stdout, stderr := conform(t, "run", "icmpv4", "--target", file, "--filter", checks, "--out", out)
			g.Expect(code).To(Equal(1), stdout+stderr)
			by := map[report.Outcome][]string{}
			for _, c := range read(t, out).Checks {
				by[c.Outcome] = append(by[c.Outcome], c.ID)
				switch c.Outcome {
				case report.Fail:
					g.Expect(c.Message).To(ContainSubstring("the target gives no sign of life"))
				case report.Inconclusive:
					g.Expect(c.Message).To(ContainSubstring("the target is gone"))
				}
			}
			t.Log(by)
			g.Expect(by[report.Fail]).To(HaveLen(1), stdout)
			g.Expect(by[report.Pass]).NotTo(BeEmpty())
			if tt.revived {
				g.Expect(by[report.Pass]).To(HaveLen(4), stdout)
			} else {
				g.Expect(by[report.Inconclusive]).NotTo(BeEmpty(), stdout)
				g.Expect(len(by[report.Pass])+len(by[report.Inconclusive])).To(Equal(4), stdout)
			}
			_, err := os.Stat(filepath.Join(folder, "reset"))
			g.Expect(err == nil).To(Equal(tt.wasReset), "whether it was reset")
		})
	}
}
