package ieee802154

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/target"
)

const (
	macLayer     gopacket.LayerType = 2000
	fcsLayer     gopacket.LayerType = 2001
	beaconLayer  gopacket.LayerType = 2002
	commandLayer gopacket.LayerType = 2003
	noFCSLayer   gopacket.LayerType = 2004
	tapLayer     gopacket.LayerType = 2005
	micLayer     gopacket.LayerType = 2006
	sealLayer    gopacket.LayerType = 2007
	openLayer    gopacket.LayerType = 2008 // a frame that was secured, with its check sequence
	openNoFCS    gopacket.LayerType = 2009 // and without
)

// Payload decodes what a data frame carries, without the check sequence. Package lowpan sets it, while it initialises.
var Payload gopacket.Decoder

// Layer is a layer of these tables, for the packages that decode with them.
type Layer struct {
	layers.BaseLayer
	Kind gopacket.LayerType
}

// LayerType implements gopacket.Layer.
func (l *Layer) LayerType() gopacket.LayerType { return l.Kind }

// decode reads a frame. octets of check sequence end it.
func decode(sum int) gopacket.DecodeFunc {
	return func(data []byte, p gopacket.PacketBuilder) error {
		if len(data) < 2+sum {
			p.SetTruncated()
			return errors.New("the frame is shorter than its frame control field")
		}
		body := data[:len(data)-sum]
		l := parse(body)
		end := l.end(body)
		for _, s := range l {
			if s.from > s.to {
				p.SetTruncated()
				return errors.New("the frame ends inside its IEEE 802.15.4 header")
			}
		}
		header, rest := body[:end], body[end:]
		p.AddLayer(&Layer{layers.BaseLayer{Contents: header, Payload: rest}, macLayer})
		err := content(header, rest, p)
		if sum > 0 {
			p.AddLayer(&Layer{layers.BaseLayer{Contents: data[len(data)-sum:], Payload: data[len(data):]}, fcsLayer})
		}
		return err
	}
}

// content reads what the header is followed by: what is secured is payload as it is.
func content(header, rest []byte, p gopacket.PacketBuilder) error {
	if header[0]&8 != 0 {
		Rest(rest, p)
		return nil
	}
	return contentOf(header[0]&7, rest, p)
}

// contentOf reads the payload of a frame of a type.
func contentOf(kind byte, rest []byte, p gopacket.PacketBuilder) error {
	switch {
	case len(rest) == 0:
	case kind == TypeBeacon:
		super, gts, pending := beaconSpans(rest)
		if n := super + gts + pending; n <= len(rest) {
			p.AddLayer(&Layer{layers.BaseLayer{Contents: rest[:n], Payload: rest[n:]}, beaconLayer})
			rest = rest[n:]
		}
	case kind == TypeCommand:
		p.AddLayer(&Layer{layers.BaseLayer{Contents: rest[:1], Payload: rest[1:]}, commandLayer})
		rest = rest[1:]
	case kind == TypeData && Payload != nil:
		return Payload.Decode(rest, p)
	}
	Rest(rest, p)
	return nil
}

// Rest adds octets that nobody reads, if there are any, as payload.
func Rest(b []byte, p gopacket.PacketBuilder) {
	if len(b) > 0 {
		l := gopacket.Payload(b)
		p.AddLayer(&l)
	}
}

// tap reads the header of link type 283: version, length, and fields that are padded to 4 octets. The frame has no check
// sequence unless a field of type 0 says 1: that it has one of 2 octets.
func tap(data []byte, p gopacket.PacketBuilder) error {
	n, sum, err := TAP(data)
	if err != nil {
		p.SetTruncated()
		return err
	}
	return decode(sum)(data[n:], p)
}

// TAP reads the header of link type 283: how long it is, and how long the check sequence of the frame behind it is.
func TAP(b []byte) (octets, sum int, err error) {
	if len(b) < 4 || int(binary.LittleEndian.Uint16(b[2:])) > len(b) || binary.LittleEndian.Uint16(b[2:]) < 4 {
		return 0, 0, errors.New("the frame ends inside its TAP header")
	}
	octets = int(binary.LittleEndian.Uint16(b[2:]))
	for f := b[4:octets]; len(f) >= 4; {
		kind, n := binary.LittleEndian.Uint16(f), int(binary.LittleEndian.Uint16(f[2:]))
		if kind == 0 && n >= 1 && len(f) >= 5 {
			sum = map[byte]int{0: 0, 1: 2, 2: 4}[f[4]]
		}
		f = f[min(len(f), 4+(n+3)&^3):]
	}
	return octets, sum, nil
}

// broadcast is the link address of every group of IPv6 (RFC 4944, section 3).
func broadcast(netip.Addr) net.HardwareAddr { return Broadcast }

func init() {
	gopacket.RegisterLayerType(int(macLayer), gopacket.LayerTypeMetadata{Name: "IEEE 802.15.4", Decoder: decode(2)})
	gopacket.RegisterLayerType(int(noFCSLayer), gopacket.LayerTypeMetadata{Name: "IEEE 802.15.4 without FCS", Decoder: decode(0)})
	gopacket.RegisterLayerType(int(tapLayer), gopacket.LayerTypeMetadata{Name: "IEEE 802.15.4 TAP", Decoder: gopacket.DecodeFunc(tap)})
	gopacket.RegisterLayerType(int(openLayer), gopacket.LayerTypeMetadata{Name: "IEEE 802.15.4 opened", Decoder: decodeOpened(2)})
	gopacket.RegisterLayerType(int(openNoFCS), gopacket.LayerTypeMetadata{Name: "IEEE 802.15.4 opened, without FCS", Decoder: decodeOpened(0)})
	for t, name := range map[gopacket.LayerType]string{micLayer: "MIC", sealLayer: "sealing", fcsLayer: "FCS", beaconLayer: "beacon", commandLayer: "command"} {
		gopacket.RegisterLayerType(int(t), gopacket.LayerTypeMetadata{Name: name, Decoder: gopacket.DecodePayload})
	}
	Register(packet.LinkLayer{})
}

// Register brings in the link types of IEEE 802.15.4, with what is above them in l. It is called while packages initialise.
func Register(l packet.LinkLayer) {
	for t, first := range map[target.LinkType]gopacket.LayerType{target.IEEE802154: macLayer, target.IEEE802154NoFCS: noFCSLayer, target.IEEE802154TAP: tapLayer} {
		one := l
		one.First, one.Carrier, one.Group = first, Proto, broadcast
		one.Sealer, one.Room = sealer, room
		switch t {
		case target.IEEE802154:
			one.Trailer, one.Open, one.Secure = FCSProto, open(2, openLayer), secure(2)
		case target.IEEE802154NoFCS:
			one.Open, one.Secure = open(0, openNoFCS), secure(0)
		}
		packet.RegisterLink(t, &one)
	}
}
