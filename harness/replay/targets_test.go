package replay_test

import (
	"testing"

	"github.com/conform-stack/conform/harness/target"
)

// targets are those that this machine and user can run, by name.
func targets(t *testing.T) map[string]target.Target {
	t.Helper()
	all := map[string]target.Target{"fake": &fake{}}
	if k := kernel(t); k != nil {
		all["linux"] = k
	}
	return all
}
