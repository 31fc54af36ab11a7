package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/report"
)

// TestMain lets a test run the program: itself, told by the environment to be conform.
func TestMain(m *testing.M) {
	if os.Getenv("CONFORM_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// command is the program with arguments, in a folder of its own.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), "CONFORM_TEST_MAIN=1")
	cmd.Dir = t.TempDir()
	return cmd
}

// conform runs the program to its end.
func conform(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return finish(t, command(t, args...))
}

func finish(t *testing.T, cmd *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func read(t *testing.T, folder string) *report.Report {
	t.Helper()
	r, err := report.Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// stripped is report.json without what differs from run to run.
func stripped(t *testing.T, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.WriteJSON(&b, report.Strip(r)); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReferenceIsAsExpected(t *testing.T) {
	g := NewWithT(t)
	out := t.TempDir()
	code, stdout, stderr := conform(t, "run", "--out", out)
	g.Expect(code).To(Equal(0), stdout+stderr)
	g.Expect(stderr).To(BeEmpty())
	g.Expect(stdout).To(ContainSubstring("all as expected"))
	r := read(t, out)
	g.Expect(r.Summary[report.Pass]).To(BeNumerically(">", 0))
	g.Expect(filepath.Join(out, "junit.xml")).To(BeAnExistingFile())
}

// The same seed gives the same report and the same frames, on one processor and on two, in one process and in several.
func TestSameSeedSameBytes(t *testing.T) {
	g := NewWithT(t)
	run := func(procs string, args ...string) (string, map[string]string) {
		out := t.TempDir()
		if testing.Short() {
			args = append([]string{"ipv4", "rfc6282"}, args...)
		}
		cmd := command(t, append([]string{"run", "--evidence=all", "--seed=7", "--out", out}, args...)...)
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+procs)
		code, stdout, stderr := finish(t, cmd)
		g.Expect(code).To(Equal(0), stdout+stderr)
		return stripped(t, read(t, out)), files(t, filepath.Join(out, "evidence"))
	}
	first, frames := run("1")
	g.Expect(frames).NotTo(BeEmpty())
	second, framesAgain := run("2", "--jobs=3")
	g.Expect(second).To(Equal(first))
	g.Expect(framesAgain).To(Equal(frames))
}

// files are the contents of a folder.
func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

// Four shards of the whole reference run, merged, are the report of one run, byte by byte, but for times. Some of them are
// made by several processes.
func TestShardsMergeToTheWhole(t *testing.T) {
	g := NewWithT(t)
	whole, merged := t.TempDir(), t.TempDir()
	code, _, _ := conform(t, "run", "--out", whole)
	g.Expect(code).To(Equal(0))
	args := []string{"report", "merge", "--out", merged}
	sum := 0
	for i, jobs := range []string{"1", "2", "3", "1"} {
		out := t.TempDir()
		code, stdout, stderr := conform(t, "run", "--shard", fmt.Sprintf("%d/4", i+1), "--jobs", jobs, "--out", out)
		g.Expect(code).To(Equal(0), stdout+stderr)
		args = append(args, out)
		n := len(read(t, out).Checks)
		g.Expect(n).To(BeNumerically(">", 100), "a shard that is hardly one")
		sum += n
	}
	g.Expect(sum).To(Equal(len(read(t, whole).Checks)))
	code, stdout, stderr := conform(t, args...)
	g.Expect(code).To(Equal(0), stdout+stderr)
	g.Expect(stripped(t, read(t, merged))).To(Equal(stripped(t, read(t, whole))))
}

// Bad input gets one sentence and exit code 2.
func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"run", "rfc827"}, `there is no suite "rfc827"; there are `},
		{[]string{"run", "--filter", "a &&"}, `--filter "a &&": `},
		{[]string{"run", "--filter", "no-such-label"}, "no check was selected: the suites and the filter leave none"},
		{[]string{"run", "--target", "linuks"}, `there is no target "linuks"; there are reference`},
		{[]string{"run", "--level", "most"}, "--level: "},
		{[]string{"run", "--shard", "3/2"}, `--shard: "3/2" is not a part: it takes the form I/N, I from 1 to N`},
		{[]string{"run", "--jobs", "0"}, "--jobs is 0; it takes 1 to 256"},
		{[]string{"run", "--evidence", "some"}, `--evidence is "some"; it takes all, fail or none`},
		{[]string{"run", "--expectations", "missing.yaml"}, "expectations: open missing.yaml: "},
		{[]string{"run", "--nonsense"}, "unknown flag: --nonsense"},
		{[]string{"nonsense"}, `unknown command "nonsense" for "conform"`},
		{[]string{"selftest", "--filter", "no-such-label"}, "no check was selected"},
		{[]string{"inspect", "missing.pcap"}, "missing.pcap: there is no such file"},
		{[]string{"replay", "missing.pcap"}, "missing.pcap"},
		{[]string{"report", "show", "missing"}, "missing"},
		{[]string{"up", "--ip", "192.0.2"}, "--ip: "},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			g := NewWithT(t)
			code, stdout, stderr := conform(t, tt.args...)
			g.Expect(code).To(Equal(2), stdout+stderr)
			g.Expect(stderr).To(HavePrefix("conform: "))
			g.Expect(stderr).To(ContainSubstring(tt.want))
			g.Expect(strings.Count(stderr, "\n")).To(Equal(1), stderr)
		})
	}
}

