// Package linux is the Linux kernel that the harness runs on, as a target.
//
// Each world is a network namespace of its own, without a name: it lives as long as something is in it, so that nothing
// stays behind, however the process ends. In it are the loopback interface and eth0, a TAP device whose other end the
// harness holds, so the kernel is the host at the end of the link and the harness is everybody else there:
//
//	eth0        192.0.2.2/24     02:00:00:00:00:02    the target
//	testers     192.0.2.1        02:00:00:00:00:01    the target's default gateway
//	            192.0.2.3 .4 .5  02:00:00:00:00:03 :04 :05
//	unused      192.0.2.99
//
// What a check needs changes its world alone: with ipv6 the same hosts have 2001:db8::2/64 and so on, and without it the
// link carries no IPv6; with udp-echo an echo service (RFC 862) runs on port 7; with second-link there is an eth1 with
// hosts of the same numbers in 198.51.100.0/24 and 2001:db8:1::/64, and octet 1 before the last of the link addresses;
// with forwarding the target is a router between the two.
//
// The thread that makes a world stays in its namespace and opens the agent's sockets there.
//
// It takes the capabilities CAP_SYS_ADMIN and CAP_NET_ADMIN: root has them, and so has anybody in a user namespace
// (package userns).
package linux

// Options say which kernel is meant.
type Options struct {
	// RFC sets what the kernel offers for conformance, before each world; Info.Settings lists it. False is the kernel as
	// shipped.
	RFC bool
	// Agent is a program that is the agent of each world, in its namespace, by its standard input and output (package
	// remote). Empty: the one that is built in.
	Agent []string
}

func (o Options) name() string {
	if o.RFC {
		return "linux:rfc"
	}
	return "linux"
}
