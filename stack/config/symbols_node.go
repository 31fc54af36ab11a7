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
	{Name: "NET_MGMT_EVENT_QUEUE_SIZE", Type: Int, Default: "5", Min: 1, Max: 1024, at: func(c *Config) any { return &c.EventQueue },
		Prompt: "events of management that wait to be delivered", Help: "The oldest gives way to a new one.", Source: "Zephyr: 5, 2 in old versions"},
	{Name: "NET_MGMT_EVENT_DIRECT", Default: "n", at: func(c *Config) any { return &c.EventsDirect },
		Prompt: "deliver events within the call that raises them", Help: "Then none waits, and none is lost.", Source: "Zephyr: n"},
}

func profile(c *Config) any { return &c.Profile }
