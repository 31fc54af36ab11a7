package tap

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/live"
	"github.com/songgao/water"
	"golang.org/x/sys/unix"
)

// New attaches to the TAP device and asks the target for its link address. The device must exist and be up; it stays
// when the target is closed.
func New(ctx context.Context, device string, o Options) (target.Living, error) {
	c, err := o.config(device)
	if err != nil {
		return nil, fmt.Errorf("tap:%s: %w", device, err)
	}
	if err := isUp(device); err != nil {
		return nil, err
	}
	port, err := water.New(water.Config{
		DeviceType: water.TAP,
		PlatformSpecificParams: water.PlatformSpecificParams{
			Name:    device,
			Persist: true, // without it water would make the device one that Close deletes
		},
	})
	if err != nil {
		return nil, explain(device, err)
	}
	s, err := live.NewShared(ctx, port, c)
	if err != nil {
		return nil, fmt.Errorf("tap:%s: %w", device, err)
	}
	return s, nil
}

// isUp is nil when the device is there and up: the kernel would make one that is not there.
func isUp(device string) error {
	i, err := net.InterfaceByName(device)
	switch {
	case err != nil:
		return fmt.Errorf("there is no interface %s: make it with `ip tuntap add %s mode tap && ip link set %s up`", device, device, device)
	case i.Flags&net.FlagUp == 0:
		return fmt.Errorf("the interface %s is down: `ip link set %s up`", device, device)
	}
	return nil
}

// explain says what it means that a device cannot be attached.
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
