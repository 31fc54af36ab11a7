// Program codemutants changes the code of the stack, a little at a time, and asks the suites whether they notice.
//
//	go run ./internal/codemutants -package stack/l2/ethernet -files arp -suites rfc826,ethernet -sample 20
//
// A mutant is one change of one expression or statement:
//
//	never, always   a condition, or an operand of || or &&, that does not decide any more
//	not             a condition, or true and false, turned round
//	boundary of     a comparison moved by one (< for <=)
//	other ... in    + for -, * for /, & for |, << for >>, min for max
//	without         an assignment, a call, a return, break or continue left out
//
// What only counts is left alone, unless -counters asks for it. All mutants of a package are compiled in at once, by
// -overlay, so that nothing in the tree is touched; an environment variable says which of them is in force. A mutant is
// killed when `conform run` on the reference does not end with everything as expected, or does not end in time. What
// survives changes nothing that the suites see: it is equivalent, or touches what is no behaviour (a text), or it is a gap.
//
// The suites are asked in the order in which they are named, in -parts each, and the first that notices ends it; small ones
// are cheaper in one run, rfc826+ethernet, since each has to read the catalogue first. -only names
// places to look at again, file:line; -again the mutants that survived in what a former run has printed. -filter is that of
// `conform run`: '!needs:ipv6' halves the price of a package that does not know which version of IP it runs over.
//
// The suites are the judge, not the package's own tests: the score says what they would notice in somebody else's stack.
package main

import (
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A question is what the flags ask.
type question struct {
	folder, files, only, again string
	counters, list             bool
	sample, skip               int
	seed                       uint64
	judge                      judge
}

func main() {
	var q question
	flag.StringVar(&q.folder, "package", "", "the folder of a package of the stack")
	flag.StringVar(&q.files, "files", "", "only files whose names begin so, separated by commas")
	flag.StringVar(&q.only, "only", "", "only mutants at these places, file.go:line, separated by commas")
	flag.StringVar(&q.again, "again", "", "only mutants that survived in a former run, whose output this file has")
	flag.BoolVar(&q.counters, "counters", false, "leave out what only counts, too")
	flag.BoolVar(&q.list, "list", false, "name the mutants, and ask nobody")
	suites := flag.String("suites", "", "the suites that judge, the cheapest first, separated by commas, or by + to run them as one; all without")
	flag.IntVar(&q.judge.parts, "parts", 4, "how many parts a suite is run in: the first that notices ends it")
	flag.StringVar(&q.judge.filter, "filter", "", "only checks that conform run --filter lets through")
	flag.IntVar(&q.sample, "sample", 0, "how many mutants, chosen by -seed; 0 is all")
	flag.IntVar(&q.skip, "skip", 0, "how many of the choice to pass over: they were asked before")
	flag.Uint64Var(&q.seed, "seed", 1, "of the choice")
	flag.DurationVar(&q.judge.within, "within", time.Minute, "the bound of a run: a mutant that does not end is killed")
	flag.Parse()
	q.judge.suites = strings.FieldsFunc(*suites, func(r rune) bool { return r == ',' })
	q.judge.parts = max(q.judge.parts, 1)
	if err := q.answer(); err != nil {
		fmt.Fprintln(os.Stderr, "codemutants:", err)
		os.Exit(1)
	}
}

func (q question) answer() error {
	all, err := find(q.folder, q.files, q.counters)
	if err != nil {
		return err
	}
	if q.only != "" {
		places := strings.Split(q.only, ",")
		all = slices.DeleteFunc(all, func(m mutant) bool {
			return !slices.ContainsFunc(places, func(p string) bool { return p == m.place() || p == filepath.Base(m.place()) })
		})
	}
	if q.again != "" {
		b, err := os.ReadFile(q.again)
		if err != nil {
			return err
		}
		names := survivors(string(b))
		all = slices.DeleteFunc(all, func(m mutant) bool { return !names[m.String()] })
	}
	if len(all) == 0 {
		return errors.New("there is nothing to change: -package takes a folder such as stack/udp")
	}
	if q.list {
		for _, m := range all {
			fmt.Println(m)
		}
		return nil
	}
	if q.judge.tmp, err = os.MkdirTemp("", "codemutants"); err != nil {
		return err
	}
	defer os.RemoveAll(q.judge.tmp)
	if all, err = q.judge.build(q.folder, all); err != nil {
		return err
	}
	if dead, by := q.judge.ask(0); dead { // no mutant is in force
		return fmt.Errorf("the suites do not pass on the stack as it is: %s", by)
	}
	var s score
	for _, i := range q.choice(len(all)) {
		dead, by := q.judge.ask(i + 1)
		s.add(all[i], dead)
		if dead {
			fmt.Printf("killed    %v, by %s\n", all[i], by)
		} else {
			fmt.Printf("survived  %v\n", all[i])
		}
	}
	s.print(q.folder, len(all))
	return nil
}

// survivors are the mutants that survived in a run, by what it printed.
func survivors(said string) map[string]bool {
	names := map[string]bool{}
	for line := range strings.Lines(said) {
		if name, ok := strings.CutPrefix(line, "survived"); ok {
			names[strings.TrimSpace(name)] = true
		}
	}
	return names
}

// choice is which of n mutants are asked, in which order.
func (q question) choice(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	h := fnv.New64a()
	fmt.Fprint(h, q.folder)
	rand.New(rand.NewPCG(q.seed, h.Sum64())).Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })
	order = order[min(max(q.skip, 0), n):]
	if q.sample > 0 {
		order = order[:min(q.sample, len(order))]
	}
	return order
}

// A score counts mutants by file.
type score struct {
	files         []string
	asked, killed map[string]int
}

func (s *score) add(m mutant, killed bool) {
	if s.asked == nil {
		s.asked, s.killed = map[string]int{}, map[string]int{}
	}
	if s.asked[m.file]++; s.asked[m.file] == 1 {
		s.files = append(s.files, m.file)
	}
	if killed {
		s.killed[m.file]++
	}
}

func (s *score) print(folder string, there int) {
	slices.Sort(s.files)
	asked, killed := 0, 0
	for _, f := range s.files {
		asked += s.asked[f]
		killed += s.killed[f]
		fmt.Printf("%s: %d of %d\n", f, s.killed[f], s.asked[f])
	}
	fmt.Printf("%s: %d of %d mutants killed; there are %d\n", folder, killed, asked, there)
}
