package probe

import (
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"

	"net/netip"
)

// What a body about a transport protocol needs of the header below, and of ICMP, by family.

// Proto is the table of the family's header.
func (f Family) Proto() *packet.Proto { return f.networkOf().proto }

// Src and Dst are the fields of the addresses.
func (f Family) Src() packet.Field[netip.Addr] { return f.networkOf().src }

// Dst is the field of the destination address.
func (f Family) Dst() packet.Field[netip.Addr] { return f.networkOf().dst }

// Hops is the field that routers count down: time to live, or hop limit.
func (f Family) Hops() packet.Field[uint] { return pick(f, ipv4.TTL, ipv6.HopLimit) }

// Class is the octet of type of service, or traffic class.
func (f Family) Class() packet.Field[uint] { return pick(f, ipv4.TOS, ipv6.TrafficClass) }

// Carries is the field that names the protocol carried, as far as there are no extension headers.
func (f Family) Carries() packet.Field[uint] { return pick(f, ipv4.Protocol, ipv6.NextHeader) }

// Echo is an echo request, EchoReply the reply to one.
func (f Family) Echo(id, seq uint, data []byte) packet.Template {
	return pick(f, icmpv4.Echo, icmpv6.Echo)(id, seq, data)
}

// EchoReply is the reply to an echo with an identifier.
func (f Family) EchoReply(id uint) packet.Template {
	return pick(f, icmpv4.EchoReply(icmpv4.ID.Is(id)), icmpv6.EchoReply(icmpv6.ID.Is(id)))
}

// PortUnreachable is the ICMP error about a port that nobody has.
func (f Family) PortUnreachable() packet.Template {
	return pick(f, icmpv4.Unreachable(icmpv4.CodePort), icmpv6.Unreachable(icmpv6.CodePort))
}

// Error is any ICMP error.
func (f Family) Error() packet.Template { return pick(f, icmpv4.Error(), icmpv6.Error()) }

// Quotes asks that an error's data is the beginning of the packet in sent, as much of it as the family wants.
func (f Family) Quotes(sent *packet.Frame) packet.Cond {
	return pick(f, icmpv4.Quotes, icmpv6.Quotes)(sent)
}

func pick[T any](f Family, four, six T) T {
	if f == IPv6 {
		return six
	}
	return four
}
