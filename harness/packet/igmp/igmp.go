// Package igmp is the tables of IGMP messages: versions 1 (RFC 1112, appendix I) and 2 (RFC 2236), which share a format,
// and the query and the report of version 3 (RFC 3376). Which table a message is read by follows from its type and, for
// queries, from its length (RFC 3376, section 7.1).
//
// The templates of whole messages (GeneralQuery, Heard, ...) are for sending: they have the destination, the TTL and the
// Router Alert option that the RFCs ask for. Those to expect (Report, Leave, Report3) say nothing of the IP header.
package igmp

import (
	"fmt"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
)

// Types.
const (
	TypeQuery    = 0x11
	TypeV1Report = 0x12
	TypeV2Report = 0x16
	TypeLeave    = 0x17
	TypeV3Report = 0x22
)

// protocol is IGMP's number in the IPv4 header.
const protocol = 2

var typeNames = map[uint]string{
	TypeQuery: "query", TypeV1Report: "version 1 report", TypeV2Report: "version 2 report", TypeLeave: "leave",
	TypeV3Report: "version 3 report",
}

// The groups that IGMP speaks to.
var (
	AllSystems   = netip.AddrFrom4([4]byte{224, 0, 0, 1})
	AllRouters   = netip.AddrFrom4([4]byte{224, 0, 0, 2})
	AllV3Routers = netip.AddrFrom4([4]byte{224, 0, 0, 22})
)

// Proto is a message in the format of versions 1 and 2. What follows its 8 octets is data.
var Proto = packet.Define("IGMP", layerType, 8)

var (
	Type = packet.Uint(Proto, "type", 0, 8, packet.Named(typeNames))
	// MaxRespTime is in tenths of a second. Version 1 calls it unused.
	MaxRespTime = packet.Uint(Proto, "max response time", 8, 8)
	Checksum    = packet.Uint(Proto, "checksum", 16, 16, packet.Hex())
	Group       = packet.IP(Proto, "group address", 32, 32)
)

// Message is any message in the format of versions 1 and 2.
func Message(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

// Report is any report of version 1 or 2.
func Report(version int, conds ...packet.Cond) packet.Template {
	t := uint(TypeV2Report)
	if version == 1 {
		t = TypeV1Report
	}
	return Message(append([]packet.Cond{Type.Is(t)}, conds...)...)
}

// Leave is any leave.
func Leave(conds ...packet.Cond) packet.Template {
	return Message(append([]packet.Cond{Type.Is(TypeLeave)}, conds...)...)
}

// To is a message in a datagram to dst, with TTL 1 and the Router Alert option (RFC 2236, section 2).
func To(dst netip.Addr, message packet.Template) packet.Template {
	return ipv4.Header(ipv4.Dst.Is(dst), ipv4.TTL.Is(1), ipv4.Options.Is(ipv4.RouterAlert())).Then(message)
}

// GeneralQuery is a version 2 query to all systems; maxRespTime is in tenths of a second, not 0.
func GeneralQuery(maxRespTime uint) packet.Template {
	return To(AllSystems, Message(Type.Is(TypeQuery), MaxRespTime.Is(maxRespTime)))
}

// GroupQuery is a version 2 query to a group.
func GroupQuery(group netip.Addr, maxRespTime uint) packet.Template {
	return To(group, Message(Type.Is(TypeQuery), MaxRespTime.Is(maxRespTime), Group.Is(group)))
}

// V1Query is a version 1 query to all systems: without Router Alert, which is younger.
func V1Query() packet.Template {
	return GeneralQuery(0).With(ipv4.Options.Is(nil))
}

// Heard is the report of another host for a group.
func Heard(version int, group netip.Addr) packet.Template {
	t := To(group, Report(version, Group.Is(group)))
	if version == 1 {
		t = t.With(ipv4.Options.Is(nil))
	}
	return t
}

func summary(h, _ []byte) string {
	if len(h) < 8 {
		return "IGMP"
	}
	name := typeNames[uint(h[0])]
	if name == "" {
		name = fmt.Sprintf("type %#02x", h[0])
	}
	if h[0] == TypeQuery {
		return fmt.Sprintf("IGMP query for %s within %d", netip.AddrFrom4([4]byte(h[4:8])), h[1])
	}
	return fmt.Sprintf("IGMP %s of %s", name, netip.AddrFrom4([4]byte(h[4:8])))
}

func init() {
	Proto.Rules = packet.Rules{
		Below:      below,
		IPProtocol: protocol,
		Defaults:   func(packet.Env, *packet.Layer) []packet.Cond { return []packet.Cond{Group.Is(netip.IPv4Unspecified())} },
		Fix:        func(s *packet.Sealing) { seal(s, Checksum) },
		Summary:    summary,
	}
}

func below(packet.Env) *packet.Proto { return ipv4.Proto }

// seal sets the checksum, which covers the whole IP payload (RFC 2236, section 2.3).
func seal(s *packet.Sealing, checksum packet.Field[uint]) {
	if packet.Sets(s, checksum) {
		packet.Put(s, checksum, 0)
		packet.Put(s, checksum, packet.Checksum(s.Header, s.Payload))
	}
}
