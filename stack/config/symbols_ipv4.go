package config

import "time"

const igmpChoice = "NET_IPV4_IGMP_VERSION"

// ipv4Symbols are of IPv4, ICMP and IGMP.
var ipv4Symbols = []Symbol{ // never written
	{Name: "NET_INITIAL_TTL", Type: Int, Default: "64", Min: 1, Max: 255, Depends: "NET_IPV4", at: func(c *Config) any { return &c.DefaultTTL },
		Prompt: "time to live of datagrams", Help: "A socket may set another.", Source: "Zephyr: 64; RFC 1700"},
	{Name: "NET_INITIAL_MCAST_TTL", Type: Int, Default: "1", Min: 1, Max: 255, Depends: "NET_IPV4", at: func(c *Config) any { return &c.MulticastTTL },
		Prompt: "time to live of datagrams to groups", Help: "A socket may set another.", Source: "Zephyr: 1; RFC 1112, 6.1"},
	{Name: "NET_INITIAL_IPV4_MCAST_LOOP", Default: "y", Depends: "NET_IPV4", at: func(c *Config) any { return &c.MulticastLoop },
		Prompt: "members on this host get datagrams to a group that it sends", Help: "A socket may say otherwise.", Source: "Zephyr: y; RFC 1112, 6.1"},
	{Name: "NET_IPV4_HDR_OPTIONS", Default: "n", Depends: "NET_IPV4", at: func(c *Config) any { return &c.IPOptions },
		Prompt: "act on record route and timestamp in echoes", Help: "", Source: "Zephyr: n; RFC 1122, 3.2.2.6"},
	{Name: "CONFORM_IPV4_FORWARDING", Default: "n", Depends: "NET_IPV4", at: func(c *Config) any { return &c.Forwarding },
		Prompt: "be a router for IPv4", Help: "", Source: "RFC 1122, 3.1: off unless asked for; RFC 1812"},
	{Name: "NET_IPV4_FRAGMENT", Default: "n", Depends: "NET_IPV4", at: func(c *Config) any { return &c.Fragmentation },
		Prompt: "fragment and reassemble datagrams of IPv4", Help: "", Source: "Zephyr: n; RFC 1122, 3.3.2 and 3.3.3"},
	{Name: "NET_IPV4_FRAGMENT_MAX_COUNT", Type: Int, Default: "1", Min: 1, Max: 1 << 16, Depends: "NET_IPV4_FRAGMENT", at: func(c *Config) any { return &c.Reassemblies },
		Prompt: "datagrams in reassembly at a time", Help: "The oldest gives way to one more.", Source: "Zephyr: 1"},
	{Name: "CONFORM_IPV4_FRAGMENT_MEMORY", Type: Int, Default: "0", Min: 576, Max: 1 << 30, Unit: "octets", Depends: "NET_IPV4_FRAGMENT",
		at: func(c *Config) any { return &c.ReassemblyBytes }, auto: received, Zero: "what the receive buffers hold",
		Prompt: "memory for all datagrams in reassembly", Help: "", Source: "RFC 1122, 3.3.2: at least 576 octets"},
	{Name: "NET_IPV4_FRAGMENT_TIMEOUT", Type: Int, Default: "5", Min: 1, Max: 120, Unit: "s", one: time.Second, Depends: "NET_IPV4_FRAGMENT",
		at:     func(c *Config) any { return &c.ReassemblyTime },
		Prompt: "how long fragments of IPv4 are kept", Help: "", Source: "Zephyr: 5; RFC 1122, 3.3.2: 60 to 120 s"},
	{Name: "NET_IPV4_PMTU", Default: "n", Depends: "NET_IPV4 && CONFORM_ICMPV4", at: func(c *Config) any { return &c.PathMTU },
		Prompt: "path MTU discovery for IPv4", Help: "", Source: "Zephyr: n; RFC 1191"},
	{Name: "NET_IPV4_PMTU_DESTINATION_CACHE_ENTRIES", Type: Int, Default: "3", Min: 1, Max: 1 << 20, Depends: "NET_IPV4_PMTU", at: func(c *Config) any { return &c.PathMTUEntries },
		Prompt: "destinations of IPv4 whose path MTU is kept", Help: "", Source: "Zephyr: 3"},
	{Name: "CONFORM_IPV4_PMTU_AGE", Type: Int, Default: "600", Max: 1 << 31, Unit: "s", one: time.Second, Depends: "NET_IPV4_PMTU",
		at: func(c *Config) any { return &c.PathMTUAge }, Zero: "never",
		Prompt: "after which a lowered path MTU is forgotten", Help: "", Source: "RFC 1191, 6.3"},
	{Name: "CONFORM_IPV4_ID_LIFETIME", Type: Int, Default: "0", Max: 1 << 31, Unit: "ms", one: time.Millisecond, Depends: "NET_IPV4",
		at: func(c *Config) any { return &c.IDLifetime }, Zero: "not limited",
		Prompt: "within which no identification of a fragmented datagram is used again", Help: "", Source: "RFC 6864, 4.3"},
	{Name: "CONFORM_ICMPV4_RATE", Type: Int, Default: "0", Max: 1 << 30, Unit: "a second", Depends: "CONFORM_ICMPV4", at: func(c *Config) any { return &c.ICMPRate },
		Zero:   "not limited",
		Prompt: "ICMP errors sent", Help: "", Source: "RFC 1812, 4.3.2.8"},
	{Name: "CONFORM_ICMPV4_BURST", Type: Int, Default: "200", Min: 1, Max: 1 << 30, Depends: "CONFORM_ICMPV4", at: func(c *Config) any { return &c.ICMPBurst },
		Prompt: "ICMP errors sent at once", Help: "", Source: "RFC 1812, 4.3.2.8"},
	{Name: "NET_DISABLE_ICMP_DESTINATION_UNREACHABLE", Default: "n", Depends: "CONFORM_ICMPV4", at: func(c *Config) any { return &c.ICMPUnreachable }, not: true,
		Prompt: "send no Destination Unreachable", Help: "RFC 1122, 3.2.2.1 wants them.", Source: "Zephyr: n"},
	{Name: "NET_ICMPV4_ACCEPT_BROADCAST", Default: "n", Depends: "CONFORM_ICMPV4", at: func(c *Config) any { return &c.EchoBroadcast },
		Prompt: "answer echo requests to all and to groups", Help: "", Source: "Zephyr: n; RFC 1122, 3.2.2.6: may"},
	{Name: "NET_IPV4_IGMP", Default: "n", Depends: "NET_IPV4", at: func(c *Config) any { return &c.Multicast4 },
		Prompt: "report the groups of IPv4 by IGMP", Help: "", Source: "Zephyr: n; RFC 3376"},
	{Name: "CONFORM_IPV4_IGMPV1", Choice: igmpChoice, Default: "n", Depends: "NET_IPV4_IGMP", at: igmpVersion, is: 1,
		Prompt: "speak IGMPv1", Help: "", Source: "RFC 1112"},
	{Name: "NET_IPV4_IGMPV2", Choice: igmpChoice, Default: "y", Depends: "NET_IPV4_IGMP", at: igmpVersion, is: 2,
		Prompt: "speak IGMPv2, and v1 to older queriers", Help: "", Source: "Zephyr; RFC 2236"},
	{Name: "NET_IPV4_IGMPV3", Choice: igmpChoice, Default: "n", Depends: "NET_IPV4_IGMP", at: igmpVersion, is: 3,
		Prompt: "speak IGMPv3, and what is older to older queriers", Help: "", Source: "Zephyr; RFC 3376"},
}

func igmpVersion(c *Config) any { return &c.IGMPVersion }
