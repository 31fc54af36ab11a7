package igmp

import (
	"fmt"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/grouprecord"
)

// Query3 is a version 3 query (RFC 3376, section 4.1).
var Query3 = packet.Define("IGMPv3 query", queryLayer, 12)

var (
	Query3Type     = packet.Uint(Query3, "type", 0, 8, packet.Named(typeNames))
	MaxRespCode    = packet.Uint(Query3, "max resp code", 8, 8, packet.Hex())
	Query3Checksum = packet.Uint(Query3, "checksum", 16, 16, packet.Hex())
	Query3Group    = packet.IP(Query3, "group address", 32, 32)
	Resv           = packet.Uint(Query3, "resv", 64, 4)
	S              = packet.Uint(Query3, "S flag", 68, 1)
	QRV            = packet.Uint(Query3, "QRV", 69, 3)
	QQIC           = packet.Uint(Query3, "QQIC", 72, 8, packet.Hex())
	NumSources     = packet.Uint(Query3, "number of sources", 80, 16)
	// Sources are the addresses behind the fixed part, 4 octets each.
	Sources = packet.Variable(Query3, "source addresses", tailAt(12), replaceTail(12))
)

// GeneralQuery3 is a version 3 query to all systems. code is a Max Resp Code: tenths of a second below 128.
func GeneralQuery3(code uint) packet.Template {
	return To(AllSystems, Query3.Layer(MaxRespCode.Is(code)))
}

// SpecificQuery3 is a version 3 query for a group and, if there are any, for sources.
func SpecificQuery3(group netip.Addr, code uint, sources ...netip.Addr) packet.Template {
	return To(group, Query3.Layer(MaxRespCode.Is(code), Query3Group.Is(group), Sources.Is(grouprecord.Octets(sources))))
}

func tailAt(n int) func([]byte) (int, int) {
	return func(hdr []byte) (int, int) { return n, max(n, len(hdr)) }
}

func replaceTail(n int) func(hdr, value []byte) []byte {
	return func(hdr, value []byte) []byte { return append(hdr[:n:n], value...) }
}

func query3Summary(h, _ []byte) string {
	if len(h) < 12 {
		return "IGMPv3 query"
	}
	return fmt.Sprintf("IGMPv3 query for %s, %d sources, within code %#02x", netip.AddrFrom4([4]byte(h[4:8])), int(h[10])<<8|int(h[11]), h[1])
}

func init() {
	Query3.Rules = packet.Rules{
		Below:      below,
		IPProtocol: protocol,
		// A querier with the values of RFC 3376, sections 8.1 and 8.2.
		Defaults: func(packet.Env, *packet.Layer) []packet.Cond {
			return []packet.Cond{Query3Type.Is(TypeQuery), Query3Group.Is(netip.IPv4Unspecified()), QRV.Is(2), QQIC.Is(125)}
		},
		Fix: func(s *packet.Sealing) {
			packet.Put(s, NumSources, uint(len(s.Header)-12)/4)
			seal(s, Query3Checksum)
		},
		Summary: query3Summary,
	}
}
