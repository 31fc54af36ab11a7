package replay

import (
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
)

// echoAligner is the ICMP queries (RFC 792): by type, addresses, identifier and sequence number.
var echoAligner = &aligner{
	kind: "ICMP echo",
	event: func(f *packet.Frame) (string, bool) {
		kind, ok := icmpv4.Type.Of(f)
		name := queries[kind]
		if !ok || name == "" {
			return "", false
		}
		id, _ := icmpv4.ID.Of(f)
		seq, _ := icmpv4.Seq.Of(f)
		return fmt.Sprintf("ICMP %s %s id %d seq %d", name, endsOf(f), id, seq), true
	},
	begins: isQuery,
	comes: func(f *packet.Frame) []string {
		switch kind, _ := icmpv4.Type.Of(f); kind {
		case icmpv4.TypeEchoReply:
			return []string{"RFC1122:3.2.2.6-1"}
		case icmpv4.TypeTimestampReply:
			return []string{"RFC1122:3.2.2.8-1"}
		}
		return nil
	},
	fields: func(f *packet.Frame) []field {
		switch kind, _ := icmpv4.Type.Of(f); kind {
		case icmpv4.TypeEcho:
			return echoRequestFields
		case icmpv4.TypeTimestamp, icmpv4.TypeTimestampReply:
			return timestampFields
		}
		return echoFields
	},
	unasked: noRule,
	refills: true,
}

var queries = map[uint]string{
	icmpv4.TypeEcho: "echo", icmpv4.TypeEchoReply: "echo reply",
	icmpv4.TypeTimestamp: "timestamp", icmpv4.TypeTimestampReply: "timestamp reply",
}

func isQuery(f *packet.Frame) bool {
	kind, ok := icmpv4.Type.Of(f)
	return ok && (kind == icmpv4.TypeEcho || kind == icmpv4.TypeTimestamp)
}

var echoFields = append(addressed("RFC792:EC-3", "RFC792:EC-3", "RFC1122:3.2.2.6-5"),
	same(icmpv4.Proto, icmpv4.Type, "RFC792:EC-6"),
	same(icmpv4.Proto, icmpv4.Code, "RFC792:EC-1"),
	fits(icmpv4.Proto, icmpv4.Checksum, "RFC792:EC-6"),
	same(icmpv4.Proto, icmpv4.ID, "RFC792:EC-4"),
	same(icmpv4.Proto, icmpv4.Seq, "RFC792:EC-5"),
	data(icmpv4.Proto, "RFC792:EC-2", "RFC1122:3.2.2.6-6"),
)

// An echo request of the target is what its program made; only the headers around are the stack's.
var echoRequestFields = append(addressed("RFC792:EC-1", "RFC1122:3.2.1.3-2"),
	same(icmpv4.Proto, icmpv4.Type, "RFC792:EC-1"),
	same(icmpv4.Proto, icmpv4.Code, "RFC792:EC-1"),
	fits(icmpv4.Proto, icmpv4.Checksum, "RFC792:MF-8"),
	same(icmpv4.Proto, icmpv4.ID, "RFC792:EC-1"),
	same(icmpv4.Proto, icmpv4.Seq, "RFC792:EC-1"),
	data(icmpv4.Proto, "RFC792:EC-1"),
)

// The receive and transmit timestamps are the target's clock; the originate timestamp is in the first four octets.
var timestampFields = append(addressed("RFC792:TS-2", "RFC792:TS-2", "RFC1122:3.2.2.8-5"),
	same(icmpv4.Proto, icmpv4.Type, "RFC792:TS-2"),
	same(icmpv4.Proto, icmpv4.Code, "RFC792:TS-1"),
	fits(icmpv4.Proto, icmpv4.Checksum, "RFC792:TS-2"),
	same(icmpv4.Proto, icmpv4.ID, "RFC792:TS-3"),
	same(icmpv4.Proto, icmpv4.Seq, "RFC792:TS-3"),
	field{"ICMP originate timestamp", []string{"RFC792:TS-4"}, nil, func(want, got *packet.Frame) *packet.Diff {
		return octets("originate timestamp", upTo(4, want.Body(icmpv4.Proto)), upTo(4, got.Body(icmpv4.Proto)))
	}},
)

func upTo(n int, b []byte) []byte { return b[:min(n, len(b))] }
