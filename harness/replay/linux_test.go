package replay_test

import (
	"os"
	"testing"

	"github.com/conform-stack/conform/harness/replay"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/linux"
)

// kernel is the Linux kernel as a target, nil when this user may not have it.
func kernel(t *testing.T) target.Target {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	k, err := linux.New(linux.Options{})
	if err != nil {
		t.Logf("without the kernel: %v", err)
		return nil
	}
	t.Cleanup(func() { _ = k.Close() })
	return k
}

func TestFixturesPassOnTheKernel(t *testing.T) {
	k := kernel(t)
	if k == nil {
		t.Skip("run as root to replay the fixtures against the kernel, which takes network namespaces")
	}
	all, err := replay.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			results := run(t, s, k, replay.Options{})
			if p := problems(results); p != "" {
				t.Error(p)
			}
			for _, r := range results {
				if !r.Passed() {
					t.Errorf("%s did not pass", r.ID())
				}
			}
		})
	}
}
