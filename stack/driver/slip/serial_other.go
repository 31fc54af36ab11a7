//go:build !linux

package slip

import (
	"fmt"
	"io"
)

func openSerial(path string) (io.ReadWriteCloser, error) {
	return nil, fmt.Errorf("%s: serial devices are opened on Linux only", path)
}
