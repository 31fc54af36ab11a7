//go:build !linux

package main

import "errors"

func configureHost(string, string) error {
	return errors.New("the host's side of a device is configured on Linux only; use --host none")
}
