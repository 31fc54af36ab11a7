package config

import "time"

// IPv6 configures IPv6, Neighbor Discovery and address configuration. Zero means the profile's value; a negative number
// means none, where a field says so.
type IPv6 struct {
	Enabled             Switch        // have IPv6 at all
	HopLimit            int           // of datagrams, until a router says otherwise
	MulticastHopLimit   int           // of datagrams to groups, unless the socket says otherwise
	Fragmentation       Switch        // fragment and reassemble
	ReassemblyTime      time.Duration // RFC 8200, 4.5: 60 s
	Neighbors           int           // entries known at a time on an interface
	DAD                 Switch        // RFC 4862, 5.4
	DADTransmits        int           // DupAddrDetectTransmits; negative: none
	EnhancedDAD         Switch        // RFC 7527
	RetransTimer        time.Duration // RFC 4861, 10: 1 s
	ReachableTime       time.Duration // RFC 4861, 10: the base, 30 s
	RouterSolicit       Switch        // RFC 4861, 6.3.7
	RSDelay             time.Duration // MAX_RTR_SOLICITATION_DELAY; negative: none
	RSInterval          time.Duration // RTR_SOLICITATION_INTERVAL
	RSCount             int           // MAX_RTR_SOLICITATIONS
	Autoconf            Switch        // RFC 4862, 5.5
	AcceptRedirects     Switch        // RFC 4861, 8.3
	StableIID           Switch        // RFC 7217; else the EUI-64
	TempAddresses       Switch        // RFC 8981
	TempValid           time.Duration // TEMP_VALID_LIFETIME
	TempPreferred       time.Duration // TEMP_PREFERRED_LIFETIME
	Routers             int           // default routers kept
	Prefixes            int           // prefixes kept
	Addresses           int           // of an interface
	Destinations        int           // entries of the destination cache
	MLD                 Switch        // RFC 3810, and 2710 beside older queriers
	MLDVersion          int           // 1 or 2, the highest that is spoken
	PathMTU             Switch        // RFC 8201
	Forwarding          Switch        // be a router
	FlowLabels          Switch        // RFC 6437: label flows
	ICMPRate            int           // errors a second; negative: not limited
	ICMPBurst           int           // errors at once
	OptimisticDAD       Switch        // RFC 4429
	UnsolicitedNA       Switch        // send one when an address is ready (RFC 4861, 7.2.6)
	MaxOptions          int           // options of a header that are looked at (RFC 8504, 5.3)
	MaxHeaders          int           // extension headers that are looked at
	MaxGroups           int           // multicast groups of an interface
	RDNSS               int           // servers kept (RFC 8106); negative: none
	RouterAdvertise     Switch        // a router advertises itself
	RouterMinInterval   time.Duration // MinRtrAdvInterval
	RouterMaxInterval   time.Duration // MaxRtrAdvInterval
	RouterLifetime      time.Duration // AdvDefaultLifetime
	NeighborUnreachable Switch        // RFC 7048: go on probing when there is no other way
}

var ipv6Limits = []limit{ // never written
	{"IPv6.HopLimit", func(c *Config) int64 { return int64(c.IPv6.HopLimit) }, 1, 255},
	{"IPv6.MulticastHopLimit", func(c *Config) int64 { return int64(c.IPv6.MulticastHopLimit) }, 1, 255},
	{"IPv6.Neighbors", func(c *Config) int64 { return int64(c.IPv6.Neighbors) }, 1, 1 << 20},
	{"IPv6.DADTransmits", func(c *Config) int64 { return int64(c.IPv6.DADTransmits) }, -1, 10},
	{"IPv6.RSCount", func(c *Config) int64 { return int64(c.IPv6.RSCount) }, 1, 10},
	{"IPv6.Routers", func(c *Config) int64 { return int64(c.IPv6.Routers) }, 1, 1 << 10},
	{"IPv6.Prefixes", func(c *Config) int64 { return int64(c.IPv6.Prefixes) }, 1, 1 << 10},
	{"IPv6.Addresses", func(c *Config) int64 { return int64(c.IPv6.Addresses) }, 1, 1 << 10},
	{"IPv6.Destinations", func(c *Config) int64 { return int64(c.IPv6.Destinations) }, 1, 1 << 20},
	{"IPv6.MLDVersion", func(c *Config) int64 { return int64(c.IPv6.MLDVersion) }, 1, 2},
	{"IPv6.MaxOptions", func(c *Config) int64 { return int64(c.IPv6.MaxOptions) }, 1, 1 << 16},
	{"IPv6.MaxHeaders", func(c *Config) int64 { return int64(c.IPv6.MaxHeaders) }, 1, 1 << 16},
	{"IPv6.MaxGroups", func(c *Config) int64 { return int64(c.IPv6.MaxGroups) }, 1, 1 << 16},
}

func rfcIPv6() IPv6 {
	return IPv6{
		Enabled:             On,
		HopLimit:            64,
		MulticastHopLimit:   1,
		Fragmentation:       On,
		ReassemblyTime:      60 * time.Second,
		Neighbors:           256,
		DAD:                 On,
		DADTransmits:        1,
		EnhancedDAD:         On,
		RetransTimer:        time.Second,
		ReachableTime:       30 * time.Second,
		RouterSolicit:       On,
		RSDelay:             time.Second,
		RSInterval:          4 * time.Second,
		RSCount:             3,
		Autoconf:            On,
		AcceptRedirects:     On,
		StableIID:           Off,
		TempAddresses:       Off,
		TempValid:           48 * time.Hour, // RFC 8981, 3.8
		TempPreferred:       24 * time.Hour,
		Routers:             8,
		Prefixes:            16,
		Addresses:           32,
		Destinations:        256,
		MLD:                 On,
		MLDVersion:          2,
		PathMTU:             On,
		Forwarding:          Off,
		FlowLabels:          On,
		ICMPRate:            1000,
		ICMPBurst:           200,
		OptimisticDAD:       Off,
		UnsolicitedNA:       Off,
		MaxOptions:          64,
		MaxHeaders:          16,
		MaxGroups:           64,
		RDNSS:               8,
		RouterAdvertise:     Off,
		RouterMinInterval:   200 * time.Second,
		RouterMaxInterval:   600 * time.Second,
		RouterLifetime:      1800 * time.Second,
		NeighborUnreachable: On,
	}
}

// zephyrIPv6 is what Zephyr's Kconfig files set by default.
func zephyrIPv6() IPv6 {
	v := rfcIPv6()
	v.Fragmentation = Off
	v.ReassemblyTime = 5 * time.Second
	v.Neighbors = 8
	v.RSInterval = time.Second
	v.RSDelay = -1
	v.EnhancedDAD = Off
	v.Routers = 2
	v.Prefixes = 2
	v.Addresses = 2
	v.MaxGroups = 3
	v.PathMTU = Off
	v.FlowLabels = Off
	v.ICMPRate = -1
	v.TempValid = 1440 * time.Minute
	v.TempPreferred = 1380 * time.Minute
	return v
}
