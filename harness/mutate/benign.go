package mutate

import (
	"bytes"
	"net"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

// Benign are the mutants that the RFCs allow. A check that fails on one asks for more than its requirement.
func Benign() []Mutation {
	return []Mutation{
		rewriting("other IPv4 identifications", ipv4.Header(ipv4.DF.Is(1), ipv4.MF.Is(0), ipv4.Offset.Is(0)), ipv4.ID.Is(0xbeef)),
		Here(func(n target.Net) Mutation {
			own := ipv4.Src.Is(n.Target.IP4) // what it forwards is not its own
			return rewriting("another default TTL", ipv4.Header(own, ipv4.TTL.Where("above 32", func(v uint) bool { return v > 32 })), ipv4.TTL.Is(128))
		}),
		otherTargetHardware(),
		padding(),
		slow(),
		noise(),
		otherISN(),
		otherOptionOrder(),
		patientACK(),
		coarseTimer(),
		otherHopLimit(),
		Here(func(n target.Net) Mutation {
			return rewriting("flow labels", ipv6.Header(own6(n)), ipv6.FlowLabel.Is(0xbeef))
		}),
		furtherOption(),
		longerEncoding(),
		smallerFragments(),
	}
}

// own6 asks for a packet that the target has not forwarded.
func own6(n target.Net) packet.Cond {
	return ipv6.Src.Where("not that of a tester", func(a netip.Addr) bool {
		for _, h := range n.Testers {
			if h.IP6 == a || h.LinkLocal == a {
				return false
			}
		}
		return true
	})
}

// otherHopLimit is a target with another default; what is given by a protocol or by a router stays.
func otherHopLimit() Mutation {
	return Here(func(n target.Net) Mutation {
		m := rewriting("another default hop limit", ipv6.Header(own6(n), ipv6.HopLimit.Is(64)), ipv6.HopLimit.Is(128))
		change := m.make
		m.make = func(w *world) hooks {
			h := change(w)
			got := h.got
			h.got = func(f *packet.Frame) []target.Event {
				if _, given := ndp.DADStatus.Of(f); given { // RFC 6775, 9: MULTIHOP_HOPLIMIT
					return same(f)
				}
				return got(f)
			}
			return h
		}
		return m
	})
}

// furtherOption is a target whose messages of Neighbor Discovery have an option that others do not know (RFC 4861, 4.6).
func furtherOption() Mutation {
	return Mutation{Name: "an option of Neighbor Discovery that nobody knows", make: func(*world) hooks {
		return hooks{got: func(f *packet.Frame) []target.Event {
			for _, field := range []packet.Field[[]byte]{ndp.NSOptions, ndp.NAOptions, ndp.RSOptions} {
				if b, ok := field.Of(f); ok {
					return events(f, f.At, f.Rewrites(field.Is(append(b, ndp.Option(253)...))))
				}
			}
			return same(f)
		}}
	}}
}

// rewriting is a target that sends other values. What comes in fragments of 6LoWPAN stays: its first fragments have gone by
// when the last one tells what it is, and would be those of another datagram.
func rewriting(name string, on packet.Template, other ...packet.Cond) Mutation {
	m := Field(on, other...)
	return Mutation{Name: name, make: func(w *world) hooks {
		h := m.make(w)
		got := h.got
		h.got = func(f *packet.Frame) []target.Event {
			if inFragments(f) {
				return same(f)
			}
			return got(f)
		}
		return h
	}}
}

// otherTargetHardware is a target that fills in ar$tha of requests as RFC 826 permits. In probes and announcements RFC 5227
// has it zero.
func otherTargetHardware() Mutation {
	return Mutation{Name: "ar$tha of requests is the broadcast address", make: func(*world) hooks {
		return hooks{got: func(f *packet.Frame) []target.Event {
			spa, _ := arp.SenderIP.Of(f)
			tpa, _ := arp.TargetIP.Of(f)
			if !arp.Request(tpa).Matches(f) || spa == tpa || spa.IsUnspecified() {
				return same(f)
			}
			return events(f, f.At, f.Rewrites(arp.TargetMAC.Is(ethernet.Broadcast)))
		}}
	}}
}

// padding is a target whose frames are padded further, as short frames on a real Ethernet are.
func padding() Mutation {
	return Mutation{Name: "more padding", make: func(w *world) hooks {
		return hooks{got: func(f *packet.Frame) []target.Event {
			if w.Nets()[f.On].Link == target.Ethernet && len(f.Bytes) < 64 {
				return []target.Event{event(f, f.At, append(f.Bytes[:len(f.Bytes):len(f.Bytes)], bytes.Repeat([]byte{0}, 64-len(f.Bytes))...))}
			}
			return same(f)
		}}
	}}
}

// slow is a target at the end of a long wire: every frame arrives later.
func slow() Mutation {
	return Mutation{Name: "a longer wire", make: func(*world) hooks {
		return hooks{got: func(f *packet.Frame) []target.Event {
			return []target.Event{event(f, f.At+5*time.Millisecond, f.Bytes)}
		}}
	}}
}

// noise is a link on which somebody else speaks: before each frame of the target comes one that concerns nobody.
func noise() Mutation {
	stranger := target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0xee, 0xee}, IP4: netip.MustParseAddr("198.51.100.7"), IP6: ipv6.MustAddr("2001:db8:ee::7")}
	return Mutation{Name: "background noise", make: func(w *world) hooks {
		return hooks{got: func(f *packet.Frame) []target.Event {
			if w.Nets()[f.On].Link != target.Ethernet {
				return same(f)
			}
			other := target.Host{MAC: stranger.MAC, IP4: netip.MustParseAddr("198.51.100.8")}
			hum := arp.Request(other.IP4).Build(packet.Env{Local: stranger, Peer: other})
			if f.Has(ipv6.Proto) {
				hum = ndp.Solicit(ipv6.MustAddr("2001:db8:ee::8")).Build(packet.Env{Local: stranger, Peer: other})
			}
			return append([]target.Event{event(f, f.At, hum)}, same(f)...)
		}}
	}}
}
