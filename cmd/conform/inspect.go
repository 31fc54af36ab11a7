package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/conform-stack/conform/harness/inspect"
	"github.com/conform-stack/conform/harness/target"
)

func inspectCommand() *cobra.Command {
	var keys, stations []string
	c := &cobra.Command{
		Use:   "inspect FILE...",
		Short: "Judge any capture",
		Long: "Hold every packet of the captures against the rules of the judge, whoever sent it.\n\n" +
			"Exit codes: 0 nothing found, 1 findings, 2 a file that cannot be read or judged.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			code := exitAsExpected
			var faults []error
			security, err := securityOf(keys, stations)
			if err != nil {
				return exit{exitUsage, err}
			}
			for _, f := range files {
				r, err := inspect.File(f, inspect.Options{Security: security})
				if r.Packets > 0 {
					if e := r.Print(cmd.OutOrStdout()); e != nil {
						return e
					}
				}
				switch {
				case err != nil:
					faults = append(faults, err)
				case r.Verdict() == inspect.Faulty:
					code = max(code, exitUnexpected)
				}
			}
			if len(faults) > 0 {
				return exit{exitUsage, errors.Join(faults...)}
			}
			if code != exitAsExpected {
				return exit{code: code}
			}
			if len(files) > 1 {
				fmt.Fprintf(cmd.OutOrStdout(), "nothing found in %d files\n", len(files))
			}
			return nil
		},
	}
	c.Flags().StringArrayVar(&keys, "key", nil, "a key of AES-128 by which frames of IEEE 802.15.4 are secured, 32 digits; INDEX:KEY for one that frames name by an index")
	c.Flags().StringArrayVar(&stations, "station", nil, "SHORT=EXTENDED: the addresses of a station that goes by its short one, as 0x0102=02:00:00:00:00:00:00:01")
	return c
}

// securityOf is what the flags say of secured frames.
func securityOf(keys, stations []string) (s target.Security, err error) {
	for _, k := range keys {
		digits, one := k, target.Key{}
		if index, rest, ok := strings.Cut(k, ":"); ok {
			n, err := strconv.ParseUint(index, 0, 8)
			if err != nil {
				return s, fmt.Errorf("--key: %q is no index from 0 to 255", index)
			}
			digits, one = rest, target.Key{Mode: 1, Index: uint8(n)}
		}
		b, err := hex.DecodeString(digits)
		if err != nil || len(b) != 16 {
			return s, fmt.Errorf("--key: %q is not the 16 octets of a key, as 32 digits from 0 to f", digits)
		}
		one.Secret = [16]byte(b)
		s.Keys = append(s.Keys, one)
	}
	for _, station := range stations {
		short, extended, _ := strings.Cut(station, "=")
		n, err := strconv.ParseUint(short, 0, 16)
		mac, bad := net.ParseMAC(extended)
		if err != nil || bad != nil || len(mac) != 8 {
			return s, fmt.Errorf("--station: %q is no SHORT=EXTENDED, as 0x0102=02:00:00:00:00:00:00:01", station)
		}
		s.Stations = append(s.Stations, target.Host{ShortAddr: net.HardwareAddr{byte(n >> 8), byte(n)}, MAC: mac})
	}
	return s, nil
}
