package config

import "time"

// registrationSymbols are of Neighbor Discovery of 6LoWPAN.
var registrationSymbols = []Symbol{ // never written
	{Name: "CONFORM_6LO_ND", Default: "n", Depends: "NET_IPV6", at: func(c *Config) any { return &c.Registration.Enabled },
		Prompt: "addresses are registered with routers", Help: "Without it, interfaces of IEEE 802.15.4 do as any other: solicitations are multicast.",
		Source: "Zephyr: n; RFC 6775"},
	{Name: "CONFORM_6LO_ND_EXTENDED", Default: "y", Depends: "CONFORM_6LO_ND", at: func(c *Config) any { return &c.Registration.Extended },
		Prompt: "the extended registration", Help: "Without it, a node knows RFC 6775 only.", Source: "RFC 8505"},
	{Name: "CONFORM_6LO_ND_LIFETIME", Type: Int, Default: "60", Min: 1, Max: 65535, Unit: "minutes", one: time.Minute, Depends: "CONFORM_6LO_ND",
		at:     func(c *Config) any { return &c.Registration.Lifetime },
		Prompt: "how long an address is registered", Help: "It is registered anew well before.", Source: "RFC 6775, 5.8.1"},
	{Name: "CONFORM_6LO_ND_REGISTRARS", Type: Int, Default: "2", Min: 1, Max: 64, Depends: "CONFORM_6LO_ND", at: func(c *Config) any { return &c.Registration.Registrars },
		Prompt: "routers that an address is registered with", Help: "", Source: "RFC 6775, 5.5: more than one"},
	{Name: "CONFORM_6LO_ND_NEIGHBORS", Type: Int, Default: "32", Min: 1, Max: 1 << 16, Depends: "CONFORM_6LO_ND", at: func(c *Config) any { return &c.Registration.Neighbors },
		Prompt: "registrations that a router keeps", Help: "One more is refused: its cache is full.", Source: "RFC 6775, 6.5.3"},
	{Name: "CONFORM_6LO_ND_NEIGHBORS_PER_NODE", Type: Int, Default: "10", Max: 1 << 16, Depends: "CONFORM_6LO_ND", at: func(c *Config) any { return &c.Registration.PerNode },
		Zero:   "not limited",
		Prompt: "of those, registrations of one node", Help: "One more makes that node's least recently registered give way.", Source: "RFC 8505, 7: 3 to 10"},
	{Name: "CONFORM_6LO_ND_DUPLICATES", Default: "y", Depends: "CONFORM_6LO_ND", at: func(c *Config) any { return &c.Registration.Duplicates },
		Prompt: "a router asks the border router for duplicates", Help: "", Source: "RFC 6775, 8.2"},
	{Name: "CONFORM_6LO_ND_BORDER_ROUTER", Default: "n", Depends: "CONFORM_6LO_ND", at: func(c *Config) any { return &c.Registration.BorderRouter },
		Prompt: "be the border router of the network", Help: "It is the authority on prefixes and contexts, and knows all addresses.", Source: "RFC 6775, 7"},
	{Name: "CONFORM_6LO_ND_DUPLICATE_TABLE", Type: Int, Default: "256", Min: 1, Max: 1 << 20, Depends: "CONFORM_6LO_ND", at: func(c *Config) any { return &c.Registration.DuplicateTable },
		Prompt: "addresses that a border router knows", Help: "One more is refused.", Source: "RFC 6775, 8.2.2; RFC 8505, 5.7"},
	{Name: "CONFORM_6LO_ND_BORDER_ROUTERS", Type: Int, Default: "2", Min: 1, Max: 64, Depends: "CONFORM_6LO_ND", at: func(c *Config) any { return &c.Registration.BorderRouters },
		Prompt: "border routers that a router knows", Help: "What one more says is not heeded.", Source: "RFC 6775, 8.1.4"},
	{Name: "CONFORM_6LO_ND_PERIODIC", Default: "y", Depends: "CONFORM_6LO_ND", at: func(c *Config) any { return &c.Registration.Multicast },
		Prompt: "routers advertise themselves to all now and then", Help: "Other routers learn of changes by it; hosts ask.", Source: "RFC 6775, 6.4 and 8.1.5"},
	{Name: "CONFORM_6LO_ND_REDIRECTS", Default: "n", Depends: "CONFORM_6LO_ND", at: func(c *Config) any { return &c.Registration.Redirects },
		Prompt: "routers send redirects", Help: "Only where a router knows what hosts can reach.", Source: "RFC 6775, 6.1"},
	{Name: "CONFORM_6LO_ND_CONTEXT_DELAY", Type: Int, Default: "300", Min: 1, Max: 65535, Unit: "s", one: time.Second, Depends: "CONFORM_6LO_ND",
		at:     func(c *Config) any { return &c.Registration.ContextDelay },
		Prompt: "from telling of a context to compressing with it", Help: "As long is told that it is not to be used, before it goes.",
		Source: "RFC 6775, 9: MIN_CONTEXT_CHANGE_DELAY"},
}
