// Package mld is the tables of Multicast Listener Discovery: the message that version 1 (RFC 2710) has for all, and the
// query and the report of version 2 (RFC 3810). Which table a message is read by follows from its type and, for queries,
// from its length (RFC 3810, section 8.1).
//
// The templates of whole messages (GeneralQuery, Heard, ...) are for sending: they come from the link-local address with hop
// limit 1 and the Router Alert option. To make them wrong, With: GeneralQuery(10000).With(ipv6.HopLimit.Is(2)).
package mld

import (
	"fmt"
	"net/netip"

	"github.com/google/gopacket"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/grouprecord"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
)

const (
	v1Layer     gopacket.LayerType = 1968
	queryLayer  gopacket.LayerType = 1969
	reportLayer gopacket.LayerType = 1970
)

// V1 is a message in the format of version 1, behind its ICMPv6 header.
var V1 = packet.Define("MLD", v1Layer, 20)

var (
	MaxDelay = packet.Uint(V1, "maximum response delay", 0, 16) // ms
	Reserved = packet.Uint(V1, "reserved", 16, 16)
	Group    = packet.IP(V1, "multicast address", 32, 128)
)

// Query2 is a query of version 2.
var Query2 = packet.Define("MLDv2 query", queryLayer, 24)

var (
	MaxRespCode    = packet.Uint(Query2, "maximum response code", 0, 16, packet.Hex())
	QueryReserved  = packet.Uint(Query2, "reserved", 16, 16)
	QueryGroup     = packet.IP(Query2, "multicast address", 32, 128)
	Resv           = packet.Uint(Query2, "resv", 160, 4)
	S              = packet.Uint(Query2, "S flag", 164, 1)
	QRV            = packet.Uint(Query2, "QRV", 165, 3)
	QQIC           = packet.Uint(Query2, "QQIC", 168, 8, packet.Hex())
	NumSources     = packet.Uint(Query2, "number of sources", 176, 16)
	Sources        = packet.Variable(Query2, "source addresses", tailAt(24), replaceTail(24))
	Report2Proto   = packet.Define("MLDv2 report", reportLayer, 4)
	ReportReserved = packet.Uint(Report2Proto, "reserved", 0, 16)
	NumRecords     = packet.Uint(Report2Proto, "number of multicast address records", 16, 16)
	// Records are the records of a report: Encode makes them, RecordsOf reads them.
	Records = packet.Variable(Report2Proto, "multicast address records", tailAt(4), replaceTail(4))
)

// Message is a message of a type in the format of version 1.
func Message(kind uint, conds ...packet.Cond) packet.Template { return icmpv6.With(kind, V1, conds...) }

// Report is any report of version 1.
func Report(conds ...packet.Cond) packet.Template { return Message(icmpv6.TypeMLDReport, conds...) }

// Done is any Done of version 1.
func Done(conds ...packet.Cond) packet.Template { return Message(icmpv6.TypeMLDDone, conds...) }

// Report2 is any report of version 2.
func Report2(conds ...packet.Cond) packet.Template {
	return icmpv6.With(icmpv6.TypeMLD2Report, Report2Proto, conds...)
}

// To is a message to dst, with the Router Alert option (RFC 2710, section 3).
func To(dst netip.Addr, message packet.Template) packet.Template {
	return ipv6.Header(ipv6.Dst.Is(dst)).Then(ipv6.HopByHop(ipv6.HopOptions.Is(append(ipv6.RouterAlert(0), ipv6.Pad(2)...))), message)
}

// GeneralQuery is a version 1 query for all groups; maxDelay is in ms.
func GeneralQuery(maxDelay uint) packet.Template {
	return To(ipv6.AllNodes, Message(icmpv6.TypeMLDQuery, MaxDelay.Is(maxDelay)))
}

// GroupQuery is a version 1 query for a group.
func GroupQuery(group netip.Addr, maxDelay uint) packet.Template {
	return To(group, Message(icmpv6.TypeMLDQuery, MaxDelay.Is(maxDelay), Group.Is(group)))
}

// Heard is the version 1 report of another host for a group.
func Heard(group netip.Addr) packet.Template { return To(group, Report(Group.Is(group))) }

