package icmpv4

import (
	"net/netip"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/target"
)

// A group is a destination that is not a single host, with the link address that belongs to it.
type group struct {
	name string
	to   func(target.Net) []packet.Cond
}

func (g group) String() string { return g.name }

var (
	limitedBroadcast = group{"limited-broadcast", func(target.Net) []packet.Cond {
		return []packet.Cond{ipv4.Dst.Is(ipv4.Broadcast)}
	}}
	subnetBroadcast = group{"subnet-broadcast", func(n target.Net) []packet.Cond {
		return []packet.Cond{ipv4.Dst.Is(kit.LastOf(n.Prefix4)), ethernet.Dst.Is(ethernet.Broadcast)}
	}}
	allHosts = group{"all-hosts", func(target.Net) []packet.Cond {
		return []packet.Cond{ipv4.Dst.Is(netip.AddrFrom4([4]byte{224, 0, 0, 1}))}
	}}
	groups = []group{limitedBroadcast, subnetBroadcast, allHosts}
)
