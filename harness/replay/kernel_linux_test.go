package replay_test

import (
	"os"
	"testing"

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
