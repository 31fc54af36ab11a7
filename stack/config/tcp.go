package config

import "time"

// TCP configures TCP. Zero means the profile's value; a negative number means none, where a field says so.
type TCP struct {
	Enabled          Switch        // have TCP at all
	MSL              time.Duration // maximum segment lifetime; TIME-WAIT lasts twice as long (RFC 9293, 3.4.2); negative: no TIME-WAIT
	InitialRTO       time.Duration // RFC 6298, 2.1
	MinRTO           time.Duration // RFC 6298, 2.4
	MaxRTO           time.Duration // RFC 6298, 2.5
	SynRetries       int           // retransmissions of a SYN before it is given up (R2 of RFC 9293, 3.8.3, MUST-23)
	R1               int           // retransmissions after which IP is told (SHLD-10)
	UserTimeout      time.Duration // how long data may be unacknowledged (R2 for data, SHLD-11); negative: for ever
	DelayedACK       time.Duration // below 500 ms (MUST-59); negative: none
	KeepIdle         time.Duration // SHLD-, MUST-28: two hours or more
	KeepInterval     time.Duration // between two probes
	KeepCount        int           // probes before the connection is given up
	MaxProbeInterval time.Duration // bound on the back-off of zero-window probes
	MSS              int           // the largest that is offered; the link bounds it, too
	DefaultMSS4      int           // what a peer that says nothing takes (MUST-15): 536
	DefaultMSS6      int           // the same by IPv6: 1220
	SendBuffer       int           // octets, at first
	SendBufferMax    int           // octets up to which it grows
	RecvBuffer       int           // octets, at first; the window follows it
	RecvBufferMax    int           // octets up to which it grows
	InitialWindow    int           // segments, RFC 6928: 10
	Congestion       string        // reno or cubic; "" means the profile's
	WindowScale      Switch        // RFC 7323, 2
	Timestamps       Switch        // RFC 7323, 3
	SACK             Switch        // RFC 2018
	RACK             Switch        // RFC 8985
	FRTO             Switch        // RFC 5682
	PRR              Switch        // RFC 6937
	LimitedTransmit  Switch        // RFC 3042
	ECN              Switch        // RFC 3168
	FastOpen         Switch        // RFC 7413
	SynCookies       Switch        // RFC 4987, when the backlog is full
	Nagle            Switch        // SHLD-7; a socket may turn it off
	RandomISN        Switch        // RFC 6528
	ResetUnbound     Switch        // answer segments to a port where nobody listens with RST
	ChallengeRate    int           // challenge ACKs a second (RFC 5961, 7); negative: not limited
	PathMTU          Switch        // RFC 1191 and 4821 for TCP
	Connections      int           // at a time, TIME-WAIT included
	Backlog          int           // the most that listen may ask for
}

var tcpLimits = []limit{ // never written
	{"TCP.MSL", func(c *Config) int64 { return int64(c.TCP.MSL) }, -1, 1 << 62},
	{"TCP.InitialRTO", func(c *Config) int64 { return int64(c.TCP.InitialRTO) }, 1, 1 << 62},
	{"TCP.MinRTO", func(c *Config) int64 { return int64(c.TCP.MinRTO) }, 1, 1 << 62},
	{"TCP.MaxRTO", func(c *Config) int64 { return int64(c.TCP.MaxRTO) }, 1, 1 << 62},
	{"TCP.SynRetries", func(c *Config) int64 { return int64(c.TCP.SynRetries) }, 1, 255},
	{"TCP.R1", func(c *Config) int64 { return int64(c.TCP.R1) }, 1, 255},
	{"TCP.KeepCount", func(c *Config) int64 { return int64(c.TCP.KeepCount) }, 1, 255},
	{"TCP.MSS", func(c *Config) int64 { return int64(c.TCP.MSS) }, 64, 65495},
	{"TCP.DefaultMSS4", func(c *Config) int64 { return int64(c.TCP.DefaultMSS4) }, 64, 65495},
	{"TCP.DefaultMSS6", func(c *Config) int64 { return int64(c.TCP.DefaultMSS6) }, 64, 65495},
	{"TCP.SendBuffer", func(c *Config) int64 { return int64(c.TCP.SendBuffer) }, 256, 1 << 30},
	{"TCP.SendBufferMax", func(c *Config) int64 { return int64(c.TCP.SendBufferMax) }, 256, 1 << 30},
	{"TCP.RecvBuffer", func(c *Config) int64 { return int64(c.TCP.RecvBuffer) }, 256, 1 << 30},
	{"TCP.RecvBufferMax", func(c *Config) int64 { return int64(c.TCP.RecvBufferMax) }, 256, 1 << 30},
	{"TCP.InitialWindow", func(c *Config) int64 { return int64(c.TCP.InitialWindow) }, 1, 64},
	{"TCP.Connections", func(c *Config) int64 { return int64(c.TCP.Connections) }, 1, 1 << 22},
	{"TCP.Backlog", func(c *Config) int64 { return int64(c.TCP.Backlog) }, 1, 1 << 20},
}

func rfcTCP() TCP {
	return TCP{
		Enabled:          On,
		MSL:              2 * time.Minute, // RFC 9293, 3.4.2
		InitialRTO:       time.Second,     // RFC 6298, 2.1
		MinRTO:           time.Second,     // RFC 6298, 2.4
		MaxRTO:           60 * time.Second,
		SynRetries:       7, // R2 is at least 3 minutes (MUST-23): 1+2+4+...+60+60 s
		R1:               3,
		UserTimeout:      5 * time.Minute, // RFC 9293, 3.9.1
		DelayedACK:       200 * time.Millisecond,
		KeepIdle:         2 * time.Hour,
		KeepInterval:     75 * time.Second,
		KeepCount:        9,
		MaxProbeInterval: 60 * time.Second,
		MSS:              65495,
		DefaultMSS4:      536,
		DefaultMSS6:      1220,
		SendBuffer:       64 << 10,
		SendBufferMax:    4 << 20,
		RecvBuffer:       128 << 10,
		RecvBufferMax:    6 << 20,
		InitialWindow:    10,
		Congestion:       "reno",
		WindowScale:      On,
		Timestamps:       On,
		SACK:             On,
		RACK:             On,
		FRTO:             On,
		PRR:              On,
		LimitedTransmit:  On,
		ECN:              Off, // RFC 3168 leaves it to the user whether to ask for it
		FastOpen:         Off,
		SynCookies:       Off,
		Nagle:            On,
		RandomISN:        On,
		ResetUnbound:     On,
		ChallengeRate:    100,
		PathMTU:          On,
		Connections:      16384,
		Backlog:          1024,
	}
}

// zephyrTCP is what Zephyr's Kconfig files set by default.
func zephyrTCP() TCP {
	t := rfcTCP()
	t.MSL = 750 * time.Millisecond
	t.InitialRTO = 200 * time.Millisecond
	t.MinRTO = 200 * time.Millisecond
	t.SynRetries = 9
	t.R1 = 9
	t.UserTimeout = 102 * time.Second
	t.DelayedACK = 100 * time.Millisecond
	t.MaxProbeInterval = 120 * time.Second
	t.SendBuffer, t.SendBufferMax = 1536, 1536
	t.RecvBuffer, t.RecvBufferMax = 1536, 1536
	t.WindowScale = Off
	t.Timestamps = Off
	t.RACK = Off
	t.FRTO = Off
	t.PRR = Off
	t.PathMTU = Off
	t.Connections = 6
	t.Backlog = 4
	return t
}
