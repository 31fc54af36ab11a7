package replay_test

import (
	"slices"
	"testing"

	"github.com/conform-stack/conform/harness/replay"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/reference"
)

// targets are those that this machine and user can run, by name.
func targets(t *testing.T) map[string]target.Target {
	t.Helper()
	all := map[string]target.Target{"fake": &fake{}, "reference": referenceStack(t)}
	if k := kernel(t); k != nil {
		all["linux"] = k
	}
	return all
}

func referenceStack(t *testing.T) target.Target {
	t.Helper()
	r, err := reference.New(reference.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func TestFixturesPassOnTheReference(t *testing.T) {
	fixturesPass(t, referenceStack(t))
}

func TestFixturesPassOnTheKernel(t *testing.T) {
	k := kernel(t)
	if k == nil {
		t.Skip("run on Linux, as root, to replay the fixtures against the kernel, which takes network namespaces")
	}
	fixturesPass(t, k)
}

// fixturesPass plays every role of every fixture that on can play, and wants at least one of each fixture of its links.
func fixturesPass(t *testing.T, on target.Target) {
	t.Helper()
	all, err := replay.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			played := 0
			for _, r := range run(t, s, on, replay.Options{}) {
				if r.NotApplicable != "" {
					t.Logf("%s: %s", r.ID(), r.NotApplicable)
					continue
				}
				played++
				if !r.Passed() {
					t.Errorf("%s did not pass\n%s", r.ID(), problems([]replay.Result{r}))
				}
			}
			onItsLink := slices.Contains(on.Info().Links, linkOf(s))
			if !onItsLink && played > 0 {
				t.Error("a role was played on a link that the target does not have")
			}
			if played == 0 && onItsLink {
				t.Error("no role was played")
			}
		})
	}
}
