package port

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/songgao/water"
	"golang.org/x/sys/unix"
)

// openTAP attaches to a TAP device, which must exist and be up; it stays when the port is closed.
func openTAP(_ context.Context, device string) (io.ReadWriteCloser, error) {
	if err := isUp(device, "make it with `ip tuntap add "+device+" mode tap && ip link set "+device+" up`"); err != nil {
		return nil, err
	}
	p, err := water.New(water.Config{
		DeviceType: water.TAP,
		PlatformSpecificParams: water.PlatformSpecificParams{
			Name:    device,
			Persist: true, // without it water would make the device one that Close deletes
		},
	})
	if err != nil {
		return nil, explain(device, err)
	}
	return p, nil
}

// isUp is nil when the device is there and up: the kernel would make a TAP device that is not there.
func isUp(device, help string) error {
	i, err := net.InterfaceByName(device)
	switch {
	case err != nil && help != "":
		return fmt.Errorf("there is no interface %s: %s", device, help)
	case err != nil:
		return fmt.Errorf("there is no interface %s", device)
	case i.Flags&net.FlagUp == 0:
		return fmt.Errorf("the interface %s is down: `ip link set %s up`", device, device)
	}
	return nil
}

// explain says what it means that a TAP device cannot be attached.
func explain(device string, err error) error {
	switch {
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("another program holds the TAP device %s: there can be only one, so end that or take another device", device)
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("the interface %s is no TAP device: make one with `ip tuntap add NAME mode tap`", device)
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("this user may not attach to the TAP device %s: run as root, or make it with `ip tuntap add %s mode tap user NAME`", device, device)
	}
	return fmt.Errorf("the TAP device %s cannot be attached: %w", device, err)
}
