//go:build !linux

package userns

import (
	"fmt"
	"runtime"
)

// Ensure says that there are no user namespaces here.
func Ensure() error {
	return fmt.Errorf("network namespaces are the Linux kernel's, and this is %s", runtime.GOOS)
}
