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
	RSCount             int           // MAX_RTR_SOLICITATIONS; with RSBackoff there is no end
	RSBackoff           Switch        // RFC 7559: ask ever more rarely until a router answers
	Autoconf            Switch        // RFC 4862, 5.5
	AcceptRedirects     Switch        // RFC 4861, 8.3
	StableIID           Switch        // RFC 7217; else the EUI-64
	TempAddresses       Switch        // RFC 8981
	TempValid           time.Duration // TEMP_VALID_LIFETIME
	TempPreferred       time.Duration // TEMP_PREFERRED_LIFETIME
	PreferPublic        Switch        // as sources, to temporary addresses (RFC 6724, 5, rule 7)
	Routers             int           // default routers kept
	Prefixes            int           // prefixes kept
	Routes              int           // routes of routers kept (RFC 4191); negative: none
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
	DNSSL               int           // search domains kept (RFC 8106); negative: none
	RouterAdvertise     Switch        // a router advertises itself
	RouterMinInterval   time.Duration // MinRtrAdvInterval
	RouterMaxInterval   time.Duration // MaxRtrAdvInterval
	RouterLifetime      time.Duration // AdvDefaultLifetime
	NeighborUnreachable Switch        // RFC 7048: go on probing when there is no other way
}
