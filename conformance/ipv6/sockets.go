package ipv6

import (
	"net/netip"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/probe"
)

// discard is the port that the target's datagrams go to.
const discard = 9

// sendTo lets the target send n octets to the tester; a target that does not makes the check inconclusive.
func sendTo(lan *probe.Tester, s *probe.Socket, n int) {
	if err := s.SendTo(kit.Pattern(n), netip.AddrPortFrom(lan.IP(), discard)); err != nil {
		lan.Inconclusive("the target does not send %d octets: %v", n, err)
	}
}

// emptied takes the data from a reply of the agent.
func emptied(r *agent.Reply) { r.Data = nil }
