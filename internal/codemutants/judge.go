package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A judge builds conform with all mutants of a package, and runs suites with one of them in force.
type judge struct {
	tmp    string
	suites []string // the cheapest first; the first that notices ends it
	filter string   // of checks
	parts  int      // of each suite, likewise
	within time.Duration
}

// build compiles the mutants in, and gives those that compile: they are numbered from 1 in that order.
func (j judge) build(folder string, all []mutant) ([]mutant, error) {
	fault := regexp.MustCompile(`(?m)([\w./-]+\.go):(\d+):\d+: `)
	for range 20 {
		table, err := overlay(j.tmp, folder, all)
		if err != nil {
			return nil, err
		}
		b, _ := json.Marshal(map[string]any{"Replace": table})
		name := filepath.Join(j.tmp, "overlay.json")
		if err := os.WriteFile(name, b, 0o666); err != nil {
			return nil, err
		}
		said, err := exec.Command("go", "build", "-overlay", name, "-gcflags=./"+filepath.ToSlash(folder)+"=-e", "-o", filepath.Join(j.tmp, "conform"), "./cmd/conform").CombinedOutput()
		if err == nil {
			return all, nil
		}
		lines := map[string]bool{}
		for _, m := range fault.FindAllSubmatch(said, -1) {
			lines[strings.TrimPrefix(filepath.Base(string(m[1])), changed)+":"+string(m[2])] = true
		}
		if all, err = without(all, lines); err != nil {
			return nil, fmt.Errorf("%w:\n%s", err, said)
		}
	}
	return nil, errors.New("the mutants cannot be compiled")
}

// without leaves out what stands on lines that do not compile: first those mutants whose operands have to be of one type.
func without(all []mutant, lines map[string]bool) ([]mutant, error) {
	base := func(m mutant) string { return filepath.Base(m.file) + ":" + strconv.Itoa(m.line) }
	typed := map[string]bool{}
	for _, m := range all {
		typed[base(m)] = typed[base(m)] || m.typed
	}
	n := len(all)
	all = slices.DeleteFunc(all, func(m mutant) bool { return lines[base(m)] && m.typed == typed[base(m)] })
	if len(all) == n {
		return nil, errors.New("the mutants cannot be compiled")
	}
	return all, nil
}

// ask tells whether the suites notice a mutant, and what noticed it first.
func (j judge) ask(n int) (killed bool, by string) {
	suites := j.suites
	if len(suites) == 0 {
		suites = []string{""}
	}
	for _, suite := range suites {
		for part := range j.parts {
			if killed, by := j.run(n, suite, part); killed {
				return true, by
			}
		}
	}
	return false, ""
}

// run has a part of a suite, or of several joined by +, judge a mutant; of all suites, when it has no name.
func (j judge) run(n int, suite string, part int) (killed bool, by string) {
	ctx, cancel := context.WithTimeout(context.Background(), j.within)
	defer cancel()
	out := filepath.Join(j.tmp, "report")
	defer os.RemoveAll(out)
	args := []string{"run", "--evidence=none", "--out", out, "--shard", fmt.Sprintf("%d/%d", part+1, j.parts)}
	if j.filter != "" {
		args = append(args, "--filter", j.filter)
	}
	if suite != "" {
		args = append(args, strings.Split(suite, "+")...)
	}
	cmd := exec.CommandContext(ctx, filepath.Join(j.tmp, "conform"), args...)
	cmd.Env = append(os.Environ(), variable+"="+strconv.Itoa(n))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	switch err := cmd.Run(); {
	case err == nil:
		return false, ""
	case ctx.Err() != nil:
		return true, "time"
	}
	for line := range strings.Lines(said.String()) {
		for _, o := range []string{"fail  ", "error  ", "inconclusive  "} {
			if rest, ok := strings.CutPrefix(line, o); ok {
				id, _, _ := strings.Cut(rest, " ")
				return true, id
			}
		}
	}
	return true, brief(said.Bytes())
}

func brief(b []byte) string {
	s := strings.Join(strings.Fields(string(b)), " ")
	return s[:min(len(s), 100)]
}
