package replay

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

// ndAligner is the resolution of addresses by Neighbor Discovery (RFC 4861, section 7.2): solicitations and advertisements by
// source, destination and target.
//
// As with ARP, solicitations of the target serve others, and come when it likes. Probes of duplicate address detection
// (RFC 4862, section 5.4) serve nothing but the address; those for addresses that the capture does not have are let pass.
var ndAligner = &aligner{
	kind: "ND",
	event: func(f *packet.Frame) (string, bool) {
		from, to := ends(f)
		if target, ok := ndp.NSTarget.Of(f); ok && isProbe(f) {
			return fmt.Sprintf("ND probe for %s", target), true
		}
		if target, ok := ndp.NSTarget.Of(f); ok {
			return fmt.Sprintf("ND solicitation of %s for %s", from, target), true
		}
		if target, ok := ndp.NATarget.Of(f); ok {
			return fmt.Sprintf("ND advertisement of %s to %s", target, to), true
		}
		return "", false
	},
	begins: func(f *packet.Frame) bool { return isSolicitation(f) && !isProbe(f) },
	comes: func(f *packet.Frame) []string {
		if isProbe(f) {
			return []string{"RFC4862:5.4-1"}
		}
		if isSolicitation(f) {
			return []string{"RFC4861:7.2.2-1"}
		}
		return []string{"RFC4861:7.2.4-1"}
	},
	fields: func(f *packet.Frame) []field {
		_, to := ends(f)
		_, told := ndp.NALink.Of(f)
		switch {
		case isProbe(f):
			return probeFields
		case isSolicitation(f):
			return solicitationFields
		case to.IsMulticast():
			return defenceFields
		case !told: // the answer to a unicast solicitation, which may tell the address or not, and overrides only then
			return slices.DeleteFunc(slices.Clone(advertisementFields), func(f field) bool { return f.name == overrideField })
		}
		return advertisementFields
	},
	unasked: noRule,
	aside: func(f *packet.Frame, peers []target.Host, env packet.Env) ([]byte, bool) {
		sought, ok := ndp.NSTarget.Of(f)
		if !ok {
			return nil, false
		}
		if isProbe(f) {
			return nil, true
		}
		from := linkSource(f)
		src, _ := ipv6.Src.Of(f)
		for _, h := range peers {
			if (h.IP6 == sought || h.LinkLocal == sought) && bytes.Equal(from, env.Peer.MAC) {
				h.IP6 = sought
				env.Local, env.Peer, env.Network = h, target.Host{MAC: from, IP6: src}, ipv6.Proto
				return ndp.Advert(ndp.NATarget.Is(sought)).Build(env), true
			}
		}
		return nil, true
	},
	serves: func(f, later *packet.Frame) bool {
		sought, _ := ndp.NSTarget.Of(f)
		_, to := ends(later)
		return isSolicitation(f) && !isND(later) && sought == to
	},
	answers: func(f, earlier *packet.Frame) bool {
		told, ok := ndp.NATarget.Of(f)
		sought, asked := ndp.NSTarget.Of(earlier)
		_, to := ends(f)
		asker, _ := ends(earlier)
		return ok && asked && told == sought && to == asker
	},
}

// isProbe tells whether f is a solicitation of duplicate address detection.
func isProbe(f *packet.Frame) bool {
	from, _ := ends(f)
	return isSolicitation(f) && from.IsUnspecified()
}

func isSolicitation(f *packet.Frame) bool { return f.Has(ndp.NS) }
func isND(f *packet.Frame) bool           { return f.Has(ndp.NS) || f.Has(ndp.NA) }

var solicitationFields = []field{
	same(ethernet.Proto, ethernet.Dst, "RFC4861:7.2.2-2"),
	same(ipv6.Proto, ipv6.HopLimit, "RFC4861:4.3-4"),
	same(ipv6.Proto, ipv6.Src, "RFC4861:4.3-1"),
	same(ipv6.Proto, ipv6.Dst, "RFC4861:4.3-2"),
	same(icmpv6.Proto, icmpv6.Code, "RFC4861:4.3-5"),
	fits(icmpv6.Proto, icmpv6.Checksum, "RFC4443:2.3-1"),
	same(ndp.NS, ndp.NSReserved, "RFC4861:4.3-6"),
	same(ndp.NS, ndp.NSTarget, "RFC4861:7.2.2-1"),
	same(ndp.NS, ndp.NSLink, "RFC4861:7.2.2-5"),
}

var probeFields = []field{
	same(ethernet.Proto, ethernet.Dst, "RFC4862:5.4.2-6"),
	same(ipv6.Proto, ipv6.HopLimit, "RFC4861:4.3-4"),
	same(ipv6.Proto, ipv6.Src, "RFC4862:5.4.2-5"),
	same(ipv6.Proto, ipv6.Dst, "RFC4862:5.4.2-6"),
	same(icmpv6.Proto, icmpv6.Code, "RFC4861:4.3-5"),
	fits(icmpv6.Proto, icmpv6.Checksum, "RFC4443:2.3-1"),
	same(ndp.NS, ndp.NSReserved, "RFC4861:4.3-6"),
	same(ndp.NS, ndp.NSTarget, "RFC4862:5.4.2-4"),
}

