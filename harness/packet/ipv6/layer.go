package ipv6

import (
	"encoding/binary"
	"errors"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// The numbers of the layers. gopacket has layers for them; they drop what they do not like, and merge the hop-by-hop
// options with the header.
var (
	hopLayer      = register(1950, "IPv6 hop-by-hop options", options)
	destLayer     = register(1951, "IPv6 destination options", options)
	routingLayer  = register(1952, "IPv6 routing header", options)
	fragmentLayer = register(1953, "IPv6 fragment header", fragment)
)

func register(n int, name string, decode func(gopacket.LayerType) gopacket.Decoder) gopacket.LayerType {
	t := gopacket.LayerType(n)
	return gopacket.RegisterLayerType(n, gopacket.LayerTypeMetadata{Name: name, Decoder: decode(t)})
}

type layer struct {
	layers.BaseLayer
	kind gopacket.LayerType
}

func (l *layer) LayerType() gopacket.LayerType { return l.kind }

// decode splits a packet into header and payload, which ends with the payload length, or with the frame. The slices keep
// their capacity, by which package packet finds them in the frame.
func decode(data []byte, p gopacket.PacketBuilder) error {
	if len(data) < 40 {
		p.SetTruncated()
		return errors.New("the frame ends inside its IPv6 header")
	}
	end := 40 + int(binary.BigEndian.Uint16(data[4:]))
	if end == 40 && data[6] == NextHopByHop { // a jumbogram
		end = len(data)
	}
	if end > len(data) {
		p.SetTruncated()
		end = len(data)
	}
	p.AddLayer(&layer{layers.BaseLayer{Contents: data[:40], Payload: data[40:end]}, layers.LayerTypeIPv6})
	return follow(data[6], data[40:end], p)
}

// follow goes on with what a next header value says. What nobody reads is payload.
func follow(next byte, data []byte, p gopacket.PacketBuilder) error {
	if len(data) == 0 {
		return nil
	}
	if next != NextNone && layers.IPProtocolMetadata[next].LayerType != gopacket.LayerTypeZero {
		return p.NextDecoder(layers.IPProtocol(next))
	}
	return p.NextDecoder(gopacket.LayerTypePayload)
}

// options reads an extension header that has its length in its second octet. One that is longer than the packet is all
// there is.
func options(kind gopacket.LayerType) gopacket.Decoder {
	return gopacket.DecodeFunc(func(data []byte, p gopacket.PacketBuilder) error {
		if len(data) < 8 {
			p.SetTruncated()
			return errors.New("the packet ends inside an extension header")
		}
		n := 8 + 8*int(data[1])
		if n > len(data) {
			p.SetTruncated()
			p.AddLayer(&layer{layers.BaseLayer{Contents: data, Payload: data[len(data):]}, kind})
			return nil
		}
		p.AddLayer(&layer{layers.BaseLayer{Contents: data[:n], Payload: data[n:]}, kind})
		return follow(data[0], data[n:], p)
	})
}

// fragment reads a Fragment header. What is in a fragment is read only when it is the whole packet (RFC 6946).
func fragment(kind gopacket.LayerType) gopacket.Decoder {
	return gopacket.DecodeFunc(func(data []byte, p gopacket.PacketBuilder) error {
		if len(data) < 8 {
			p.SetTruncated()
			return errors.New("the packet ends inside its fragment header")
		}
		p.AddLayer(&layer{layers.BaseLayer{Contents: data[:8], Payload: data[8:]}, kind})
		if binary.BigEndian.Uint16(data[2:])&^6 != 0 {
			return p.NextDecoder(gopacket.LayerTypeFragment)
		}
		return follow(data[0], data[8:], p)
	})
}

func init() {
	d := gopacket.DecodeFunc(decode)
	gopacket.OverrideLayerType(int(layers.LayerTypeIPv6), gopacket.LayerTypeMetadata{Name: "IPv6", Decoder: d})
	layers.EthernetTypeMetadata[layers.EthernetTypeIPv6] = layers.EnumMetadata{DecodeWith: d, Name: "IPv6", LayerType: layers.LayerTypeIPv6}
	for next, e := range map[layers.IPProtocol]layers.EnumMetadata{
		layers.IPProtocolIPv6HopByHop:    {Name: "IPv6HopByHop", LayerType: hopLayer, DecodeWith: options(hopLayer)},
		layers.IPProtocolIPv6Destination: {Name: "IPv6Destination", LayerType: destLayer, DecodeWith: options(destLayer)},
		layers.IPProtocolIPv6Routing:     {Name: "IPv6Routing", LayerType: routingLayer, DecodeWith: options(routingLayer)},
		layers.IPProtocolIPv6Fragment:    {Name: "IPv6Fragment", LayerType: fragmentLayer, DecodeWith: fragment(fragmentLayer)},
		layers.IPProtocolIPv6:            {Name: "IPv6", LayerType: layers.LayerTypeIPv6, DecodeWith: d},
	} {
		layers.IPProtocolMetadata[next] = e
	}
}
