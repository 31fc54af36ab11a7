// Package reference is the reference stack as a target: a fresh node in virtual time for every world.
//
// What a world looks like, on each of its links:
//
//	eth0        192.0.2.2/24     02:00:00:00:00:02    the target
//	testers     192.0.2.1        02:00:00:00:00:01    the target's default gateway
//	            192.0.2.3 .4 .5  02:00:00:00:00:03 :04 :05
//	unused      192.0.2.99
//
// A check that needs a second link finds it as link 1, eth1, with hosts of the same numbers in 198.51.100.0/24 and octet
// 1 before the last of the link addresses. With forwarding the target is a router between the two. What a check does not
// need is off, so that the target sends nothing of its own accord.
//
// With address conflict detection the target has its address when time begins, and defends it; it probes for others that
// it is given. With link-local addresses it has none when time begins, nor a gateway, and the hosts above are those of
// 169.254.0.0/16, in the part of it that is never chosen.
//
// A node is configured by a profile, by fragments of Kconfig over it, and by what a check asks for (target.Spec.Config),
// which stands above all. What was turned off on purpose, or lacks a protocol, is not declared as a feature.
//
// Management changes eth0 only.
//
// The same seed gives the same frames, at the same instants.
package reference
