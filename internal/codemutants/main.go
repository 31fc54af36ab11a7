// Program codemutants changes the code of the stack, a little at a time, and asks the suites whether they notice.
//
//	go run ./internal/codemutants -package stack/l2/ethernet -files arp -suites rfc826,ethernet -sample 20
//
// A mutant is one change of one expression or statement: a comparison moved by one (< for <=), a condition turned round, an
// operator of arithmetic replaced, a statement left out. All mutants of a package are compiled in at once, by -overlay, so that
// nothing in the tree is touched; an environment variable says which of them is in force. A mutant is killed when `conform run`
// on the reference does not end with everything as expected, or does not end in time. What survives changes nothing that the
// suites see: it is equivalent, or touches what is no behaviour (a counter, a text), or it is a gap.
//
// The suites are the judge, not the package's own tests: the score says what they would notice in somebody else's stack.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func main() {
	folder := flag.String("package", "", "the folder of a package of the stack")
	files := flag.String("files", "", "only files whose names begin so, separated by commas")
	suites := flag.String("suites", "", "the suites that judge, separated by commas; all without")
	sample := flag.Int("sample", 0, "how many mutants, chosen by -seed; 0 is all")
	seed := flag.Uint64("seed", 1, "of the choice")
	within := flag.Duration("within", time.Minute, "the bound of a run: a mutant that does not end is killed")
	flag.Parse()
	if err := run(*folder, *files, *suites, *sample, *seed, *within); err != nil {
		fmt.Fprintln(os.Stderr, "codemutants:", err)
		os.Exit(1)
	}
}

func run(folder, files, suites string, sample int, seed uint64, within time.Duration) error {
	all, err := find(folder, files)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return errors.New("there is nothing to change: -package takes a folder such as stack/udp")
	}
	tmp, err := os.MkdirTemp("", "codemutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	j := judge{tmp: tmp, suites: strings.FieldsFunc(suites, func(r rune) bool { return r == ',' }), within: within}
	if all, err = j.build(folder, all); err != nil {
		return err
	}
	if dead, by := j.ask(0); dead { // no mutant is in force
		return fmt.Errorf("the suites do not pass on the stack as it is: %s", by)
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	h := fnv.New64a()
	fmt.Fprint(h, folder)
	rand.New(rand.NewPCG(seed, h.Sum64())).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	if sample > 0 {
		order = order[:min(sample, len(order))]
	}
	killed := 0
	for n, i := range order {
		dead, by := j.ask(i + 1)
		if dead {
			killed++
			fmt.Printf("killed    %v, by %s\n", all[i], by)
		} else {
			fmt.Printf("survived  %v\n", all[i])
		}
		if n == len(order)-1 {
			fmt.Printf("%s: %d of %d mutants killed; there are %d\n", folder, killed, len(order), len(all))
		}
	}
	return nil
}

// A judge builds conform with all mutants of a package, and runs suites with one of them in force.
type judge struct {
	tmp    string
	suites []string
	within time.Duration
}

// build compiles the mutants in, and gives those that compile: they are numbered from 1 in that order.
func (j judge) build(folder string, all []mutant) ([]mutant, error) {
	fault := regexp.MustCompile(`(?m)([\w./-]+\.go):(\d+):\d+: `)
	for range 10 {
		table, err := overlay(j.tmp, folder, all)
		if err != nil {
			return nil, err
		}
		b, _ := json.Marshal(map[string]any{"Replace": table})
		name := filepath.Join(j.tmp, "overlay.json")
		if err := os.WriteFile(name, b, 0o666); err != nil {
			return nil, err
		}
		said, err := exec.Command("go", "build", "-overlay", name, "-gcflags=-e", "-o", filepath.Join(j.tmp, "conform"), "./cmd/conform").CombinedOutput()
		if err == nil {
			return all, nil
		}
		lines := map[string]bool{} // what does not compile is left out
		for _, m := range fault.FindAllSubmatch(said, -1) {
			lines[filepath.Base(string(m[1]))+":"+string(m[2])] = true
		}
		n := len(all)
		all = slices.DeleteFunc(all, func(m mutant) bool { return lines[filepath.Base(m.file)+":"+strconv.Itoa(m.line)] })
		if len(all) == n {
			return nil, fmt.Errorf("the mutants cannot be compiled:\n%s", said)
		}
	}
	return nil, errors.New("the mutants cannot be compiled")
}

// ask tells whether the suites notice a mutant, and what noticed it first.
func (j judge) ask(n int) (killed bool, by string) {
	ctx, cancel := context.WithTimeout(context.Background(), j.within)
	defer cancel()
	out := filepath.Join(j.tmp, "report")
	defer os.RemoveAll(out)
	cmd := exec.CommandContext(ctx, filepath.Join(j.tmp, "conform"), append([]string{"run", "--evidence=none", "--out", out}, j.suites...)...)
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
