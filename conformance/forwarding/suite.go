// Package forwarding checks an IPv4 router between two links: the part of RFC 1812 that needs no routing protocol.
//
// A tester on each link plays a host. The second link has a smaller MTU, so that the router has to make fragments.
package forwarding

import (
	"bytes"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("forwarding", "Forwarding: RFC 1812").On(target.Ethernet)

// proves claims a requirement of a router. It has a route to everywhere, so that nothing is dropped for lack of one.
func proves(requirement string, violated mutate.Mutation) check.Claims {
	return check.Proves(requirement, violated).Needs(target.Forwarding, target.SecondLink, target.Gateway)
}

// hosts are a tester on each of the router's links.
func hosts(p *probe.P) (near, far *probe.Tester) {
	near = p.IPv4()
	return near, near.Link(1)
}

// crossing is a datagram from the near host to the far one, with a payload of its own.
func crossing(near, far *probe.Tester, size int, conds ...packet.Cond) packet.Template {
	data := bytes.Repeat([]byte{byte(near.Serial())}, size)
	header := append([]packet.Cond{ipv4.Dst.Is(far.IP()), ipv4.ID.Is(0x1800 + near.Serial())}, conds...)
	return ipv4.Header(header...).Then(udp.Datagram(udp.SrcPort.Is(4001), udp.DstPort.Is(4002)), packet.Payload(data))
}

// forwarded is any of those datagrams.
var forwarded = udp.Datagram(udp.SrcPort.Is(4001), udp.DstPort.Is(4002))
