package config

import "time"

// l2Symbols are of Ethernet with ARP, and of the addresses of IPv4 that are settled with ARP's help.
var l2Symbols = []Symbol{ // never written
	{Name: "NET_L2_ETHERNET_ACCEPT_MISMATCH_L3_L2_ADDR", Default: "n", Depends: "NET_L2_ETHERNET", at: func(c *Config) any { return &c.AcceptMismatch },
		Prompt: "accept link broadcasts with a unicast destination", Help: "RFC 1122, 3.3.6 has them dropped.", Source: "Zephyr: n"},
	{Name: "NET_ARP_TABLE_SIZE", Type: Int, Default: "2", Min: 1, Max: 1 << 20, Depends: "NET_ARP", at: func(c *Config) any { return &c.NeighEntries },
		Prompt: "neighbours of IPv4 known at a time", Help: "They are counted for each interface.", Source: "Zephyr: 2"},
	{Name: "CONFORM_ARP_PENDING", Type: Int, Default: "8", Min: 1, Max: 1 << 20, Depends: "NET_ARP", at: func(c *Config) any { return &c.NeighPending },
		Prompt: "packets that wait for one link address", Help: "The oldest gives way to one more.", Source: "RFC 1122, 2.3.2.2: at least one"},
	{Name: "CONFORM_ARP_REACHABLE_TIME", Type: Int, Default: "31536000000", Min: 1, Max: 31536000000, Unit: "ms", one: time.Millisecond, Depends: "NET_ARP",
		at:     func(c *Config) any { return &c.NeighReachable },
		Prompt: "how long a link address is trusted after it was confirmed", Help: "Zephyr's entries do not age; a year is as long.",
		Source: "RFC 1122, 2.3.2.1: of the order of a minute"},
	{Name: "CONFORM_ARP_DELAY_FIRST_PROBE", Type: Int, Default: "5000", Min: 1, Max: 3600000, Unit: "ms", one: time.Millisecond, Depends: "NET_ARP",
		at:     func(c *Config) any { return &c.NeighDelay },
		Prompt: "from the use of a doubtful link address to the first probe", Help: "DELAY_FIRST_PROBE_TIME, of which ARP knows nothing.", Source: "RFC 4861, 10"},
	{Name: "CONFORM_ARP_REQUEST_TIMEOUT", Type: Int, Default: "2000", Min: 1, Max: 3600000, Unit: "ms", one: time.Millisecond, Depends: "NET_ARP",
		at:     func(c *Config) any { return &c.NeighRetry },
		Prompt: "between two requests for one link address", Help: "", Source: "Zephyr: 2 s, fixed; RFC 1122, 2.3.2.1: at most one a second"},
	{Name: "CONFORM_ARP_REQUESTS", Type: Int, Default: "3", Min: 1, Max: 100, Depends: "NET_ARP", at: func(c *Config) any { return &c.NeighRequests },
		Prompt: "requests before a neighbour is given up", Help: "As many by broadcast as to the station itself.", Source: "RFC 4861, 10"},
	{Name: "NET_ARP_GRATUITOUS_TRANSMISSION", Default: "n", Depends: "NET_ARP", at: func(c *Config) any { return &c.GratuitousARP },
		Prompt: "announce an address when it is added", Help: "", Source: "Zephyr: n; RFC 5227, 3"},
	{Name: "NET_IPV4_ACD", Default: "n", Depends: "NET_ARP", at: func(c *Config) any { return &c.ConflictDetect },
		Prompt: "address conflict detection", Help: "An address is probed for before it is used, and defended after.", Source: "Zephyr: n; RFC 5227"},
	{Name: "NET_IPV4_AUTO", Default: "n", Depends: "NET_ARP", at: func(c *Config) any { return &c.LinkLocal4 },
		Prompt: "link-local addresses of IPv4", Help: "An interface without an address gives itself one of 169.254/16.", Source: "Zephyr: n; RFC 3927"},
}
