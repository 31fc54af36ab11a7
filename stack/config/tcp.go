package config

import "time"

// TCP configures TCP. Zero means the profile's value; a negative number means none, where a field says so.
type TCP struct {
	Enabled           Switch        // have TCP at all
	MSL               time.Duration // maximum segment lifetime; TIME-WAIT lasts twice as long (RFC 9293, 3.4.2); negative: no TIME-WAIT
	InitialRTO        time.Duration // RFC 6298, 2.1
	MinRTO            time.Duration // RFC 6298, 2.4
	MaxRTO            time.Duration // RFC 6298, 2.5
	SynRetries        int           // retransmissions of a SYN before it is given up (R2 of RFC 9293, 3.8.3, MUST-23)
	R1                int           // retransmissions after which IP is told (SHLD-10)
	UserTimeout       time.Duration // how long data may be unacknowledged (R2 for data, SHLD-11); negative: for ever
	AdoptTimeout      Switch        // follow the user timeout that a peer asks for (RFC 5482); a socket may choose
	DelayedACK        time.Duration // below 500 ms (MUST-59); negative: none
	KeepIdle          time.Duration // SHLD-, MUST-28: two hours or more
	KeepInterval      time.Duration // between two probes
	KeepCount         int           // probes before the connection is given up
	MaxProbeInterval  time.Duration // bound on the back-off of zero-window probes
	MSS               int           // the largest that is offered; the link bounds it, too
	DefaultMSS4       int           // what a peer that says nothing takes (MUST-15): 536
	DefaultMSS6       int           // the same by IPv6: 1220
	SendBuffer        int           // octets, at first
	SendBufferMax     int           // octets up to which it grows
	RecvBuffer        int           // octets, at first; the window follows it
	RecvBufferMax     int           // octets up to which it grows
	InitialWindow     int           // segments, RFC 6928: 10
	Congestion        string        // reno or cubic; "" means the profile's
	WindowScale       Switch        // RFC 7323, 2
	Timestamps        Switch        // RFC 7323, 3
	SACK              Switch        // RFC 2018
	RACK              Switch        // RFC 8985
	FRTO              Switch        // RFC 5682
	PRR               Switch        // RFC 6937
	LimitedTransmit   Switch        // RFC 3042
	ECN               Switch        // RFC 3168
	FastOpen          Switch        // RFC 7413
	SynCookies        Switch        // RFC 4987, when the backlog is full
	Nagle             Switch        // SHLD-7; a socket may turn it off
	RandomISN         Switch        // RFC 6528
	ResetUnbound      Switch        // answer segments to a port where nobody listens with RST
	ChallengeRate     int           // challenge ACKs that a connection sends in an interval (RFC 5961, 7); negative: not limited
	ChallengeInterval time.Duration // how long that is
	PathMTU           Switch        // RFC 1191 and 4821 for TCP
	Connections       int           // at a time, TIME-WAIT included
	Backlog           int           // the most that listen may ask for
	Memory            int           // octets that the buffers of all connections hold together
}
