// Package ipv6 checks the Internet Protocol version 6: RFC 8200 with the rules for fragments of RFC 5722, 6946, 7112 and
// 8021, and the addresses of RFC 4291. ICMPv6 and path MTU discovery are suites of their own.
package ipv6

import (
	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("ipv6", "RFC 8200, RFC 4291: IPv6 and its addresses").On(target.Ethernet).Needing(target.IPv6)

var (
	anyReply   = icmpv6.EchoReply()
	anyError   = icmpv6.Error()
	anyProblem = icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeParameterProblem))
)

// echo is an echo request behind extension headers.
func echo(p *probe.P, headers ...packet.Template) packet.Template {
	return ipv6.Header().Then(append(headers, icmpv6.Echo(p.Serial(), 1, kit.Pattern(24)))...)
}

// none asserts that the target has sent nothing like t since the world was made.
func none(lan *probe.Tester, requirement, what string, t packet.Template) {
	if fs := lan.Seen(t); len(fs) > 0 {
		lan.Fail(requirement, probe.Spurious, "%s: %s", what, fs[0])
		return
	}
	lan.Meets(requirement)
}

// errs is a target that answers what is like when with a Parameter Problem, too.
func errs(when packet.Template) mutate.Mutation {
	return mutate.Forge(when, icmpv6.ParameterProblem(0, icmpv6.Pointer.Is(0)).Then(packet.Payload(kit.Pattern(48))))
}
