package igmp

import (
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/grouprecord"
)

// Report3Proto is a version 3 membership report (RFC 3376, section 4.2).
var Report3Proto = packet.Define("IGMPv3 report", reportLayer, 8)

var (
	Report3Type     = packet.Uint(Report3Proto, "type", 0, 8, packet.Named(typeNames))
	Reserved1       = packet.Uint(Report3Proto, "reserved", 8, 8)
	Report3Checksum = packet.Uint(Report3Proto, "checksum", 16, 16, packet.Hex())
	Reserved2       = packet.Uint(Report3Proto, "reserved", 32, 16)
	NumRecords      = packet.Uint(Report3Proto, "number of group records", 48, 16)
	// Records are the group records: Encode makes them, RecordsOf reads them.
	Records = packet.Variable(Report3Proto, "group records", tailAt(8), replaceTail(8))
)

// Report3 is any version 3 report.
func Report3(conds ...packet.Cond) packet.Template { return Report3Proto.Layer(conds...) }

func report3Summary(h, _ []byte) string {
	if len(h) < 8 {
		return "IGMPv3 report"
	}
	return fmt.Sprintf("IGMPv3 report: %s", grouprecord.List(records().Parse(h[8:])))
}

func init() {
	Report3Proto.Rules = packet.Rules{
		Below:      below,
		IPProtocol: protocol,
		Defaults:   func(packet.Env, *packet.Layer) []packet.Cond { return []packet.Cond{Report3Type.Is(TypeV3Report)} },
		Fix: func(s *packet.Sealing) {
			packet.Put(s, NumRecords, uint(len(records().Parse(s.Header[8:]))))
			seal(s, Report3Checksum)
		},
		Summary: report3Summary,
	}
}
