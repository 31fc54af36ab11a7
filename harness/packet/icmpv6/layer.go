package icmpv6

import (
	"errors"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet"
)

const (
	layerType  gopacket.LayerType = 1960
	errorLayer gopacket.LayerType = 1961
	echoLayer  gopacket.LayerType = 1962
)

// Register gives a layer of a message its number of gopacket's. It is for the packages of tables, while they initialise.
func Register(t gopacket.LayerType, name string) {
	gopacket.RegisterLayerType(int(t), gopacket.LayerTypeMetadata{Name: name, Decoder: gopacket.DecodeFunc(decode)})
}

// A Body tells how far the table of a kind of message goes in what follows the header: which layer it is and how many
// octets; 0 for a message that is too short for it. What follows is payload.
type Body func(kind uint8, rest []byte) (t gopacket.LayerType, octets int)

var (
	bodies = map[uint8]Body{}         // by type; written only while packages initialise
	typeOf = map[*packet.Proto]uint{} // the type that a table is for by default; written only while packages initialise
)

// Carry brings in the table of what follows the header in messages of the given types; the first is the type that a
// template of it has by default. It is called while packages initialise.
func Carry(p *packet.Proto, body Body, kinds ...uint8) {
	for _, k := range kinds {
		bodies[k] = body
	}
	typeOf[p] = uint(kinds[0])
}

type layer struct {
	layers.BaseLayer
	kind gopacket.LayerType
}

func (l *layer) LayerType() gopacket.LayerType { return l.kind }

// Fixed is a Body of n octets.
func Fixed(t gopacket.LayerType, n int) Body {
	return func(_ uint8, rest []byte) (gopacket.LayerType, int) {
		if len(rest) < n {
			return t, 0
		}
		return t, n
	}
}

func decode(data []byte, p gopacket.PacketBuilder) error {
	if len(data) < 4 {
		p.SetTruncated()
		return errors.New("the packet ends inside its ICMPv6 header")
	}
	rest := data[4:]
	p.AddLayer(&layer{layers.BaseLayer{Contents: data[:4], Payload: rest}, layerType})
	body := bodies[data[0]]
	if body == nil && data[0] < firstInformational {
		body = Fixed(errorLayer, 4)
	}
	if body != nil {
		if t, n := body(data[0], rest); n > 0 {
			p.AddLayer(&layer{layers.BaseLayer{Contents: rest[:n], Payload: rest[n:]}, t})
			rest = rest[n:]
		}
	}
	if len(rest) == 0 {
		return nil
	}
	p.AddLayer(payload(rest))
	return nil
}

// payload is the last layer. Its decoder would not be given the octets behind the layer that was added last.
func payload(b []byte) gopacket.Layer {
	l := gopacket.Payload(b)
	return &l
}

func init() {
	Register(layerType, "ICMPv6 message")
	Register(errorLayer, "ICMPv6 error message")
	Register(echoLayer, "ICMPv6 echo message")
	layers.IPProtocolMetadata[layers.IPProtocolICMPv6] = layers.EnumMetadata{
		DecodeWith: gopacket.DecodeFunc(decode), Name: "ICMPv6", LayerType: layerType,
	}
	Carry(ErrorProto, Fixed(errorLayer, 4), TypeUnreachable, TypePacketTooBig, TypeTimeExceeded, TypeParameterProblem)
	Carry(EchoProto, Fixed(echoLayer, 4), TypeEchoRequest, TypeEchoReply)
}
