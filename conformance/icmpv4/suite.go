// Package icmpv4 checks ICMP for IPv4: RFC 792 with the rules for hosts of RFC 1122, section 3.2.2.
package icmpv4

import "github.com/conform-stack/conform/harness/check"

var suite = check.NewSuite("icmpv4", "ICMP for IPv4: RFC 792, RFC 1122 section 3.2.2")
