package config

import "time"

const profileChoice = "CONFORM_PROFILE"

// nodeSymbols are of the node as a whole.
var nodeSymbols = []Symbol{ // never written
	{Name: "CONFORM_PROFILE_RFC", Choice: profileChoice, Default: "n", at: profile, is: RFC,
		Prompt: "begin with what the RFCs say", Help: "The fragment rfc.conf stands below all others.", Source: "this project"},
	{Name: "CONFORM_PROFILE_ZEPHYR", Choice: profileChoice, Default: "y", at: profile, is: Zephyr,
		Prompt: "begin with what Zephyr does", Help: "The fragment zephyr.conf stands below all others: an Ethernet board on Zephyr's defaults.", Source: "this project"},
	{Name: "CONFORM_SEED", Type: Hex, Default: "0x0", at: func(c *Config) any { return &c.Seed }, plain: true,
		Prompt: "seed of all that is random", Help: "Two nodes of one seed make the same choices: ports, identifications, delays, initial sequence numbers.",
		Source: "this project"},
	{Name: "CONFORM_TIME_OF_DAY", Type: Int, Default: "0", Max: 86399999, Unit: "ms", one: time.Millisecond,
		at: func(c *Config) any { return &c.TimeOfDay }, plain: true,
		Prompt: "time since midnight UT when the node starts", Help: "Timestamps in ICMP and in IP options are made of it.",
		Source: "RFC 792"},
}

func profile(c *Config) any { return &c.Profile }
