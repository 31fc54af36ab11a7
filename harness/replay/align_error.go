package replay

import (
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
)

// errorAligner is the ICMP errors: by the packet that they quote, whatever they say about it.
//
// What a host may choose is not compared: type of service (RFC 1122 has 0, RFC 1812 precedence 6 or 7), and how much is
// quoted beyond the header and 8 octets.
var errorAligner = &aligner{
	kind: "ICMP error",
	event: func(f *packet.Frame) (string, bool) {
		if !isError(f) {
			return "", false
		}
		_, to := ends(f)
		q := f.Quoted()
		if q == nil || !q.Has(ipv4.Proto) {
			return fmt.Sprintf("ICMP error to %s about nothing", to), true
		}
		if q.Has(udp.Proto) {
			return fmt.Sprintf("ICMP error about UDP %s", endsOf(q)), true
		}
		if e, ok := echoAligner.event(q); ok {
			return "ICMP error about " + e, true
		}
		protocol, _ := ipv4.Protocol.Of(q)
		id, _ := ipv4.ID.Of(q)
		return fmt.Sprintf("ICMP error about protocol %d %s id %d", protocol, endsOf(q), id), true
	},
	begins: never,
	comes: func(f *packet.Frame) []string {
		kind, _ := icmpv4.Type.Of(f)
		code, _ := icmpv4.Code.Of(f)
		switch {
		case kind == icmpv4.TypeUnreachable && code == icmpv4.CodeFragNeeded:
			return []string{"RFC792:DU-10", "RFC1191:4-1"}
		case kind == icmpv4.TypeUnreachable && f.Quoted() != nil && f.Quoted().Has(udp.Proto):
			return []string{"RFC1122:4.1.3.1-1"}
		case kind == icmpv4.TypeUnreachable:
			return []string{"RFC1122:3.2.2.1-1"}
		case kind == icmpv4.TypeTimeExceeded && code == exceededInTransit:
			return []string{"RFC792:TE-4"}
		case kind == icmpv4.TypeTimeExceeded:
			return []string{"RFC792:TE-6"}
		}
		return []string{"RFC1122:3.3.8-1"}
	},
	fields: func(f *packet.Frame) []field {
		kind, _ := icmpv4.Type.Of(f)
		code, _ := icmpv4.Code.Of(f)
		switch {
		case kind == icmpv4.TypeUnreachable && code == icmpv4.CodeFragNeeded:
			return fragNeededFields
		case kind == icmpv4.TypeUnreachable:
			return unreachableFields
		case kind == icmpv4.TypeTimeExceeded:
			return timeExceededFields
		}
		return otherErrorFields
	},
	unasked: noRule,
}

const exceededInTransit = 0

// quote is that quoted octets are those received (RFC 1122, 3.2.2).
const quote = "RFC1122:3.2.2-3"

// The unused word of Destination Unreachable holds an MTU in code 4 (RFC 1191); in Redirect and Parameter Problem it has a
// meaning too.
var (
	fragNeededFields = append(errorFields("RFC792:DU-1", "RFC792:DU-2", "RFC792:DU-3"),
		same(icmpv4.Proto, icmpv4.MTU, "RFC1191:4-2"),
		field{"ICMP unused octets", []string{"RFC1191:4-3"}, nil, func(want, got *packet.Frame) *packet.Diff {
			return octets("unused", unusedOctets(want), unusedOctets(got))
		}},
	)
	unreachableFields  = append(errorFields("RFC792:DU-1", "RFC792:DU-2", "RFC792:DU-3"), same(icmpv4.Proto, icmpv4.Unused, "RFC792:DU-3"))
	timeExceededFields = append(errorFields("RFC792:TE-1", "RFC792:TE-2", "RFC792:TE-1"), same(icmpv4.Proto, icmpv4.Unused, "RFC792:TE-1"))
	otherErrorFields   = errorFields("RFC792:MF-1", "RFC792:MF-1", "RFC792:MF-1")
)

// unusedOctets are those before the next-hop MTU.
func unusedOctets(f *packet.Frame) []byte { return f.Header(icmpv4.Proto)[4:6] }

// errorFields is the table of an ICMP error, with the requirements of its type, its code and its quotation.
func errorFields(kind, code, quotation string) []field {
	fields := append(addressed(kind, "RFC792:MF-6"),
		same(icmpv4.Proto, icmpv4.Type, kind),
		same(icmpv4.Proto, icmpv4.Code, code),
		fits(icmpv4.Proto, icmpv4.Checksum, "RFC792:MF-8"),
		field{"ICMP quoted octets", []string{quotation}, nil, quotesEnough},
	)
	for _, f := range []field{
		same(ipv4.Proto, ipv4.IHL, quote), same(ipv4.Proto, ipv4.TOS, quote), same(ipv4.Proto, ipv4.TotalLength, quote),
		same(ipv4.Proto, ipv4.ID, quote), same(ipv4.Proto, ipv4.DF, quote), same(ipv4.Proto, ipv4.MF, quote),
		same(ipv4.Proto, ipv4.Offset, quote), same(ipv4.Proto, ipv4.TTL, quote), same(ipv4.Proto, ipv4.Protocol, quote),
		same(ipv4.Proto, ipv4.Checksum, quote), same(ipv4.Proto, ipv4.Src, quote), same(ipv4.Proto, ipv4.Dst, quote),
		same(udp.Proto, udp.SrcPort, quote), same(udp.Proto, udp.DstPort, quote),
		same(udp.Proto, udp.Length, quote), same(udp.Proto, udp.Checksum, quote),
	} {
		fields = append(fields, quoted(f))
	}
	return append(fields, field{"quoted data", []string{quote}, nil, quotesTheSame})
}

// quotesEnough wants the header with its options and 8 octets more, or all there was.
func quotesEnough(want, got *packet.Frame) *packet.Diff {
	w, g := want.Quoted(), got.Quoted()
	if w == nil || g == nil {
		return octets("quoted octets", want.Body(icmpv4.Proto), got.Body(icmpv4.Proto))
	}
	total, _ := ipv4.TotalLength.Of(w)
	least := min(len(w.Header(ipv4.Proto))+8, int(total))
	if len(g.Bytes) >= least {
		return nil
	}
	return &packet.Diff{Field: "quoted octets", Want: fmt.Sprintf("%d or more", least), Got: fmt.Sprint(len(g.Bytes))}
}

// quotesTheSame compares the octets that both quote behind the IPv4 header.
func quotesTheSame(want, got *packet.Frame) *packet.Diff {
	w, g := want.Quoted(), got.Quoted()
	if w == nil || g == nil {
		return nil
	}
	wb, gb := w.Body(ipv4.Proto), g.Body(ipv4.Proto)
	n := min(len(wb), len(gb))
	return octets("quoted data", wb[:n], gb[:n])
}
