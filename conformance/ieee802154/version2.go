package ieee802154

import (
	"encoding/binary"
	"fmt"
	"net"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Frames of version 2, of the edition of 2015: sections 7.2.1.5 to 7.2.1.7, and 7.3.3 for what acknowledges them.

// A header2 is a header of version 2 between two stations, by the octet.
type header2 struct {
	dst, src   net.HardwareAddr
	pan        uint16
	compressed bool
	noSeq      bool
	ies        []byte
	aux        []byte // in a network that is secured
}

// octets puts the header together by the rows of the table of PAN ID compression that have both addresses.
func (h header2) octets() []byte {
	mode := func(a net.HardwareAddr) byte {
		return map[int]byte{2: ieee802154.ModeShort, 8: ieee802154.ModeExtended}[len(a)]
	}
	b := []byte{ieee802154.TypeData | 1<<5, ieee802154.Version2015<<4 | mode(h.dst)<<2 | mode(h.src)<<6}
	if h.compressed {
		b[0] |= 1 << 6
	}
	if h.noSeq {
		b[1] |= 1
	} else {
		b = append(b, seq)
	}
	if h.ies != nil {
		b[1] |= 2
	}
	if h.aux != nil {
		b[0] |= 8
	}
	extended := len(h.dst) == 8 && len(h.src) == 8
	if !extended || !h.compressed {
		b = binary.LittleEndian.AppendUint16(b, h.pan)
	}
	b = append(b, onAir(h.dst)...)
	if !extended && !h.compressed {
		b = binary.LittleEndian.AppendUint16(b, h.pan)
	}
	return append(append(append(b, onAir(h.src)...), h.aux...), h.ies...)
}

// second is the header of a frame from the tester to the target.
func second(lan *probe.Tester, change func(*header2)) packet.Cond {
	h := header2{dst: lan.TargetMAC(), src: lan.MAC(), pan: lan.Net().PAN, aux: ieee802154.Auxiliary(lan.Env())}
	if change != nil {
		change(&h)
	}
	return ieee802154.Octets.Is(h.octets())
}

func init() {
	version2 := ieee802154.Version.Is(ieee802154.Version2015)
	for _, short := range []struct{ dst, src bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
		for _, compressed := range []bool{false, true} {
			name := func(s bool) string { return map[bool]string{false: "extended", true: "short"}[s] }
			id := fmt.Sprintf("mac.v2.pan.%s.%s", name(short.src), name(short.dst))
			if compressed {
				id += ".compressed"
			}
			proof := check.Proves("IEEE802154:7.2.1.5-3", mutate.Ignores(frame(version2)))
			if short.dst {
				proof = proof.Needs(target.ShortAddress)
			}
			suite.It(id, fmt.Sprintf("a frame of version 2 from the %s address to the %s one is received, compressed: %v", name(short.src), name(short.dst), compressed),
				proof,
				func(p *probe.P) {
					lan := p.IPv6().LinkLocal()
					if short.src {
						lan = lan.Short()
					}
					if short.dst {
						lan = lan.ToShort()
					}
					request, reply := echo(lan, second(lan, func(h *header2) { h.compressed = compressed }))
					lan.Ask(request, reply, probe.For("IEEE802154:7.2.1.5-3"))
				})
		}
	}
	taken("mac.v2.no-number", "a frame of version 2 without sequence number is received", "IEEE802154:7.2.1.6-1",
		mutate.Ignores(frame(ieee802154.NoSequence.Is(1))), func(lan *probe.Tester) []packet.Cond {
			return []packet.Cond{second(lan, func(h *header2) { h.noSeq = true })}
		})
	taken("mac.v2.elements", "header elements are parsed over", "IEEE802154:7.2.1.7-1",
		mutate.Ignores(frame(ieee802154.IEPresent.Is(1))), func(lan *probe.Tester) []packet.Cond {
			return []packet.Cond{second(lan, func(h *header2) { h.ies = []byte{0x03, 0x0f, 1, 2, 3, 0x80, 0x3f} })}
		})
	refused("mac.v2.elements.long", "an element that reaches beyond the frame makes it be discarded", "IEEE802154:7.2.1.7-2",
		func(lan *probe.Tester) []packet.Cond {
			return []packet.Cond{second(lan, func(h *header2) { h.ies = []byte{0x7f, 0x0f} })}
		})
	suite.It("mac.v2.ack", "a frame of version 2 is acknowledged by one of version 2, for its sender",
		check.Proves("IEEE802154:7.3.3-4", mutate.Field(acks, ieee802154.Version.Is(ieee802154.Version2003))).
			And("IEEE802154:7.3.3-5", mutate.Field(acks, ieee802154.Dst.Is(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0x55, 0x56}))),
		func(p *probe.P) {
			lan := p.IPv6()
			request, _ := echo(lan, second(lan, nil))
			ack := lan.Ask(request, ieee802154.AnyAck(), probe.For("IEEE802154:7.3.3-4"))
			p.Must("IEEE802154:7.3.3-4", ack, version2)
			if dst, ok := ieee802154.Dst.Of(ack); ok && len(dst) > 0 {
				p.Must("IEEE802154:7.3.3-5", ack, ieee802154.Dst.Is(lan.MAC()))
			} else {
				p.Meets("IEEE802154:7.3.3-5")
			}
		})
	suite.It("mac.v2.ack.no-number", "the acknowledgement of a frame without sequence number has none",
		check.Proves("IEEE802154:7.2.1.6-2", mutate.Octets(acks, "with a sequence number", func(b []byte) []byte {
			b = append([]byte{b[0], b[1] &^ 1, seq}, b[2:]...)
			return resealed(b)
		})),
		func(p *probe.P) {
			lan := p.IPv6()
			request, _ := echo(lan, second(lan, func(h *header2) { h.noSeq = true }))
			p.Must("IEEE802154:7.2.1.6-2", lan.Ask(request, ieee802154.AnyAck(), probe.For("IEEE802154:7.2.1.6-2")), ieee802154.NoSequence.Is(1))
		})
}
