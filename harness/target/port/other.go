//go:build !linux

package port

import (
	"context"
	"fmt"
	"io"
	"runtime"
)

func openTAP(_ context.Context, device string) (io.ReadWriteCloser, error) {
	return nil, fmt.Errorf("the target tap:%s is a TAP device of Linux, and this is %s", device, runtime.GOOS)
}

func openPacket(_ context.Context, device string) (io.ReadWriteCloser, error) {
	return nil, fmt.Errorf("packet:%s takes AF_PACKET of Linux, and this is %s", device, runtime.GOOS)
}

func openSerial(path string) (io.ReadWriteCloser, error) {
	return nil, fmt.Errorf("a serial device is opened on Linux, and this is %s", runtime.GOOS)
}
