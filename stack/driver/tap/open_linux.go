package tap

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/songgao/water"
)

func open(c Config) (string, medium, error) {
	w, err := water.New(water.Config{
		DeviceType:             water.TAP,
		PlatformSpecificParams: water.PlatformSpecificParams{Name: c.Name, Persist: c.Persist},
	})
	if err != nil {
		return "", nil, explain(c.Name, err)
	}
	return w.Name(), w.ReadWriteCloser, nil
}

// explain says what to do about the usual reasons.
func explain(name string, err error) error {
	if name == "" {
		name = "a new one"
	}
	hint := ""
	switch {
	case errors.Is(err, os.ErrNotExist):
		hint = "; /dev/net/tun is missing: load the module tun"
	case errors.Is(err, syscall.EBUSY):
		hint = "; somebody else has it open"
	case errors.Is(err, os.ErrPermission):
		hint = "; it takes root, or an interface made for the user: ip tuntap add mode tap user NAME"
	}
	return fmt.Errorf("tap: open %s: %w%s", name, err, hint)
}