// defenceFields are of the answer to a probe.
var defenceFields = []field{
	same(ethernet.Proto, ethernet.Dst, "RFC4861:7.2.4-9"),
	same(ipv6.Proto, ipv6.HopLimit, "RFC4861:4.4-4"),
	same(ipv6.Proto, ipv6.Src, "RFC4861:4.4-1"),
	same(ipv6.Proto, ipv6.Dst, "RFC4861:7.2.4-9"),
	same(icmpv6.Proto, icmpv6.Code, "RFC4861:4.4-5"),
	fits(icmpv6.Proto, icmpv6.Checksum, "RFC4443:2.3-1"),
	same(ndp.NA, ndp.Router, "RFC4861:7.2.4-5"),
	same(ndp.NA, ndp.Solicited, "RFC4861:7.2.4-8"),
	same(ndp.NA, ndp.Override, "RFC4861:7.2.4-7"),
	same(ndp.NA, ndp.NAReserved, "RFC4861:4.4-16"),
	same(ndp.NA, ndp.NATarget, "RFC4861:7.2.4-1"),
	same(ndp.NA, ndp.NALink, "RFC4861:7.2.4-3"),
}

var overrideField = ndp.NA.Name() + " " + ndp.Override.Name()

var advertisementFields = []field{
	same(ethernet.Proto, ethernet.Dst, "RFC4861:7.2.4-11"),
	same(ipv6.Proto, ipv6.HopLimit, "RFC4861:4.4-4"),
	same(ipv6.Proto, ipv6.Src, "RFC4861:4.4-1"),
	same(ipv6.Proto, ipv6.Dst, "RFC4861:7.2.4-11"),
	same(icmpv6.Proto, icmpv6.Code, "RFC4861:4.4-5"),
	fits(icmpv6.Proto, icmpv6.Checksum, "RFC4443:2.3-1"),
	same(ndp.NA, ndp.Router, "RFC4861:7.2.4-5"),
	same(ndp.NA, ndp.Solicited, "RFC4861:7.2.4-10"),
	same(ndp.NA, ndp.Override, "RFC4861:7.2.4-7"),
	same(ndp.NA, ndp.NAReserved, "RFC4861:4.4-16"),
	same(ndp.NA, ndp.NATarget, "RFC4861:7.2.4-1"),
	same(ndp.NA, ndp.NALink, "RFC4861:7.2.4-3"),
}

// echo6Aligner is the ICMPv6 echo (RFC 4443, section 4).
var echo6Aligner = &aligner{
	kind: "ICMPv6 echo",
	event: func(f *packet.Frame) (string, bool) {
		id, ok := icmpv6.ID.Of(f)
		seq, _ := icmpv6.Seq.Of(f)
		name := "echo reply"
		if isEcho6(f) {
			name = "echo"
		}
		return fmt.Sprintf("ICMPv6 %s %s id %d seq %d", name, endsOf(f), id, seq), ok
	},
	begins: isEcho6,
	comes: func(f *packet.Frame) []string {
		if isEcho6(f) {
			return nil
		}
		return []string{"RFC4443:4.1-4"}
	},
	fields: func(f *packet.Frame) []field {
		if isEcho6(f) {
			return echo6RequestFields
		}
		return echo6Fields
	},
	unasked: noRule,
	refills: true,
}

func isEcho6(f *packet.Frame) bool { return icmpv6.EchoRequest().Matches(f) }

var echo6Fields = []field{
	same(ipv6.Proto, ipv6.Src, "RFC4443:4.2-5"),
	same(ipv6.Proto, ipv6.Dst, "RFC4443:4.2-1"),
	same(icmpv6.Proto, icmpv6.Type, "RFC4443:4.2-2"),
	same(icmpv6.Proto, icmpv6.Code, "RFC4443:4.2-2"),
	fits(icmpv6.Proto, icmpv6.Checksum, "RFC4443:2.3-1"),
	same(icmpv6.EchoProto, icmpv6.ID, "RFC4443:4.2-3"),
	same(icmpv6.EchoProto, icmpv6.Seq, "RFC4443:4.2-4"),
	data(icmpv6.EchoProto, "RFC4443:4.2-9"),
}

// An echo request of the target is what its program made; only the headers around are the stack's.
var echo6RequestFields = []field{
	same(ipv6.Proto, ipv6.Src, "RFC8200:3-11"),
	same(ipv6.Proto, ipv6.Dst, "RFC8200:3-12"),
	same(icmpv6.Proto, icmpv6.Type, "RFC4443:4.1-1"),
	same(icmpv6.Proto, icmpv6.Code, "RFC4443:4.1-1"),
	fits(icmpv6.Proto, icmpv6.Checksum, "RFC4443:2.3-1"),
	same(icmpv6.EchoProto, icmpv6.ID, "RFC4443:4.1-2"),
	same(icmpv6.EchoProto, icmpv6.Seq, "RFC4443:4.1-2"),
	data(icmpv6.EchoProto, "RFC4443:4.1-2"),
}
