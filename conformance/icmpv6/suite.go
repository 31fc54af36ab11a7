// Package icmpv6 checks ICMPv6 messages: RFC 4443. Neighbor Discovery, Multicast Listener Discovery and path MTU discovery,
// whose messages are ICMPv6, too, are suites of their own.
package icmpv6

import (
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("icmpv6", "RFC 4443: ICMPv6").On(target.Ethernet).Needing(target.IPv6)

// cleared takes the error from a reply of the agent.
func cleared(r *agent.Reply) { r.Errno = "" }
