package config

// socketSymbols are of sockets.
var socketSymbols = []Symbol{ // never written
	{Name: "NET_MAX_CONTEXTS", Type: Int, Default: "6", Min: 1, Max: 1 << 20, Depends: "NET_SOCKETS", at: func(c *Config) any { return &c.Sockets },
		Prompt: "sockets open at a time", Help: "", Source: "Zephyr: 6"},
	{Name: "NET_SOCKETS_POLL_MAX", Type: Int, Default: "3", Min: 1, Max: 1 << 20, Depends: "NET_SOCKETS", at: func(c *Config) any { return &c.PollMax },
		Prompt: "sockets that poll and select take at a time", Help: "", Source: "Zephyr: 3"},
	{Name: "CONFORM_SOCKET_BUFFER", Type: Int, Default: "0", Min: 1, Max: 1 << 30, Unit: "octets", Depends: "NET_SOCKETS",
		at: func(c *Config) any { return &c.SocketBuffer }, auto: received, Zero: "what the receive buffers hold",
		Prompt: "octets that a socket keeps until they are read", Help: "A socket may set another (SO_RCVBUF).", Source: "this project"},
}
