package config

import "time"

// Registration configures Neighbor Discovery of 6LoWPAN: addresses are registered with routers (RFC 6775, RFC 8505). Zero
// means the profile's value; a negative number means none, where a field says so. A node that forwards is a router, any
// other a host.
type Registration struct {
	Enabled        Switch        // on interfaces of IEEE 802.15.4; else they do as RFC 4861 says
	Extended       Switch        // RFC 8505: EARO, EDAR and EDAC, 6CIO
	Lifetime       time.Duration // that a host asks for; whole minutes
	Registrars     int           // routers that a host registers with at a time
	Neighbors      int           // registrations that a router keeps on an interface
	PerNode        int           // of those, how many of one node; negative: not limited
	BorderRouter   Switch        // be the border router of the network
	Duplicates     Switch        // a router asks the border router for duplicates (RFC 6775, 8.2)
	DuplicateTable int           // addresses that a border router keeps
	BorderRouters  int           // of which a router keeps prefixes and contexts
	Multicast      Switch        // routers advertise themselves to all now and then, for other routers (RFC 6775, 8.1)
	Redirects      Switch        // routers send redirects (RFC 6775, 6.1)
	ContextDelay   time.Duration // from the announcement of a context to its use, and before it is dropped (RFC 6775, 9)
}
