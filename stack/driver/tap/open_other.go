//go:build !linux

package tap

import "errors"

// errUnsupported says that this system has no TAP interfaces, or none that this package opens.
var errUnsupported = errors.New("tap: TAP interfaces are opened on Linux only")

func open(Config) (string, medium, error) { return "", nil, errUnsupported }
