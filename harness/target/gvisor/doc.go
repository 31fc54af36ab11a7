// Package gvisor is gVisor's netstack, in this process, as a target.
//
// Each world is a stack of its own, made as gVisor's sentry makes it, with an Ethernet link whose other end is the
// harness. Its time is virtual: the stack takes clock and randomness from who embeds it. What is left are the goroutines
// that process segments of TCP; after each frame, timer and call of the agent the world waits until they are idle
// (settle), so that the same seed gives the same frames.
//
//	eth0        192.0.2.2/24     02:00:00:00:00:02    the target
//	testers     192.0.2.1        02:00:00:00:00:01    the target's default gateway
//	            192.0.2.3 .4 .5  02:00:00:00:00:03 :04 :05
//	unused      192.0.2.99
//
// What a check needs changes its world alone: with udp-echo an echo service (RFC 862) runs on port 7; with igmp the target
// is an IGMP host; with second-link there is an eth1 with hosts of the same numbers in 198.51.100.0/24, and octet 1 before
// the last of the link addresses, and an MTU of 1280; with forwarding the target is a router between the two; with slaac it
// has no global address of IPv6 until a router advertises one.
//
// netstack leaves it to the device to sort out unicast frames for others, so the link does.
package gvisor
