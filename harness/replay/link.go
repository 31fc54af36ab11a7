package replay

import (
	"bytes"
	"net"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/target"
)

// linkTypes are the links of captures that can be replayed.
var linkTypes = map[capture.LinkType]target.LinkType{ // never written
	capture.Ethernet:   target.Ethernet,
	capture.IEEE802154: target.IEEE802154,
}

// link is the kind of link that the capture is of.
func (s *Scenario) link() target.LinkType { return s.packets[0].frame.Link }

// linkSource and linkDestination are the link addresses of a frame: with a mesh header, those of its ends.
func linkSource(f *packet.Frame) net.HardwareAddr {
	if f.Link == target.IEEE802154 {
		return lowpan.AroundOf(f).Src
	}
	a, _ := ethernet.Src.Of(f)
	return a
}

func linkDestination(f *packet.Frame) net.HardwareAddr {
	if f.Link == target.IEEE802154 {
		return lowpan.AroundOf(f).Dst
	}
	a, _ := ethernet.Dst.Of(f)
	return a
}

// toGroup tells whether a link address is no single station's. Packets for all nodes go to the broadcast address of IEEE
// 802.15.4, those for other groups may go to short addresses that begin with 100 (RFC 4944, section 9).
func toGroup(f *packet.Frame) bool {
	a := linkDestination(f)
	if f.Link == target.IEEE802154 {
		return len(a) == 2 && a[0]&0x80 != 0
	}
	return len(a) > 0 && a[0]&1 != 0
}

// ownAffair says that a frame is the link's own affair, and nothing that a host said; empty when it is not. earlier are the
// frames before it, the newest last.
func ownAffair(f *packet.Frame, earlier []*captured) string {
	if f.Link != target.IEEE802154 {
		return ""
	}
	kind, _ := ieee802154.Type.Of(f)
	switch {
	case kind == ieee802154.TypeAck:
		return "an acknowledgment of the link"
	case kind != ieee802154.TypeData:
		return "of the MAC: it carries nothing"
	}
	for i := len(earlier) - 1; i >= 0; i-- {
		if before := earlier[i].frame; bytes.Equal(linkSource(before), linkSource(f)) {
			if bytes.Equal(before.Bytes, f.Bytes) {
				return "said again by the MAC, which had no acknowledgment"
			}
			break
		}
	}
	return ""
}

// datagramKey is what the 6LoWPAN fragments of one packet have in common (RFC 4944, section 5.3).
type datagramKey struct {
	src, dst  string
	size, tag uint
}

// datagramOf is the key of a fragment of 6LoWPAN; ok is false for other frames.
func datagramOf(f *packet.Frame) (k datagramKey, ok bool) {
	if k.size, ok = lowpan.Frag1Size.Of(f); ok {
		k.tag, _ = lowpan.Frag1Tag.Of(f)
	} else if k.size, ok = lowpan.FragNSize.Of(f); ok {
		k.tag, _ = lowpan.FragNTag.Of(f)
	}
	k.src, k.dst = string(linkSource(f)), string(linkDestination(f))
	return k, ok
}

func translateEthernet(t *translation, f *packet.Frame) []packet.Cond {
	src, dst := t.links(f)
	return []packet.Cond{ethernet.Src.Is(src), ethernet.Dst.Is(dst)}
}

// The sequence number stays that of the capture: it tells a frame from the one before.
func translateIEEE802154(t *translation, f *packet.Frame) []packet.Cond {
	src, dst := t.links(f)
	conds := []packet.Cond{ieee802154.Src.Is(src), ieee802154.Dst.Is(dst)}
	if pan, ok := ieee802154.DstPAN.Of(f); ok && pan != ieee802154.AnyPAN {
		conds = append(conds, ieee802154.DstPAN.Is(uint(t.pan)))
	}
	return conds
}

// links are the link addresses of a frame in the live world.
func (t *translation) links(f *packet.Frame) (src, dst net.HardwareAddr) {
	from, to := ends(f)
	captured := linkDestination(f)
	dst = t.macTo(captured, to)
	if group := ipv6.GroupMAC(to); group != nil && bytes.Equal(group, captured) {
		dst = ipv6.GroupMAC(t.ip(to))
	}
	return t.mac(linkSource(f), from), dst
}
