package tcp

import (
	"errors"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

const protocol = 6

// layerType is a layer of our own: gopacket's gives up on a data offset that is wrong, and on options that are.
var layerType = gopacket.RegisterLayerType(1940, gopacket.LayerTypeMetadata{Name: "TCP segment", Decoder: gopacket.DecodeFunc(decode)})

type layer struct{ layers.BaseLayer }

func (*layer) LayerType() gopacket.LayerType { return layerType }

// decode splits a segment into header and data. A data offset below 5 ends the header where options would begin, one
// beyond the end takes all there is. The slices keep their capacity, by which package packet finds them in the frame.
func decode(data []byte, p gopacket.PacketBuilder) error {
	if len(data) < 20 {
		p.SetTruncated()
		return errors.New("the datagram ends inside its TCP header")
	}
	n := min(max(20, int(data[12]>>4)*4), len(data))
	p.AddLayer(&layer{layers.BaseLayer{Contents: data[:n], Payload: data[n:]}})
	if n == len(data) {
		return nil
	}
	return p.NextDecoder(gopacket.LayerTypePayload)
}

func init() {
	layers.IPProtocolMetadata[layers.IPProtocolTCP] = layers.EnumMetadata{
		DecodeWith: gopacket.DecodeFunc(decode), Name: "TCP", LayerType: layerType,
	}
}
