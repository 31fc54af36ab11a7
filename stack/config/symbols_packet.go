package config

// packetSymbols are of packets and buffers.
var packetSymbols = []Symbol{ // never written
	{Name: "NET_PKT_RX_COUNT", Type: Int, Default: "4", Min: 1, Max: 1 << 20, at: func(c *Config) any { return &c.RxPackets },
		Prompt: "received packets in use at a time", Help: "One more is dropped and counted.", Source: "Zephyr: 4, 14 with Ethernet"},
	{Name: "NET_PKT_TX_COUNT", Type: Int, Default: "4", Min: 1, Max: 1 << 20, at: func(c *Config) any { return &c.TxPackets },
		Prompt: "packets to send in use at a time", Help: "What wants one more is told that there is no room.", Source: "Zephyr: 4, 14 with Ethernet"},
	{Name: "NET_BUF_RX_COUNT", Type: Int, Default: "16", Min: 1, Max: 1 << 24, at: func(c *Config) any { return &c.RxBuffers },
		Prompt: "buffers for received packets", Help: "A packet is charged as many as hold its octets.", Source: "Zephyr: 16, 36 with Ethernet"},
	{Name: "NET_BUF_TX_COUNT", Type: Int, Default: "16", Min: 1, Max: 1 << 24, at: func(c *Config) any { return &c.TxBuffers },
		Prompt: "buffers for packets to send", Help: "A packet is charged as many as hold its octets.", Source: "Zephyr: 16, 36 with Ethernet"},
	{Name: "NET_BUF_DATA_SIZE", Type: Int, Default: "128", Min: 1, Max: 65535, Unit: "octets", at: func(c *Config) any { return &c.BufferSize },
		Prompt: "size of a buffer", Help: "It decides what a packet is charged, and thereby how many fit.", Source: "Zephyr: 128"},
}

// third is the room for one direction of a connection when nothing is said: a third of what the buffers hold, as Zephyr
// has it.
func third(buffers func(*Config) int) func(*Symbol, *Config) int64 {
	return func(s *Symbol, c *Config) int64 {
		return min(max(s.Min, int64(buffers(c))*int64(c.BufferSize)/3), s.Max)
	}
}

// received is the room for all that is received.
func received(s *Symbol, c *Config) int64 {
	return min(max(s.Min, int64(c.RxBuffers)*int64(c.BufferSize)), s.Max)
}
