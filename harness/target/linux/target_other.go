//go:build !linux

package linux

import (
	"fmt"
	"runtime"

	"github.com/conform-stack/conform/harness/target"
)

// New says that there is no Linux kernel here.
func New(o Options) (target.Target, error) {
	return nil, fmt.Errorf("the target %s is the Linux kernel that conform runs on, and this is %s", o.name(), runtime.GOOS)
}
