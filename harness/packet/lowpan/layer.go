package lowpan

import (
	"errors"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet/ieee802154"
)

const (
	pageLayer gopacket.LayerType = 2010 + iota
	meshLayer
	bc0Layer
	frag1Layer
	fragNLayer
	escLayer
	dispatchLayer
	hc1Layer
	iphcLayer
	extLayer
	udpLayer
	icmpLayer
	rfragLayer
	rfragAckLayer
)

var decoder = gopacket.DecodeFunc(decode)

// decode finds the headers in what a data frame carries. It needs no contexts: where a header ends its own bits tell.
func decode(data []byte, p gopacket.PacketBuilder) error {
	rest := data
	for len(rest) > 0 {
		kind, n, last := header(rest)
		if n == 0 {
			break
		}
		if n > len(rest) {
			p.SetTruncated()
			ieee802154.Rest(rest, p)
			return errors.New("the frame ends inside a 6LoWPAN header")
		}
		add(kind, rest, n, p)
		b := rest[0]
		rest = rest[n:]
		if kind == iphcLayer && b&4 != 0 {
			var err error
			if rest, err = nextHeaders(rest, p); err != nil {
				ieee802154.Rest(rest, p)
				return err
			}
		}
		if last {
			break
		}
	}
	ieee802154.Rest(rest, p)
	return nil
}

func add(kind gopacket.LayerType, b []byte, n int, p gopacket.PacketBuilder) {
	p.AddLayer(&ieee802154.Layer{BaseLayer: layers.BaseLayer{Contents: b[:n], Payload: b[n:]}, Kind: kind})
}

// header tells what the dispatch octet announces, how long it is, and whether what is behind it is no dispatch again. Of
// what nobody knows the length is 0.
func header(b []byte) (kind gopacket.LayerType, n int, last bool) {
	switch d := b[0]; {
	case d == DispatchESC:
		return escLayer, 2, true
	case d == DispatchIPv6:
		return dispatchLayer, 1, true
	case d == DispatchHC1:
		return hc1Layer, hc1Len(b), true
	case d == DispatchBC0:
		return bc0Layer, 2, false
	case d&0xe0 == DispatchIPHC:
		return iphcLayer, iphcLen(b), true
	case d&0xc0 == DispatchMesh:
		return meshLayer, meshSpans(b)[3], false
	case d&0xf8 == DispatchFrag:
		return frag1Layer, 4, false
	case d&0xf8 == DispatchNext:
		return fragNLayer, 5, true
	case d&0xfe == DispatchRFrag:
		return rfragLayer, recoverLen, true
	case d&0xfe == DispatchRFragAck:
		return rfragAckLayer, recoverLen, true
	case d&0xf0 == DispatchPage:
		return pageLayer, 1, d&15 > 1 // the other pages have dispatches of their own (RFC 8025, section 3)
	}
	return 0, 0, true
}

// nextHeaders finds the headers in NHC form behind an IPHC header, and those of a packet inside the packet.
func nextHeaders(b []byte, p gopacket.PacketBuilder) (rest []byte, err error) {
	for {
		if len(b) == 0 {
			return b, errors.New("the frame ends before a header in NHC form")
		}
		switch d := b[0]; {
		case d&0xf0 == 0xe0 || d&0xf0 == 0xb0:
			n := extSpans(b)[3]
			if n > len(b) {
				return b, errors.New("the frame ends inside an extension header in NHC form")
			}
			add(extLayer, b, n, p)
			b = b[n:]
			switch {
			case d&0xf0 == 0xe0 && d>>1&7 == eidIPv6:
				if len(b) == 0 || b[0]&0xe0 != DispatchIPHC || iphcLen(b) > len(b) {
					return b, errors.New("no IPHC header follows the NHC octet of an IPv6 header")
				}
				inner := b[0]
				n := iphcLen(b)
				add(iphcLayer, b, n, p)
				if b = b[n:]; inner&4 == 0 {
					return b, nil
				}
			case d&1 == 0:
				return b, nil
			}
		case d&0xf8 == 0xf0 || d&0xf8 == 0xd0:
			n := udpSpans(b)[2]
			if n > len(b) {
				return b, errors.New("the frame ends inside a UDP header in NHC form")
			}
			add(udpLayer, b, n, p)
			return b[n:], nil
		case d == 0xdf:
			add(icmpLayer, b, 1, p)
			return b[1:], nil
		default:
			return b, errors.New("the NHC octet has no meaning (RFC 6282, section 5)")
		}
	}
}

func init() {
	for kind, name := range map[gopacket.LayerType]string{
		pageLayer: "page", meshLayer: "mesh", bc0Layer: "BC0", frag1Layer: "FRAG1", fragNLayer: "FRAGN", escLayer: "ESC", dispatchLayer: "dispatch",
		hc1Layer: "HC1", iphcLayer: "IPHC", extLayer: "NHC extension", udpLayer: "NHC UDP", icmpLayer: "NHC ICMPv6", rfragLayer: "RFRAG", rfragAckLayer: "RFRAG-ACK",
	} {
		gopacket.RegisterLayerType(int(kind), gopacket.LayerTypeMetadata{Name: "6LoWPAN " + name, Decoder: decoder})
	}
}