func TestSelftestOfOneSuite(t *testing.T) {
	g := NewWithT(t)
	code, stdout, stderr := conform(t, "selftest", "rfc826")
	g.Expect(code).To(Equal(0), stdout+stderr)
	g.Expect(stdout).To(ContainSubstring("pairs of check and requirement killed"))
}

func TestReplayOfTheFixtures(t *testing.T) {
	g := NewWithT(t)
	out := t.TempDir()
	code, stdout, stderr := conform(t, "replay", "--out", out)
	g.Expect(code).To(Equal(0), stdout+stderr)
	g.Expect(read(t, out).Summary[report.Pass]).To(BeNumerically(">=", 2))
}

func TestInteropOfTheReferenceWithItself(t *testing.T) {
	g := NewWithT(t)
	out := t.TempDir()
	code, stdout, stderr := conform(t, "interop", "--a", "reference", "--b", "reference", "--scenario", "resolve,tcp", "--out", out)
	g.Expect(code).To(Equal(0), stdout+stderr)
	g.Expect(stdout).To(ContainSubstring("4 cells: 4 pass"))
	for _, file := range []string{"interop.json", "interop.html", "interop.md"} {
		g.Expect(filepath.Join(out, file)).To(BeARegularFile())
	}
}

func TestInteropRefuses(t *testing.T) {
	for _, tt := range []struct {
		args []string
		says string
	}{
		{nil, "name two targets with --a and --b, or all of them with --targets"},
		{[]string{"--a", "reference"}, "name two targets"},
		{[]string{"--a", "reference", "--b", "reference", "--scenario", "tpc"}, `no scenario is called "tpc"`},
		{[]string{"--targets", "reference,reference"}, "--targets names reference twice"},
		{[]string{"--a", "reference", "--b", "nobody"}, "nobody"},
	} {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			g := NewWithT(t)
			code, _, stderr := conform(t, append([]string{"interop", "--out", t.TempDir()}, tt.args...)...)
			g.Expect(code).To(Equal(2))
			g.Expect(stderr).To(ContainSubstring(tt.says))
		})
	}
}

func TestCoverageOfAGroup(t *testing.T) {
	g := NewWithT(t)
	_, named, _ := conform(t, "coverage", "tcp")
	_, flag, _ := conform(t, "coverage", "--group", "tcp")
	g.Expect(named).To(Equal(flag))
	g.Expect(named).To(ContainSubstring("RFC 9293"))
	g.Expect(named).NotTo(ContainSubstring("RFC 8200"))
}
