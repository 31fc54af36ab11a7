package replay

import (
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/udp"
)

// error6Aligner is the ICMPv6 errors (RFC 4443, section 3): by the packet that they quote, whatever they say about it.
//
// How much is quoted is not the sender's to choose, as it is with IPv4: all of it that fits into 1280 octets. A capture
// whose host quoted less is a deviation, and its scenario masks "ICMPv6 quoted octets".
var error6Aligner = &aligner{
	kind: "ICMPv6 error",
	event: func(f *packet.Frame) (string, bool) {
		if !isError6(f) {
			return "", false
		}
		_, to := ends(f)
		q := f.Quoted()
		if q == nil || !q.Has(ipv6.Proto) {
			return fmt.Sprintf("ICMPv6 error to %s about nothing", to), true
		}
		if q.Has(udp.Proto) {
			return fmt.Sprintf("ICMPv6 error about UDP %s", endsOf(q)), true
		}
		if e, ok := echo6Aligner.event(q); ok {
			return "ICMPv6 error about " + e, true
		}
		next, _ := ipv6.NextHeader.Of(q)
		return fmt.Sprintf("ICMPv6 error about next header %d %s", next, endsOf(q)), true
	},
	begins: never,
	comes: func(f *packet.Frame) []string {
		kind, code := kindOf6(f)
		switch {
		case kind == icmpv6.TypeUnreachable && code == icmpv6.CodePort:
			return []string{"RFC4443:3.1-15"}
		case kind == icmpv6.TypeUnreachable:
			return []string{"RFC4443:3.1-5"}
		case kind == icmpv6.TypePacketTooBig:
			return []string{"RFC4443:3.2-3"}
		case kind == icmpv6.TypeTimeExceeded && code == icmpv6.CodeHopLimit:
			return []string{"RFC4443:3.3-6"}
		case kind == icmpv6.TypeTimeExceeded:
			return []string{"RFC4443:3.3-7"}
		}
		return []string{"RFC4443:3.4-4"}
	},
	fields: func(f *packet.Frame) []field {
		kind, code := kindOf6(f)
		switch {
		case kind == icmpv6.TypeUnreachable && code == icmpv6.CodePort:
			return portUnreachable6Fields
		case kind == icmpv6.TypeUnreachable:
			return unreachable6Fields
		case kind == icmpv6.TypePacketTooBig:
			return tooBigFields
		case kind == icmpv6.TypeTimeExceeded:
			return timeExceeded6Fields
		}
		return problem6Fields
	},
	unasked: noRule,
}

func isError6(f *packet.Frame) bool { return icmpv6.Error().Matches(f) }

func kindOf6(f *packet.Frame) (kind, code uint) {
	kind, _ = icmpv6.Type.Of(f)
	code, _ = icmpv6.Code.Of(f)
	return kind, code
}

// quote6 is that an error carries as much of the packet as fits.
const quote6 = "RFC4443:2.4-3"

// An error about what was sent to an address of the node comes from there; any other one from one of its addresses.
var (
	portUnreachable6Fields = append(error6Fields("RFC4443:2.2-1", "RFC4443:3.1-1", "RFC4443:3.1-2", "RFC4443:3.1-15"),
		same(icmpv6.ErrorProto, icmpv6.Unused, "RFC4443:3.1-3"))
	unreachable6Fields = append(error6Fields("RFC4443:2.2-2", "RFC4443:3.1-1", "RFC4443:3.1-2", "RFC4443:3.1-12"),
		same(icmpv6.ErrorProto, icmpv6.Unused, "RFC4443:3.1-3"))
	tooBigFields = append(error6Fields("RFC4443:2.2-2", "RFC4443:3.2-1", "RFC4443:3.2-2", "RFC4443:3.2-2"),
		same(icmpv6.ErrorProto, icmpv6.MTU, "RFC4443:3.2-3"))
	timeExceeded6Fields = append(error6Fields("RFC4443:2.2-2", "RFC4443:3.3-1", "RFC4443:3.3-2", "RFC4443:3.3-2"),
		same(icmpv6.ErrorProto, icmpv6.Unused, "RFC4443:3.3-3"))
	problem6Fields = append(error6Fields("RFC4443:2.2-1", "RFC4443:3.4-1", "RFC4443:3.4-2", "RFC4443:3.4-2"),
		same(icmpv6.ErrorProto, icmpv6.Pointer, "RFC4443:3.4-3"))
)

// error6Fields is the table of an error, with the requirements of its source, destination, type and code.
func error6Fields(source, destination, kind, code string) []field {
	fields := []field{
		same(ipv6.Proto, ipv6.Src, source),
		same(ipv6.Proto, ipv6.Dst, destination),
		same(icmpv6.Proto, icmpv6.Type, kind),
		same(icmpv6.Proto, icmpv6.Code, code),
		fits(icmpv6.Proto, icmpv6.Checksum, "RFC4443:2.3-1"),
		{"ICMPv6 quoted octets", []string{quote6}, nil, func(want, got *packet.Frame) *packet.Diff {
			w, g := want.Quoted(), got.Quoted()
			if w == nil || g == nil || len(w.Bytes) != len(g.Bytes) {
				return octets("quoted octets", want.Body(icmpv6.ErrorProto), got.Body(icmpv6.ErrorProto))
			}
			return nil
		}},
	}
	for _, f := range []field{
		same(ipv6.Proto, ipv6.TrafficClass, quote6), same(ipv6.Proto, ipv6.FlowLabel, quote6), same(ipv6.Proto, ipv6.PayloadLength, quote6),
		same(ipv6.Proto, ipv6.NextHeader, quote6), same(ipv6.Proto, ipv6.HopLimit, quote6),
		same(ipv6.Proto, ipv6.Src, quote6), same(ipv6.Proto, ipv6.Dst, quote6),
		same(udp.Proto, udp.SrcPort, quote6), same(udp.Proto, udp.DstPort, quote6),
		same(udp.Proto, udp.Length, quote6), same(udp.Proto, udp.Checksum, quote6),
	} {
		fields = append(fields, quoted(f))
	}
	return append(fields, field{"quoted IPv6 data", []string{quote6}, nil, func(want, got *packet.Frame) *packet.Diff {
		w, g := want.Quoted(), got.Quoted()
		if w == nil || g == nil {
			return nil
		}
		wb, gb := w.Body(ipv6.Proto), g.Body(ipv6.Proto)
		n := min(len(wb), len(gb))
		return octets("quoted data", wb[:n], gb[:n])
	}})
}
