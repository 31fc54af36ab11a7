package stats

import (
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/requirement"
	"github.com/conform-stack/conform/harness/run"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/reference"
)

func Test(t *testing.T) { run.Suite(t, suite) }

// Every counter that the reference has is moved by some scenario, and every requirement about one is of such a counter.
func TestEveryCounterIsMoved(t *testing.T) {
	moved := map[string]bool{}
	for _, c := range suite.Checks() {
		for _, req := range c.Requirements() {
			moved[strings.TrimPrefix(req, "ZEPHYR:CNT-")] = true
		}
	}
	r, err := reference.New(reference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := r.New(t.Context(), target.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	reply, done := w.Agent().Start(agent.Request{Do: agent.Stats, Iface: agent.Node}).Done()
	if !done || len(reply.Counters) < 100 {
		t.Fatalf("the counters of the reference: %+v", reply)
	}
	known := map[string]bool{}
	for name := range reply.Counters {
		known[base(name)] = true
		if !moved[base(name)] {
			t.Errorf("no scenario moves %s", base(name))
		}
	}
	all, err := requirement.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range all.All() {
		if name, ok := strings.CutPrefix(q.ID, "ZEPHYR:CNT-"); ok && !known[name] {
			t.Errorf("%s is about no counter of the reference", q.ID)
		}
	}
}
