//go:build !linux

package tap

import (
	"context"
	"fmt"
	"runtime"

	"github.com/conform-stack/conform/harness/target"
)

// New says that there are no TAP devices by name here.
func New(_ context.Context, device string, _ Options) (target.Living, error) {
	return nil, fmt.Errorf("the target tap:%s is a TAP device of Linux, and this is %s", device, runtime.GOOS)
}
