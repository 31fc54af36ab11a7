package rfc8931

import (
	"testing"

	"github.com/conform-stack/conform/harness/run"
)

func Test(t *testing.T) { run.Suite(t, suite) }
