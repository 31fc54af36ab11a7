//go:build linux

package linux

import "github.com/conform-stack/conform/harness/target"

// quiet makes namespaces alike: what a distribution set on the host is inherited for IPv4, and goes back to the
// kernel's own defaults; what would send frames of its own accord is turned off.
var quiet = []target.Setting{
	{Name: "net.ipv4.conf.all.rp_filter", Value: "0", Why: "the kernel's default, which distributions change"},
	{Name: "net.ipv4.conf.default.rp_filter", Value: "0", Why: "the kernel's default, which distributions change"},
	{Name: "net.ipv4.conf.all.accept_redirects", Value: "1", Why: "the kernel's default, which distributions change"},
	{Name: "net.ipv4.conf.default.accept_redirects", Value: "1", Why: "the kernel's default, which distributions change"},
	{Name: "net.ipv4.conf.all.arp_notify", Value: "0", Why: "the kernel's default: no gratuitous ARP when the interface comes up"},
	{Name: "net.ipv4.conf.default.arp_notify", Value: "0", Why: "the kernel's default: no gratuitous ARP when the interface comes up"},
	{Name: "net.ipv4.tcp_congestion_control", Value: "reno", Why: "the algorithm of RFC 5681"},
	{Name: "net.ipv4.tcp_no_metrics_save", Value: "1", Why: "no connection learns from an earlier one"},
}

// router makes the host a router between its links.
var router = []target.Setting{
	{Name: "net.ipv4.ip_forward", Value: "1", Why: "the check asks for a router"},
}

// noIPv6 keeps IPv6 off the link.
var noIPv6 = []target.Setting{
	{Name: "net.ipv6.conf.all.disable_ipv6", Value: "1", Why: "no IPv6 on the link of a check that does not ask for it"},
	{Name: "net.ipv6.conf.default.disable_ipv6", Value: "1", Why: "no IPv6 on the link of a check that does not ask for it"},
}

// forRFC is what the kernel offers for conformance: each setting takes away a deviation from the RFC named, or a limit
// that would hide what the RFC asks for.
var forRFC = []target.Setting{
	{Name: "net.ipv4.icmp_ratelimit", Value: "0",
		Why: "RFC 1122, 3.2.2.1 and 4.1.3.1: the errors are due; by default one destination gets one a second"},
	{Name: "net.ipv4.icmp_msgs_per_sec", Value: "1000000", Why: "as icmp_ratelimit, for all destinations together"},
	{Name: "net.ipv4.icmp_msgs_burst", Value: "100000", Why: "as icmp_ratelimit, for all destinations together"},
	{Name: "net.ipv4.conf.all.accept_source_route", Value: "1",
		Why: "RFC 1122, 3.2.1.8 (c): a host can be the final destination of a source route; by default it drops the datagram"},
	{Name: "net.ipv4.conf.default.accept_source_route", Value: "1", Why: "as all.accept_source_route, for new interfaces"},
	{Name: "net.ipv4.ipfrag_time", Value: "60", Why: "RFC 1122, 3.3.2: the reassembly timeout lies between 60 and 120 s; the default is 30"},
	{Name: "net.ipv4.tcp_invalid_ratelimit", Value: "0",
		Why: "RFC 9293, 3.10.7.4: each unacceptable segment is answered by an ACK; by default one in 500 ms"},
	{Name: "net.ipv4.tcp_challenge_ack_limit", Value: "2147483647", Why: "RFC 5961: the limit would hide challenge ACKs from one another"},
	{Name: "net.ipv4.tcp_syn_retries", Value: "7", Why: "RFC 9293, 3.8.3 (MUST-23): R2 of a SYN is at least 3 minutes"},
	{Name: "net.ipv4.tcp_synack_retries", Value: "7", Why: "RFC 9293, 3.8.3 (MUST-23): R2 of a SYN is at least 3 minutes"},
	{Name: "net.ipv4.tcp_syn_linear_timeouts", Value: "0", Why: "RFC 6298, 5.5: each retransmission doubles the RTO, a SYN's too"},
	{Name: "net.ipv4.tcp_rto_min_us", Value: "1000000", Why: "RFC 6298, 2.4: an RTO below 1 s is rounded up to it; the default is 0.2 s"},
	{Name: "net.ipv4.tcp_comp_sack_nr", Value: "0", Why: "RFC 5681, 4.2: a segment out of order is acknowledged at once"},
	{Name: "net.ipv4.tcp_backlog_ack_defer", Value: "0", Why: "RFC 5681, 4.2: an ACK for at least every second full-sized segment"},
}
