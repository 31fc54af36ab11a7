package replay

import (
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
)

// A field is one line of a comparison.
type field struct {
	name         string // with its protocol, as masks name it
	requirements []string
	of           *packet.Proto // a message without it does not have the field; nil for a field of all
	// differs holds got against want; nil when they agree.
	differs func(want, got *packet.Frame) *packet.Diff
}

// same is a field that has the value of the capture, translated.
func same[V any](p *packet.Proto, f packet.Field[V], requirements ...string) field {
	return field{p.Name() + " " + f.Name(), requirements, p, func(want, got *packet.Frame) *packet.Diff {
		v, ok := f.Of(want)
		if !ok {
			return nil
		}
		return first(packet.Check(got, f.Is(v)))
	}}
}

// fits is a checksum or a length that has to fit the message that it stands in, which is not that of the capture.
func fits[V any](p *packet.Proto, f packet.Field[V], requirements ...string) field {
	return field{p.Name() + " " + f.Name(), requirements, p, func(_, got *packet.Frame) *packet.Diff {
		v, ok := f.Of(got.Mended())
		if !ok {
			return nil
		}
		return first(packet.Check(got, f.Is(v)))
	}}
}

// of is a field that is judged by what the capture has, and need not be the same: fits says what it is in got, and whether
// that will do.
func of(p *packet.Proto, name string, fits func(want, got *packet.Frame) (value string, ok bool), wanted string, requirements ...string) field {
	return field{p.Name() + " " + name, requirements, p, func(want, got *packet.Frame) *packet.Diff {
		value, ok := fits(want, got)
		if ok {
			return nil
		}
		return &packet.Diff{Field: name, Want: wanted, Got: value}
	}}
}

// data is what the layer of p carries, which has to be the same to the last octet.
func data(p *packet.Proto, requirements ...string) field {
	return field{p.Name() + " data", requirements, nil, func(want, got *packet.Frame) *packet.Diff {
		return octets("data", want.Body(p), got.Body(p))
	}}
}

// octets gives the first place at which two strings of octets differ.
func octets(name string, want, got []byte) *packet.Diff {
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			return &packet.Diff{Field: name, Want: fmt.Sprintf("octet %d = %#02x", i, want[i]), Got: fmt.Sprintf("octet %d = %#02x", i, got[i])}
		}
	}
	if len(want) != len(got) {
		return &packet.Diff{Field: name, Want: fmt.Sprintf("%d octets", len(want)), Got: fmt.Sprintf("%d octets", len(got))}
	}
	return nil
}

func first(diffs []packet.Diff) *packet.Diff {
	if len(diffs) == 0 {
		return nil
	}
	return &diffs[0]
}

// quoted is a field of the packet that an ICMP error quotes.
func quoted(f field) field {
	return field{"quoted " + f.name, f.requirements, nil, func(want, got *packet.Frame) *packet.Diff {
		w, g := want.Quoted(), got.Quoted()
		if w == nil {
			return nil
		}
		if g == nil {
			return &packet.Diff{Field: "quoted packet", Want: w.String(), Got: "absent"}
		}
		d := f.differs(w, g)
		if d != nil {
			d.Field = "quoted " + d.Field
		}
		return d
	}}
}

// addressed are the IPv4 fields of any message. Type of service, identification, don't fragment, time to live and
// options are the sender's to choose.
func addressed(destination string, source ...string) []field {
	return []field{
		fits(ipv4.Proto, ipv4.Checksum, "RFC791:3.1-HF-22"),
		same(ipv4.Proto, ipv4.Src, source...),
		same(ipv4.Proto, ipv4.Dst, destination),
	}
}

// allFields are the names of everything that is compared in any message, for masks.
func allFields() map[string]bool {
	names := map[string]bool{}
	for _, list := range [][]field{
		arpRequestFields, arpReplyFields, echoFields, timestampFields, unreachableFields, fragNeededFields, udpFields,
		igmpFields, report3Fields("", ""),
		solicitationFields, advertisementFields, probeFields, routerSolicitationFields, routerAdvertisementFields, echo6Fields, udp6Fields,
		portUnreachable6Fields, tooBigFields, problem6Fields, tcpFields,
	} {
		for _, f := range list {
			names[f.name] = true
		}
	}
	return names
}

// isError tells whether f is an ICMP error message (RFC 1122, 3.2.2).
func isError(f *packet.Frame) bool { return icmpv4.Error().Matches(f) }

// endsOf are two addresses for people.
func endsOf(f *packet.Frame) string {
	from, to := ends(f)
	if src, ok := udp.SrcPort.Of(f); ok {
		dst, _ := udp.DstPort.Of(f)
		return fmt.Sprintf("%s:%d > %s:%d", from, src, to, dst)
	}
	return fmt.Sprintf("%s > %s", from, to)
}
