package rfc4944

import (
	"testing"

	"github.com/conform-stack/conform/harness/run"
)

func Test(t *testing.T) { run.Suite(t, suite) }
