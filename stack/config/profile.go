package config

import (
	"reflect"
	"time"
)

// fill puts d's values in place of c's zeros.
func fill(c *Config, d Config) {
	fillStruct(reflect.ValueOf(c).Elem(), reflect.ValueOf(d))
}

func fillStruct(to, from reflect.Value) {
	for i := range to.NumField() {
		switch f := to.Field(i); {
		case f.Kind() == reflect.Struct:
			fillStruct(f, from.Field(i))
		case f.IsZero():
			f.Set(from.Field(i))
		}
	}
}

// rfc is what the RFCs say, and room enough not to get in their way.
func rfc() Config {
	return Config{
		RxPackets: 1024, TxPackets: 1024,
		RxBuffers: 16384, TxBuffers: 16384,
		BufferSize: 128,

		RxClasses: 1, TxClasses: 1,
		QueueSlots: 512,
		PacketCost: -1,
		Data:       rfcData(),

		NeighEntries:   256,
		NeighPending:   8,
		NeighReachable: 60 * time.Second, // RFC 1122, 2.3.2.1: of the order of a minute
		NeighDelay:     5 * time.Second,  // RFC 4861, 10
		NeighRetry:     time.Second,      // RFC 1122, 2.3.2.1; RFC 4861, 10
		NeighRequests:  3,                // RFC 4861, 10
		GratuitousARP:  Off,
		ConflictDetect: Off,
		LinkLocal4:     Off,
		AcceptMismatch: Off,
		EchoBroadcast:  Off,

		DefaultTTL:      64, // RFC 1700
		MulticastTTL:    1,  // RFC 1112, 6.1
		MulticastLoop:   On, // RFC 1112, 6.1
		IPOptions:       On,
		Forwarding:      Off, // RFC 1122, 3.1
		Fragmentation:   On,
		Reassemblies:    64,
		ReassemblyBytes: 1 << 20,
		ReassemblyTime:  60 * time.Second, // RFC 1122, 3.3.2
		PathMTU:         On,
		PathMTUEntries:  64,
		PathMTUAge:      10 * time.Minute, // RFC 1191, 6.3
		IDLifetime:      2 * time.Minute,  // RFC 6864, 4
		ICMPRate:        1000,
		ICMPBurst:       200,
		ICMPUnreachable: On,
		Multicast4:      On,
		IGMPVersion:     3,

		Sockets:      256,
		SocketBuffer: 212992,

		TCP:  rfcTCP(),
		IPv6: rfcIPv6(),
	}
}

// zephyr is what Zephyr's Kconfig files set by default, for an Ethernet board.
func zephyr() Config {
	c := rfc()
	c.RxPackets, c.TxPackets = 14, 14
	c.RxBuffers, c.TxBuffers = 36, 36
	c.RxClasses, c.TxClasses = 1, -1
	c.QueueSlots = -1
	c.Data = zephyrData()
	c.NeighEntries = 2
	c.NeighRetry = 2 * time.Second
	c.NeighReachable = 365 * 24 * time.Hour // entries do not age
	c.GratuitousARP = On
	c.IPOptions = Off
	c.Fragmentation = Off
	c.Reassemblies = 1
	c.ReassemblyBytes = 36 * 128
	c.ReassemblyTime = 5 * time.Second
	c.PathMTU = Off
	c.PathMTUEntries = 3
	c.IDLifetime = -1
	c.ICMPRate = -1
	c.Multicast4 = Off
	c.IGMPVersion = 2
	c.Sockets = 6
	c.SocketBuffer = 36 * 128
	c.TCP = zephyrTCP()
	c.IPv6 = zephyrIPv6()
	return c
}
