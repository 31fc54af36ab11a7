package ndp

import (
	"github.com/google/gopacket"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
)

const (
	rsLayer gopacket.LayerType = 1963
	raLayer gopacket.LayerType = 1964
	nsLayer gopacket.LayerType = 1965
	naLayer gopacket.LayerType = 1966
	rdLayer gopacket.LayerType = 1967
)

// message makes the rule that a message of Neighbor Discovery is all of the packet, options and all, if it has its fixed
// part of n octets.
func message(t gopacket.LayerType, n int) icmpv6.Body {
	return func(_ uint8, rest []byte) (gopacket.LayerType, int) {
		if len(rest) < n {
			return t, 0
		}
		return t, len(rest)
	}
}

func init() {
	for _, m := range []struct {
		proto *packet.Proto
		layer gopacket.LayerType
		name  string
		fixed int
		kind  uint8
	}{
		{RS, rsLayer, "ND router solicitation", 4, icmpv6.TypeRouterSolicit},
		{RA, raLayer, "ND router advertisement", 12, icmpv6.TypeRouterAdvert},
		{NS, nsLayer, "ND neighbor solicitation", 20, icmpv6.TypeNeighborSolicit},
		{NA, naLayer, "ND neighbor advertisement", 20, icmpv6.TypeNeighborAdvert},
		{RD, rdLayer, "ND redirect", 36, icmpv6.TypeRedirect},
	} {
		icmpv6.Register(m.layer, m.name)
		icmpv6.Carry(m.proto, message(m.layer, m.fixed), m.kind)
	}
}
