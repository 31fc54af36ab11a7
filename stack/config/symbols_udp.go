package config

// udpSymbols are of UDP.
var udpSymbols = []Symbol{ // never written
	{Name: "NET_UDP_CHECKSUM", Default: "y", Depends: "NET_UDP", at: func(c *Config) any { return &c.UDP.Checksum },
		Prompt: "discard datagrams whose checksum is wrong", Help: "What is sent always has one.", Source: "Zephyr: y; RFC 1122, 4.1.3.4"},
	{Name: "NET_UDP_MISSING_CHECKSUM", Default: "y", Depends: "NET_UDP", at: func(c *Config) any { return &c.UDP.Unchecked },
		Prompt: "accept datagrams of IPv4 that have no checksum", Help: "By IPv6 none is accepted without (RFC 8200, 8.1).", Source: "Zephyr: y; RFC 768"},
}
