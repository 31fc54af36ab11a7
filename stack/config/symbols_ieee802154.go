package config

const accessChoice = "NET_L2_IEEE802154_RADIO"

// ieee802154Symbols are of the MAC of IEEE 802.15.4.
var ieee802154Symbols = []Symbol{ // never written
	{Name: "NET_L2_IEEE802154_ACK_REPLY", Default: "y", Depends: "NET_L2_IEEE802154", at: func(c *Config) any { return &c.IEEE802154.AckReply },
		Prompt: "acknowledge frames that ask for it", Help: "Say n where the radio does so by itself.", Source: "Zephyr: n, its radios do; IEEE 802.15.4, 6.7.4"},
	{Name: "NET_L2_IEEE802154_RADIO_TX_RETRIES", Type: Int, Default: "3", Max: 7, Depends: "NET_L2_IEEE802154", at: func(c *Config) any { return &c.IEEE802154.Retries },
		Prompt: "repeats of a frame that is not acknowledged", Help: "", Source: "Zephyr: 3; IEEE 802.15.4: macMaxFrameRetries"},
	{Name: "NET_L2_IEEE802154_RADIO_CSMA_CA", Choice: accessChoice, Default: "y", Depends: "NET_L2_IEEE802154", at: access, is: CSMA,
		Prompt: "listen before sending, with random backoff", Help: "", Source: "Zephyr; IEEE 802.15.4, 6.2.5.1"},
	{Name: "NET_L2_IEEE802154_RADIO_ALOHA", Choice: accessChoice, Default: "n", Depends: "NET_L2_IEEE802154", at: access, is: Aloha,
		Prompt: "send without listening", Help: "", Source: "Zephyr; IEEE 802.15.4, 10.2.8"},
	{Name: "NET_L2_IEEE802154_RADIO_CSMA_CA_MAX_BO", Type: Int, Default: "4", Max: 5, Depends: "NET_L2_IEEE802154",
		at:     func(c *Config) any { return &c.IEEE802154.MaxBackoffs },
		Prompt: "backoffs before the channel counts as busy", Help: "", Source: "Zephyr: 4; IEEE 802.15.4: macMaxCsmaBackoffs"},
	{Name: "NET_L2_IEEE802154_RADIO_CSMA_CA_MIN_BE", Type: Int, Default: "3", Max: 8, Depends: "NET_L2_IEEE802154", at: func(c *Config) any { return &c.IEEE802154.MinBE },
		Prompt: "backoff exponent at first", Help: "It is not above the one at most.", Source: "Zephyr: 3; IEEE 802.15.4: macMinBe"},
	{Name: "NET_L2_IEEE802154_RADIO_CSMA_CA_MAX_BE", Type: Int, Default: "5", Min: 3, Max: 8, Depends: "NET_L2_IEEE802154", at: func(c *Config) any { return &c.IEEE802154.MaxBE },
		Prompt: "backoff exponent at most", Help: "", Source: "Zephyr: 5; IEEE 802.15.4: macMaxBe"},
	{Name: "NET_L2_IEEE802154_SECURITY", Default: "n", Depends: "NET_L2_IEEE802154", at: func(c *Config) any { return &c.IEEE802154.Security },
		Prompt: "secure frames", Help: "Keys are given at run time.", Source: "Zephyr: n; IEEE 802.15.4, 9"},
	{Name: "CONFORM_IEEE802154_REPEATS", Type: Int, Default: "32", Min: 1, Max: 65536, Depends: "NET_L2_IEEE802154", at: func(c *Config) any { return &c.IEEE802154.Repeats },
		Prompt: "stations of which repeated frames are noticed", Help: "The one heard longest ago gives way.", Source: "IEEE 802.15.4, 6.7.4.3: an acknowledgement may be lost"},
}

func access(c *Config) any { return &c.IEEE802154.Access }
