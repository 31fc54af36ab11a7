package bench

import "net/netip"

// A network is that in which the nodes of a measurement are: IPv4, or IPv6.
type network struct {
	name string // what stands behind a benchmark's: "6" for IPv6
	net  netip.Prefix
}

var (
	net4 = network{"", netip.MustParsePrefix("192.0.2.0/24")}
	net6 = network{"6", netip.MustParsePrefix("2001:db8:1::/64")}
)

func (n network) six() bool { return n.net.Addr().Is6() }

// host is the address of a node; the tester has 1, the one that is measured 2.
func (n network) host(last byte) netip.Addr {
	b := n.net.Addr().AsSlice()
	b[len(b)-1] = last
	a, _ := netip.AddrFromSlice(b)
	return a
}

// service is the second node's port for echoes (RFC 862).
func (n network) service() netip.AddrPort { return netip.AddrPortFrom(n.host(2), 7) }

// most is how many octets of UDP go in one packet of an Ethernet link.
func (n network) most() int {
	if n.six() {
		return 1500 - 40 - 8
	}
	return 1500 - 20 - 8
}