// GeneralQuery2 is a version 2 query for all groups. code is a Maximum Response Code: ms below 32768.
func GeneralQuery2(code uint) packet.Template {
	return To(ipv6.AllNodes, icmpv6.With(icmpv6.TypeMLDQuery, Query2, MaxRespCode.Is(code)))
}

// SpecificQuery2 is a version 2 query for a group and, if there are any, for sources.
func SpecificQuery2(group netip.Addr, code uint, sources ...netip.Addr) packet.Template {
	return To(group, icmpv6.With(icmpv6.TypeMLDQuery, Query2, MaxRespCode.Is(code), QueryGroup.Is(group), Sources.Is(grouprecord.Octets(sources))))
}

func tailAt(n int) func([]byte) (int, int) {
	return func(hdr []byte) (int, int) { return n, max(n, len(hdr)) }
}

func replaceTail(n int) func(hdr, value []byte) []byte {
	return func(hdr, value []byte) []byte { return append(hdr[:n:n], value...) }
}

// carrier: from the link-local address, with hop limit 1 (RFC 2710, section 3; RFC 3810, section 5).
func carrier(env packet.Env, _ *packet.Layer) []packet.Cond {
	conds := []packet.Cond{ipv6.HopLimit.Is(1)}
	if env.Local.LinkLocal.IsValid() {
		conds = append(conds, ipv6.Src.Is(env.Local.LinkLocal))
	}
	return conds
}

// body tells a query of version 2 from one of version 1, and leaves what is behind the fields of a message to be data.
func body(kind uint8, rest []byte) (gopacket.LayerType, int) {
	switch {
	case kind == icmpv6.TypeMLDQuery && len(rest) >= 24:
		return queryLayer, min(len(rest), 24+16*(int(rest[22])<<8|int(rest[23])))
	case kind == icmpv6.TypeMLD2Report && len(rest) >= 4:
		_, behind := grouprecord.Parse(rest[4:], int(rest[2])<<8|int(rest[3]), 16)
		return reportLayer, len(rest) - len(behind)
	case kind != icmpv6.TypeMLD2Report && len(rest) >= 20:
		return v1Layer, 20
	}
	return 0, 0
}

func init() {
	V1.Rules = packet.Rules{
		Below: icmpv6.Below, Carrier: carrier,
		Defaults: func(packet.Env, *packet.Layer) []packet.Cond { return []packet.Cond{Group.Is(ipv6.Unspecified)} },
		Summary: func(h, _ []byte) string {
			return fmt.Sprintf("group %s within %d ms", netip.AddrFrom16([16]byte(h[4:20])), int(h[0])<<8|int(h[1]))
		},
	}
	Query2.Rules = packet.Rules{
		Below: icmpv6.Below, Carrier: carrier,
		// A querier with the values of RFC 3810, sections 9.1 and 9.2.
		Defaults: func(packet.Env, *packet.Layer) []packet.Cond {
			return []packet.Cond{QueryGroup.Is(ipv6.Unspecified), QRV.Is(2), QQIC.Is(125)}
		},
		Fix: func(s *packet.Sealing) { packet.Put(s, NumSources, uint(len(s.Header)-24)/16) },
		Summary: func(h, _ []byte) string {
			return fmt.Sprintf("v2 for %s, %d sources, within code %#04x", netip.AddrFrom16([16]byte(h[4:20])), int(h[22])<<8|int(h[23]), int(h[0])<<8|int(h[1]))
		},
	}
	Report2Proto.Rules = packet.Rules{
		Below: icmpv6.Below, Carrier: carrier,
		Fix:     func(s *packet.Sealing) { packet.Put(s, NumRecords, uint(len(records().Parse(s.Header[4:])))) },
		Summary: func(h, _ []byte) string { return grouprecord.List(records().Parse(h[4:])) },
	}
	icmpv6.Register(v1Layer, "MLD message")
	icmpv6.Register(queryLayer, "MLDv2 query")
	icmpv6.Register(reportLayer, "MLDv2 report")
	icmpv6.Carry(V1, body, icmpv6.TypeMLDReport, icmpv6.TypeMLDDone)
	icmpv6.Carry(Query2, body, icmpv6.TypeMLDQuery)
	icmpv6.Carry(Report2Proto, body, icmpv6.TypeMLD2Report)
}
