package main

import (
	"fmt"

	"github.com/vishvananda/netlink"
)

// configureHost gives the host's side of a TAP device an address and sets it up.
func configureHost(device, prefix string) error {
	addr, err := netlink.ParseAddr(prefix)
	if err != nil {
		return fmt.Errorf("--host: %w", err)
	}
	l, err := netlink.LinkByName(device)
	if err == nil {
		err = netlink.AddrReplace(l, addr)
	}
	if err == nil {
		err = netlink.LinkSetUp(l)
	}
	if err != nil {
		return fmt.Errorf("the host's side of %s: %w", device, err)
	}
	return nil
}
