package config

// protocolSymbols say which protocols there are.
var protocolSymbols = []Symbol{ // never written
	{Name: "NET_NATIVE", Default: "y", at: func(c *Config) any { return &c.Have.Native },
		Prompt: "IP on this node", Help: "Without it there are interfaces and link layers, and no protocol above them.", Source: "Zephyr: y"},
	{Name: "NET_IPV4", Default: "n", Depends: "NET_NATIVE", at: func(c *Config) any { return &c.Have.IPv4 },
		Prompt: "IPv4", Help: "Without it, packets of EtherType 0x0800 are of an unknown type.", Source: "Zephyr: n; RFC 791, RFC 1122"},
	{Name: "NET_IPV6", Default: "y", Depends: "NET_NATIVE", at: func(c *Config) any { return &c.IPv6.Enabled },
		Prompt: "IPv6", Help: "Without it, packets of EtherType 0x86dd are of an unknown type.", Source: "Zephyr: y; RFC 8200"},
	{Name: "NET_L2_ETHERNET", Default: "n", at: func(c *Config) any { return &c.Have.Ethernet },
		Prompt: "Ethernet interfaces", Help: "Without it only the loopback interface is left.", Source: "Zephyr: n, boards set it; RFC 894"},
	{Name: "NET_ARP", Default: "y", Depends: "NET_IPV4 && NET_L2_ETHERNET", at: func(c *Config) any { return &c.Have.ARP },
		Prompt: "ARP", Help: "Without it requests get no answer, and packets of IPv4 to one neighbour are dropped for want of its link address.",
		Source: "Zephyr: y; RFC 826"},
	{Name: "CONFORM_ICMPV4", Default: "y", Depends: "NET_IPV4", at: func(c *Config) any { return &c.Have.ICMPv4 },
		Prompt: "ICMP for IPv4", Help: "Zephyr always has it. Without it there is no echo and no error, sent or heeded.", Source: "RFC 792"},
	{Name: "NET_UDP", Default: "y", Depends: "NET_IPV4 || NET_IPV6", at: func(c *Config) any { return &c.Have.UDP },
		Prompt: "UDP", Help: "Without it datagrams are of an unknown protocol.", Source: "Zephyr: y; RFC 768"},
	{Name: "NET_TCP", Default: "n", Depends: "NET_IPV4 || NET_IPV6", at: func(c *Config) any { return &c.TCP.Enabled },
		Prompt: "TCP", Help: "Without it segments are of an unknown protocol.", Source: "Zephyr: n; RFC 9293"},
	{Name: "NET_SOCKETS", Default: "n", at: func(c *Config) any { return &c.Have.Sockets },
		Prompt: "sockets", Help: "Without them none of any kind can be opened.", Source: "Zephyr: n, applications set it"},
	{Name: "NET_SOCKETS_INET_RAW", Default: "n", Depends: "NET_SOCKETS && (NET_IPV4 || NET_IPV6)", at: func(c *Config) any { return &c.Have.RawSockets },
		Prompt: "raw sockets of IP", Help: "They see whole datagrams of a protocol beside whoever handles it.", Source: "Zephyr: n"},
	{Name: "NET_SOCKETS_PACKET", Default: "n", Depends: "NET_SOCKETS", at: func(c *Config) any { return &c.Have.PacketSockets },
		Prompt: "sockets of the link (AF_PACKET)", Help: "They see frames before any protocol does.", Source: "Zephyr: n"},
}
