//go:build !linux

package replay_test

import (
	"testing"

	"github.com/conform-stack/conform/harness/target"
)

// kernel is nil: there is none but on Linux.
func kernel(*testing.T) target.Target { return nil }
